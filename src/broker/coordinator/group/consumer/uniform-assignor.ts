import type { Assignor, GroupSpec, MemberSpec } from './assignor.ts'
import { assignHeterogeneously } from './uniform-heterogeneous.ts'

/** Shares partitions out evenly, then moves as few as possible. */
export const assignUniformly: Assignor = (spec) => {
  if (spec.members.length === 0) return new Map()
  return spec.homogeneous ? assignHomogeneously(spec) : assignHeterogeneously(spec)
}

type Own = Map<string, Set<number>>

/**
 * All members read the same topics: each keeps what it has up to its quota, and the rest fills up those below theirs. Who has most gets
 * the larger quota, so that fewest partitions move.
 */
function assignHomogeneously({ members, partitionCount }: GroupSpec): Map<string, Own> {
  const topicIds = [...members[0]!.subscribedTopicIds]
  if (topicIds.length === 0) return new Map()
  const total = topicIds.reduce((sum, topicId) => sum + partitionCount(topicId), 0)
  const quota = Math.floor(total / members.length)
  let extra = total % members.length
  const kept = new Set<string>()
  const assignment = new Map<string, Own>()
  const below: { own: Own; room: number }[] = []
  for (const member of members.toSorted((one, other) => heldOf(other, topicIds) - heldOf(one, topicIds))) {
    let room = quota + (extra > 0 ? 1 : 0)
    extra -= 1
    const own: Own = new Map()
    for (const topicId of topicIds) {
      for (const partition of member.assigned.get(topicId) ?? []) {
        if (room === 0) break
        if (kept.has(`${topicId}:${partition}`)) continue
        give(own, topicId, partition)
        kept.add(`${topicId}:${partition}`)
        room -= 1
      }
    }
    assignment.set(member.memberId, own)
    if (room > 0) below.push({ own, room })
  }
  for (const topicId of topicIds) {
    for (let partition = 0; partition < partitionCount(topicId); partition++) {
      if (kept.has(`${topicId}:${partition}`)) continue
      const next = below[0]!
      give(next.own, topicId, partition)
      next.room -= 1
      if (next.room === 0) below.shift()
    }
  }
  return assignment
}

function heldOf({ assigned }: MemberSpec, topicIds: readonly string[]): number {
  return topicIds.reduce((sum, topicId) => sum + (assigned.get(topicId)?.size ?? 0), 0)
}

function give(own: Own, topicId: string, partition: number): void {
  const partitions = own.get(topicId) ?? new Set<number>()
  own.set(topicId, partitions.add(partition))
}
