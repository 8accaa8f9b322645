// Until when requests of unknown fate may still arrive at the target: ours that were lost, or those of the owner before us.
import { type Clock, sleep } from '../../platform/platform.ts'

export class Doubt {
  readonly #clock: Clock
  readonly #settleMs: number
  #until: number

  /** `settleMs`: so long a request may be under way, at most. */
  constructor(clock: Clock, settleMs: number, options: { isOpen: boolean }) {
    this.#clock = clock
    this.#settleMs = settleMs
    this.#until = clock.monotonic() + (options.isOpen ? settleMs : 0)
  }

  get isOpen(): boolean {
    return this.#clock.monotonic() < this.#until
  }

  /** The answer to a request will never come. */
  reopen(): void {
    this.#until = this.#clock.monotonic() + this.#settleMs
  }

  /** It is known that nothing is under way. */
  settle(): void {
    this.#until = this.#clock.monotonic()
  }

  /** Resolves when it is over, or aborted. */
  over(signal: AbortSignal): Promise<void> {
    return sleep(this.#clock, Math.max(0, this.#until - this.#clock.monotonic()), signal)
  }
}
