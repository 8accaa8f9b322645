import type { Clock, Timer } from '../platform/platform.ts'
import type { Isolation } from './log/partition-log.ts'
import type { Partition } from './partition.ts'

/**
 * Requests that wait for records: a fetch that found too few bytes is put aside until enough were appended or its time is up.
 *
 * 1. A waiter is resolved exactly once: by bytes, by the end of one of its partitions, by time, or by `close`.
 * 2. After that no partition and no timer knows it.
 */
export class Purgatory {
  readonly #clock: Clock
  readonly #waiting = new Set<() => void>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** Resolves when `bytes` more are readable, by readers of this isolation, in these partitions together, or after `timeoutMs`. */
  untilBytes(partitions: Iterable<Partition>, isolation: Isolation, bytes: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      let missing = bytes
      let ended = false
      const unsubscribes: (() => void)[] = []
      const end = () => {
        if (ended) return
        ended = true
        timer.cancel()
        for (const unsubscribe of unsubscribes) unsubscribe()
        this.#waiting.delete(end)
        resolve()
      }
      const timer: Timer = this.#clock.setTimer(timeoutMs, end)
      // Deferred, so that the answer also carries what the same produce request appends to other partitions.
      const listener = (appended: number) => {
        missing -= appended
        if (missing <= 0 || appended === 0) this.#clock.defer(end)
      }
      for (const partition of partitions) {
        const committedOnly = isolation === 'read_committed'
        unsubscribes.push(committedOnly ? partition.onLastStableOffset(listener) : partition.onHighWatermark(listener))
      }
      this.#waiting.add(end)
    })
  }

  /** Lets all go. */
  close(): void {
    for (const end of [...this.#waiting]) end()
  }
}
