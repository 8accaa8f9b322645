// The records of a consumer group, each made of the state that it makes durable.

import type { ConsumerGroupRecord } from '../group-record.ts'
import { type Assignment, ownedTopicPartitionsOf, topicPartitionsOf } from './assignment.ts'
import type { ConsumerGroup, ResolvedRegex } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'

export function groupRecord(groupId: string, epoch: number, metadataHash: number): ConsumerGroupRecord {
  return { type: 'consumer-group', groupId, value: { epoch, metadataHash } }
}

export function memberRecord(groupId: string, member: ConsumerMember): ConsumerGroupRecord {
  const { memberId, instanceId, rackId, clientId, clientHost, rebalanceTimeoutMs, serverAssignor } = member
  return {
    type: 'consumer-member',
    groupId,
    memberId,
    value: {
      instanceId,
      rackId,
      clientId,
      clientHost,
      subscribedTopicNames: member.subscribedTopicNames,
      subscribedTopicRegex: member.subscribedTopicRegex,
      rebalanceTimeoutMs,
      serverAssignor,
      classicMemberMetadata: member.classic && {
        sessionTimeoutMs: member.classic.sessionTimeoutMs,
        supportedProtocols: [...member.classic.supportedProtocols],
      },
    },
  }
}

export function placeRecord(groupId: string, member: ConsumerMember): ConsumerGroupRecord {
  const { memberId, memberEpoch, previousMemberEpoch, state } = member
  return {
    type: 'consumer-current',
    groupId,
    memberId,
    value: {
      memberEpoch,
      previousMemberEpoch,
      state,
      assignedPartitions: ownedTopicPartitionsOf(member.assigned),
      partitionsPendingRevocation: ownedTopicPartitionsOf(member.pendingRevocation),
    },
  }
}

export function targetRecord(groupId: string, memberId: string, target: Assignment): ConsumerGroupRecord {
  const value = { topicPartitions: topicPartitionsOf(target) }
  return { type: 'consumer-target-member', groupId, memberId, value }
}

export function targetEpochRecord(groupId: string, epoch: number, nowMs: number): ConsumerGroupRecord {
  return { type: 'consumer-target', groupId, value: { assignmentEpoch: epoch, assignmentTimestamp: nowMs } }
}

export function regexRecord(groupId: string, regex: string, value: ResolvedRegex | null): ConsumerGroupRecord {
  return { type: 'consumer-regex', groupId, regex, value }
}

export function partitionsTombstone(groupId: string): ConsumerGroupRecord {
  return { type: 'consumer-partitions', groupId, present: false }
}

/** In this order: a member goes when nothing of it is left. */
export function memberTombstones(groupId: string, memberId: string): ConsumerGroupRecord[] {
  return [
    { type: 'consumer-current', groupId, memberId, value: null },
    { type: 'consumer-target-member', groupId, memberId, value: null },
    { type: 'consumer-member', groupId, memberId, value: null },
  ]
}

/** Deletes all that the log may hold of the group, but not its offsets. */
export function groupTombstones(group: ConsumerGroup, alsoMembers: readonly string[] = []): ConsumerGroupRecord[] {
  const { groupId } = group
  const memberIds = [...new Set([...group.members.keys(), ...group.targets.keys(), ...alsoMembers])]
  return [
    ...memberIds.map((memberId) => ({ type: 'consumer-current', groupId, memberId, value: null }) as const),
    ...memberIds.map((memberId) => ({ type: 'consumer-target-member', groupId, memberId, value: null }) as const),
    { type: 'consumer-target', groupId, value: null },
    ...memberIds.map((memberId) => ({ type: 'consumer-member', groupId, memberId, value: null }) as const),
    ...[...group.resolvedRegexes.keys()].map((regex) => regexRecord(groupId, regex, null)),
    ...(group.hasPartitionMetadata ? [partitionsTombstone(groupId)] : []),
    { type: 'consumer-group', groupId, value: null },
  ]
}
