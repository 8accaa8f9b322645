// What a partition remembers of one producer: enough to tell a duplicate, a gap and a zombie apart.
import { incrementSequence } from '../../records/sequence.ts'

/** A client may have this many requests in flight, so any of the newest batches may come again. */
const BATCHES_KEPT = 5
export const NO_EPOCH = -1
export const NO_SEQUENCE = -1

export interface BatchMetadata {
  readonly lastSequence: number
  readonly lastOffset: number
  readonly offsetDelta: number
  readonly timestamp: number
}

// Invariants:
// 1. `batches` are of `epoch`, oldest first, at most BATCHES_KEPT, their sequences following one another.
// 2. `txnFirstOffset` is ≥ 0 exactly while a transaction of this producer is open here.
export class ProducerEntry {
  readonly producerId: number
  epoch = NO_EPOCH
  coordinatorEpoch = -1
  lastTimestamp = -1
  txnFirstOffset = -1
  batches: BatchMetadata[] = []

  constructor(producerId: number) {
    this.producerId = producerId
  }

  get lastSequence(): number {
    return this.batches.at(-1)?.lastSequence ?? NO_SEQUENCE
  }

  get lastDataOffset(): number {
    return this.batches.at(-1)?.lastOffset ?? -1
  }

  copy(): ProducerEntry {
    const copy = new ProducerEntry(this.producerId)
    copy.epoch = this.epoch
    copy.coordinatorEpoch = this.coordinatorEpoch
    copy.lastTimestamp = this.lastTimestamp
    copy.txnFirstOffset = this.txnFirstOffset
    copy.batches = [...this.batches]
    return copy
  }

  addBatch(epoch: number, batch: BatchMetadata): void {
    this.#enter(epoch)
    if (this.batches.length === BATCHES_KEPT) this.batches.shift()
    this.batches.push(batch)
    this.lastTimestamp = batch.timestamp
  }

  endTransaction(epoch: number, coordinatorEpoch: number, timestamp: number): void {
    this.#enter(epoch)
    this.coordinatorEpoch = coordinatorEpoch
    this.lastTimestamp = timestamp
    this.txnFirstOffset = -1
  }

  duplicateOf(epoch: number, baseSequence: number, lastSequence: number): BatchMetadata | undefined {
    if (epoch !== this.epoch) return undefined
    return this.batches.find((batch) => batch.lastSequence === lastSequence && firstSequence(batch) === baseSequence)
  }

  #enter(epoch: number): void {
    if (epoch === this.epoch) return
    this.epoch = epoch
    this.batches = []
  }
}

function firstSequence(batch: BatchMetadata): number {
  return incrementSequence(batch.lastSequence, -batch.offsetDelta)
}

export function lastSequenceOf(baseSequence: number, lastOffsetDelta: number): number {
  return baseSequence === NO_SEQUENCE ? NO_SEQUENCE : incrementSequence(baseSequence, lastOffsetDelta)
}

export function follows(lastSequence: number, nextSequence: number): boolean {
  return nextSequence === incrementSequence(lastSequence, 1)
}
