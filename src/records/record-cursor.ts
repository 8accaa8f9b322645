import { RECORD_BYTES_MIN } from './record-reader.ts'
import { corrupt } from './records-error.ts'
import { sizeAt, valueOfSize } from './varint.ts'

/**
 * Stands on one record of an inflated section of magic 2 after another, and is one object for all of them.
 *
 * 1. While `isAtRecord`, the positions are those of a whole record within the section, and its two deltas are decoded.
 * 2. Offset deltas ascend and stay within the batch's span; so `count` records over a span of `count` are dense.
 * 3. After the last of `count` records the section is at its end.
 *
 *   at: length varint · start: attributes, timestamp delta · offsetAt: delta · tailAt: key, value, headers · end
 */
export class RecordCursor {
  readonly section: Buffer
  readonly #count: number
  readonly #lastOffsetDelta: number
  #index = 0
  isAtRecord = false
  at = 0
  start = 0
  offsetAt = 0
  tailAt = 0
  end = 0
  timestampDelta = 0
  offsetDelta = -1

  constructor(section: Buffer, count: number, lastOffsetDelta: number) {
    if (count < 0 || count * RECORD_BYTES_MIN > section.length) {
      throw corrupt(`${count} records cannot fit in ${section.length} bytes`)
    }
    this.section = section
    this.#count = count
    this.#lastOffsetDelta = lastOffsetDelta
    this.next()
  }

  next(): void {
    const { section, end: at } = this
    this.isAtRecord = this.#index < this.#count
    if (!this.isAtRecord) {
      if (at !== section.length) throw corrupt(`${section.length - at} bytes follow the last of ${this.#count} records`)
      return
    }
    const lengthSize = sizeAt(section, at, section.length)
    const length = valueOfSize(section, at, lengthSize)
    const start = at + lengthSize
    const end = start + length
    if (length < RECORD_BYTES_MIN - 1 || end > section.length) {
      throw corrupt(`record ${this.#index} announces ${length} bytes, ${section.length - start} are left`)
    }
    const timestampSize = sizeAt(section, start + 1, end)
    const offsetAt = start + 1 + timestampSize
    const offsetSize = sizeAt(section, offsetAt, end)
    const offsetDelta = valueOfSize(section, offsetAt, offsetSize)
    if (offsetDelta <= this.offsetDelta || offsetDelta > this.#lastOffsetDelta) {
      throw corrupt(
        `offset delta ${offsetDelta} after ${this.offsetDelta} in a batch that ends at ${this.#lastOffsetDelta}`,
      )
    }
    this.at = at
    this.start = start
    this.timestampDelta = valueOfSize(section, start + 1, timestampSize)
    this.offsetAt = offsetAt
    this.offsetDelta = offsetDelta
    this.tailAt = offsetAt + offsetSize
    this.end = end
    this.#index++
  }

  /** Goes on behind `count` records, the present one first, that were read elsewhere and end at `end`. */
  skip(count: number, end: number): void {
    if (count === 0) return
    this.#index += count - 1
    this.offsetDelta += count - 1
    this.end = end
    this.next()
  }

  /** A place to come back to, for a piece that turned out too large. */
  mark(): CursorMark {
    return { at: this.at, index: this.#index - 1 }
  }

  returnTo(mark: CursorMark): void {
    this.end = mark.at
    this.#index = mark.index
    this.offsetDelta = -1
    this.next()
  }
}

export interface CursorMark {
  readonly at: number
  readonly index: number
}
