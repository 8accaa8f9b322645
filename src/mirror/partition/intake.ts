// What is read of one source partition: up to where, under which leader epoch, and how each batch of a fetch crosses.
//
// Invariants:
// 1. What crosses does so in the source's order, once; what was not taken stays the next to come.
// 2. No marker crosses, and nothing of an aborted transaction.
// 3. Nothing is left out on the word of a damaged batch, and nothing behind one crosses: it ends what can be read.
import { RecordBatch } from '../../records/record-batch.ts'
import { RecordsError } from '../../records/records-error.ts'
import type { RewrittenBatch } from '../../records/rewrite.ts'
import { AbortedFilter, type Verdict } from '../../source/aborted-filter.ts'
import type { Fetched } from '../../source/fetcher.ts'
import type { FrameLease } from '../../source/frame-lease.ts'
import type { RewriteReason } from '../status.ts'
import { corrupt, type StopReason, tooLarge } from '../stop-reason.ts'
import type { PartitionCounters } from './partition-counters.ts'
import {
  damaged,
  isHeaderOnly,
  isWorthJoining,
  joined,
  type PassageRules,
  rewriteReason,
  rewritten,
} from './passage.ts'

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
  /** What is not committed is read, too. */
  readonly readsUncommitted: boolean
}

export class Intake {
  readonly #admission: Admission
  readonly #memory: BatchMemory | undefined
  readonly #counters: PartitionCounters
  #rules: PassageRules
  readonly #readsUncommitted: boolean
  #sourceEnd: number | undefined
  #heldBack = 0
  #nextUpstream = 0
  /** −1 unknown. */
  #leaderEpoch = -1

  constructor(admission: Admission, { rules, memory, counters, sourceEnd, readsUncommitted }: IntakeOptions) {
    this.#admission = admission
    this.#rules = rules
    this.#memory = memory
    this.#counters = counters
    this.#sourceEnd = sourceEnd
    this.#readsUncommitted = readsUncommitted
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

  /** Offsets behind that end which wait for the end of a transaction. */
  get heldBack(): number {
    return this.#heldBack
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
    this.#heldBack = 0
  }

  /** `leaderEpoch`: of the record before, where that is known. */
  goOnAt(upstream: number, leaderEpoch: number): void {
    this.#nextUpstream = upstream
    this.#leaderEpoch = leaderEpoch
  }

  take(fetched: Fetched): void {
    const { batches, abortedTransactions, lastStableOffset, highWatermark, lease } = fetched
    this.#sourceEnd = this.#readsUncommitted || lastStableOffset < 0 ? highWatermark : lastStableOffset
    this.#heldBack = Math.max(0, highWatermark - this.#sourceEnd)
    const filter = new AbortedFilter(abortedTransactions)
    const neighbours: RecordBatch[] = []
    for (const batch of batches) {
      if (!this.#admission.isOpen) break
      const fate = this.#fateOf(batch, filter)
      if (fate === 'below') continue
      if (typeof fate === 'object') {
        this.#takeNeighbours(neighbours.splice(0), lease)
        this.#close(fate)
        break
      }
      // Read now: what is admitted is patched in place.
      const { nextOffset, partitionLeaderEpoch } = batch
      const isKept = fate === 'keep'
      if (isKept && partitionLeaderEpoch >= 0)
        this.#admission.noteEpoch(partitionLeaderEpoch, Math.max(batch.baseOffset, this.#nextUpstream))
      if (isKept && isWorthJoining(batch, this.#nextUpstream, this.#rules)) {
        neighbours.push(batch)
      } else {
        this.#takeNeighbours(neighbours.splice(0), lease)
        if (!this.#admission.isOpen) break
        if (isKept) this.#takeOne(batch, lease)
        else if (fate === 'control') this.#counters.controlBatches++
        else this.#counters.abortedBatches++
      }
      if (this.#admission.isOpen) this.#nextUpstream = nextOffset
      this.#leaderEpoch = partitionLeaderEpoch
    }
    this.#takeNeighbours(neighbours, lease)
  }

  /** What becomes of a batch; or, as it is damaged, why nothing crosses from here on. */
  #fateOf(batch: RecordBatch, filter: AbortedFilter): Verdict | 'below' | StopReason {
    try {
      const verdict = filter.verdict(batch)
      const isBelow = batch.nextOffset <= this.#nextUpstream
      // The target sums what crosses; what is left out is seen by nobody else.
      const isLeftOut = isBelow || verdict !== 'keep' || isHeaderOnly(batch)
      if (isLeftOut && !batch.crcIsValid()) return damaged(batch, this.#nextUpstream)
      return isBelow ? 'below' : verdict
    } catch (error) {
      if (error instanceof RecordsError) return corrupt(this.#nextUpstream, error.message)
      throw error
    }
  }

  #takeNeighbours(batches: readonly RecordBatch[], lease: FrameLease): void {
    if (batches.length < 2) {
      for (const batch of batches) this.#pass(batch, lease)
      return
    }
    const unsound = batches.findIndex((batch) => !batch.crcIsValid())
    if (unsound >= 0) {
      this.#takeNeighbours(batches.slice(0, unsound), lease)
      this.#close(damaged(batches[unsound]!, this.#nextUpstream))
      return
    }
    const memory = this.#memory
    const allocate = memory && ((bytes: number) => memory.take(bytes))
    this.#takeRewritten(joined(batches, this.#rules, allocate), { reason: 'joined', batches: batches.length, lease })
  }

  /** Unless it is over already, for what stood before. */
  #close(reason: StopReason): void {
    if (this.#admission.isOpen) this.#admission.close(reason)
  }

  #takeOne(batch: RecordBatch, lease: FrameLease): void {
    if (isHeaderOnly(batch)) return
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
