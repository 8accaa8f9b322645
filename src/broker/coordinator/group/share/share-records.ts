// The records of a share group, each made of the state that it makes durable.

import { type Assignment, topicPartitionsOf } from '../consumer/assignment.ts'
import type { SharedTopic, ShareGroup, ShareMember } from './share-group.ts'
import type { ShareGroupRecord } from './share-group-record.ts'

/** The only state that a member of a share group is in: it has what it is told at once. */
const STABLE = 0

export function shareMemberRecord(groupId: string, member: ShareMember): ShareGroupRecord {
  const { memberId, rackId, clientId, clientHost, subscribedTopicNames } = member
  const value = { rackId, clientId, clientHost, subscribedTopicNames: [...subscribedTopicNames] }
  return { type: 'share-member', groupId, memberId, value }
}

export function sharePlaceRecord(groupId: string, member: ShareMember): ShareGroupRecord {
  const { memberId, memberEpoch, previousMemberEpoch, assigned } = member
  const assignedPartitions = rowsOf(assigned)
  return {
    type: 'share-current',
    groupId,
    memberId,
    value: { memberEpoch, previousMemberEpoch, state: STABLE, assignedPartitions },
  }
}

export function shareTargetRecord(groupId: string, memberId: string, target: Assignment): ShareGroupRecord {
  return { type: 'share-target-member', groupId, memberId, value: { topicPartitions: rowsOf(target) } }
}

export function statesRecord(
  groupId: string,
  initializing: readonly SharedTopic[],
  initialized: readonly SharedTopic[],
  deleting: readonly { readonly topicId: string; readonly topicName: string }[],
): ShareGroupRecord {
  const rows = (topics: readonly SharedTopic[]) => topics.map((row) => ({ ...row, partitions: [...row.partitions] }))
  const deletingTopics = deleting.map(({ topicId, topicName }) => ({ topicId, topicName }))
  const value = { initializingTopics: rows(initializing), initializedTopics: rows(initialized), deletingTopics }
  return { type: 'share-states', groupId, value }
}

/** In this order: a member goes when nothing of it is left. */
export function shareMemberTombstones(groupId: string, memberId: string): ShareGroupRecord[] {
  return [
    { type: 'share-current', groupId, memberId, value: null },
    { type: 'share-target-member', groupId, memberId, value: null },
    { type: 'share-member', groupId, memberId, value: null },
  ]
}

/** Of a group without members. */
export function shareGroupTombstones({ groupId }: ShareGroup): ShareGroupRecord[] {
  return [
    { type: 'share-states', groupId, value: null },
    { type: 'share-target', groupId, value: null },
    { type: 'share-group', groupId, value: null },
  ]
}

/** The topics with all partitions that are named somewhere, but not those of `without`; none without partitions. */
export function sharedTopics(topics: readonly SharedTopic[], without: readonly SharedTopic[] = []): SharedTopic[] {
  const merged = new Map<string, { topicId: string; topicName: string; partitions: Set<number> }>()
  for (const { topicId, topicName, partitions } of topics) {
    const row = merged.get(topicId) ?? { topicId, topicName, partitions: new Set<number>() }
    for (const partition of partitions) row.partitions.add(partition)
    merged.set(topicId, row)
  }
  for (const { topicId, partitions } of without) {
    for (const partition of partitions) merged.get(topicId)?.partitions.delete(partition)
  }
  return [...merged.values()]
    .filter(({ partitions }) => partitions.size > 0)
    .map((row) => ({ ...row, partitions: [...row.partitions].sort((a, b) => a - b) }))
}

function rowsOf(assignment: Assignment): { topicId: string; partitions: number[] }[] {
  return topicPartitionsOf(assignment).map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] }))
}
