import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import type { SaslOptions } from '../../src/client/sasl/sasl.ts'
import { ScramMechanism } from '../../src/client/sasl/scram.ts'
import type { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const brokers: ScriptedBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop()
})

type Turn = (token: string) => string | { error: string }

/** A broker that offers one mechanism and answers the tokens of each connection in turn. */
async function start(mechanism: string, makeTurns: () => Turn[]): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start()
  brokers.push(broker)
  const turns = new Map<number, Turn[]>()
  broker.on(saslHandshake, (request, call) => {
    turns.set(call.connection, makeTurns())
    return { errorCode: request.mechanism === mechanism ? 0 : 33, mechanisms: [mechanism] }
  })
  broker.on(saslAuthenticate, ({ authBytes }, call) => {
    const turn = turns.get(call.connection)?.shift()
    const answer = turn ? turn(authBytes.toString()) : { error: 'one token too many' }
    if (typeof answer === 'string') return { errorCode: 0, errorMessage: null, authBytes: Buffer.from(answer) }
    return { errorCode: 58, errorMessage: answer.error, authBytes: Buffer.alloc(0) }
  })
  return broker
}

async function login(broker: ScriptedBroker, sasl: SaslOptions): Promise<HeliostatError | undefined> {
  try {
    const connection = await Connection.open(platform, { ...broker.address, clientId: 'test', sasl })
    connection.close()
    return undefined
  } catch (error) {
    await broker.until(() => broker.openConnections === 0)
    return error as HeliostatError
  }
}

describe('PLAIN', () => {
  const turns = () => [(token: string) => (token === '\0mirror\0s3cret' ? '' : { error: 'wrong password' })]

  it('logs in after ApiVersions and before anything else', async () => {
    const broker = await start('PLAIN', turns)
    expect(await login(broker, { mechanism: 'plain', username: 'mirror', password: 's3cret' })).toBeUndefined()
    expect(broker.calls.map(({ api }) => api)).toEqual([apiVersions, saslHandshake, saslAuthenticate])
  })

  it('tells a refusal with the broker’s reason and without the password', async () => {
    const broker = await start('PLAIN', turns)
    const error = await login(broker, { mechanism: 'plain', username: 'mirror', password: 'canary' })
    expect(error).toMatchObject({ code: 'HEL_AUTHENTICATION', retriable: false })
    expect(error?.message).toContain('PLAIN: wrong password (SASL_AUTHENTICATION_FAILED)')
    expect(JSON.stringify(error) + error?.message + error?.stack).not.toContain('canary')
  })

  it('tells which mechanisms a broker offers instead', async () => {
    const broker = await start('GSSAPI', turns)
    const error = await login(broker, { mechanism: 'plain', username: 'mirror', password: 's3cret' })
    expect(error?.message).toContain('PLAIN is not offered (UNSUPPORTED_SASL_MECHANISM); it offers GSSAPI')
  })
})

interface ScramFault {
  iterations?: string
  nonce?: (client: string) => string
  final?: (v: string) => string
  first?: string
  salt?: string
}

/** The server's half of RFC 5802, with faults on demand. */
function scramServer(hash: 'sha256' | 'sha512', password: string, fault: ScramFault = {}): Turn[] {
  const length = hash === 'sha256' ? 32 : 64
  const salt = randomBytes(16)
  const hmac = (key: Buffer, text: string) => createHmac(hash, key).update(text).digest()
  let exchange = ''
  return [
    (clientFirst) => {
      const bare = clientFirst.slice('n,,'.length)
      const clientNonce = /,r=([^,]+)/.exec(bare)![1]!
      const nonce = fault.nonce?.(clientNonce) ?? `${clientNonce}server`
      const first =
        fault.first ?? `r=${nonce},s=${fault.salt ?? salt.toString('base64')},i=${fault.iterations ?? '4096'}`
      exchange = `${bare},${first}`
      return first
    },
    (clientFinal) => {
      const [, withoutProof, proof] = /^(.*),p=(.*)$/.exec(clientFinal)!
      const salted = pbkdf2Sync(password, salt, 4096, length, hash)
      const clientKey = hmac(salted, 'Client Key')
      const signature = hmac(createHash(hash).update(clientKey).digest(), `${exchange},${withoutProof}`)
      const expected = Buffer.from(clientKey.map((byte, index) => byte ^ signature[index]!)).toString('base64')
      if (proof !== expected) return { error: 'wrong password' }
      const v = `v=${hmac(hmac(salted, 'Server Key'), `${exchange},${withoutProof}`).toString('base64')}`
      return fault.final?.(v) ?? v
    },
  ]
}

