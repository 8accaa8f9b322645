import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, type FetchShape, fetchOf, makeTopic, produceOf } from '../requests.ts'

async function ask(connection: Connection, topic: string, shape: FetchShape = {}) {
  const { responses } = await connection.send(fetch, fetchOf(topic, shape), { version: 12 })
  return responses[0]!.partitions[0]!
}

/** Base offsets of the batches in an answer. */
function offsets(records: readonly Buffer[] | null): number[] {
  return splitBatches(Buffer.concat(records ?? [])).batches.map(({ baseOffset }) => baseOffset)
}

async function topicOfThreeBatches() {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't', { partitions: 2 })
  for (const value of ['a', 'b', 'c']) await produceOf(connection, 't', batchOf([value.repeat(100), value]))
  return { cluster, connection }
}

it('gives whole batches from the one that holds the offset', async () => {
  const { connection } = await topicOfThreeBatches()
  expect(offsets((await ask(connection, 't')).records)).toEqual([0, 2, 4])
  expect(offsets((await ask(connection, 't', { offset: 3 })).records)).toEqual([2, 4])
  expect(await ask(connection, 't', { offset: 6 })).toMatchObject({
    errorCode: 0,
    highWatermark: 6,
    logStartOffset: 0,
    records: [],
  })
})

it('keeps to the limits, but always gives one batch', async () => {
  const { connection } = await topicOfThreeBatches()
  expect(offsets((await ask(connection, 't', { maxBytes: 1 })).records)).toEqual([0])
  expect(offsets((await ask(connection, 't', { partitionMaxBytes: 1 })).records)).toEqual([0])
  const size = batchOf(['a'.repeat(100), 'a']).length
  expect(offsets((await ask(connection, 't', { partitionMaxBytes: 2 * size })).records)).toEqual([0, 2])
  await produceOf(connection, 't', batchOf(['other']), { partition: 1 })
  const both = fetchOf('t', { maxBytes: size })
  const topics = [
    { topic: 't', partitions: [0, 1].map((partition) => ({ ...both.topics[0]!.partitions[0]!, partition })) },
  ]
  const { responses } = await connection.send(fetch, { ...both, topics }, { version: 12 })
  expect(responses[0]!.partitions.map(({ records }) => offsets(records))).toEqual([[0], []])
})

it.each([
  ['an offset beyond the end', { offset: 7 }, ErrorCode.OFFSET_OUT_OF_RANGE],
  ['an offset before the start', { offset: -1 }, ErrorCode.OFFSET_OUT_OF_RANGE],
  ['a partition that is not there', { partition: 5 }, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION],
  ['a leader epoch to come', { currentLeaderEpoch: 1 }, ErrorCode.UNKNOWN_LEADER_EPOCH],
])('answers %s with its error and no offsets', async (_what, shape, errorCode) => {
  const { connection } = await topicOfThreeBatches()
  const answer = await ask(connection, 't', { ...shape, maxWaitMs: 10_000 })
  expect(answer).toMatchObject({ errorCode, highWatermark: -1, logStartOffset: -1, records: [] })
})

it('tells a reader that it went beyond what the epoch holds', async () => {
  const { connection } = await topicOfThreeBatches()
  const answer = await ask(connection, 't', { offset: 9, lastFetchedEpoch: 0 })
  expect(answer).toMatchObject({ errorCode: 0, divergingEpoch: { epoch: 0, endOffset: 6 }, records: [] })
})

it('goes on with a session in a version that cannot tell of divergence', async () => {
  const { connection } = await topicOfThreeBatches()
  const request = fetchOf('t', { offset: 9, lastFetchedEpoch: 0, sessionEpoch: 0 })
  const { sessionId } = await connection.send(fetch, request, { version: 12 })
  const next = { ...request, topics: [], sessionId, sessionEpoch: 1 }
  const { responses } = await connection.send(fetch, next, { version: 7 })
  expect(responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, records: [] })
})

