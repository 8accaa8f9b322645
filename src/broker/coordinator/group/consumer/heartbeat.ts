// ConsumerGroupHeartbeat: a member joins (epoch 0), lives, takes its next step, or leaves (−1; −2 as a static member that will be back).

import { ErrorCode } from '../../../../protocol/errors.ts'
import { type Call, timerKey } from '../call.ts'
import type { ClassicGroup } from '../classic-group.ts'
import type { ConsumerHeartbeatCommand, ConsumerHeartbeatReply } from '../command.ts'
import { type OwnedPartitions, samePartitions, type TopicPartitions, topicPartitionsOf } from './assignment.ts'
import { ConsumerGroup } from './consumer-group.ts'
import {
  type ConsumerMember,
  JOIN_EPOCH,
  LEAVE_EPOCH,
  LEAVE_STATIC_EPOCH,
  newMember,
  sameMetadata,
  sameNames,
  sortedNames,
} from './consumer-member.ts'
import { memberRecord, placeRecord } from './consumer-records.ts'
import { fenceMembers } from './fencing.ts'
import { throwIfInvalid } from './heartbeat-request.ts'
import { heartbeatIntervalOf } from './member-settings.ts'
import { memberOf, ownerOf, replaceStaticMember, throwIfFull, throwIfUnreleased } from './membership.ts'
import { upgrade } from './migration.ts'
import { obtainTarget, raiseEpoch, takeStep } from './progress.ts'
import { attempt, Refused } from './refused.ts'
import { changeRegex } from './regex-subscription.ts'
import { resetSession } from './timers.ts'

type Command = ConsumerHeartbeatCommand

export function consumerHeartbeat(call: Call, group: ClassicGroup | ConsumerGroup | undefined, command: Command): void {
  const refused = attempt(call, (inner) => {
    throwIfInvalid(inner, command)
    const leaves = command.memberEpoch === LEAVE_EPOCH || command.memberEpoch === LEAVE_STATIC_EPOCH
    const reply = leaves ? leave(inner, group, command) : beat(inner, group, command)
    inner.outcome.reply(call.id, reply)
  })
  if (refused) call.outcome.reply(call.id, heartbeatError(refused.errorCode, refused.message))
}

export function heartbeatError(errorCode: number, errorMessage: string | null): ConsumerHeartbeatReply {
  return { errorCode, errorMessage, memberId: null, memberEpoch: 0, heartbeatIntervalMs: 0, assignment: null }
}

function beat(call: Call, known: ClassicGroup | ConsumerGroup | undefined, command: Command): ConsumerHeartbeatReply {
  const group = obtainGroup(call, known, command)
  const memberId = command.memberId === '' ? command.newMemberId : command.memberId
  throwIfFull(call, group, command.memberId)
  const before = obtainMember(call, group, memberId, command)
  const after = changedMember(before, command)
  if (!sameMetadata(before, after)) call.outcome.record(memberRecord(group.groupId, after))
  const namesChanged = !sameNames(before, after)
  const regex = changeRegex(call, group, before, after, command.mayDescribe)
  // A regular expression that is still to be resolved raises the epoch by itself when it is.
  const raises = namesChanged || regex === 'resolved'
  const groupEpoch = raiseEpoch(call, group, { before, after }, raises)
  const target = obtainTarget(call, group, groupEpoch, after)
  const subscriptionChanged = namesChanged || regex !== 'same'
  const next = takeStep(call, group, after, target, command.topicPartitions, subscriptionChanged)
  resetSession(call, group.groupId, next)
  const told = command.memberEpoch === JOIN_EPOCH || isFull(command) || !samePartitions(before.assigned, next.assigned)
  return {
    errorCode: ErrorCode.NONE,
    errorMessage: null,
    memberId: next.memberId,
    memberEpoch: next.memberEpoch,
    heartbeatIntervalMs: heartbeatIntervalOf(call, group.groupId),
    assignment: told ? { topicPartitions: topicPartitionsOf(next.assigned) } : null,
  }
}

/** A member that says everything does so because it may have missed something. */
function isFull({ rebalanceTimeoutMs, subscribedTopicNames, subscribedTopicRegex, topicPartitions }: Command): boolean {
  const subscribes = subscribedTopicNames !== null || subscribedTopicRegex !== null
  return rebalanceTimeoutMs !== -1 && subscribes && topicPartitions !== null
}

