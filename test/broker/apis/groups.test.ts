// The group APIs on the wire: their forms by version, and that the coordinator is behind them. The rules themselves are told in
// test/broker/coordinator/group/transcripts.
import { expect, it } from 'vitest'
import { partitionOf } from '../../../src/broker/coordinator/group/group-coordinator.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { decodeStruct } from '../../../src/protocol/codec.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { consumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { deleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { describeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { groupMetadataKey } from '../../../src/protocol/messages/group-metadata-record.ts'
import { heartbeat } from '../../../src/protocol/messages/heartbeat.ts'
import { joinGroup } from '../../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { listGroups } from '../../../src/protocol/messages/list-groups.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { offsetCommitKey, offsetCommitValue } from '../../../src/protocol/messages/offset-commit-record.ts'
import { offsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { syncGroup } from '../../../src/protocol/messages/sync-group.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { fetchOf, makeTopic } from '../requests.ts'

const SUBSCRIPTION = Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 116, 255, 255, 255, 255])

const join = {
  groupId: 'g',
  sessionTimeoutMs: 10_000,
  rebalanceTimeoutMs: 10_000,
  memberId: '',
  protocolType: 'consumer',
  protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
}

/** A connection to a cluster with topic t and a coordinator. */
async function connected(): Promise<Connection> {
  const connection = await (await embeddedCluster()).connect('tester')
  await makeTopic(connection, 't', { partitions: 2 })
  await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
  return connection
}

async function joined(connection: Connection): Promise<string> {
  const { memberId } = await connection.send(joinGroup, join, { version: 3 })
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await connection.send(syncGroup, { groupId: 'g', generationId: 1, memberId, assignments }, { version: 3 })
  return memberId
}

async function commit(connection: Connection, memberId: string, generation: number, version = 8, topic = 't') {
  const partitions = [{ partitionIndex: 0, committedOffset: 5, committedMetadata: 'm' }]
  const request = {
    groupId: 'g',
    generationIdOrMemberEpoch: generation,
    memberId,
    topics: [{ name: topic, partitions }],
  }
  return (await connection.send(offsetCommit, request, { version })).topics[0]!.partitions[0]!.errorCode
}

it('coordinates every group itself, and refuses keys that name nothing', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  expect((await connection.send(heartbeat, { groupId: 'g', generationId: 1, memberId: 'm' })).errorCode).toBe(
    ErrorCode.NOT_COORDINATOR,
  )
  const port = Number(cluster.bootstrap.split(':')[1])
  expect(await connection.send(findCoordinator, { key: 'g' }, { version: 2 })).toMatchObject({
    errorCode: 0,
    nodeId: 1,
    port,
  })
  const several = await connection.send(findCoordinator, { coordinatorKeys: ['g', 'h'] })
  expect(several.coordinators).toMatchObject([
    { key: 'g', nodeId: 1, port, errorCode: 0 },
    { key: 'h', nodeId: 1 },
  ])
  const share = await connection.send(findCoordinator, { keyType: 2, coordinatorKeys: ['s'] })
  expect(share.coordinators).toMatchObject([{ key: 's', nodeId: -1, errorCode: ErrorCode.INVALID_REQUEST }])
  expect(await connection.send(findCoordinator, { key: 'g', keyType: 9 }, { version: 3 })).toMatchObject({
    errorCode: ErrorCode.INVALID_REQUEST,
  })
})

it('gives a member its id from version 4 on, and an empty protocol name in errors before version 7', async () => {
  const connection = await connected()
  const required = await connection.send(joinGroup, join, { version: 4 })
  expect(required).toMatchObject({ errorCode: ErrorCode.MEMBER_ID_REQUIRED, protocolName: '', generationId: -1 })
  expect(required.memberId).toMatch(/^tester-[0-9a-f-]{36}$/)
  const nameless = await connection.send(joinGroup, { ...join, memberId: 'x' }, { version: 9 })
  expect(nameless).toMatchObject({ errorCode: ErrorCode.UNKNOWN_MEMBER_ID, protocolName: null })
  const taken = await connection.send(joinGroup, { ...join, memberId: required.memberId }, { version: 9 })
  expect(taken).toMatchObject({
    errorCode: 0,
    generationId: 1,
    protocolName: 'range',
    leader: required.memberId,
    protocolType: 'consumer',
  })
  expect(taken.members).toMatchObject([{ memberId: required.memberId, metadata: SUBSCRIPTION }])
})

it('answers a waiting member when the last one has joined', async () => {
  const cluster = await embeddedCluster()
  const [first, second] = [await cluster.connect('one'), await cluster.connect('two')]
  await first.send(findCoordinator, { coordinatorKeys: ['g'] })
  const memberId = await joined(first)
  const waiting = second.send(joinGroup, join, { version: 3 })
  const beat = () => first.send(heartbeat, { groupId: 'g', generationId: 1, memberId })
  while ((await beat()).errorCode !== ErrorCode.REBALANCE_IN_PROGRESS);
  expect(await first.send(joinGroup, { ...join, memberId }, { version: 3 })).toMatchObject({
    generationId: 2,
    leader: memberId,
  })
  expect(await waiting).toMatchObject({ generationId: 2, leader: memberId, members: [] })
})

it('wants protocol type and name from version 5 of SyncGroup on', async () => {
  const connection = await connected()
  const memberId = await joined(connection)
  const sync = { groupId: 'g', generationId: 1, memberId, assignments: [] }
  expect(await connection.send(syncGroup, sync, { version: 5 })).toMatchObject({
    errorCode: ErrorCode.INCONSISTENT_GROUP_PROTOCOL,
  })
  const named = { ...sync, protocolType: 'consumer', protocolName: 'range' }
  expect(await connection.send(syncGroup, named, { version: 5 })).toMatchObject({
    errorCode: 0,
    assignment: Buffer.from('all'),
  })
})

it('describes and lists groups as each version can', async () => {
  const connection = await connected()
  const memberId = await joined(connection)
  const describe = async (groupId: string, version: number) =>
    (await connection.send(describeGroups, { groups: [groupId] }, { version })).groups[0]!
  expect(await describe('g', 5)).toMatchObject({
    errorCode: 0,
    groupState: 'Stable',
    protocolType: 'consumer',
    protocolData: 'range',
    members: [
      {
        memberId,
        clientId: 'tester',
        clientHost: '/127.0.0.1',
        memberMetadata: SUBSCRIPTION,
        memberAssignment: Buffer.from('all'),
      },
    ],
  })
  expect(await describe('absent', 5)).toMatchObject({ errorCode: 0, groupState: 'Dead' })
  expect(await describe('absent', 6)).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, groupState: 'Dead' })
  const list = async (statesFilter: string[], typesFilter: string[] = []) =>
    (await connection.send(listGroups, { statesFilter, typesFilter })).groups
  expect(await list([])).toEqual([
    { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'classic' },
  ])
  expect(await list(['empty'])).toEqual([])
  expect(await list(['stable'], ['consumer'])).toEqual([])
  const modern = await connection.send(consumerGroupDescribe, {
    groupIds: ['g', 'absent', ''],
    includeAuthorizedOperations: false,
  })
  expect(modern.groups.map(({ errorCode, errorMessage }) => [errorCode, errorMessage])).toEqual([
    [ErrorCode.GROUP_ID_NOT_FOUND, 'Group g is not a consumer group.'],
    [ErrorCode.GROUP_ID_NOT_FOUND, 'Group absent not found.'],
    [ErrorCode.INVALID_GROUP_ID, null],
  ])
})

