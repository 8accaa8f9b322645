// KIP-368 on the wire: a login holds for a time and is renewed on the same connection.
import { describe, expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../../src/broker/cluster.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { saslAuthenticate } from '../../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../../src/protocol/messages/sasl-handshake.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { PLAIN_MODULE } from '../listeners/secured-cluster.ts'
import { type RawConnection, rawConnection } from '../raw-connection.ts'
import { fetchOf } from '../requests.ts'

const SESSION_MS = 60_000
const config = {
  listeners: 'SASL_PLAINTEXT://:0',
  'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${PLAIN_MODULE} required user_alice="secret" user_bob="hunter2";`,
  'connections.max.reauth.ms': SESSION_MS,
  'connections.max.idle.ms': -1,
  'connection.failed.authentication.delay.ms': 100,
}

async function loggedIn(): Promise<{ raw: RawConnection; clock: FakeClock; lifetimeMs: number }> {
  const clock = new FakeClock()
  const platform = { ...nodePlatform({ log: { level: 'silent' } }), clock }
  const cluster = await startCluster(platform, { name: 'test', config })
  onTestFinished(() => cluster.stop())
  const raw = await rawConnection(cluster)
  await handshake(raw)
  const { sessionLifetimeMs } = await authenticate(raw)
  return { raw, clock, lifetimeMs: sessionLifetimeMs }
}

async function ask<A extends Api>(
  raw: RawConnection,
  api: A,
  version: number,
  request: RequestInput<A>,
): Promise<Response<A>> {
  raw.socket.write(Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'raw' }, request)))
  return decodeResponse(api, version, await raw.next())
}

const handshake = (raw: RawConnection, mechanism = 'PLAIN') => ask(raw, saslHandshake, 1, { mechanism })
const authenticate = (raw: RawConnection, token = '|alice|secret') =>
  ask(raw, saslAuthenticate, 2, { authBytes: Buffer.from(token.replaceAll('|', '\0')) })
const serves = async (raw: RawConnection) => (await ask(raw, metadata, 1, { topics: [] })).brokers.length === 1

describe('a login that holds for a minute', () => {
  it('says so, and ends at the first request after it', async () => {
    const { raw, clock, lifetimeMs } = await loggedIn()
    expect(lifetimeMs).toBe(SESSION_MS)
    await clock.advance(SESSION_MS)
    expect(await serves(raw)).toBe(true)
    await clock.advance(1)
    raw.socket.write(Buffer.concat(encodeRequest(metadata, 1, { correlationId: 1, clientId: 'raw' }, { topics: [] })))
    await raw.closed
  })

  it('is renewed on the connection, even when it has just ended, and then holds for another', async () => {
    const { raw, clock } = await loggedIn()
    await clock.advance(SESSION_MS + 1)
    expect(await handshake(raw)).toMatchObject({ errorCode: ErrorCode.NONE })
    expect(await authenticate(raw)).toMatchObject({ errorCode: ErrorCode.NONE, sessionLifetimeMs: SESSION_MS })
    await clock.advance(SESSION_MS)
    expect(await serves(raw)).toBe(true)
  })

  it('is renewed while an answer is under way, which still comes first', async () => {
    const { raw, clock } = await loggedIn()
    await ask(raw, metadata, 5, { topics: [{ name: 't' }], allowAutoTopicCreation: true })
    const waits = encodeRequest(fetch, 11, { correlationId: 8, clientId: 'raw' }, fetchOf('t', { maxWaitMs: 500 }))
    const renews = encodeRequest(saslHandshake, 1, { correlationId: 9, clientId: 'raw' }, { mechanism: 'PLAIN' })
    const before = clock.timers
    raw.socket.write(Buffer.concat([...waits, ...renews]))
    await untilTimer(clock, before)
    await clock.advance(500)
    expect([(await raw.next()).readInt32BE(0), (await raw.next()).readInt32BE(0)]).toEqual([8, 9])
    expect(await authenticate(raw)).toMatchObject({ errorCode: ErrorCode.NONE })
  })

  it('is not renewed by another user', async () => {
    const { raw, clock } = await loggedIn()
    await handshake(raw)
    const before = clock.timers
    const answer = authenticate(raw, '|bob|hunter2')
    await untilTimer(clock, before)
    await clock.advance(100)
    expect(await answer).toMatchObject({
      errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED,
      errorMessage: 'Cannot change principals during re-authentication from User.alice: User.bob',
    })
    await raw.closed
  })

  it('is not renewed by another mechanism: the connection ends without a word', async () => {
    const { raw, clock } = await loggedIn()
    expect(await handshake(raw, 'SCRAM-SHA-256')).toMatchObject({ errorCode: ErrorCode.NONE })
    const token = { authBytes: Buffer.from('n,,n=alice,r=x') }
    const before = clock.timers
    raw.socket.write(Buffer.concat(encodeRequest(saslAuthenticate, 2, { correlationId: 1, clientId: 'raw' }, token)))
    await untilTimer(clock, before)
    const answer = raw.next().then(() => 'a word')
    await clock.advance(100)
    expect(await Promise.race([answer, raw.closed.then(() => 'the end')])).toBe('the end')
  })

  it('is renewed once a second at most; what comes sooner is out of place', async () => {
    const { raw, clock } = await loggedIn()
    await handshake(raw)
    await authenticate(raw)
    await clock.advance(999)
    expect(await handshake(raw)).toEqual({ errorCode: ErrorCode.ILLEGAL_SASL_STATE, mechanisms: [] })
    expect(await serves(raw)).toBe(true)
    await clock.advance(1)
    expect(await handshake(raw)).toMatchObject({ errorCode: ErrorCode.NONE })
  })
})

/** Resolves when the broker has set another timer: for a fetch that waits, or for a refused login. */
async function untilTimer(clock: FakeClock, before: number): Promise<void> {
  while (clock.timers <= before) await new Promise((resolve) => setImmediate(resolve))
}
