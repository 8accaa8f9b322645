// Who owns which slots. Instances that run the same flow are members of one consumer group on the target, subscribed to the
// progress topic: to own its partition s is to own slot s, and everything that hashes to it. Kafka's own group protocol is the
// coordinator. That two instances believe in one slot for a moment costs nothing but a little work: the slot's log and the
// mirrored logs are written by compare-and-append, so one of them sees at once that it was overtaken.
import { Backoff } from '../client/backoff.ts'
import type { ControlClient } from '../client/control-client.ts'
import type { Membership } from '../client/membership.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'

export interface OwnershipListener {
  gained(slots: readonly number[]): void
  /** Another instance may own them from now on: nothing more may be sent for them. */
  lost(slots: readonly number[]): void
}

export interface SlotOwnership {
  start(slots: number, listener: OwnershipListener): Promise<void>
  stop(): Promise<void>
}

/** One instance that has all slots, by agreement of whoever started it. */
export class SoleOwner implements SlotOwnership {
  async start(slots: number, listener: OwnershipListener): Promise<void> {
    listener.gained(Array.from({ length: slots }, (_, slot) => slot))
  }

  async stop(): Promise<void> {}
}

/** Short, since the partitions of a dead instance wait for it; brokers refuse less than 6 s by default. */
const SESSION_MS = 6_000

export interface SharedOwnershipOptions {
  readonly groupId: string
  readonly progressTopic: string
}

/** A share of the slots, as a member of the flow's group. */
export class SharedOwnership implements SlotOwnership {
  readonly #platform: Platform
  readonly #control: Pick<ControlClient, 'joinGroup'>
  readonly #options: SharedOwnershipOptions
  readonly #stopping = new AbortController()
  #membership: Membership | undefined
  #joining: Promise<void> = Promise.resolve()

  constructor(platform: Platform, control: Pick<ControlClient, 'joinGroup'>, options: SharedOwnershipOptions) {
    this.#platform = platform
    this.#control = control
    this.#options = options
  }

  /** Joins, and joins again whenever the membership ends, until `stop`. */
  async start(_slots: number, listener: OwnershipListener): Promise<void> {
    this.#joining = this.#join(listener)
    await this.#joining
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#joining
    await this.#membership?.stop()
  }

  async #join(listener: OwnershipListener): Promise<void> {
    const { groupId, progressTopic: topic } = this.#options
    const { clock, log, random } = this.#platform
    const backoff = new Backoff(random, { initialMs: 100, maxMs: 5_000 })
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        this.#membership = await this.#control.joinGroup(
          { groupId, topic, sessionTimeoutMs: SESSION_MS, rebalanceTimeoutMs: SESSION_MS },
          {
            owned: (slots) => listener.gained(slots),
            lost: (slots) => listener.lost(slots),
            failed: (error) => this.#ended(error, listener),
          },
        )
        return
      } catch (error) {
        const { message } = error as Error
        const code = error instanceof HeliostatError ? error.code : 'HEL_UNEXPECTED'
        log.warn('sharing.cannot-join', `group ${groupId} cannot be joined: ${message}`, { groupId, code })
        await sleep(clock, backoff.next(), signal)
      }
    }
  }

  #ended(error: HeliostatError, listener: OwnershipListener): void {
    if (this.#stopping.signal.aborted) return
    this.#platform.log.warn('sharing.ended', error.message, { groupId: this.#options.groupId, code: error.code })
    this.#joining = this.#join(listener)
  }
}
