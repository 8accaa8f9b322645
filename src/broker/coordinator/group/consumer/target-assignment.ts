// What the group's members should come to: computed anew whenever the group's epoch rises (Kafka's TargetAssignmentBuilder).

import type { ConsumerGroupRecord } from '../group-record.ts'
import { type Assignment, NOTHING_ASSIGNED, sameAssignment } from './assignment.ts'
import type { Assignor, MemberSpec } from './assignor.ts'
import type { ClusterView } from './cluster-view.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { targetEpochRecord, targetRecord } from './consumer-records.ts'
import { subscribedTopicIdsOf } from './subscribed-topics.ts'

export interface TargetChange {
  readonly group: ConsumerGroup
  /** The member as the group does not have it yet; it may take the place of a static one. */
  readonly updated: ConsumerMember
  readonly groupEpoch: number
  readonly assignor: Assignor
  readonly view: ClusterView
  readonly nowMs: number
}

export interface NewTarget {
  /** Of the updated member. */
  readonly target: Assignment
  /** Only what differs from the target before. */
  readonly records: readonly ConsumerGroupRecord[]
}

export function computeTarget({ group, updated, groupEpoch, assignor, view, nowMs }: TargetChange): NewTarget {
  const replaced = updated.instanceId === null ? undefined : group.staticMembers.get(updated.instanceId)
  const members = new Map(group.members)
  if (replaced !== undefined) members.delete(replaced)
  members.set(updated.memberId, updated)
  const specs = [...members.values()].map((member): MemberSpec => {
    const before = member === updated ? (replaced ?? member.memberId) : member.memberId
    return {
      memberId: member.memberId,
      instanceId: member.instanceId,
      subscribedTopicIds: subscribedTopicIdsOf(member, group.resolvedRegexes, view),
      assigned: group.targets.get(before) ?? NOTHING_ASSIGNED,
    }
  })
  const assignment = assignor({
    members: specs,
    homogeneous: haveSameTopics(specs),
    partitionCount: (topicId) => view.topicById(topicId)?.partitions.length ?? 0,
  })
  const targetOf = (memberId: string) => assignment.get(memberId) ?? NOTHING_ASSIGNED
  const changed = specs.filter(({ memberId }) => {
    const before = group.targets.get(memberId)
    return before === undefined || !sameAssignment(before, targetOf(memberId))
  })
  const { groupId } = group
  const records = [
    ...changed.map(({ memberId }) => targetRecord(groupId, memberId, targetOf(memberId))),
    targetEpochRecord(groupId, groupEpoch, nowMs),
  ]
  return { target: targetOf(updated.memberId), records }
}

function haveSameTopics(specs: readonly MemberSpec[]): boolean {
  const [first, ...others] = specs
  return others.every(({ subscribedTopicIds: topicIds }) => {
    return (
      topicIds.size === first!.subscribedTopicIds.size && [...topicIds].every((id) => first!.subscribedTopicIds.has(id))
    )
  })
}
