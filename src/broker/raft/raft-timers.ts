import type { Clock, Timer } from '../../platform/platform.ts'
import type { RaftTimer } from './raft-event.ts'

/** The timers of one replica, each of which is set or is not. */
export class RaftTimers {
  readonly #clock: Clock
  readonly #timedOut: (timer: RaftTimer) => void
  readonly #set = new Map<RaftTimer, Timer>()

  constructor(clock: Clock, timedOut: (timer: RaftTimer) => void) {
    this.#clock = clock
    this.#timedOut = timedOut
  }

  /** Anew: what was set goes off no more. */
  set(timer: RaftTimer, ms: number): void {
    this.cancel(timer)
    const set = this.#clock.setTimer(ms, () => {
      // A process that was held up finds in its sockets what it has been waiting for: that is heard first.
      this.#clock.defer(() => {
        if (this.#set.get(timer) !== set) return
        this.#set.delete(timer)
        this.#timedOut(timer)
      })
    })
    this.#set.set(timer, set)
  }

  cancel(timer: RaftTimer): void {
    this.#set.get(timer)?.cancel()
    this.#set.delete(timer)
  }

  close(): void {
    for (const set of this.#set.values()) set.cancel()
    this.#set.clear()
  }
}
