import type { Clock } from '../platform/platform.ts'
import type { FlowView } from './flow-view.ts'

interface Sample {
  readonly atMs: number
  readonly records: number
  readonly bytes: number
}

/** Records and bytes a second per flow, over the last few seconds, from counters that only grow. */
export class Rates {
  readonly #clock: Clock
  readonly #windowMs: number
  readonly #samples = new Map<string, Sample[]>()

  constructor(clock: Clock, windowMs = 3_000) {
    this.#clock = clock
    this.#windowMs = windowMs
  }

  /** Called about once a second. */
  sample(flows: Iterable<FlowView>): void {
    const atMs = this.#clock.monotonic()
    for (const flow of flows) {
      const { records, bytes } = flow.moved
      const samples = this.#samples.get(flow.name) ?? []
      samples.push({ atMs, records, bytes })
      while (samples.length > 2 && samples[1]!.atMs < atMs - this.#windowMs) samples.shift()
      this.#samples.set(flow.name, samples)
    }
  }

  /** Of all flows, when they were last sampled. */
  get records(): number {
    let records = 0
    for (const samples of this.#samples.values()) records += samples.at(-1)?.records ?? 0
    return records
  }

  of(flow: string): { recordsPerSecond: number; bytesPerSecond: number } {
    const samples = this.#samples.get(flow) ?? []
    const first = samples[0]
    const last = samples.at(-1)
    if (!first || !last || last.atMs === first.atMs) return { recordsPerSecond: 0, bytesPerSecond: 0 }
    const seconds = (last.atMs - first.atMs) / 1_000
    return {
      recordsPerSecond: Math.max(0, last.records - first.records) / seconds,
      bytesPerSecond: Math.max(0, last.bytes - first.bytes) / seconds,
    }
  }
}
