// ShareGroupHeartbeat: a member joins (epoch 0), lives, or leaves (−1). What it is to read it has at once: nobody must give up anything first.

import { ErrorCode } from '../../../../protocol/errors.ts'
import { type Call, timerKey } from '../call.ts'
import { type Assignment, NOTHING_ASSIGNED, sameAssignment, topicPartitionsOf } from '../consumer/assignment.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, sortedNames } from '../consumer/consumer-member.ts'
import { ownOr } from '../consumer/member-settings.ts'
import { Refused } from '../consumer/refused.ts'
import { metadataHash } from '../consumer/subscribed-topics.ts'
import type { ShareHeartbeatCommand, ShareHeartbeatReply } from './share-command.ts'
import { newShareMember, type SharedTopic, ShareGroup, type ShareMember } from './share-group.ts'
import {
  sharedTopics,
  shareMemberRecord,
  shareMemberTombstones,
  sharePlaceRecord,
  shareTargetRecord,
  statesRecord,
} from './share-records.ts'
import { assignShares } from './simple-assignor.ts'

interface Circumstances {
  /** There is a group of another kind under the name. */
  readonly isTaken: boolean
  /** The share coordinator is not being told of partitions of the group already. */
  readonly mayInitialize: boolean
}

const NOTHING_TO_INITIALIZE = { stateEpoch: 0, topics: [] } as const

export function shareHeartbeat(
  call: Call,
  known: ShareGroup | undefined,
  command: ShareHeartbeatCommand,
  { isTaken, mayInitialize }: Circumstances,
): ShareHeartbeatReply {
  throwIfInvalid(command)
  if (isTaken) throw new Refused('GROUP_ID_NOT_FOUND', `Group ${command.groupId} is not a share group.`)
  if (command.memberEpoch === LEAVE_EPOCH) return leave(call, known, command)
  const group = known ?? newGroup(command)
  const before = obtainMember(call, group, command)
  const after = changedMember(before, command)
  const { groupId } = group
  if (!sameMetadata(before, after) || !group.members.has(after.memberId)) {
    call.outcome.record(shareMemberRecord(groupId, after))
  }
  const members = group.membersWith(after)
  const groupEpoch = raisedEpoch(call, group, members, before, after)
  const { target, assignmentEpoch } = obtainTarget(call, group, groupEpoch, members, after)
  const next = takeStep(after, target, assignmentEpoch)
  if (next !== after) call.outcome.record(sharePlaceRecord(groupId, next))
  resetShareSession(call, groupId, next.memberId)
  const told = command.memberEpoch === JOIN_EPOCH || !sameAssignment(before.assigned, next.assigned)
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    memberId: next.memberId,
    memberEpoch: next.memberEpoch,
    heartbeatIntervalMs: ownOr(call, groupId, 'share.heartbeat.interval.ms', call.config.share.heartbeatIntervalMs),
    assignment: told ? { topicPartitions: topicPartitionsOf(next.assigned) } : null,
    toInitialize: mayInitialize ? initialize(call, group, members, groupEpoch) : NOTHING_TO_INITIALIZE,
  }
}

export function shareHeartbeatError(errorCode: number, errorMessage: string | null): ShareHeartbeatReply {
  return {
    errorCode,
    errorMessage,
    memberId: null,
    memberEpoch: 0,
    heartbeatIntervalMs: 0,
    assignment: null,
    toInitialize: NOTHING_TO_INITIALIZE,
  }
}

export function resetShareSession(call: Call, groupId: string, memberId: string): void {
  const delayMs = ownOr(call, groupId, 'share.session.timeout.ms', call.config.share.sessionTimeoutMs)
  call.outcome.setTimer(timerKey.session(groupId, memberId), delayMs, { type: 'session-expired', groupId, memberId })
}

