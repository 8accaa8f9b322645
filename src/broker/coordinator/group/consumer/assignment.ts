/** Partitions by topic id; no topic without partitions. */
export type Assignment = ReadonlyMap<string, ReadonlySet<number>>

/** The same with the epoch since which the member has each partition (KIP-1251). */
export type OwnedPartitions = ReadonlyMap<string, ReadonlyMap<number, number>>

/** One topic's partitions as requests and records carry them. */
export interface TopicPartitions {
  readonly topicId: string
  readonly partitions: readonly number[]
}

export const NOTHING_ASSIGNED: Assignment = new Map()
export const NOTHING_OWNED: OwnedPartitions = new Map()

/** Of records written before KIP-1251 the epoch is not known: older than any that a member can commit with. */
const UNKNOWN_EPOCH = 0

export function assignmentOf(rows: readonly TopicPartitions[]): Assignment {
  return new Map(
    rows.filter(({ partitions }) => partitions.length > 0).map((row) => [row.topicId, new Set(row.partitions)]),
  )
}

export function topicPartitionsOf(assignment: Assignment | OwnedPartitions): TopicPartitions[] {
  return [...assignment].map(([topicId, partitions]) => ({ topicId, partitions: ascending(partitions.keys()) }))
}

export interface OwnedTopicPartitions extends TopicPartitions {
  readonly assignmentEpochs: readonly number[] | null
}

export function ownedOf(rows: readonly OwnedTopicPartitions[]): OwnedPartitions {
  const filled = rows.filter(({ partitions }) => partitions.length > 0)
  return new Map(
    filled.map(({ topicId, partitions, assignmentEpochs }) => [
      topicId,
      new Map(partitions.map((partition, i) => [partition, assignmentEpochs?.[i] ?? UNKNOWN_EPOCH])),
    ]),
  )
}

export function ownedTopicPartitionsOf(owned: OwnedPartitions): OwnedTopicPartitions[] {
  return topicPartitionsOf(owned).map(({ topicId, partitions }) => ({
    topicId,
    partitions,
    assignmentEpochs: partitions.map((partition) => owned.get(topicId)!.get(partition)!),
  }))
}

/** All of it since the same epoch. */
export function ownedSince(assignment: Assignment, epoch: number): OwnedPartitions {
  return new Map(
    [...assignment].map(([topicId, partitions]) => [topicId, new Map([...partitions].map((each) => [each, epoch]))]),
  )
}

export function sameAssignment(one: Assignment, other: Assignment): boolean {
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others?.size !== partitions.size) return false
    for (const partition of partitions) if (!others.has(partition)) return false
  }
  return true
}

export function sameOwned(one: OwnedPartitions, other: OwnedPartitions): boolean {
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others?.size !== partitions.size) return false
    for (const [partition, epoch] of partitions) if (others.get(partition) !== epoch) return false
  }
  return true
}

/** Whether the same partitions are owned, whatever their epochs. */
export function samePartitions(one: OwnedPartitions, other: OwnedPartitions): boolean {
  if (one.size !== other.size) return false
  for (const [topicId, partitions] of one) {
    const others = other.get(topicId)
    if (others?.size !== partitions.size) return false
    for (const partition of partitions.keys()) if (!others.has(partition)) return false
  }
  return true
}

function ascending(partitions: Iterable<number>): number[] {
  return [...partitions].sort((a, b) => a - b)
}
