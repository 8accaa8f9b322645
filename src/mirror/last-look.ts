// Since when topics may have come to the source that nobody here knows of.
import type { Clock } from '../platform/platform.ts'

/** A look that is overdue by so much will hardly come. */
const SILENCE_MS = 5_000

/** All moments are monotonic. */
export class LastLook {
  readonly #clock: Clock
  readonly #everyMs: number
  /** When the source told its topics. */
  #heardAt = 0
  /** When it had told those that were all dealt with; before there were any, when this began. */
  #dealtWithAt: number
  #wereDealtWith = false

  /** `everyMs`: how often somebody looks. */
  constructor(clock: Clock, everyMs: number) {
    this.#clock = clock
    this.#everyMs = everyMs
    this.#dealtWithAt = clock.monotonic()
  }

  get heardAt(): number {
    return this.#heardAt
  }

  heard(): void {
    this.#heardAt = this.#clock.monotonic()
  }

  /** All that was told at that moment. */
  dealtWith(heardAt: number): void {
    this.#dealtWithAt = heardAt
    this.#wereDealtWith = true
  }

  get wereDealtWith(): boolean {
    return this.#wereDealtWith
  }

  /** A look that is only due does not count. */
  get untoldMs(): number {
    const ms = this.#clock.monotonic() - this.#dealtWithAt
    return this.#wereDealtWith && ms <= this.#everyMs + SILENCE_MS ? 0 : ms
  }
}
