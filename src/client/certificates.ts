// What a client shows and trusts under TLS: judged when it is read, since OpenSSL's own words at a dial name neither file nor place. PEM only.
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'

/** One PEM text and where it comes from. */
export interface PemText {
  /** As it goes on after `clusters.west.tls`: `.cert (client.pem)`. */
  readonly from: string
  readonly text: string
}

export interface CertificateTexts {
  readonly ca?: PemText | undefined
  readonly cert?: PemText | undefined
  readonly key?: PemText | undefined
}

/** Throws what is wrong, and with which text; never shows any of it. */
export function checkCertificates({ ca, cert, key }: CertificateTexts, nowMs: number): void {
  if (ca) certificatesIn(ca)
  if (!cert && !key) return
  if (!cert) throw new Error(`${key!.from} is a key without its cert`)
  if (!key) throw new Error(`${cert.from} is a certificate without its key`)
  const [own] = certificatesIn(cert)
  checkDates(cert, own!, nowMs)
  if (!own!.checkPrivateKey(privateKeyIn(key)))
    throw new Error(`${key.from} does not belong to the certificate of ${cert.from.trimStart()}`)
}

const BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g

function certificatesIn({ from, text }: PemText): X509Certificate[] {
  const blocks = [...text.matchAll(BLOCK)]
  if (blocks.length === 0) throw new Error(`${from} holds no PEM certificate`)
  return blocks.map(({ 0: block, index }) => {
    try {
      return new X509Certificate(block)
    } catch {
      throw new Error(`${from} is damaged: the certificate at line ${lineAt(text, index)} cannot be read`)
    }
  })
}

function privateKeyIn({ from, text }: PemText): KeyObject {
  const found = /-----BEGIN ([A-Z ]*)PRIVATE KEY-----/.exec(text)
  if (!found) throw new Error(`${from} holds no PEM private key`)
  const isEncrypted = found[1]!.includes('ENCRYPTED') || /^Proc-Type: .*ENCRYPTED/m.test(text)
  if (isEncrypted) throw new Error(`${from} is encrypted; openssl pkey takes the passphrase away`)
  try {
    return createPrivateKey(text)
  } catch {
    throw new Error(`${from} is damaged: the private key at line ${lineAt(text, found.index)} cannot be read`)
  }
}

function checkDates({ from }: PemText, { validFromDate, validToDate }: X509Certificate, nowMs: number): void {
  if (nowMs > validToDate.getTime()) throw new Error(`${from} expired on ${dayOf(validToDate)}`)
  if (nowMs < validFromDate.getTime()) throw new Error(`${from} is not valid before ${dayOf(validFromDate)}`)
}

const dayOf = (date: Date) => date.toISOString().slice(0, 19).concat('Z')

const lineAt = (text: string, index: number) => text.slice(0, index).split('\n').length
