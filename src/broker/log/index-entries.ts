// What the offset index and the time index have in common: entries of one size, sorted, in the bytes of their file.

// Invariants:
// 1. The first `count` entries of the buffer are the index; `bytes` are the content of its file.
// 2. Bytes are held only for entries that exist, rounded up by doubling: an idle partition holds none.
const FIRST_ENTRIES = 32
const EMPTY = Buffer.alloc(0)

export class IndexEntries {
  readonly #entryBytes: number
  #buffer: Buffer
  #count: number

  /** Takes over the content of a file, if there is one. */
  constructor(entryBytes: number, content: Buffer = EMPTY) {
    this.#entryBytes = entryBytes
    this.#buffer = content
    this.#count = content.length / entryBytes
  }

  get count(): number {
    return this.#count
  }

  get sizeInBytes(): number {
    return this.#count * this.#entryBytes
  }

  /** The entries, and what room there is behind them. */
  get buffer(): Buffer {
    return this.#buffer
  }

  /** The file's content: a view, good until the next change. */
  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.sizeInBytes)
  }

  /** Makes room for one more entry behind the last and returns where it stands in `buffer`. */
  add(): number {
    const at = this.sizeInBytes
    if (at === this.#buffer.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(FIRST_ENTRIES * this.#entryBytes, this.#buffer.length * 2))
      this.#buffer.copy(grown)
      this.#buffer = grown
    }
    this.#count++
    return at
  }

  /** Forgets the entries from `count` on. */
  keep(count: number): void {
    this.#count = Math.min(this.#count, count)
  }

  /** The slot of the last entry whose key is at or below `wanted`; −1 when there is none. Keys rise from slot to slot. */
  floor(wanted: number, keyOf: (slot: number) => number): number {
    let low = -1
    let high = this.#count - 1
    while (low < high) {
      const middle = Math.ceil((low + high) / 2)
      if (keyOf(middle) <= wanted) low = middle
      else high = middle - 1
    }
    return low
  }
}
