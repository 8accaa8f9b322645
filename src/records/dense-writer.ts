import { writeHeader } from './batch-builder.ts'
import { CODECS, type Codec, compress } from './compression/index.ts'
import { HEADER } from './record-batch.ts'
import type { RecordCursor } from './record-cursor.ts'
import { sizeOfShort, valueOfShort, varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

/** So much of a source is brought into the output at once: it stays in the processor's cache until it is in place. */
const CHUNK_BYTES = 64 * 1024
/** Varints of up to three bytes are short, and so are values below this. */
const SHORT_MAX = 1 << 20
/** Length, attributes, timestamp delta and offset delta are 4 + 1 + 3 + 3 bytes when short; the rest spares checks. */
const SHORT_PREFIX_MAX = 16

/**
 * Writes records one after the other with offset deltas 0, 1, 2, …; bodies are moved as they are. A chunk of the source is
 * copied behind the output first and its records are moved from there, since moving within a buffer costs half of what
 * copying between two does.
 *
 * 1. The output holds `count` finished records up to `#end`, then room.
 * 2. Section byte i, from the first record not finished up to `#loadedEnd`, lies in the output at i + `#displacement`.
 * 3. `#end` never passes such a byte: what is not yet moved is not overwritten.
 * 4. The source is never written.
 */
export class DenseWriter {
  #output: Buffer
  #end: number = HEADER.records
  #section: Buffer | undefined
  #displacement = 0
  #loadedEnd = 0
  count = 0

  /** `bytesExpected` spares regrowing and is no limit. */
  constructor(bytesExpected: number, allocate: (bytes: number) => Buffer = Buffer.allocUnsafe) {
    this.#output = allocate(HEADER.records + bytesExpected + slackFor(bytesExpected))
  }

  /** The uncompressed batch's size so far. */
  get sizeInBytes(): number {
    return this.#end
  }

  /**
   * Appends the cursor's record; without a timestamp delta its own stays, byte for byte. Refuses, and changes nothing, when
   * the batch would pass `maxBytes`; the first record is always taken.
   */
  append(cursor: RecordCursor, timestampDelta: number | undefined, maxBytes: number): boolean {
    const { count } = this
    const { section, start, offsetAt, tailAt, end } = cursor
    const tailSize = end - tailAt
    const timestampSize = timestampDelta === undefined ? offsetAt - start - 1 : varlongSize(timestampDelta)
    const bodySize = 1 + timestampSize + varintSize(count) + tailSize
    const size = varintSize(bodySize) + bodySize
    if (this.#end + size > maxBytes && count > 0) return false
    if (
      section !== this.#section ||
      end > this.#loadedEnd ||
      this.#end + size - tailSize > tailAt + this.#displacement
    ) {
      this.#load(cursor)
    }
    const output = this.#output
    let at = writeVarint(output, bodySize, this.#end)
    output[at++] = section[start]!
    if (timestampDelta !== undefined) {
      at = writeVarlong(output, timestampDelta, at)
    } else {
      for (let from = start + 1; from < offsetAt; from++) output[at++] = section[from]!
    }
    at = writeVarint(output, count, at)
    output.copyWithin(at, tailAt + this.#displacement, end + this.#displacement)
    this.#end = at + tailSize
    this.count = count + 1
    return true
  }

  /**
   * Appends records while they are plain: offsets follow each other, varints are short, nothing needs a decision. Stops
   * before the first that is not, or that might pass `maxBytes`, or at the end of a chunk, and leaves the cursor there:
   * `append` judges. One loop over local variables, since joining lives by it. Returns the largest timestamp delta taken.
   */
  appendNeighbours(cursor: RecordCursor, timestampShift: number, maxBytes: number): number {
    this.#load(cursor)
    const { section } = cursor
    const output = this.#output
    const displacement = this.#displacement
    const loadedEnd = this.#loadedEnd
    const shift = timestampShift | 0
    let maxDelta = Number.NEGATIVE_INFINITY
    let { at, offsetDelta } = cursor
    let { count } = this
    let filled = this.#end
    for (const limit = loadedEnd - SHORT_PREFIX_MAX; at < limit; offsetDelta++) {
      const start = at + sizeOfShort(section, at)
      const end = start + valueOfShort(section, at)
      const offsetAt = start + 1 + sizeOfShort(section, start + 1)
      const timestampDelta = valueOfShort(section, start + 1) + shift
      const tailAt = offsetAt + sizeOfShort(section, offsetAt)
      const tailSize = end - tailAt
      if (valueOfShort(section, offsetAt) !== offsetDelta || tailSize <= 0 || end > loadedEnd) break
      if (timestampDelta >= SHORT_MAX || timestampDelta <= -SHORT_MAX) break
      if (filled + SHORT_PREFIX_MAX > tailAt + displacement || filled + SHORT_PREFIX_MAX + tailSize > maxBytes) break
      filled = writeVarint(output, 1 + varintSize(timestampDelta) + varintSize(count) + tailSize, filled)
      output[filled++] = section[start]!
      filled = writeVarint(output, timestampDelta, filled)
      filled = writeVarint(output, count++, filled)
      output.copyWithin(filled, tailAt + displacement, end + displacement)
      filled += tailSize
      if (timestampDelta > maxDelta) maxDelta = timestampDelta
      at = end
    }
    cursor.skip(count - this.count, at)
    this.#end = filled
    this.count = count
    return maxDelta
  }

  /** Closes the batch: dense, base offset 0, no producer, CreateTime. `baseTimestamp` is copied as it lies. */
  finish(codec: Codec, baseTimestamp: Buffer, maxTimestamp: number): Buffer {
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

  /** Brings the section's bytes from the cursor's record on behind the output, with room for records that grow. */
  #load(cursor: RecordCursor): void {
    const { section, at } = cursor
    const loadedEnd = Math.min(section.length, Math.max(at + CHUNK_BYTES, cursor.end))
    const place = this.#end + slackFor(loadedEnd - at)
    this.#reserve(place + loadedEnd - at)
    section.copy(this.#output, place, at, loadedEnd)
    this.#section = section
    this.#displacement = place - at
    this.#loadedEnd = loadedEnd
  }

  #reserve(byteCount: number): void {
    if (byteCount <= this.#output.length) return
    const grown = Buffer.allocUnsafe(byteCount + (this.#end >>> 2))
    this.#output.copy(grown, 0, 0, this.#end)
    this.#output = grown
  }
}

/** Room ahead of a chunk, never less than one record's growth; when it is used up the rest of the chunk is loaded again. */
function slackFor(byteCount: number): number {
  return 2 * SHORT_PREFIX_MAX + (Math.min(byteCount, CHUNK_BYTES) >>> 3)
}
