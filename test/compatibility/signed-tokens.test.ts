// Which signed tokens a broker takes (OAUTHBEARER with a key set), on both brokers by the same properties.
import { constants, createSign, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { title } from './ground.ts'
import { type SecuredCluster, type SecuredListener, securedGrounds } from './secured-ground.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const otherRsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const largeCurve = generateKeyPairSync('ec', { namedCurve: 'P-384' })

const jwk = (key: KeyObject, kid: string, more = {}) => ({ ...key.export({ format: 'jwk' }), kid, ...more })
const keySet = JSON.stringify({
  keys: [
    jwk(rsa.publicKey, 'rsa'),
    jwk(curve.publicKey, 'curve', { use: 'sig', alg: 'ES256' }),
    jwk(largeCurve.publicKey, 'large'),
    { kty: 'oct', kid: 'shared', k: Buffer.from('a secret of 32 bytes, or so it is').toString('base64url') },
  ],
})

const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
type Sign = (text: Buffer) => Buffer
const byRsa =
  (hash = 'sha256', key = rsa.privateKey): Sign =>
  (text) =>
    createSign(hash).update(text).sign(key)
const byPss =
  (hash: string, saltLength: number): Sign =>
  (text) =>
    sign(hash, text, { key: rsa.privateKey, padding: constants.RSA_PKCS1_PSS_PADDING, saltLength })
const byCurve =
  (hash = 'sha256', key = curve.privateKey): Sign =>
  (text) =>
    sign(hash, text, { key, dsaEncoding: 'ieee-p1363' })

function tokenOf(claims: object = {}, header: object = {}, signer = byRsa()): string {
  const now = Math.floor(Date.now() / 1000)
  const body = { sub: 'alice', iat: now - 10, exp: now + 300, ...claims }
  const text = `${part({ alg: 'RS256', kid: 'rsa', ...header })}.${part(body)}`
  return `${text}.${signer(Buffer.from(text)).toString('base64url')}`
}

const seconds = (offset: number) => Math.floor(Date.now() / 1000) + offset
const strict = { iss: 'https://issuer', aud: 'kafka' }

/** CLEAR has the key set alone; BRIEF expects an issuer and one of two audiences, and takes the user from another claim. */
const CASES: readonly [what: string, token: () => string, isTaken: boolean, listener?: SecuredListener][] = [
  ['RS256', () => tokenOf(), true],
  ['RS384', () => tokenOf({}, { alg: 'RS384' }, byRsa('sha384')), true],
  ['RS512', () => tokenOf({}, { alg: 'RS512' }, byRsa('sha512')), true],
  ['PS256', () => tokenOf({}, { alg: 'PS256' }, byPss('sha256', 32)), true],
  ['PS512', () => tokenOf({}, { alg: 'PS512' }, byPss('sha512', 64)), true],
  ['ES256', () => tokenOf({}, { alg: 'ES256', kid: 'curve' }, byCurve()), true],
  ['ES384', () => tokenOf({}, { alg: 'ES384', kid: 'large' }, byCurve('sha384', largeCurve.privateKey)), true],
  ['no key id', () => tokenOf({}, { kid: undefined }), true],
  ['an algorithm that is not that of the key', () => tokenOf({}, { kid: 'curve' }), false],
  ['a key that is not in the set', () => tokenOf({}, { kid: 'none' }), false],
  ['the key of somebody else', () => tokenOf({}, {}, byRsa('sha256', otherRsa.privateKey)), false],
  ['no signature', () => `${part({ alg: 'none' })}.${tokenOf().split('.')[1]}.`, false],
  ['a signature left out', () => `${tokenOf().split('.').slice(0, 2).join('.')}.`, false],
  [
    'changed claims',
    () =>
      [tokenOf().split('.')[0], part({ sub: 'root', iat: seconds(0), exp: seconds(60) }), tokenOf().split('.')[2]].join(
        '.',
      ),
    false,
  ],
  ['an end a moment ago', () => tokenOf({ exp: seconds(-5) }), true],
  ['an end a minute ago', () => tokenOf({ exp: seconds(-60) }), false],
  ['no end', () => tokenOf({ exp: undefined }), false],
  ['an end in words', () => tokenOf({ exp: 'tomorrow' }), false],
  ['no time of issue', () => tokenOf({ iat: undefined }), false],
  ['a begin in a minute', () => tokenOf({ nbf: seconds(60) }), false],
  ['a begin in a moment', () => tokenOf({ nbf: seconds(5) }), true],
  ['no subject', () => tokenOf({ sub: undefined }), false],
  ['an empty subject', () => tokenOf({ sub: ' ' }), false],
  ['a number as subject', () => tokenOf({ sub: 7 }), false],
  ['scopes', () => tokenOf({ scope: ['a', 'b'] }), true],
  ['an audience that nobody expects', () => tokenOf({ aud: 'kafka' }), false],
  ['an issuer that nobody expects', () => tokenOf({ iss: 'https://elsewhere' }), true],
  ['what is expected', () => tokenOf({ ...strict, name: 'bob' }), true, 'BRIEF'],
  ['several audiences', () => tokenOf({ ...strict, aud: ['other', 'kafka'], name: 'bob' }), true, 'BRIEF'],
  ['another audience', () => tokenOf({ ...strict, aud: 'other', name: 'bob' }), false, 'BRIEF'],
  ['no audience', () => tokenOf({ ...strict, aud: undefined, name: 'bob' }), false, 'BRIEF'],
  ['another issuer', () => tokenOf({ ...strict, iss: 'https://elsewhere', name: 'bob' }), false, 'BRIEF'],
  ['no issuer', () => tokenOf({ ...strict, iss: undefined, name: 'bob' }), false, 'BRIEF'],
  ['no user in the claim for it', () => tokenOf(strict), false, 'BRIEF'],
]

describe.each(securedGrounds)('signed tokens', (ground) => {
  describe.skipIf(ground.reason)(title(`${ground.name} judges a token with`, ground.reason), () => {
    let cluster: SecuredCluster
    let directory: string

    beforeAll(async () => {
      directory = mkdtempSync(join(tmpdir(), 'heliostat-tokens-'))
      writeFileSync(join(directory, 'keys.json'), keySet)
      const url = pathToFileURL(join(directory, 'keys.json')).href
      const handler = 'org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler'
      const prefixes = ['clear', 'brief', 'secure'].map((name) => `listener.name.${name}.oauthbearer`)
      const both = prefixes.flatMap((prefix) => [
        [`${prefix}.sasl.server.callback.handler.class`, handler],
        [`${prefix}.sasl.oauthbearer.jwks.endpoint.url`, url],
      ])
      const expected = {
        'listener.name.brief.oauthbearer.sasl.oauthbearer.expected.issuer': strict.iss,
        'listener.name.brief.oauthbearer.sasl.oauthbearer.expected.audience': `kafka,${strict.aud}-too`,
        'listener.name.brief.oauthbearer.sasl.oauthbearer.sub.claim.name': 'name',
      }
      const allowed = `-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=${url}`
      cluster = await ground.start({ ...Object.fromEntries(both), ...expected }, [allowed])
    }, 90_000)
    afterAll(async () => {
      await cluster?.stop()
      rmSync(directory, { recursive: true, force: true })
    })

    it.each(CASES)('%s', async (_what, token, isTaken, listener = 'CLEAR') => {
      const [host = '', port] = cluster.at(listener).split(':')
      const sasl = { mechanism: 'oauthbearer', token: async () => token() } as const
      const answer = await Connection.open(platform, { host, port: Number(port), clientId: 'test', sasl }).then(
        (connection) => connection.close(),
        (error: Error) => error.message,
      )
      if (isTaken) expect(answer).toBeUndefined()
      else expect(answer).toContain('{"status":"invalid_token"}')
    })
  })
})
