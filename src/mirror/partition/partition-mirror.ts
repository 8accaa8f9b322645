// One partition between its two logs: which fetched batches cross, as what bytes, at which target offset, and what every answer
// of the target means. Pure: it is handed batches, answers and moments, and holds what is to be sent; `mirrored-partition.ts` does the rest.
//
// Invariants:
// 1. The batch at target offset d carries sequence d mod 2^31 of the slot's producer (less what others are known to have written
//    below), so that the target's own duplicate check is a compare-and-append on its end: a batch is appended where it belongs, or
//    not at all.
// 2. A batch is handed out only when what the offset map must know of it is durable (`plansDurable`).
// 3. Batches are handed out in order and answered in order; what is queued or in flight is contiguous on the target.
// 4. Every answer's base offset is the one expected. Anything else is a foreign write, and the target's tail is looked into.
// 5. Nothing is resent. After any doubt the queue is dropped, flights are waited for, and `resume` starts from the target's end.
// 6. A source that may change under us (compaction) opens no new run while requests of unknown fate may still land: it waits.
// 7. Every frame that is held for a batch is released once: when the batch is acknowledged, dropped or lost.
// 8. In a transaction the map hears of batches with the transaction's progress, and sequences are those of its epoch: 2 and 4 are the
//    coordinator's then, and there is no position to be read while something is uncommitted.
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { OffsetMap, OffsetMapChanges } from '../../offset-translation/offset-map.ts'
import { RecordBatch } from '../../records/record-batch.ts'
import { joinBatches, type RewrittenBatch, rewriteDense } from '../../records/rewrite.ts'
import { AbortedFilter, type AbortedTransaction } from '../../source/aborted-filter.ts'
import type { EpochStart } from '../../source/divergence.ts'
import type { FrameLease } from '../../source/frame-lease.ts'
import type { PartitionState, RewriteReason } from '../status.ts'
import { corrupt, type StopReason, stopReason, tooLarge } from '../stop-reason.ts'
import type { LastBatch } from './committed-tail.ts'
import { sequenceAt } from './target-tail.ts'

export interface PartitionMirrorOptions {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap
  readonly producer: ProducerIdentity
  /** By how much sequences lag behind target offsets. */
  readonly lag?: number
  /** Batches belong to a transaction: what became of them is known when it is committed, and the map hears of it then. */
  readonly isTransactional?: boolean
  /** The target topic's max.message.bytes. */
  readonly batchBytesMax: number
  /** Records of a LogAppendTime source keep the time they were appended there, unless the target stamps its own. */
  readonly keepLogAppendTime: boolean
  /** Whether records below the source's end may vanish later: a compacted topic. */
  readonly contentMayChange: boolean
  /** Bytes that may wait here before the source is asked to pause. */
  readonly queueBytesMax: number
  /** Where joined batches lie; without it each is fresh memory, counted with the frame it was read from. */
  readonly memory?: BatchMemory
  /** Leader epochs of the mirrored records, as far as they are durable. */
  readonly epochs?: readonly EpochStart[]
  /** Counters of the same partition's mirror before, to be counted on. */
  readonly counters?: PartitionCounters
  /** The source's end as the mirror before knew it. */
  readonly sourceEnd?: number
  /** In transactions: where the mirror before it was, under the same epoch. */
  readonly nextSequence?: number
}

export interface BatchMemory {
  take(bytes: number): Buffer
  /** Counts a batch that lies outside of its frame, until nobody holds it. */
  lease(batch: Buffer): FrameLease
}

export interface ProducerIdentity {
  readonly id: number
  readonly epoch: number
}

/** One partition of one fetch response. */
export interface FetchedPartition {
  readonly batches: readonly RecordBatch[]
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly lease: FrameLease
}

export interface OutgoingBatch {
  readonly bytes: Buffer
  readonly downstream: number
  readonly count: number
  /** Source offset of its first record, and the one to go on at after its last. */
  readonly upstream: number
  readonly nextUpstream: number
  readonly maxTimestamp: number
  readonly sequence: number
  readonly runs: number
  /** What it holds, while the map does not know. */
  readonly placed: RewrittenBatch['runs'] | undefined
  /** May be sent when this plan is durable. */
  readonly plan: number
  readonly lease: FrameLease
}

/** A batch that the target has, in a transaction that is open. */
interface Uncommitted extends Pick<OutgoingBatch, 'upstream' | 'maxTimestamp' | 'count' | 'downstream' | 'sequence'> {
  readonly placed: RewrittenBatch['runs']
  readonly bytes: number
}

