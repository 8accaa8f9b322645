import { CommittedOffsets, type StoredOffset } from './committed-offsets.ts'

/**
 * Offsets that wait for the end of their transactions (KIP-447).
 *
 * 1. A producer is listed only while it has at least one offset, and `#producers` lists it for exactly the groups that these belong to.
 * 2. Only `set`, `delete` and `take`, called in replay, change them.
 */
export class PendingOffsets {
  readonly #byProducer = new Map<number, CommittedOffsets>()
  readonly #producers = new Map<string, Set<number>>()

  /** Whether a transaction holds an offset of the partition. */
  has(groupId: string, topic: string, partition: number): boolean {
    for (const producerId of this.#producers.get(groupId) ?? []) {
      if (this.#byProducer.get(producerId)!.get(groupId, topic, partition)) return true
    }
    return false
  }

  /** Whether a transaction holds any offset of the group. */
  isOpen(groupId: string): boolean {
    return this.#producers.has(groupId)
  }

  *of(groupId: string): Generator<StoredOffset> {
    for (const producerId of this.#producers.get(groupId) ?? []) yield* this.#byProducer.get(producerId)!.of(groupId)
  }

  groupIds(): string[] {
    return [...this.#producers.keys()]
  }

  set(producerId: number, groupId: string, offset: StoredOffset): void {
    const offsets = this.#byProducer.get(producerId) ?? new CommittedOffsets()
    offsets.set(groupId, offset)
    this.#byProducer.set(producerId, offsets)
    const producers = this.#producers.get(groupId) ?? new Set()
    this.#producers.set(groupId, producers.add(producerId))
  }

  /** Of every transaction: whoever deletes an offset means those that would come to count later too. */
  delete(groupId: string, topic: string, partition: number): void {
    for (const producerId of [...(this.#producers.get(groupId) ?? [])]) {
      const offsets = this.#byProducer.get(producerId)!
      offsets.delete(groupId, topic, partition)
      if (!offsets.has(groupId)) this.#forget(groupId, producerId)
      if (offsets.groupIds().length === 0) this.#byProducer.delete(producerId)
    }
  }

  /** Gives up what the producer's transaction holds, and tells what that was. */
  take(producerId: number): CommittedOffsets | undefined {
    const offsets = this.#byProducer.get(producerId)
    this.#byProducer.delete(producerId)
    for (const groupId of offsets?.groupIds() ?? []) this.#forget(groupId, producerId)
    return offsets
  }

  #forget(groupId: string, producerId: number): void {
    const producers = this.#producers.get(groupId)
    producers?.delete(producerId)
    if (producers?.size === 0) this.#producers.delete(groupId)
  }
}
