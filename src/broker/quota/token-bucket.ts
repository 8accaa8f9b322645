/**
 * Tokens that come back at `rate` a second up to a burst (KIP-599). What is taken may go below zero: a single large request passes, and
 * the ones after it wait until the bucket is at zero again.
 */
export class TokenBucket {
  #tokens = 0
  #updatedMs: number | undefined

  /** What is there now; a new bucket is full. */
  tokens(rate: number, burst: number, nowMs: number): number {
    const since = this.#updatedMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, nowMs - this.#updatedMs)
    this.#tokens = Math.min(burst, this.#tokens + (rate * since) / 1000)
    this.#updatedMs = nowMs
    return this.#tokens
  }

  take(count: number, rate: number, burst: number, nowMs: number): void {
    this.#tokens = Math.min(burst, this.tokens(rate, burst, nowMs) - count)
  }
}
