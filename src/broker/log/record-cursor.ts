// Walks the records of one batch (magic 2, decompressed) and says where each part lies, without making an object per record.
//
//   length varint · attributes int8 · timestampDelta varlong · offsetDelta varint · keyLength varint · key ·
//   valueLength varint · value · headers: count varint, then per header keyLength varint · key · valueLength varint · value
import { RecordsError } from '../../records/records-error.ts'
import { readVarint, readVarlong, varintEnd } from '../../records/varint.ts'

// Invariants:
// 1. After `next` returned true, start < bodyStart < afterTimestamp < end ≤ bytes.length, and the record is bytes [start, end).
// 2. `next` returns false at the end and at the first malformed record; `isWhole` tells the two apart.
export class RecordCursor {
  readonly #bytes: Buffer
  #at: number
  #malformed = false

  /** Where the record's length stands, and where the next record begins. */
  start = 0
  end = 0
  /** Where the bytes that the length counts begin. */
  bodyStart = 0
  timestampDelta = 0
  /** Where the offset delta stands. */
  afterTimestamp = 0
  offsetDelta = 0
  keyStart = 0
  /** −1: no key. */
  keyLength = -1
  /** −1: no value, a tombstone. */
  valueLength = -1

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  /** All bytes were taken, none was out of place. */
  get isWhole(): boolean {
    return !this.#malformed && this.#at === this.#bytes.length
  }

  next(): boolean {
    if (this.#malformed || this.#at >= this.#bytes.length) return false
    try {
      this.#malformed = !this.#take()
    } catch (error) {
      if (!(error instanceof RecordsError)) throw error
      this.#malformed = true
    }
    return !this.#malformed
  }

  #take(): boolean {
    const bytes = this.#bytes
    this.start = this.#at
    const length = readVarint(bytes, this.#at, bytes.length)
    this.bodyStart = varintEnd
    this.end = varintEnd + length
    if (length < 1 || this.end > bytes.length) return false
    this.timestampDelta = readVarlong(bytes, this.bodyStart + 1, this.end)
    this.afterTimestamp = varintEnd
    this.offsetDelta = readVarint(bytes, varintEnd, this.end)
    this.keyLength = readVarint(bytes, varintEnd, this.end)
    this.keyStart = varintEnd
    this.valueLength = readVarint(bytes, varintEnd + Math.max(0, this.keyLength), this.end)
    this.#at = this.#afterHeaders(varintEnd + Math.max(0, this.valueLength))
    return this.#at === this.end
  }

  #afterHeaders(at: number): number {
    const count = readVarint(this.#bytes, at, this.end)
    let position = varintEnd
    for (let header = 0; header < count; header++) {
      const keyLength = readVarint(this.#bytes, position, this.end)
      if (keyLength < 0) return -1
      const valueLength = readVarint(this.#bytes, varintEnd + keyLength, this.end)
      position = varintEnd + Math.max(0, valueLength)
    }
    return count < 0 ? -1 : position
  }
}
