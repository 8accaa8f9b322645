// Members of a consumer group that still speak the classic protocol (the migration of KIP-848). They have no leader: the group gives
// each its next step with JoinGroup and its assignment with SyncGroup; their generation is their member epoch, and a heartbeat calls
// them back to JoinGroup whenever there is a step to take.

import { ErrorCode } from '../../../../protocol/errors.ts'
import {
  type ConsumerProtocolSubscription,
  decodeSubscription,
} from '../../../../protocol/messages/consumer-protocol.ts'
import type { Call } from '../call.ts'
import type { HeartbeatCommand, JoinCommand, LeaveCommand, Protocol, SyncCommand } from '../command.ts'
import { joinError, syncError } from '../rebalance.ts'
import type { TopicPartitions } from './assignment.ts'
import { encodeAssignmentFor } from './classic-assignment.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import {
  type ConsumerMember,
  MEMBER_STATE,
  newMember,
  sameMetadata,
  sameNames,
  sortedNames,
} from './consumer-member.ts'
import { memberRecord } from './consumer-records.ts'
import { fenceMembers } from './fencing.ts'
import { memberOf, ownerOf, replaceStaticMember, throwIfFull } from './membership.ts'
import { downgrade, maySpeakClassicInsteadOf } from './migration.ts'
import { obtainTarget, raiseEpoch, takeStep } from './progress.ts'
import { attempt, Refused } from './refused.ts'
import { changeRegex } from './regex-subscription.ts'
import { cancelJoin, cancelRevocation, cancelSync, resetSession, timeJoin, timeSync } from './timers.ts'

const CONSUMER_PROTOCOL = 'consumer'

export function joinAsClassic(call: Call, group: ConsumerGroup, command: JoinCommand): void {
  const refused = attempt(call, (inner) => join(inner, group, command))
  if (refused) call.outcome.reply(call.id, joinError(command.memberId, refused.errorCode))
}

function join(call: Call, group: ConsumerGroup, command: JoinCommand) {
  const { groupInstanceId: instanceId, protocols } = command
  const unknown = command.memberId === ''
  const memberId = unknown ? command.newMemberId : command.memberId
  throwIfFull(call, group, command.memberId)
  throwIfUnsupported(group, memberId, command)
  if (unknown && command.requireKnownMemberId) {
    return call.outcome.reply(call.id, joinError(memberId, ErrorCode.MEMBER_ID_REQUIRED))
  }
  const owner = group.staticMember(instanceId)
  const turnsClassic = owner !== undefined && maySpeakClassicInsteadOf(call, group, owner)
  const before = obtainMember(call, group, memberId, instanceId, unknown)
  const subscription = subscriptionOf(protocols[0]!)
  const after: ConsumerMember = {
    ...before,
    instanceId: instanceId ?? before.instanceId,
    rackId: subscription.rackId ?? before.rackId,
    rebalanceTimeoutMs: command.rebalanceTimeoutMs,
    subscribedTopicNames: sortedNames(subscription.topics),
    subscribedTopicRegex: '',
    clientId: command.clientId,
    clientHost: command.clientHost,
    classic: { sessionTimeoutMs: command.sessionTimeoutMs, supportedProtocols: protocols },
  }
  if (!sameMetadata(before, after)) call.outcome.record(memberRecord(group.groupId, after))
  const regexChanged = changeRegex(call, group, before, after, () => true) !== 'same'
  const changed = !sameNames(before, after) || regexChanged
  const groupEpoch = raiseEpoch(call, group, { before, after }, changed)
  const reported = reportedPartitions(subscription.ownedPartitions, call.view)
  const next = turnsClassic
    ? turnClassic(call, group, after, reported, changed)
    : takeStep(call, group, after, obtainTarget(call, group, groupEpoch, after), reported, changed)
  cancelJoin(call, group, next.memberId)
  cancelRevocation(call, group.groupId, next.memberId)
  if (!turnsClassic) {
    resetSession(call, group.groupId, next)
    timeSync(call, group.groupId, next.memberId, command.rebalanceTimeoutMs)
  }
  call.outcome.reply(call.id, {
    errorCode: ErrorCode.NONE,
    generationId: next.memberEpoch,
    protocolType: CONSUMER_PROTOCOL,
    protocolName: protocols[0]!.name,
    leader: '',
    skipAssignment: false,
    memberId: next.memberId,
    members: [],
  })
}

