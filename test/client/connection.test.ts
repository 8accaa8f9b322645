import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import { Connection, type ConnectionOptions } from '../../src/client/connection.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Network } from '../../src/platform/platform.ts'
import { encodeResponse } from '../../src/protocol/codec.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { listGroups } from '../../src/protocol/messages/list-groups.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { makeCertificates } from '../support/certificate.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { answerFrame, type Call, ScriptedBroker, SILENCE } from '../support/scripted-broker.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const brokers: ScriptedBroker[] = []
const connections: Connection[] = []

afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close()
  for (const broker of brokers.splice(0)) await broker.stop()
})

async function start(options?: Parameters<typeof ScriptedBroker.start>[0]): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(options)
  brokers.push(broker)
  return broker.on(heartbeat, ({ generationId }) => ({ errorCode: 0, throttleTimeMs: generationId }))
}

async function open(broker: ScriptedBroker, options: Partial<ConnectionOptions> = {}): Promise<Connection> {
  const connection = await Connection.open(platform, { ...broker.address, clientId: 'test', ...options })
  connections.push(connection)
  return connection
}

/** A heartbeat whose answer carries the number back. */
function beat(generationId: number) {
  return { groupId: 'g', generationId, memberId: 'm' }
}

async function failure(promise: Promise<unknown>): Promise<HeliostatError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(HeliostatError)
  return error
}

describe('version negotiation', () => {
  it('agrees on the highest version that both sides have', async () => {
    const broker = await start()
    broker.on(fetch, () => SILENCE, [4, 12]).on(produce, () => SILENCE, [0, 99])
    const connection = await open(broker)
    expect(connection.versionOf(fetch)).toBe(12)
    expect(connection.versionOf(produce)).toBe(produce.versions[1])
    expect(broker.calls[0]).toMatchObject({ clientId: 'test', request: { clientSoftwareName: 'heliostat' } })
  })

  it('names the API, the address and both ranges when there is none', async () => {
    const broker = await start()
    broker.on(fetch, () => SILENCE, [90, 99])
    const connection = await open(broker)
    expect(() => connection.versionOf(fetch)).toThrow(
      `Fetch cannot be asked of 127.0.0.1:${broker.address.port}: the broker has its versions 90 to 99, heliostat has ${fetch.versions.join(' to ')}`,
    )
    expect((await failure(connection.send(listGroups, {}))).code).toBe('HEL_UNSUPPORTED_API')
    expect(await connection.send(heartbeat, beat(7))).toMatchObject({ throttleTimeMs: 7 })
  })

  it.each([
    ['offers', 2],
    ['offers none of', undefined],
  ])('falls back to the version that an older broker %s', async (_, offered) => {
    const broker = await start()
    broker.on(apiVersions, (_, call) => {
      if (call.version <= (offered ?? 0)) return { errorCode: 0, apiKeys: broker.apiKeys() }
      // In version 0, whatever was asked (KIP-511).
      const apiKeys = offered ? [{ apiKey: 18, minVersion: 0, maxVersion: offered }] : []
      return call.raw(Buffer.concat(encodeResponse(apiVersions, 0, call.correlationId, { errorCode: 35, apiKeys })))
    })
    const connection = await open(broker)
    expect(broker.callsOf(apiVersions).map(({ version }) => version)).toEqual([4, offered ?? 0])
    expect(await connection.send(heartbeat, beat(1))).toMatchObject({ errorCode: 0 })
  })

  it('gives up on a broker that refuses every version', async () => {
    const broker = await start()
    broker.on(apiVersions, (_, call) =>
      call.raw(Buffer.concat(encodeResponse(apiVersions, 0, call.correlationId, { errorCode: 35, apiKeys: [] }))),
    )
    expect((await failure(open(broker))).message).toContain('UNSUPPORTED_VERSION')
    expect(broker.callsOf(apiVersions)).toHaveLength(2)
    await broker.until(() => broker.openConnections === 0)
  })
})

