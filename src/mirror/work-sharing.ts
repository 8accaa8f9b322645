// Who owns which slots. Instances that run the same flow are members of one consumer group on the target, subscribed to the
// progress topic: to own its partition s is to own slot s, and everything that hashes to it. Kafka's own group protocol is the
// coordinator. That two instances believe in one slot for a moment costs nothing but a little work: the slot's log and the
// mirrored logs are written by compare-and-append, so one of them sees at once that it was overtaken.
import { Backoff } from '../client/backoff.ts'
import type { ControlClient } from '../client/control-client.ts'
import type { Membership, MembershipListener } from '../client/membership.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { differenceText, settingDifferences } from './setting-differences.ts'

export interface OwnershipListener {
  gained(slots: readonly number[]): void
  /** Another instance may own them from now on: nothing more may be sent for them. */
  lost(slots: readonly number[]): void
  /** Those who have the work would do it otherwise than we; a sentence with the differences. Undefined: nobody objects any more. */
  refused(difference: string | undefined): void
}

export interface SlotOwnership {
  start(slots: number, listener: OwnershipListener): Promise<void>
  /** Another instance was seen writing to this slot. It is `gained` again if it is ours all the same. */
  taken(slot: number): void
  stop(): Promise<void>
}

/** One instance that has all slots, by agreement of whoever started it. */
export class SoleOwner implements SlotOwnership {
  #listener: OwnershipListener | undefined

  async start(slots: number, listener: OwnershipListener): Promise<void> {
    this.#listener = listener
    listener.gained(Array.from({ length: slots }, (_, slot) => slot))
  }

  taken(slot: number): void {
    this.#listener?.gained([slot])
  }

  async stop(): Promise<void> {
    this.#listener = undefined
  }
}

/** Short, since the partitions of a dead instance wait for it; brokers refuse less than 6 s by default. */
const SESSION_MS = 6_000
/** How soon the others hear that there is work of a dead one. */
const HEARTBEAT_MS = 500
const COMPARE_ATTEMPTS = 5

export interface SharedOwnershipOptions {
  readonly groupId: string
  readonly progressTopic: string
  /** What this instance would do; instances share with those who would do the same. */
  readonly settings?: object
  /** The group as its coordinator tells it. */
  readonly members?: () => Promise<readonly FellowMember[]>
}

interface FellowMember {
  readonly clientHost: string
  readonly settings: string | undefined
  readonly partitions: readonly number[]
}

/**
 * A share of the slots, as a member of the flow's group.
 *
 * 1. `#held` is what was told: gained and not lost since.
 * 2. A coordinator that is out of reach takes nothing away: whether another instance took over is seen in the slots' logs.
 *    But what was taken by another is not claimed again before the group has said whose it is.
 */
export class SharedOwnership implements SlotOwnership {
  readonly #platform: Platform
  readonly #control: Pick<ControlClient, 'joinGroup'>
  readonly #options: SharedOwnershipOptions
  readonly #stopping = new AbortController()
  readonly #held = new Set<number>()
  #listener: OwnershipListener | undefined
  #membership: Membership | undefined
  #isSure = false
  #joining: Promise<void> = Promise.resolve()

  constructor(platform: Platform, control: Pick<ControlClient, 'joinGroup'>, options: SharedOwnershipOptions) {
    this.#platform = platform
    this.#control = control
    this.#options = options
  }

  /** Joins, and joins again whenever the membership ends, until `stop`. */
  async start(_slots: number, listener: OwnershipListener): Promise<void> {
    this.#listener = listener
    this.#joining = this.#join()
    await this.#joining
  }

  taken(slot: number): void {
    this.#held.delete(slot)
    if (this.#isSure && this.#membership?.partitions.includes(slot)) this.#gain([slot])
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#joining
    await this.#membership?.stop()
  }

  async #join(): Promise<void> {
    const { groupId, progressTopic: topic } = this.#options
    const { clock, log, random } = this.#platform
    const backoff = new Backoff(random, { initialMs: 100, maxMs: 5_000 })
    const { signal } = this.#stopping
    while (!signal.aborted) {
      try {
        this.#membership = await this.#control.joinGroup(
          {
            groupId,
            topic,
            settings: this.#settings,
            sessionTimeoutMs: SESSION_MS,
            rebalanceTimeoutMs: SESSION_MS,
            heartbeatIntervalMs: HEARTBEAT_MS,
          },
          this.#hearsay(),
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

  #hearsay(): MembershipListener {
    let first = true
    return {
      owned: (slots) => {
        this.#isSure = true
        // A new membership begins by naming all that is ours now.
        if (first) this.#lose([...this.#held].filter((slot) => !slots.includes(slot)))
        first = false
        this.#gain(slots)
      },
      lost: (slots) => {
        this.#isSure = true
        this.#lose(slots)
      },
      joined: () => void this.#compare(),
      unsure: () => {
        this.#isSure = false
      },
      failed: (error) => this.#ended(error),
    }
  }

  get #settings(): string | undefined {
    return this.#options.settings && JSON.stringify(this.#options.settings)
  }

  /** Who got nothing finds out whether that is for a reason: somebody who works under other settings. */
  async #compare(): Promise<void> {
    const { groupId, members } = this.#options
    const { clock, log, random } = this.#platform
    const membership = this.#membership
    if (this.#held.size > 0 || !members) return this.#listener?.refused(undefined)
    const backoff = new Backoff(random, { initialMs: 100, maxMs: 1_000 })
    for (let attempt = 1; attempt <= COMPARE_ATTEMPTS && !this.#stopping.signal.aborted; attempt++) {
      try {
        const others = (await members()).filter(({ partitions }) => partitions.length > 0)
        if (this.#held.size > 0 || this.#membership !== membership) return
        const other = others.find(({ settings }) => settings !== undefined && settings !== this.#settings)
        return this.#listener?.refused(other && this.#differenceTo(other))
      } catch (error) {
        const { message } = error as Error
        log.debug('sharing.cannot-compare', message, { groupId })
        await sleep(clock, backoff.next(), this.#stopping.signal)
      }
    }
  }

  #differenceTo({ clientHost, settings }: FellowMember): string {
    const theirs: unknown = JSON.parse(settings!)
    const differences = settingDifferences(theirs, this.#options.settings).map(differenceText)
    return `the instance at ${clientHost.replace(/^\//, '')} runs this flow with other settings: ${differences.join('; ')}`
  }

  #gain(slots: readonly number[]): void {
    const gained = slots.filter((slot) => !this.#held.has(slot))
    for (const slot of gained) this.#held.add(slot)
    this.#listener?.gained(gained)
  }

  #lose(slots: readonly number[]): void {
    const lost = slots.filter((slot) => this.#held.delete(slot))
    if (lost.length > 0) this.#listener?.lost(lost)
  }

  #ended(error: HeliostatError): void {
    if (this.#stopping.signal.aborted) return
    this.#isSure = false
    this.#platform.log.warn('sharing.ended', error.message, { groupId: this.#options.groupId, code: error.code })
    this.#joining = this.#join()
  }
}
