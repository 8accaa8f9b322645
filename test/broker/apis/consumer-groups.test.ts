// Groups of the protocol of KIP-848 on the wire. Their rules are told in test/broker/coordinator/group/transcripts.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { consumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { createPartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { deleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { describeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { listGroups } from '../../../src/protocol/messages/list-groups.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import type { RequestInput } from '../../../src/protocol/schema.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { makeTopic } from '../requests.ts'

async function connected(config: Record<string, unknown> = {}): Promise<Connection> {
  const connection = await (await embeddedCluster({ config })).connect('tester')
  await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
  return connection
}

type Beat = Partial<RequestInput<typeof consumerGroupHeartbeat>>

function beat(connection: Connection, memberId: string, memberEpoch: number, own: Beat = {}, version = 1) {
  const request = { groupId: 'g', memberId, memberEpoch, ...own }
  return connection.send(consumerGroupHeartbeat, request, { version })
}

const joining = { rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['t'], topicPartitions: [] }

it('assigns, describes and lists a consumer group, and lets it go', async () => {
  const connection = await connected()
  const topicId = await makeTopic(connection, 't', { partitions: 2 })
  expect(await beat(connection, 'm', 0, joining)).toMatchObject({
    errorCode: 0,
    memberId: 'm',
    memberEpoch: 2,
    heartbeatIntervalMs: 5000,
    assignment: { topicPartitions: [{ topicId, partitions: [0, 1] }] },
  })
  expect((await beat(connection, 'm', 2)).assignment).toBeNull()
  const named = { topicId, topicName: 't', partitions: [0, 1] }
  const describing = { groupIds: ['g', 'none'], includeAuthorizedOperations: true }
  const { groups } = await connection.send(consumerGroupDescribe, describing, { version: 1 })
  expect(groups[0]).toMatchObject({
    errorCode: 0,
    groupState: 'Stable',
    groupEpoch: 2,
    assignmentEpoch: 2,
    assignorName: 'uniform',
    // READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS and ALTER_CONFIGS.
    authorizedOperations: 0b1101_0100_1000,
    members: [
      {
        memberId: 'm',
        clientId: 'tester',
        clientHost: '/127.0.0.1',
        memberEpoch: 2,
        memberType: 1,
        subscribedTopicNames: ['t'],
        assignment: { topicPartitions: [named] },
        targetAssignment: { topicPartitions: [named] },
      },
    ],
  })
  expect(groups[1]).toMatchObject({ errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: 'Group none not found.' })
  const listed = await connection.send(listGroups, { statesFilter: [], typesFilter: ['consumer'] })
  expect(listed.groups).toEqual([
    { groupId: 'g', protocolType: 'consumer', groupState: 'Stable', groupType: 'consumer' },
  ])
  const classic = await connection.send(describeGroups, { groups: ['g'], includeAuthorizedOperations: false })
  expect(classic.groups[0]).toMatchObject({
    errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
    errorMessage: 'Group g is not a classic group.',
    groupState: 'Dead',
  })
  const deleting = async () => (await connection.send(deleteGroups, { groupsNames: ['g'] })).results[0]!.errorCode
  expect(await deleting()).toBe(ErrorCode.NON_EMPTY_GROUP)
  expect(await beat(connection, 'm', -1)).toMatchObject({ errorCode: 0, memberEpoch: -1 })
  expect(await deleting()).toBe(0)
})

it('makes member ids for version 0, and asks for them from version 1 on', async () => {
  const connection = await connected()
  const made = await beat(connection, '', 0, joining, 0)
  expect(made).toMatchObject({ errorCode: 0, memberEpoch: 2 })
  expect(made.memberId).toMatch(/^[\w-]{22}$/)
  expect(await beat(connection, '', 0, joining)).toMatchObject({
    errorCode: ErrorCode.INVALID_REQUEST,
    errorMessage: "MemberId can't be empty.",
  })
  expect(await beat(connection, 'm', 0, { ...joining, serverAssignor: 'mine' })).toMatchObject({
    errorCode: ErrorCode.UNSUPPORTED_ASSIGNOR,
    errorMessage: 'ServerAssignor mine is not supported. Supported assignors: uniform, range.',
  })
})