describe.each([
  ['scram-sha-256', 'sha256', 'SCRAM-SHA-256'],
  ['scram-sha-512', 'sha512', 'SCRAM-SHA-512'],
] as const)('%s', (mechanism, hash, name) => {
  const sasl = { mechanism, username: 'mi=r,ror', password: 'pässword' }

  it('logs in with a server that knows the password', async () => {
    const broker = await start(name, () => scramServer(hash, 'pässword'))
    expect(await login(broker, sasl)).toBeUndefined()
    const first = broker.callsOf(saslAuthenticate)[0]!.request as { authBytes: Buffer }
    expect(first.authBytes.toString()).toMatch(/^n,,n=mi=3Dr=2Cror,r=/)
  })

  it('is refused with another password', async () => {
    const broker = await start(name, () => scramServer(hash, 'other'))
    expect((await login(broker, sasl))?.message).toContain('wrong password')
  })

  it.each<[string, ScramFault, string]>([
    ['wants two thousand million iterations', { iterations: '2147483647' }, 'wants 2147483647 iterations'],
    ['wants too few iterations', { iterations: '1' }, 'wants 1 iterations'],
    ['wants no number of iterations', { iterations: '4096x' }, 'wants 4096x iterations'],
    ['makes up a nonce', { nonce: () => 'mine' }, 'does not continue our nonce'],
    ['adds nothing to the nonce', { nonce: (client) => client }, 'does not continue our nonce'],
    ['does not know the password', { final: () => `v=${randomBytes(32).toString('base64')}` }, 'does not prove'],
    ['skips its proof', { final: () => '' }, 'does not prove'],
    ['refuses in its last word', { final: () => 'e=invalid-proof' }, 'refuses: invalid-proof'],
    ['sends nonsense', { first: 'nonsense' }, 'lacks a field'],
    ['sends no salt', { salt: '' }, 'has no salt'],
  ])('distrusts a server that %s', async (_, fault, message) => {
    const broker = await start(name, () => scramServer(hash, 'pässword', fault))
    const error = await login(broker, sasl)
    expect(error?.code).toBe('HEL_AUTHENTICATION')
    expect(error?.message).toContain(message)
  })
})

it('SCRAM-SHA-256 computes the proof of RFC 7677', async () => {
  const nonce = 'rOprNGfwEbeRWgbNEkqO'
  const bytes = Buffer.from(nonce, 'base64')
  const mechanism = new ScramMechanism('sha256', 'user', 'pencil', { bytes: () => bytes, fraction: () => 0 })
  expect((await mechanism.first()).toString()).toBe(`n,,n=user,r=${nonce}`)
  const challenge = `r=${nonce}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`
  const final = await mechanism.next(Buffer.from(challenge))
  expect(final?.toString()).toContain('p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=')
  const done = await mechanism.next(Buffer.from('v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4='))
  expect(done).toBeUndefined()
})

describe('OAUTHBEARER', () => {
  it('asks for a token for each connection and sends it with its extensions', async () => {
    let asked = 0
    const token = async () => `token-${++asked}`
    const heard: string[] = []
    const broker = await start('OAUTHBEARER', () => [
      (given) => {
        heard.push(given)
        return ''
      },
    ])
    const sasl: SaslOptions = { mechanism: 'oauthbearer', token, extensions: { logicalCluster: 'lkc-1' } }
    expect(await login(broker, sasl)).toBeUndefined()
    expect(await login(broker, sasl)).toBeUndefined()
    expect(heard).toEqual([
      'n,,\x01auth=Bearer token-1\x01logicalCluster=lkc-1\x01\x01',
      'n,,\x01auth=Bearer token-2\x01logicalCluster=lkc-1\x01\x01',
    ])
  })

  it('acknowledges a refusal and tells the reason', async () => {
    const broker = await start('OAUTHBEARER', () => [
      () => '{"status":"invalid_token"}',
      (token) => ({ error: token === '\x01' ? 'invalid_token' : 'not acknowledged' }),
    ])
    const error = await login(broker, { mechanism: 'oauthbearer', token: async () => 't' })
    expect(error?.message).toContain('OAUTHBEARER: invalid_token')
  })

  it('passes on why there is no token', async () => {
    const broker = await start('OAUTHBEARER', () => [])
    const token = () => Promise.reject(new Error('the issuer is down'))
    expect((await login(broker, { mechanism: 'oauthbearer', token }))?.message).toContain('the issuer is down')
  })
})
