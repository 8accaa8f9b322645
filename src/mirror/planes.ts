// Several planes that carry one flow, as one: each has every n-th slot. One alone is the rule.
//
// Invariant: a slot is always the same plane's.
import type { TopicPartition } from '../client/topic-partition.ts'
import { sumOfCounts } from './error-counts.ts'
import { sumOfHistograms } from './latency.ts'
import type { OwnedPartition, Plane, PlaneStatus } from './plane.ts'
import { type Moved, type PartitionStatus, sumOfMoved, type TopicStatus } from './status.ts'
import type { SyncedTopic } from './topic-sync.ts'

export class Planes implements Plane {
  readonly #planes: readonly Plane[]

  constructor(planes: readonly Plane[]) {
    this.#planes = planes
  }

  // ---- slots

  begin(slotCount: number, vacant: readonly number[]): void {
    this.#deal(vacant, (plane, dealt) => plane.begin(slotCount, dealt))
  }

  own(slots: readonly number[]): void {
    this.#deal(slots, (plane, dealt) => plane.own(dealt))
  }

  drop(slots: readonly number[]): void {
    this.#deal(slots, (plane, dealt) => plane.drop(dealt))
  }

  /** Each is told also when none of these is its own. */
  #deal(slots: readonly number[], to: (plane: Plane, slots: readonly number[]) => void): void {
    for (const [index, plane] of this.#planes.entries())
      to(
        plane,
        slots.filter((slot) => slot % this.#planes.length === index),
      )
  }

  get slots(): number {
    return sum(this.#planes, ({ slots }) => slots)
  }

  has(slot: number): boolean {
    return this.#planes.some((plane) => plane.has(slot))
  }

  get isWorking(): boolean {
    return this.#planes.some(({ isWorking }) => isWorking)
  }

  // ---- what all are told

  synced(topics: readonly SyncedTopic[]): void {
    for (const plane of this.#planes) plane.synced(topics)
  }

  look(): void {
    for (const plane of this.#planes) plane.look()
  }

  pause(topic?: string): void {
    for (const plane of this.#planes) plane.pause(topic)
  }

  resume(topic?: string): void {
    for (const plane of this.#planes) plane.resume(topic)
  }

  async forget(topic: string): Promise<void> {
    await Promise.all(this.#planes.map((plane) => plane.forget(topic)))
  }

  async drain(): Promise<void> {
    await Promise.all(this.#planes.map((plane) => plane.drain()))
  }

  async leave(): Promise<void> {
    await Promise.all(this.#planes.map((plane) => plane.leave()))
  }

  // ---- what they tell

  ownedPartitions(): Iterable<OwnedPartition> {
    const [first, ...others] = this.#planes.map((plane) => plane.ownedPartitions())
    return others.length === 0 ? first! : chained([first!, ...others])
  }

  ownedPartition(named: TopicPartition, side: 'source' | 'target'): OwnedPartition | undefined {
    for (const plane of this.#planes) {
      const owned = plane.ownedPartition(named, side)
      if (owned) return owned
    }
    return undefined
  }

  get moved(): Moved {
    return sumOfMoved(this.#planes.map(({ moved }) => moved))
  }

  status(): PlaneStatus {
    const all = this.#planes.map((plane) => plane.status())
    return {
      openSlots: sum(all, ({ openSlots }) => openSlots),
      openingSlots: sum(all, ({ openingSlots }) => openingSlots),
      topics: mergedTopics(all),
      unreachable: {
        source: sum(all, ({ unreachable }) => unreachable.source),
        target: sum(all, ({ unreachable }) => unreachable.target),
      },
      isSourceSilent: all.some(({ isSourceSilent }) => isSourceSilent),
      bufferedBytes: sum(all, ({ bufferedBytes }) => bufferedBytes),
      bufferedBytesMax: sum(all, ({ bufferedBytesMax }) => bufferedBytesMax),
      errors: sumOfCounts(all.map(({ errors }) => errors)),
      latency: sumOfHistograms(all.map(({ latency }) => latency)),
    }
  }
}

function* chained<T>(parts: readonly Iterable<T>[]): Generator<T> {
  for (const part of parts) yield* part
}

function sum<T>(all: readonly T[], of: (one: T) => number): number {
  return all.reduce((total, one) => total + of(one), 0)
}

/** Each partition is on one plane, but a topic's may be on several. */
function mergedTopics(planes: readonly PlaneStatus[]): TopicStatus[] {
  const topics = new Map<string, { topic: string; remoteTopic: string; partitions: PartitionStatus[] }>()
  for (const { topic, remoteTopic, partitions } of planes.flatMap((plane) => plane.topics)) {
    const merged = topics.get(topic) ?? { topic, remoteTopic, partitions: [] }
    merged.partitions.push(...partitions)
    topics.set(topic, merged)
  }
  for (const { partitions } of topics.values()) partitions.sort((a, b) => a.partition - b.partition)
  return [...topics.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1))
}
