// Opening a partition's folder, whatever state a crash left it in.
//
// 1. A compaction that was swapping its result in is finished; one that was still writing is undone.
// 2. After an unclean stop the segments from the recovery point on are read, their indexes built anew, and the log is cut behind
//    the last whole batch that matches its CRC: a torn or lost write. What lies below the recovery point was synced: damage there
//    is rot, which a reader hears of and nothing here cuts away; the log goes on behind it.
// 3. After a clean stop only the bytes behind the last index entry are read.
// 4. Producers come from the newest snapshot and the batches after it; leader epochs from their file, or from the batches.
import type { Disk, Logger } from '../../platform/platform.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { RecordsError } from '../../records/records-error.ts'
import { EpochCache } from './epoch-cache.ts'
import type { PartitionFolder } from './partition-folder.ts'
import { ProducerState } from './producer-state.ts'
import { Segment, type SegmentHome } from './segment.ts'
import {
  CLEANED_SUFFIX,
  DELETED_SUFFIX,
  fileName,
  LOG_SUFFIX,
  parseFileName,
  SEGMENT_SUFFIXES,
  SIDE_SUFFIXES,
  SWAP_SUFFIX,
} from './segment-name.ts'
import { SnapshotFiles } from './snapshot-files.ts'

/** What is remembered of a log outside of its own folder. Everything may be absent. */
export interface LogState {
  readonly logStartOffset?: number
  readonly highWatermark?: number
  /** Everything below was synced. Absent: all segments but the last count as synced. */
  readonly recoveryPoint?: number
  /** Compaction has been through everything below. */
  readonly cleanedOffset?: number
  /** The log was closed in order: nothing needs to be scanned. */
  readonly cleanShutdown?: boolean
}

export interface RecoveredLog {
  readonly segments: Segment[]
  readonly epochs: EpochCache
  readonly producers: ProducerState
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly recoveryPoint: number
}

export function recover(
  home: SegmentHome,
  folder: PartitionFolder,
  state: LogState,
  now: number,
  log: Logger,
): RecoveredLog {
  const { disk } = home.files
  const floor = state.logStartOffset ?? 0
  if (!folder.isMade && floor === 0) return nothingYet(home, now)
  folder.make()
  finishSwap(home, now, log)
  const segments = adoptSegments(home, now)
  if (segments.length === 0) segments.push(Segment.create(home, floor, now))
  const epochs = loadEpochs(home, segments, state.cleanShutdown === true)
  const logStartOffset = Math.max(floor, segments[0]!.baseOffset)
  const end = state.cleanShutdown
    ? readCleanEnd(home, segments, state, logStartOffset, now)
    : scanUnflushed(home, segments, epochs, state, logStartOffset, now, log)
  if (logStartOffset > end.logEndOffset) return startOver(home, segments, epochs, logStartOffset, now)
  epochs.truncateFromEnd(end.logEndOffset)
  epochs.truncateFromStart(logStartOffset)
  removeStraySnapshots(disk, home.directory, segments, end.logEndOffset)
  const recoveryPoint = Math.min(state.recoveryPoint ?? segments.at(-1)!.baseOffset, end.logEndOffset)
  return {
    segments,
    epochs,
    producers: end.producers,
    logStartOffset,
    logEndOffset: end.logEndOffset,
    recoveryPoint: state.cleanShutdown ? end.logEndOffset : recoveryPoint,
  }
}

function nothingYet(home: SegmentHome, now: number): RecoveredLog {
  return {
    segments: [Segment.first(home, now)],
    epochs: new EpochCache(home.files.disk, home.directory, true),
    producers: new ProducerState(),
    logStartOffset: 0,
    logEndOffset: 0,
    recoveryPoint: 0,
  }
}

