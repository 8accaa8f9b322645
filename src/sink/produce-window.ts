// How much may be on its way to one target broker: counted in bytes, because a count of requests starves a long link with
// small batches and floods a short one with large ones.
//
// Invariants:
// 1. `bytesInFlight` is the sum over requests sent and neither answered nor given up.
// 2. A request is let in when the window has room or nothing is in flight, so one large request always passes.
// 3. A partition's count of requests in flight is never negative, and is zero when it has none.
import type { TopicPartition } from '../client/topic-partition.ts'

export class ProduceWindow {
  readonly #bytesMax: number
  readonly #partitions = new Map<TopicPartition, number>()
  #bytes = 0
  #requests = 0

  constructor(options: { bytesMax: number }) {
    this.#bytesMax = options.bytesMax
  }

  get bytesInFlight(): number {
    return this.#bytes
  }

  get requestsInFlight(): number {
    return this.#requests
  }

  get hasRoom(): boolean {
    return this.#bytes < this.#bytesMax || this.#requests === 0
  }

  inFlight(topicPartition: TopicPartition): number {
    return this.#partitions.get(topicPartition) ?? 0
  }

  sent(bytes: number, partitions: Iterable<TopicPartition>): void {
    this.#bytes += bytes
    this.#requests++
    for (const topicPartition of partitions) this.#partitions.set(topicPartition, this.inFlight(topicPartition) + 1)
  }

  /** The request was answered, or its connection is gone: either way it is no longer ours to count. */
  settled(bytes: number, partitions: Iterable<TopicPartition>): void {
    this.#bytes -= bytes
    this.#requests--
    if (this.#bytes < 0 || this.#requests < 0) throw new Error('invariant 1: more was settled than sent')
    for (const topicPartition of partitions) {
      const left = this.inFlight(topicPartition) - 1
      if (left < 0) throw new Error(`invariant 3: ${topicPartition} was settled more often than sent`)
      if (left === 0) this.#partitions.delete(topicPartition)
      else this.#partitions.set(topicPartition, left)
    }
  }
}
