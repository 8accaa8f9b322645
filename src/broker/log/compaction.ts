// Log compaction, as Kafka's LogCleaner does it: keeps the newest record of each key, in place of the closed segments.
//
// A round maps the keys of the dirty part (what no round has been through), then rewrites all segments up to there, several
// small ones into one. The result is written as `.cleaned`, synced, renamed to `.swap`, takes the place of the old files and gets
// its final name: a crash at any point leaves either the old segments or the new (see recovery.ts).
import { HeliostatError } from '../../platform/errors.ts'
import type { Logger } from '../../platform/platform.ts'
import { INFLATED_BYTES_MAX } from '../../records/record.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { CleanedTransactions } from './cleaned-transactions.ts'
import { type CompactionRound, compactBatch, type LastRecord } from './compaction-filter.ts'
import { KeyMap } from './key-map.ts'
import type { LogConfig } from './log-config.ts'
import type { ProducerState } from './producer-state.ts'
import { RecordCursor } from './record-cursor.ts'
import { CorruptSegment, Segment, type SegmentHome } from './segment.ts'
import { CLEANED_SUFFIX, SWAP_SUFFIX } from './segment-name.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** What compaction needs of a log. */
export interface CompactedLog extends SegmentHome {
  readonly segments: readonly Segment[]
  readonly producers: ProducerState
  readonly logStartOffset: number
  readonly lastStableOffset: number
  readonly cleanedOffset: number
  /** Changes when segments are removed or cut. */
  readonly removals: number
  collectAborted(from: number, to: number): AbortedTransaction[]
  replaceSegments(replaced: readonly Segment[], cleaned: Segment, swap: () => void): void
  compactedTo(offset: number): void
}

export interface CompactionStats {
  bytesRead: number
  bytesWritten: number
  /** The first offset that the next round finds dirty. */
  cleanedOffset: number
}

/** The part of a log that may be compacted now: [firstDirty, end) is new, everything below `end` is rewritten. */
export interface CleanableRange {
  readonly firstDirty: number
  readonly end: number
  readonly cleanBytes: number
  readonly dirtyBytes: number
}

/** One step reads about this much, so that others wait milliseconds at most. */
const STEP_BYTES = 1024 * 1024
const INT32_MAX = 0x7fffffff

function cleanableRange(log: CompactedLog, now: number): CleanableRange {
  const { segments, config, cleanedOffset: firstDirty } = log
  const limit = Math.min(log.lastStableOffset, segments.at(-1)!.baseOffset)
  const isTooNew = (segment: Segment) => segment.largestTimestamp > now - config.minCompactionLagMs
  const closed = segments.slice(0, -1)
  const isDirty = (segment: Segment) => endOf(segments, segment) > firstDirty
  const firstKept = closed.find(
    (segment) =>
      endOf(segments, segment) > limit || (config.minCompactionLagMs > 0 && isDirty(segment) && isTooNew(segment)),
  )
  const end = (firstKept ?? segments.at(-1)!).baseOffset
  const bytes = (from: number, to: number) =>
    closed.reduce(
      (sum, segment) => (segment.baseOffset >= from && segment.baseOffset < to ? sum + segment.size : sum),
      0,
    )
  const dirtyFrom = segments.findLast((segment) => segment.baseOffset <= firstDirty)?.baseOffset ?? 0
  return { firstDirty, end, cleanBytes: bytes(0, dirtyFrom), dirtyBytes: bytes(dirtyFrom, end) }
}

/** How much of what may be compacted is dirty (0…1), when that is enough or has waited too long; undefined when nothing is due. */
export function compactionDue(log: CompactedLog, now: number): number | undefined {
  if (!log.config.compact) return undefined
  const { cleanBytes, dirtyBytes, firstDirty, end } = cleanableRange(log, now)
  if (dirtyBytes === 0 || firstDirty >= end) return undefined
  const ratio = dirtyBytes / (cleanBytes + dirtyBytes)
  return ratio > log.config.minCleanableDirtyRatio || hasWaitedTooLong(log, firstDirty, now) ? ratio : undefined
}