/** The producers as of `offset`: from the newest snapshot at or below it, and the batches between. */
export function loadProducers(
  home: SegmentHome,
  segments: readonly Segment[],
  logStartOffset: number,
  offset: number,
  now: number,
): ProducerState {
  const producers = new ProducerState()
  const snapshot = new SnapshotFiles(home.files.disk, home.directory).latest(offset)
  const { producerIdExpirationMs } = home.config
  if (snapshot !== undefined) {
    producers.load(snapshot.entries, snapshot.offset)
    producers.expire(now, producerIdExpirationMs)
  }
  const from = Math.max(snapshot?.offset ?? 0, logStartOffset)
  segments.forEach((segment, index) => {
    const nextBase = segments[index + 1]?.baseOffset ?? Number.POSITIVE_INFINITY
    if (from >= offset || nextBase <= from || segment.baseOffset >= offset) return
    segment.walk(segment.positionBefore(from), (batch) => {
      if (batch.baseOffset >= offset) return false
      if (batch.lastOffset >= from) producers.replay(batch)
      return true
    })
  })
  producers.endOffset = offset
  return producers
}

interface LogEnd {
  readonly logEndOffset: number
  readonly producers: ProducerState
}

function readCleanEnd(
  home: SegmentHome,
  segments: Segment[],
  state: LogState,
  logStartOffset: number,
  now: number,
): LogEnd {
  const active = segments.at(-1)!
  const { nextOffset, rest } = active.readTail()
  const logEndOffset =
    rest > 0 ? leaveRot(home, segments, Math.max(nextOffset, state.recoveryPoint ?? 0), now) : nextOffset
  return { logEndOffset, producers: loadProducers(home, segments, logStartOffset, logEndOffset, now) }
}

function scanUnflushed(
  home: SegmentHome,
  segments: Segment[],
  epochs: EpochCache,
  state: LogState,
  logStartOffset: number,
  now: number,
  log: Logger,
): LogEnd {
  const recoveryPoint = state.recoveryPoint ?? segments.at(-1)!.baseOffset
  const first = Math.max(
    0,
    segments.findLastIndex((segment) => segment.baseOffset <= recoveryPoint),
  )
  let logEndOffset = segments[first]!.baseOffset
  const producers = loadProducers(home, segments.slice(0, first), logStartOffset, logEndOffset, now)
  for (let index = first; index < segments.length; index++) {
    const segment = segments[index]!
    logEndOffset = segment.baseOffset
    segment.resetTransactions()
    const rest = segment.rebuild((batch) => {
      if (!replayScanned(batch, segment, producers, epochs)) return false
      logEndOffset = batch.nextOffset
      return true
    })
    const isLast = index === segments.length - 1
    if (rest > 0 && logEndOffset < recoveryPoint) {
      log.error('log.recovery.rot', `${rest} bytes are damaged that were synced`, {
        directory: home.directory,
        logEndOffset,
      })
      if (!isLast) segment.seal()
      else logEndOffset = leaveRot(home, segments, recoveryPoint, now)
      continue
    }
    segment.cutRest(rest)
    if (rest > 0) {
      log.warn('log.recovery.cut', `cut ${rest} bytes that are not whole batches`, {
        directory: home.directory,
        logEndOffset,
      })
      removeFrom(segments, index + 1)
    } else if (!isLast) segment.seal()
  }
  producers.endOffset = logEndOffset
  return { logEndOffset, producers }
}

/** What was synced and is damaged now stays where it is, for its readers to hear of; the log goes on in another segment. */
function leaveRot(home: SegmentHome, segments: Segment[], logEndOffset: number, now: number): number {
  const damaged = segments.at(-1)!
  damaged.seal()
  const next = Math.max(logEndOffset, damaged.baseOffset + 1)
  segments.push(Segment.create(home, next, now))
  return next
}

/** False when the batch is damaged. */
function replayScanned(batch: RecordBatch, segment: Segment, producers: ProducerState, epochs: EpochCache): boolean {
  try {
    if (!batch.crcIsValid()) return false
    for (const aborted of producers.replay(batch)) segment.transactionIndex.append(aborted)
  } catch (error) {
    if (error instanceof RecordsError) return false
    throw error
  }
  noteEpoch(batch, epochs)
  return true
}

function noteEpoch(batch: RecordBatch, epochs: EpochCache): void {
  const epoch = batch.partitionLeaderEpoch
  if (epoch >= 0 && epoch > (epochs.latestEpoch ?? -1)) epochs.assign(epoch, batch.baseOffset)
}

