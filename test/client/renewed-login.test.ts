// KIP-368 from the client's side: a login that holds for a time is renewed on its connection, and nobody who uses the connection notices.
import { afterEach, expect, test } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import type { SaslOptions } from '../../src/client/sasl/sasl.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { saslAuthenticate } from '../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../src/protocol/messages/sasl-handshake.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

const LIFETIME_MS = 60_000
const RENEWED_AT_MS = 0.85 * LIFETIME_MS
const brokers: ScriptedBroker[] = []
afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop()
})

type Verdict = 'let in' | 'refused'

/** A broker whose logins hold for a minute, and the client's clock. */
async function start(sasl: SaslOptions, verdict: (login: number) => Verdict | Promise<Verdict> = () => 'let in') {
  const broker = await ScriptedBroker.start()
  brokers.push(broker)
  const tokens: string[] = []
  broker.on(heartbeat, ({ generationId }) => ({ errorCode: 0, throttleTimeMs: generationId }))
  broker.on(saslHandshake, () => ({ errorCode: 0, mechanisms: ['PLAIN', 'OAUTHBEARER'] }))
  broker.on(saslAuthenticate, async ({ authBytes }) => {
    const isRefused = (await verdict(tokens.push(authBytes.toString()))) === 'refused'
    const error = isRefused ? { errorCode: 58, errorMessage: 'no longer' } : { errorCode: 0, errorMessage: null }
    return { ...error, authBytes: Buffer.alloc(0), sessionLifetimeMs: LIFETIME_MS }
  })
  const clock = new FakeClock()
  const random = { bytes: (length: number) => Buffer.alloc(length), fraction: () => 0 }
  const platform = { ...nodePlatform({ log: { level: 'silent' } }), clock, random }
  const connection = await Connection.open(platform, { ...broker.address, clientId: 'test', sasl })
  return { broker, clock, connection, tokens }
}

const beat = (generationId: number) => ({ groupId: 'g', generationId, memberId: 'm' })
const plain = (password: string | (() => string)): SaslOptions => ({ mechanism: 'plain', username: 'mirror', password })

test('what is asked meanwhile waits, and goes out in its order when the login is renewed', async () => {
  const gate = Promise.withResolvers<Verdict>()
  const { broker, clock, connection } = await start(plain('s3cret'), (login) => (login === 1 ? 'let in' : gate.promise))
  expect((await connection.send(heartbeat, beat(1))).throttleTimeMs).toBe(1)
  await clock.advance(RENEWED_AT_MS)
  await broker.until(() => broker.callsOf(saslAuthenticate).length === 2)
  const during = [2, 3, 4].map((generation) => connection.send(heartbeat, beat(generation)))
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(broker.callsOf(heartbeat)).toHaveLength(1)
  gate.resolve('let in')
  expect((await Promise.all(during)).map(({ throttleTimeMs }) => throttleTimeMs)).toEqual([2, 3, 4])
  expect(broker.accepted).toBe(1)
  expect(broker.calls.slice(-5).map(({ api }) => api)).toEqual([
    saslHandshake,
    saslAuthenticate,
    heartbeat,
    heartbeat,
    heartbeat,
  ])
  connection.close()
})

test('a password that was rotated is used from the next renewal on, again and again', async () => {
  let password = 'first'
  const { broker, clock, connection, tokens } = await start(plain(() => password))
  for (password of ['second', 'third']) {
    await clock.advance(RENEWED_AT_MS)
    await broker.until(() => tokens.at(-1) === `\0mirror\0${password}`)
    await connection.send(heartbeat, beat(1))
  }
  expect([tokens.length, broker.accepted]).toEqual([3, 1])
  connection.close()
})

test('a renewal that is refused ends the connection with the reason, and what waited hears it', async () => {
  const gate = Promise.withResolvers<Verdict>()
  const { broker, clock, connection } = await start(plain('s3cret'), (login) => (login === 1 ? 'let in' : gate.promise))
  await clock.advance(RENEWED_AT_MS)
  await broker.until(() => broker.callsOf(saslAuthenticate).length === 2)
  const waiting = connection.send(heartbeat, beat(1))
  gate.resolve('refused')
  await expect(waiting).rejects.toMatchObject({
    code: 'HEL_AUTHENTICATION',
    message: expect.stringContaining('no longer'),
  })
  expect(connection.isOpen).toBe(false)
  expect(clock.timers).toBe(0)
})

test('without a token the connection lives on until the login ends, and it is tried again', async () => {
  let asked = 0
  const token = async () => {
    asked += 1
    if (asked > 1 && asked < 4) throw new HeliostatError('HEL_TOKEN', 'the issuer is down', { retriable: true })
    return `token-${asked}`
  }
  const { broker, clock, connection, tokens } = await start({ mechanism: 'oauthbearer', token })
  await clock.advance(RENEWED_AT_MS)
  expect(asked).toBe(2)
  await connection.send(heartbeat, beat(1))
  await clock.advance(2_500)
  expect(asked).toBe(4)
  await broker.until(() => tokens.length === 2)
  expect(tokens[1]).toContain('Bearer token-4')
  await connection.send(heartbeat, beat(1))
  connection.close()
})
