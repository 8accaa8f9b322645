// The client settings of one cluster as an entry of `clusters`. Secrets never pass through: what stands in the file as text becomes the name
// of a file that it must be put into.
import { fileOf, isFromEnvironment, providedIn, yamlText } from './providers.ts'
import { type Answer, listOf, type Setting, type Settings } from './setup.ts'

export type Note = (setting: Setting, verdict: Answer['verdict'], message: string) => void

/** By its name; what only a provider knows is told, and not there. */
type Get = (name: string) => Setting | undefined

type SecretEntry = string | { readonly file: string }

const PROTOCOLS = ['PLAINTEXT', 'SSL', 'SASL_PLAINTEXT', 'SASL_SSL']
const MECHANISMS: Readonly<Record<string, string>> = {
  PLAIN: 'plain',
  'SCRAM-SHA-256': 'scram-sha-256',
  'SCRAM-SHA-512': 'scram-sha-512',
}
const INLINE_PEM = {
  'ssl.truststore.certificates': 'ca',
  'ssl.keystore.certificate.chain': 'cert',
  'ssl.keystore.key': 'key',
} as const

export function clusterEntry(alias: string, settings: Settings, note: Note): Record<string, unknown> {
  const place = `clusters.${alias}`
  const get: Get = (name) => unlessProvided(settings.get(name), note)
  const bootstrap = get('bootstrap.servers')
  if (bootstrap) note(bootstrap, 'mapped', `${place}.bootstrap${oneEach(bootstrap)}`)
  const protocol = get('security.protocol')
  const name = protocol?.value.trim().toUpperCase() ?? 'PLAINTEXT'
  const [isTls, isSasl] = [name.endsWith('SSL'), name.startsWith('SASL_')]
  if (protocol && !PROTOCOLS.includes(name)) note(protocol, 'refused', `it is one of ${PROTOCOLS.join(', ')}`)
  else if (protocol) {
    const parts = [...(isTls ? [`${place}.tls`] : []), ...(isSasl ? [`${place}.sasl`] : [])]
    note(protocol, 'mapped', parts.length > 0 ? parts.join(', ') : 'neither tls nor sasl')
  }
  return {
    bootstrap: listOf(bootstrap?.value ?? '').map((address) => yamlText(address.replace(/^[A-Za-z_]+:\/\//, ''))),
    ...(isTls ? { tls: tlsEntry(alias, settings, note) } : {}),
    ...(isSasl ? saslEntry(alias, settings, protocol!, note) : {}),
  }
}

const oneEach = ({ value }: Setting) => (isFromEnvironment(value) ? '; each of its entries is one host:port' : '')

/** A value that cannot be had from where it is, and that is no secret. */
export function unlessProvided(setting: Setting | undefined, note: Note): Setting | undefined {
  const provided = setting && providedIn(setting.value)
  if (!provided) return setting
  note(setting, 'refused', `write what ${named(provided)} gives into the file itself: only secrets are read from files`)
  return undefined
}

const named = ({ provider, path, name }: { provider: string; path: string; name: string }) =>
  path === '' ? `${provider} for ${name}` : `${provider} for ${name} of ${path}`

function tlsEntry(alias: string, settings: Settings, note: Note): true | Record<string, SecretEntry> {
  const tls: Record<string, SecretEntry> = {}
  for (const [name, field] of Object.entries(INLINE_PEM)) {
    const setting = settings.get(name)
    if (setting) tls[field] = pemOf(setting, `${alias}-${field}.pem`, note, `clusters.${alias}.tls.${field}`)
  }
  const stores = [
    ['ssl.truststore', ['ca']],
    ['ssl.keystore', ['cert', 'key']],
  ] as const
  for (const [store, fields] of stores) {
    const [location, type] = [unlessProvided(settings.get(`${store}.location`), note), settings.get(`${store}.type`)]
    const password = settings.get(`${store}.password`)
    if (type) note(type, 'mapped', 'stores are PEM here')
    if (password) note(password, 'none', 'PEM files have no password of a store')
    if (!location) continue
    const isPem = type?.value.trim().toUpperCase() === 'PEM'
    if (isPem) note(location, 'mapped', `clusters.${alias}.tls.${fields.join(', tls.')}`)
    else
      note(
        location,
        'refused',
        `only PEM is read: keytool -importkeystore -deststoretype PKCS12, then openssl pkcs12, make ${fields.map((field) => `${alias}-${field}.pem`).join(' and ')} of ${location.value}`,
      )
    for (const field of fields) tls[field] = { file: isPem ? yamlText(location.value) : `${alias}-${field}.pem` }
  }
  const keyPassword = settings.get('ssl.key.password')
  if (keyPassword) note(keyPassword, 'refused', 'private keys are read without a password: openssl pkey takes it away')
  return Object.keys(tls).length === 0 ? true : tls
}

function saslEntry(alias: string, settings: Settings, protocol: Setting, note: Note): Record<string, unknown> {
  const place = `clusters.${alias}.sasl`
  const mechanism = unlessProvided(settings.get('sasl.mechanism'), note)
  const jaas = settings.get('sasl.jaas.config')
  const name = mechanism?.value.trim().toUpperCase() ?? 'GSSAPI'
  if (name === 'OAUTHBEARER') return tokenEntry(alias, mechanism!, settings, note)
  const known = MECHANISMS[name]
  if (!known) {
    const others = `${Object.values(MECHANISMS).join(', ')} and oauthbearer are`
    note(mechanism ?? jaas ?? protocol, 'refused', `${name} is not to be had; ${others}`)
    if (jaas && mechanism) note(jaas, 'refused', `it belongs to ${name}`)
    return {}
  }
  note(mechanism!, 'mapped', `${place}.mechanism`)
  const login = jaas ? jaasOptions(jaas.value) : {}
  const given = (key: string, option: string): Setting | undefined => {
    const setting = settings.get(key)
    return setting ?? (jaas && login[option] !== undefined ? { ...jaas, value: login[option] } : undefined)
  }
  // Strimzi has keys for them; in Kafka's own words they stand in the JAAS text.
  const username = unlessProvided(given('authentication/username', 'username'), note)
  const password = given('authentication/password', 'password')
  if (!username || !password) {
    const write = `write ${place}: { mechanism: ${known}, username: …, password: { file: … } }`
    note(jaas ?? mechanism!, 'refused', `no username and password can be found in it: ${write}`)
    return {}
  }
  if (settings.has('authentication/username')) note(username, 'mapped', `${place}.username`)
  tellUnread(jaas, login, ['username', 'password'], note)
  return {
    sasl: {
      mechanism: known,
      username: yamlText(username.value),
      password: secretOf(password, `${alias}.password`, note, place),
    },
  }
}

/** Options of a JAAS text that say something more. */
function tellUnread(
  jaas: Setting | undefined,
  options: Readonly<Record<string, string>>,
  read: readonly string[],
  note: Note,
): void {
  const unread = Object.keys(options).filter((name) => !read.includes(name) && !name.startsWith('extension_'))
  if (jaas && unread.length > 0) note(jaas, 'refused', `${unread.join(', ')} in it is not to be had`)
}

/** KIP-768: the credentials of a client stand in the JAAS text, or since 4.1 in keys of their own (KIP-1139). */
function tokenEntry(alias: string, mechanism: Setting, settings: Settings, note: Note): Record<string, unknown> {
  const place = `clusters.${alias}.sasl`
  const url = unlessProvided(settings.get('sasl.oauthbearer.token.endpoint.url'), note)
  const jaas = settings.get('sasl.jaas.config')
  const options = jaas ? jaasOptions(jaas.value) : {}
  const given = (key: string, option: string): Setting | undefined => {
    const setting = settings.get(key)
    if (setting) note(setting, 'mapped', `${place}.tokenEndpoint.${option}`)
    return setting ?? (jaas && options[option] !== undefined ? { ...jaas, value: options[option] } : undefined)
  }
  const named = Object.entries(options).filter(([name]) => name.startsWith('extension_'))
  const extensions = Object.fromEntries(
    named.map(([name, value]) => [name.slice('extension_'.length), yamlText(value)]),
  )
  const entry = {
    mechanism: 'oauthbearer',
    ...(named.length > 0 ? { extensions } : {}),
  }
  const token = settings.get('authentication/token')
  if (token) {
    note(mechanism, 'mapped', `${place}.mechanism`)
    return { sasl: { ...entry, token: secretOf(token, `${alias}.token`, note, `${place}.token`) } }
  }
  if (!url) {
    note(mechanism, 'refused', 'without sasl.oauthbearer.token.endpoint.url its tokens come from code')
    return {}
  }
  note(mechanism, 'mapped', `${place}.mechanism`)
  if (jaas && named.length > 0) note(jaas, 'mapped', `${place}.extensions`)
  if (url.value.trim().startsWith('file:')) {
    note(url, 'mapped', `${place}.token`)
    return { sasl: { ...entry, token: { file: yamlText(pathOf(url.value.trim())) } } }
  }
  note(url, 'mapped', `${place}.tokenEndpoint.url`)
  const clientId = unlessProvided(given('sasl.oauthbearer.client.credentials.client.id', 'clientId'), note)
  const clientSecret = given('sasl.oauthbearer.client.credentials.client.secret', 'clientSecret')
  const scope = unlessProvided(given('sasl.oauthbearer.scope', 'scope'), note)
  const ca = settings.get('authentication/ca')
  const urlencode = settings.get('sasl.oauthbearer.header.urlencode')
  if (urlencode) note(urlencode, 'mapped', `${place}.tokenEndpoint.headerUrlencode`)
  if (!clientId || !clientSecret) {
    note(url, 'refused', 'no clientId and clientSecret can be found for it')
    return {}
  }
  tellUnread(jaas, options, ['clientId', 'clientSecret', 'scope'], note)
  return {
    sasl: {
      ...entry,
      tokenEndpoint: {
        url: yamlText(url.value.trim()),
        clientId: yamlText(clientId.value),
        clientSecret: secretOf(clientSecret, `${alias}.client-secret`, note, `${place}.tokenEndpoint.clientSecret`),
        ...(scope ? { scope: yamlText(scope.value) } : {}),
        ...(ca ? { ca: pemOf(ca, `${alias}-token-ca.pem`, note, `${place}.tokenEndpoint.ca`) } : {}),
        ...(urlencode?.value.trim().toLowerCase() === 'true' ? { headerUrlencode: true } : {}),
      },
    },
  }
}

/** Of `file:///run/a%20token`. */
function pathOf(url: string): string {
  const path = url.replace(/^file:(\/\/[^/]*(?=\/))?/, '')
  try {
    return decodeURI(path)
  } catch {
    return path
  }
}

/** `module required name="value" …;` */
function jaasOptions(text: string): Record<string, string> {
  const options = [...text.matchAll(/([\w.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;]+))/g)]
  return Object.fromEntries(
    options.map(([, name, double, single, bare]) => [name!, (double ?? single ?? bare)!.replace(/\\(.)/g, '$1')]),
  )
}

/** It has many lines, and a variable of the environment has one here. */
function pemOf(setting: Setting, file: string, note: Note, place: string): SecretEntry {
  if (!isFromEnvironment(setting.value)) return secretOf(setting, file, note, place)
  note(
    setting,
    'mapped',
    `${place}: put what the environment has for it into the file ${file} beside the configuration`,
  )
  return { file }
}

function secretOf(setting: Setting, file: string, note: Note, place: string): SecretEntry {
  const inDirectory = fileOf(setting.value)
  if (inDirectory !== undefined && !inDirectory.includes('*')) {
    note(setting, 'mapped', `${place}, from the same file`)
    return { file: yamlText(inDirectory) }
  }
  const provided = providedIn(setting.value)
  if (!provided && isFromEnvironment(setting.value)) {
    note(setting, 'mapped', `${place}, from the environment`)
    return yamlText(setting.value)
  }
  const what = provided ? `what ${named(provided)} gives` : 'the secret'
  note(setting, 'mapped', `${place}: put ${what} into the file ${file} beside the configuration`)
  return { file }
}
