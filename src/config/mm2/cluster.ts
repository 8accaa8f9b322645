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
  const known = MECHANISMS[name]
  if (!known) {
    const about = mechanism ?? jaas
    if (about) note(about, 'refused', `${name} is not to be had; plain, scram-sha-256 and scram-sha-512 are`)
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
