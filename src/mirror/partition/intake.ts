// What is read of one source partition: up to where, under which leader epoch, and how each batch of a fetch crosses.
//
// Invariants:
// 1. What crosses does so in the source's order, once; what was not taken stays the next to come.
// 2. No marker crosses, and nothing of an aborted transaction.
import { RecordBatch } from '../../records/record-batch.ts'
import type { RewrittenBatch } from '../../records/rewrite.ts'
import { AbortedFilter } from '../../source/aborted-filter.ts'
import type { Fetched } from '../../source/fetcher.ts'
import type { FrameLease } from '../../source/frame-lease.ts'
import type { RewriteReason } from '../status.ts'
import { type StopReason, tooLarge } from '../stop-reason.ts'
import type { PartitionCounters } from './partition-counters.ts'
import { isWorthJoining, joined, type PassageRules, rewriteReason, rewritten } from './passage.ts'

/** What takes the batches. */
export interface Admission {
  /** Whether anything may cross at the moment; it may be over with any batch. */
  readonly isOpen: boolean
  /** A batch has this leader epoch, and its first record that is wanted this offset. */
  noteEpoch(epoch: number, upstream: number): void
  /** `runs`: the source offsets of its records. */
  admit(batch: RecordBatch, runs: RewrittenBatch['runs'], lease: FrameLease): void
  /** From here on nothing can cross. */
  close(reason: StopReason): void
}

export interface BatchMemory {
  take(bytes: number): Buffer
  /** Counts a batch that lies outside of its frame, until nobody holds it. */
  lease(batch: Buffer): FrameLease
}

export interface IntakeOptions {
  readonly rules: PassageRules
  /** Where joined batches lie; without it each is fresh memory, counted with the frame it was read from. */
  readonly memory: BatchMemory | undefined
  readonly counters: PartitionCounters
  /** The source's end, as far as it is known. */
  readonly sourceEnd: number | undefined
}

export class Intake {
  readonly #admission: Admission
  readonly #memory: BatchMemory | undefined
  readonly #counters: PartitionCounters
  #rules: PassageRules
  #sourceEnd: number | undefined
  #nextUpstream = 0
  /** −1 unknown. */
  #leaderEpoch = -1

  constructor(admission: Admission, { rules, memory, counters, sourceEnd }: IntakeOptions) {
    this.#admission = admission
    this.#rules = rules
    this.#memory = memory
    this.#counters = counters
    this.#sourceEnd = sourceEnd
  }

  /** The source offset to fetch next. */
  get nextUpstream(): number {
    return this.#nextUpstream
  }

  /** Of the last batch that was read, for the broker to compare histories. */
  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get sourceEnd(): number | undefined {
    return this.#sourceEnd
  }

  /** Whether all that the source is known to have was read. */
  get hasAll(): boolean {
    return this.#sourceEnd !== undefined && this.#nextUpstream >= this.#sourceEnd
  }

  get batchBytesMax(): number {
    return this.#rules.batchBytesMax
  }

  limitBatchBytes(batchBytesMax: number): void {
    this.#rules = { ...this.#rules, batchBytesMax }
  }

  noteSourceEnd(sourceEnd: number): void {
    this.#sourceEnd = sourceEnd
  }

  /** `leaderEpoch`: of the record before, where that is known. */
  goOnAt(upstream: number, leaderEpoch: number): void {
    this.#nextUpstream = upstream
    this.#leaderEpoch = leaderEpoch
  }

  take(fetched: Fetched): void {
    const { batches, abortedTransactions, lease } = fetched
    this.#sourceEnd = fetched.lastStableOffset >= 0 ? fetched.lastStableOffset : fetched.highWatermark
    const filter = new AbortedFilter(abortedTransactions)
    let neighbours: RecordBatch[] = []
    for (const batch of batches) {
      if (!this.#admission.isOpen) break
      const verdict = filter.verdict(batch)
      // Read now: what is admitted is patched in place.
      const { nextOffset, partitionLeaderEpoch } = batch
      if (nextOffset <= this.#nextUpstream) continue
      const isKept = verdict === 'keep'
      if (isKept && partitionLeaderEpoch >= 0)
        this.#admission.noteEpoch(partitionLeaderEpoch, Math.max(batch.baseOffset, this.#nextUpstream))
      if (isKept && isWorthJoining(batch, this.#nextUpstream, this.#rules)) {
        neighbours.push(batch)
      } else {
        this.#takeNeighbours(neighbours, lease)
        neighbours = []
        if (isKept) this.#takeOne(batch, lease)
        else if (verdict === 'control') this.#counters.controlBatches++
        else this.#counters.abortedBatches++
      }
      if (this.#admission.isOpen) this.#nextUpstream = nextOffset
      this.#leaderEpoch = partitionLeaderEpoch
    }
    this.#takeNeighbours(neighbours, lease)
  }

  #takeNeighbours(batches: readonly RecordBatch[], lease: FrameLease): void {
    if (batches.length < 2) {
      for (const batch of batches) this.#pass(batch, lease)
      return
    }
    const memory = this.#memory
    const allocate = memory && ((bytes: number) => memory.take(bytes))
    this.#takeRewritten(joined(batches, this.#rules, allocate), { reason: 'joined', batches: batches.length, lease })
  }

  #takeOne(batch: RecordBatch, lease: FrameLease): void {
    if (batch.magic === 2 && batch.count === 0) return // compaction left its header only
    const reason = rewriteReason(batch, this.#nextUpstream, this.#rules)
    if (reason === undefined) this.#pass(batch, lease)
    else this.#takeRewritten(rewritten(batch, this.#nextUpstream, this.#rules), { reason, batches: 1, lease })
  }

  #pass(batch: RecordBatch, lease: FrameLease): void {
    if (!this.#admission.isOpen) return
    this.#counters.batchesPassed++
    this.#admission.admit(batch, [{ upstream: batch.baseOffset, count: batch.count }], lease)
  }

  #takeRewritten(
    parts: readonly RewrittenBatch[] | StopReason,
    { reason, batches, lease }: { reason: RewriteReason; batches: number; lease: FrameLease },
  ): void {
    if ('code' in parts) {
      this.#admission.close(parts)
      return
    }
    const { rewritten } = this.#counters
    rewritten[reason] = (rewritten[reason] ?? 0) + batches
    for (const { bytes, runs, tooLarge: record } of parts) {
      if (!this.#admission.isOpen) return
      if (record) this.#admission.close(tooLarge(record.offset, record.sizeInBytes, this.#rules.batchBytesMax))
      else {
        const own = this.#memory?.lease(bytes)
        this.#admission.admit(new RecordBatch(bytes), runs, own ?? lease)
        own?.release()
      }
    }
  }
}
