// Share groups as their members' requests see them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { alterShareGroupOffsets } from '../../../src/protocol/messages/alter-share-group-offsets.ts'
import { deleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { deleteShareGroupOffsets } from '../../../src/protocol/messages/delete-share-group-offsets.ts'
import { describeShareGroupOffsets } from '../../../src/protocol/messages/describe-share-group-offsets.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { listGroups } from '../../../src/protocol/messages/list-groups.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { shareAcknowledge } from '../../../src/protocol/messages/share-acknowledge.ts'
import { shareFetch } from '../../../src/protocol/messages/share-fetch.ts'
import { shareGroupDescribe } from '../../../src/protocol/messages/share-group-describe.ts'
import { shareGroupHeartbeat } from '../../../src/protocol/messages/share-group-heartbeat.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { batchOf, makeTopic, produceOf } from '../requests.ts'

const GROUP = 32
const SET = 0

interface Member {
  readonly memberId: string
  topicId: string
  epoch: number
  sessionEpoch: number
}

type Batches = readonly (readonly [first: number, last: number, ...types: number[]])[]

async function ground({
  partitions = 1,
  reset = 'earliest',
  data,
}: {
  partitions?: number
  reset?: string
  data?: string
} = {}) {
  const cluster = await embeddedCluster({ data })
  const connection = await cluster.connect()
  await makeTopic(connection, 't', { partitions })
  await connection.send(findCoordinator, { keyType: 0, coordinatorKeys: ['g'] }, { version: 4 })
  const configs = [{ name: 'share.auto.offset.reset', configOperation: SET, value: reset }]
  const resources = [{ resourceType: GROUP, resourceName: 'g', configs }]
  await connection.send(incrementalAlterConfigs, { resources, validateOnly: false })
  return { cluster, connection }
}

async function heartbeat(connection: Connection, member: Member, changes: object = {}) {
  const { memberId, epoch: memberEpoch } = member
  const subscribedTopicNames = memberEpoch === 0 ? ['t'] : null
  const reply = await connection.send(shareGroupHeartbeat, {
    groupId: 'g',
    memberId,
    memberEpoch,
    subscribedTopicNames,
    ...changes,
  })
  if (reply.errorCode === ErrorCode.NONE) member.epoch = reply.memberEpoch
  return reply
}

/** A member that has been assigned something. */
async function joined(connection: Connection, memberId: string): Promise<Member> {
  const member = { memberId, topicId: '', epoch: 0, sessionEpoch: 0 }
  await eventually(async () => {
    const { assignment } = await heartbeat(connection, member)
    member.topicId = assignment!.topicPartitions[0]!.topicId
  })
  return member
}

const batchesOf = (batches: Batches) =>
  batches.map(([firstOffset, lastOffset, ...acknowledgeTypes]) => ({ firstOffset, lastOffset, acknowledgeTypes }))

async function fetchShare(connection: Connection, member: Member, changes: object = {}, acks: Batches = []) {
  const partitions = [{ partitionIndex: 0, acknowledgementBatches: batchesOf(acks) }]
  const reply = await connection.send(shareFetch, {
    groupId: 'g',
    memberId: member.memberId,
    shareSessionEpoch: member.sessionEpoch++,
    maxWaitMs: 0,
    minBytes: 1,
    maxRecords: 500,
    batchSize: 500,
    topics: [{ topicId: member.topicId, partitions }],
    forgottenTopicsData: [],
    ...changes,
  })
  const [partition] = reply.responses.flatMap((topic) => topic.partitions)
  const acquired = partition?.acquiredRecords.map((row) => [row.firstOffset, row.lastOffset, row.deliveryCount])
  return { ...reply, partition, acquired }
}

async function acknowledge(connection: Connection, member: Member, acks: Batches, epoch = member.sessionEpoch++) {
  const partitions = [{ partitionIndex: 0, acknowledgementBatches: batchesOf(acks) }]
  const { errorCode, responses } = await connection.send(shareAcknowledge, {
    groupId: 'g',
    memberId: member.memberId,
    shareSessionEpoch: epoch,
    topics: [{ topicId: member.topicId, partitions }],
  })
  return { errorCode, partition: responses[0]?.partitions[0]?.errorCode }
}

async function offsets(connection: Connection) {
  const { groups } = await connection.send(describeShareGroupOffsets, { groups: [{ groupId: 'g', topics: null }] })
  const [row] = groups[0]!.topics.flatMap((topic) => topic.partitions)
  return row && [row.startOffset, row.lag]
}

it('assigns partitions once their state is kept, and shares them among more members than partitions', async () => {
  const { connection } = await ground({ partitions: 2 })
  const members = [await joined(connection, 'a'), await joined(connection, 'b'), await joined(connection, 'c')]
  for (const member of members) await heartbeat(connection, member)
  const { groups } = await connection.send(shareGroupDescribe, { groupIds: ['g'], includeAuthorizedOperations: false })
  expect(groups[0]).toMatchObject({ errorCode: 0, groupState: 'Stable', assignorName: 'simple' })
  const shares = groups[0]!.members.map(({ assignment }) => assignment.topicPartitions.flatMap((row) => row.partitions))
  expect(shares.flat().sort()).toEqual(expect.arrayContaining([0, 1]))
  expect(shares.every((partitions) => partitions.length > 0)).toBe(true)
  const listed = await connection.send(listGroups, { statesFilter: [], typesFilter: ['share'] })
  expect(listed.groups).toMatchObject([
    { groupId: 'g', protocolType: 'share', groupType: 'share', groupState: 'Stable' },
  ])
})

it('gives records to one member at a time, and again when they are released', async () => {
  const { connection } = await ground()
  await produceOf(connection, 't', batchOf(['0', '1', '2']))
  const one = await joined(connection, 'a')
  const other = await joined(connection, 'b')
  expect((await fetchShare(connection, one)).acquired).toEqual([[0, 2, 1]])
  expect((await fetchShare(connection, other)).acquired).toEqual([])
  expect(await acknowledge(connection, other, [[0, 2, 1]])).toEqual({
    errorCode: 0,
    partition: ErrorCode.INVALID_RECORD_STATE,
  })
  expect(await acknowledge(connection, one, [[0, 2, 1, 2, 1]])).toEqual({ errorCode: 0, partition: 0 })
  expect(await offsets(connection)).toEqual([1, 1])
  expect((await fetchShare(connection, other)).acquired).toEqual([[1, 1, 2]])
  const last = await fetchShare(connection, other, {}, [[1, 1, 1]])
  expect(last.partition?.acknowledgeErrorCode).toBe(0)
  expect(await offsets(connection)).toEqual([3, 0])
})

it('waits for records, and for those that another member gives back', async () => {
  const { connection, cluster } = await ground()
  const second = await cluster.connect()
  const [one, other] = [await joined(connection, 'a'), await joined(connection, 'b')]
  await fetchShare(connection, one)
  const waiting = fetchShare(connection, one, { maxWaitMs: 30_000 })
  await produceOf(second, 't', batchOf(['x']))
  expect((await waiting).acquired).toEqual([[0, 0, 1]])
  await fetchShare(second, other)
  const released = fetchShare(second, other, { maxWaitMs: 30_000 })
  await acknowledge(connection, one, [], -1)
  expect((await released).acquired).toEqual([[0, 0, 2]])
})

it('ends a batch where the limit is, for who asks for that', async () => {
  const { connection } = await ground()
  await produceOf(connection, 't', batchOf(['0', '1', '2']))
  const member = await joined(connection, 'a')
  expect((await fetchShare(connection, member, { maxRecords: 2, shareAcquireMode: 1 })).acquired).toEqual([[0, 1, 1]])
  expect((await fetchShare(connection, member, { maxRecords: 2 })).acquired).toEqual([[2, 2, 1]])
})

it('refuses sessions and requests that make no sense', async () => {
  const { connection } = await ground()
  const member = await joined(connection, 'a')
  expect((await fetchShare(connection, { ...member, sessionEpoch: 3 })).errorCode).toBe(
    ErrorCode.SHARE_SESSION_NOT_FOUND,
  )
  expect((await fetchShare(connection, { ...member }, {}, [[0, 0, 1]])).errorCode).toBe(ErrorCode.INVALID_REQUEST)
  await fetchShare(connection, member)
  expect((await fetchShare(connection, { ...member, sessionEpoch: 3 })).errorCode).toBe(
    ErrorCode.INVALID_SHARE_SESSION_EPOCH,
  )
  expect((await acknowledge(connection, member, [], 0)).errorCode).toBe(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
  const nonsense: Batches[] = [[[0, 0, 5]], [[3, 1, 1]], [[0, 2, 1, 1]], [[0, 0, 4]]]
  for (const acks of nonsense)
    expect((await acknowledge(connection, member, acks)).partition).toBe(ErrorCode.INVALID_REQUEST)
})

it('goes on where it was after a restart, and counts deliveries on', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-share-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  const { connection, cluster } = await ground({ data })
  await produceOf(connection, 't', batchOf(['0', '1', '2', '3']))
  const member = await joined(connection, 'a')
  await fetchShare(connection, member)
  await acknowledge(connection, member, [
    [0, 0, 1],
    [2, 2, 1],
    [3, 3, 2],
  ])
  await cluster.stop()
  const again = await (await embeddedCluster({ data })).connect()
  const back = await joined(again, 'b')
  expect((await fetchShare(again, back)).acquired).toEqual([
    [1, 1, 1],
    [3, 3, 2],
  ])
  await acknowledge(again, back, [
    [1, 1, 1],
    [3, 3, 3],
  ])
  expect(await offsets(again)).toEqual([4, 0])
})

it('begins where the group says, and goes where an administrator sends it, but only without members', async () => {
  const { connection } = await ground({ reset: 'latest' })
  await produceOf(connection, 't', batchOf(['0', '1']))
  const member = await joined(connection, 'a')
  expect((await fetchShare(connection, member)).acquired).toEqual([])
  await produceOf(connection, 't', batchOf(['2']))
  expect((await fetchShare(connection, member)).acquired).toEqual([[2, 2, 1]])
  const toZero = { groupId: 'g', topics: [{ topicName: 't', partitions: [{ partitionIndex: 0, startOffset: 0 }] }] }
  expect((await connection.send(alterShareGroupOffsets, toZero)).errorCode).toBe(ErrorCode.NON_EMPTY_GROUP)
  expect((await connection.send(deleteGroups, { groupsNames: ['g'] })).results[0]!.errorCode).toBe(
    ErrorCode.NON_EMPTY_GROUP,
  )
  await acknowledge(connection, member, [], -1)
  await heartbeat(connection, member, { memberEpoch: -1 })
  const altered = await connection.send(alterShareGroupOffsets, toZero)
  expect(altered).toMatchObject({ errorCode: 0, responses: [{ partitions: [{ errorCode: 0 }] }] })
  expect(await offsets(connection)).toEqual([0, 3])
  const back = await joined(connection, 'b')
  expect((await fetchShare(connection, back)).acquired).toEqual([[0, 2, 1]])
})

it('is forgotten topic by topic or as a whole', async () => {
  const { connection } = await ground()
  const member = await joined(connection, 'a')
  await heartbeat(connection, member, { memberEpoch: -1 })
  expect(await offsets(connection)).toEqual([-1, -1])
  const forget = { groupId: 'g', topics: [{ topicName: 't' }, { topicName: 'none' }] }
  const { responses } = await connection.send(deleteShareGroupOffsets, forget)
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([0, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION])
  expect(await offsets(connection)).toBeUndefined()
  expect((await connection.send(deleteGroups, { groupsNames: ['g'] })).results[0]!.errorCode).toBe(ErrorCode.NONE)
  const { groups } = await connection.send(shareGroupDescribe, { groupIds: ['g'], includeAuthorizedOperations: false })
  expect(groups[0]!.errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
})

it('keeps groups of other kinds apart', async () => {
  const { connection } = await ground()
  await joined(connection, 'a')
  const commit = {
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
  }
  const usual = { generationIdOrMemberEpoch: -1, memberId: '', groupInstanceId: null }
  const own = await connection.send(offsetCommit, { groupId: 'g', ...usual, ...commit }, { version: 9 })
  expect(own.topics[0]!.partitions[0]!.errorCode).toBe(ErrorCode.GROUP_ID_NOT_FOUND)
  await connection.send(offsetCommit, { groupId: 'classic', ...usual, ...commit }, { version: 9 })
  const refused = await connection.send(shareGroupHeartbeat, {
    groupId: 'classic',
    memberId: 'm',
    memberEpoch: 0,
    subscribedTopicNames: ['t'],
  })
  expect(refused).toMatchObject({
    errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
    errorMessage: 'Group classic is not a share group.',
  })
})
