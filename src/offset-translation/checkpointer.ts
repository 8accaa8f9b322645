// Brings the positions of the source's groups over: translated exactly, told to the world as MirrorMaker's checkpoints, and
// written to the same group on the target as long as nobody uses it there. `sync` is a pass over all groups; `syncNews` one over the
// positions of which commits were heard since, or that had to wait. Instances that share a flow each see to the partitions they mirror.
//
// `source-groups.ts` knows what the groups have committed, `tracked-groups.ts` where that is on the target; `checkpoint-writer.ts` and
// `position-writer.ts` write it.
//
// Invariant: turns follow one another; what is heard while one runs is for the next. A pass over all groups takes several.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import type { Platform } from '../platform/platform.ts'
import { CheckpointWriter } from './checkpoint-writer.ts'
import type { GroupCommit } from './group-commit.ts'
import { GroupListingLog } from './group-listing-log.ts'
import type { ListedGroup } from './group-offsets.ts'
import type { InternalTopic } from './internal-topic.ts'
import { PositionWriter } from './position-writer.ts'
import { SourceGroups } from './source-groups.ts'
import type { Look } from './target-groups.ts'
import { type GroupStatus, isInPlace, type MirroredPartition } from './tracked-group.ts'
import { type Due, type MirroredHere, TrackedGroups } from './tracked-groups.ts'

export interface CheckpointerOptions {
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly matches: (group: string) => boolean
  /** Undefined for what this instance does not mirror; positions there are left alone. */
  readonly mirrored: (topic: string, partition: number) => MirroredPartition | undefined
  /** Absent: no checkpoints are written. */
  readonly checkpoints: Pick<InternalTopic, 'write'> | undefined
  readonly commitOffsets: boolean
}

const GROUPS_AT_ONCE = 100
/** What waits, for the mirror or for a broker, is tried this often; or less, so that it takes a tenth of the time at most. */
const WAITING_EVERY_MS = 400
const WAITING_SHARE = 9

export class Checkpointer {
  readonly #platform: Platform
  readonly #mirrored: CheckpointerOptions['mirrored']
  readonly #tracked = new TrackedGroups()
  readonly #source: SourceGroups
  readonly #sourceListing: GroupListingLog
  readonly #targetListing: GroupListingLog
  readonly #checkpoints: CheckpointWriter
  /** Undefined: groups on the target are not written. */
  readonly #positions: PositionWriter | undefined
  /** Not before this moment of the monotonic clock. */
  #waitingDueAt = Number.NEGATIVE_INFINITY
  #turn: Promise<unknown> = Promise.resolve()

  constructor(
    platform: Platform,
    { source, target, matches, mirrored, checkpoints, commitOffsets }: CheckpointerOptions,
  ) {
    this.#platform = platform
    this.#mirrored = mirrored
    this.#source = new SourceGroups(source, matches, this.#tracked)
    this.#sourceListing = new GroupListingLog(platform.log, 'source')
    this.#targetListing = new GroupListingLog(platform.log, 'target')
    this.#checkpoints = new CheckpointWriter(platform, checkpoints)
    this.#positions = commitOffsets ? new PositionWriter(platform, target) : undefined
  }

  /** Of commits heard where the source writes them; they are carried over by the next `syncNews`. */
  heard(commits: readonly GroupCommit[]): void {
    this.#source.heard(commits)
  }

  /** Something was committed that could not be heard. */
  changed(groups: readonly string[]): void {
    this.#source.changed(groups)
  }

  get hasNews(): boolean {
    return this.#source.hasNews
  }

  /** Whether a group waits for the mirror, or for a broker that did not answer. */
  get isWaiting(): boolean {
    return this.#tracked.areWaiting || this.#source.areUnasked
  }