it('sees topics that come and grow, by name and by regular expression', async () => {
  const connection = await connected()
  await beat(connection, 'm', 0, joining)
  const topicId = await makeTopic(connection, 't')
  const first = await beat(connection, 'm', 2, { topicPartitions: [] })
  expect(first.assignment).toEqual({ topicPartitions: [{ topicId, partitions: [0] }] })
  await connection.send(createPartitions, {
    topics: [{ name: 't', count: 2, assignments: null }],
    timeoutMs: 5000,
    validateOnly: false,
  })
  const second = await beat(connection, 'm', 3, { topicPartitions: [{ topicId, partitions: [0] }] })
  expect(second).toMatchObject({ memberEpoch: 4, assignment: { topicPartitions: [{ topicId, partitions: [0, 1] }] } })
  const byRegex = { ...joining, groupId: 'h', subscribedTopicNames: null, subscribedTopicRegex: '[t-z]' }
  expect((await beat(connection, 'r', 0, byRegex)).assignment).toEqual({ topicPartitions: [] })
  const found = await eventually(async () => {
    const answer = await beat(connection, 'r', 1, { groupId: 'h', topicPartitions: [] })
    if (answer.assignment === null) throw new Error('not yet')
    return answer.assignment
  })
  expect(found.topicPartitions).toEqual([{ topicId, partitions: [0, 1] }])
  expect(await beat(connection, 'r', 0, { ...byRegex, subscribedTopicRegex: '(' })).toMatchObject({
    errorCode: ErrorCode.INVALID_REGULAR_EXPRESSION,
    errorMessage: 'SubscribedTopicRegex `(` is not a valid regular expression: missing closing ).',
  })
})

it('checks who commits and who reads offsets by member epoch', async () => {
  const connection = await connected({ 'group.consumer.max.size': 1 })
  await makeTopic(connection, 't')
  await beat(connection, 'm', 0, joining)
  expect((await beat(connection, 'n', 0, joining)).errorCode).toBe(ErrorCode.GROUP_MAX_SIZE_REACHED)
  const commit = async (memberId: string, epoch: number, version = 9) => {
    const partitions = [{ partitionIndex: 0, committedOffset: 7, committedMetadata: '' }]
    const request = { groupId: 'g', generationIdOrMemberEpoch: epoch, memberId, topics: [{ name: 't', partitions }] }
    return (await connection.send(offsetCommit, request, { version })).topics[0]!.partitions[0]!.errorCode
  }
  expect(await commit('m', 2)).toBe(0)
  expect(await commit('m', 3)).toBe(ErrorCode.STALE_MEMBER_EPOCH)
  expect(await commit('n', 2)).toBe(ErrorCode.UNKNOWN_MEMBER_ID)
  expect(await commit('m', 2, 8)).toBe(ErrorCode.UNSUPPORTED_VERSION)
  const read = async (memberId: string | null, memberEpoch: number) => {
    const asked = { groupId: 'g', memberId, memberEpoch, topics: [{ name: 't', partitionIndexes: [0] }] }
    const { groups } = await connection.send(offsetFetch, { groups: [asked], requireStable: false }, { version: 9 })
    return [groups[0]!.errorCode, groups[0]!.topics[0]?.partitions[0]?.committedOffset]
  }
  expect(await read(null, -1)).toEqual([0, 7])
  expect(await read('m', 2)).toEqual([0, 7])
  expect(await read('m', 1)).toEqual([ErrorCode.STALE_MEMBER_EPOCH, undefined])
  expect(await read('n', 1)).toEqual([ErrorCode.UNKNOWN_MEMBER_ID, undefined])
})

it('goes on after a restart where its members were', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-groups-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const first = await embeddedCluster({ data })
  const before = await first.connect('tester')
  await before.send(findCoordinator, { coordinatorKeys: ['g'] })
  const topicId = await makeTopic(before, 't', { partitions: 2 })
  await beat(before, 'm', 0, { ...joining, instanceId: 'one' })
  await beat(before, 'n', 0, joining)
  await beat(before, 'm', 2, { topicPartitions: [{ topicId, partitions: [0] }] })
  await first.stop()
  const after = await (await embeddedCluster({ data })).connect('tester')
  const answer = await beat(after, 'n', 3, { topicPartitions: [] })
  expect(answer).toMatchObject({ memberEpoch: 3, assignment: { topicPartitions: [{ topicId, partitions: [1] }] } })
  expect(await beat(after, 'm', 3)).toMatchObject({ errorCode: 0, memberEpoch: 3, assignment: null })
})

it('tells members of a group with configs of its own their times', async () => {
  const connection = await connected()
  await makeTopic(connection, 't')
  expect((await beat(connection, 'm', 0, joining)).heartbeatIntervalMs).toBe(5000)
  const configs = [{ name: 'consumer.heartbeat.interval.ms', configOperation: 0, value: '7000' }]
  const resources = [{ resourceType: 32, resourceName: 'g', configs }]
  await connection.send(incrementalAlterConfigs, { resources, validateOnly: false })
  expect((await beat(connection, 'm', 2)).heartbeatIntervalMs).toBe(7000)
  // And what the broker is told while it runs holds for all: the second member waits for the next computation.
  const interval = [{ name: 'group.consumer.assignment.interval.ms', configOperation: 0, value: '15000' }]
  const brokers = [{ resourceType: 4, resourceName: '', configs: interval }]
  await connection.send(incrementalAlterConfigs, { resources: brokers, validateOnly: false })
  expect(await beat(connection, 'n', 0, joining)).toMatchObject({ memberEpoch: 2, assignment: { topicPartitions: [] } })
})
