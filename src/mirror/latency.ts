// Time from a record's timestamp to its acknowledgement, counted per batch in fixed buckets.
import type { LatencyHistogram } from './status.ts'

const BOUNDS_MS = [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000]

export class Latency {
  readonly #counts = new Float64Array(BOUNDS_MS.length + 1)
  #sumMs = 0

  observe(ms: number): void {
    const latency = Math.max(0, ms) // a producer's clock may run ahead of ours
    let bucket = 0
    while (bucket < BOUNDS_MS.length && latency > BOUNDS_MS[bucket]!) bucket++
    this.#counts[bucket]!++
    this.#sumMs += latency
  }

  histogram(): LatencyHistogram {
    return { boundsMs: BOUNDS_MS, counts: [...this.#counts], sumMs: this.#sumMs }
  }
}

/** Of several that counted apart. */
export function sumOfHistograms(all: readonly LatencyHistogram[]): LatencyHistogram {
  const sum = new Float64Array(BOUNDS_MS.length + 1)
  for (const { counts } of all) for (const [bucket, count] of counts.entries()) sum[bucket]! += count
  return { boundsMs: BOUNDS_MS, counts: [...sum], sumMs: all.reduce((total, { sumMs }) => total + sumMs, 0) }
}
