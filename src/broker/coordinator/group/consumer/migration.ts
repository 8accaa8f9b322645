// A group changes its protocol while it lives. A classic group of consumers becomes a consumer group when a member of the new protocol
// joins: its members stay, as members that speak the classic protocol. When the last member of the new protocol goes, it turns back.
// The records of the old form are deleted and those of the new written in one unit, so a crash finds the one or the other.

import { ErrorCode } from '../../../../protocol/errors.ts'
import { decodeAssignment, decodeSubscription } from '../../../../protocol/messages/consumer-protocol.ts'
import { type Call, timerKey } from '../call.ts'
import { ClassicGroup } from '../classic-group.ts'
import type { ConsumerGroupRecord } from '../group-record.ts'
import { EMPTY, type Member, metadataOf } from '../member.ts'
import { joinError, rebalance, resetSession as resetClassicSession, syncError } from '../rebalance.ts'
import { type Assignment, ownedSince } from './assignment.ts'
import { encodeAssignmentFor } from './classic-assignment.ts'
import type { ClusterView } from './cluster-view.ts'
import { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, newMember, sortedNames } from './consumer-member.ts'
import {
  groupRecord,
  groupTombstones,
  memberRecord,
  placeRecord,
  targetEpochRecord,
  targetRecord,
} from './consumer-records.ts'
import { Refused } from './refused.ts'
import { metadataHash, subscribedNames } from './subscribed-topics.ts'
import { resetSession } from './timers.ts'

const CONSUMER_PROTOCOL = 'consumer'

/** The consumer group that the classic group becomes; it is the group's state from here on. */
export function upgrade(call: Call, classic: ClassicGroup): ConsumerGroup {
  throwIfNotUpgradable(call, classic)
  const { outcome } = call
  const { groupId, generationId } = classic
  const members = consumersOf(classic, call.view)
  const group = new ConsumerGroup(groupId)
  const hash = metadataHash(
    subscribedNames(
      members.map(({ member }) => member),
      new Map(),
    ),
    call.view,
  )
  const records: ConsumerGroupRecord[] = [
    ...members.map(({ member }) => memberRecord(groupId, member)),
    groupRecord(groupId, generationId, hash),
    ...members.map(({ member, target }) => targetRecord(groupId, member.memberId, target)),
    // Computed by their leader at some time; who joins now need not wait for the next.
    targetEpochRecord(groupId, generationId, 0),
    ...members.map(({ member }) => placeRecord(groupId, member)),
  ]
  for (const record of records) group.apply(record)
  // What its members wait for will not come: they join anew and are served by the consumer group.
  dismiss(call, classic)
  outcome.record({ type: 'group-metadata', groupId, value: null })
  outcome.records.push(...records)
  for (const { member } of members) resetSession(call, groupId, member)
  return group
}

function throwIfNotUpgradable(call: Call, classic: ClassicGroup): void {
  const { migrationPolicy, maxSize } = call.config.consumer
  const refuse = (why: string) => {
    throw new Refused(
      'GROUP_ID_NOT_FOUND',
      `Cannot upgrade classic group ${classic.groupId} to consumer group because ${why}.`,
    )
  }
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'upgrade') refuse('online upgrade is disabled')
  if (classic.protocolType !== CONSUMER_PROTOCOL) refuse('the group does not use the consumer embedded protocol')
  if (classic.members.size > maxSize) refuse('the group size exceeds the consumer group maximum size')
}

interface Upgraded {
  readonly member: ConsumerMember
  readonly target: Assignment
}

/** Each with its assignment of the last generation, as its own and as its target; no partition twice, whatever their leader said. */
function consumersOf(classic: ClassicGroup, view: ClusterView): Upgraded[] {
  const taken = new Set<string>()
  return [...classic.members.values()].map((old) => {
    const { topics, rackId } = understood(classic, () => decodeSubscription(subscriptionOf(old, classic.protocolName)))
    const target = assignmentOfClassic(classic, old, view, taken)
    const member: ConsumerMember = {
      ...newMember(old.memberId),
      instanceId: old.groupInstanceId,
      rackId,
      clientId: old.clientId,
      clientHost: old.clientHost,
      rebalanceTimeoutMs: old.rebalanceTimeoutMs,
      subscribedTopicNames: sortedNames(topics),
      classic: { sessionTimeoutMs: old.sessionTimeoutMs, supportedProtocols: old.protocols },
      memberEpoch: classic.generationId,
      previousMemberEpoch: classic.generationId,
      assigned: ownedSince(target, classic.generationId),
    }
    return { member, target }
  })
}

/** Of a group that has no generation yet: all protocols of a consumer carry the same subscription. */
function subscriptionOf(member: Member, protocolName: string | null): Buffer {
  return protocolName === null ? (member.protocols[0]?.metadata ?? EMPTY) : metadataOf(member, protocolName)
}

function assignmentOfClassic(classic: ClassicGroup, member: Member, view: ClusterView, taken: Set<string>): Assignment {
  const target = new Map<string, Set<number>>()
  if (member.assignment.length === 0) return target
  const { assignedPartitions, userData } = understood(classic, () => decodeAssignment(member.assignment))
  if (userData !== null && userData.length > 0) throw customAssignor(classic)
  for (const { topic, partitions } of assignedPartitions) {
    const topicId = view.topics.get(topic)?.topicId
    if (topicId === undefined) continue
    for (const partition of partitions) {
      if (taken.has(`${topicId}:${partition}`)) continue
      taken.add(`${topicId}:${partition}`)
      target.set(topicId, (target.get(topicId) ?? new Set<number>()).add(partition))
    }
  }
  return target
}