function hasWaitedTooLong(log: CompactedLog, firstDirty: number, now: number): boolean {
  const cleanUntil = now - log.config.maxCompactionLagMs
  return log.segments.slice(0, -1).some((segment) => {
    const first = segment.firstTimestamp ?? -1
    return endOf(log.segments, segment) > firstDirty && first > 0 && first < cleanUntil
  })
}

function endOf(segments: readonly Segment[], segment: Segment): number {
  return segments[segments.indexOf(segment) + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
}

// Invariants:
// 1. The log is as it was, or as compaction leaves it, after every step: a group of segments changes places in one step.
// 2. A run that finds segments gone or cut since it began (`removals`) gives up and leaves no file.
export class CompactionRun {
  readonly stats: CompactionStats
  readonly #log: CompactedLog
  readonly #logger: Logger
  readonly #now: number
  readonly #keysMax: number | undefined
  readonly #removals: number
  readonly #steps: Generator<undefined, void>
  #open: Segment | undefined

  constructor(log: CompactedLog, logger: Logger, now: number, keysMax?: number) {
    this.#log = log
    this.#logger = logger
    this.#now = now
    this.#keysMax = keysMax
    this.#removals = log.removals
    this.stats = { bytesRead: 0, bytesWritten: 0, cleanedOffset: log.cleanedOffset }
    this.#steps = this.#run()
  }

  /** Does the next piece of work; false when there is none left. */
  step(): boolean {
    try {
      if (this.#removals === this.#log.removals && this.#steps.next().done !== true) return true
    } catch (error) {
      this.abandon()
      if (error instanceof HeliostatError) throw error
      const code = error instanceof CorruptSegment ? 'HEL_CORRUPT_LOG' : 'HEL_STORAGE'
      const where = { directory: this.#log.directory }
      throw new HeliostatError(code, `compaction: ${(error as Error).message}`, { cause: error, where })
    }
    this.abandon()
    return false
  }

  /** Ends the run. The log's own files are untouched; what was written so far is worthless. */
  abandon(): void {
    this.#steps.return()
    const unfinished = this.#open
    this.#open = undefined
    try {
      unfinished?.remove()
    } catch (error) {
      const { directory } = this.#log
      this.#logger.warn('log.compaction.left', `${(error as Error).message}; the next opening removes it`, {
        directory,
      })
    }
  }

  *#run(): Generator<undefined, void> {
    const range = cleanableRange(this.#log, this.#now)
    const keys = new KeyMap(range.firstDirty, this.#keysMax)
    yield* this.#mapKeys(keys, range)
    const round: CompactionRound = {
      keys,
      endOffset: range.end,
      lastRecords: lastRecords(this.#log.producers),
      now: this.#now,
      deleteRetentionMs: this.#log.config.deleteRetentionMs,
    }
    const endOffset = keys.latestOffset + 1
    const segments = this.#log.segments
      .slice(0, -1)
      .filter((segment) => segment.baseOffset < Math.min(endOffset, range.end))
    const aborted = this.#log.collectAborted(this.#log.logStartOffset, endOffset)
    let keep: (transaction: AbortedTransaction) => void = () => {}
    const transactions = new CleanedTransactions(aborted, (transaction) => keep(transaction))
    for (const group of groupBySize(segments, this.#log.config, range.end)) {
      const cleaned = this.#create(group)
      keep = (transaction) => cleaned.transactionIndex.append(transaction)
      for (const segment of group) yield* this.#clean(segment, cleaned, transactions, round)
      yield
      this.#swap(group, cleaned)
    }
    this.#log.compactedTo(endOffset)
    this.stats.cleanedOffset = endOffset
    this.#logger.info('log.compacted', `compacted ${this.stats.bytesRead} bytes to ${this.stats.bytesWritten}`, {
      directory: this.#log.directory,
      cleanedOffset: endOffset,
    })
  }

  *#mapKeys(keys: KeyMap, { firstDirty, end }: CleanableRange): Generator<undefined, void> {
    const transactions = new CleanedTransactions(this.#log.collectAborted(firstDirty, end), () => {})
    const { segments } = this.#log
    for (const segment of segments) {
      const nextBase = endOf(segments, segment)
      if (nextBase <= firstDirty || segment.baseOffset >= end) continue
      let isFull = false
      yield* this.#walk(segment, segment.positionBefore(firstDirty), (batch) => {
        const isAborted = transactions.mayDiscard(batch)
        if (!batch.isControl && !isAborted && !putKeys(batch, keys, firstDirty)) isFull = true
        if (!isFull && batch.lastOffset >= firstDirty) keys.latestOffset = batch.lastOffset
        return !isFull
      })
      if (isFull) return
      keys.latestOffset = Math.min(nextBase, end) - 1
    }
  }

  *#clean(
    segment: Segment,
    cleaned: Segment,
    transactions: CleanedTransactions,
    round: CompactionRound,
  ): Generator<undefined, void> {
    let kept: RecordBatch[] = []
    const write = () => {
      if (kept.length > 0) cleaned.append(kept, segment.lastModified)
      kept = []
    }
    yield* this.#walk(
      segment,
      0,
      (batch) => {
        const rest = compactBatch(batch, transactions, round)
        if (rest !== undefined) kept.push(rest)
        return true
      },
      write,
    )
    write()
    this.stats.bytesRead += segment.size
  }

  /** Walks a segment with a pause after each step's worth of bytes; `paused` runs before each. */
  *#walk(
    segment: Segment,
    from: number,
    visit: (batch: RecordBatch) => boolean,
    paused: () => void = () => {},
  ): Generator<undefined, void> {
    let position = from
    let isStopped = false
    while (position < segment.size && !isStopped) {
      const start = position
      position = segment.walk(start, (batch, at) => {
        if (at - start >= STEP_BYTES) return false
        // What is copied or rewritten here gets to readers with a fresh CRC, or with its old one unread: rot must stop here.
        if (!batch.crcIsValid()) throw new CorruptSegment(`${this.#log.directory}: batch at offset ${batch.baseOffset}`)
        isStopped = !visit(batch)
        return !isStopped
      })
      if (position === start && !isStopped)
        throw new CorruptSegment(`${this.#log.directory}: segment ${segment.baseOffset}`)
      paused()
      yield
    }
  }

  #create(group: readonly Segment[]): Segment {
    this.#open = Segment.create(this.#log, group[0]!.baseOffset, group.at(-1)!.lastModified, CLEANED_SUFFIX)
    return this.#open
  }

  #swap(group: readonly Segment[], cleaned: Segment): void {
    cleaned.seal()
    cleaned.sync(true)
    this.stats.bytesWritten += cleaned.size
    this.#open = undefined
    this.#log.replaceSegments(group, cleaned, () => {
      cleaned.rename(SWAP_SUFFIX)
      for (const segment of group) segment.remove()
      cleaned.rename('')
    })
  }
}

