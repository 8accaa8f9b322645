// The classic group protocol, offsets, and the administration of groups.
import { consumerGroupDescribe } from '../../../../src/protocol/messages/consumer-group-describe.ts'
import { deleteGroups } from '../../../../src/protocol/messages/delete-groups.ts'
import { describeGroups } from '../../../../src/protocol/messages/describe-groups.ts'
import { findCoordinator } from '../../../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../../../src/protocol/messages/heartbeat.ts'
import { joinGroup } from '../../../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../../../src/protocol/messages/leave-group.ts'
import { listGroups } from '../../../../src/protocol/messages/list-groups.ts'
import { offsetCommit } from '../../../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../../../src/protocol/messages/offset-fetch.ts'
import { syncGroup } from '../../../../src/protocol/messages/sync-group.ts'
import type { Run } from '../run.ts'
import type { Side } from '../side.ts'
import { NO_TOPIC_ID } from './records.ts'

const NONE = 0
const MEMBER_ID_REQUIRED = 79

/** As consumers write them (consumer-protocol.ts), version 0: one topic, and of it partition 0. */
function consumerProtocol(topic: string) {
  const name = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic)])
  const one = Buffer.from([0, 0, 0, 1])
  const noUserData = Buffer.from([255, 255, 255, 255])
  const version = Buffer.from([0, 0])
  return {
    protocols: [{ name: 'range', metadata: Buffer.concat([version, one, name, noUserData]) }],
    assignment: Buffer.concat([version, one, name, one, Buffer.alloc(4), noUserData]),
  }
}

interface ToCommit {
  readonly groupId: string
  readonly topic: string
  readonly partition?: number
  readonly offset?: number
  readonly generation?: number
  readonly memberId?: string | ((side: Side) => string)
  readonly metadata?: string | null
}

function commitOf({
  groupId,
  topic,
  partition = 0,
  offset = 5,
  generation = -1,
  memberId = '',
  metadata = 'm',
}: ToCommit) {
  return (side: Side) => ({
    groupId,
    generationIdOrMemberEpoch: generation,
    memberId: typeof memberId === 'string' ? memberId : memberId(side),
    topics: [
      {
        name: topic,
        topicId: side.topicIds.get(topic) ?? NO_TOPIC_ID,
        partitions: [{ partitionIndex: partition, committedOffset: offset, committedMetadata: metadata }],
      },
    ],
  })
}

/** In the form of the version. */
function fetchOf(version: number, groupId: string, wanted: Readonly<Record<string, readonly number[]>> | null) {
  return (side: Side) => {
    const topics =
      wanted &&
      Object.entries(wanted).map(([name, partitionIndexes]) => ({
        name,
        topicId: side.topicIds.get(name) ?? NO_TOPIC_ID,
        partitionIndexes,
      }))
    if (version >= 8) return { groups: [{ groupId, topics }] }
    return { groupId, topics: topics?.map(({ name, partitionIndexes }) => ({ name, partitionIndexes })) ?? null }
  }
}

export async function coordinators(run: Run): Promise<void> {
  const find = (version: number, key: string, keyType: number) => ({
    ...(version >= 4 ? { coordinatorKeys: [key] } : { key }),
    ...(version >= 1 && { keyType }),
  })
  // The first one makes the topic of the offsets, which takes Kafka a while.
  await run.ask('the first of all', findCoordinator, 3, find(3, 'g', 0), { settles: true })
  await run.askAll('of a group', findCoordinator, (version) => find(version, 'some-group', 0), { settles: true })
  await run.askAll('of an empty group', findCoordinator, (version) => find(version, '', 0))
  await run.askAll('of an unknown kind', findCoordinator, (version) => find(version, 'g', 7), { from: 1 })
  await run.askAll('of no group', findCoordinator, () => ({ coordinatorKeys: [] }), { from: 4 })
  await run.askAll('of two groups', findCoordinator, () => ({ coordinatorKeys: ['a', 'b', 'a'] }), { from: 4 })
}

