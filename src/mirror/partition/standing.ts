// How a partition stands where its mirror does not say: while there is none yet, or when it could not be made.
import type { PartitionState, PartitionStatus } from '../status.ts'

interface Mirrored {
  readonly state: PartitionState
  readonly reason: string | undefined
}

export class Standing {
  #state: 'starting' | 'recovering' | 'stopped' = 'starting'
  #why: string | undefined

  /** `why`: what takes long, in a sentence. */
  starts(why: string): void {
    this.#state = 'starting'
    this.#why = why
  }

  recovers(trouble: string): void {
    this.#state = 'recovering'
    this.#why = trouble
  }

  stops(why: string): void {
    this.#state = 'stopped'
    this.#why = why
  }

  get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  /** What a person is shown. */
  beside(mirror: Mirrored | undefined, options: { isPaused: boolean }): Pick<PartitionStatus, 'state' | 'reason'> {
    const isSilent = !mirror || mirror.state === 'starting' || (mirror.state !== 'stopped' && this.isStopped)
    const { state, reason } = isSilent ? { state: this.#state, reason: this.#why } : mirror
    return { state: options.isPaused ? 'paused' : state, reason }
  }
}
