// How long to wait before trying again, and the one loop that tries again.
import { HeliostatError } from '../platform/errors.ts'
import { type Clock, type Random, sleep } from '../platform/platform.ts'

export interface BackoffOptions {
  initialMs: number
  maxMs: number
  /** A wait is drawn from ± this fraction, so that many clients do not come back at the same moment. */
  jitter?: number
}

const FACTOR = 2

/** Waits that double from `initialMs` to `maxMs` until `reset`. */
export class Backoff {
  readonly #random: Random
  readonly #initialMs: number
  readonly #maxMs: number
  readonly #jitter: number
  #nextMs: number

  constructor(random: Random, { initialMs, maxMs, jitter = 0.2 }: BackoffOptions) {
    this.#random = random
    this.#initialMs = initialMs
    this.#maxMs = maxMs
    this.#jitter = jitter
    this.#nextMs = initialMs
  }

  next(): number {
    const ms = this.#nextMs
    this.#nextMs = Math.min(this.#maxMs, ms * FACTOR)
    return ms * (1 + this.#jitter * (2 * this.#random.fraction() - 1))
  }

  reset(): void {
    this.#nextMs = this.#initialMs
  }
}

export interface RetryOptions extends BackoffOptions {
  /** From the first attempt on; an attempt that is under way is not cut off. */
  timeoutMs?: number
  signal?: AbortSignal
}

/** Calls `attempt` until it succeeds, fails with an error that is not retriable, or time is up; then its last error is thrown. */
export async function retry<T>(
  clock: Clock,
  random: Random,
  options: RetryOptions,
  attempt: () => Promise<T>,
): Promise<T> {
  const backoff = new Backoff(random, options)
  const deadline = clock.monotonic() + (options.timeoutMs ?? Number.POSITIVE_INFINITY)
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      const waitMs = backoff.next()
      const hopeless = !(error instanceof HeliostatError && error.retriable)
      if (hopeless || options.signal?.aborted || clock.monotonic() + waitMs > deadline) throw error
      await sleep(clock, waitMs, options.signal)
    }
  }
}