/** What is to be written down. */
export interface ProgressChanges {
  readonly changes: OffsetMapChanges
  readonly epochs: readonly EpochStart[] | undefined
  /** In transactions, when anything was acknowledged. */
  readonly last?: LastBatch | undefined
}

export interface PartitionCounters {
  records: number
  bytes: number
  batchesPassed: number
  controlBatches: number
  abortedBatches: number
  readonly rewritten: Partial<Record<RewriteReason, number>>
}

/**
 * Neighbours below this size are joined when a fetch brings several: then the partition is behind. Joining copies and sums every
 * byte: at 16 KiB it cost 1.46 CPU-s/GB where passing cost 1.16, and spared the target nothing that could be measured.
 */
const JOIN_BELOW_BYTES = 8 * 1024
/** Of tiny records a batch costs the target so much that sparing it batches is worth our own work up to this size. */
const TINY_RECORD_BYTES = 256
const JOIN_TINY_BELOW_BYTES = 32 * 1024
/**
 * A request belongs to one transaction, so it holds batches of its slot's partitions alone, and what each request costs either side is more
 * than what joining does: 16 KiB batches one by one took twice the CPU, here and at the target.
 */
const JOIN_TRANSACTIONAL_BELOW_BYTES = 64 * 1024
const JOINED_BYTES_MAX = 256 * 1024
/** Runs that may wait for their acknowledgement; a fetch may add as many again. Below the offset map's own bound. */
const UNACKNOWLEDGED_RUNS_MAX = 16 * 1024
const SEQUENCES = 2 ** 31
/** Leader changes remembered; to compare histories the last one is needed. */
const EPOCHS_MAX = 32

export class PartitionMirror {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap
  readonly counters: PartitionCounters
  readonly #options: PartitionMirrorOptions
  #batchBytesMax: number
  #state: PartitionState = 'starting'
  #stop: StopReason | undefined
  #trouble: string | undefined
  /** Stops with this reason when everything before the batch at fault is acknowledged. */
  #lastWords: StopReason | undefined
  #queue: OutgoingBatch[] = []
  #queueBytes = 0
  readonly #flights: OutgoingBatch[] = []
  #nextUpstream = 0
  #nextDownstream = 0
  #plans = 0
  #durablePlans = 0
  #runsUnacknowledged = 0
  #doubt = false
  #mustSettle = false
  #sourceEnd: number | undefined
  /** Leader epoch of the last source batch read, for the broker to compare histories; −1 unknown. */
  #leaderEpoch = -1
  #epochs: EpochStart[]
  #epochsChanged = false
  /** The plan that carries the newest epoch. */
  #epochsPlan = 0
  /** Acknowledged in the open transaction, with where they stand. */
  #uncommitted: Uncommitted[] = []
  /** Up to here the source was read when the commit began, with nothing left to send. */
  #committedUpstream = 0
  /** Of the next batch in a transaction: sequences begin anew with each epoch, and markers take none. */
  #nextSequence = 0

  constructor(options: PartitionMirrorOptions) {
    this.#options = options
    this.source = options.source
    this.remote = options.remote
    this.map = options.map
    this.#batchBytesMax = options.batchBytesMax
    this.#epochs = [...(options.epochs ?? [])]
    this.#sourceEnd = options.sourceEnd
    this.#nextSequence = options.nextSequence ?? 0
    this.counters = options.counters ?? {
      records: 0,
      bytes: 0,
      batchesPassed: 0,
      controlBatches: 0,
      abortedBatches: 0,
      rewritten: {},
    }
  }

  // ---- what it is

  get state(): PartitionState {
    return this.#state
  }

  get stopReason(): StopReason | undefined {
    return this.#stop
  }

  /** Why it stands still or recovers, in a sentence. */
  get reason(): string | undefined {
    return this.#stop?.message ?? this.#trouble
  }

  /** The source offset to fetch next. */
  get nextUpstream(): number {
    return this.#nextUpstream
  }

