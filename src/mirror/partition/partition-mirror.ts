// One partition between its two logs: whether it flows, at which target offset each batch belongs, and what every answer of the target
// means. Pure: it is handed batches, answers and moments; `mirrored-partition.ts` does the rest. How batches cross is decided by
// `intake.ts`, what must be written before they leave by `plans.ts`; `outbox.ts` has those on their way, `open-transaction.ts` those that
// arrived and are not committed.
//
// Invariants:
// 1. The batch at target offset d carries sequence d mod 2^31 of the slot's producer (less what others are known to have written
//    below), so that the target's own duplicate check is a compare-and-append on its end: a batch is appended where it belongs, or
//    not at all.
// 2. A batch is handed out only when what the offset map must know of it is durable (`plansDurable`).
// 3. What is queued or in flight is contiguous on the target.
// 4. Every answer's base offset is the one expected. Anything else is a foreign write, and the target's tail is looked into.
// 5. Nothing is resent. After any doubt the queue is dropped, flights are waited for, and `resume` starts from the target's end.
// 6. A source that may change under us (compaction) opens no new run while requests of unknown fate may still land: it waits.
// 7. In a transaction the map hears of batches with the transaction's progress, and sequences are those of its epoch: 2 and 4 are the
//    coordinator's then, and there is no position to be read while something is uncommitted.
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { OffsetMap, OffsetMapChanges } from '../../offset-translation/offset-map.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import type { RewrittenBatch } from '../../records/rewrite.ts'
import type { EpochStart } from '../../source/divergence.ts'
import type { Fetched } from '../../source/fetcher.ts'
import type { FrameLease } from '../../source/frame-lease.ts'
import type { ProducerIdentity } from '../progress-record.ts'
import type { Moved, PartitionState } from '../status.ts'
import { type StopReason, stopReason } from '../stop-reason.ts'
import type { LastBatch } from './committed-tail.ts'
import { type Admission, type BatchMemory, Intake } from './intake.ts'
import { OpenTransaction } from './open-transaction.ts'
import { Outbox, type OutgoingBatch } from './outbox.ts'
import { countersAtZero, type PartitionCounters } from './partition-counters.ts'
import type { PassageRules } from './passage.ts'
import { Plans } from './plans.ts'
import { sequenceAt } from './target-tail.ts'

export interface PartitionMirrorOptions extends Omit<PassageRules, 'isTransactional'> {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap
  readonly producer: ProducerIdentity
  /** By how much sequences lag behind target offsets. */
  readonly lag?: number
  /** What became of batches is known when their transaction is committed, and the map hears of it then. */
  readonly isTransactional?: boolean
  /** Whether records below the source's end may vanish later: a compacted topic. */
  readonly contentMayChange: boolean
  /** Bytes that may wait here before the source is asked to pause. */
  readonly queueBytesMax: number
  readonly memory?: BatchMemory
  /** Leader epochs of the mirrored records, as far as they are durable. */
  readonly epochs?: readonly EpochStart[]
  /** Counters of the same partition's mirror before, to be counted on. */
  readonly counters?: PartitionCounters
  /** The source's end as the mirror before knew it. */
  readonly sourceEnd?: number
  /** What is not committed is read, too. */
  readonly readsUncommitted?: boolean
  /** In transactions: where the mirror before it was, under the same epoch. */
  readonly nextSequence?: number
}

/** What is to be written down. */
export interface ProgressChanges {
  readonly changes: OffsetMapChanges
  readonly epochs: readonly EpochStart[] | undefined
  /** In transactions, when anything was acknowledged. */
  readonly last?: LastBatch | undefined
}

/** Runs that may wait for their acknowledgement; a fetch may add as many again. Below the offset map's own bound. */
const UNACKNOWLEDGED_RUNS_MAX = 16 * 1024

export class PartitionMirror {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap
  readonly counters: PartitionCounters
  readonly #options: PartitionMirrorOptions
  readonly #intake: Intake
  readonly #plans: Plans
  readonly #outbox = new Outbox()
  /** Undefined without transactions. */
  readonly #transaction: OpenTransaction | undefined
  #state: PartitionState = 'starting'
  #stop: StopReason | undefined
  #trouble: string | undefined
  /** Stops with this reason when everything before the batch at fault is acknowledged. */
  #lastWords: StopReason | undefined
  #nextDownstream = 0
  #doubt = false
  #mustSettle = false

  constructor(options: PartitionMirrorOptions) {
    const { batchBytesMax, keepLogAppendTime, isTransactional = false } = options
    const { memory, sourceEnd, readsUncommitted = false } = options
    this.#options = options
    this.source = options.source
    this.remote = options.remote
    this.map = options.map
    this.counters = options.counters ?? countersAtZero()
    const rules = { batchBytesMax, keepLogAppendTime, isTransactional }
    const { counters } = this
    this.#intake = new Intake(this.#admission(), { rules, memory, counters, sourceEnd, readsUncommitted })
    this.#plans = new Plans(options.epochs ?? [], { isTransactional })
    this.#transaction = isTransactional ? new OpenTransaction(options.nextSequence ?? 0) : undefined
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
    return this.#intake.nextUpstream
  }