describe('pipelining', () => {
  it('answers requests in the order in which they were sent, also when the broker is slow with the first', async () => {
    const broker = await start()
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    broker.on(heartbeat, async ({ generationId }) => {
      if (generationId === 0) await held
      return { errorCode: 0, throttleTimeMs: generationId }
    })
    const connection = await open(broker)
    const answered: number[] = []
    const done = new Promise<void>((resolve) => {
      for (let index = 0; index < 500; index++) {
        connection.exchange(heartbeat, 4, beat(index), (error, response) => {
          expect(error).toBeUndefined()
          answered.push(response!.throttleTimeMs)
          if (index === 499) resolve()
        })
      }
    })
    expect(connection.bytesInFlight).toBeGreaterThan(500 * 20)
    await broker.until(() => broker.callsOf(heartbeat).length === 500)
    expect(answered).toEqual([])
    release()
    await done
    expect(answered).toEqual(Array.from({ length: 500 }, (_, index) => index))
    expect(connection.bytesInFlight).toBe(0)
  })

  it('takes a produce with acks=0 for done once it is sent, and expects no answer to it', async () => {
    const broker = await start()
    broker.on(produce, () => SILENCE)
    const connection = await open(broker)
    const request = { acks: 0, timeoutMs: 1, topicData: [] }
    expect(await connection.send(produce, request, { version: 9 })).toBeUndefined()
    expect(connection.bytesInFlight).toBe(0)
    expect(await connection.send(heartbeat, beat(3))).toMatchObject({ throttleTimeMs: 3 })
  })

  it('carries a large answer, over TLS too', async () => {
    const certificates = makeCertificates()
    const broker = await start({ tls: certificates.server })
    const records = Buffer.alloc(9_000_000, 5)
    const partitions = [
      { partitionIndex: 0, errorCode: 0, highWatermark: 1, abortedTransactions: null, records: [records] },
    ]
    broker.on(fetch, () => ({ throttleTimeMs: 0, responses: [{ topic: 't', partitions }] }), [4, 12])
    const connection = await open(broker, { tls: { ca: certificates.ca } })
    const request = { maxWaitMs: 0, minBytes: 0, maxBytes: 1, isolationLevel: 0, topics: [], forgottenTopicsData: [] }
    const answers = await Promise.all([1, 2, 3].map(() => connection.send(fetch, request)))
    for (const { responses } of answers) expect(records.equals(responses[0]!.partitions[0]!.records![0]!)).toBe(true)
  })

  it('lets the last answers in before a retired connection closes', async () => {
    const broker = await start()
    const connection = await open(broker)
    const answers = [connection.send(heartbeat, beat(1)), connection.send(heartbeat, beat(2))]
    connection.closeWhenAnswered()
    expect((await Promise.all(answers)).map(({ throttleTimeMs }) => throttleTimeMs)).toEqual([1, 2])
    await connection.closed
    expect(await failure(connection.send(heartbeat, beat(3)))).toMatchObject({ code: 'HEL_CLOSED', retriable: true })
  })
})