  /** The target offset that the next record will get. */
  get nextDownstream(): number {
    return this.#nextDownstream
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  /** Of all that was read. */
  get epochs(): readonly EpochStart[] {
    return this.#epochs
  }

  /** The next source offset whose record the target has not acknowledged. */
  get acknowledgedUpstream(): number {
    const waiting = this.oldestUnacknowledged
    if (waiting) return waiting.upstream
    // What was fetched and dropped again has not arrived: then the map knows, which hears of acknowledgements alone.
    return this.isFlowing || this.#state === 'starting' ? this.#nextUpstream : this.map.nextUpstream
  }

  get oldestUnacknowledged(): Pick<OutgoingBatch, 'upstream' | 'maxTimestamp'> | undefined {
    return this.#uncommitted[0] ?? this.#flights[0] ?? this.#queue[0]
  }

  /** Whether the open transaction has, or may come to have, batches of ours. */
  get hasUncommitted(): boolean {
    return this.#uncommitted.length + this.#flights.length > 0
  }

  get sourceEnd(): number | undefined {
    return this.#sourceEnd
  }

  /** Of an epoch none is used twice: the target would take the second for the first come again. */
  get nextSequence(): number {
    return this.#nextSequence
  }

  get inFlight(): number {
    return this.#flights.length
  }

  get queued(): number {
    return this.#queue.length
  }

  /** Whether the fetcher may bring more. */
  get hasRoom(): boolean {
    return (
      this.#isAdmitting &&
      this.#queueBytes < this.#options.queueBytesMax &&
      this.#runsUnacknowledged < UNACKNOWLEDGED_RUNS_MAX
    )
  }

  get isFlowing(): boolean {
    return this.#state === 'catching-up' || this.#state === 'running'
  }

  get #isAdmitting(): boolean {
    return this.isFlowing && this.#lastWords === undefined
  }

  /** In doubt, and nothing of ours is under way any more: time to read the target. */
  get isReadyToResume(): boolean {
    return this.#state === 'recovering' && this.#flights.length === 0
  }

  /** A new hole turned up while late requests may still land: read the target again after the settling time. */
  get mustSettle(): boolean {
    return this.#mustSettle
  }

  // ---- positions

  /**
   * The target ends here, and its tail is ours. `inDoubt`: requests of unknown fate may still be under way. `upstream` moves
   * the position on over source records that were given up. `mapped`: what stands behind it on the target is none of the source's.
   */
  resume(targetEnd: number, options: { inDoubt: boolean; upstream?: number; mapped?: number }): void {
    if (this.#flights.length > 0) throw new Error('invariant 5: batches are in flight')
    this.#dropQueue()
    if (this.#options.isTransactional) {
      if (this.#uncommitted.length > 0) throw new Error('invariant 8: a transaction is open')
      if (options.mapped !== undefined) this.map.resume(targetEnd, options.mapped)
    } else this.map.resume(targetEnd, options.mapped)
    if (options.upstream !== undefined) this.map.skipTo(options.upstream)
    this.#nextDownstream = targetEnd
    this.#nextUpstream = this.map.nextUpstream
    const epochsAreDurable = this.#epochsPlan <= this.#durablePlans
    // Runs that were not sent are planned anew; epochs that were read stay read, so they are written with the next plan.
    this.#durablePlans = this.#plans
    if (!epochsAreDurable) this.#planEpochs()
    this.#doubt = options.inDoubt && !this.#options.isTransactional
    this.#mustSettle = false
    this.#leaderEpoch = this.#epochOf(this.#nextUpstream - 1)
    this.#stop = undefined
    this.#trouble = undefined
    this.#lastWords = undefined
    // A source that has no news since is not heard of again.
    const hasAll = this.#sourceEnd !== undefined && this.#nextUpstream >= this.#sourceEnd
    this.#state = hasAll ? 'running' : 'catching-up'
  }

  /** Exact for mirrored records, since an epoch is durable before the first batch that has it is sent. */
  #epochOf(upstream: number): number {
    if (this.map.size === 0 || upstream !== this.map.plannedUpstream - 1) return -1
    return this.#epochs.findLast((start) => start.upstream <= upstream)?.epoch ?? -1
  }

  /** Requests of unknown fate can no longer arrive. */
  doubtPassed(): void {
    this.#doubt = false
  }

  limitBatchBytes(limit: number): void {
    this.#batchBytesMax = limit
  }

  #stopAfterQueue(reason: StopReason): void {
    this.#lastWords = reason
  }

  #stopIfEmpty(): void {
    if (this.#lastWords && this.#queue.length === 0 && this.#flights.length === 0) this.stop(this.#lastWords)
  }

  stop(reason: StopReason): void {
    this.#state = 'stopped'
    this.#stop = reason
    this.#lastWords = undefined
    this.#dropQueue()
  }