it('answers a wait as soon as enough bytes are there, and not before', async () => {
  const { cluster, connection } = await topicOfThreeBatches()
  const reader = await cluster.connect()
  const size = batchOf(['x']).length
  let answered = false
  const waiting = ask(reader, 't', { offset: 6, minBytes: 2 * size, maxWaitMs: 30_000 }).finally(
    () => (answered = true),
  )
  await produceOf(connection, 't', batchOf(['x']))
  await ask(connection, 't')
  expect(answered).toBe(false)
  await produceOf(connection, 't', batchOf(['y']))
  expect(offsets((await waiting).records)).toEqual([6, 7])
})

it('answers a wait with nothing when its time is up', async () => {
  const { connection } = await topicOfThreeBatches()
  expect(await ask(connection, 't', { offset: 6, maxWaitMs: 20 })).toMatchObject({
    errorCode: 0,
    highWatermark: 6,
    records: [],
  })
})

it('ends a wait when the topic is deleted', async () => {
  const { cluster, connection } = await topicOfThreeBatches()
  const reader = await cluster.connect()
  const waiting = ask(reader, 't', { offset: 6, maxWaitMs: 30_000 })
  await connection.send(deleteTopics, { topicNames: ['t'], timeoutMs: 1000 }, { version: 5 })
  expect((await waiting).errorCode).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
})

it('reads by topic id, and knows the ids of topics that are gone', async () => {
  const connection = await (await embeddedCluster()).connect()
  const topicId = await makeTopic(connection, 't')
  await produceOf(connection, 't', batchOf(['x']))
  const { partitions } = fetchOf('t').topics[0]!
  const byId = async (id: string) => {
    const { responses } = await connection.send(
      fetch,
      { ...fetchOf('t'), topics: [{ topicId: id, partitions }] },
      { version: 17 },
    )
    return { id: responses[0]!.topicId, ...responses[0]!.partitions[0]! }
  }
  expect(offsets((await byId(topicId)).records)).toEqual([0])
  expect(await byId('doCJEnIoSgSVKzd1Vm1rKw')).toMatchObject({
    id: 'doCJEnIoSgSVKzd1Vm1rKw',
    errorCode: ErrorCode.UNKNOWN_TOPIC_ID,
  })
  await connection.send(deleteTopics, { topicNames: ['t'], timeoutMs: 1000 }, { version: 5 })
  expect(await makeTopic(connection, 't')).not.toBe(topicId)
  expect(await byId(topicId)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_ID })
})

it('answers an incremental fetch with what changed alone', async () => {
  const { connection } = await topicOfThreeBatches()
  const all = (sessionId: number, sessionEpoch: number, partitions: readonly number[], offset = 6) => {
    const { topics, ...request } = fetchOf('t', { sessionId, sessionEpoch, offset })
    const asked = partitions.map((partition) => ({
      ...topics[0]!.partitions[0]!,
      partition,
      fetchOffset: partition === 0 ? offset : 0,
    }))
    return connection.send(
      fetch,
      { ...request, topics: asked.length > 0 ? [{ topic: 't', partitions: asked }] : [] },
      { version: 12 },
    )
  }
  const told = (answer: Awaited<ReturnType<typeof all>>) =>
    answer.responses.flatMap(({ partitions }) => partitions.map(({ partitionIndex }) => partitionIndex))
  const first = await all(0, 0, [0, 1])
  expect(first.sessionId).toBeGreaterThan(0)
  expect(told(first)).toEqual([0, 1])
  expect(told(await all(first.sessionId, 1, []))).toEqual([])
  await produceOf(connection, 't', batchOf(['x']), { partition: 1 })
  expect(told(await all(first.sessionId, 2, []))).toEqual([1])
  expect((await all(first.sessionId, 9, [])).errorCode).toBe(ErrorCode.INVALID_FETCH_SESSION_EPOCH)
  expect((await all(first.sessionId, -1, [])).errorCode).toBe(ErrorCode.NONE)
  expect((await all(first.sessionId, 3, [])).errorCode).toBe(ErrorCode.FETCH_SESSION_ID_NOT_FOUND)
})

it('gives read_committed readers a list of aborted transactions, others none', async () => {
  const { connection } = await topicOfThreeBatches()
  expect((await ask(connection, 't', { isolationLevel: 1 })).abortedTransactions).toEqual([])
  expect((await ask(connection, 't')).abortedTransactions).toBeNull()
})
