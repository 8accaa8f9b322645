// Follows the commits of the source's groups where they are written, in `__consumer_offsets`: so that a commit is known here a moment
// later, and groups that do nothing cost nothing. It needs the right to read that topic; without it the groups are asked for again and
// again instead.
//
// Invariants
// 1. `complete` is asked for whenever commits may have passed unseen: at the start, and after a place could not be read any more.
// 2. Commits of one partition are told in their order. Those of a transaction are not told as such but by their group, once it has
//    ended: whether it was committed is for the group's coordinator to say.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { refusal } from '../client/refusal.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { type GroupCommit, GroupCommitReader } from '../offset-translation/group-commit.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { RecordsError } from '../records/records-error.ts'
import { type Fetched, Fetcher, type FetchPosition } from '../source/fetcher.ts'
import { FrameBudget } from '../source/frame-lease.ts'

const COMMITS_TOPIC = '__consumer_offsets'
const MIB = 1024 * 1024
const BUFFER_BYTES = 8 * MIB
const FETCH_BYTES = 2 * MIB
/** Two hundred groups that commit in a second are twenty answers, not two hundred. */
const REST_MS = 50
/** Without the right it is asked for now and then; it may have been given. */
const REFUSED_PAUSE_MS = 60_000
/** The topic is made with the first group; and its leaders move. */
const LOOK_EVERY_MS = 5_000
const LOOK_AGAIN_MS = 200

export interface CommitListener {
  committed(commits: readonly GroupCommit[]): void
  /** These groups committed in a transaction that has ended. */
  changed(groups: readonly string[]): void
  /** All groups are to be asked for. */
  incomplete(): void
}

export type FollowerState = { readonly mode: 'followed' } | { readonly mode: 'polled'; readonly reason: string }

export class CommitFollower {
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #listener: CommitListener
  readonly #offsets: OffsetLookup
  readonly #budget: FrameBudget
  readonly #reader = new GroupCommitReader()
  readonly #fetchers = new Map<number, Fetcher>()
  readonly #places = new Map<number, { nodeId: number; fetchOffset: number }>()
  /** Groups that committed in a transaction that is open, by its producer. */
  readonly #open = new Map<number, Set<string>>()
  readonly #stopping = new AbortController()
  #nap = new AbortController()
  #state: FollowerState = { mode: 'polled', reason: 'the commits of the source are not read yet' }
  #running: Promise<void> | undefined