it('keeps offsets, answers for partitions without one, and gives each version its error', async () => {
  const connection = await connected()
  const memberId = await joined(connection)
  expect(await commit(connection, memberId, 1)).toBe(0)
  expect(await commit(connection, memberId, 1, 8, 'absent')).toBe(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  expect(await commit(connection, memberId, 4)).toBe(ErrorCode.ILLEGAL_GENERATION)
  const strange = {
    groupId: 'other',
    generationIdOrMemberEpoch: 1,
    memberId,
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: null }] }],
  }
  const code = async (version: number) =>
    (await connection.send(offsetCommit, strange, { version })).topics[0]!.partitions[0]!.errorCode
  expect([await code(8), await code(9)]).toEqual([ErrorCode.ILLEGAL_GENERATION, ErrorCode.GROUP_ID_NOT_FOUND])
  const held = { committedOffset: 5, committedLeaderEpoch: -1, metadata: 'm', errorCode: 0 }
  const none = { committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
  const old = await connection.send(
    offsetFetch,
    { groupId: 'g', topics: [{ name: 't', partitionIndexes: [0, 1] }] },
    { version: 7 },
  )
  expect(old).toMatchObject({ errorCode: 0, topics: [{ name: 't', partitions: [held, none] }] })
  const all = await connection.send(offsetFetch, { groupId: 'g', topics: null }, { version: 2 })
  expect(all.topics).toMatchObject([{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }])
  const many = await connection.send(
    offsetFetch,
    {
      groups: [
        { groupId: 'g', topics: null },
        { groupId: 'absent', topics: null },
      ],
    },
    { version: 8 },
  )
  expect(many.groups).toMatchObject([
    { groupId: 'g', topics: [{ partitions: [held] }] },
    { groupId: 'absent', topics: [] },
  ])
})