/** All protocols of a consumer carry the same subscription. */
function subscriptionOf({ metadata }: Protocol): ConsumerProtocolSubscription {
  try {
    return decodeSubscription(metadata)
  } catch {
    const message = 'Malformed embedded consumer protocol in subscription deserialization.'
    throw new Refused('UNKNOWN_SERVER_ERROR', message)
  }
}

/** All members of the classic protocol must share one of the names; what it stands for is not asked, as the group assigns. */
function throwIfUnsupported(group: ConsumerGroup, memberId: string, { protocolType, protocols }: JoinCommand): void {
  const classic = group.classicMembers
  const shared = protocols.some(({ name }) => {
    return classic.every((member) => member.classic!.supportedProtocols.some((own) => own.name === name))
  })
  if (protocolType === CONSUMER_PROTOCOL && shared) return
  throw new Refused('INCONSISTENT_GROUP_PROTOCOL', `Member ${memberId}'s protocols are not supported.`)
}

function obtainMember(
  call: Call,
  group: ConsumerGroup,
  memberId: string,
  instanceId: string | null,
  unknown: boolean,
): ConsumerMember {
  if (instanceId === null) return group.members.get(memberId) ?? newMember(memberId)
  if (!unknown) return ownerOf(group, instanceId, memberId)
  const before = group.staticMember(instanceId)
  return before ? replaceStaticMember(call, group, before, memberId) : newMember(memberId)
}

/** The last member of the new protocol came back with the classic one: the group is a classic one from here on. */
function turnClassic(
  call: Call,
  group: ConsumerGroup,
  after: ConsumerMember,
  reported: readonly TopicPartitions[],
  changed: boolean,
): ConsumerMember {
  const standing = { epoch: group.assignmentEpoch, assignment: group.target(after.memberId, after.instanceId) }
  const joining = changed ? after : takeStep(call, group, after, standing, reported, false)
  const stale = group.groupEpoch > group.assignmentEpoch
  downgrade(call, group, { gone: replacedBy(group, after), joining, rebalances: changed || stale })
  return joining
}

function replacedBy(group: ConsumerGroup, { instanceId }: ConsumerMember): string[] {
  const owner = group.staticMember(instanceId)
  return owner ? [owner.memberId] : []
}

function reportedPartitions(
  owned: readonly { readonly topic: string; readonly partitions: readonly number[] }[],
  view: ClusterView,
): TopicPartitions[] {
  return owned.flatMap(({ topic, partitions }) => {
    const topicId = view.topics.get(topic)?.topicId
    return topicId === undefined ? [] : [{ topicId, partitions }]
  })
}

export function syncAsClassic(call: Call, group: ConsumerGroup, command: SyncCommand) {
  const refuse = (errorCode: number) => call.outcome.reply(call.id, syncError(errorCode))
  let member: ConsumerMember
  try {
    member = classicMember(group, command)
    throwIfUnmatched(member, command)
  } catch (error) {
    if (error instanceof Refused) return refuse(error.errorCode)
    throw error
  }
  // One that is giving up partitions has joined already; it is called again when it is done.
  if (group.groupEpoch > member.memberEpoch && member.state !== MEMBER_STATE.UNREVOKED_PARTITIONS) {
    timeJoin(call, group, member)
    return refuse(ErrorCode.REBALANCE_IN_PROGRESS)
  }
  cancelSync(call, group.groupId, member.memberId)
  resetSession(call, group.groupId, member)
  const { protocolType, protocolName } = command
  const assignment = encodeAssignmentFor(protocolOf(member).metadata, member.assigned, call.view)
  call.outcome.reply(call.id, { errorCode: ErrorCode.NONE, protocolType, protocolName, assignment })
}

