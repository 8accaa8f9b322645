import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.ts'
import { describeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { offsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, fetchOf, makeTopic, produceOf, TIME } from '../requests.ts'

async function connected(): Promise<Connection> {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't', { partitions: 2 })
  return connection
}

async function stored(connection: Connection, topic: string) {
  const { responses } = await connection.send(fetch, fetchOf(topic), { version: 12 })
  return splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? [])).batches
}

it('stores a batch as it came but for its offset and epoch', async () => {
  const connection = await connected()
  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    await produceOf(connection, 't', batchOf(['a', 'b', 'c'], { compression }))
  }
  const batches = await stored(connection, 't')
  expect(batches.map(({ baseOffset, compression, count }) => [baseOffset, compression, count])).toEqual([
    [0, 'none', 3],
    [3, 'gzip', 3],
    [6, 'snappy', 3],
    [9, 'lz4', 3],
    [12, 'zstd', 3],
  ])
  for (const batch of batches) {
    expect(batch.crcIsValid()).toBe(true)
    expect(batch.partitionLeaderEpoch).toBe(0)
    expect(batch.records().map(({ value, timestamp }) => [value!.toString(), timestamp])).toEqual([
      ['a', TIME],
      ['b', TIME + 1],
      ['c', TIME + 2],
    ])
  }
})

it('answers each served version in its own form', async () => {
  const connection = await connected()
  for (let version = 3; version <= 12; version++) {
    const answer = await produceOf(connection, 't', batchOf(['x']), { version })
    expect(answer).toMatchObject({ errorCode: 0, baseOffset: version - 3, logAppendTimeMs: -1 })
  }
})

it('takes batches by topic id', async () => {
  const connection = await (await embeddedCluster()).connect()
  const topicId = await makeTopic(connection, 't')
  const send = async (id: string) => {
    const topicData = [{ topicId: id, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }]
    const { responses } = await connection.send(produce, { acks: -1, timeoutMs: 1000, topicData }, { version: 13 })
    return responses[0]!
  }
  expect(await send(topicId)).toMatchObject({ topicId, partitionResponses: [{ errorCode: 0, baseOffset: 0 }] })
  const unknown = [{ errorCode: ErrorCode.UNKNOWN_TOPIC_ID }]
  expect(await send('doCJEnIoSgSVKzd1Vm1rKw')).toMatchObject({ partitionResponses: unknown })
})

const damaged = batchOf(['x'])
damaged[damaged.length - 1]! ^= 1
const REFUSED: readonly [string, Buffer, ErrorName][] = [
  ['two batches at once', Buffer.concat([batchOf(['x']), batchOf(['y'])]), 'INVALID_RECORD'],
  ['half a batch', batchOf(['x']).subarray(0, 40), 'INVALID_RECORD'],
  ['nothing', Buffer.alloc(0), 'INVALID_RECORD'],
  ['a damaged batch', damaged, 'CORRUPT_MESSAGE'],
  ['a batch that begins at offset 5', batchOf(['x'], { baseOffset: 5 }), 'INVALID_RECORD'],
  [
    'a transactional batch',
    batchOf(['x'], { transactional: true, producerId: 1, producerEpoch: 0, baseSequence: 0 }),
    'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
  ],
  ['a batch larger than the topic takes', batchOf(['x'.repeat(2_000_000)]), 'MESSAGE_TOO_LARGE'],
]

it.each(REFUSED)('refuses %s', async (_what, records, name) => {
  const connection = await connected()
  const answer = await produceOf(connection, 't', records)
  expect(answer).toMatchObject({ errorCode: ErrorCode[name], baseOffset: -1 })
  expect(await stored(connection, 't')).toEqual([])
})

it('names the records that a compacted topic does not take', async () => {
  const connection = await connected()
  await makeTopic(connection, 'compacted', { configs: { 'cleanup.policy': 'compact' } })
  const keyless = { timestamp: TIME, key: null, value: 'x' }
  const answer = await produceOf(connection, 'compacted', buildBatch([keyless, { ...keyless, key: 'k' }, keyless]))
  expect(answer.errorCode).toBe(ErrorCode.INVALID_RECORD)
  expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([0, 2])
})

it('refuses strange acks, zstd in old versions, internal topics, and a partition named twice', async () => {
  const connection = await connected()
  const code = async (...args: Parameters<typeof produceOf> extends [unknown, ...infer Rest] ? Rest : never) =>
    (await produceOf(connection, ...args)).errorCode
  expect(await code('t', batchOf(['x']), { acks: 2 })).toBe(ErrorCode.INVALID_REQUIRED_ACKS)
  expect(await code('t', batchOf(['x'], { compression: 'zstd' }), { version: 6 })).toBe(
    ErrorCode.UNSUPPORTED_COMPRESSION_TYPE,
  )
  await makeTopic(connection, '__consumer_offsets')
  expect(await code('__consumer_offsets', batchOf(['x']))).toBe(ErrorCode.INVALID_TOPIC_EXCEPTION)
  const data = { index: 0, records: [batchOf(['x'])] }
  const request = { acks: 1, timeoutMs: 1000, topicData: [{ name: 't', partitionData: [data, data] }] }
  const { responses } = await connection.send(produce, request, { version: 12 })
  expect(responses[0]!.partitionResponses.map(({ errorCode }) => errorCode)).toEqual([0, ErrorCode.INVALID_REQUEST])
})