/** The member goes, by itself or because it showed no life in its session: the group's epoch rises, so the others share what is left. */
export function fenceShareMember(call: Call, group: ShareGroup, memberId: string): void {
  if (!group.members.has(memberId)) return
  const { groupId, groupEpoch } = group
  call.outcome.cancelTimer(timerKey.session(groupId, memberId))
  call.outcome.records.push(...shareMemberTombstones(groupId, memberId))
  const hash = metadataHash(namesOf(group.membersWith(undefined, memberId)), call.view)
  call.outcome.record({ type: 'share-group', groupId, value: { epoch: groupEpoch + 1, metadataHash: hash } })
}

function throwIfInvalid({ groupId, memberId, memberEpoch, rackId, subscribedTopicNames }: ShareHeartbeatCommand): void {
  const isBlank = (text: string | null) => text !== null && text.trim() === ''
  const complaint = (message: string) => new Refused('INVALID_REQUEST', message)
  if (isBlank(memberId)) throw complaint("MemberId can't be empty.")
  if (isBlank(groupId)) throw complaint("GroupId can't be empty.")
  if (isBlank(rackId)) throw complaint("RackId can't be empty.")
  if (memberEpoch === JOIN_EPOCH && !subscribedTopicNames?.length) {
    throw complaint('SubscribedTopicNames must be set in first request.')
  }
  if (memberEpoch < LEAVE_EPOCH) throw complaint('MemberEpoch is invalid.')
}