  pause(): void {
    if (this.#state === 'stopped') return
    this.#state = 'paused'
    this.#dropQueue()
  }

  /** Forget what is queued; when the flights have landed, the target is read and mirroring goes on from there. */
  recover(trouble: string): void {
    this.#state = 'recovering'
    this.#stop = undefined
    this.#lastWords = undefined
    this.#trouble = trouble
    this.#dropQueue()
  }

  // ---- from the source

  /** Where the source ends, asked for while nothing is fetched. */
  noteSourceEnd(sourceEnd: number): void {
    this.#sourceEnd = sourceEnd
    // A source that has no news is not heard of by the fetcher.
    if (this.#isAdmitting && this.#nextUpstream >= sourceEnd) this.#state = 'running'
  }

  /** Takes what was fetched; false when the fetcher should pause this partition. */
  accept(fetched: FetchedPartition): boolean {
    this.#sourceEnd = fetched.lastStableOffset >= 0 ? fetched.lastStableOffset : fetched.highWatermark
    const filter = new AbortedFilter(fetched.abortedTransactions)
    let joinable: RecordBatch[] = []
    for (const batch of fetched.batches) {
      if (!this.#isAdmitting) break
      const verdict = filter.verdict(batch)
      // Read now: what is admitted is patched in place.
      const { nextOffset, partitionLeaderEpoch } = batch
      if (nextOffset <= this.#nextUpstream) continue
      if (verdict === 'keep') this.#noteEpoch(batch)
      if (verdict === 'keep' && this.#isJoinable(batch)) {
        joinable.push(batch)
      } else {
        this.#admitJoined(joinable, fetched.lease)
        joinable = []
        if (verdict === 'keep') this.#admit(batch, fetched.lease)
        else if (verdict === 'control') this.counters.controlBatches++
        else this.counters.abortedBatches++
      }
      // A batch that was not admitted stays the next to come.
      if (this.#isAdmitting) this.#nextUpstream = nextOffset
      this.#leaderEpoch = partitionLeaderEpoch
    }
    this.#admitJoined(joinable, fetched.lease)
    if (this.#isAdmitting) this.#caughtUp()
    this.#stopIfEmpty()
    return this.hasRoom
  }

  #caughtUp(): void {
    if (!this.#options.isTransactional) this.map.skipTo(this.#nextUpstream)
    if (this.#sourceEnd !== undefined && this.#nextUpstream >= this.#sourceEnd) this.#state = 'running'
  }

  /** A new leader epoch is written down with the plans of the first batch that has it. */
  #noteEpoch(batch: RecordBatch): void {
    const epoch = batch.partitionLeaderEpoch
    if (epoch < 0 || epoch <= (this.#epochs.at(-1)?.epoch ?? -1)) return
    this.#epochs = [...this.#epochs, { epoch, upstream: Math.max(batch.baseOffset, this.#nextUpstream) }].slice(
      -EPOCHS_MAX,
    )
    this.#planEpochs()
  }

  #planEpochs(): void {
    this.#epochsChanged = true
    if (!this.#options.isTransactional) this.#epochsPlan = ++this.#plans
  }

  #isJoinable(batch: RecordBatch): boolean {
    return (
      this.#isSmall(batch) &&
      batch.magic === 2 &&
      batch.isDense &&
      batch.baseOffset >= this.#nextUpstream &&
      batch.compression === 'none' &&
      batch.timestampType === 'CreateTime'
    )
  }

  #isSmall({ sizeInBytes, count }: RecordBatch): boolean {
    return sizeInBytes < Math.min(this.#joinBelow(sizeInBytes / count), this.#batchBytesMax)
  }

  #joinBelow(recordBytes: number): number {
    if (this.#options.isTransactional) return JOIN_TRANSACTIONAL_BELOW_BYTES
    return recordBytes < TINY_RECORD_BYTES ? JOIN_TINY_BELOW_BYTES : JOIN_BELOW_BYTES
  }

  #admitJoined(batches: readonly RecordBatch[], lease: FrameLease): void {
    if (batches.length < 2) {
      for (const batch of batches) this.#admitWhole(batch, lease)
      return
    }
    const damaged = batches.find((batch) => !batch.crcIsValid())
    if (damaged) {
      this.#stopAfterQueue(corrupt(damaged.baseOffset, 'its checksum is wrong at the source'))
      return
    }
    const limit = Math.min(JOINED_BYTES_MAX, this.#batchBytesMax)
    this.#countRewritten('joined', batches.length)
    const { memory } = this.#options
    const allocate = memory && ((bytes: number) => memory.take(bytes))
    for (const joined of joinBatches(batches, limit, allocate)) this.#enqueueRewritten(joined, lease)
  }

  #admit(batch: RecordBatch, lease: FrameLease): void {
    if (batch.magic === 2 && batch.count === 0) return // compaction left its header only
    const reason = this.#rewriteReason(batch)
    if (reason === undefined) this.#admitWhole(batch, lease)
    else this.#rewrite(batch, reason, lease)
  }

  #admitWhole(batch: RecordBatch, lease: FrameLease): void {
    if (!this.#isAdmitting) return
    this.counters.batchesPassed++
    this.#enqueue(batch, [{ upstream: batch.baseOffset, count: batch.count }], lease)
  }

  #rewriteReason(batch: RecordBatch): RewriteReason | undefined {
    if (batch.magic < 2) return 'magic'
    if (!batch.isDense) return 'holes'
    if (batch.baseOffset < this.#nextUpstream) return 'trim'
    if (batch.sizeInBytes > this.#batchBytesMax) return 'oversize'
    if (batch.timestampType === 'LogAppendTime' && this.#options.keepLogAppendTime) return 'logAppendTime'
    return undefined
  }

  #rewrite(batch: RecordBatch, reason: RewriteReason, lease: FrameLease): void {
    // From here on the payload is summed anew, so damage done before us must be seen now.
    if (!batch.crcIsValid()) {
      this.#stopAfterQueue(corrupt(batch.baseOffset, 'its checksum is wrong at the source'))
      return
    }
    let parts: RewrittenBatch[]
    try {
      parts = rewriteDense(batch, {
        fromOffset: this.#nextUpstream,
        maxBytes: this.#batchBytesMax,
        keepLogAppendTime: this.#options.keepLogAppendTime,
      })
    } catch (error) {
      this.#stopAfterQueue(corrupt(batch.baseOffset, (error as Error).message))
      return
    }
    this.#countRewritten(reason, 1)
    for (const part of parts) this.#enqueueRewritten(part, lease)
  }

  #enqueueRewritten(part: RewrittenBatch, lease: FrameLease): void {
    if (!this.#isAdmitting) return
    const { tooLarge: record } = part
    if (record) {
      this.#stopAfterQueue(tooLarge(record.offset, record.sizeInBytes, this.#batchBytesMax))
      return
    }
    const own = this.#options.memory?.lease(part.bytes)
    this.#enqueue(new RecordBatch(part.bytes), part.runs, own ?? lease)
    own?.release()
  }

  #enqueue(batch: RecordBatch, runs: RewrittenBatch['runs'], lease: FrameLease): void {
    const first = runs[0]!
    const last = runs.at(-1)!
    if (this.#opensRun(runs) && this.#doubt && this.#options.contentMayChange) {
      this.#mustSettle = true
      this.recover(`waits until late requests can no longer arrive, since records vanished at ${first.upstream}`)
      return
    }
    const downstream = this.#nextDownstream
    const { count } = batch
    const maxTimestamp = batch.maxTimestamp
    const { isTransactional = false } = this.#options
    const sequence = isTransactional ? this.#nextSequence : sequenceAt(downstream, this.#options.lag ?? 0)
    batch.patch({
      baseOffset: 0,
      partitionLeaderEpoch: -1,
      producerId: this.#options.producer.id,
      producerEpoch: this.#options.producer.epoch,
      baseSequence: sequence,
      transactional: isTransactional,
      deleteHorizon: false,
      timestampType: 'CreateTime',
    })
    try {
      if (!isTransactional && this.map.plan(downstream, runs, batch.crc)) this.#plans++
    } catch (error) {
      this.stop({ code: 'broken-invariant', message: (error as Error).message, mayPass: false })
      return
    }
    lease.hold()
    this.#queue.push({
      bytes: batch.bytes,
      downstream,
      count,
      upstream: first.upstream,
      nextUpstream: last.upstream + last.count,
      maxTimestamp,
      sequence,
      placed: isTransactional ? runs : undefined,
      runs: runs.length,
      plan: this.#plans,
      lease,
    })
    this.#runsUnacknowledged += runs.length
    this.#queueBytes += batch.sizeInBytes
    this.#nextDownstream = downstream + count
    if (isTransactional) this.#nextSequence = (sequence + count) % SEQUENCES
  }

  #opensRun(runs: RewrittenBatch['runs']): boolean {
    if (this.map.size === 0 || runs.length > 1 || runs[0]!.upstream !== this.map.plannedUpstream) return true
    return this.#nextDownstream !== this.map.plannedDownstream
  }

  #countRewritten(reason: RewriteReason, batches: number): void {
    this.counters.rewritten[reason] = (this.counters.rewritten[reason] ?? 0) + batches
  }

  // ---- durable plans

  get hasPlans(): boolean {
    return this.#plans > this.#durablePlans && this.isFlowing
  }

  /** What the offset map must have written before the batches planned so far may leave. */
  takePlans(): ProgressChanges & { plan: number } {
    const epochs = this.#epochsChanged ? this.#epochs : undefined
    this.#epochsChanged = false
    return { changes: this.map.takeChanges(), epochs, plan: this.#plans }
  }

  /** They could not be written: they are taken again. */
  plansFailed(taken: ReturnType<PartitionMirror['takePlans']>): void {
    this.map.restoreChanges(taken.changes)
    if (taken.epochs) this.#epochsChanged = true
  }

  plansDurable(plan: number): void {
    this.#durablePlans = Math.max(this.#durablePlans, plan)
  }

  // ---- to the target

  get hasReady(): boolean {
    return this.isFlowing && this.#queue.length > 0 && this.#queue[0]!.plan <= this.#durablePlans
  }

  /** The next batch to send; it is in flight from now on. */
  take(): OutgoingBatch | undefined {
    if (!this.hasReady) return undefined
    const batch = this.#queue.shift()!
    this.#queueBytes -= batch.bytes.length
    this.#flights.push(batch)
    return batch
  }

  acknowledged(batch: OutgoingBatch, baseOffset: number): void {
    this.#land(batch)
    if (batch.placed) {
      // Not the batch: its frame is given back.
      const { placed, upstream, maxTimestamp, count, sequence } = batch
      this.#uncommitted.push({
        placed,
        upstream,
        maxTimestamp,
        count,
        sequence,
        bytes: batch.bytes.length,
        downstream: baseOffset,
      })
      this.#stopIfEmpty()
      return
    }
    if (!this.isFlowing) return // what the target holds is read anew before anything else is sent
    if (baseOffset !== batch.downstream) {
      this.recover(`a batch was appended at ${baseOffset}, expected was ${batch.downstream}`)
      return
    }
    this.map.acknowledge(batch.downstream + batch.count)
    this.counters.records += batch.count
    this.counters.bytes += batch.bytes.length
    this.#stopIfEmpty()
  }

