// CreateTopics, CreatePartitions, DeleteTopics, and how Metadata, DescribeTopicPartitions and DescribeCluster show the outcome.
import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.ts'
import { createPartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { describeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { describeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { describeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { ZERO_UUID } from '../../../src/protocol/schema.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, makeTopic, produceOf } from '../requests.ts'

const connected = async () => (await embeddedCluster()).connect()

const shape = { name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }
type Shape = Partial<{ [Key in keyof typeof shape]: unknown }>

async function create(connection: Connection, wanted: Shape, validateOnly = false) {
  const { topics } = await connection.send(createTopics, {
    topics: [{ ...shape, ...wanted } as typeof shape],
    validateOnly,
  })
  return topics[0]!
}

async function names(connection: Connection): Promise<(string | null)[]> {
  return (await connection.send(metadata, { topics: null })).topics.map(({ name }) => name).sort()
}

const manual = (...assignments: [number, number[]][]) => ({
  numPartitions: -1,
  replicationFactor: -1,
  assignments: assignments.map(([partitionIndex, brokerIds]) => ({ partitionIndex, brokerIds })),
})

const REFUSED: readonly [string, Shape, ErrorName][] = [
  ['an empty name', { name: '' }, 'INVALID_TOPIC_EXCEPTION'],
  ['the name ..', { name: '..' }, 'INVALID_TOPIC_EXCEPTION'],
  ['a name with a space', { name: 'a b' }, 'INVALID_TOPIC_EXCEPTION'],
  ['a name of 250 characters', { name: 'x'.repeat(250) }, 'INVALID_TOPIC_EXCEPTION'],
  ['a name that looks the same in metrics', { name: 'there_is' }, 'INVALID_TOPIC_EXCEPTION'],
  ['a name that is taken', { name: 'there.is' }, 'TOPIC_ALREADY_EXISTS'],
  ['the metadata log', { name: '__cluster_metadata' }, 'INVALID_REQUEST'],
  ['no partitions', { numPartitions: 0 }, 'INVALID_PARTITIONS'],
  ['no replicas', { replicationFactor: 0 }, 'INVALID_REPLICATION_FACTOR'],
  ['more replicas than brokers', { replicationFactor: 2 }, 'INVALID_REPLICATION_FACTOR'],
  ['an assignment beside a count', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }, 'INVALID_REQUEST'],
  ['an assignment with a gap', manual([1, [1]]), 'INVALID_REPLICA_ASSIGNMENT'],
  ['an assignment that repeats itself', manual([0, [1]], [0, [1]]), 'INVALID_REPLICA_ASSIGNMENT'],
  ['an assignment to nobody', manual([0, []]), 'INVALID_REPLICA_ASSIGNMENT'],
  ['an assignment to a broker twice', manual([0, [1, 1]]), 'INVALID_REPLICA_ASSIGNMENT'],
  ['tiers', { configs: [{ name: 'remote.storage.enable', value: 'true' }] }, 'INVALID_CONFIG'],
  ['an assignment to a stranger', manual([0, [9]]), 'INVALID_REPLICA_ASSIGNMENT'],
  ['an unknown config', { configs: [{ name: 'retention', value: '1' }] }, 'INVALID_CONFIG'],
  ['a config of the wrong type', { configs: [{ name: 'retention.ms', value: 'long' }] }, 'INVALID_CONFIG'],
  ['a config without a value', { configs: [{ name: 'retention.ms', value: null }] }, 'INVALID_CONFIG'],
]

it.each(REFUSED)('does not create a topic with %s', async (_what, wanted, name) => {
  const connection = await connected()
  await makeTopic(connection, 'there.is')
  const answer = await create(connection, wanted)
  expect(answer).toMatchObject({ errorCode: ErrorCode[name], topicId: ZERO_UUID, numPartitions: -1 })
  expect(answer.errorMessage).toBeTruthy()
  expect(await names(connection)).toEqual(['there.is'])
})

it('creates with defaults, by assignment, and not at all when it only validates', async () => {
  const connection = await (await embeddedCluster({ config: { 'num.partitions': 3 } })).connect()
  expect(await create(connection, { name: 'v' }, true)).toMatchObject({
    errorCode: 0,
    // As Kafka, which draws an id also for what it will not create.
    topicId: expect.stringMatching(/^[\w-]{22}$/),
    numPartitions: 1,
  })
  expect(await create(connection, { name: 'd', numPartitions: -1, replicationFactor: -1 })).toMatchObject({
    numPartitions: 3,
    replicationFactor: 1,
  })
  expect(await create(connection, { name: 'm', ...manual([1, [1]], [0, [1]]) })).toMatchObject({
    errorCode: 0,
    numPartitions: 2,
  })
  const twice = [shape, shape]
  const { topics } = await connection.send(createTopics, { topics: twice })
  expect(topics).toMatchObject([{ name: 't', errorCode: ErrorCode.INVALID_REQUEST }])
  expect(await names(connection)).toEqual(['d', 'm'])
  // As in Kafka, names that look the same in metrics are held against topics that are there, not against each other.
  const alike = ['a.b', 'a_b'].map((name) => ({ ...shape, name }))
  expect((await connection.send(createTopics, { topics: alike })).topics).toMatchObject([
    { errorCode: 0 },
    { errorCode: 0 },
  ])
})

it('shows a topic with its id, its partitions and their leader', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  const topicId = await makeTopic(connection, 't', { partitions: 2 })
  const { brokers, clusterId, controllerId, topics } = await connection.send(metadata, { topics: [{ name: 't' }] })
  const [host, port] = cluster.bootstrap.split(':')
  expect(brokers).toEqual([{ nodeId: 1, host, port: Number(port), rack: null }])
  expect([clusterId, controllerId]).toEqual([cluster.clusterId, 1])
  const partition = { errorCode: 0, leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }
  expect(topics).toEqual([
    {
      errorCode: 0,
      name: 't',
      topicId,
      isInternal: false,
      partitions: [
        { ...partition, partitionIndex: 0 },
        { ...partition, partitionIndex: 1 },
      ],
      topicAuthorizedOperations: -2147483648,
    },
  ])
  const byId = await connection.send(metadata, {
    topics: [
      // Java's Admin sends an empty name beside an id.
      { name: '', topicId },
      { name: null, topicId: 'doCJEnIoSgSVKzd1Vm1rKw' },
    ],
  })
  expect(byId.topics).toMatchObject([
    { name: 't', errorCode: 0 },
    { name: null, errorCode: ErrorCode.UNKNOWN_TOPIC_ID },
  ])
  const described = await connection.send(describeCluster, { includeClusterAuthorizedOperations: true })
  expect(described).toMatchObject({
    clusterId,
    controllerId: 1,
    clusterAuthorizedOperations: 8096,
    brokers: [{ brokerId: 1 }],
  })
  expect(clusterId).toMatch(/^[\w-]{22}$/)
})

it('creates a topic that is asked for, unless the client or the broker says no', async () => {
  const connection = await connected()
  const ask = async (on: Connection, name: string, allowAutoTopicCreation: boolean) =>
    (await on.send(metadata, { topics: [{ name }], allowAutoTopicCreation })).topics[0]!
  expect(await ask(connection, 'new', false)).toMatchObject({
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    partitions: [],
  })
  expect(await ask(connection, 'new', true)).toMatchObject({ errorCode: 0, partitions: [{ leaderId: 1 }] })
  expect(await ask(connection, 'not valid', true)).toMatchObject({ errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION })
  const strict = await (await embeddedCluster({ config: { 'auto.create.topics.enable': false } })).connect()
  expect(await ask(strict, 'new', true)).toMatchObject({ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION })
})

it('takes an empty list for all topics in version 0 and for none later', async () => {
  const connection = await connected()
  await makeTopic(connection, 't')
  expect((await connection.send(metadata, { topics: [] }, { version: 0 })).topics).toHaveLength(1)
  expect((await connection.send(metadata, { topics: [] }, { version: 1 })).topics).toHaveLength(0)
  expect((await connection.send(metadata, { topics: null }, { version: 1 })).topics).toHaveLength(1)
})

it('adds partitions and takes none away', async () => {
  const connection = await connected()
  await makeTopic(connection, 't', { partitions: 2 })
  const grow = async (
    count: number,
    assignments: { brokerIds: number[] }[] | null = null,
    validateOnly = false,
    name = 't',
  ) => {
    const { results } = await connection.send(createPartitions, {
      topics: [{ name, count, assignments }],
      timeoutMs: 1000,
      validateOnly,
    })
    return results[0]!.errorCode
  }
  expect(await grow(2)).toBe(ErrorCode.INVALID_PARTITIONS)
  expect(await grow(1)).toBe(ErrorCode.INVALID_PARTITIONS)
  expect(await grow(4, [{ brokerIds: [1] }])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
  expect(await grow(3, [{ brokerIds: [5] }])).toBe(ErrorCode.INVALID_REPLICA_ASSIGNMENT)
  expect(await grow(9, null, false, 'absent')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await grow(3, null, true)).toBe(0)
  expect(await produceOf(connection, 't', batchOf(['x']), { partition: 2 })).toMatchObject({
    errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  })
  expect(await grow(3)).toBe(0)
  expect(await produceOf(connection, 't', batchOf(['x']), { partition: 2 })).toMatchObject({
    errorCode: 0,
    baseOffset: 0,
  })
})

it('deletes by name and by id, and a new topic of the name begins empty', async () => {
  const connection = await connected()
  const topicId = await makeTopic(connection, 'a')
  await makeTopic(connection, 'b')
  await produceOf(connection, 'a', batchOf(['x']))
  const remove = async (topics: { name: string | null; topicId?: string }[]) =>
    (
      await connection.send(deleteTopics, {
        topics: topics.map((topic) => ({ topicId: ZERO_UUID, ...topic })),
        timeoutMs: 1000,
      })
    ).responses
  expect(await remove([{ name: null, topicId }])).toMatchObject([{ name: 'a', topicId, errorCode: 0 }])
  expect(await remove([{ name: null, topicId }])).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_TOPIC_ID }])
  expect(await remove([{ name: 'a' }])).toMatchObject([{ errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }])
  expect(await remove([{ name: 'b' }, { name: 'b' }])).toMatchObject([
    { name: 'b', errorCode: ErrorCode.INVALID_REQUEST },
  ])
  expect(await remove([{ name: 'b', topicId }, { name: null }])).toMatchObject([
    { errorCode: ErrorCode.INVALID_REQUEST },
    { errorCode: ErrorCode.INVALID_REQUEST },
  ])
  const both = await makeTopic(connection, 'c')
  expect(await remove([{ name: null, topicId: both }, { name: 'c' }])).toMatchObject([
    { name: 'c', topicId: both, errorCode: ErrorCode.INVALID_REQUEST },
  ])
  expect(await names(connection)).toEqual(['b', 'c'])
  await makeTopic(connection, 'a')
  expect(await produceOf(connection, 'a', batchOf(['y']))).toMatchObject({ errorCode: 0, baseOffset: 0 })
})