export async function offsets(run: Run): Promise<void> {
  const topic = await run.topic('committed', 2)
  await run.ask('wakes the coordinator', findCoordinator, 3, { key: 'offsets', keyType: 0 }, { settles: true })
  await run.askAll(
    'of a group that has none',
    offsetFetch,
    (version) => fetchOf(version, 'offsets', { [topic]: [0, 1] }),
    {
      settles: true,
    },
  )
  await run.askAll('an offset', offsetCommit, () => commitOf({ groupId: 'offsets', topic }), { settles: true })
  const commits: readonly (readonly [string, ToCommit])[] = [
    ['a partition that is not there', { groupId: 'offsets', topic, partition: 9 }],
    ['a topic that is not there', { groupId: 'offsets', topic: 'nowhere' }],
    ['null metadata', { groupId: 'offsets', topic, partition: 1, metadata: null }],
    ['metadata that is too long', { groupId: 'offsets', topic, metadata: 'x'.repeat(5000) }],
    ['an offset below zero', { groupId: 'offsets', topic, partition: 1, offset: -1 }],
    ['a generation of a group that has none', { groupId: 'offsets', topic, generation: 3 }],
    ['a member of a group that has none', { groupId: 'offsets', topic, memberId: 'm', generation: 1 }],
    ['a generation of a group that is not there', { groupId: 'no-such-group', topic, generation: 3, memberId: 'm' }],
    ['an empty group', { groupId: '', topic }],
  ]
  for (const [says, wanted] of commits) await run.askAll(says, offsetCommit, () => commitOf(wanted))
  await run.askAll('no topics', offsetCommit, () => ({ groupId: 'offsets', memberId: '', topics: [] }))
  await run.askAll('of two partitions', offsetFetch, (version) => fetchOf(version, 'offsets', { [topic]: [0, 1, 9] }))
  await run.askAll('all', offsetFetch, (version) => fetchOf(version, 'offsets', null), { from: 2 })
  await run.askAll('all of no group', offsetFetch, (version) => fetchOf(version, 'no-such-group', null), { from: 2 })
  await run.askAll('of a topic that is not there', offsetFetch, (version) =>
    fetchOf(version, 'offsets', { nowhere: [0] }),
  )
  await run.askAll('no topics', offsetFetch, (version) => fetchOf(version, 'offsets', {}))
  await run.askAll('of an empty group', offsetFetch, (version) => fetchOf(version, '', { [topic]: [0] }))
  await run.askAll(
    'of a member that is not one',
    offsetFetch,
    () => ({
      groups: [{ groupId: 'offsets', memberId: 'm', memberEpoch: 3, topics: null }],
    }),
    { from: 9 },
  )
  await run.askAll(
    'of two groups',
    offsetFetch,
    () => ({
      groups: [
        { groupId: 'offsets', topics: null },
        { groupId: 'other', topics: null },
      ],
    }),
    { from: 8 },
  )
  await run.askAll('of no groups', offsetFetch, () => ({ groups: [] }), { from: 8 })
  const remove = (says: string, groupId: string, name: string, partitionIndex: number) =>
    run.ask(says, offsetDelete, 0, { groupId, topics: [{ name, partitions: [{ partitionIndex }] }] })
  await remove('of a group that is not there', 'no-such-group', topic, 0)
  await remove('of a partition that is not there', 'offsets', topic, 9)
  await remove('of a topic that is not there', 'offsets', 'nowhere', 0)
  await remove('one', 'offsets', topic, 0)
  await remove('one that is gone', 'offsets', topic, 0)
  await run.ask('nothing', offsetDelete, 0, { groupId: 'offsets', topics: [] })
  await run.ask('after the deletion', offsetFetch, 7, fetchOf(7, 'offsets', null))
  await remove('the last one', 'offsets', topic, 1)
  await run.ask('by a stranger, after the last offset', leaveGroup, 2, { groupId: 'offsets', memberId: 'stranger' })
  await run.ask('after the last offset', describeGroups, 6, { groups: ['offsets'] })
}