  refused(batch: OutgoingBatch, errorCode: number, trouble: string): void {
    this.#land(batch)
    if (!this.isFlowing) return
    const reason = stopReason(errorCode, batch, this.#batchBytesMax)
    if (reason) this.stop(reason)
    else this.recover(trouble)
  }

  /** Its answer will never come. */
  lost(batch: OutgoingBatch, trouble: string): void {
    this.#land(batch)
    if (this.isFlowing) this.recover(trouble)
  }

  /**
   * All that was sent is acknowledged and about to be committed: what the map and the epochs are then. The map tells nothing of it
   * before it is: a transaction that is aborted would make what was told untrue.
   */
  takeCommit(): ProgressChanges {
    for (const { placed, downstream } of this.#uncommitted) {
      let at = downstream
      for (const run of placed) {
        this.map.place(run.upstream, at, run.count)
        at += run.count
      }
    }
    this.#committedUpstream = this.#queue.length === 0 && this.isFlowing ? this.#nextUpstream : 0
    const epochs = this.#epochsChanged ? this.#epochs : undefined
    this.#epochsChanged = false
    const batch = this.#uncommitted.at(-1)
    const { id, epoch } = this.#options.producer
    const last = batch && { producerId: id, producerEpoch: epoch, sequence: batch.sequence }
    return { changes: this.map.takeChanges(this.map.plannedDownstream), epochs, last }
  }

  committed(): void {
    this.map.acknowledge(this.map.plannedDownstream)
    this.map.skipTo(this.#committedUpstream)
    for (const { count, bytes } of this.#uncommitted) {
      this.counters.records += count
      this.counters.bytes += bytes
    }
    this.#uncommitted = []
  }

  #land(batch: OutgoingBatch): void {
    if (this.#flights.shift() !== batch) throw new Error('invariant 3: answers came out of order')
    this.#runsUnacknowledged -= batch.runs
    batch.lease.release()
  }

  #dropQueue(): void {
    if (this.#queue.length > 0) this.#nextSequence = this.#queue[0]!.sequence
    for (const batch of this.#queue) {
      this.#runsUnacknowledged -= batch.runs
      batch.lease.release()
    }
    this.#queue = []
    this.#queueBytes = 0
  }
}