/** Only who joins makes a group, out of nothing, of an empty classic one, or of one whose members speak like consumers. */
function obtainGroup(call: Call, known: ClassicGroup | ConsumerGroup | undefined, command: Command): ConsumerGroup {
  const { groupId, memberEpoch } = command
  if (known instanceof ConsumerGroup) return known
  if (memberEpoch !== JOIN_EPOCH) {
    if (!known) throw new Refused('GROUP_ID_NOT_FOUND', `Consumer group ${groupId} not found.`)
    throw new Refused('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`)
  }
  if (!known) return new ConsumerGroup(groupId)
  if (known.state !== 'Empty') return upgrade(call, known)
  for (const memberId of known.pendingMembers) call.outcome.cancelTimer(timerKey.pendingMember(groupId, memberId))
  call.outcome.record({ type: 'group-metadata', groupId, value: null })
  return new ConsumerGroup(groupId)
}

function obtainMember(call: Call, group: ConsumerGroup, memberId: string, command: Command): ConsumerMember {
  const { instanceId, memberEpoch, topicPartitions } = command
  const joins = memberEpoch === JOIN_EPOCH
  if (instanceId === null) {
    const member = joins ? (group.members.get(memberId) ?? newMember(memberId)) : memberOf(group, memberId)
    throwIfEpochInvalid(member, memberEpoch, topicPartitions)
    return member
  }
  if (joins) {
    const before = group.staticMember(instanceId)
    if (!before) return group.members.get(memberId) ?? newMember(memberId)
    if (before.classic === null) throwIfUnreleased(before, memberId, instanceId)
    return replaceStaticMember(call, group, before, memberId)
  }
  const owner = ownerOf(group, instanceId, memberId)
  throwIfEpochInvalid(owner, memberEpoch, topicPartitions)
  return owner
}

/** Epoch 0 may always come: who was fenced joins again. The epoch before may come once more, as an answer can get lost. */
function throwIfEpochInvalid(
  member: ConsumerMember,
  received: number,
  reported: readonly TopicPartitions[] | null,
): void {
  if (received === JOIN_EPOCH || received === member.memberEpoch) return
  const greater = received > member.memberEpoch
  if (!greater && received === member.previousMemberEpoch && isPartOf(reported, member.assigned)) return
  const message = `The consumer group member has a ${greater ? 'greater' : 'smaller'} member epoch (${received}) than the one known by the group coordinator (${member.memberEpoch}). The member must abandon all its partitions and rejoin.`
  throw new Refused('FENCED_MEMBER_EPOCH', message)
}

function isPartOf(reported: readonly TopicPartitions[] | null, assigned: OwnedPartitions): boolean {
  if (reported === null) return false
  return reported.every(({ topicId, partitions }) => {
    const own = assigned.get(topicId)
    return own !== undefined && partitions.every((partition) => own.has(partition))
  })
}

function changedMember(before: ConsumerMember, command: Command): ConsumerMember {
  const names = command.subscribedTopicNames
  return {
    ...before,
    instanceId: command.instanceId ?? before.instanceId,
    rackId: command.rackId ?? before.rackId,
    rebalanceTimeoutMs: command.rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : command.rebalanceTimeoutMs,
    serverAssignor: command.serverAssignor ?? before.serverAssignor,
    subscribedTopicNames: names === null ? before.subscribedTopicNames : sortedNames(names),
    subscribedTopicRegex: command.subscribedTopicRegex ?? before.subscribedTopicRegex,
    clientId: command.clientId,
    clientHost: command.clientHost,
    classic: null,
  }
}

function leave(call: Call, group: ClassicGroup | ConsumerGroup | undefined, command: Command): ConsumerHeartbeatReply {
  const { groupId, memberId, instanceId, memberEpoch } = command
  if (!group) throw new Refused('GROUP_ID_NOT_FOUND', `Group ${groupId} not found.`)
  if (!(group instanceof ConsumerGroup)) {
    throw new Refused('GROUP_ID_NOT_FOUND', `Group ${groupId} is not a consumer group.`)
  }
  const member = instanceId === null ? memberOf(group, memberId) : ownerOf(group, instanceId, memberId)
  if (memberEpoch === LEAVE_STATIC_EPOCH) {
    const gone = { ...member, memberEpoch, pendingRevocation: new Map() }
    call.outcome.record(placeRecord(groupId, gone))
  } else {
    fenceMembers(call, group, [member])
  }
  return { ...heartbeatError(ErrorCode.NONE, null), memberId: member.memberId, memberEpoch }
}
