import { writeHeader } from './batch-builder.ts'
import { CODECS, type Codec, compress } from './compression/index.ts'
import { HEADER } from './record-batch.ts'
import type { RecordCursor } from './record-cursor.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** So much of a source is brought into the output at once: it stays in the processor's cache until it is in place. */
const CHUNK_BYTES = 64 * 1024
/** Room ahead of a chunk for records that grow; used up, the rest of the chunk is brought in again. */
const SLACK_BYTES = CHUNK_BYTES / 8

/**
 * Writes records one after the other with offset deltas 0, 1, 2, …; bodies are moved as they are. Neighbouring records
 * whose deltas keep their width are patched in place and moved together, so most records cost no copy of their own.
 *
 * 1. The output holds `count` finished records up to `#end`, then the pending ones, then room.
 * 2. Section byte i, for `#pendingFrom` ≤ i < `#loadedEnd`, lies in the output at i + `#displacement`, and nothing is
 *    written there but deltas of pending records.
 * 3. `#end` never passes `#pendingFrom + #displacement`: what is not yet read is not overwritten.
 * 4. The source is never written.
 */
export class DenseWriter {
  #output: Buffer
  #end: number = HEADER.records
  #section: Buffer | undefined
  #pendingFrom = 0
  #pendingTo = 0
  #displacement = 0
  #loadedEnd = 0
  #slack = 0
  count = 0

  /** `bytesExpected` spares regrowing and is no limit. */
  constructor(bytesExpected: number) {
    this.#output = Buffer.allocUnsafe(HEADER.records + bytesExpected)
  }

  /** The uncompressed batch's size so far. */
  get sizeInBytes(): number {
    return this.#end + this.#pendingTo - this.#pendingFrom
  }

  /**
   * Appends the cursor's record; without a timestamp delta its own stays, byte for byte. Refuses, and changes nothing, when
   * the batch would pass `maxBytes`; the first record is always taken.
   */
  append(cursor: RecordCursor, timestampDelta: number | undefined, maxBytes: number): boolean {
    const { count } = this
    const { start, offsetAt, tailAt, end } = cursor
    const oldPrefix = tailAt - start
    const offsetSize = varintSize(count)
    const timestampSize = timestampDelta === undefined ? offsetAt - start - 1 : varlongSize(timestampDelta)
    const newPrefix = 1 + timestampSize + offsetSize
    const bodySize = newPrefix + end - tailAt
    if (this.sizeInBytes + varintSize(bodySize) + bodySize > maxBytes && count > 0) return false
    if (newPrefix === oldPrefix && timestampSize === offsetAt - start - 1) {
      this.#appendInPlace(cursor, timestampDelta)
    } else {
      this.#appendMoved(cursor, timestampDelta, bodySize)
    }
    this.count = count + 1
    return true
  }

  /** Closes the batch: dense, base offset 0, no producer, CreateTime. `baseTimestamp` is copied as it lies. */
  finish(codec: Codec, baseTimestamp: Buffer, maxTimestamp: number): Buffer {
    this.#flush()
    let bytes = this.#output.subarray(0, this.#end)
    if (codec !== 'none') {
      const section = compress(codec, bytes.subarray(HEADER.records))
      bytes = Buffer.allocUnsafe(HEADER.records + section.length)
      section.copy(bytes, HEADER.records)
    }
    writeHeader(bytes, {
      baseOffset: 0,
      partitionLeaderEpoch: -1,
      attributes: CODECS.indexOf(codec),
      lastOffsetDelta: this.count - 1,
      baseTimestamp,
      maxTimestamp,
      producerId: -1,
      producerEpoch: -1,
      baseSequence: -1,
      count: this.count,
    })
    return bytes
  }

  #appendInPlace(cursor: RecordCursor, timestampDelta: number | undefined): void {
    if (cursor.section !== this.#section || cursor.end > this.#loadedEnd) this.#load(cursor)
    if (cursor.at !== this.#pendingTo) {
      this.#flush()
      this.#pendingFrom = cursor.at
    }
    const output = this.#output
    if (timestampDelta !== undefined) writeVarlong(output, timestampDelta, cursor.start + 1 + this.#displacement)
    writeVarint(output, this.count, cursor.offsetAt + this.#displacement)
    this.#pendingTo = cursor.end
  }

  #appendMoved(cursor: RecordCursor, timestampDelta: number | undefined, bodySize: number): void {
    const { section, tailAt, end } = cursor
    if (this.#pendingTo !== this.#pendingFrom) this.#flush()
    const tailSize = end - tailAt
    if (
      section !== this.#section ||
      end > this.#loadedEnd ||
      this.#end + varintSize(bodySize) + bodySize - tailSize > tailAt + this.#displacement
    ) {
      this.#slack = SLACK_BYTES
      this.#load(cursor)
    }
    const output = this.#output
    let at = writeVarint(output, bodySize, this.#end)
    output[at++] = section[cursor.start]!
    if (timestampDelta !== undefined) {
      at = writeVarlong(output, timestampDelta, at)
    } else {
      for (let from = cursor.start + 1; from < cursor.offsetAt; from++) output[at++] = section[from]!
    }
    at = writeVarint(output, this.count, at)
    output.copyWithin(at, tailAt + this.#displacement, end + this.#displacement)
    this.#end = at + tailSize
    this.#pendingFrom = end
    this.#pendingTo = end
  }

  /** Moves the pending records to where they belong. */
  #flush(): void {
    const from = this.#pendingFrom + this.#displacement
    const length = this.#pendingTo - this.#pendingFrom
    if (length > 0 && from !== this.#end) this.#output.copyWithin(this.#end, from, from + length)
    this.#end += length
    this.#pendingFrom = this.#pendingTo
  }

  /** Brings the section's bytes from the cursor's record on behind the finished records. */
  #load(cursor: RecordCursor): void {
    this.#flush()
    const { section, at } = cursor
    const loadedEnd = Math.min(section.length, Math.max(at + CHUNK_BYTES, cursor.end))
    const place = this.#end + this.#slack
    this.#reserve(place + loadedEnd - at)
    section.copy(this.#output, place, at, loadedEnd)
    this.#section = section
    this.#displacement = place - at
    this.#loadedEnd = loadedEnd
    this.#pendingFrom = at
    this.#pendingTo = at
  }

  #reserve(byteCount: number): void {
    if (byteCount <= this.#output.length) return
    const grown = Buffer.allocUnsafe(byteCount + (this.#end >>> 2))
    this.#output.copy(grown, 0, 0, this.#end)
    this.#output = grown
  }
}
