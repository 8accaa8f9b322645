// One file of a partition's log, and the indexes that say where in it an offset or a time is.
import { crc32c } from '../../records/crc32c.ts'
import { readTimestamp } from '../../records/int64.ts'
import { INFLATED_BYTES_MAX } from '../../records/record.ts'
import { HEADER, RecordBatch } from '../../records/record-batch.ts'
import { BATCH_HEADER_BYTES, baseOffsetAt, isSound, lastOffsetAt, sizeAt } from './batch-header.ts'
import type { LogConfig } from './log-config.ts'
import type { OffsetIndex } from './offset-index.ts'
import type { OpenFiles, SegmentFile } from './open-files.ts'
import { RecordCursor } from './record-cursor.ts'
import { type IndexedSegment, SegmentIndexes } from './segment-indexes.ts'
import { fileName, LOG_SUFFIX } from './segment-name.ts'
import type { TimeIndex } from './time-index.ts'
import type { AbortedTransaction, TransactionIndex } from './transaction-index.ts'

/** What a segment needs of the log that it is part of. */
export interface SegmentHome {
  readonly files: OpenFiles
  readonly directory: string
  readonly config: LogConfig
  /** By how much `segment.ms` is shortened for a segment, so that logs that began together do not all roll at once. */
  drawRollJitterMs(): number
  /** Works out anew which transactions were aborted in a segment whose index of them is damaged. */
  abortedIn(segment: Segment): AbortedTransaction[]
}

export interface TimestampOffset {
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

/** Whole batches, and the offset after the last of them. */
export interface SegmentRead {
  readonly bytes: Buffer
  readonly nextOffset: number
}

/** The bytes at the place that was asked for are not a batch, or not the batch that was written. */
export class CorruptSegment extends Error {}

const NO_TIMESTAMP = -1
const WALK_BYTES = 1024 * 1024
/** Enough for the batches between two index entries, when these are small. */
const LOCATE_BYTES = 8192
const HINTS = 4
const EMPTY = Buffer.alloc(0)

// Invariants:
// 1. Bytes [0, size) of the file are whole batches whose offsets rise; what lies behind is the rest of a failed write.
// 2. The indexes hold entries of batches below `size` only. They are in memory while the segment grows, and are written when it
//    is closed, flushed or closed with its log; a crash before that costs a scan of the segment.
// 3. A file handle or an index of a closed segment may be dropped at any time; the next use brings it back.
// 4. Bytes below `#unverified` that no read has verified yet are checked against their CRC when they are first read: those that
//    this process has not written itself, and all of a closed segment.
export class Segment implements IndexedSegment {
  readonly baseOffset: number
  readonly #home: SegmentHome
  readonly #log: SegmentFile
  readonly #indexes: SegmentIndexes
  #size = 0
  /** Undefined until the time index of a segment found on the disk is read. */
  #maxTimestamp: number | undefined
  #offsetOfMaxTimestamp: number
  #firstTimestamp: number | undefined
  #bytesSinceEntry = 0
  #unverified = 0
  #verified = 0
  /** When the machine's clock last saw an append, or the opening: stands in for timestamps that records do not carry. */
  #lastModified: number
  readonly #created: number
  readonly #rollJitterMs: number
  /** Ends of recent reads, where the next read of the same consumer begins. */
  readonly #hints: { offset: number; position: number }[] = []
  #nextHint = 0

  private constructor(home: SegmentHome, baseOffset: number, now: number, suffix: string) {
    this.#home = home
    this.baseOffset = baseOffset
    this.#log = home.files.file(this.#path(suffix))
    this.#indexes = new SegmentIndexes(home.files.disk, home.directory, this, suffix)
    this.#offsetOfMaxTimestamp = baseOffset
    this.#created = now
    this.#rollJitterMs = home.drawRollJitterMs()
    this.#lastModified = now
  }

