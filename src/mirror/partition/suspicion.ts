// A target that seems to have lost what it had is looked at for a while before it is believed: metadata lag behind elections.
import { HeliostatError } from '../../platform/errors.ts'
import type { Clock } from '../../platform/platform.ts'

const SURE_AFTER_MS = 1_000

export class Suspicion {
  readonly #clock: Clock
  #seen: { readonly what: string; readonly since: number } | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns when the same was seen for long enough; else throws what may be tried again: it is looked at once more. */
  confirm(what: string): void {
    const now = this.#clock.monotonic()
    if (this.#seen?.what !== what) this.#seen = { what, since: now }
    if (now - this.#seen.since < SURE_AFTER_MS)
      throw new HeliostatError('HEL_TARGET_CHANGED', `On the target ${what}`, { retriable: true })
  }

  /** All is as it should be. */
  drop(): void {
    this.#seen = undefined
  }
}
