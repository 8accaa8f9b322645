// Bytes a second, over fetches and not over records: an answer is taken as it comes and makes a debt, and nothing is asked for until
// the debt is paid. Over any length of time no more passes than the rate allows, and one answer.
//
// Invariants:
// 1. `#debt` is what was taken and not yet paid, at `#atMs`; it never falls below zero, so an idle time earns nothing.

export class ByteLimit {
  readonly bytesPerSecond: number
  #debt = 0
  #atMs = 0

  constructor(bytesPerSecond: number) {
    this.bytesPerSecond = bytesPerSecond
  }

  take(bytes: number, nowMs: number): void {
    this.#pay(nowMs)
    this.#debt += bytes
  }

  /** Until the debt is paid; 0: now. */
  waitMs(nowMs: number): number {
    this.#pay(nowMs)
    return (this.#debt / this.bytesPerSecond) * 1_000
  }

  #pay(nowMs: number): void {
    const paid = (Math.max(0, nowMs - this.#atMs) / 1_000) * this.bytesPerSecond
    this.#debt = Math.max(0, this.#debt - paid)
    this.#atMs = nowMs
  }
}

/** Several limits that all hold, for one of the instances that share them: it may take its share of each. */
export class SharedLimits {
  readonly #limits: readonly ByteLimit[]
  readonly #share: () => number

  /** `share`: 0 < share ≤ 1. */
  constructor(limits: readonly ByteLimit[], share: () => number) {
    this.#limits = limits
    this.#share = share
  }

  take(bytes: number, nowMs: number): void {
    for (const limit of this.#limits) limit.take(bytes / this.#share(), nowMs)
  }

  waitMs(nowMs: number): number {
    return this.#limits.reduce((most, limit) => Math.max(most, limit.waitMs(nowMs)), 0)
  }

  /** What one fetch may ask for, so that no answer keeps the others waiting for long. */
  fetchBytes(most: number): number {
    const perSecond = Math.min(...this.#limits.map(({ bytesPerSecond }) => bytesPerSecond)) * this.#share()
    return Math.max(1, Math.min(most, Math.floor(perSecond)))
  }
}