it('deletes nothing where deletion is switched off', async () => {
  const connection = await (await embeddedCluster({ config: { 'delete.topic.enable': false } })).connect()
  await makeTopic(connection, 't')
  const code = async (version: number) =>
    (await connection.send(deleteTopics, { topicNames: ['t'], timeoutMs: 1000 }, { version })).responses[0]!.errorCode
  expect(await code(5)).toBe(ErrorCode.TOPIC_DELETION_DISABLED)
  expect(await code(2)).toBe(ErrorCode.INVALID_REQUEST)
})

it('describes topics page by page', async () => {
  const connection = await connected()
  await makeTopic(connection, 'a', { partitions: 3 })
  await makeTopic(connection, 'b', { partitions: 2 })
  const pages: [string | null, number[]][][] = []
  let cursor: { topicName: string; partitionIndex: number } | null = null
  do {
    const page: Awaited<ReturnType<typeof ask>> = await ask(cursor)
    pages.push(
      page.topics.map(({ name, partitions }) => [name, partitions.map(({ partitionIndex }) => partitionIndex)]),
    )
    cursor = page.nextCursor
  } while (cursor)
  expect(pages).toEqual([
    [['a', [0, 1]]],
    [
      ['a', [2]],
      ['b', [0]],
    ],
    [['b', [1]]],
  ])
  function ask(from: typeof cursor) {
    return connection.send(describeTopicPartitions, { topics: [], responsePartitionLimit: 2, cursor: from })
  }
})

it('tells how much of the disk each partition takes', async () => {
  const connection = await connected()
  await makeTopic(connection, 't', { partitions: 2 })
  const batch = batchOf(['x'])
  await produceOf(connection, 't', batch)
  const { results } = await connection.send(describeLogDirs, { topics: [{ topic: 't', partitions: [0, 1] }] })
  expect(results[0]!.topics[0]!.partitions.map(({ partitionSize }) => partitionSize)).toEqual([batch.length, 0])
})
