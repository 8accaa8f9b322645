// When the groups of the source are carried over: a moment after their commits are heard, if those can be followed; in passes over all
// of them otherwise, and now and then in any case.
//
// Invariant: `#passDue` is true from whatever may have been missed until a pass over all groups has succeeded.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Checkpointer } from '../offset-translation/checkpointer.ts'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { CommitFollower, type FollowerState } from './commit-follower.ts'

/** Commits of many groups are carried over together; and by then the mirror has most of the records that they are about. */
const GATHER_MS = 80
/** While groups commit without end, this lies between the starts of two passes at least: the questions to the target are shared. */
const APART_MS = 250
/** A group that is ahead of the mirror is looked at again after this long; that costs no request. */
const WAITING_MS = 200
const AFTER_FAILURE_MS = 1_000
/** All groups are gone over this rarely while their commits are followed, and so is the target where they are not. */
const PASS_EVERY_MS = 10_000

export class GroupSync {
  readonly #platform: Platform
  readonly #checkpointer: Checkpointer
  readonly #mirroredPartitions: () => number
  readonly #follower: CommitFollower
  readonly #stopping = new AbortController()
  #passDue = true
  #passedAt = Number.NEGATIVE_INFINITY
  #mirroredThen = 0
  #timer: { readonly at: number; readonly timer: Timer } | undefined
  #running: Promise<void> | undefined
  #ranAt = Number.NEGATIVE_INFINITY

  /** `mirroredPartitions`: how many have their place here; commits in others are passed over. */
  constructor(platform: Platform, source: ClusterClient, checkpointer: Checkpointer, mirroredPartitions: () => number) {
    this.#platform = platform
    this.#checkpointer = checkpointer
    this.#mirroredPartitions = mirroredPartitions
    this.#follower = new CommitFollower(platform, source, {
      committed: (commits) => {
        checkpointer.heard(commits)
        this.#soon()
      },
      changed: (groups) => {
        checkpointer.changed(groups)
        this.#soon()
      },
      incomplete: () => {
        this.#passDue = true
        this.#soon()
      },
    })
  }

  get state(): FollowerState {
    return this.#follower.state
  }

  start(): void {
    this.#follower.start()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#timer?.timer.cancel()
    await this.#follower.stop()
    await this.#running
  }

  /** The job that is run every second: a pass over all groups, if it is time for one. */
  async pass(signal?: AbortSignal): Promise<string> {
    const mirrored = this.#mirroredPartitions()
    const now = this.#platform.clock.monotonic()
    const isThorough = this.#passDue || mirrored !== this.#mirroredThen || now - this.#passedAt >= PASS_EVERY_MS
    if (this.state.mode === 'followed' && !isThorough) return 'commits are followed'
    this.#passDue = false
    this.#mirroredThen = mirrored
    try {
      const done = await this.#checkpointer.sync(signal, { thorough: isThorough })
      if (isThorough) this.#passedAt = now
      if (this.#checkpointer.isWaiting) this.#after(WAITING_MS)
      return done
    } catch (error) {
      this.#passDue = true
      throw error
    }
  }

  #soon(): void {
    if (this.#checkpointer.hasNews || this.#passDue) this.#after(GATHER_MS)
  }

  #after(ms: number): void {
    if (this.#running || this.#stopping.signal.aborted) return
    const { clock } = this.#platform
    const now = clock.monotonic()
    const at = Math.max(now + ms, this.#ranAt + APART_MS)
    if (this.#timer && this.#timer.at <= at) return
    this.#timer?.timer.cancel()
    this.#timer = { at, timer: clock.setTimer(at - now, () => this.#run()) }
  }

  #run(): void {
    this.#timer = undefined
    if (this.#running) return
    this.#ranAt = this.#platform.clock.monotonic()
    let next = 0
    this.#running = this.#carryOver()
      .catch((error: HeliostatError) => {
        next = AFTER_FAILURE_MS
        this.#platform.log.warn('groups.failed', error.message, { code: error.code })
      })
      .finally(() => {
        this.#running = undefined
        if (this.#checkpointer.hasNews || this.#passDue) this.#after(Math.max(next, GATHER_MS))
        else if (this.#checkpointer.isWaiting) this.#after(Math.max(next, WAITING_MS))
      })
  }

  async #carryOver(): Promise<void> {
    const { signal } = this.#stopping
    if (this.#passDue) await this.pass(signal)
    else await this.#checkpointer.syncNews(signal)
  }
}
