// Bytes of fetched frames that are still referenced: a frame is one buffer, and every batch in it is a view, so the whole
// frame stays in memory until its last batch was acknowledged or dropped. That is what the flow's buffer limit counts.
//
// Invariants:
// 1. `bytes` is the sum of the sizes of frames with at least one holder.
// 2. A frame is released exactly once per hold; below zero is a broken caller and throws.

export class FrameBudget {
  readonly bytesMax: number
  readonly #fetchBytes: number
  #bytes = 0
  readonly #onRoom: () => void

  /** `onRoom` is called when the budget goes from full to not full: `fetchBytes`, the size of one answer, fit again. */
  constructor(bytesMax: number, fetchBytes: number, onRoom: () => void) {
    this.bytesMax = bytesMax
    this.#fetchBytes = fetchBytes
    this.#onRoom = onRoom
  }

  get bytes(): number {
    return this.#bytes
  }

  get isFull(): boolean {
    // With nothing held, one answer is let in whatever its size.
    return this.#bytes > 0 && this.#bytes + this.#fetchBytes > this.bytesMax
  }

  /** Counts a frame that its caller holds once; `onFree` is called when nobody holds it any more. */
  lease(bytes: number, onFree?: () => void): FrameLease {
    this.#bytes += bytes
    return new FrameLease(() => {
      onFree?.()
      this.#free(bytes)
    })
  }

  #free(bytes: number): void {
    const wasFull = this.isFull
    this.#bytes -= bytes
    if (wasFull && !this.isFull) this.#onRoom()
  }
}

export class FrameLease {
  #holders = 1
  readonly #free: () => void

  constructor(free: () => void) {
    this.#free = free
  }

  hold(): void {
    if (this.#holders === 0) throw new Error('invariant 2: a frame was held after its release')
    this.#holders++
  }

  release(): void {
    if (this.#holders === 0) throw new Error('invariant 2: a frame was released twice')
    if (--this.#holders === 0) this.#free()
  }
}