/** One member's life in every version: it joins, syncs, beats, commits, leaves. */
export async function membership(run: Run): Promise<void> {
  const topic = await run.topic('membership', 1)
  const { protocols, assignment } = consumerProtocol(topic)
  await run.ask('wakes the coordinator', findCoordinator, 3, { key: 'g', keyType: 0 }, { settles: true })
  await run.ask('waits for the coordinator', offsetFetch, 7, fetchOf(7, 'g', null), { settles: true })
  for (const version of run.versionsOf(joinGroup)) {
    const groupId = `group-${version}`
    const members = new Map<Side, string>()
    const memberId = (side: Side) => members.get(side) ?? ''
    const join = (says: string, change: object = {}) =>
      run.ask(says, joinGroup, version, (side) => ({
        groupId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: memberId(side),
        protocolType: 'consumer',
        protocols,
        ...change,
      }))
    await join('with an unknown member id', { memberId: 'stranger' })
    await join('with a session that is too short', { sessionTimeoutMs: 1 })
    await join('with a session that is too long', { sessionTimeoutMs: 2_000_000_000 })
    await join('without a group', { groupId: '' })
    await join('without protocols', { protocols: [] })
    await join('without a protocol type', { protocolType: '' })
    const first = await join('a new member')
    run.sides.forEach((side, index) => {
      members.set(side, first[index]?.memberId ?? '')
    })
    const required = first[0]?.errorCode === MEMBER_ID_REQUIRED
    const joined = required ? await join('again, with its id') : first
    if (joined[0]?.errorCode !== NONE) continue
    const sync = Math.min(version, run.newest(syncGroup))
    const beat = Math.min(version, run.newest(heartbeat))
    const synced = (says: string, change: object = {}) =>
      run.ask(says, syncGroup, sync, (side) => ({
        groupId,
        generationId: 1,
        memberId: memberId(side),
        assignments: [{ memberId: memberId(side), assignment }],
        ...change,
      }))
    const beats = (says: string, change: object = {}) =>
      run.ask(says, heartbeat, beat, (side) => ({ groupId, generationId: 1, memberId: memberId(side), ...change }))
    await beats('before it is synced')
    await synced('of a generation to come', { generationId: 2 })
    await synced('of a stranger', { memberId: 'stranger' })
    await synced('of no group', { groupId: '' })
    await synced('of another group', { groupId: 'no-such-group' })
    if (sync >= 5) await synced('with another protocol', { protocolType: 'consumer', protocolName: 'sticky' })
    await synced('it is synced')
    await synced('again')
    await beats('it beats')
    await beats('of a generation that was', { generationId: 0 })
    await beats('of a stranger', { memberId: 'stranger' })
    await beats('of no group', { groupId: '' })
    await beats('of another group', { groupId: 'no-such-group' })
    await join('with another protocol type', { memberId: '', protocolType: 'connect' })
    await join('with protocols that nobody has', {
      memberId: '',
      protocols: [{ name: 'x', metadata: Buffer.alloc(0) }],
    })
    const commit = Math.min(run.newest(offsetCommit), version + 2)
    await run.ask('of a member', offsetCommit, commit, commitOf({ groupId, topic, generation: 1, memberId }))
    await run.ask(
      'of a generation that was',
      offsetCommit,
      commit,
      commitOf({ groupId, topic, generation: 0, memberId }),
    )
    await run.ask(
      'of a stranger',
      offsetCommit,
      commit,
      commitOf({ groupId, topic, generation: 1, memberId: 'stranger' }),
    )
    await run.ask('of nobody, while there are members', offsetCommit, commit, commitOf({ groupId, topic }))
    const describe = Math.min(version, run.newest(describeGroups))
    await run.ask('a stable group', describeGroups, describe, { groups: [groupId] })
    await run.ask('a stable group', deleteGroups, Math.min(version, 2), { groupsNames: [groupId] })
    await run.ask('of a stable group', offsetDelete, 0, {
      groupId,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }],
    })
    const leave = Math.min(version, run.newest(leaveGroup))
    const left = (says: string, who: string | undefined, group = groupId) =>
      run.ask(says, leaveGroup, leave, (side) => ({
        groupId: group,
        ...(leave >= 3 ? { members: [{ memberId: who ?? memberId(side) }] } : { memberId: who ?? memberId(side) }),
      }))
    await left('a stranger', 'stranger')
    await left('of no group', undefined, '')
    await left('of another group', undefined, 'no-such-group')
    await left('it leaves', undefined)
    await left('it leaves again', undefined)
    await run.ask('an empty group', describeGroups, describe, { groups: [groupId] })
  }
  await run.askAll('groups that are not there', describeGroups, () => ({ groups: ['no-such-group', ''] }))
  await run.askAll('no groups', describeGroups, () => ({ groups: [] }))
  await run.askAll(
    'with authorized operations',
    describeGroups,
    () => ({
      groups: ['group-5', 'no-such-group'],
      includeAuthorizedOperations: true,
    }),
    { from: 3 },
  )
  await run.askAll('groups that are not there', deleteGroups, () => ({ groupsNames: ['no-such-group', ''] }))
  await run.askAll('no groups', deleteGroups, () => ({ groupsNames: [] }))
  await run.askAll('of the classic protocol', consumerGroupDescribe, () => ({
    groupIds: ['group-5', 'no-such-group'],
    includeAuthorizedOperations: false,
  }))
  await run.ask('an empty group', deleteGroups, 2, { groupsNames: ['group-0', 'group-1'] })
}

