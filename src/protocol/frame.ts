// Splits a stream of bytes into frames: four bytes of size, then that many bytes. Plugs into a socket that reads by pull, so
// a large frame is filled in place in a buffer of exactly its size.
//
// Invariants:
// 1. The size is compared with the limit before anything is allocated for it.
// 2. A frame handed out is its own memory: the reader does not write to it afterwards, it may be kept.
// 3. After an error no further frame comes: the place of the next one is unknown.

import { DecodeError } from './reader.ts'

// Small frames gather here, so that one read brings many; a larger frame copies at most this much.
const STAGE_BYTES = 16 * 1024
const STAGED_FRAME_MAX = STAGE_BYTES / 2
/** Below, Node's own pool of small buffers serves best. */
const ALLOCATED_MIN = 1024

export class FrameReader {
  /** A frame that announces more is an error. May be changed between frames. */
  maxFrameBytes: number
  readonly #onFrame: (frame: Buffer) => void
  readonly #onError: ((error: DecodeError) => void) | undefined
  readonly #stage = Buffer.allocUnsafeSlow(STAGE_BYTES)
  #staged = 0
  /** The large frame that is being filled in place. */
  #frame: Buffer | undefined
  #filled = 0
  #failed = false
  readonly #allocate: (bytes: number) => Buffer

  /** `allocate` gives the memory of all but the smallest frames, exactly as many bytes as it is asked for. */
  constructor(
    maxFrameBytes: number,
    onFrame: (frame: Buffer) => void,
    onError?: (error: DecodeError) => void,
    allocate: (bytes: number) => Buffer = Buffer.allocUnsafeSlow,
  ) {
    this.maxFrameBytes = maxFrameBytes
    this.#allocate = allocate
    this.#onFrame = onFrame
    this.#onError = onError
  }

  readInto(): Uint8Array {
    return this.#frame ? this.#frame.subarray(this.#filled) : this.#stage.subarray(this.#staged)
  }

  didRead(length: number): void {
    if (this.#failed) return
    if (this.#frame) this.#fill(this.#frame, length)
    else this.#split(this.#staged + length)
  }

  #fill(frame: Buffer, length: number): void {
    this.#filled += length
    if (this.#filled < frame.length) return
    this.#frame = undefined
    this.#onFrame(frame)
  }

  /** Takes the whole frames out of the first `end` bytes of the stage and moves the rest to its start. */
  #split(end: number): void {
    const stage = this.#stage
    let at = 0
    // Set before a callback runs: if it throws, the bytes of that frame are gone and the reader is still sound.
    this.#staged = 0
    try {
      while (end - at >= 4) {
        const size = stage.readInt32BE(at)
        if (size < 0 || size > this.maxFrameBytes) {
          this.#fail(size)
          return
        }
        if (end - at - 4 < size) {
          if (size <= STAGED_FRAME_MAX) break
          this.#frame = this.#allocate(size)
          this.#filled = stage.copy(this.#frame, 0, at + 4, end)
          at = end
          return
        }
        const frame = size < ALLOCATED_MIN ? Buffer.allocUnsafe(size) : this.#allocate(size)
        stage.copy(frame, 0, at + 4, at + 4 + size)
        at += 4 + size
        this.#onFrame(frame)
      }
    } finally {
      if (at > 0) stage.copyWithin(0, at, end)
      this.#staged = end - at
    }
  }

  #fail(size: number): void {
    this.#failed = true
    const error = new DecodeError(
      size < 0 ? `a frame of ${size} bytes` : `a frame of ${size} bytes, the limit is ${this.maxFrameBytes}`,
    )
    if (!this.#onError) throw error
    this.#onError(error)
  }
}
