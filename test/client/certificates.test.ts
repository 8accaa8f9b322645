import { createPrivateKey } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type CertificateTexts, checkCertificates } from '../../src/client/certificates.ts'
import { makeCertificates } from '../support/certificate.ts'

const now = Date.parse('2026-07-01T00:00:00Z')
const { ca, client, server } = makeCertificates()
const encrypted = createPrivateKey(client.key)
  .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'canary' })
  .toString()
const damaged = (pem: string) => pem.replace(/\n.{20}/, '\n####################')
const of = (texts: Partial<Record<keyof CertificateTexts, string>>): CertificateTexts =>
  Object.fromEntries(Object.entries(texts).map(([name, text]) => [name, { from: `.${name} (${name}.pem)`, text }]))

describe('certificates', () => {
  it('pass when they are whole, belong together and are of this time', () => {
    for (const texts of [{}, { ca }, { ca: ca + ca }, { ca, ...client }])
      expect(() => checkCertificates(of(texts), now)).not.toThrow()
  })

  it.each<[string, Parameters<typeof of>[0], string]>([
    ['no certificate in the file', { ca: 'nothing' }, '.ca (ca.pem) holds no PEM certificate'],
    [
      'a damaged one, by its line',
      { ca: `${ca}${damaged(ca)}` },
      `.ca (ca.pem) is damaged: the certificate at line ${ca.split('\n').length} cannot be read`,
    ],
    ['a certificate without its key', { cert: client.cert }, '.cert (cert.pem) is a certificate without its key'],
    ['a key without its certificate', { key: client.key }, '.key (key.pem) is a key without its cert'],
    [
      'a key of another',
      { cert: client.cert, key: server.key },
      '.key (key.pem) does not belong to the certificate of .cert (cert.pem)',
    ],
    ['no key in the file', { cert: client.cert, key: client.cert }, '.key (key.pem) holds no PEM private key'],
    [
      'a damaged key',
      { cert: client.cert, key: damaged(client.key) },
      '.key (key.pem) is damaged: the private key at line 1 cannot be read',
    ],
    [
      'an encrypted key',
      { cert: client.cert, key: encrypted },
      '.key (key.pem) is encrypted; openssl pkey takes the passphrase away',
    ],
    [
      'one that has expired',
      makeCertificates({ until: '20260101000000Z' }).client,
      '.cert (cert.pem) expired on 2026-01-01T00:00:00Z',
    ],
    [
      'one of the future',
      makeCertificates({ from: '20270101000000Z' }).client,
      '.cert (cert.pem) is not valid before 2027-01-01T00:00:00Z',
    ],
  ])('are refused: %s', (_, texts, message) => {
    expect(() => checkCertificates(of(texts), now)).toThrow(message)
  })
})
