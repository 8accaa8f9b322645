// The newest offset of each key in the part of a log that one compaction round looks at.

const KEYS_MAX = 1_000_000
const KEY_BYTES_MAX = 128 * 1024 * 1024

// Invariants:
// 1. Every key of a record at or below `latestOffset` and at or above the round's start is here, with its newest offset (which
//    may lie above `latestOffset`, when the map filled up in the middle of a batch).
// 2. Never more than `keysMax` keys or KEY_BYTES_MAX bytes of them: a round that does not fit ends early, the next goes on.
export class KeyMap {
  readonly #offsets = new Map<string, number>()
  readonly #keysMax: number
  #bytes = 0
  latestOffset: number

  constructor(startOffset: number, keysMax = KEYS_MAX) {
    this.latestOffset = startOffset - 1
    this.#keysMax = keysMax
  }

  /** −1 when the key is not there. */
  get(key: Buffer): number {
    return this.#offsets.get(key.toString('latin1')) ?? -1
  }

  /** False when the map is full. Offsets come in rising order. */
  put(key: Buffer, offset: number): boolean {
    const text = key.toString('latin1')
    if (!this.#offsets.has(text)) {
      if (this.#offsets.size >= this.#keysMax || this.#bytes + text.length > KEY_BYTES_MAX) return false
      this.#bytes += text.length
    }
    this.#offsets.set(text, offset)
    return true
  }
}
