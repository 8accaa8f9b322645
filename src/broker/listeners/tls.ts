// The certificates of a listener, from Kafka's `ssl.*` properties. PEM only, inline or in files (KIP-651); JKS and PKCS#12 are refused.
// Files are read anew for every connection (Kafka: when it is told to, by altering its configs).

import { createPrivateKey, X509Certificate } from 'node:crypto'
import { KeptFiles } from '../../platform/kept-files.ts'
import type { Disk, Platform, TlsOptions, TlsSource } from '../../platform/platform.ts'
import type { ListenerConfig } from './listener-config.ts'

type ClientAuth = 'none' | 'requested' | 'required'
type TlsVersion = NonNullable<TlsOptions['minVersion']>

/** Properties whose value is the path of a PEM file. */
const IN_FILES = ['ssl.keystore.location', 'ssl.truststore.location'] as const
/** The texts of those that are given. */
type Texts = ReadonlyMap<string, string>

/** `ofSasl`: who logs in by SASL is asked for a certificate only where the listener itself says so (KIP-684). Throws HEL_CONFIG. */
export function listenerTls(
  config: ListenerConfig,
  { disk, log }: Pick<Platform, 'disk' | 'log'>,
  ofSasl: boolean,
): TlsSource {
  const given = IN_FILES.filter((property) => config.text(property) !== undefined)
  const kept = new KeptFiles(log, {
    place: `the TLS of listener ${config.listener}`,
    read: () => given.map((property) => readPem(config, property, disk)),
    make: (texts) => tlsOptionsOf(config, new Map(given.map((property, index) => [property, texts[index]!])), ofSasl),
  })
  return () => kept.current()
}

function tlsOptionsOf(config: ListenerConfig, files: Texts, ofSasl: boolean): TlsOptions {
  const { key, cert } = keystoreOf(config, files)
  const clientAuth = ((ofSasl ? config.ownText('ssl.client.auth') : config.text('ssl.client.auth')) ??
    'none') as ClientAuth
  const ca = truststoreOf(config, files)
  if (clientAuth !== 'none' && ca === undefined) {
    throw config.wrong(
      'ssl.client.auth',
      `${clientAuth} needs ssl.truststore.certificates: who may sign what clients show`,
    )
  }
  const versions = config.list('ssl.enabled.protocols').sort() as TlsVersion[]
  return {
    key,
    cert,
    ...(ca === undefined ? {} : { ca }),
    ...(clientAuth === 'none' ? {} : { clientCertificate: clientAuth }),
    minVersion: versions[0] ?? 'TLSv1.2',
    maxVersion: versions.at(-1) ?? 'TLSv1.3',
  }
}

function keystoreOf(config: ListenerConfig, files: Texts): { key: string; cert: string } {
  const chain = config.text('ssl.keystore.certificate.chain')
  const inlineKey = config.text('ssl.keystore.key')
  const location = config.text('ssl.keystore.location')
  if (location === undefined && chain === undefined && inlineKey === undefined) {
    throw config.wrong('ssl.keystore.certificate.chain', 'a TLS listener needs a certificate and its key')
  }
  refuseOtherTypes(config, 'ssl.keystore.type')
  if (location !== undefined && inlineKey !== undefined) {
    throw config.wrong('ssl.keystore.location', 'there is ssl.keystore.key too; give one of the two')
  }
  if (location === undefined && chain === undefined) {
    throw config.wrong('ssl.keystore.key', 'there is no ssl.keystore.certificate.chain to it')
  }
  if (location === undefined && inlineKey === undefined) {
    throw config.wrong('ssl.keystore.certificate.chain', 'there is no ssl.keystore.key to it')
  }
  const text = files.get('ssl.keystore.location') ?? `${inlineKey}\n${chain}`
  const keyProperty = location === undefined ? 'ssl.keystore.key' : 'ssl.keystore.location'
  const certProperty = location === undefined ? 'ssl.keystore.certificate.chain' : 'ssl.keystore.location'
  const cert = certificatesIn(config, certProperty, text)
  const key = privateKeyIn(config, keyProperty, text)
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) {
    throw config.wrong(keyProperty, 'the private key does not belong to the certificate')
  }
  return { key, cert }
}

function truststoreOf(config: ListenerConfig, files: Texts): string | undefined {
  const inline = config.text('ssl.truststore.certificates')
  const location = config.text('ssl.truststore.location')
  if (inline === undefined && location === undefined) return undefined
  refuseOtherTypes(config, 'ssl.truststore.type')
  if (inline !== undefined && location !== undefined) {
    throw config.wrong('ssl.truststore.location', 'there is ssl.truststore.certificates too; give one of the two')
  }
  const property = inline === undefined ? 'ssl.truststore.location' : 'ssl.truststore.certificates'
  return certificatesIn(config, property, inline ?? files.get('ssl.truststore.location')!)
}

function refuseOtherTypes(config: ListenerConfig, property: string): void {
  const type = config.text(property)
  if (type !== 'PEM') throw config.wrong(property, `it is ${type}, only PEM is read`)
}

function readPem(config: ListenerConfig, property: string, disk: Disk): string {
  refuseOtherTypes(config, property.replace('.location', '.type'))
  const path = config.text(property)!
  try {
    return disk.read(path).toString()
  } catch (error) {
    throw config.wrong(property, `${path} cannot be read: ${(error as Error).message}`)
  }
}

function certificatesIn(config: ListenerConfig, property: string, text: string): string {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? []
  if (blocks.length === 0) throw config.wrong(property, 'there is no PEM certificate in it')
  for (const block of blocks) {
    try {
      new X509Certificate(block)
    } catch (error) {
      throw config.wrong(property, `a certificate in it cannot be read: ${(error as Error).message}`)
    }
  }
  return blocks.join('\n')
}

/** Unencrypted PKCS#8, whatever it was. */
function privateKeyIn(config: ListenerConfig, property: string, text: string): string {
  const [block] = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----[\s\S]*?-----END \1PRIVATE KEY-----/.exec(text) ?? []
  if (block === undefined) throw config.wrong(property, 'there is no PEM private key in it')
  try {
    const key = createPrivateKey({ key: block, passphrase: config.text('ssl.key.password') ?? '' })
    return key.export({ type: 'pkcs8', format: 'pem' }).toString()
  } catch {
    // OpenSSL's words for a wrong password say nothing to anybody, and the key must not be shown.
    const encrypted = block.includes('ENCRYPTED')
    const complaint = encrypted
      ? 'the key is encrypted and ssl.key.password does not open it'
      : 'the private key is damaged'
    throw config.wrong(property, complaint)
  }
}
