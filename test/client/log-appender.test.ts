// Sixteen slots that write at the same moment are one request, not sixteen.
import { expect, onTestFinished, test } from 'vitest'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { LogAppender } from '../../src/client/log-appender.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { batchOf } from '../broker/requests.ts'
import { testPlatform } from '../support/log-content.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

const REFUSED = 2
const LEADERLESS = 3

/** A broker that appends at 10, and has partitions 0 to 2 of one topic; what it is asked is told partition by partition. */
async function appending() {
  const broker = await ScriptedBroker.start()
  onTestFinished(() => broker.stop())
  const { host, port } = broker.address
  const partitions = [0, 1, REFUSED, LEADERLESS].map((partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId: partitionIndex === LEADERLESS ? -1 : 1,
    leaderEpoch: 0,
    replicaNodes: [1],
    isrNodes: [1],
    offlineReplicas: [],
  }))
  broker.on(metadata, () => ({
    brokers: [{ nodeId: 1, host, port, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: [{ errorCode: 0, name: 't', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', isInternal: false, partitions }],
  }))
  const asked: number[][] = []
  broker.on(produce, ({ topicData }) => {
    const indexes = topicData.flatMap(({ partitionData }) => partitionData.map(({ index }) => index))
    asked.push(indexes)
    const partitionResponses = indexes.map((index) => ({
      index,
      errorCode: index === REFUSED ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.NONE,
      baseOffset: 10,
    }))
    return { responses: [{ name: 't', partitionResponses }] }
  })
  const client = new ClusterClient(testPlatform, { bootstrap: [broker.address], clientId: 'test' })
  onTestFinished(() => client.close())
  await client.refresh()
  const appender = new LogAppender(testPlatform, client)
  const append = (partition: number, batch = batchOf(['x'])) =>
    appender.append(TopicPartition.of('t', partition), batch)
  return { broker, asked, append }
}

test('what is handed over together leaves together, and each partition has its own answer', async () => {
  const { asked, append } = await appending()
  const answers = await Promise.all([append(0), append(REFUSED), append(1)])
  expect(answers).toMatchObject([
    { errorCode: 0, baseOffset: 10 },
    { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER },
    { errorCode: 0 },
  ])
  expect(asked).toEqual([[0, REFUSED, 1]])
})

test('a partition is named once in a request, and large batches do not add up', async () => {
  const { asked, append } = await appending()
  await Promise.all([append(0), append(1), append(0)])
  const large = batchOf(['x'.repeat(700_000)])
  await Promise.all([append(0, large), append(1, large), append(REFUSED)])
  expect(asked).toEqual([[0, 1], [0], [0], [1, REFUSED]])
})

test('without a leader, and without an answer, nothing is said to be appended', async () => {
  const { broker, asked, append } = await appending()
  await expect(append(LEADERLESS)).rejects.toMatchObject({ code: 'HEL_NO_LEADER', retriable: true })
  expect(asked).toEqual([])
  broker.on(produce, (_, call) => call.close())
  await expect(append(0)).rejects.toMatchObject({ retriable: true })
})