describe('deadlines', () => {
  it('close the connection when one request is not answered in time, and tell every waiting request', async () => {
    const broker = await start()
    broker.on(heartbeat, () => SILENCE)
    const connection = await open(broker)
    const slow = failure(connection.send(heartbeat, beat(1), { timeoutMs: 60_000 }))
    const hasty = failure(connection.send(heartbeat, beat(2), { timeoutMs: 30 }))
    expect(await hasty).toMatchObject({
      code: 'HEL_REQUEST_TIMEOUT',
      retriable: true,
      message: `Heartbeat was not answered by 127.0.0.1:${broker.address.port} within 30 ms`,
    })
    expect((await slow).code).toBe('HEL_REQUEST_TIMEOUT')
    await broker.until(() => broker.openConnections === 0)
  })

  it('wait on while an answer is on its way, however thin the wire, and no longer when it stops coming', async () => {
    const clock = new FakeClock()
    let read = 0
    const network: Network = {
      ...platform.network,
      connect: (address, handler) =>
        platform.network.connect(address, {
          opened: () => handler.opened!(),
          readInto: () => handler.readInto(),
          didRead: (length) => {
            handler.didRead(length)
            read += length
          },
          closed: (error) => handler.closed(error),
        }),
    }
    const broker = await start()
    const calls: Call[] = []
    broker.on(heartbeat, (_, call) => {
      calls.push(call)
      return SILENCE
    })
    const address = { ...broker.address, clientId: 'test', requestTimeoutMs: 100 }
    const connection = await Connection.open({ ...platform, clock, network }, address)
    connections.push(connection)
    const dribble = async (bytes: Buffer) => {
      const before = read
      calls.at(-1)!.raw(bytes)
      while (read < before + bytes.length) await new Promise((resolve) => setImmediate(resolve))
      await clock.advance(90)
    }
    const [first, second] = [connection.send(heartbeat, beat(1)), connection.send(heartbeat, beat(2))]
    await broker.until(() => calls.length === 2)
    const version = connection.versionOf(heartbeat)
    const answer = (call: Call, throttleTimeMs: number) =>
      Buffer.concat(encodeResponse(heartbeat, version, call.correlationId, { errorCode: 0, throttleTimeMs }))
    for (const byte of answer(calls[0]!, 7)) await dribble(Buffer.from([byte]))
    expect((await first).throttleTimeMs).toBe(7)
    const late = failure(second!)
    await dribble(answer(calls[1]!, 8).subarray(0, 6))
    expect(connection.isOpen).toBe(true)
    await clock.advance(11)
    expect((await late).code).toBe('HEL_REQUEST_TIMEOUT')
  })

  it('do not fire for requests that were answered', async () => {
    const broker = await start()
    const connection = await open(broker, { requestTimeoutMs: 150 })
    const end = platform.clock.monotonic() + 400
    for (let index = 0; platform.clock.monotonic() < end; index++) {
      expect((await connection.send(heartbeat, beat(index))).throttleTimeMs).toBe(index)
    }
    expect(connection.isOpen).toBe(true)
  })

  it('count what waits in the socket while the process was held up as answered', async () => {
    const broker = await start()
    const connection = await open(broker, { requestTimeoutMs: 100 })
    const answer = connection.send(heartbeat, beat(5))
    await broker.until(() => broker.callsOf(heartbeat).length === 1)
    const end = platform.clock.monotonic() + 150
    while (platform.clock.monotonic() < end);
    expect((await answer).throttleTimeMs).toBe(5)
  })

  it('cost one timer for any number of requests', async () => {
    let timers = 0
    const clock = {
      ...platform.clock,
      setTimer: (delayMs: number, callback: () => void) => {
        timers++
        return platform.clock.setTimer(delayMs, callback)
      },
    }
    const broker = await start()
    const connection = await Connection.open({ ...platform, clock }, { ...broker.address, clientId: 'test' })
    connections.push(connection)
    await Promise.all(Array.from({ length: 200 }, (_, index) => connection.send(heartbeat, beat(index))))
    expect(timers).toBe(1)
  })
})

describe('a connection that ends', () => {
  it('fails when nobody listens, with the address', async () => {
    const broker = await start()
    await broker.stop()
    expect(await failure(open(broker))).toMatchObject({ code: 'HEL_UNREACHABLE', retriable: true })
  })

  it('tells every request the same reason, in order, then its listeners, once', async () => {
    const broker = await start()
    broker.on(heartbeat, () => SILENCE)
    const connection = await open(broker)
    const heard: string[] = []
    connection.onClose((reason) => heard.push(`closed ${reason.code}`))
    for (const index of [1, 2]) {
      connection.exchange(heartbeat, 4, beat(index), (error) => heard.push(`${index} ${error?.code}`))
    }
    await broker.until(() => broker.callsOf(heartbeat).length === 2)
    broker.dropConnections()
    await connection.closed
    connection.onClose((reason) => heard.push(`late ${reason.code}`))
    const lost = 'HEL_CONNECTION_LOST'
    expect(heard).toEqual([`1 ${lost}`, `2 ${lost}`, `closed ${lost}`, `late ${lost}`])
    let synchronous = true
    const afterwards = new Promise<void>((resolve) => {
      connection.exchange(heartbeat, 4, beat(3), (error) => {
        expect([synchronous, error?.code]).toEqual([false, lost])
        resolve()
      })
    })
    synchronous = false
    await afterwards
  })

  it('in the middle of an answer, at whichever byte, fails that request and the next', async () => {
    const broker = await start()
    let cut = 0
    broker.on(heartbeat, (_, call) => {
      const frame = answerFrame(call, heartbeat, { errorCode: 0, throttleTimeMs: 1 })
      call.raw(frame.subarray(0, cut))
      return call.close()
    })
    const length = 4 + 4 + 1 + 4 + 2 + 1
    for (cut = 0; cut < length; cut++) {
      const connection = await open(broker)
      const [first, second] = [connection.send(heartbeat, beat(1)), connection.send(heartbeat, beat(2))]
      expect((await failure(first)).code).toBe('HEL_CONNECTION_LOST')
      expect((await failure(second)).code).toBe('HEL_CONNECTION_LOST')
    }
    const connection = await open(broker)
    expect(await connection.send(heartbeat, beat(1))).toMatchObject({ throttleTimeMs: 1 })
  })

  it('by close() says that it was closed on this side', async () => {
    const broker = await start()
    broker.on(heartbeat, () => SILENCE)
    const connection = await open(broker)
    const waiting = failure(connection.send(heartbeat, beat(1)))
    connection.close()
    expect(await waiting).toMatchObject({ code: 'HEL_CLOSED', retriable: false })
    await broker.until(() => broker.openConnections === 0)
  })
})

