import type { Clock, Timer } from '../../src/platform/platform.ts'

interface Pending {
  at: number
  order: number
  callback: () => void
}

/** Time that passes only when a test says so. Promises settle between one timer and the next. */
export class FakeClock implements Clock {
  #now: number
  #order = 0
  #pending: Pending[] = []
  readonly #start: number

  constructor(start = 1_700_000_000_000) {
    this.#start = start
    this.#now = start
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#now - this.#start
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const pending = { at: this.#now + Math.max(0, delayMs), order: this.#order++, callback }
    this.#pending.push(pending)
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((other) => other !== pending)
      },
    }
  }

  defer(callback: () => void): void {
    this.setTimer(0, callback)
  }

  /** Timers that are set and have not fired. */
  get timers(): number {
    return this.#pending.length
  }

  async advance(byMs: number): Promise<void> {
    const end = this.#now + byMs
    await settled()
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#now = next.at
      this.#pending = this.#pending.filter((other) => other !== next)
      next.callback()
      await settled()
    }
    this.#now = end
  }

  #next(end: number): Pending | undefined {
    return this.#pending
      .filter((pending) => pending.at <= end)
      .sort((a, b) => a.at - b.at || a.order - b.order)
      .at(0)
  }
}

/** Resolves when the promises that can settle now have settled. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
