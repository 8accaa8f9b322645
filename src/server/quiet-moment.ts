/**
 * Notices when the mirrors have come to rest: nothing was mirrored for `quietMs`, for the first time since something was. The daemon
 * uses the moment for what would disturb it while it works.
 */
export class QuietMoment {
  readonly #quietMs: number
  #records = 0
  #changedAtMs: number | undefined

  constructor(quietMs: number) {
    this.#quietMs = quietMs
  }

  /** True once after each time of work; `records` is a counter of all that was mirrored, `nowMs` the monotonic clock. */
  reached(records: number, nowMs: number): boolean {
    if (this.#records !== records || this.#changedAtMs === undefined) {
      this.#records = records
      this.#changedAtMs = nowMs
      return false
    }
    if (nowMs - this.#changedAtMs < this.#quietMs) return false
    this.#changedAtMs = Number.POSITIVE_INFINITY
    return true
  }
}
