import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { deleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, makeTopic, produceOf, TIME } from '../requests.ts'

/** A topic of five records, a millisecond apart, and an empty one. */
async function connected(): Promise<Connection> {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't')
  await makeTopic(connection, 'empty')
  await produceOf(connection, 't', batchOf(['a', 'b', 'c', 'd', 'e']))
  return connection
}

async function ask(
  connection: Connection,
  timestamp: number,
  options: { topic?: string; version?: number; epoch?: number } = {},
) {
  const { topic = 't', version = 11, epoch = -1 } = options
  const partitions = [{ partitionIndex: 0, timestamp, currentLeaderEpoch: epoch }]
  const isolation = version >= 2 ? { isolationLevel: 1 } : {}
  const { topics } = await connection.send(
    listOffsets,
    { replicaId: -1, ...isolation, topics: [{ name: topic, partitions }] },
    { version },
  )
  return topics[0]!.partitions[0]!
}

it('finds the ends, the greatest timestamp, and the first record that is not earlier', async () => {
  const connection = await connected()
  expect(await ask(connection, -1)).toMatchObject({ errorCode: 0, offset: 5, timestamp: -1, leaderEpoch: 0 })
  expect(await ask(connection, -2)).toMatchObject({ errorCode: 0, offset: 0, timestamp: -1, leaderEpoch: 0 })
  expect(await ask(connection, -3)).toMatchObject({ errorCode: 0, offset: 4, timestamp: TIME + 4, leaderEpoch: 0 })
  expect(await ask(connection, -4)).toMatchObject({ errorCode: 0, offset: 0 })
  expect(await ask(connection, -5)).toMatchObject({ errorCode: 0, offset: -1 })
  expect(await ask(connection, TIME + 2)).toMatchObject({ errorCode: 0, offset: 2, timestamp: TIME + 2 })
  expect(await ask(connection, TIME + 5)).toMatchObject({ errorCode: 0, offset: -1, timestamp: -1 })
})

it('answers for a topic without records', async () => {
  const connection = await connected()
  expect(await ask(connection, -1, { topic: 'empty' })).toMatchObject({ offset: 0, leaderEpoch: 0 })
  expect(await ask(connection, -3, { topic: 'empty' })).toMatchObject({ errorCode: 0, offset: -1 })
})

it('knows the special timestamps only in the versions that have them', async () => {
  const connection = await connected()
  expect(await ask(connection, -3, { version: 6 })).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION })
  expect(await ask(connection, -4, { version: 7 })).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION })
  expect(await ask(connection, -1, { version: 1 })).toMatchObject({ errorCode: 0, offset: 5, leaderEpoch: -1 })
})

it('refuses unknown partitions, foreign epochs and repeated partitions', async () => {
  const connection = await connected()
  expect(await ask(connection, -1, { topic: 'absent' })).toMatchObject({
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  })
  expect(await ask(connection, -1, { epoch: 2 })).toMatchObject({ errorCode: ErrorCode.UNKNOWN_LEADER_EPOCH })
  const twice = [0, 0].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  const { topics } = await connection.send(listOffsets, { replicaId: -1, topics: [{ name: 't', partitions: twice }] })
  expect(topics[0]!.partitions).toMatchObject([{ partitionIndex: 0, errorCode: ErrorCode.INVALID_REQUEST }])
})

it('moves the start up as records are deleted', async () => {
  const connection = await connected()
  await makeTopic(connection, 'compacted', { configs: { 'cleanup.policy': 'compact' } })
  const remove = async (offset: number, name = 't') => {
    const topics = [{ name, partitions: [{ partitionIndex: 0, offset }] }]
    return (await connection.send(deleteRecords, { topics, timeoutMs: 1000 })).topics[0]!.partitions[0]!
  }
  expect(await remove(3)).toMatchObject({ errorCode: 0, lowWatermark: 3 })
  expect(await remove(1)).toMatchObject({ errorCode: 0, lowWatermark: 3 })
  expect(await ask(connection, -2)).toMatchObject({ offset: 3 })
  expect(await ask(connection, TIME)).toMatchObject({ offset: 3 })
  expect(await remove(9)).toMatchObject({ errorCode: ErrorCode.OFFSET_OUT_OF_RANGE, lowWatermark: -1 })
  expect(await remove(-1)).toMatchObject({ errorCode: 0, lowWatermark: 5 })
  expect(await remove(0, 'absent')).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
  expect(await remove(0, 'compacted')).toMatchObject({ errorCode: ErrorCode.POLICY_VIOLATION })
})
