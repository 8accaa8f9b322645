// How one member gets from what it has to its target assignment:
//
//            target changed, something to give up                     all of it given up
//   STABLE ───────────────────────────────────▶ UNREVOKED_PARTITIONS ─────────────────────┐
//     │  ▲                                                                               │
//     │  └──────────────── everything of the target is free ◀────────────────────────────┤
//     └──────▶ UNRELEASED_PARTITIONS ◀──────── others still have some of it ◀─────────────┘
//
// It is Kafka's CurrentAssignmentBuilder, as of 4.3.

import type { Assignment, OwnedPartitions, TopicPartitions } from './assignment.ts'
import { type ConsumerMember, MEMBER_STATE } from './consumer-member.ts'

export interface Reconciliation {
  readonly member: ConsumerMember
  readonly targetEpoch: number
  readonly target: Assignment
  /** Whether another member has the partition, or has not yet said that it gave it up. */
  readonly ownedByOthers: (topicId: string, partition: number) => boolean
  /** What the member says it has; null: the same as when it said so last. */
  readonly reported: readonly TopicPartitions[] | null
  /** Ids of the topics that it is subscribed to now. */
  readonly subscribedTopicIds: ReadonlySet<string>
  /** Topics that the member no longer reads are taken from it at once, not only with the next target. */
  readonly subscriptionChanged: boolean
}

/** The member's next state; the very same value when there is no step to take. */
export function reconcile(step: Reconciliation): ConsumerMember {
  const { member } = step
  switch (member.state) {
    case MEMBER_STATE.STABLE:
      if (member.memberEpoch !== step.targetEpoch) return towardsTarget(step)
      return step.subscriptionChanged ? withoutUnsubscribed(step) : member
    case MEMBER_STATE.UNREVOKED_PARTITIONS:
      if (!stillHas(step.reported, member.pendingRevocation)) return towardsTarget(step)
      return step.subscriptionChanged ? withoutUnsubscribed(step) : member
    default:
      return towardsTarget(step)
  }
}

/** Without a report nothing can be taken for given up. */
function stillHas(reported: readonly TopicPartitions[] | null, partitions: OwnedPartitions): boolean {
  if (reported === null) return true
  return reported.some((row) => row.partitions.some((each) => partitions.get(row.topicId)?.has(each)))
}

function withoutUnsubscribed(step: Reconciliation): ConsumerMember {
  const { member, subscribedTopicIds } = step
  const kept = new Map([...member.assigned].filter(([topicId]) => subscribedTopicIds.has(topicId)))
  if (kept.size === member.assigned.size) return member
  const revoked = new Map(member.pendingRevocation)
  for (const [topicId, partitions] of member.assigned) {
    if (subscribedTopicIds.has(topicId)) continue
    revoked.set(topicId, new Map([...(revoked.get(topicId) ?? []), ...partitions]))
  }
  if (stillHas(step.reported, revoked)) return moved(member, member.memberEpoch, 'UNREVOKED_PARTITIONS', kept, revoked)
  return { ...member, previousMemberEpoch: member.memberEpoch, assigned: kept }
}

function towardsTarget(step: Reconciliation): ConsumerMember {
  const { member, target, targetEpoch, subscribedTopicIds } = step
  const assigned = new Map<string, Map<number, number>>()
  const revoked = new Map<string, Map<number, number>>()
  const free = new Map<string, number[]>()
  let unreleased = false
  for (const topicId of new Set([...target.keys(), ...member.assigned.keys()])) {
    const wanted = (subscribedTopicIds.has(topicId) && target.get(topicId)) || new Set<number>()
    const held = member.assigned.get(topicId) ?? new Map<number, number>()
    for (const [partition, epoch] of held) put(wanted.has(partition) ? assigned : revoked, topicId, partition, epoch)
    for (const partition of wanted) {
      if (held.has(partition)) continue
      if (step.ownedByOthers(topicId, partition)) unreleased = true
      else free.set(topicId, [...(free.get(topicId) ?? []), partition])
    }
  }
  if (revoked.size > 0 && stillHas(step.reported, revoked)) {
    return moved(member, member.memberEpoch, 'UNREVOKED_PARTITIONS', assigned, revoked)
  }
  for (const [topicId, partitions] of free) for (const each of partitions) put(assigned, topicId, each, targetEpoch)
  return moved(member, targetEpoch, unreleased ? 'UNRELEASED_PARTITIONS' : 'STABLE', assigned, new Map())
}

function put(into: Map<string, Map<number, number>>, topicId: string, partition: number, epoch: number): void {
  const partitions = into.get(topicId) ?? new Map<number, number>()
  into.set(topicId, partitions.set(partition, epoch))
}

function moved(
  member: ConsumerMember,
  memberEpoch: number,
  state: keyof typeof MEMBER_STATE,
  assigned: OwnedPartitions,
  pendingRevocation: OwnedPartitions,
): ConsumerMember {
  const previousMemberEpoch = member.memberEpoch
  return { ...member, memberEpoch, previousMemberEpoch, state: MEMBER_STATE[state], assigned, pendingRevocation }
}
