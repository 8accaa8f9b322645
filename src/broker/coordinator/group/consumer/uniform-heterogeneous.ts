// Members read different topics, so that not every member can take every partition. Topics with the most partitions for each of their
// readers go first, as they leave the least choice; then partitions move from full members to empty ones, topic by topic, until no
// move makes it more even. It is Kafka's UniformHeterogeneousAssignmentBuilder with plain scans for its ranges.

import type { GroupSpec } from './assignor.ts'

/** Where subscriptions overlap in chains one move makes room for the next; each round about halves what is left to even out. */
const ROUNDS_MAX = 16

/** A topic, and whom its partitions are with: indexes into the members, −1 for nobody. */
interface Shared {
  readonly topicId: string
  readonly readers: readonly number[]
  readonly owners: number[]
}

export function assignHeterogeneously(spec: GroupSpec): Map<string, Map<string, Set<number>>> {
  const loads = spec.members.map(() => 0)
  const topics = sharedTopics(spec)
  for (const topic of topics) keepWhatIsHeld(spec, topic, loads)
  for (const topic of topics) giveTheRest(topic, loads)
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const moves = topics.map((topic) => evenOut(topic, loads))
    if (moves.every((count) => count === 0)) break
  }
  return gathered(spec, topics)
}

function sharedTopics({ members, partitionCount }: GroupSpec): Shared[] {
  const readers = new Map<string, number[]>()
  members.forEach(({ subscribedTopicIds }, index) => {
    for (const topicId of subscribedTopicIds) readers.set(topicId, [...(readers.get(topicId) ?? []), index])
  })
  const topics = [...readers].map(([topicId, own]) => {
    return { topicId, readers: own, owners: new Array<number>(partitionCount(topicId)).fill(-1) }
  })
  return topics.sort(mostForEachReader)
}

function mostForEachReader(one: Shared, other: Shared): number {
  const share = ({ owners, readers }: Shared) => owners.length / readers.length
  if (share(one) !== share(other)) return share(other) - share(one)
  if (one.readers.length !== other.readers.length) return one.readers.length - other.readers.length
  return one.topicId < other.topicId ? -1 : 1
}

function keepWhatIsHeld({ members }: GroupSpec, { topicId, readers, owners }: Shared, loads: number[]): void {
  for (const reader of readers) {
    for (const partition of members[reader]!.assigned.get(topicId) ?? []) {
      if (owners[partition] !== -1) continue
      owners[partition] = reader
      loads[reader]! += 1
    }
  }
}

function giveTheRest({ readers, owners }: Shared, loads: number[]): void {
  owners.forEach((owner, partition) => {
    if (owner !== -1) return
    const reader = leastLoaded(readers, loads)
    owners[partition] = reader
    loads[reader]! += 1
  })
}

/** Moves partitions of one topic from its fullest reader that has some to its emptiest; returns how many. */
function evenOut({ readers, owners }: Shared, loads: number[]): number {
  const own = new Map<number, number[]>(readers.map((reader) => [reader, []]))
  owners.forEach((owner, partition) => {
    own.get(owner)?.push(partition)
  })
  let moves = 0
  for (;;) {
    const givers = readers.filter((reader) => own.get(reader)!.length > 0)
    if (givers.length === 0) return moves
    const giver = givers.reduce((fullest, reader) => (loads[reader]! > loads[fullest]! ? reader : fullest))
    const taker = leastLoaded(readers, loads)
    if (loads[giver]! - loads[taker]! <= 1) return moves
    const partition = own.get(giver)!.pop()!
    own.get(taker)!.push(partition)
    owners[partition] = taker
    loads[giver]! -= 1
    loads[taker]! += 1
    moves += 1
  }
}

function leastLoaded(readers: readonly number[], loads: readonly number[]): number {
  return readers.reduce((least, reader) => (loads[reader]! < loads[least]! ? reader : least))
}

function gathered({ members }: GroupSpec, topics: readonly Shared[]): Map<string, Map<string, Set<number>>> {
  const assignment = new Map(members.map(({ memberId }) => [memberId, new Map<string, Set<number>>()]))
  for (const { topicId, owners } of topics) {
    owners.forEach((owner, partition) => {
      const own = assignment.get(members[owner]!.memberId)!
      own.set(topicId, (own.get(topicId) ?? new Set<number>()).add(partition))
    })
  }
  return assignment
}
