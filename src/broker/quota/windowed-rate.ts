/** How long a rate looks back, in `samples` stretches: 11 of a second are ten whole ones and the one that is under way. */
export interface RateWindow {
  readonly samples: number
  readonly sampleMs: number
}

interface Sample {
  startMs: number
  lastMs: number
  value: number
}

/**
 * Units a second over the last samples, as Kafka's Rate counts them: a client that was silent may burst, and what it did is forgotten
 * sample by sample.
 *
 * 1. At most `samples` + 1 samples are kept; the oldest may have begun before the window while it reaches into it.
 */
export class WindowedRate {
  readonly #window: RateWindow
  readonly #samples: Sample[] = []

  constructor(window: RateWindow) {
    this.#window = window
  }

  record(value: number, nowMs: number): void {
    const current = this.#samples.at(-1)
    if (current && nowMs - current.startMs < this.#window.sampleMs) {
      current.value += value
      current.lastMs = nowMs
      return
    }
    this.#samples.push({ startMs: nowMs, lastMs: nowMs, value })
    if (this.#samples.length > this.#window.samples + 1) this.#samples.shift()
  }

  measure(nowMs: number): number {
    this.#forget(nowMs)
    const sum = this.#samples.reduce((total, { value }) => total + value, 0)
    return (sum / this.#elapsedMs(nowMs)) * 1000
  }

  /** How long nothing must be recorded for the rate to come down to `limit`; 0 when it is not above. */
  excessMs(limit: number, nowMs: number): number {
    const rate = this.measure(nowMs)
    if (rate <= limit) return 0
    return Math.round(((rate - limit) / limit) * this.#elapsedMs(nowMs))
  }

  #forget(nowMs: number): void {
    const { samples, sampleMs } = this.#window
    while (this.#samples.length > 0 && nowMs - this.#samples[0]!.lastMs >= samples * sampleMs) this.#samples.shift()
  }

  /** Never less than all samples but the one under way: the first records of a client are no excess. */
  #elapsedMs(nowMs: number): number {
    const { samples, sampleMs } = this.#window
    const elapsed = nowMs - (this.#samples[0]?.startMs ?? nowMs)
    const missing = Math.max(0, samples - 1 - Math.floor(elapsed / sampleMs))
    return Math.max(1, elapsed + missing * sampleMs)
  }
}