  constructor(platform: Platform, source: ClusterClient, listener: CommitListener) {
    this.#platform = platform
    this.#source = source
    this.#listener = listener
    this.#offsets = new OffsetLookup(platform, source)
    this.#budget = new FrameBudget(BUFFER_BYTES, FETCH_BYTES, () => {
      for (const fetcher of this.#fetchers.values()) fetcher.roomAgain()
    })
  }

  get state(): FollowerState {
    return this.#state
  }

  start(): void {
    this.#running ??= this.#follow()
  }

  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#close()
    await this.#running
  }

  /** Looks after the places: finds them, and finds them again when leaders moved. */
  async #follow(): Promise<void> {
    const { clock, random } = this.#platform
    const { signal } = this.#stopping
    const backoff = new Backoff(random, { initialMs: 200, maxMs: LOOK_EVERY_MS })
    while (!signal.aborted) {
      let pauseMs = LOOK_EVERY_MS
      try {
        await this.#place()
        backoff.reset()
      } catch (error) {
        const isDenied = (error as HeliostatError).where?.['errorCode'] === ErrorCode.TOPIC_AUTHORIZATION_FAILED
        this.#poll((error as Error).message)
        pauseMs = isDenied ? REFUSED_PAUSE_MS : backoff.next()
      }
      this.#nap = new AbortController()
      await sleep(clock, pauseMs, AbortSignal.any([signal, this.#nap.signal]))
    }
  }

  async #place(): Promise<void> {
    const { topics } = await this.#source.metadata([COMMITS_TOPIC])
    const errorCode = topics[0]?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return this.#poll(`${COMMITS_TOPIC} is not there yet: no group was ever coordinated`)
    if (errorCode !== ErrorCode.NONE) throw unreadable(errorCode)
    const count = topics[0]!.partitions.length
    const missing = Array.from({ length: count }, (_, partition) => partition).filter((at) => !this.#isPlaced(at))
    if (missing.length > 0) {
      const ends = await Promise.all(
        missing.map(
          (partition) =>
            this.#places.get(partition)?.fetchOffset ??
            this.#offsets.find(TopicPartition.of(COMMITS_TOPIC, partition), LATEST),
        ),
      )
      if (this.#stopping.signal.aborted) return
      const isNew = missing.some((partition) => !this.#places.has(partition))
      for (const [index, partition] of missing.entries()) this.#want(partition, ends[index]!)
      // What was committed below these ends is for the coordinators to tell.
      if (isNew) this.#listener.incomplete()
    }
  }

  #isPlaced(partition: number): boolean {
    const place = this.#places.get(partition)
    return place !== undefined && place.nodeId === this.#source.leaderOf(COMMITS_TOPIC, partition)?.nodeId
  }

  #want(partition: number, fetchOffset: number): void {
    const leader = this.#source.leaderOf(COMMITS_TOPIC, partition)
    if (!leader) throw unreadable(ErrorCode.LEADER_NOT_AVAILABLE)
    const topicPartition = TopicPartition.of(COMMITS_TOPIC, partition)
    const before = this.#places.get(partition)
    if (before) this.#fetchers.get(before.nodeId)?.drop(topicPartition)
    this.#places.set(partition, { nodeId: leader.nodeId, fetchOffset })
    this.#fetcher(leader.nodeId).want({
      topicPartition,
      topicId: this.#source.topics().get(COMMITS_TOPIC)!.topicId,
      fetchOffset,
      currentLeaderEpoch: leader.leaderEpoch,
      lastFetchedEpoch: -1,
    })
  }

  #fetcher(nodeId: number): Fetcher {
    const known = this.#fetchers.get(nodeId)
    if (known) return known
    const fetcher = new Fetcher(
      this.#platform,
      this.#source,
      {
        nodeId,
        purpose: 'commits',
        // A transaction that is left open must not keep the commits of others from being seen.
        isolation: 'read_uncommitted',
        budget: this.#budget,
        restMs: REST_MS,
        maxBytes: FETCH_BYTES,
        partitionMaxBytes: FETCH_BYTES / 2,
      },
      {
        fetched: (topicPartition, fetched) => this.#fetched(topicPartition.partition, fetched),
        failed: (topicPartition, { errorCode, corrupt }) =>
          this.#failed(topicPartition.partition, errorCode, corrupt !== undefined),
        // Told to clients with a rack only, and this one says none.
        preferred: () => {},
        reachable: () => {},
      },
    )
    this.#fetchers.set(nodeId, fetcher)
    return fetcher
  }

  #fetched(partition: number, { batches }: Fetched): FetchPosition | undefined {
    const place = this.#places.get(partition)
    if (!place || this.#stopping.signal.aborted) return undefined
    if (this.#state.mode === 'polled') {
      this.#state = { mode: 'followed' }
      this.#platform.log.info('groups.followed', 'the commits of groups are read where the source writes them')
    }
    const commits: GroupCommit[] = []
    const changed = new Set<string>()
    for (const batch of batches) {
      if (batch.nextOffset <= place.fetchOffset) continue
      this.#read(batch, place.fetchOffset, commits, changed)
      place.fetchOffset = batch.nextOffset
    }
    if (commits.length > 0) this.#listener.committed(commits)
    if (changed.size > 0) this.#listener.changed([...changed])
    return { fetchOffset: place.fetchOffset, lastFetchedEpoch: -1 }
  }

  #read(batch: RecordBatch, from: number, commits: GroupCommit[], changed: Set<string>): void {
    if (batch.isControl) {
      for (const group of this.#open.get(batch.producerId) ?? []) changed.add(group)
      this.#open.delete(batch.producerId)
      return
    }
    const pending = batch.isTransactional ? (this.#open.get(batch.producerId) ?? new Set<string>()) : undefined
    if (pending) this.#open.set(batch.producerId, pending)
    try {
      this.#reader.read(batch, from, (commit) => {
        if (pending) pending.add(commit.group)
        else commits.push(commit)
      })
    } catch (error) {
      if (!(error instanceof RecordsError)) throw error
      const where = { offset: batch.baseOffset, reason: error.message }
      this.#platform.log.warn('groups.unreadable', 'commits of groups cannot be read, and are asked for', where)
      this.#listener.incomplete()
    }
  }

  #failed(partition: number, errorCode: number, isCorrupt: boolean): void {
    if (errorCode === ErrorCode.TOPIC_AUTHORIZATION_FAILED) {
      this.#close()
      this.#poll(unreadable(errorCode).message)
      return
    }
    const place = this.#places.get(partition)
    // Its leader moved, most likely: found again at the next look. A place that is no more is given up with all that it meant.
    if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE || isCorrupt) this.#places.delete(partition)
    else if (place) this.#places.set(partition, { ...place, nodeId: -1 })
    this.#platform.clock.setTimer(LOOK_AGAIN_MS, () => this.#nap.abort())
  }

  #poll(reason: string): void {
    if (this.#state.mode === 'followed' || this.#state.reason !== reason)
      this.#platform.log.info('groups.polled', `groups are asked for their positions: ${reason}`)
    this.#state = { mode: 'polled', reason }
  }

  #close(): void {
    for (const fetcher of this.#fetchers.values()) fetcher.close()
    this.#fetchers.clear()
    this.#places.clear()
    this.#open.clear()
  }
}

function unreadable(errorCode: number): HeliostatError {
  const where = { topic: COMMITS_TOPIC }
  return refusal('HEL_COMMITS_UNREADABLE', `${COMMITS_TOPIC} cannot be read`, errorCode, { where })
}
