// The sparse map of one segment from offsets to file positions, in the bytes of Kafka's `.index` file.
//
// An entry is a relative offset (int32) and a position (int32): the batch at that position ends with that offset. So the
// greatest entry at or below an offset says where to begin walking towards it.

// Invariants:
// 1. Offsets and positions both rise strictly from entry to entry.
// 2. Every position is the start of a whole batch of the segment.
// 3. Bytes are held only for entries that exist, rounded up by doubling: an idle partition holds none.
const ENTRY_BYTES = 8
const FIRST_ENTRIES = 32
const EMPTY = Buffer.alloc(0)

export class OffsetIndex {
  readonly baseOffset: number
  #entries: Buffer
  #count: number

  constructor(baseOffset: number, entries: Buffer = EMPTY) {
    this.baseOffset = baseOffset
    this.#entries = entries
    this.#count = entries.length / ENTRY_BYTES
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

  get lastOffset(): number {
    return this.#count === 0 ? this.baseOffset : this.offsetOf(this.#count - 1)
  }

  /** Where a walk that is to pass every batch after the last entry must start. */
  get lastPosition(): number {
    return this.#count === 0 ? 0 : this.positionOf(this.#count - 1)
  }

  offsetOf(slot: number): number {
    return this.baseOffset + this.#entries.readInt32BE(slot * ENTRY_BYTES)
  }

  positionOf(slot: number): number {
    return this.#entries.readInt32BE(slot * ENTRY_BYTES + 4)
  }

  isFull(maxBytes: number): boolean {
    return this.#count >= Math.floor(maxBytes / ENTRY_BYTES)
  }

  append(offset: number, position: number): void {
    if (this.#count > 0 && offset <= this.lastOffset)
      throw new Error(`offset index: ${offset} after ${this.lastOffset}`)
    const at = this.sizeInBytes
    if (at === this.#entries.length) this.#grow()
    this.#entries.writeInt32BE(offset - this.baseOffset, at)
    this.#entries.writeInt32BE(position, at + 4)
    this.#count++
  }

  /** The slot of the greatest entry at or below `offset`; −1 when there is none. */
  lookup(offset: number): number {
    let low = -1
    let high = this.#count - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (this.offsetOf(middle) <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Keeps the entries of batches that end before `offset`. */
  truncateTo(offset: number): void {
    const slot = this.lookup(offset)
    const keep = slot >= 0 && this.offsetOf(slot) === offset ? slot : slot + 1
    this.#count = keep
  }

  #grow(): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_ENTRIES * ENTRY_BYTES, this.#entries.length * 2))
    this.#entries.copy(grown)
    this.#entries = grown
  }
}