/** False when the map has no room for all keys of the batch. */
function putKeys(batch: RecordBatch, keys: KeyMap, from: number): boolean {
  const section = batch.recordSection(INFLATED_BYTES_MAX)
  const cursor = new RecordCursor(section)
  while (cursor.next()) {
    const offset = batch.baseOffset + cursor.offsetDelta
    if (cursor.keyLength < 0 || offset < from) continue
    if (!keys.put(section.subarray(cursor.keyStart, cursor.keyStart + cursor.keyLength), offset)) return false
  }
  return true
}

function lastRecords(producers: ProducerState): Map<number, LastRecord> {
  const last = new Map<number, LastRecord>()
  for (const { producerId, lastDataOffset, epoch } of producers.entries.values()) {
    last.set(producerId, { lastDataOffset, epoch })
  }
  return last
}

/** Neighbours that fit one segment, so that what shrinks does not stay in ever smaller files. */
function groupBySize(segments: readonly Segment[], config: LogConfig, end: number): Segment[][] {
  const groups: Segment[][] = []
  let bytes = 0
  let indexBytes = 0
  segments.forEach((segment, index) => {
    const group = groups.at(-1)
    const lastOffset = (segments[index + 1]?.baseOffset ?? end) - 1
    const fits =
      group !== undefined &&
      bytes + segment.size <= config.segmentBytes &&
      indexBytes + segment.indexBytes <= config.segmentIndexBytes &&
      lastOffset - group[0]!.baseOffset <= INT32_MAX
    if (fits) group.push(segment)
    else groups.push([segment])
    bytes = (fits ? bytes : 0) + segment.size
    indexBytes = (fits ? indexBytes : 0) + segment.indexBytes
  })
  return groups
}
