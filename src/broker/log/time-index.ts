// The sparse map of one segment from timestamps to offsets, in the bytes of Kafka's `.timeindex` file.
//
// An entry is a timestamp (int64) and a relative offset (int32): up to and with the batch that ends at that offset, no record is
// later than that timestamp. The last entry of a closed segment is its greatest timestamp.
import { readTimestamp, writeInt64 } from '../../records/int64.ts'
import { IndexEntries } from './index-entries.ts'

// Invariants:
// 1. Timestamps rise strictly from entry to entry; offsets never fall.
// 2. A segment whose records carry no timestamp (−1) has no entries.
const ENTRY_BYTES = 12
const NO_TIMESTAMP = -1

export class TimeIndex {
  readonly baseOffset: number
  readonly entries: IndexEntries

  constructor(baseOffset: number, content?: Buffer) {
    this.baseOffset = baseOffset
    this.entries = new IndexEntries(ENTRY_BYTES, content)
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

  get lastTimestamp(): number {
    const { count } = this.entries
    return count === 0 ? NO_TIMESTAMP : this.timestampOf(count - 1)
  }

  get lastOffset(): number {
    const { count } = this.entries
    return count === 0 ? this.baseOffset : this.offsetOf(count - 1)
  }

  timestampOf(slot: number): number {
    return readTimestamp(this.entries.buffer, slot * ENTRY_BYTES)
  }

  offsetOf(slot: number): number {
    return this.baseOffset + this.entries.buffer.readInt32BE(slot * ENTRY_BYTES + 8)
  }

  /** One place stays free for the entry that closing the segment writes. */
  isFull(maxBytes: number): boolean {
    return this.entries.count >= Math.floor(maxBytes / ENTRY_BYTES) - 1
  }

  /** Notes that no record up to `offset` is later than `timestamp`, if that says more than the last entry. */
  maybeAppend(timestamp: number, offset: number): void {
    if (timestamp <= this.lastTimestamp) return
    const at = this.entries.add()
    const { buffer } = this.entries
    writeInt64(buffer, timestamp, at)
    buffer.writeInt32BE(offset - this.baseOffset, at + 8)
  }

  /** An offset before which every record is earlier than `timestamp`. */
  lookup(timestamp: number): number {
    const slot = this.entries.floor(timestamp, (candidate) => this.timestampOf(candidate))
    return slot < 0 ? this.baseOffset : this.offsetOf(slot)
  }

  /** Keeps the entries below `offset`. */
  truncateTo(offset: number): void {
    this.entries.keep(this.entries.floor(offset - 1, (slot) => this.offsetOf(slot)) + 1)
  }
}
