// The sparse map of one segment from timestamps to offsets, in the bytes of Kafka's `.timeindex` file.
//
// An entry is a timestamp (int64) and a relative offset (int32): up to and with the batch that ends at that offset, no record is
// later than that timestamp. The last entry of a closed segment is its greatest timestamp.
import { readTimestamp, writeInt64 } from '../../records/int64.ts'

// Invariants:
// 1. Timestamps rise strictly from entry to entry; offsets never fall.
// 2. A segment whose records carry no timestamp (−1) has no entries.
const ENTRY_BYTES = 12
const FIRST_ENTRIES = 16
const EMPTY = Buffer.alloc(0)
const NO_TIMESTAMP = -1

export class TimeIndex {
  readonly baseOffset: number
  #entries: Buffer
  #count: number

  constructor(baseOffset: number, entries: Buffer = EMPTY) {
    this.baseOffset = baseOffset
    this.#entries = entries
    this.#count = entries.length / ENTRY_BYTES
  }

  /** Reads a file's content; undefined when it cannot be a time index. */
  static parse(baseOffset: number, content: Buffer): TimeIndex | undefined {
    if (content.length % ENTRY_BYTES !== 0) return undefined
    let timestamp = NO_TIMESTAMP
    let offset = 0
    for (let at = 0; at < content.length; at += ENTRY_BYTES) {
      const nextTimestamp = readTimestamp(content, at)
      const nextOffset = content.readInt32BE(at + 8)
      if (nextTimestamp <= timestamp || nextOffset < offset) return undefined
      timestamp = nextTimestamp
      offset = nextOffset
    }
    return new TimeIndex(baseOffset, content)
  }

  get count(): number {
    return this.#count
  }

  get sizeInBytes(): number {
    return this.#count * ENTRY_BYTES
  }

  /** The file's content: a view, good until the next change. */
  get bytes(): Buffer {
    return this.#entries.subarray(0, this.sizeInBytes)
  }

  get lastTimestamp(): number {
    return this.#count === 0 ? NO_TIMESTAMP : this.timestampOf(this.#count - 1)
  }

  get lastOffset(): number {
    return this.#count === 0 ? this.baseOffset : this.offsetOf(this.#count - 1)
  }

  timestampOf(slot: number): number {
    return readTimestamp(this.#entries, slot * ENTRY_BYTES)
  }

  offsetOf(slot: number): number {
    return this.baseOffset + this.#entries.readInt32BE(slot * ENTRY_BYTES + 8)
  }

  /** One place stays free for the entry that closing the segment writes. */
  isFull(maxBytes: number): boolean {
    return this.#count >= Math.floor(maxBytes / ENTRY_BYTES) - 1
  }

  /** Notes that no record up to `offset` is later than `timestamp`, if that says more than the last entry. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp) return
    const at = this.sizeInBytes
    if (at === this.#entries.length) this.#grow()
    writeInt64(this.#entries, timestamp, at)
    this.#entries.writeInt32BE(offset - this.baseOffset, at + 8)
    this.#count++
  }

  /** An offset before which every record is earlier than `timestamp`. */
  lookup(timestamp: number): number {
    let low = -1
    let high = this.#count - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.timestampOf(middle) <= timestamp) low = middle
      else high = middle - 1
    }
    return low < 0 ? this.baseOffset : this.offsetOf(low)
  }

  /** Keeps the entries below `offset`. */
  truncateTo(offset: number): void {
    while (this.#count > 0 && this.offsetOf(this.#count - 1) >= offset) this.#count--
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_ENTRIES * ENTRY_BYTES, this.#entries.length * 2))
    this.#entries.copy(grown)
    this.#entries = grown
  }
}
