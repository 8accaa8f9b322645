// A fetcher against a broker that says what a test wants: when it asks, and what it makes of the answers.
import { expect, onTestFinished, test } from 'vitest'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { ByteLimit, SharedLimits } from '../../src/source/byte-limit.ts'
import { Fetcher, type FetcherOptions } from '../../src/source/fetcher.ts'
import { FrameBudget } from '../../src/source/frame-lease.ts'
import { batchOf } from '../broker/requests.ts'
import { testPlatform } from '../support/log-content.ts'
import { ScriptedBroker, SILENCE } from '../support/scripted-broker.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

interface Said {
  readonly throttleTimeMs?: number
  readonly preferredReadReplica?: number
  readonly records?: Buffer
}

/** Answers the fetches with these, one after the other, then not at all; tells when each was asked. */
async function fetching(answers: readonly Said[], options: Partial<FetcherOptions> = {}, platform = testPlatform) {
  const broker = await ScriptedBroker.start()
  onTestFinished(() => broker.stop())
  const { host, port } = broker.address
  broker.on(metadata, () => ({
    brokers: [{ nodeId: 1, host, port, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: [],
  }))
  const asked: { atMs: number; maxWaitMs: number; maxBytes: number; rackId: string; offset: number }[] = []
  broker.on(fetch, (request) => {
    const { maxWaitMs, maxBytes, rackId, topics } = request
    const offset = topics[0]!.partitions[0]!.fetchOffset
    asked.push({ atMs: testPlatform.clock.monotonic(), maxWaitMs, maxBytes, rackId, offset })
    const said = answers[asked.length - 1]
    if (!said) return SILENCE
    const { throttleTimeMs = 0, preferredReadReplica = -1, records } = said
    const partition = {
      partitionIndex: 0,
      errorCode: 0,
      highWatermark: 9,
      abortedTransactions: null,
      preferredReadReplica,
    }
    const partitions = [{ ...partition, records: records ? [records] : [] }]
    return { throttleTimeMs, errorCode: 0, sessionId: 0, responses: [{ topic: 't', topicId: ID, partitions }] }
  })
  const client = new ClusterClient(testPlatform, { bootstrap: [broker.address], clientId: 'test' })
  onTestFinished(() => client.close())
  const preferred: number[] = []
  const fetcher = new Fetcher(
    platform,
    client,
    { nodeId: 1, isolation: 'read_committed', budget: new FrameBudget(1e6, 1e5, () => {}), ...options },
    {
      fetched: (_, { batches }) => ({ fetchOffset: batches.at(-1)?.nextOffset ?? 0, lastFetchedEpoch: 0 }),
      failed: () => {},
      preferred: (_, nodeId) => void preferred.push(nodeId),
      reachable: () => {},
    },
  )
  onTestFinished(() => fetcher.close())
  const topicPartition = TopicPartition.of('t', 0)
  fetcher.want({ topicPartition, topicId: ID, fetchOffset: 0, currentLeaderEpoch: 0, lastFetchedEpoch: -1 })
  return { broker, asked, preferred }
}

test('nothing is asked before the throttle time of the broker has passed', async () => {
  const { broker, asked } = await fetching([{ throttleTimeMs: 1_000 }, {}])
  await broker.until(() => asked.length === 3)
  expect(asked[1]!.atMs - asked[0]!.atMs).toBeGreaterThanOrEqual(995)
  expect(asked[2]!.atMs - asked[1]!.atMs).toBeLessThan(900)
})

test('nothing is asked before what came is paid, and not for more than a second of it', async () => {
  const records = batchOf(['a', 'b'])
  const limits = new SharedLimits([new ByteLimit(records.length * 5)], () => 1)
  const { broker, asked } = await fetching([{ records }, {}], { limits, maxBytes: 1_000_000 })
  await broker.until(() => asked.length === 2)
  expect(asked[1]!.atMs - asked[0]!.atMs).toBeGreaterThanOrEqual(195)
  expect(asked[0]!.maxBytes).toBe(records.length * 5)
})

test('a broker that has no room for a session is read all the same', async () => {
  const { broker, asked } = await fetching([{ records: batchOf(['a', 'b']) }])
  await broker.until(() => asked.length === 2)
  expect(asked.map(({ offset }) => offset)).toEqual([0, 2])
})

test('the broker is told where we stand, and a nearer replica that it names is handed on', async () => {
  const { broker, asked, preferred } = await fetching([{ preferredReadReplica: 7 }], { rack: 'oregon-1' })
  await broker.until(() => asked.length === 1)
  await expect.poll(() => preferred).toEqual([7])
  expect(asked).toMatchObject([{ rackId: 'oregon-1' }])
})

test('while partitions begin, one after the other, nobody waits for the long poll of those before', async () => {
  const { clock } = testPlatform
  let passedMs = 0
  const later = { ...clock, monotonic: () => clock.monotonic() + passedMs }
  const first = {
    get records() {
      passedMs = 10_000
      return batchOf(['a'])
    },
  }
  const { broker, asked } = await fetching([first, {}], {}, { ...testPlatform, clock: later })
  await broker.until(() => asked.length === 2)
  expect(asked[0]!.maxWaitMs).toBeLessThanOrEqual(50)
  expect(asked[1]!.maxWaitMs).toBe(500)
})