describe('a hostile broker', () => {
  const size = (bytes: number) => {
    const frame = Buffer.alloc(4)
    frame.writeInt32BE(bytes)
    return frame
  }
  it.each([
    ['announces a frame of 1 GB', () => size(1_000_000_000), /sent a frame of 1000000000 bytes/],
    ['announces a negative frame', () => size(-5), /sent a frame of -5 bytes/],
    ['sends an empty frame', () => size(0), /answered request undefined/],
    ['speaks HTTP', () => Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), /sent a frame of 1213486160 bytes/],
    ['cuts the answer short', () => Buffer.concat([size(6), Buffer.alloc(6)]), /answered request 0|cannot be read/],
  ])('that %s is disconnected with the reason', async (_, bytes, message) => {
    const broker = await start()
    broker.on(heartbeat, (_, call) => call.raw(bytes()))
    const connection = await open(broker)
    const before = process.memoryUsage().rss
    const error = await failure(connection.send(heartbeat, beat(1)))
    expect(error.code).toBe('HEL_PROTOCOL')
    expect(error.message).toMatch(message)
    expect(error.message).toContain(`127.0.0.1:${broker.address.port}`)
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * 1024 * 1024)
    await broker.until(() => broker.openConnections === 0)
  })

  it('that answers another request than the next is disconnected', async () => {
    const broker = await start()
    broker.on(heartbeat, (_, call) =>
      call.raw(answerFrame({ ...call, correlationId: call.correlationId + 1 }, heartbeat, { errorCode: 0 })),
    )
    const connection = await open(broker)
    const answers = [connection.send(heartbeat, beat(1)), connection.send(heartbeat, beat(2))]
    for (const answer of answers)
      expect((await failure(answer)).message).toContain('answered request 2 where 1 was next')
  })

  it('that answers what was never asked is disconnected, and the answers before it stand', async () => {
    const broker = await start()
    broker.on(heartbeat, (_, call) => {
      const frame = answerFrame(call, heartbeat, { errorCode: 0, throttleTimeMs: 9 })
      return call.raw(Buffer.concat([frame, frame]))
    })
    const connection = await open(broker)
    const reason = new Promise<HeliostatError>((resolve) => connection.onClose(resolve))
    expect(await connection.send(heartbeat, beat(1))).toMatchObject({ throttleTimeMs: 9 })
    expect((await reason).message).toContain('answered a request that was never sent')
  })

  it('that sends any bytes at all neither crashes nor hangs its client', async () => {
    const broker = await start()
    let bytes = Buffer.alloc(0)
    broker.on(heartbeat, (_, call) => {
      call.raw(bytes)
      return call.close()
    })
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 64 }), fc.boolean(), async (noise, plausible) => {
        // Half of them with a true size and correlation id, so that they reach the decoder.
        const head = Buffer.alloc(8)
        head.writeInt32BE(noise.length + 4, 0)
        head.writeInt32BE(1, 4)
        bytes = plausible ? Buffer.concat([head, noise]) : Buffer.from(noise)
        const connection = await open(broker)
        const outcome = await connection.send(heartbeat, beat(1)).catch((error) => error)
        connection.close()
        if (outcome instanceof Error) expect(outcome).toBeInstanceOf(HeliostatError)
        else expect(outcome).toHaveProperty('errorCode')
      }),
      { numRuns: 150 },
    )
  })
})