it('cuts off what is not whole behind a batch, and tells where the log starts when it refuses one', async () => {
  const connection = await connected()
  const trailing = Buffer.concat([batchOf(['a']), Buffer.from('rubbish')])
  expect(await produceOf(connection, 't', trailing)).toMatchObject({ errorCode: 0, baseOffset: 0, logStartOffset: 0 })
  expect((await stored(connection, 't')).map(({ count }) => count)).toEqual([1])
  const first = batchOf(['b'], { producerId: 7, producerEpoch: 0, baseSequence: 0 })
  await produceOf(connection, 't', first)
  const later = batchOf(['c'], { producerId: 7, producerEpoch: 0, baseSequence: 9 })
  expect(await produceOf(connection, 't', later)).toMatchObject({
    errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
    logStartOffset: 0,
  })
  const damaged = batchOf(['d'])
  damaged[20]! ^= 1
  expect(await produceOf(connection, 't', damaged)).toMatchObject({
    errorCode: ErrorCode.CORRUPT_MESSAGE,
    logStartOffset: -1,
  })
})

it('stamps the batches of a LogAppendTime topic and says when', async () => {
  const connection = await connected()
  await makeTopic(connection, 'stamped', { configs: { 'message.timestamp.type': 'LogAppendTime' } })
  const { logAppendTimeMs } = await produceOf(connection, 'stamped', batchOf(['x']))
  expect(logAppendTimeMs).toBeGreaterThan(TIME)
  const [batch] = await stored(connection, 'stamped')
  expect(batch).toMatchObject({ timestampType: 'LogAppendTime', maxTimestamp: logAppendTimeMs })
})

it('knows an idempotent producer: duplicates, gaps and epochs', async () => {
  const connection = await connected()
  const { producerId, producerEpoch } = await connection.send(initProducerId, {
    transactionalId: null,
    transactionTimeoutMs: 1000,
  })
  expect(producerEpoch).toBe(0)
  const send = (baseSequence: number, epoch = 0) =>
    produceOf(connection, 't', batchOf(['x'], { producerId, producerEpoch: epoch, baseSequence }))
  expect(await send(0)).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await send(1)).toMatchObject({ errorCode: 0, baseOffset: 1 })
  expect(await send(0)).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await send(5)).toMatchObject({ errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER })
  expect(await send(0, 1)).toMatchObject({ errorCode: 0, baseOffset: 2 })
  expect(await send(2, 0)).toMatchObject({ errorCode: ErrorCode.INVALID_PRODUCER_EPOCH })
  const { topics } = await connection.send(describeProducers, { topics: [{ name: 't', partitionIndexes: [0] }] })
  expect(topics[0]!.partitions[0]!.activeProducers).toMatchObject([{ producerId, producerEpoch: 1, lastSequence: 0 }])
})

it('gives out producer ids once, and none to transactions that it does not coordinate', async () => {
  const connection = await connected()
  const ask = (transactionalId: string | null) =>
    connection.send(initProducerId, { transactionalId, transactionTimeoutMs: 1000 }, { version: 4 })
  const ids = await Promise.all(Array.from({ length: 1500 }, () => ask(null)))
  expect(new Set(ids.map(({ producerId }) => producerId)).size).toBe(1500)
  expect(await ask('tx')).toMatchObject({ errorCode: ErrorCode.NOT_COORDINATOR, producerId: -1 })
  expect(await ask('')).toMatchObject({ errorCode: ErrorCode.INVALID_REQUEST })
})

it('says where a leader epoch ends', async () => {
  const connection = await connected()
  await produceOf(connection, 't', batchOf(['x', 'y']))
  const ask = async (leaderEpoch: number, partition = 0, currentLeaderEpoch = -1) => {
    const partitions = [{ partition, leaderEpoch, currentLeaderEpoch }]
    const { topics } = await connection.send(offsetForLeaderEpoch, {
      replicaId: -1,
      topics: [{ topic: 't', partitions }],
    })
    return topics[0]!.partitions[0]!
  }
  expect(await ask(0)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 2 })
  expect(await ask(0, 1)).toMatchObject({ errorCode: 0, leaderEpoch: 0, endOffset: 0 })
  expect(await ask(5)).toMatchObject({ errorCode: 0, leaderEpoch: -1, endOffset: -1 })
  expect(await ask(0, 0, 3)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH })
  expect(await ask(0, 7)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
})
