// Buffers for frames, and for what is read from a log into one, used again: a fetch answer of megabytes would otherwise be fresh
// memory each time, which the kernel must clear; and a thousand answers of kilobytes a second drive the collector to a full round for
// the memory outside of its heap.
//
// Invariants:
// 1. A buffer is handed out to one taker at a time, and again only after it was given back.
// 2. Free buffers take at most `freeBytesMax`; the smallest go first. What is not given back is left to the collector.

const POOLED_MIN = 1024
const POOLED_MAX = 32 * 1024 * 1024
/** Sizes are rounded up to a multiple of an eighth of their power of two, so that one buffer serves many frames. */
const STEPS = 8

export class FramePool {
  readonly #freeBytesMax: number
  /** By size. */
  readonly #free = new Map<number, ArrayBuffer[]>()
  /** Buffers that are in someone's hands. */
  readonly #taken = new WeakSet<ArrayBufferLike>()
  #freeBytes = 0

  constructor(options: { freeBytesMax: number }) {
    this.#freeBytesMax = options.freeBytesMax
  }

  get freeBytes(): number {
    return this.#freeBytes
  }

  /** A buffer of exactly this size, with any content. */
  take(bytes: number): Buffer {
    if (bytes < POOLED_MIN || bytes > POOLED_MAX) return Buffer.allocUnsafeSlow(bytes)
    const memory = this.#smallestThatFits(bytes) ?? Buffer.allocUnsafeSlow(roundedUp(bytes)).buffer
    this.#taken.add(memory)
    return Buffer.from(memory, 0, bytes)
  }

  /** Nobody reads this frame, or any part of it, any more. Frames that are not of this pool are let go. */
  give(part: Uint8Array): void {
    const memory = part.buffer as ArrayBuffer
    if (!this.#taken.delete(memory)) return
    const alike = this.#free.get(memory.byteLength)
    if (alike) alike.push(memory)
    else this.#free.set(memory.byteLength, [memory])
    this.#freeBytes += memory.byteLength
    if (this.#freeBytes > this.#freeBytesMax) this.#shrink()
  }

  /** Unless most of it would lie idle. */
  #smallestThatFits(bytes: number): ArrayBuffer | undefined {
    for (let size = roundedUp(bytes); size <= bytes * 2; size = roundedUp(size + 1)) {
      const memory = this.#free.get(size)?.pop()
      if (!memory) continue
      this.#freeBytes -= size
      return memory
    }
    return undefined
  }

  #shrink(): void {
    for (const size of [...this.#free.keys()].sort((one, other) => one - other)) {
      const alike = this.#free.get(size)!
      while (this.#freeBytes > this.#freeBytesMax && alike.pop()) this.#freeBytes -= size
      if (alike.length === 0) this.#free.delete(size)
    }
  }
}

function roundedUp(bytes: number): number {
  const step = 2 ** Math.ceil(Math.log2(bytes)) / STEPS
  return Math.ceil(bytes / step) * step
}
