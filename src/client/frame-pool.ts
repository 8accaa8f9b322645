// Buffers for large frames, used again: a fetch answer of megabytes would otherwise be fresh memory each time, which the kernel
// must clear, and which drives the collector to run for it.
//
// Invariants:
// 1. A buffer is handed out to one taker at a time, and again only after it was given back.
// 2. Free buffers take at most `freeBytesMax`; the smallest goes first. What is not given back is left to the collector.

const POOLED_MIN = 64 * 1024
const POOLED_MAX = 32 * 1024 * 1024
/** Sizes are rounded up to a multiple of an eighth of their power of two, so that one buffer serves many frames. */
const STEPS = 8

export class FramePool {
  readonly #freeBytesMax: number
  /** By size, ascending. */
  readonly #free: ArrayBuffer[] = []
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
    // The smallest that fits, unless most of it would lie idle.
    const index = this.#free.findIndex(({ byteLength }) => byteLength >= bytes)
    const fits = index >= 0 && this.#free[index]!.byteLength <= bytes * 2
    const memory = fits ? this.#free.splice(index, 1)[0]! : Buffer.allocUnsafeSlow(roundedUp(bytes)).buffer
    if (fits) this.#freeBytes -= memory.byteLength
    this.#taken.add(memory)
    return Buffer.from(memory, 0, bytes)
  }

  /** Nobody reads this frame, or any part of it, any more. Frames that are not of this pool are let go. */
  give(part: Uint8Array): void {
    const memory = part.buffer as ArrayBuffer
    if (!this.#taken.delete(memory)) return
    const at = this.#free.findIndex(({ byteLength }) => byteLength >= memory.byteLength)
    this.#free.splice(at < 0 ? this.#free.length : at, 0, memory)
    this.#freeBytes += memory.byteLength
    while (this.#freeBytes > this.#freeBytesMax) this.#freeBytes -= this.#free.shift()!.byteLength
  }
}

function roundedUp(bytes: number): number {
  const step = 2 ** Math.ceil(Math.log2(bytes)) / STEPS
  return Math.ceil(bytes / step) * step
}
