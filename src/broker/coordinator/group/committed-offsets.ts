import type { TopicPartitionKey } from './command.ts'
import type { CommittedOffset } from './group-record.ts'

interface Stored {
  readonly value: CommittedOffset
  /** Where its record stands in the log: of two commits the later counts, whenever it came to count. */
  readonly recordOffset: number
}

/** An offset as it is kept, and for which partition. */
export interface StoredOffset extends TopicPartitionKey, Stored {}

/**
 * Offsets of groups.
 *
 * 1. A group is listed only while it has at least one offset.
 * 2. Only `set` and `delete`, called in replay, change them.
 */
export class CommittedOffsets {
  readonly #groups = new Map<string, Map<string, Map<number, Stored>>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)?.value
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  *of(groupId: string): Generator<StoredOffset> {
    for (const [topic, partitions] of this.#groups.get(groupId) ?? []) {
      for (const [partition, stored] of partitions) yield { topic, partition, ...stored }
    }
  }

  groupIds(): string[] {
    return [...this.#groups.keys()]
  }

  /** Unless a later record is known already. */
  set(groupId: string, { topic, partition, value, recordOffset }: StoredOffset): void {
    const topics = this.#groups.get(groupId) ?? new Map<string, Map<number, Stored>>()
    const partitions = topics.get(topic) ?? new Map<number, Stored>()
    if ((partitions.get(partition)?.recordOffset ?? -1) > recordOffset) return
    this.#groups.set(groupId, topics.set(topic, partitions.set(partition, { value, recordOffset })))
  }

  delete(groupId: string, topic: string, partition: number): void {
    const topics = this.#groups.get(groupId)
    const partitions = topics?.get(topic)
    partitions?.delete(partition)
    if (partitions?.size === 0) topics!.delete(topic)
    if (topics?.size === 0) this.#groups.delete(groupId)
  }
}
