// What every heartbeat of a member, and every JoinGroup of a classic one, does once the member is known: the group's epoch rises when
// something changed, the target assignment follows the epoch, and the member takes its next step towards its target.

import type { Call } from '../call.ts'
import type { Assignment, TopicPartitions } from './assignment.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, isReconciledTo, MEMBER_STATE, samePlace } from './consumer-member.ts'
import { groupRecord, partitionsTombstone, placeRecord } from './consumer-records.ts'
import { ASSIGNORS, assignmentIntervalOf, preferredAssignor } from './member-settings.ts'
import { reconcile } from './reconciliation.ts'
import { membersWith, metadataHash, subscribedNames, subscribedTopicIdsOf } from './subscribed-topics.ts'
import { computeTarget } from './target-assignment.ts'
import { cancelRevocation, timeRevocation } from './timers.ts'

/** The member as the group has it, or the one whose place it takes; and as it is to become. */
export interface MemberChange {
  readonly before: ConsumerMember
  readonly after: ConsumerMember
}

/** The group's epoch after it was raised, when it had to be: for a change of the member, or of the topics that the group reads. */
export function raiseEpoch(call: Call, group: ConsumerGroup, { after }: MemberChange, changed: boolean): number {
  const { view, outcome } = call
  if (!changed && group.topicsVersionSeen === view.topicsVersion) return group.groupEpoch
  group.topicsVersionSeen = view.topicsVersion
  const replaced = group.staticMember(after.instanceId)?.memberId
  const members = membersWith(group, after, replaced === undefined ? [] : [replaced])
  const hash = metadataHash(subscribedNames(members, group.resolvedRegexes), view)
  if (!changed && hash === group.metadataHash) return group.groupEpoch
  outcome.record(groupRecord(group.groupId, group.groupEpoch + 1, hash))
  if (group.hasPartitionMetadata) outcome.record(partitionsTombstone(group.groupId))
  return group.groupEpoch + 1
}

export interface Target {
  readonly epoch: number
  readonly assignment: Assignment
}

/** The target assignment of the group's epoch for the member; that of an older one while it is too soon for a new one (KIP-1263). */
export function obtainTarget(call: Call, group: ConsumerGroup, groupEpoch: number, after: ConsumerMember): Target {
  const { view, nowMs } = call
  const standing = { epoch: group.assignmentEpoch, assignment: group.target(after.memberId, after.instanceId) }
  if (groupEpoch <= group.assignmentEpoch) return standing
  if (isTooSoon(call, group)) return standing
  const replaced = group.staticMember(after.instanceId)?.memberId
  const members = membersWith(group, after, replaced === undefined ? [] : [replaced])
  const assignor = ASSIGNORS[preferredAssignor(call, members)]!
  const { target, records } = computeTarget({ group, updated: after, groupEpoch, assignor, view, nowMs })
  call.outcome.records.push(...records)
  return { epoch: groupEpoch, assignment: target }
}

function isTooSoon(call: Call, group: ConsumerGroup): boolean {
  if (group.assignmentTimestamp === 0) return false
  return call.nowMs < group.assignmentTimestamp + assignmentIntervalOf(call, group.groupId)
}

/** The member's next step, recorded and timed. */
export function takeStep(
  call: Call,
  group: ConsumerGroup,
  member: ConsumerMember,
  target: Target,
  reported: readonly TopicPartitions[] | null,
  subscriptionChanged: boolean,
): ConsumerMember {
  if (!subscriptionChanged && isReconciledTo(member, target.epoch)) return member
  const next = reconcile({
    member,
    targetEpoch: target.epoch,
    target: target.assignment,
    ownedByOthers: group.isOwnedByOther(group.staticMember(member.instanceId)?.memberId ?? member.memberId),
    reported,
    subscribedTopicIds: subscribedTopicIdsOf(member, group.resolvedRegexes, call.view),
    subscriptionChanged,
  })
  if (samePlace(next, member)) return next
  call.outcome.record(placeRecord(group.groupId, next))
  // Classic members have times of their own, to join and to sync.
  if (next.classic !== null) return next
  if (next.state === MEMBER_STATE.UNREVOKED_PARTITIONS) timeRevocation(call, group.groupId, next)
  else cancelRevocation(call, group.groupId, next.memberId)
  return next
}