/** The checkpoint says that the log begins behind its end: its files were lost, and nothing in them is wanted. */
function startOver(
  home: SegmentHome,
  segments: Segment[],
  epochs: EpochCache,
  logStartOffset: number,
  now: number,
): RecoveredLog {
  removeFrom(segments, 0)
  segments.push(Segment.create(home, logStartOffset, now))
  epochs.clear()
  new SnapshotFiles(home.files.disk, home.directory).keep(() => false)
  const producers = new ProducerState()
  producers.endOffset = logStartOffset
  return { segments, epochs, producers, logStartOffset, logEndOffset: logStartOffset, recoveryPoint: logStartOffset }
}

/** Newest first, so that a crash in between leaves no gap. */
function removeFrom(segments: Segment[], index: number): void {
  for (const segment of segments.splice(index).reverse()) segment.remove()
}

function adoptSegments(home: SegmentHome, now: number): Segment[] {
  const { disk } = home.files
  const names = disk.list(home.directory)
  const bases = new Set<number>()
  for (const name of names) {
    const parsed = parseFileName(name)
    if (parsed?.suffix === LOG_SUFFIX) bases.add(parsed.offset)
  }
  for (const name of names) {
    const parsed = parseFileName(name)
    const isOrphan = SIDE_SUFFIXES.some((suffix) => suffix === parsed?.suffix) && !bases.has(parsed!.offset)
    if (isOrphan) disk.remove(`${home.directory}/${name}`)
  }
  return [...bases].map((baseOffset) => Segment.adopt(home, baseOffset, now))
}

function loadEpochs(home: SegmentHome, segments: readonly Segment[], isDurable: boolean): EpochCache {
  const epochs = new EpochCache(home.files.disk, home.directory, isDurable)
  if (epochs.load()) return epochs
  for (const segment of segments) {
    segment.walk(0, (batch) => {
      noteEpoch(batch, epochs)
      return true
    })
  }
  return epochs
}

function removeStraySnapshots(disk: Disk, directory: string, segments: readonly Segment[], logEndOffset: number): void {
  const bases = new Set(segments.map((segment) => segment.baseOffset))
  new SnapshotFiles(disk, directory).keep((offset) => bases.has(offset) || offset === logEndOffset)
}

function finishSwap(home: SegmentHome, now: number, log: Logger): void {
  const { disk } = home.files
  const path = (name: string) => `${home.directory}/${name}`
  for (const name of disk.list(home.directory)) {
    if (name.endsWith(CLEANED_SUFFIX) || name.endsWith(DELETED_SUFFIX)) disk.remove(path(name))
  }
  // The log is renamed before its indexes, and was synced before that: once it is there, the result is whole.
  const names = disk.list(home.directory)
  for (const name of names) {
    const parsed = parseFileName(name)
    if (parsed?.suffix !== LOG_SUFFIX + SWAP_SUFFIX) continue
    log.info('log.recovery.swap', 'finishing a compaction', { directory: home.directory, baseOffset: parsed.offset })
    removeReplaced(home, parsed.offset, now)
  }
  for (const name of names) {
    if (name.endsWith(SWAP_SUFFIX)) disk.rename(path(name), path(name.slice(0, -SWAP_SUFFIX.length)))
  }
}

/** Removes the segments that lie within the one that is to take their place. */
function removeReplaced(home: SegmentHome, baseOffset: number, now: number): void {
  const { disk } = home.files
  let nextOffset = baseOffset + 1
  Segment.adopt(home, baseOffset, now, SWAP_SUFFIX).walk(0, (batch) => {
    nextOffset = batch.nextOffset
    return true
  })
  for (const name of disk.list(home.directory)) {
    const parsed = parseFileName(name)
    if (parsed?.suffix !== LOG_SUFFIX || parsed.offset < baseOffset || parsed.offset >= nextOffset) continue
    for (const suffix of SEGMENT_SUFFIXES) disk.remove(`${home.directory}/${fileName(parsed.offset, suffix)}`)
  }
}