function understood<T>(classic: ClassicGroup, decode: () => T): T {
  try {
    return decode()
  } catch {
    const message = `Cannot upgrade classic group ${classic.groupId} to consumer group because the embedded consumer protocol is malformed.`
    throw new Refused('GROUP_ID_NOT_FOUND', message)
  }
}

function customAssignor(classic: ClassicGroup): Refused {
  const message = `Cannot upgrade classic group ${classic.groupId} to consumer group because an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade.`
  return new Refused('GROUP_ID_NOT_FOUND', message)
}

/** Answers all that wait and stops the classic group's times. */
function dismiss({ outcome }: Call, classic: ClassicGroup): void {
  const { groupId } = classic
  for (const { memberId, awaitingJoin, awaitingSync } of classic.members.values()) {
    if (awaitingJoin !== undefined) outcome.reply(awaitingJoin, joinError(memberId, ErrorCode.REBALANCE_IN_PROGRESS))
    if (awaitingSync !== undefined) outcome.reply(awaitingSync, syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  }
  for (const memberId of classic.pendingMembers) outcome.cancelTimer(timerKey.pendingMember(groupId, memberId))
  outcome.cancelTimer(timerKey.join(groupId))
  outcome.cancelTimer(timerKey.sync(groupId))
}

/** Whether, without these members, all that are left speak the classic protocol, and the broker lets such a group turn classic. */
export function maySpeakClassicWithout(call: Call, group: ConsumerGroup, gone: readonly string[]): boolean {
  const left = [...group.members.values()].filter(({ memberId }) => !gone.includes(memberId))
  return left.length > 0 && maySpeakClassic(call, group, left, gone)
}

/** Whether the group would turn classic were this static member taken over by one that speaks the classic protocol. */
export function maySpeakClassicInsteadOf(call: Call, group: ConsumerGroup, replaced: ConsumerMember): boolean {
  const left = [...group.members.values()].filter((member) => member !== replaced)
  return maySpeakClassic(call, group, left, [replaced.memberId], 1)
}

function maySpeakClassic(
  call: Call,
  group: ConsumerGroup,
  left: readonly ConsumerMember[],
  gone: readonly string[],
  coming = 0,
): boolean {
  const { migrationPolicy } = call.config.consumer
  // When classic members go among classic members nothing is to be changed: the group has been a consumer group all along.
  const oneOfNewGoes = gone.some((memberId) => group.members.get(memberId)?.classic === null)
  if (!oneOfNewGoes || left.some((member) => member.classic === null)) return false
  if (migrationPolicy !== 'bidirectional' && migrationPolicy !== 'downgrade') return false
  return left.length + coming <= call.config.maxSize
}

export interface Downgrade {
  /** Members that are left out. */
  readonly gone: readonly string[]
  /** A member of the classic protocol that took the place of a static one, whose records are written already. */
  readonly joining?: ConsumerMember
  /** Whether the members must share the partitions anew; always when somebody went. */
  readonly rebalances?: boolean
}

/** Makes the group a classic one, in its generation, with the target assignment as what its leader settled. */
export function downgrade(call: Call, group: ConsumerGroup, { gone, joining, rebalances = true }: Downgrade): void {
  const { outcome, view, nowMs } = call
  const { groupId } = group
  const members = [...group.members.values()].filter(({ memberId }) => !gone.includes(memberId))
  if (joining) members.push(joining)
  const classic = new ClassicGroup(groupId, nowMs)
  classic.generationId = group.groupEpoch
  for (const member of members) classic.add(classicOf(member), CONSUMER_PROTOCOL)
  classic.protocolName = classic.selectProtocol()
  const assignments = new Map(
    members.map((member) => {
      const version = metadataOf(classic.members.get(member.memberId)!, classic.protocolName)
      const target = group.target(member.memberId, member.instanceId)
      return [member.memberId, encodeAssignmentFor(version, target, view)]
    }),
  )
  outcome.records.push(...groupTombstones(group, joining ? [joining.memberId] : []))
  outcome.record({ type: 'group-metadata', groupId, value: classic.toValue(assignments, nowMs) })
  outcome.follow({ type: 'downgraded', groupId, rebalances })
}

function classicOf(member: ConsumerMember): Member {
  return {
    memberId: member.memberId,
    groupInstanceId: member.instanceId,
    clientId: member.clientId,
    clientHost: member.clientHost,
    sessionTimeoutMs: member.classic!.sessionTimeoutMs,
    rebalanceTimeoutMs: member.rebalanceTimeoutMs,
    protocols: member.classic!.supportedProtocols,
    assignment: EMPTY,
    awaitingJoin: undefined,
    awaitingSync: undefined,
    isNew: false,
  }
}

/** Invited by the records of a downgrade, once they are in. */
export function downgraded(call: Call, group: ClassicGroup, rebalances: boolean): void {
  for (const member of group.members.values()) resetClassicSession(call, group, member)
  if (rebalances && group.state === 'Stable') rebalance(call, group)
}
