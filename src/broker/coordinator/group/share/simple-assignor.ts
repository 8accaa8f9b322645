import { type Assignment, NOTHING_ASSIGNED } from '../consumer/assignment.ts'

export interface ShareMemberSpec {
  readonly memberId: string
  /** Of the topics that exist. */
  readonly subscribedTopicIds: ReadonlySet<string>
  /** Its target so far. */
  readonly assigned: Assignment
}

interface Place {
  readonly topicId: string
  readonly partition: number
  readonly members: Set<string>
}

/**
 * Who reads which partitions of a share group: every partition has somebody, everybody who can has a partition, and no partition has many
 * more members than it must; what is so already stays. Kafka's SimpleAssignor keeps the same rules, and may choose others.
 */
export function assignShares(
  members: readonly ShareMemberSpec[],
  partitionsOf: (topicId: string) => readonly number[],
): ReadonlyMap<string, Assignment> {
  if (members.length === 0) return new Map()
  const places = placesOf(members, partitionsOf)
  const load = new Map(members.map(({ memberId }) => [memberId, 0]))
  const put = (place: Place, memberId: string) => {
    place.members.add(memberId)
    load.set(memberId, load.get(memberId)! + 1)
  }
  const mostMembers = Math.max(1, Math.ceil(members.length / Math.max(places.length, 1)))
  const total = places.length * mostMembers
  const fewest = Math.floor(total / members.length)
  const keep = ({ memberId, subscribedTopicIds, assigned }: ShareMemberSpec, atMost: number) => {
    for (const place of places) {
      const { topicId, partition, members: own } = place
      const had = subscribedTopicIds.has(topicId) && assigned.get(topicId)?.has(partition) && !own.has(memberId)
      if (had && own.size < mostMembers && load.get(memberId)! < atMost) put(place, memberId)
    }
  }
  for (const member of members) keep(member, fewest)
  // What cannot be divided evenly some have besides.
  let surplus = total % members.length
  for (const member of members) {
    if (surplus <= 0) break
    keep(member, fewest + 1)
    if (load.get(member.memberId)! > fewest) surplus--
  }
  for (const place of places.filter((each) => each.members.size === 0)) {
    const readers = members.filter(({ subscribedTopicIds }) => subscribedTopicIds.has(place.topicId))
    put(place, least(readers, ({ memberId }) => load.get(memberId)!)!.memberId)
  }
  for (const { memberId, subscribedTopicIds } of members.filter(({ memberId }) => load.get(memberId) === 0)) {
    const open = places.filter(({ topicId }) => subscribedTopicIds.has(topicId))
    const place = least(open, (each) => each.members.size)
    if (place) put(place, memberId)
  }
  return new Map(members.map(({ memberId }) => [memberId, assignmentOfMember(places, memberId)]))
}

/** Every partition of a topic that somebody reads, in a fixed order. */
function placesOf(members: readonly ShareMemberSpec[], partitionsOf: (topicId: string) => readonly number[]): Place[] {
  const topicIds = new Set(members.flatMap(({ subscribedTopicIds }) => [...subscribedTopicIds]))
  return [...topicIds].sort().flatMap((topicId) => {
    return partitionsOf(topicId).map((partition) => ({ topicId, partition, members: new Set<string>() }))
  })
}

function assignmentOfMember(places: readonly Place[], memberId: string): Assignment {
  const own = places.filter(({ members }) => members.has(memberId))
  if (own.length === 0) return NOTHING_ASSIGNED
  const assignment = new Map<string, Set<number>>()
  for (const { topicId, partition } of own) {
    const partitions = assignment.get(topicId) ?? new Set<number>()
    assignment.set(topicId, partitions.add(partition))
  }
  return assignment
}

function least<T>(items: readonly T[], weight: (item: T) => number): T | undefined {
  let found: T | undefined
  for (const item of items) if (found === undefined || weight(item) < weight(found)) found = item
  return found
}
