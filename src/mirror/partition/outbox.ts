// The batches of one partition that are on their way to the target: queued until they may leave, then in flight until they are answered.
//
// Invariants:
// 1. They leave in the order they came, and are answered in that order.
// 2. Every frame that is held for a batch is released once: when the batch is answered, or dropped.
import type { RewrittenBatch } from '../../records/rewrite.ts'
import type { FrameLease } from '../../source/frame-lease.ts'

export interface OutgoingBatch {
  readonly bytes: Buffer
  readonly downstream: number
  readonly count: number
  /** Source offset of its first record. */
  readonly upstream: number
  readonly maxTimestamp: number
  readonly sequence: number
  readonly runs: number
  /** What it holds, while the map does not know. */
  readonly placed: RewrittenBatch['runs'] | undefined
  /** May be sent when this plan is durable. */
  readonly plan: number
  readonly lease: FrameLease
}

export class Outbox {
  #queue: OutgoingBatch[] = []
  #queueBytes = 0
  readonly #flights: OutgoingBatch[] = []
  #runs = 0

  get queued(): number {
    return this.#queue.length
  }

  /** Of what is queued. */
  get bytes(): number {
    return this.#queueBytes
  }

  get inFlight(): number {
    return this.#flights.length
  }

  /** Of all that is not answered. */
  get runs(): number {
    return this.#runs
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#flights.length === 0
  }

  get oldest(): OutgoingBatch | undefined {
    return this.#flights[0] ?? this.#queue[0]
  }

  /** The one that leaves next. */
  get next(): OutgoingBatch | undefined {
    return this.#queue[0]
  }

  /** Queues it; its frame is held. */
  add(batch: OutgoingBatch): void {
    batch.lease.hold()
    this.#queue.push(batch)
    this.#queueBytes += batch.bytes.length
    this.#runs += batch.runs
  }

  /** The next one leaves. */
  send(): OutgoingBatch {
    const batch = this.#queue.shift()!
    this.#queueBytes -= batch.bytes.length
    this.#flights.push(batch)
    return batch
  }

  /** It was answered, or will never be. */
  land(batch: OutgoingBatch): void {
    if (this.#flights.shift() !== batch) throw new Error('invariant 1: answers came out of order')
    this.#runs -= batch.runs
    batch.lease.release()
  }

  /** Forgets what is queued. */
  drop(): void {
    for (const batch of this.#queue) {
      this.#runs -= batch.runs
      batch.lease.release()
    }
    this.#queue = []
    this.#queueBytes = 0
  }
}
