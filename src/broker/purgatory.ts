import type { Clock } from '../platform/platform.ts'
import type { Isolation } from './log/partition-log.ts'
import type { Partition } from './partition.ts'

/** What a request waits for in one of its partitions. */
export interface Wait {
  readonly partition: Partition
  /** Asked again whenever something of the partition has changed. */
  readonly isOver: () => boolean
}

/**
 * Requests that wait: a fetch that found too few bytes until enough were appended, a write until its replicas have it; each at most for
 * its time.
 *
 * 1. A waiter is resolved exactly once: by what it waits for, by a change of one of its partitions, by time, or by `close`.
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

  /**
   * Resolves when `bytes` more are readable, by readers of this isolation, in these partitions together, or after `timeoutMs`. Whoever
   * is given the way to end it sooner may do so.
   */
  untilBytes(
    partitions: Iterable<Partition>,
    isolation: Isolation,
    bytes: number,
    timeoutMs: number,
    handOver: (endNow: () => void) => void = () => {},
  ): Promise<void> {
    return this.#until(timeoutMs, (end) => {
      let missing = bytes
      // Deferred, so that the answer also carries what the same produce request appends to other partitions.
      const listener = (appended: number) => {
        missing -= appended
        if (missing <= 0 || appended === 0) this.#clock.defer(end)
      }
      handOver(end)
      return Array.from(partitions, (partition) => {
        if (isolation === 'log_end') return partition.onAppend(listener)
        return isolation === 'read_committed'
          ? partition.onLastStableOffset(listener)
          : partition.onHighWatermark(listener)
      })
    })
  }

  /** Resolves when all of them are over, or after `timeoutMs`. */
  untilOver(waits: Iterable<Wait>, timeoutMs: number): Promise<void> {
    return this.#until(timeoutMs, (end) => {
      let missing = 0
      return Array.from(waits, ({ partition, isOver }) => {
        missing++
        const unsubscribe = partition.onHighWatermark(() => {
          if (!isOver()) return
          unsubscribe()
          if (--missing === 0) end()
        })
        return unsubscribe
      })
    })
  }

  /** Lets all go. */
  close(): void {
    for (const end of [...this.#waiting]) end()
  }

  #until(timeoutMs: number, subscribe: (end: () => void) => (() => void)[]): Promise<void> {
    return new Promise((resolve) => {
      let isEnded = false
      const end = () => {
        if (isEnded) return
        isEnded = true
        timer.cancel()
        for (const unsubscribe of unsubscribes) unsubscribe()
        this.#waiting.delete(end)
        resolve()
      }
      const timer = this.#clock.setTimer(timeoutMs, end)
      const unsubscribes = subscribe(end)
      this.#waiting.add(end)
    })
  }
}