  /** The target offset that the next record will get. */
  get nextDownstream(): number {
    return this.#nextDownstream
  }

  get leaderEpoch(): number {
    return this.#intake.leaderEpoch
  }

  /** Of all that was read. */
  get epochs(): readonly EpochStart[] {
    return this.#plans.epochs
  }

  /** The next source offset whose record the target has not acknowledged. */
  get acknowledgedUpstream(): number {
    const waiting = this.oldestUnacknowledged
    if (waiting) return waiting.upstream
    // What was fetched and dropped again has not arrived: then the map knows, which hears of acknowledgements alone.
    return this.isFlowing || this.#state === 'starting' ? this.nextUpstream : this.map.nextUpstream
  }

  get oldestUnacknowledged(): Pick<OutgoingBatch, 'upstream' | 'maxTimestamp'> | undefined {
    return this.#transaction?.oldest ?? this.#outbox.oldest
  }

  /** Whether the open transaction has, or may come to have, batches of ours. */
  get hasUncommitted(): boolean {
    return this.#outbox.inFlight > 0 || this.#transaction?.isEmpty === false
  }

  get sourceEnd(): number | undefined {
    return this.#intake.sourceEnd
  }

  /** Offsets behind that end which wait for the end of a transaction. */
  get heldBack(): number {
    return this.#intake.heldBack
  }

  /** In transactions: of the next batch. */
  get nextSequence(): number | undefined {
    return this.#transaction?.nextSequence
  }

  get inFlight(): number {
    return this.#outbox.inFlight
  }

  get queued(): number {
    return this.#outbox.queued
  }

  /** Whether the fetcher may bring more. */
  get hasRoom(): boolean {
    const { bytes, runs } = this.#outbox
    return this.#isAdmitting && bytes < this.#options.queueBytesMax && runs < UNACKNOWLEDGED_RUNS_MAX
  }

  get isFlowing(): boolean {
    return this.#state === 'catching-up' || this.#state === 'running'
  }

