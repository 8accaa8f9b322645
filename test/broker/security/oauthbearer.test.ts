import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { BadToken, keysOf } from '../../../src/broker/security/sasl/jwt.ts'
import {
  type SignedTokenRules,
  signedTokenValidator,
  unsecuredTokenValidator,
} from '../../../src/broker/security/sasl/token-validator.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { securedCluster } from '../listeners/secured-cluster.ts'

const NOW_MS = 1_700_000_000_000
const now = NOW_MS / 1000
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })

const jwk = (key: KeyObject, more: object) => ({ ...key.export({ format: 'jwk' }), use: 'sig', ...more })
const keySet = JSON.stringify({
  keys: [jwk(rsa.publicKey, { kid: 'first', alg: 'RS256' }), jwk(curve.publicKey, { kid: 'second' })],
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
const claims = { sub: 'alice', iat: now - 10, exp: now + 60 }

function tokenOf(header: object, body: object, sign: (text: string) => Buffer): string {
  const text = `${part(header)}.${part(body)}`
  return `${text}.${sign(text).toString('base64url')}`
}

const byRsa = (body: object = claims, header: object = {}, key = rsa.privateKey) =>
  tokenOf({ alg: 'RS256', kid: 'first', ...header }, body, (text) => createSign('sha256').update(text).sign(key))
const byLongerHash = tokenOf({ alg: 'RS512', kid: 'first' }, claims, (text) =>
  createSign('sha512').update(text).sign(rsa.privateKey),
)
const byCurve = (body: object = claims) =>
  tokenOf({ alg: 'ES256', kid: 'second' }, body, (text) =>
    createSign('sha256').update(text).sign({ key: curve.privateKey, dsaEncoding: 'ieee-p1363' }),
  )
const unsigned = (body: object = claims) => `${part({ alg: 'none' })}.${part(body)}.`

const rules: SignedTokenRules = {
  keys: keysOf(keySet),
  audiences: [],
  issuer: undefined,
  skewMs: 30_000,
  subjectClaim: 'sub',
  scopeClaim: 'scope',
}
const judge = (token: string, more: Partial<SignedTokenRules> = {}) =>
  signedTokenValidator({ ...rules, ...more })(token, NOW_MS)

describe('signed tokens', () => {
  it('say who it is and until when, by RSA and by elliptic curves', () => {
    const valid = { user: 'alice', expiresAtMs: NOW_MS + 60_000 }
    expect(judge(byRsa())).toEqual(valid)
    expect(judge(byCurve())).toEqual(valid)
    // Without a key id every key that fits is tried.
    expect(judge(byRsa(claims, { kid: undefined }))).toEqual(valid)
    expect(judge(byRsa({ ...claims, sub: undefined, name: 'bob' }), { subjectClaim: 'name' }).user).toBe('bob')
    expect(judge(byRsa({ ...claims, aud: ['other', 'kafka'] }), { audiences: ['kafka'] })).toEqual(valid)
    expect(judge(byRsa({ ...claims, iss: 'https://issuer' }), { issuer: 'https://issuer' })).toEqual(valid)
    // The clock of the issuer may be a little ahead or behind.
    expect(judge(byRsa({ ...claims, exp: now - 29, nbf: now + 29 })).user).toBe('alice')
  })

  const changed = byRsa().split('.')
  const BAD: readonly [string, string, Partial<SignedTokenRules>?][] = [
    ['nobody signed', unsigned()],
    ['nobody signed, with the algorithm in capitals', `${part({ alg: 'None' })}.${part(claims)}.`],
    ['somebody else signed', byRsa(claims, {}, otherRsa.privateKey)],
    ['a key signed that is not in the set', byRsa(claims, { kid: 'third' })],
    ['the wrong key of the set is named for', byRsa(claims, { kid: 'second' })],
    ['says another user than was signed', [changed[0], part({ ...claims, sub: 'root' }), changed[2]].join('.')],
    // The public key taken for a shared secret, and names that every object has.
    ['has the algorithm HS256', byRsa(claims, { alg: 'HS256' })],
    ['has the algorithm constructor', byRsa(claims, { alg: 'constructor' })],
    ['has another algorithm than its key', byRsa(claims, { alg: 'RS512' })],
    ['has another algorithm than its key is for', byLongerHash],
    ['has expired', byRsa({ ...claims, exp: now - 30 })],
    ['never expires', byRsa({ ...claims, exp: undefined })],
    ['expires in words', byRsa({ ...claims, exp: 'soon' })],
    ['was never issued', byRsa({ ...claims, iat: undefined })],
    ['is not valid yet', byRsa({ ...claims, nbf: now + 31 })],
    ['names nobody', byRsa({ ...claims, sub: ' ' })],
    ['names a number', byRsa({ ...claims, sub: 7 })],
    ['is for another audience', byRsa({ ...claims, aud: 'other' }), { audiences: ['kafka'] }],
    ['is for no audience', byRsa(), { audiences: ['kafka'] }],
    ['is for an audience while none is expected', byRsa({ ...claims, aud: 'kafka' })],
    ['is of another issuer', byRsa({ ...claims, iss: 'https://elsewhere' }), { issuer: 'https://issuer' }],
    ['is of no issuer', byRsa(), { issuer: 'https://issuer' }],
    ['is no token', 'no.token'],
    ['has four parts', `${byRsa()}.x`],
    ['has a header that is no object', `${part([])}.${part(claims)}.AAAA`],
    ['is empty', '..'],
  ]
  it.each(BAD)('that %s are refused', (_what, token, more) => {
    expect(() => judge(token, more)).toThrow(BadToken)
  })
})

describe('unsecured tokens', () => {
  const unsecured = unsecuredTokenValidator({
    subjectClaim: 'sub',
    scopeClaim: 'scope',
    requiredScope: ['a'],
    skewMs: 0,
  })
  const good = { ...claims, scope: ['a', 'b'] }

  it('are taken where they are asked for by name', () => {
    expect(unsecured(unsigned(good), NOW_MS)).toEqual({ user: 'alice', expiresAtMs: NOW_MS + 60_000 })
  })

  it.each([
    ['is signed', byRsa(good)],
    ['has a signature all the same', `${unsigned(good)}AAAA`],
    ['has expired', unsigned({ ...good, exp: now })],
    ['is of the future', unsigned({ ...good, iat: now + 1 })],
    ['ends before it begins', unsigned({ ...good, iat: now - 1, exp: now - 1 })],
    ['lacks the scope', unsigned({ ...good, scope: 'b' })],
  ])('are refused when one %s', (_what, token) => {
    expect(() => unsecured(token, NOW_MS)).toThrow(BadToken)
  })
})

describe('a key set', () => {
  it.each([
    ['no JSON', '{', /JSON/],
    ['no object', '[]', /no JSON object/],
    ['without keys', '{}', /no "keys"/],
    ['of shared secrets alone', '{"keys":[{"kty":"oct","k":"AAAA"}]}', /no public key/],
    ['with a key that is none', '{"keys":[{"kty":"RSA"}]}', /./],
  ])('that is %s is refused', (_what, text, message) => {
    expect(() => keysOf(text)).toThrow(message)
  })
})

describe('a listener with OAUTHBEARER', () => {
  const listener = { listeners: 'SASL_PLAINTEXT://:0', 'sasl.enabled.mechanisms': 'OAUTHBEARER' }
  const prefix = 'listener.name.sasl_plaintext.oauthbearer'

  function keyFile(content: string): string {
    const directory = mkdtempSync(join(tmpdir(), 'heliostat-jwks-'))
    onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
    writeFileSync(join(directory, 'keys.json'), content)
    return pathToFileURL(join(directory, 'keys.json')).href
  }

  it('takes signed tokens only', async () => {
    const config = { ...listener, [`${prefix}.sasl.oauthbearer.jwks.endpoint.url`]: keyFile(keySet) }
    const cluster = await securedCluster(config)
    const present = { sub: 'alice', iat: Date.now() / 1000, exp: Date.now() / 1000 + 60 }
    const open = (token: string) =>
      cluster.open('SASL_PLAINTEXT', { sasl: { mechanism: 'oauthbearer', token: async () => token } })
    const connection = await open(byRsa(present))
    expect((await connection.send(metadata, { topics: [] })).brokers).toHaveLength(1)
    for (const token of [unsigned(present), byRsa(present, {}, otherRsa.privateKey)]) {
      await expect(open(token)).rejects.toMatchObject({
        code: 'HEL_AUTHENTICATION',
        message: expect.stringContaining('{"status":"invalid_token"}'),
      })
    }
  })

  it('does not start with keys that are none', async () => {
    const config = { ...listener, [`${prefix}.sasl.oauthbearer.jwks.endpoint.url`]: keyFile('[]') }
    await expect(securedCluster(config)).rejects.toThrow(/keys\.json: it is no JSON object/)
  })

  it.each([
    ['neither keys nor the validator by name', {}, /needs the keys that tokens are signed with/],
    [
      'keys that cannot be fetched',
      { 'sasl.oauthbearer.jwks.endpoint.url': 'https://issuer/keys' },
      /only a file: URL/,
    ],
    ['keys that are not there', { 'sasl.oauthbearer.jwks.endpoint.url': 'file:///no/such/keys.json' }, /no such file/],
    ['a validator that is not here', { 'sasl.server.callback.handler.class': 'com.example.Lenient' }, /is not here/],
    [
      'the validator of signed tokens without keys',
      {
        'sasl.server.callback.handler.class':
          'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler',
      },
      /needs the keys/,
    ],
  ])('does not start with %s', async (_what, given, message) => {
    const prefixed = Object.entries(given).map(([name, value]) => [`${prefix}.${name}`, value])
    const error = await securedCluster({ ...listener, ...Object.fromEntries(prefixed) }).catch((reason) => reason)
    expect(error).toMatchObject({ code: 'HEL_CONFIG', message: expect.stringMatching(message) })
  })
})
