// The log of one partition: appends batches, gives them back by offset or time, lets old ones go.
//
// Protocol errors are values (`error` ≠ 0) since a broker answers them per partition. When the disk fails, the operation answers
// KAFKA_STORAGE_ERROR, and if the log's files may no longer be what its memory says, so does every later one until it is opened
// anew: `failure` then says why.
import { HeliostatError } from '../../platform/errors.ts'
import type { Clock, Disk, Logger, Random } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { CompactionRun, type CompactionStats } from './compaction.ts'
import { checkCopied } from './copied-batches.ts'
import type { EpochCache, EpochEndOffset } from './epoch-cache.ts'
import type { LogConfig } from './log-config.ts'
import { type Isolation, type LogError, LogReader, type ReadResult } from './log-reader.ts'
import { type AppendError, validate } from './log-validator.ts'
import { OpenFiles } from './open-files.ts'
import { PartitionFolder } from './partition-folder.ts'
import {
  type AppendClaims,
  type AppendOrigin,
  type ProducerState,
  type ProducerUpdate,
  UNVERIFIED,
} from './producer-state.ts'
import { type LogState, loadProducers, recover } from './recovery.ts'
import { expiredSegments, type RetentionReason } from './retention.ts'
import { Segment, type SegmentHome, type TimestampOffset } from './segment.ts'
import { floorIndex, SegmentList } from './segment-list.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import type { AbortedTransaction } from './transaction-index.ts'

export type { Isolation } from './log-reader.ts'

export interface LogOptions {
  readonly clock: Pick<Clock, 'now'>
  readonly config: LogConfig
  readonly log: Logger
  /** Absent: `segment.jitter.ms` is not obeyed. */
  readonly random?: Pick<Random, 'fraction'>
  /** Shared by the logs of a data directory, to limit how many files are open. */
  readonly files?: OpenFiles
  /** What the data directory's checkpoints remember of this log. */
  readonly state?: LogState
  /** Called when what `state` is made of has changed in a way that a crash must not undo. */
  readonly onStateChange?: () => void
}

export interface AppendResult {
  readonly error: 0
  readonly baseOffset: number
  readonly lastOffset: number
  /** −1 unless the topic stores append times. */
  readonly logAppendTime: number
  readonly logStartOffset: number
  /** The batch was in the log already, at these offsets. */
  readonly duplicate: boolean
}

export interface ProducerDescription {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestamp: number
  readonly coordinatorEpoch: number
  readonly currentTxnStartOffset: number
}

type Listener = () => void

// Invariants:
// 1. logStartOffset ≤ lastStableOffset ≤ highWatermark ≤ logEndOffset.
// 2. There is a folder before anything is written; a log that never had a record has none.
// 3. Everything that `append` returned is in the segments: memory changes only after the write succeeded.
// 4. `#producers` is the state of the log's batches up to `logEndOffset`.
// 5. `recoveryPoint` ≤ logEndOffset; everything below it was synced.
export class PartitionLog implements SegmentHome {
  readonly files: OpenFiles
  config: LogConfig
  /** Set when this log must not be used any more; the error of the disk. */
  failure: Error | undefined
  readonly #clock: Pick<Clock, 'now'>
  readonly #log: Logger
  readonly #random: Pick<Random, 'fraction'> | undefined
  readonly #onStateChange: () => void
  readonly #epochs: EpochCache
  readonly #snapshots: SnapshotFiles
  readonly #reader: LogReader
  readonly #folder: PartitionFolder
  #segments = new SegmentList([])
  #producers: ProducerState
  #logStartOffset: number
  #logEndOffset: number
  #highWatermark: number
  #recoveryPoint: number
  #cleanedOffset: number
  #unflushedRecords = 0
  #firstUnflushedAt: number | undefined
  #used = true
  /** Whether files have changed since a clean stop left them. */
  #isChanged: boolean
  readonly #onAppend = new Set<Listener>()
  readonly #onHighWatermark = new Set<Listener>()