  get #isAdmitting(): boolean {
    return this.isFlowing && this.#lastWords === undefined
  }

  /** In doubt, and nothing of ours is under way any more: time to read the target. */
  get isReadyToResume(): boolean {
    return this.#state === 'recovering' && this.#outbox.inFlight === 0
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
    if (this.#outbox.inFlight > 0) throw new Error('invariant 5: batches are in flight')
    this.#dropQueue()
    if (this.#transaction?.isEmpty === false) throw new Error('invariant 7: a transaction is open')
    // In transactions the map says all that there is, unless others' records are known to follow.
    if (!this.#transaction || options.mapped !== undefined) this.map.resume(targetEnd, options.mapped)
    if (options.upstream !== undefined) this.map.skipTo(options.upstream)
    this.#nextDownstream = targetEnd
    this.#plans.resume()
    this.#intake.goOnAt(this.map.nextUpstream, this.#epochBelow(this.map.nextUpstream))
    this.#doubt = options.inDoubt && !this.#transaction
    this.#mustSettle = false
    this.#stop = undefined
    this.#trouble = undefined
    this.#lastWords = undefined
    // A source that has no news since is not heard of again.
    this.#state = this.#intake.hasAll ? 'running' : 'catching-up'
  }

  /** Of the record before. Exact for mirrored ones, since an epoch is durable before the first batch that has it is sent. */
  #epochBelow(upstream: number): number {
    const isMirrored = this.map.size > 0 && upstream === this.map.plannedUpstream
    return isMirrored ? this.#plans.epochBelow(upstream) : -1
  }

  /** Requests of unknown fate can no longer arrive. */
  doubtPassed(): void {
    this.#doubt = false
  }

  limitBatchBytes(limit: number): void {
    this.#intake.limitBatchBytes(limit)
  }

  #stopIfEmpty(): void {
    if (this.#lastWords && this.#outbox.isEmpty) this.stop(this.#lastWords)
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

  #dropQueue(): void {
    const { next } = this.#outbox
    if (next) this.#transaction?.goOnAt(next.sequence)
    this.#outbox.drop()
  }

  // ---- from the source

  /** Where the source ends, asked for while nothing is fetched. */
  noteSourceEnd(sourceEnd: number): void {
    this.#intake.noteSourceEnd(sourceEnd)
    // A source that has no news is not heard of by the fetcher.
    if (this.#isAdmitting && this.#intake.hasAll) this.#state = 'running'
  }

  /** Takes what was fetched; false when the fetcher should pause this partition. */
  accept(fetched: Fetched): boolean {
    this.#intake.take(fetched)
    if (this.#isAdmitting) {
      if (!this.#transaction) this.map.skipTo(this.nextUpstream)
      if (this.#intake.hasAll) this.#state = 'running'
    }
    this.#stopIfEmpty()
    return this.hasRoom
  }

  #admission(): Admission {
    const isOpen = () => this.#isAdmitting
    return {
      get isOpen() {
        return isOpen()
      },
      noteEpoch: (epoch, upstream) => this.#plans.noteEpoch(epoch, upstream),
      admit: (batch, runs, lease) => this.#enqueue(batch, runs, lease),
      close: (reason) => {
        this.#lastWords = reason
      },
    }
  }

  #enqueue(batch: RecordBatch, runs: RewrittenBatch['runs'], lease: FrameLease): void {
    const { upstream } = runs[0]!
    if (this.#opensRun(runs) && this.#doubt && this.#options.contentMayChange) {
      this.#mustSettle = true
      this.recover(`waits until late requests can no longer arrive, since records vanished at ${upstream}`)
      return
    }
    const { producer, lag = 0 } = this.#options
    const { count, maxTimestamp } = batch
    const transaction = this.#transaction
    const downstream = this.#nextDownstream
    const sequence = transaction ? transaction.nextSequence : sequenceAt(downstream, lag)
    batch.patch({
      baseOffset: 0,
      partitionLeaderEpoch: -1,
      producerId: producer.id,
      producerEpoch: producer.epoch,
      baseSequence: sequence,
      transactional: transaction !== undefined,
      deleteHorizon: false,
      timestampType: 'CreateTime',
    })
    try {
      if (!transaction && this.map.plan(downstream, runs, batch.crc)) this.#plans.add()
    } catch (error) {
      this.stop({ code: 'broken-invariant', message: (error as Error).message, mayPass: false })
      return
    }
    this.#outbox.add({
      bytes: batch.bytes,
      downstream,
      count,
      upstream,
      maxTimestamp,
      sequence,
      placed: transaction && runs,
      runs: runs.length,
      plan: this.#plans.last,
      lease,
    })
    this.#nextDownstream = downstream + count
    transaction?.numbered(count)
  }

  #opensRun(runs: RewrittenBatch['runs']): boolean {
    if (this.map.size === 0 || runs.length > 1 || runs[0]!.upstream !== this.map.plannedUpstream) return true
    return this.#nextDownstream !== this.map.plannedDownstream
  }

  // ---- durable plans

  get hasPlans(): boolean {
    return this.#plans.arePending && this.isFlowing
  }

  /** What the offset map must have written before the batches planned so far may leave. */
  takePlans(): ProgressChanges & { plan: number } {
    return { changes: this.map.takeChanges(), epochs: this.#plans.takeEpochs(), plan: this.#plans.last }
  }

  /** They could not be written: they are taken again. */
  plansFailed(taken: ReturnType<PartitionMirror['takePlans']>): void {
    this.map.restoreChanges(taken.changes)
    if (taken.epochs) this.#plans.restoreEpochs()
  }

  plansDurable(plan: number): void {
    this.#plans.durable(plan)
  }

  // ---- to the target

  get hasReady(): boolean {
    const { next } = this.#outbox
    return next !== undefined && this.isFlowing && this.#plans.isDurable(next.plan)
  }

  /** The next batch to send; it is in flight from now on. */
  take(): OutgoingBatch | undefined {
    return this.hasReady ? this.#outbox.send() : undefined
  }

  acknowledged(batch: OutgoingBatch, baseOffset: number): void {
    this.#outbox.land(batch)
    if (this.#transaction) this.#transaction.acknowledged(batch, baseOffset)
    else {
      if (!this.isFlowing) return // what the target holds is read anew before anything else is sent
      if (baseOffset !== batch.downstream) {
        this.recover(`a batch was appended at ${baseOffset}, expected was ${batch.downstream}`)
        return
      }
      this.map.acknowledge(batch.downstream + batch.count)
      this.#count({ records: batch.count, bytes: batch.bytes.length })
    }
    this.#stopIfEmpty()
  }

  refused(batch: OutgoingBatch, errorCode: number, trouble: string): void {
    this.#outbox.land(batch)
    if (!this.isFlowing) return
    const reason = stopReason(errorCode, batch, this.#intake.batchBytesMax)
    if (reason) this.stop(reason)
    else this.recover(trouble)
  }

  /** Its answer will never come. */
  lost(batch: OutgoingBatch, trouble: string): void {
    this.#outbox.land(batch)
    if (this.isFlowing) this.recover(trouble)
  }

  // ---- in transactions

  /** All that was sent is acknowledged and about to be committed: what the map and the epochs are then. */
  takeCommit(): ProgressChanges {
    const isAllSent = this.#outbox.queued === 0 && this.isFlowing
    this.#transaction?.place(this.map, isAllSent ? this.nextUpstream : 0)
    const last = this.#transaction?.lastBatch(this.#options.producer)
    return { changes: this.map.takeChanges(this.map.plannedDownstream), epochs: this.#plans.takeEpochs(), last }
  }

  committed(): void {
    if (this.#transaction) this.#count(this.#transaction.commit(this.map))
  }

  #count({ records, bytes }: Moved): void {
    this.counters.records += records
    this.counters.bytes += bytes
  }
}
