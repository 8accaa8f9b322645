import type { Clock, Timer } from '../../platform/platform.ts'

interface Wait {
  /** Settles the fetch, if there is something to say now. */
  readonly attempt: (isLast: boolean) => boolean
  readonly timer: Timer
}

/** Fetches of replicas that wait for something new. Each replica has few under way, so there are few of them. */
export class FetchWaits {
  readonly #clock: Clock
  readonly #waits = new Set<Wait>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves to what `attempt` gives, tried at each `wake` until it gives something, and a last time after `maxWaitMs`. */
  until<T>(maxWaitMs: number, attempt: (isLast: boolean) => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const settle = (isLast: boolean) => {
        const answer = attempt(isLast)
        if (answer === undefined && !isLast) return false
        wait.timer.cancel()
        this.#waits.delete(wait)
        resolve(answer as T)
        return true
      }
      const wait: Wait = { attempt: settle, timer: this.#clock.setTimer(maxWaitMs, () => settle(true)) }
      this.#waits.add(wait)
    })
  }

  wake(): void {
    for (const wait of [...this.#waits]) wait.attempt(false)
  }

  /** All are given what there is. */
  close(): void {
    for (const wait of [...this.#waits]) wait.attempt(true)
  }
}