  private constructor(disk: Disk, directory: string, options: LogOptions) {
    this.files = options.files ?? new OpenFiles(disk)
    this.config = options.config
    this.#clock = options.clock
    this.#log = options.log
    this.#random = options.random
    this.#onStateChange = options.onStateChange ?? (() => {})
    this.#snapshots = new SnapshotFiles(disk, directory)
    this.#reader = new LogReader(this, options.log)
    const state = options.state ?? {}
    this.#folder = new PartitionFolder(disk, directory, state.cleanShutdown === true)
    this.#isChanged = this.#folder.isMade && state.cleanShutdown !== true
    const recovered = recover(this, this.#folder, state, this.#clock.now(), this.#log)
    this.#segments = new SegmentList(recovered.segments)
    this.#epochs = recovered.epochs
    this.#producers = recovered.producers
    this.#logStartOffset = recovered.logStartOffset
    this.#logEndOffset = recovered.logEndOffset
    this.#recoveryPoint = recovered.recoveryPoint
    this.#cleanedOffset = Math.min(state.cleanedOffset ?? 0, recovered.logEndOffset)
    this.#highWatermark = clamp(state.highWatermark ?? 0, recovered.logStartOffset, recovered.logEndOffset)
    this.#producers.highWatermarkIs(this.#highWatermark)
    this.#segments.active.release(false)
  }

  /** Opens the log in this folder, which need not be there yet, and puts right what a crash left behind. */
  static open(disk: Disk, directory: string, options: LogOptions): PartitionLog {
    return new PartitionLog(disk, directory, options)
  }

  get directory(): string {
    return this.#folder.path
  }

  /** Whose log it is; undefined when nobody has said so, or a crash forgot it. */
  get topicId(): string | undefined {
    return this.#folder.topicId
  }

  /** Says whose log it is. */
  set topicId(topicId: string) {
    this.#guard(() => this.#folder.assign(topicId))
  }

  /** Whether the disk has anything of this log. */
  get isOnDisk(): boolean {
    return this.#folder.isMade
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get recoveryPoint(): number {
    return this.#recoveryPoint
  }

  /** Compaction has been through everything below. */
  get cleanedOffset(): number {
    return Math.max(this.#cleanedOffset, this.#logStartOffset)
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Whoever counts the replicas sets it; a value outside of the log is brought into it. */
  set highWatermark(value: number) {
    const highWatermark = clamp(value, this.#logStartOffset, this.#logEndOffset)
    if (highWatermark === this.#highWatermark) return
    this.#highWatermark = highWatermark
    this.#producers.highWatermarkIs(highWatermark)
    for (const listener of this.#onHighWatermark) listener()
  }

  /** Where readers of committed data must stop: at the first transaction that is not decided on all replicas. */
  get lastStableOffset(): number {
    const unstable = this.#producers.firstUnstableOffset ?? Number.POSITIVE_INFINITY
    return Math.min(this.#highWatermark, Math.max(unstable, this.#logStartOffset))
  }

  get sizeInBytes(): number {
    return this.#segments.sizeInBytes
  }

  get segments(): readonly Segment[] {
    return this.#segments.all
  }

  get epochs(): EpochCache {
    return this.#epochs
  }

  get producers(): ProducerState {
    return this.#producers
  }

  get removals(): number {
    return this.#segments.removals
  }

  /** Calls back after each append, with the log's new end in place. Returns how to stop that. */
  onAppend(listener: Listener): () => void {
    this.#onAppend.add(listener)
    return () => this.#onAppend.delete(listener)
  }

  /** Calls back when the high watermark (and with it perhaps the last stable offset) has moved. */
  onHighWatermark(listener: Listener): () => void {
    this.#onHighWatermark.add(listener)
    return () => this.#onHighWatermark.delete(listener)
  }

  /**
   * Appends; the batches' headers are patched in place. Replicated batches come with their offsets, all others get theirs here.
   */
  append(
    batches: readonly RecordBatch[],
    { leaderEpoch, origin, claims }: { leaderEpoch: number; origin: AppendOrigin; claims?: AppendClaims | undefined },
  ): AppendResult | AppendError {
    if (this.failure !== undefined) return storageError(this.failure)
    this.#used = true
    const now = this.#clock.now()
    const ready = origin === 'replication' ? checkCopied(batches, this) : validate(batches, origin, this.config, now)
    if ('error' in ready) return ready
    if (ready.length === 0) return this.#appended(this.#logEndOffset, now)
    if (origin !== 'replication') this.#assignOffsets(ready, leaderEpoch)
    const bytes = ready.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    if (bytes > this.config.segmentBytes && origin !== 'replication') {
      const message = `${bytes} bytes do not fit a segment of ${this.config.segmentBytes} (segment.bytes)`
      return { error: ErrorCode.RECORD_LIST_TOO_LARGE, message }
    }
    const update = this.#producers.check(ready, origin, claims)
    if (update.error !== 0) return { error: update.error, message: update.message }
    if (update.duplicate !== undefined) {
      const { lastOffset, offsetDelta, timestamp } = update.duplicate
      const { logStartOffset } = this
      return {
        error: 0,
        baseOffset: lastOffset - offsetDelta,
        lastOffset,
        logAppendTime: timestamp,
        logStartOffset,
        duplicate: true,
      }
    }
    try {
      this.#write(ready, bytes, update, now)
    } catch (error) {
      return storageError(this.#failed(error))
    }
    for (const listener of this.#onAppend) listener()
    return this.#appended(ready[0]!.baseOffset, now)
  }

  /** Reads whole batches from the one that holds `offset`, or the first after it. */
  read(
    offset: number,
    maxBytes: number,
    { isolation, minOneMessage }: { isolation: Isolation; minOneMessage: boolean },
  ): ReadResult | LogError {
    if (this.failure !== undefined) return storageError(this.failure)
    this.#used = true
    return this.#reader.read(offset, maxBytes, isolation, minOneMessage)
  }

  /** The first record not earlier than `timestamp` that a reader of this isolation may see. */
  offsetForTimestamp(
    timestamp: number,
    isolation: Isolation = 'read_uncommitted',
  ): TimestampOffset | LogError | undefined {
    if (this.failure !== undefined) return storageError(this.failure)
    return this.#reader.offsetForTimestamp(timestamp, isolation)
  }

  /** ListOffsets −3: the record with the greatest timestamp, the first of them. */
  offsetOfMaxTimestamp(isolation: Isolation = 'read_uncommitted'): TimestampOffset | LogError | undefined {
    if (this.failure !== undefined) return storageError(this.failure)
    return this.#reader.offsetOfMaxTimestamp(isolation)
  }

  /** ListOffsets −2. */
  earliestOffset(): { offset: number; leaderEpoch: number } {
    return { offset: this.#logStartOffset, leaderEpoch: this.#epochs.earliestEpochAt(this.#logStartOffset) ?? -1 }
  }

  /** ListOffsets −1. */
  latestOffset(isolation: Isolation): { offset: number; leaderEpoch: number } {
    return { offset: this.#reader.endFor(isolation), leaderEpoch: this.#epochs.latestEpoch ?? -1 }
  }

  /** Where the records of an epoch end in this log: OffsetForLeaderEpoch. */
  endOffsetForEpoch(leaderEpoch: number): EpochEndOffset {
    return this.#epochs.endOffsetFor(leaderEpoch, this.#logEndOffset)
  }

  describeProducers(): ProducerDescription[] {
    return [...this.#producers.entries.values()].map((entry) => ({
      producerId: entry.producerId,
      producerEpoch: entry.epoch,
      lastSequence: entry.lastSequence,
      lastTimestamp: entry.lastTimestamp,
      coordinatorEpoch: entry.coordinatorEpoch,
      currentTxnStartOffset: entry.txnFirstOffset,
    }))
  }

  /** For a transactional batch, before the coordinator is asked: what its append will have to show, and whether to ask at all. */
  startVerification(
    producerId: number,
    { epoch, sequence, bumpsEpoch }: { epoch: number; sequence: number; bumpsEpoch: boolean },
  ): { verification: NonNullable<AppendClaims['verification']>; isOpen: boolean } {
    if (this.#producers.hasOpenTransaction(producerId, epoch)) return { verification: UNVERIFIED, isOpen: true }
    const startedAt = this.#clock.now()
    const asked = { epoch, lowestSequence: sequence, bumpsEpoch, startedAt }
    return { verification: this.#producers.startVerification(producerId, asked), isOpen: false }
  }

  /** Whether a batch with this verification may be appended still: what it was begun for has neither come nor ended. */
  isVerified(producerId: number, epoch: number, verification: AppendClaims['verification']): boolean {
    return this.#producers.isVerified(producerId, epoch, verification)
  }

  expireProducers(): void {
    this.#producers.expire(this.#clock.now(), this.config.producerIdExpirationMs)
  }

  /** Records below `offset` are gone for readers at once; their segments go with the next retention. −1: up to the high watermark. */
  deleteRecordsBefore(offset: number): LogError | { error: 0; logStartOffset: number } {
    const target = offset === -1 ? this.#highWatermark : offset
    if (target < 0 || target > this.#highWatermark) {
      const message = `offset ${offset} is above the high watermark ${this.#highWatermark}`
      return { error: ErrorCode.OFFSET_OUT_OF_RANGE, message }
    }
    this.#guard(() => this.#startAt(target))
    return { error: 0, logStartOffset: this.#logStartOffset }
  }

  /** Drops the batch that holds `offset` and all after it; true when there was something to drop. */
  truncateTo(offset: number): boolean {
    return this.#guard(() => {
      if (offset >= this.#logEndOffset) {
        this.#epochs.truncateFromEnd(this.#logEndOffset)
        return false
      }
      if (offset < this.#segments.first.baseOffset) this.#startOverAt(offset)
      else this.#truncate(offset)
      return true
    })
  }

  /** Drops everything and goes on at `offset`: for a follower whose leader no longer has what comes next here. */
  truncateFullyAndStartAt(offset: number): void {
    this.#guard(() => this.#startOverAt(offset))
  }

  /** Closes the last segment and begins another. */
  roll(): void {
    this.#guard(() => this.#roll(this.#logEndOffset))
  }

  /** Lets old segments go as the topic says; returns how many went. */
  enforceRetention(now: number): number {
    const reasons: RetentionReason[] = ['start-offset', 'size', 'time']
    return this.#guard(() => reasons.reduce((sum, reason) => sum + this.#expire(reason, now), 0))
  }

  /** Compacts all that may be compacted now, in one go. */
  compact(now: number): CompactionStats {
    const run = this.compaction(now)
    while (run.step());
    return run.stats
  }

  /** A compaction to be driven step by step, so that a large one does not hold up everything else. */
  compaction(now: number, keysMax?: number): CompactionRun {
    return this.#guard(() => new CompactionRun(this, this.#log, now, keysMax))
  }

  /** Puts the result of a compaction in the place of what it was made from. */
  replaceSegments(replaced: readonly Segment[], cleaned: Segment, swap: () => void): void {
    this.#guard(() => {
      // What it leaves out can no longer tell where an epoch began.
      this.#epochs.sync()
      swap()
    })
    this.#segments.replace(replaced, cleaned)
  }

  compactedTo(offset: number): void {
    this.#cleanedOffset = Math.max(this.#cleanedOffset, offset)
  }

  /** Returns when everything appended would survive a loss of power. */
  flush(): void {
    this.#guard(() => {
      this.#syncBelow(this.#logEndOffset)
    })
  }

  /** Syncs the segments that have been closed since the last sync, and nothing of the one that grows. */
  flushClosedSegments(): void {
    this.#guard(() => {
      this.#syncBelow(this.#segments.active.baseOffset)
    })
  }

  /** Whether flush.ms asks for a sync now. */
  isFlushDue(now: number): boolean {
    return this.#firstUnflushedAt !== undefined && now - this.#firstUnflushedAt >= this.config.flushMs
  }

  /**
   * Ends the use of this log. Syncs, and leaves indexes and a snapshot of the producers, so that the next opening after a clean
   * stop reads next to nothing. A log that did not change since such an opening has nothing to do.
   */
  close(): void {
    if (this.failure === undefined && this.#isChanged) {
      this.#guard(() => {
        const { active } = this.#segments
        active.seal()
        this.#syncBelow(this.#logEndOffset)
        active.sync(true)
        this.#snapshots.take(this.#logEndOffset, this.#producers.entries.values())
      })
    }
    this.discard('the log is closed')
  }

  /** Nothing is read or written any more. */
  discard(why: string): void {
    this.failure ??= new Error(why)
    for (const segment of this.#segments.all) segment.discard()
  }

  /** Whether it was read or written since the last call. */
  takeUsed(): boolean {
    const used = this.#used
    this.#used = false
    return used
  }

  /** Closes files and drops indexes that can be had again; for logs that nobody has used for a while. */
  release(): void {
    this.#guard(() => {
      const { active, all } = this.#segments
      for (const segment of all) segment.release(segment !== active)
    })
  }

  /** For a new segment: how much sooner than `segment.ms` it is closed. */
  drawRollJitterMs(): number {
    const { segmentJitterMs, segmentMs } = this.config
    return Math.floor((this.#random?.fraction() ?? 0) * Math.min(segmentJitterMs, segmentMs))
  }

  abortedIn(segment: Segment): AbortedTransaction[] {
    const before = this.segments.filter((other) => other.baseOffset < segment.baseOffset)
    const now = this.#clock.now()
    const producers = loadProducers(this, before, this.#logStartOffset, segment.baseOffset, now)
    const aborted: AbortedTransaction[] = []
    segment.walk(0, (batch) => {
      aborted.push(...producers.replay(batch))
      return true
    })
    return aborted
  }

  /** The aborted transactions with records in [from, to). */
  collectAborted(from: number, to: number): AbortedTransaction[] {
    return this.#reader.collectAborted(from, to)
  }

  #assignOffsets(batches: readonly RecordBatch[], partitionLeaderEpoch: number): void {
    let baseOffset = this.#logEndOffset
    for (const batch of batches) {
      batch.patch({ baseOffset, partitionLeaderEpoch })
      baseOffset = batch.nextOffset
    }
  }

  #write(batches: readonly RecordBatch[], bytes: number, update: ProducerUpdate, now: number): void {
    this.#isChanged = true
    this.#folder.make()
    const first = batches[0]!
    const last = batches.at(-1)!
    if (first.baseOffset < this.#logEndOffset) this.#startOverAt(first.baseOffset)
    const maxTimestamp = batches.reduce((max, batch) => Math.max(max, batch.maxTimestamp), -1)
    let { active } = this.#segments
    if (active.shouldRoll(bytes, maxTimestamp, last.lastOffset, now)) active = this.#roll(first.baseOffset)
    for (const batch of batches) {
      if (batch.partitionLeaderEpoch >= 0) this.#epochs.assign(batch.partitionLeaderEpoch, batch.baseOffset)
    }
    try {
      active.append(batches, now)
    } catch (error) {
      active.cutFailedWrite()
      throw new RecoverableFailure('the write failed and was undone', { cause: error })
    }
    this.#logEndOffset = last.nextOffset
    for (const aborted of this.#producers.apply(update, last.nextOffset)) active.transactionIndex.append(aborted)
    this.#noteUnflushed(last.nextOffset - first.baseOffset, now)
  }

  #noteUnflushed(records: number, now: number): void {
    this.#unflushedRecords += records
    this.#firstUnflushedAt ??= now
    if (this.#unflushedRecords >= this.config.flushMessages) this.#syncBelow(this.#logEndOffset)
  }

  #appended(baseOffset: number, now: number): AppendResult {
    const logAppendTime = this.config.messageTimestampType === 'LogAppendTime' ? now : -1
    const { logStartOffset } = this
    return { error: 0, baseOffset, lastOffset: this.#logEndOffset - 1, logAppendTime, logStartOffset, duplicate: false }
  }

  #roll(baseOffset: number): Segment {
    const { active } = this.#segments
    if (active.baseOffset === baseOffset) return active
    this.#isChanged = true
    active.seal()
    this.#snapshots.take(baseOffset, this.#producers.entries.values())
    const next = Segment.create(this, baseOffset, this.#clock.now())
    this.#segments.add(next)
    return next
  }

  #startAt(offset: number): void {
    if (offset <= this.#logStartOffset) return
    this.#logStartOffset = offset
    this.#epochs.truncateFromStart(offset)
    this.#onStateChange()
  }

  #expire(reason: RetentionReason, now: number): number {
    const count = expiredSegments(this.segments, this, this.config, reason, now)
    if (count === 0) return 0
    if (count === this.segments.length) this.#roll(this.#logEndOffset)
    // When the power goes after this, the first that is left must be there, or the offsets would begin anew.
    const first = this.segments[count]!
    if (first.baseOffset >= this.#recoveryPoint) first.sync(false)
    const gone = this.segments.slice(0, count)
    this.#startAt(first.baseOffset)
    this.#removeSegments(gone)
    this.#log.info('log.retention', `removed ${count} segments`, {
      directory: this.directory,
      reason,
      logStartOffset: this.#logStartOffset,
    })
    return count
  }

  #truncate(offset: number): void {
    const kept = floorIndex(this.segments, offset) + 1
    this.#removeSegments(this.segments.slice(kept).reverse())
    this.#segments.active.truncateTo(offset)
    this.#epochs.truncateFromEnd(offset)
    this.#snapshots.keep((snapshot) => snapshot <= offset)
    this.#logStartOffset = Math.min(this.#logStartOffset, offset)
    this.#endAt(offset)
    this.#producers = loadProducers(this, this.segments, this.#logStartOffset, offset, this.#clock.now())
    this.#producers.highWatermarkIs(this.#highWatermark)
  }

  #startOverAt(offset: number): void {
    this.#folder.make()
    this.#removeSegments([...this.segments].reverse())
    this.#segments.add(Segment.create(this, offset, this.#clock.now()))
    this.#epochs.clear()
    this.#snapshots.keep(() => false)
    this.#logStartOffset = offset
    this.#cleanedOffset = offset
    this.#endAt(offset)
    this.#producers = loadProducers(this, this.segments, offset, offset, this.#clock.now())
  }

  #endAt(offset: number): void {
    this.#logEndOffset = offset
    this.#recoveryPoint = Math.min(this.#recoveryPoint, offset)
    this.#cleanedOffset = Math.min(this.#cleanedOffset, offset)
    this.#segments.noteCut()
    this.#isChanged = true
    this.highWatermark = Math.min(this.#highWatermark, offset)
    this.#onStateChange()
  }

  #removeSegments(gone: readonly Segment[]): void {
    if (gone.length === 0) return
    this.#segments.remove(gone)
    const first = this.segments[0]?.baseOffset ?? 0
    this.#snapshots.keep((offset) => offset >= first)
  }

  #syncBelow(offset: number): void {
    if (offset <= this.#recoveryPoint) return
    this.#folder.sync()
    this.#epochs.sync()
    this.#segments.sync(this.#recoveryPoint, offset)
    this.#recoveryPoint = offset
    if (offset < this.#logEndOffset) return
    this.#unflushedRecords = 0
    this.#firstUnflushedAt = undefined
  }

  /** Runs a change of the files; when the disk fails in it, nobody knows what they hold, so the log is closed to all use. */
  #guard<Result>(change: () => Result): Result {
    if (this.failure !== undefined) throw operatingError(this.failure, this.directory)
    try {
      return change()
    } catch (error) {
      throw operatingError(this.#failed(error), this.directory)
    }
  }

  #failed(error: unknown): Error {
    const failure = error as Error
    this.#log.error('log.failed', failure.message, {
      directory: this.directory,
      cause: String(failure.cause ?? failure),
    })
    if (!(failure instanceof RecoverableFailure)) this.failure = failure
    return failure
  }
}

/** The disk refused, and the log is as it was before. */
class RecoverableFailure extends Error {}

function operatingError(failure: Error, directory: string): HeliostatError {
  return new HeliostatError('HEL_STORAGE', failure.message, { cause: failure, where: { directory } })
}

function storageError(failure: Error): LogError {
  return { error: ErrorCode.KAFKA_STORAGE_ERROR, message: failure.message }
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most)
}
