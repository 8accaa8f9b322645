// How long a partition waits before it tries again.
import { Backoff } from '../../client/backoff.ts'
import { type Platform, sleep } from '../../platform/platform.ts'

const BEAT_MS = 50
/** Of waits from here on: the first are for what is a matter of moments, the later ones for brokers that have much to do. */
const LONG_WAIT_MS = 100
const LONG_BEAT_MS = 250
/** Of the attempts to find a position, this share begins with new metadata: a new topic's brokers are busy enough without. */
const REFRESH_EVERY = 4

export class Patience {
  readonly #platform: Platform
  readonly #backoff: Backoff
  /** In a row, to find the position. */
  #attempts = 0

  constructor(platform: Platform) {
    this.#platform = platform
    this.#backoff = new Backoff(platform.random, { initialMs: 20, maxMs: 400 })
  }

  /** How long this time. */
  nextMs(): number {
    return this.#backoff.next()
  }

  /** To the next common beat, so that a thousand partitions that wait for the same thing ask for it in one request. */
  pause(signal: AbortSignal): Promise<void> {
    const { clock } = this.#platform
    const now = clock.monotonic()
    const waitMs = this.#backoff.next()
    const beatMs = waitMs < LONG_WAIT_MS ? BEAT_MS : LONG_BEAT_MS
    const until = Math.ceil((now + waitMs) / beatMs) * beatMs
    return sleep(clock, until - now, signal)
  }

  /** Counts an attempt that failed; whether the next one begins with new metadata. */
  failed(): boolean {
    return this.#attempts++ % REFRESH_EVERY === 0
  }

  /** The position was found. */
  succeeded(): void {
    this.#attempts = 0
  }

  /** The target took something, or is tried anew. */
  reset(): void {
    this.#backoff.reset()
  }
}
