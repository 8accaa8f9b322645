import type { Assignor, GroupAssignment, GroupSpec, MemberSpec } from './assignor.ts'

/** How one topic is cut: each subscribed member takes the next range. */
interface Cut {
  readonly partitionCount: number
  members: number
  next: number
  /** Members that still get one more than the others. */
  extra: number
}

/**
 * Cuts every topic into contiguous ranges, one for each subscribed member in order: static members by instance id, then the others by
 * member id. Members with the same topics get the same partition numbers of topics with the same partition count.
 */
export const assignByRange: Assignor = (spec) => {
  const members = [...spec.members].sort(inOrder)
  const cuts = cutsOf(spec)
  const assignment = new Map<string, Map<string, Set<number>>>()
  for (const member of members) {
    const own = new Map<string, Set<number>>()
    for (const topicId of member.subscribedTopicIds) {
      const range = nextRange(cuts.get(topicId)!)
      if (range.size > 0) own.set(topicId, range)
    }
    assignment.set(member.memberId, own)
  }
  return assignment satisfies GroupAssignment
}

function cutsOf({ members, partitionCount }: GroupSpec): Map<string, Cut> {
  const cuts = new Map<string, Cut>()
  for (const { subscribedTopicIds } of members) {
    for (const topicId of subscribedTopicIds) {
      const cut = cuts.get(topicId) ?? { partitionCount: partitionCount(topicId), members: 0, next: 0, extra: 0 }
      cut.members += 1
      cuts.set(topicId, cut)
    }
  }
  for (const cut of cuts.values()) cut.extra = cut.partitionCount % cut.members
  return cuts
}

function nextRange(cut: Cut): Set<number> {
  const size = Math.floor(cut.partitionCount / cut.members) + (cut.extra > 0 ? 1 : 0)
  cut.extra -= 1
  const end = Math.min(cut.next + size, cut.partitionCount)
  const range = new Set<number>()
  while (cut.next < end) range.add(cut.next++)
  return range
}

function inOrder(one: MemberSpec, other: MemberSpec): number {
  if (one.instanceId !== null && other.instanceId !== null) return one.instanceId < other.instanceId ? -1 : 1
  if (one.instanceId !== null) return -1
  if (other.instanceId !== null) return 1
  return one.memberId < other.memberId ? -1 : 1
}