  /** A new, empty segment; its file is there when this returns, since an empty last segment is what holds the end offset. */
  static create(home: SegmentHome, baseOffset: number, now: number, suffix = ''): Segment {
    const segment = new Segment(home, baseOffset, now, suffix)
    segment.#log.create()
    if (segment.#log.size() > 0) segment.#log.truncate(0)
    segment.#startEmpty()
    return segment
  }

  /** Of a log that has had no record yet: its end offset is known without a file, which comes with the first batch. */
  static first(home: SegmentHome, now: number): Segment {
    const segment = new Segment(home, 0, now, '')
    segment.#log.createLater()
    segment.#startEmpty()
    return segment
  }

  /** A segment that is on the disk already. Nothing but its size is read until it is used. */
  static adopt(home: SegmentHome, baseOffset: number, now: number, suffix = ''): Segment {
    const segment = new Segment(home, baseOffset, now, suffix)
    segment.#size = segment.#log.size()
    segment.#unverified = segment.#size
    segment.#log.close()
    return segment
  }

  get size(): number {
    return this.#size
  }

  get indexBytes(): number {
    return Math.max(this.offsetIndex.entries.sizeInBytes, this.timeIndex.entries.sizeInBytes)
  }

  get lastModified(): number {
    return this.#lastModified
  }

  get offsetIndex(): OffsetIndex {
    return this.#indexes.offsets
  }

  get timeIndex(): TimeIndex {
    return this.#indexes.times
  }

  get transactionIndex(): TransactionIndex {
    return this.#indexes.transactions
  }

  /** −1 when no record carries a timestamp. */
  get maxTimestamp(): number {
    this.#maxTimestamp ??= this.timeIndex.lastTimestamp
    return this.#maxTimestamp
  }

  /** What retention goes by. */
  get largestTimestamp(): number {
    const max = this.maxTimestamp
    return max >= 0 ? max : this.#lastModified
  }

  /** Of the first batch; undefined when there is none. */
  get firstTimestamp(): number | undefined {
    if (this.#firstTimestamp === undefined && this.#size >= BATCH_HEADER_BYTES) {
      this.#firstTimestamp = readTimestamp(this.#readAt(0, BATCH_HEADER_BYTES), HEADER.maxTimestamp)
    }
    return this.#firstTimestamp
  }

  /** Whether a batch of this size and time belongs into the next segment, by Kafka's rules. */
  shouldRoll(bytes: number, maxTimestamp: number, lastOffset: number, now: number): boolean {
    const { segmentBytes, segmentMs, segmentIndexBytes, compact, maxCompactionLagMs } = this.#home.config
    // Only closed segments are compacted, so what must be compacted in time must be closed in time.
    const rollMs = compact ? Math.min(segmentMs, maxCompactionLagMs) : segmentMs
    if (this.#size > segmentBytes - bytes || lastOffset - this.baseOffset > 0x7fffffff) return true
    if (this.offsetIndex.isFull(segmentIndexBytes) || this.timeIndex.isFull(segmentIndexBytes)) return true
    return this.#size > 0 && this.#waited(maxTimestamp, now) > rollMs - this.#rollJitterMs
  }

  /** Writes the batches, whose offsets are set, in one call. When that throws, nothing was appended: see `cutFailedWrite`. */
  append(batches: readonly RecordBatch[], now: number): void {
    const buffers = batches.map((batch) => batch.bytes)
    this.#log.write(buffers, this.#size)
    for (const batch of batches) {
      this.#note(batch, this.#size)
      this.#size += batch.sizeInBytes
    }
    this.#lastModified = now
  }

  /** Removes what a failed write may have left behind the last whole batch. */
  cutFailedWrite(): void {
    this.#log.truncate(this.#size)
  }

  /**
   * Whole batches from the one that holds `offset`, or the first after it, up to `endOffset`: as many as `maxBytes` holds, and
   * the first even when it is larger if `minOneMessage`. Undefined when the segment has none from there on. No batch here can
   * reach `limit`, where the next segment begins: base offsets lie outside of the CRC, so this is how a rotten one shows.
   */
  read(
    offset: number,
    maxBytes: number,
    endOffset: number,
    limit: number,
    minOneMessage: boolean,
  ): SegmentRead | undefined {
    const position = this.#locate(offset)
    if (position === undefined) return undefined
    let bytes = this.#readIntoPool(position, Math.max(maxBytes, BATCH_HEADER_BYTES))
    const firstBytes = this.#soundSizeAt(bytes, position, limit)
    if (firstBytes > maxBytes && !minOneMessage) return { bytes: EMPTY, nextOffset: offset }
    if (firstBytes > bytes.length) bytes = this.#readIntoPool(position, firstBytes)
    return this.#wholeBatches(bytes, position, offset, endOffset)
  }

  /**
   * Calls `visit` with each batch from `from`, the start of one, until it returns false, the segment ends, or what follows is
   * not a batch. Returns where it stopped. CRCs are not checked, and a batch is only good until `visit` returns.
   */
  walk(from: number, visit: (batch: RecordBatch, position: number) => boolean | undefined): number {
    let position = from
    let minOffset = this.baseOffset
    let wanted = WALK_BYTES
    while (position + BATCH_HEADER_BYTES <= this.#size) {
      const block = this.#readAt(position, wanted)
      let at = 0
      while (at + BATCH_HEADER_BYTES <= block.length && isSound(block, at, minOffset)) {
        const end = at + sizeAt(block, at)
        if (end > block.length) break
        if (visit(new RecordBatch(block.subarray(at, end)), position + at) === false) return position + at
        minOffset = lastOffsetAt(block, at) + 1
        at = end
      }
      position += at
      if (at > 0) {
        wanted = WALK_BYTES
      } else {
        if (block.length < BATCH_HEADER_BYTES || !isSound(block, 0, minOffset)) return position
        wanted = sizeAt(block, 0)
        if (position + wanted > this.#size || wanted <= block.length) return position
      }
    }
    return position
  }

  /** Where a walk must start to pass every batch that holds or follows `offset`. */
  positionBefore(offset: number): number {
    const slot = this.offsetIndex.lookup(offset)
    return slot < 0 ? 0 : this.offsetIndex.positionOf(slot)
  }

  /** The first record from `startOffset` on that is not earlier than `timestamp`. */
  findTimestamp(timestamp: number, startOffset: number): TimestampOffset | undefined {
    const from = this.positionBefore(Math.max(this.timeIndex.lookup(timestamp), startOffset))
    let found: TimestampOffset | undefined
    this.walk(from, (batch) => {
      if (batch.maxTimestamp >= timestamp && batch.lastOffset >= startOffset) {
        found = firstRecordAt(batch, timestamp, startOffset)
      }
      return found === undefined
    })
    return found
  }

  /** The record with the greatest timestamp, the first of them. */
  findMaxTimestamp(): TimestampOffset | undefined {
    const timestamp = this.maxTimestamp
    return timestamp < 0 ? undefined : this.findTimestamp(timestamp, this.baseOffset)
  }

  /**
   * Reads the segment from its start and builds the indexes anew, up to the first bytes that are not a batch or that `accept`
   * does not take. Returns how many bytes remain from there on; a reader will find them corrupt, unless they are cut.
   */
  rebuild(accept: (batch: RecordBatch) => boolean): number {
    this.#indexes.reset()
    this.#maxTimestamp = NO_TIMESTAMP
    this.#bytesSinceEntry = 0
    const end = this.walk(0, (batch, position) => {
      if (!accept(batch)) return false
      this.#note(batch, position)
      return true
    })
    return this.#size - end
  }

  /** Cuts the last bytes, after a scan has verified all the others. */
  cutRest(bytes: number): void {
    if (bytes > 0) this.#cutAt(this.#size - bytes)
    this.#unverified = 0
  }

  /** Forgets the aborted transactions, to be added again by whoever replays the segment. */
  resetTransactions(): void {
    this.#indexes.resetTransactions()
  }

  /**
   * Reads what lies behind the last index entry, for a segment that is to grow: the offset after the last batch, and how many
   * bytes behind that are none.
   */
  readTail(): { nextOffset: number; rest: number } {
    let nextOffset = this.baseOffset
    const from = this.offsetIndex.lastPosition
    const timeIndex = this.timeIndex
    this.#maxTimestamp = timeIndex.lastTimestamp
    this.#offsetOfMaxTimestamp = timeIndex.lastOffset
    const end = this.walk(from, (batch) => {
      this.#noteTimestamp(batch)
      nextOffset = batch.nextOffset
      return true
    })
    this.#bytesSinceEntry = end - from
    return { nextOffset, rest: this.#size - end }
  }

  /** Drops the batch that holds `offset` and all after it. */
  truncateTo(offset: number): void {
    const position = this.#locate(offset)
    this.offsetIndex.truncateTo(offset)
    this.timeIndex.truncateTo(offset)
    this.transactionIndex.truncateTo(offset)
    if (position !== undefined) this.#cutAt(position)
    if (this.#size === 0) this.#firstTimestamp = undefined
    this.readTail()
  }

  /** No more appends: the indexes get their last entries and are written. */
  seal(): void {
    this.timeIndex.maybeAppend(this.maxTimestamp, this.#offsetOfMaxTimestamp)
    this.#indexes.write()
    this.#unverified = this.#size
    this.#verified = 0
  }

  /** Returns when the batches would survive a loss of power; with `indexes`, these too. */
  sync(indexes: boolean): void {
    this.#log.sync()
    if (indexes) this.#indexes.sync()
  }

  /** Closes the file; for a closed segment, drops the indexes too. */
  release(dropIndexes: boolean): void {
    this.#log.close()
    if (dropIndexes) this.#indexes.drop()
  }

  /** Closes the file of a segment whose folder is about to go. */
  discard(): void {
    this.#log.discard()
  }

  /** The log goes first: without it the others are worthless, and the next opening removes them. */
  remove(): void {
    this.#log.remove()
    this.#indexes.remove()
  }

  /** Renames all four files, the log first: side files that a crash leaves behind are built anew. */
  rename(suffix: string): void {
    this.#log.rename(this.#path(suffix))
    this.#indexes.rename(suffix)
  }

  /** For SegmentIndexes. Rot in the middle ends the index there: who reads on will walk into it and hear that it is corrupt. */
  rebuildIndexes(): void {
    this.rebuild(() => true)
    this.timeIndex.maybeAppend(this.maxTimestamp, this.#offsetOfMaxTimestamp)
  }

  /** For SegmentIndexes. */
  findAborted(): AbortedTransaction[] {
    return this.#home.abortedIn(this)
  }

  #startEmpty(): void {
    this.#indexes.reset()
    this.#indexes.resetTransactions()
    this.#maxTimestamp = NO_TIMESTAMP
  }

  #path(suffix: string): string {
    return `${this.#home.directory}/${fileName(this.baseOffset, LOG_SUFFIX)}${suffix}`
  }

  #waited(maxTimestamp: number, now: number): number {
    const first = this.firstTimestamp ?? NO_TIMESTAMP
    return first >= 0 ? maxTimestamp - first : now - this.#created
  }

  #readAt(position: number, bytes: number): Buffer {
    return this.#fill(Buffer.allocUnsafeSlow(Math.min(bytes, this.#size - position)), position)
  }

  #readIntoPool(position: number, bytes: number): Buffer {
    return this.#fill(this.#home.files.readBuffers.take(Math.min(bytes, this.#size - position)), position)
  }

  #fill(into: Buffer, position: number): Buffer {
    const read = this.#log.read(into, position)
    return read === into.length ? into : into.subarray(0, read)
  }

  #cutAt(position: number): void {
    this.#log.truncate(position)
    this.#size = position
    this.#unverified = Math.min(this.#unverified, position)
    this.#verified = Math.min(this.#verified, position)
    this.#hints.length = 0
    this.#nextHint = 0
  }

