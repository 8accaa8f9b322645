// What the target has of a partition in a transaction that is open.
//
// Invariants:
// 1. The offset map hears of a batch with the transaction's progress, and tells nothing of it before the commit: a transaction that is
//    aborted would make what was told untrue.
// 2. Of an epoch no sequence is used twice: the target would take the second for the first come again.
import type { OffsetMap } from '../../offset-translation/offset-map.ts'
import type { RewrittenBatch } from '../../records/rewrite.ts'
import { incrementSequence } from '../../records/sequence.ts'
import type { ProducerIdentity } from '../progress-record.ts'
import type { Moved } from '../status.ts'
import type { LastBatch } from './committed-tail.ts'
import type { OutgoingBatch } from './outbox.ts'

/** Not the batch: its frame is given back. */
interface Uncommitted extends Pick<OutgoingBatch, 'upstream' | 'maxTimestamp' | 'count' | 'downstream' | 'sequence'> {
  readonly placed: RewrittenBatch['runs']
  readonly bytes: number
}

export class OpenTransaction {
  #batches: Uncommitted[] = []
  /** Up to here the source was read when the commit began, with nothing left to send. */
  #readTo = 0
  #nextSequence: number

  /** `nextSequence`: where the partition's mirror before was, under the same epoch. */
  constructor(nextSequence: number) {
    this.#nextSequence = nextSequence
  }

  get isEmpty(): boolean {
    return this.#batches.length === 0
  }

  get oldest(): Pick<OutgoingBatch, 'upstream' | 'maxTimestamp'> | undefined {
    return this.#batches[0]
  }

  // ---- sequences

  /** Of the next batch: sequences begin anew with each epoch, and markers take none. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  /** A batch of so many records has it. */
  numbered(count: number): void {
    this.#nextSequence = incrementSequence(this.#nextSequence, count)
  }

  /** What was numbered from this sequence on will not be sent. */
  goOnAt(sequence: number): void {
    this.#nextSequence = sequence
  }

  // ---- to its end

  acknowledged({ placed, upstream, maxTimestamp, count, sequence, bytes }: OutgoingBatch, baseOffset: number): void {
    this.#batches.push({
      placed: placed!,
      upstream,
      maxTimestamp,
      count,
      sequence,
      bytes: bytes.length,
      downstream: baseOffset,
    })
  }

  /** The commit begins: the map learns where everything stands. */
  place(map: OffsetMap, readTo: number): void {
    for (const { placed, downstream } of this.#batches) {
      let at = downstream
      for (const run of placed) {
        map.place(run.upstream, at, run.count)
        at += run.count
      }
    }
    this.#readTo = readTo
  }

  /** What is committed last of the partition; undefined: nothing. */
  lastBatch({ id, epoch }: ProducerIdentity): LastBatch | undefined {
    const batch = this.#batches.at(-1)
    return batch && { producerId: id, producerEpoch: epoch, sequence: batch.sequence }
  }

  /** It was committed; what that brought. */
  commit(map: OffsetMap): Moved {
    map.acknowledge(map.plannedDownstream)
    map.skipTo(this.#readTo)
    const moved = { records: 0, bytes: 0 }
    for (const { count, bytes } of this.#batches) {
      moved.records += count
      moved.bytes += bytes
    }
    this.#batches = []
    return moved
  }
}