/** Static members, and lists of groups by state and type: what others leave behind is not looked at. */
export async function staticMembership(run: Run): Promise<void> {
  const { protocols, assignment } = consumerProtocol(await run.topic('static', 1))
  await run.ask('wakes the coordinator', findCoordinator, 3, { key: 'g', keyType: 0 }, { settles: true })
  await run.ask('waits for the coordinator', offsetFetch, 7, fetchOf(7, 'g', null), { settles: true })
  for (const version of run.versionsOf(joinGroup).filter((one) => one >= 5)) {
    const groupId = `static-${version}`
    const join = (says: string, instance: string, id: (side: Side) => string = () => '') =>
      run.ask(says, joinGroup, version, (side) => ({
        groupId,
        sessionTimeoutMs: 10_000,
        rebalanceTimeoutMs: 10_000,
        memberId: id(side),
        groupInstanceId: instance,
        protocolType: 'consumer',
        protocols,
      }))
    const idsOf = (answers: readonly ({ memberId: string } | undefined)[]) => {
      const ids = new Map(run.sides.map((side, index) => [side, answers[index]?.memberId ?? '']))
      return (side: Side) => ids.get(side)!
    }
    const first = idsOf(await join('a static member', 'one'))
    await join('an unknown instance with an id', 'two', () => 'stranger')
    await run.ask('it is synced', syncGroup, 5, (side) => ({
      groupId,
      generationId: 1,
      memberId: first(side),
      groupInstanceId: 'one',
      assignments: [{ memberId: first(side), assignment }],
    }))
    const second = idsOf(await join('comes back without its id', 'one'))
    await join('its first self', 'one', first)
    await run.ask('its first self', heartbeat, 4, (side) => ({
      groupId,
      generationId: 1,
      memberId: first(side),
      groupInstanceId: 'one',
    }))
    await run.ask('its second self', heartbeat, 4, (side) => ({
      groupId,
      generationId: 1,
      memberId: second(side),
      groupInstanceId: 'one',
    }))
    await run.ask('its second self', syncGroup, 5, (side) => ({
      groupId,
      generationId: 1,
      memberId: second(side),
      groupInstanceId: 'one',
      assignments: [],
    }))
    await run.ask('with a static member', describeGroups, 5, { groups: [groupId] })
    await run.ask('by an unknown instance', leaveGroup, 5, {
      groupId,
      members: [{ memberId: '', groupInstanceId: 'nobody' }],
    })
    await run.ask('by its instance', leaveGroup, 5, {
      groupId,
      members: [{ memberId: '', groupInstanceId: 'one' }, { memberId: 'stranger' }],
    })
  }
  await run.askAll('by a state that is none', listGroups, () => ({ statesFilter: ['Rotten'] }), { from: 4 })
  await run.askAll('by a type that is none', listGroups, () => ({ statesFilter: [], typesFilter: ['rotten'] }), {
    from: 5,
  })
  await run.askAll('by dead', listGroups, () => ({ statesFilter: ['Dead'] }), { from: 4 })
}