  #note(batch: RecordBatch, position: number): void {
    this.#noteTimestamp(batch)
    if (this.#bytesSinceEntry > this.#home.config.indexIntervalBytes) {
      this.offsetIndex.append(batch.lastOffset, position)
      this.timeIndex.maybeAppend(this.maxTimestamp, this.#offsetOfMaxTimestamp)
      this.#bytesSinceEntry = 0
    }
    this.#bytesSinceEntry += batch.sizeInBytes
  }

  #noteTimestamp(batch: RecordBatch): void {
    if (batch.maxTimestamp <= this.maxTimestamp) return
    this.#maxTimestamp = batch.maxTimestamp
    this.#offsetOfMaxTimestamp = batch.lastOffset
  }

  #locate(offset: number): number | undefined {
    const hint = this.#hints.find((candidate) => candidate.offset === offset)
    if (hint !== undefined) return hint.position < this.#size ? hint.position : undefined
    const slot = this.offsetIndex.lookup(offset)
    if (slot < 0) return this.#search(0, offset)
    const position = this.offsetIndex.positionOf(slot)
    const header = this.#readAt(position, BATCH_HEADER_BYTES)
    const leadsToBatch = header.length === BATCH_HEADER_BYTES && isSound(header, 0, this.baseOffset)
    if (leadsToBatch && lastOffsetAt(header, 0) === this.offsetIndex.offsetOf(slot))
      return this.#search(position, offset)
    this.#indexes.repair()
    return this.#search(this.positionBefore(offset), offset)
  }

  #search(from: number, offset: number): number | undefined {
    let position = from
    while (position < this.#size) {
      const block = this.#readAt(position, LOCATE_BYTES)
      let at = 0
      while (at + BATCH_HEADER_BYTES <= block.length) {
        if (!isSound(block, at, this.baseOffset)) throw new CorruptSegment(`${this.#log.path} at ${position + at}`)
        if (lastOffsetAt(block, at) >= offset) return position + at
        at += sizeAt(block, at)
      }
      if (at === 0 || position + at > this.#size) throw new CorruptSegment(`${this.#log.path} at ${position}`)
      position += at
    }
    return undefined
  }

  #soundSizeAt(bytes: Buffer, position: number, limit: number): number {
    const size = bytes.length >= BATCH_HEADER_BYTES && isSound(bytes, 0, this.baseOffset) ? sizeAt(bytes, 0) : 0
    if (size === 0 || position + size > this.#size || lastOffsetAt(bytes, 0) >= limit)
      throw new CorruptSegment(`${this.#log.path} at ${position}`)
    return size
  }

  #wholeBatches(bytes: Buffer, position: number, offset: number, endOffset: number): SegmentRead {
    let at = 0
    let nextOffset = this.baseOffset
    while (at + BATCH_HEADER_BYTES <= bytes.length && isSound(bytes, at, nextOffset)) {
      const end = at + sizeAt(bytes, at)
      if (end > bytes.length || baseOffsetAt(bytes, at) >= endOffset) break
      if (this.#mustVerify(position + at) && !crcMatches(bytes, at, end)) {
        if (at > 0) break
        throw new CorruptSegment(`${this.#log.path} at ${position}: the batch does not match its CRC`)
      }
      nextOffset = lastOffsetAt(bytes, at) + 1
      at = end
    }
    if (at === 0) return { bytes: EMPTY, nextOffset: offset }
    if (position <= this.#verified) this.#verified = Math.max(this.#verified, position + at)
    this.#hint(nextOffset, position + at)
    return { bytes: at === bytes.length ? bytes : bytes.subarray(0, at), nextOffset }
  }

  #mustVerify(position: number): boolean {
    return position >= this.#verified && position < this.#unverified
  }

  #hint(offset: number, position: number): void {
    this.#hints[this.#nextHint] = { offset, position }
    this.#nextHint = (this.#nextHint + 1) % HINTS
  }
}

function crcMatches(bytes: Buffer, at: number, end: number): boolean {
  return crc32c(bytes.subarray(at + HEADER.attributes, end)) === bytes.readUInt32BE(at + HEADER.crc)
}

function firstRecordAt(batch: RecordBatch, timestamp: number, startOffset: number): TimestampOffset | undefined {
  const cursor = new RecordCursor(batch.recordSection(INFLATED_BYTES_MAX))
  const { baseOffset, baseTimestamp, maxTimestamp, partitionLeaderEpoch: leaderEpoch } = batch
  const isLogAppendTime = batch.timestampType === 'LogAppendTime'
  while (cursor.next()) {
    const offset = baseOffset + cursor.offsetDelta
    const time = isLogAppendTime ? maxTimestamp : baseTimestamp + cursor.timestampDelta
    if (time >= timestamp && offset >= startOffset) return { timestamp: time, offset, leaderEpoch }
  }
  return undefined
}
