// A self-made certificate authority, so that no key is kept in the repository. X.509 v3, ECDSA P-256, just enough DER.
import { createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto'

export interface Certificate {
  cert: string
  key: string
}

interface Issuer {
  name: string
  key: KeyObject
}

/** When a certificate begins and ends, as X.509 writes times; by default a hundred years. */
interface Life {
  readonly from?: string
  readonly until?: string
}

/** An authority, a certificate for `localhost` and 127.0.0.1 that it signed, and one for a client. */
export function makeCertificates(life: Life = {}): { ca: string; server: Certificate; client: Certificate } {
  const issuerKeys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const issuer = { name: `Heliostat test authority ${randomBytes(4).toString('hex')}`, key: issuerKeys.privateKey }
  const ca = pem(certificate(issuer, issuer.name, issuerKeys.publicKey, [basicConstraints(true)]))
  const names = subjectAltName(['localhost'], [[127, 0, 0, 1]])
  return { ca, server: issue(issuer, 'localhost', [names]), client: issue(issuer, 'mirror', [], life) }
}

function issue(issuer: Issuer, name: string, extensions: Buffer[], life?: Life): Certificate {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const cert = pem(certificate(issuer, name, publicKey, [basicConstraints(false), ...extensions], life))
  return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() }
}

function certificate(
  issuer: Issuer,
  subject: string,
  publicKey: KeyObject,
  extensions: Buffer[],
  { from = '20200101000000Z', until = '21200101000000Z' }: Life = {},
): Buffer {
  const algorithm = sequence(oid('1.2.840.10045.4.3.2'))
  const body = sequence(
    der(0xa0, integer(Buffer.from([2]))),
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    commonName(issuer.name),
    sequence(time(from), time(until)),
    commonName(subject),
    createPublicKey({ key: publicKey.export({ type: 'spki', format: 'pem' }) }).export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(...extensions)),
  )
  return sequence(body, algorithm, bits(sign('sha256', body, issuer.key)))
}

function basicConstraints(authority: boolean): Buffer {
  const yes = der(0x01, Buffer.from([0xff]))
  return sequence(oid('2.5.29.19'), yes, der(0x04, authority ? sequence(yes) : sequence()))
}

function subjectAltName(names: string[], addresses: number[][]): Buffer {
  const dns = names.map((name) => der(0x82, Buffer.from(name)))
  const ip = addresses.map((address) => der(0x87, Buffer.from(address)))
  return sequence(oid('2.5.29.17'), der(0x04, sequence(...dns, ...ip)))
}

function commonName(name: string): Buffer {
  return sequence(der(0x31, sequence(oid('2.5.4.3'), der(0x0c, Buffer.from(name)))))
}

function der(tag: number, content: Buffer): Buffer {
  const length = content.length
  const head = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 0xff]
  return Buffer.concat([Buffer.from([tag, ...head]), content])
}

const sequence = (...parts: Buffer[]): Buffer => der(0x30, Buffer.concat(parts))
const integer = (bytes: Buffer): Buffer => der(0x02, bytes)
const time = (text: string): Buffer => der(0x18, Buffer.from(text))
const bits = (bytes: Buffer): Buffer => der(0x03, Buffer.concat([Buffer.from([0]), bytes]))

function oid(text: string): Buffer {
  const [first, second, ...rest] = text.split('.').map(Number) as [number, number, ...number[]]
  const bytes = [first * 40 + second]
  for (const part of rest) {
    const groups = [part & 0x7f]
    for (let left = part >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80)
    bytes.push(...groups)
  }
  return der(0x06, Buffer.from(bytes))
}

function pem(bytes: Buffer): string {
  const lines = bytes.toString('base64').match(/.{1,64}/g)!
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`
}
