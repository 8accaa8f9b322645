// Threads that cannot carry what they are told, that end, and that answer too late; on one thread, where what is posted is cloned.
import { expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { GapLedger } from '../../src/mirror/gap-ledger.ts'
import { sumOfHistograms } from '../../src/mirror/latency.ts'
import type { Plane, PlaneListener, PlaneStatus } from '../../src/mirror/plane.ts'
import type { MainCalls } from '../../src/mirror/plane-calls.ts'
import { planeHost } from '../../src/mirror/plane-host.ts'
import type { PartitionStatus } from '../../src/mirror/status.ts'
import { WorkerPool } from '../../src/mirror/worker-pool.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import type { LogFields, Platform } from '../../src/platform/platform.ts'
import { ThreadCalls } from '../../src/platform/thread-calls.ts'
import { FakeClock } from '../support/fake-clock.ts'

const LISTENER: PlaneListener = {
  working: () => {},
  slotTaken: () => {},
  syncTopic: () => Promise.reject(new Error('unused')),
  batchBytesMax: () => Promise.reject(new Error('unused')),
  gapWritten: () => {},
}
const ORDERS = { topic: 'orders', remoteTopic: 'east.orders' }

function statusOf(records: number): PlaneStatus {
  const partition = { partition: 0, state: 'running', rpoMs: 5, records, bytes: 10 * records, fetchedBytes: 0 }
  const partitions = [{ ...partition, rewritten: {}, gaps: [] } as unknown as PartitionStatus]
  const idle = { unreachable: { source: 0, target: 0 }, isSourceSilent: false, bufferedBytes: 0, bufferedBytesMax: 0 }
  const topics = records === 0 ? [] : [{ ...ORDERS, partitions }]
  return { ...idle, openSlots: 1, openingSlots: 0, topics, errors: {}, latency: sumOfHistograms([]) }
}

/** A plane on one of these threads tells as many records as the case says, and notes what it is told. */
function world() {
  const clock = new FakeClock()
  const logged: string[] = []
  const said: string[] = []
  const threads: { end(): void; readonly startedAt: number }[] = []
  const its = { records: 0, isStuck: false, refusal: undefined as string | undefined, leaving: Promise.resolve() }
  const client = { refresh: async () => {}, close: () => {} } as unknown as ClusterClient
  const make = () => {
    if (its.refusal) throw new HeliostatError('HEL_CONFIG', its.refusal)
    const noted = (what: string) => (slots: readonly number[]) => void said.push(`${what} ${slots}`)
    const plane = {
      begin: (count: number) => void said.push(`begin ${count}`),
      own: noted('own'),
      drop: noted('drop'),
      synced: () => {},
      pause: () => void said.push('pause'),
      ownedPartitions: () => [],
      status: () => statusOf(its.records),
      drain: async () => {},
      leave: () => its.leaving,
    } as unknown as Plane
    return { plane, source: client, target: client, gapLedger: { refresh: async () => {} } as GapLedger }
  }
  const written = (event: string, message: string, _: LogFields) => void logged.push(`${event} ${message}`)
  const platform = {
    clock,
    random: { fraction: () => 0.5 },
    log: { error: written, warn: written },
    threads: {
      cores: 2,
      start: (_: URL, listener: { posted(message: unknown): void; ended(error: Error | undefined): void }) => {
        let isOver = false
        const calls: ThreadCalls<MainCalls> = new ThreadCalls<MainCalls>(
          planeHost(clock, () => calls, make),
          (message) => !isOver && !its.isStuck && listener.posted(structuredClone(message)),
        )
        const end = (error?: Error) => {
          isOver = true
          listener.ended(error)
        }
        threads.push({ end: () => end(new Error('out of memory')), startedAt: clock.monotonic() })
        return {
          post: (message: unknown) => !isOver && calls.received(structuredClone(message)),
          stop: async () => end(),
        }
      },
    },
  } as unknown as Platform
  const pool = new WorkerPool(platform, new URL('file:///worker.ts'), 1)
  const plane = () => pool.planes('east->west', {}, LISTENER)[0]!
  return { clock, logged, said, threads, its, plane }
}

test('a flow that its thread cannot carry is told of, tried again, and then told all that was said meanwhile', async () => {
  const { clock, logged, said, threads, its, plane } = world()
  its.refusal = 'clusters.west.tls.cert (client.pem) is empty'
  const refused = plane()
  await clock.advance(0)
  refused.begin(4, [])
  refused.own([1, 3])
  refused.pause()
  await clock.advance(5_500)
  expect(said).toEqual([])
  expect(refused.status()).toMatchObject({ openingSlots: 2, errors: { HEL_CONFIG: 6 } })
  expect(logged).toEqual([
    'worker.flow-refused clusters.west.tls.cert (client.pem) is empty; east->west is tried again',
  ])
  its.refusal = undefined
  await clock.advance(1_000)
  expect(said).toEqual(['pause', 'begin 4', 'own 1,3'])
  expect(threads).toHaveLength(1)
})

test('counters go on, and partitions are shown, while a thread is replaced by another', async () => {
  const { clock, logged, said, threads, its, plane } = world()
  const carried = plane()
  carried.begin(4, [])
  carried.own([0, 1, 2, 3])
  its.records = 7
  await clock.advance(1_000)
  const seen = () =>
    carried.status().topics.flatMap(({ topic, partitions }) => partitions.map((one) => ({ topic, ...one })))
  expect(seen()).toMatchObject([{ topic: 'orders', state: 'running', records: 7, bytes: 70 }])
  threads[0]!.end()
  const reason = 'worker thread 1 has ended: out of memory'
  expect(seen()).toMatchObject([{ state: 'recovering', reason, records: 7, rpoMs: 5 }])
  expect(logged).toEqual([`worker.ended ${reason}; it is started again`])
  its.records = 0 // the next one has opened nothing yet
  said.length = 0
  await clock.advance(4_000)
  expect([threads.length, said]).toEqual([2, ['begin 4', 'own 0,1,2,3']])
  expect(seen()).toMatchObject([{ state: 'recovering', records: 7 }])
  expect(seen()[0]!.rpoMs).toBeGreaterThan(4_000)
  its.records = 3
  await clock.advance(1_000)
  expect(seen()).toMatchObject([{ state: 'running', records: 10, bytes: 100, rpoMs: 5 }])
  expect(carried.status().errors).toEqual({ HEL_WORKER_ENDED: 1 })
})

test('a thread that is stuck is told of, and ended when it stays so', async () => {
  const { clock, logged, threads, its, plane } = world()
  const carried = plane()
  carried.begin(4, [])
  carried.own([0])
  its.records = 1
  await clock.advance(1_000)
  const seen = () =>
    carried.status().topics.flatMap(({ partitions }) => partitions.map(({ state, reason }) => [state, reason]))
  its.isStuck = true
  await clock.advance(9_000)
  expect(seen()).toEqual([['running', undefined]])
  await clock.advance(6_000)
  expect(seen()).toEqual([['recovering', expect.stringMatching(/^worker thread 1 has not answered for 1\d s$/)]])
  expect(logged).toEqual(['worker.silent worker thread 1 has not answered for 10 s'])
  its.isStuck = false
  await clock.advance(1_000)
  expect(seen()).toEqual([['running', undefined]])
  its.isStuck = true
  await clock.advance(58_000)
  expect(threads).toHaveLength(1)
  await clock.advance(2_500)
  its.isStuck = false
  await clock.advance(1_000)
  expect(threads).toHaveLength(2)
  expect(logged.at(-1)).toBe('worker.ended worker thread 1 has ended: it did not answer for 60 s; it is started again')
  expect(seen()).toEqual([['running', undefined]])
})

test('a thread that ends again and again is started ever more seldom, until one has lived for a while', async () => {
  const { clock, threads, plane } = world()
  plane()
  const pauses: number[] = []
  const endAgain = async () => {
    const at = clock.monotonic()
    threads.at(-1)!.end()
    await clock.advance(10_000)
    pauses.push(threads.at(-1)!.startedAt - at)
  }
  for (let times = 0; times < 8; times++) await endAgain()
  expect(pauses).toEqual([100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000])
  await clock.advance(60_000)
  await endAgain()
  expect(pauses.at(-1)).toBe(100)
})

test('what one that left says late is not taken for the word of its flow’s next', async () => {
  const { clock, its, plane } = world()
  const before = plane()
  let left = () => {}
  its.leaving = new Promise((resolve) => {
    left = resolve
  })
  const leaving = before.leave()
  await clock.advance(5_000)
  await leaving
  const next = plane()
  next.begin(4, [])
  next.own([2])
  its.records = 9
  left()
  await clock.advance(0)
  expect(next.status().topics).toEqual([])
  await clock.advance(1_000)
  expect(next.status().topics).toMatchObject([{ topic: 'orders', partitions: [{ records: 9 }] }])
})