function protocolOf(member: ConsumerMember) {
  return member.classic!.supportedProtocols[0]!
}

function throwIfUnmatched(member: ConsumerMember, { protocolType, protocolName }: SyncCommand): void {
  const { memberId } = member
  const { name } = protocolOf(member)
  if (protocolType !== null && protocolType !== CONSUMER_PROTOCOL) {
    const message = `The protocol type ${protocolType} from member ${memberId} request is not equal to the group protocol type ${CONSUMER_PROTOCOL}.`
    throw new Refused('INCONSISTENT_GROUP_PROTOCOL', message)
  }
  if (protocolName === null || protocolName === name) return
  const message = `The protocol name ${protocolName} from member ${memberId} request is not equal to the protocol name ${name} returned in the join response.`
  throw new Refused('INCONSISTENT_GROUP_PROTOCOL', message)
}

/** The member that asks, which must speak the classic protocol and be of its generation. */
function classicMember(
  group: ConsumerGroup,
  asked: { memberId: string; groupInstanceId: string | null; generationId: number },
): ConsumerMember {
  const { memberId, groupInstanceId } = asked
  const member = groupInstanceId === null ? memberOf(group, memberId) : ownerOf(group, groupInstanceId, memberId)
  throwIfNotClassic(member)
  if (member.memberEpoch === asked.generationId) return member
  const message = `The request generation id ${asked.generationId} is not equal to the member epoch ${member.memberEpoch} of member ${member.memberId}.`
  throw new Refused('ILLEGAL_GENERATION', message)
}

function throwIfNotClassic({ classic, memberId }: ConsumerMember): void {
  if (classic === null) throw new Refused('UNKNOWN_MEMBER_ID', `Member ${memberId} does not use the classic protocol.`)
}

export function heartbeatAsClassic(call: Call, group: ConsumerGroup, command: HeartbeatCommand): void {
  let errorCode: number = ErrorCode.NONE
  const refused = attempt(call, (inner) => {
    const member = classicMember(group, command)
    resetSession(inner, group.groupId, member)
    if (!isCalled(group, member)) return
    timeJoin(inner, group, member)
    errorCode = ErrorCode.REBALANCE_IN_PROGRESS
  })
  call.outcome.reply(call.id, { errorCode: refused?.errorCode ?? errorCode })
}

/** Whether the member has a step to take: a new epoch, something to give up, or something that was given up for it. */
function isCalled(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.memberEpoch < group.groupEpoch || member.state === MEMBER_STATE.UNREVOKED_PARTITIONS) return true
  return member.state === MEMBER_STATE.UNRELEASED_PARTITIONS && !waitsForOthers(group, member)
}

function waitsForOthers(group: ConsumerGroup, { memberId, assigned }: ConsumerMember): boolean {
  const ownedByOthers = group.isOwnedByOther(memberId)
  return [...group.target(memberId, null)].some(([topicId, partitions]) => {
    return [...partitions].some((each) => !assigned.get(topicId)?.has(each) && ownedByOthers(topicId, each))
  })
}

export function leaveAsClassic(call: Call, group: ConsumerGroup, command: LeaveCommand): void {
  const leaving = new Map<string, ConsumerMember>()
  const members = command.members.map((asked) => {
    try {
      const member = leaver(group, asked)
      leaving.set(member.memberId, member)
      return { ...asked, memberId: member.memberId, errorCode: ErrorCode.NONE as number }
    } catch (error) {
      if (error instanceof Refused) return { ...asked, errorCode: error.errorCode }
      throw error
    }
  })
  fenceMembers(call, group, [...leaving.values()])
  call.outcome.reply(call.id, { members })
}

/** Of either protocol. By instance id alone an operator may take out a static member. */
function leaver(group: ConsumerGroup, { memberId, groupInstanceId }: LeaveCommand['members'][number]): ConsumerMember {
  if (groupInstanceId === null) return memberOf(group, memberId)
  return ownerOf(group, groupInstanceId, memberId === '' ? undefined : memberId)
}