function leave(call: Call, group: ShareGroup | undefined, command: ShareHeartbeatCommand): ShareHeartbeatReply {
  const { groupId, memberId, memberEpoch } = command
  if (!group) throw new Refused('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
  memberOf(group, memberId)
  fenceShareMember(call, group, memberId)
  return { ...shareHeartbeatError(ErrorCode.NONE, null), memberId, memberEpoch }
}

function newGroup({ groupId, memberEpoch }: ShareHeartbeatCommand): ShareGroup {
  if (memberEpoch !== JOIN_EPOCH) throw new Refused('GROUP_ID_NOT_FOUND', `Share group ${groupId} not found.`)
  return new ShareGroup(groupId)
}

function memberOf(group: ShareGroup, memberId: string): ShareMember {
  const member = group.members.get(memberId)
  if (member) return member
  throw new Refused('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.groupId}.`)
}

function obtainMember(call: Call, group: ShareGroup, { memberId, memberEpoch }: ShareHeartbeatCommand): ShareMember {
  const { maxSize } = call.config.share
  if (!group.members.has(memberId) && group.members.size >= maxSize) {
    const message = `The share group has reached its maximum capacity of ${maxSize} members.`
    throw new Refused('GROUP_MAX_SIZE_REACHED', message)
  }
  if (memberEpoch === JOIN_EPOCH) return group.members.get(memberId) ?? newShareMember(memberId)
  const member = memberOf(group, memberId)
  if (memberEpoch === member.memberEpoch || memberEpoch === member.previousMemberEpoch) return member
  const than = memberEpoch > member.memberEpoch ? 'greater' : 'smaller'
  const message = `The share group member has a ${than} member epoch (${memberEpoch}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`
  throw new Refused('FENCED_MEMBER_EPOCH', message)
}

function changedMember(before: ShareMember, command: ShareHeartbeatCommand): ShareMember {
  const { rackId, subscribedTopicNames, clientId, clientHost } = command
  const names = subscribedTopicNames === null ? before.subscribedTopicNames : sortedNames(subscribedTopicNames)
  return { ...before, rackId: rackId ?? before.rackId, subscribedTopicNames: names, clientId, clientHost }
}

function sameMetadata(one: ShareMember, other: ShareMember): boolean {
  const sameClient =
    one.rackId === other.rackId && one.clientId === other.clientId && one.clientHost === other.clientHost
  return sameClient && sameNames(one, other)
}

function sameNames(one: ShareMember, other: ShareMember): boolean {
  return one.subscribedTopicNames.join('\n') === other.subscribedTopicNames.join('\n')
}

function namesOf(members: readonly ShareMember[]): string[] {
  return sortedNames(members.flatMap(({ subscribedTopicNames }) => subscribedTopicNames))
}

/** Rises when members, what they read, the topics, or the partitions that can be assigned have changed. */
function raisedEpoch(
  call: Call,
  group: ShareGroup,
  members: readonly ShareMember[],
  before: ShareMember,
  after: ShareMember,
): number {
  const hash = metadataHash(namesOf(members), call.view)
  const isNew = !group.members.has(after.memberId)
  const changed =
    isNew || !sameNames(before, after) || hash !== group.metadataHash || isAssignable(call, group, members)
  if (!changed) return group.groupEpoch
  const epoch = group.groupEpoch + 1
  call.outcome.record({ type: 'share-group', groupId: group.groupId, value: { epoch, metadataHash: hash } })
  return epoch
}

/** Whether somebody reads a partition that has become initialized and is in no target yet. */
function isAssignable(call: Call, group: ShareGroup, members: readonly ShareMember[]): boolean {
  const targets = [...group.targets.values()]
  return subscribedTopicIds(call, members).some((topicId) => {
    return assignablePartitions(group, topicId).some(
      (partition) => !targets.some((target) => target.get(topicId)?.has(partition)),
    )
  })
}

function subscribedTopicIds(call: Call, members: readonly ShareMember[]): string[] {
  return namesOf(members).flatMap((name) => call.view.topics.get(name)?.topicId ?? [])
}

function assignablePartitions(group: ShareGroup, topicId: string): readonly number[] {
  return group.initialized.get(topicId)?.partitions ?? []
}

function obtainTarget(
  call: Call,
  group: ShareGroup,
  groupEpoch: number,
  members: readonly ShareMember[],
  member: ShareMember,
): { target: Assignment; assignmentEpoch: number } {
  const { groupId, assignmentEpoch, targets } = group
  const present = (memberId: string) => targets.get(memberId) ?? NOTHING_ASSIGNED
  if (groupEpoch <= assignmentEpoch) return { target: present(member.memberId), assignmentEpoch }
  const specs = members.map((each) => ({
    memberId: each.memberId,
    subscribedTopicIds: new Set(subscribedTopicIds(call, [each])),
    assigned: present(each.memberId),
  }))
  const assignment = assignShares(specs, (topicId) => assignablePartitions(group, topicId))
  for (const { memberId } of specs) {
    const target = assignment.get(memberId)!
    if (targets.has(memberId) && sameAssignment(present(memberId), target)) continue
    call.outcome.record(shareTargetRecord(groupId, memberId, target))
  }
  const value = { assignmentEpoch: groupEpoch, assignmentTimestamp: call.nowMs }
  call.outcome.record({ type: 'share-target', groupId, value })
  return { target: assignment.get(member.memberId)!, assignmentEpoch: groupEpoch }
}

function takeStep(member: ShareMember, target: Assignment, assignmentEpoch: number): ShareMember {
  if (member.memberEpoch === assignmentEpoch && sameAssignment(member.assigned, target)) return member
  const { memberEpoch: previousMemberEpoch } = member
  return { ...member, memberEpoch: assignmentEpoch, previousMemberEpoch, assigned: target }
}

/** Partitions that somebody reads and that the share coordinator does not know. */
function initialize(
  call: Call,
  group: ShareGroup,
  members: readonly ShareMember[],
  stateEpoch: number,
): { stateEpoch: number; topics: readonly SharedTopic[] } {
  const read = subscribedTopicIds(call, members).flatMap((topicId): SharedTopic[] => {
    const topic = call.view.topicById(topicId)
    if (!topic || group.deleting.has(topicId)) return []
    return [{ topicId, topicName: topic.name, partitions: [...Array(topic.partitions.length).keys()] }]
  })
  const topics = sharedTopics(read, [...group.initialized.values()])
  const { initializing, initialized, deleting } = group
  const news = sharedTopics(topics, [...initializing.values()])
  if (news.length > 0) {
    const begun = sharedTopics([...initializing.values(), ...topics])
    call.outcome.record(statesRecord(group.groupId, begun, [...initialized.values()], [...deleting.values()]))
  }
  return { stateEpoch, topics }
}
