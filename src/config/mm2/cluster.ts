// The client settings of one cluster as an entry of `clusters`. Secrets never pass through: what stands in the file as text becomes the name
// of a file that it must be put into.
import { type Answer, listOf, type Setting, type Settings } from './setup.ts'

export type Note = (setting: Setting, verdict: Answer['verdict'], message: string) => void

type SecretEntry = string | { readonly file: string }

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
  const bootstrap = settings.get('bootstrap.servers')
  if (bootstrap) note(bootstrap, 'mapped', `${place}.bootstrap`)
  const protocol = settings.get('security.protocol')
  const [isTls, isSasl] = [/SSL$/i, /^SASL/i].map((pattern) => pattern.test(protocol?.value.trim() ?? ''))
  if (protocol) note(protocol, 'mapped', isTls || isSasl ? `${place}.tls, ${place}.sasl` : 'neither tls nor sasl')
  return {
    bootstrap: listOf(bootstrap?.value ?? '').map((address) => address.replace(/^[A-Za-z_]+:\/\//, '')),
    ...(isTls ? { tls: tlsEntry(alias, settings, note) } : {}),
    ...(isSasl ? saslEntry(alias, settings, note) : {}),
  }
}

function tlsEntry(alias: string, settings: Settings, note: Note): true | Record<string, SecretEntry> {
  const tls: Record<string, SecretEntry> = {}
  for (const [name, field] of Object.entries(INLINE_PEM)) {
    const setting = settings.get(name)
    if (setting) tls[field] = secretOf(setting, `${alias}-${field}.pem`, note, `clusters.${alias}.tls.${field}`)
  }
  const stores = [
    ['ssl.truststore', ['ca']],
    ['ssl.keystore', ['cert', 'key']],
  ] as const
  for (const [store, fields] of stores) {
    const [location, type] = [settings.get(`${store}.location`), settings.get(`${store}.type`)]
    const password = settings.get(`${store}.password`)
    if (type) note(type, 'mapped', 'stores are PEM here')
    if (!location) continue
    const isPem = type?.value.trim().toUpperCase() === 'PEM'
    if (isPem) note(location, 'mapped', `clusters.${alias}.tls.${fields.join(', tls.')}`)
    else
      note(
        location,
        'refused',
        `only PEM is read: keytool -importkeystore -deststoretype PKCS12, then openssl pkcs12, make one of ${location.value}`,
      )
    if (password) note(password, 'none', 'PEM files have no password of a store')
    for (const field of fields) tls[field] = { file: isPem ? location.value : `${alias}-${field}.pem` }
  }
  const keyPassword = settings.get('ssl.key.password')
  if (keyPassword) note(keyPassword, 'refused', 'private keys are read without a password: openssl pkey takes it away')
  return Object.keys(tls).length === 0 ? true : tls
}

function saslEntry(alias: string, settings: Settings, note: Note): Record<string, unknown> {
  const mechanism = settings.get('sasl.mechanism')
  const jaas = settings.get('sasl.jaas.config')
  const name = mechanism?.value.trim().toUpperCase() ?? 'GSSAPI'
  if (name === 'OAUTHBEARER') return tokenEntry(alias, mechanism!, settings, note)
  const known = MECHANISMS[name]
  if (!known) {
    const about = mechanism ?? jaas
    if (about)
      note(about, 'refused', `${name} is not to be had; ${Object.values(MECHANISMS).join(', ')} and oauthbearer are`)
    if (jaas && about !== jaas) note(jaas, 'refused', `it belongs to ${name}`)
    return {}
  }
  note(mechanism!, 'mapped', `clusters.${alias}.sasl.mechanism`)
  const login = jaas ? jaasOptions(jaas.value) : undefined
  if (!jaas || login?.['username'] === undefined || login['password'] === undefined) {
    if (jaas) note(jaas, 'refused', 'no username and password can be found in it')
    return {}
  }
  const password = { ...jaas, value: login['password'] }
  return {
    sasl: {
      mechanism: known,
      username: environment(login['username']),
      password: secretOf(password, `${alias}.password`, note, `clusters.${alias}.sasl`),
    },
  }
}

/** KIP-768: the credentials of a client stand in the JAAS text, or since 4.1 in keys of their own (KIP-1139). */
function tokenEntry(alias: string, mechanism: Setting, settings: Settings, note: Note): Record<string, unknown> {
  const place = `clusters.${alias}.sasl`
  const url = settings.get('sasl.oauthbearer.token.endpoint.url')
  const jaas = settings.get('sasl.jaas.config')
  const options = jaas ? jaasOptions(jaas.value) : {}
  const given = (key: string, option: string): Setting | undefined => {
    const setting = settings.get(key)
    if (setting) note(setting, 'mapped', `${place}.tokenEndpoint.${option}`)
    return setting ?? (jaas && options[option] !== undefined ? { ...jaas, value: options[option] } : undefined)
  }
  const named = Object.entries(options).filter(([name]) => name.startsWith('extension_'))
  const extensions = Object.fromEntries(named.map(([name, value]) => [name.slice('extension_'.length), value]))
  const entry = {
    mechanism: 'oauthbearer',
    ...(named.length > 0 ? { extensions } : {}),
  }
  if (!url) {
    note(mechanism, 'refused', 'without sasl.oauthbearer.token.endpoint.url its tokens come from code')
    return {}
  }
  note(mechanism, 'mapped', `${place}.mechanism`)
  if (url.value.trim().startsWith('file:')) {
    note(url, 'mapped', `${place}.token`)
    return { sasl: { ...entry, token: { file: decodeURI(new URL(url.value.trim()).pathname) } } }
  }
  note(url, 'mapped', `${place}.tokenEndpoint.url`)
  const clientId = given('sasl.oauthbearer.client.credentials.client.id', 'clientId')
  const clientSecret = given('sasl.oauthbearer.client.credentials.client.secret', 'clientSecret')
  const scope = given('sasl.oauthbearer.scope', 'scope')
  const urlencode = settings.get('sasl.oauthbearer.header.urlencode')
  if (urlencode) note(urlencode, 'mapped', `${place}.tokenEndpoint.headerUrlencode`)
  if (!clientId || !clientSecret) {
    note(url, 'refused', 'no clientId and clientSecret can be found for it')
    return {}
  }
  return {
    sasl: {
      ...entry,
      tokenEndpoint: {
        url: environment(url.value.trim()),
        clientId: environment(clientId.value),
        clientSecret: secretOf(clientSecret, `${alias}.client-secret`, note, `${place}.tokenEndpoint.clientSecret`),
        ...(scope ? { scope: environment(scope.value) } : {}),
        ...(urlencode?.value.trim() === 'true' ? { headerUrlencode: true } : {}),
      },
    },
  }
}

/** `module required name="value" …;` */
function jaasOptions(text: string): Record<string, string> {
  const options = [...text.matchAll(/([\w.]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s;]+))/g)]
  return Object.fromEntries(
    options.map(([, name, double, single, bare]) => [name!, (double ?? single ?? bare)!.replace(/\\(.)/g, '$1')]),
  )
}

const ENVIRONMENT = /\$\{env:(?:[^:}]*:)?([A-Za-z_]\w*)\}/g
const IN_A_DIRECTORY = /^\$\{directory:([^:}]+):([^}]+)\}$/

/** `${env:NAME}` of Kafka's provider is `${NAME}`. */
function environment(value: string): string {
  return value.replace(ENVIRONMENT, '${$1}')
}

function secretOf(setting: Setting, file: string, note: Note, place: string): SecretEntry {
  const inDirectory = IN_A_DIRECTORY.exec(setting.value)
  if (inDirectory) {
    note(setting, 'mapped', `${place}, from the same file`)
    return { file: `${inDirectory[1]}/${inDirectory[2]}` }
  }
  const plain = environment(setting.value)
  if (plain !== setting.value) {
    note(setting, 'mapped', `${place}, from the environment`)
    return plain
  }
  const where = setting.value.startsWith('${') ? 'what the provider gives' : 'the secret'
  note(setting, 'mapped', `${place}: put ${where} into the file ${file}`)
  return { file }
}
