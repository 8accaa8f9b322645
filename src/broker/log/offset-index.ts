// The sparse map of one segment from offsets to file positions, in the bytes of Kafka's `.index` file.
//
// An entry is a relative offset (int32) and a position (int32): the batch at that position ends with that offset. So the
// greatest entry at or below an offset says where to begin walking towards it.
import { IndexEntries } from './index-entries.ts'

// Invariants:
// 1. Offsets and positions both rise strictly from entry to entry.
// 2. Every position is the start of a whole batch of the segment.
const ENTRY_BYTES = 8

export class OffsetIndex {
  readonly baseOffset: number
  readonly entries: IndexEntries

  constructor(baseOffset: number, content?: Buffer) {
    this.baseOffset = baseOffset
    this.entries = new IndexEntries(ENTRY_BYTES, content)
  }

  /** Reads a file's content; undefined when it cannot be the index of a segment of that size. */
  static parse(baseOffset: number, content: Buffer, segmentBytes: number): OffsetIndex | undefined {
    if (content.length % ENTRY_BYTES !== 0) return undefined
    let offset = -1
    let position = -1
    for (let at = 0; at < content.length; at += ENTRY_BYTES) {
      const nextOffset = content.readInt32BE(at)
      const nextPosition = content.readInt32BE(at + 4)
      if (nextOffset <= offset || nextPosition <= position || nextPosition >= segmentBytes) return undefined
      offset = nextOffset
      position = nextPosition
    }
    return new OffsetIndex(baseOffset, content)
  }

  /** Where a walk that is to pass every batch after the last entry must start. */
  get lastPosition(): number {
    const { count } = this.entries
    return count === 0 ? 0 : this.positionOf(count - 1)
  }

  offsetOf(slot: number): number {
    return this.baseOffset + this.entries.buffer.readInt32BE(slot * ENTRY_BYTES)
  }

  positionOf(slot: number): number {
    return this.entries.buffer.readInt32BE(slot * ENTRY_BYTES + 4)
  }

  isFull(maxBytes: number): boolean {
    return this.entries.count >= Math.floor(maxBytes / ENTRY_BYTES)
  }

  append(offset: number, position: number): void {
    const { count } = this.entries
    if (count > 0 && offset <= this.offsetOf(count - 1))
      throw new Error(`offset index: ${offset} after ${this.offsetOf(count - 1)}`)
    const at = this.entries.add()
    const { buffer } = this.entries
    buffer.writeInt32BE(offset - this.baseOffset, at)
    buffer.writeInt32BE(position, at + 4)
  }

  /** The slot of the greatest entry at or below `offset`; −1 when there is none. */
  lookup(offset: number): number {
    return this.entries.floor(offset, (slot) => this.offsetOf(slot))
  }

  /** Keeps the entries of batches that end before `offset`. */
  truncateTo(offset: number): void {
    this.entries.keep(this.lookup(offset - 1) + 1)
  }
}