it('keeps offsets by topic id', async () => {
  const connection = await connected()
  const topicId = await makeTopic(connection, 'by-id')
  const topics = [topicId, 'doCJEnIoSgSVKzd1Vm1rKw'].map((id) => {
    return { topicId: id, partitions: [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }] }
  })
  const committed = await connection.send(offsetCommit, { groupId: 'g', memberId: '', topics }, { version: 10 })
  expect(committed.topics.map(({ partitions }) => partitions[0]!.errorCode)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_ID])
  const asked = [topicId, 'doCJEnIoSgSVKzd1Vm1rKw'].map((id) => ({ topicId: id, partitionIndexes: [0] }))
  const { groups } = await connection.send(offsetFetch, { groups: [{ groupId: 'g', topics: asked }] }, { version: 10 })
  expect(groups[0]!.topics).toMatchObject([
    { topicId, partitions: [{ committedOffset: 7, errorCode: 0 }] },
    { partitions: [{ committedOffset: -1, errorCode: ErrorCode.UNKNOWN_TOPIC_ID }] },
  ])
})

it('lets members leave, one or many, and deletes what is empty', async () => {
  const connection = await connected()
  const memberId = await joined(connection)
  await commit(connection, memberId, 1)
  const remove = async (groupId: string) =>
    (await connection.send(deleteGroups, { groupsNames: [groupId] })).results[0]!.errorCode
  expect(await remove('g')).toBe(ErrorCode.NON_EMPTY_GROUP)
  expect(await connection.send(leaveGroup, { groupId: 'g', memberId: 'x' }, { version: 2 })).toMatchObject({
    errorCode: ErrorCode.UNKNOWN_MEMBER_ID,
  })
  const leaving = await connection.send(leaveGroup, { groupId: 'g', members: [{ memberId }, { memberId: 'x' }] })
  expect(leaving).toMatchObject({
    errorCode: 0,
    members: [{ errorCode: 0 }, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID }],
  })
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0 }, { partitionIndex: 9 }] }]
  const deleted = await connection.send(offsetDelete, { groupId: 'g', topics })
  expect(deleted.topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([
    0,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ])
  expect(await remove('g')).toBe(0)
  expect(await remove('g')).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
})

it('forgets the offsets of a deleted topic', async () => {
  const connection = await connected()
  await commit(connection, '', -1)
  await connection.send(deleteTopics, { topicNames: ['t'], timeoutMs: 1000 }, { version: 5 })
  const { groups } = await connection.send(offsetFetch, { groups: [{ groupId: 'g', topics: null }] }, { version: 8 })
  expect(groups[0]!.topics).toEqual([])
})

it('writes __consumer_offsets as Kafka does, so that its tools can read it', async () => {
  const connection = await connected()
  await commit(connection, await joined(connection), 1)
  const { responses } = await connection.send(
    fetch,
    fetchOf('__consumer_offsets', { partition: partitionOf('g', 4) }),
    { version: 12 },
  )
  const { batches } = splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records!))
  const [group, offset] = batches.flatMap((batch) => batch.records())
  expect(group!.key!.readInt16BE(0)).toBe(2)
  expect(decodeStruct(groupMetadataKey, 2, group!.key!.subarray(2))).toEqual({ group: 'g' })
  expect(offset!.key!.readInt16BE(0)).toBe(1)
  expect(decodeStruct(offsetCommitKey, 1, offset!.key!.subarray(2))).toEqual({ group: 'g', topic: 't', partition: 0 })
  expect(offset!.value!.readInt16BE(0)).toBe(4)
  const { topics } = await connection.send(metadata, { topics: [{ name: 't' }] })
  expect(decodeStruct(offsetCommitValue, 4, offset!.value!.subarray(2))).toMatchObject({
    offset: 5,
    leaderEpoch: -1,
    metadata: 'm',
    topicId: topics[0]!.topicId,
  })
})

it('finds the partition of a group as Java does', () => {
  // Java's hashCode of these: 103, 0, −2147483648 and −969099747.
  const groups = ['g', '', 'polygenelubricants', 'Hello World!']
  expect(groups.map((group) => partitionOf(group, 50))).toEqual([3, 0, 0, 47])
})