  groups(): readonly GroupStatus[] {
    const now = this.#platform.clock.now()
    return Array.from(this.#tracked, (group) => group.statusAt(now))
  }

  // ---- turns

  /**
   * A pass over all groups; resolves to a few words on what was done. What fails for one group is noted there and tried again.
   * `thorough`: also of groups that stand where they stood is it looked up where they are on the target.
   */
  async sync(signal?: AbortSignal, { thorough = true }: { thorough?: boolean } = {}): Promise<string> {
    const before = Array.from(this.#tracked, ({ group }) => group)
    const listing = await this.#source.list()
    this.#sourceListing.note(listing)
    const wanted = this.#source.wanted(listing)
    const look = thorough && wanted.length > 0 ? await this.#look({ whole: true }) : undefined
    const due: Due = new Map()
    let written = 0
    for (let at = 0; at < wanted.length; at += GROUPS_AT_ONCE) {
      signal?.throwIfAborted()
      const slice = wanted.slice(at, at + GROUPS_AT_ONCE)
      written += await this.#inTurn(() => this.#passOver(slice, look, due, signal))
    }
    // Whoever could not be asked about keeps what was known; its age tells.
    if (listing.failures.length === 0)
      for (const group of before) if (!listing.groups.has(group)) this.#tracked.drop(group)
    const emitted = await this.#checkpoints.write(due, signal)
    return `${this.#tracked.size} groups, ${emitted}, ${written} offsets written`
  }

  /** A part of a pass over all groups. What is due of them is put into `all`, for the checkpoints. */
  async #passOver(
    groups: readonly ListedGroup[],
    look: Look | undefined,
    all: Due,
    signal: AbortSignal | undefined,
  ): Promise<number> {
    const due: Due = new Map()
    await this.#source.ask(groups, due, this.#mirroredOnce())
    for (const [group, positions] of due) all.set(group, positions)
    if (look === undefined)
      for (const [group, positions] of due) {
        const moving = positions.filter((position) => !isInPlace(position))
        if (moving.length > 0) due.set(group, moving)
        else due.delete(group)
      }
    return this.#write(due, look, signal)
  }

  /** A pass over what was heard, and over what has waited: of that, what has come to its place, and now and then the rest. */
  syncNews(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      const { clock } = this.#platform
      const beganAt = clock.monotonic()
      const isWaitOver = beganAt >= this.#waitingDueAt
      const due: Due = new Map()
      if (isWaitOver) this.#source.askAgain()
      const mirroredHere = this.#mirroredOnce()
      await this.#source.takeNews(due, mirroredHere)
      this.#tracked.takeWaiting(due, mirroredHere, isWaitOver)
      const [emitted, written] = await this.#carryOver(due, signal)
      if (isWaitOver) {
        const endedAt = clock.monotonic()
        this.#waitingDueAt = endedAt + Math.max(WAITING_EVERY_MS, WAITING_SHARE * (endedAt - beganAt))
      }
      return `${due.size} groups, ${emitted}, ${written} offsets written`
    })
  }

  /** Writes the checkpoints that passes could not write; resolves to a few words. */
  emitCheckpoints(signal?: AbortSignal): Promise<string> {
    return this.#inTurn(async () => {
      const all = () => Array.from(this.#tracked, (group) => [group, [...group.positions.values()]] as const)
      await this.#checkpoints.writeOwed(all, signal)
      return `${this.#checkpoints.written} checkpoints since the start, none due`
    })
  }

  #inTurn<T>(turn: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(turn)
    this.#turn = done.catch(() => undefined)
    return done
  }

  // ---- what turns are made of

  /** A few words on the checkpoints, and how many offsets were written. */
  async #carryOver(due: Due, signal: AbortSignal | undefined): Promise<[string, number]> {
    signal?.throwIfAborted()
    const [emitted, written] = await Promise.allSettled([
      this.#checkpoints.write(due, signal),
      this.#write(due, undefined, signal),
    ])
    if (emitted.status === 'rejected') throw emitted.reason
    if (written.status === 'rejected') throw written.reason
    return [emitted.value, written.value]
  }

  /** Writes to the target what is due; what has to wait is looked at again. */
  async #write(due: Due, known: Look | undefined, signal: AbortSignal | undefined): Promise<number> {
    for (const group of due.keys()) group.isHeldUp = false
    try {
      if (due.size === 0 || !this.#positions) return 0
      const look = known ?? (await this.#look({ whole: false }))!
      return await this.#positions.write(due, look, signal)
    } catch (error) {
      for (const group of due.keys()) group.isHeldUp = true
      throw error
    } finally {
      this.#tracked.wereTried(due.keys())
    }
  }

  async #look(options: { whole: boolean }): Promise<Look | undefined> {
    const look = await this.#positions?.look(options)
    if (look) this.#targetListing.note(look)
    return look
  }

  /** Asks once a pass for a partition, however many groups read it. */
  #mirroredOnce(): MirroredHere {
    const known = new Map<TopicPartition, MirroredPartition | undefined>()
    return (source) => {
      let mirrored = known.get(source)
      if (mirrored === undefined && !known.has(source)) {
        mirrored = this.#mirrored(source.topic, source.partition)
        known.set(source, mirrored)
      }
      return mirrored
    }
  }
}
