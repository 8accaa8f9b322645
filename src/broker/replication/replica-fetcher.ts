// Copies the partitions that one other broker leads (Kafka's ReplicaFetcherThread). Each fetch says which epoch the log here ends with, so
// the leader sees where the two logs have parted, and this one is cut there before anything is appended (KIP-595, KIP-320).

import type { Connection } from '../../client/connection.ts'
import { HeliostatError } from '../../platform/errors.ts'
import type { Clock, Logger, Timer } from '../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../protocol/errors.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import type { Response } from '../../protocol/schema.ts'
import { RecordsError } from '../../records/records-error.ts'
import type { Partition } from '../partition.ts'
import { type FetchPosition, FollowerSession } from './follower-session.ts'
import { truncationOffset } from './truncation.ts'

export interface ReplicaFetchLimits {
  readonly maxWaitMs: number
  readonly minBytes: number
  readonly maxBytes: number
  readonly partitionMaxBytes: number
  /** The longest pause after an error; the first is short. */
  readonly backoffMs: number
  readonly requestTimeoutMs: number
}

export interface ReplicaFetcherOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly nodeId: number
  readonly leaderId: number
  /** −1: not registered. */
  readonly brokerEpoch: () => number
  readonly limits: ReplicaFetchLimits
  /** To the leader, wherever it is now. */
  readonly dial: () => Promise<Connection>
  /** Takes the memory of records that are in the log, or are not wanted. */
  readonly giveBack: (records: Uint8Array) => void
}

type FetchedPartition = Response<typeof fetch>['responses'][number]['partitions'][number]

interface Followed {
  readonly partition: Partition
  /** It is left out of fetches: for a while, while the leader is asked where its log begins, or until the metadata says something new. */
  isHeld: boolean
  timer: Timer | undefined
  failures: number
}

const FIRST_BACKOFF_MS = 10
const TIMESTAMP = { LATEST: -1, EARLIEST: -2 } as const
const SESSION_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
  ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
])

/**
 * 1. What is answered is used only while the partition still follows this leader in the epoch that was asked for, and its log still ends
 *    where the fetch began.
 * 2. Two fetches at most are under way; the second only cuts the wait of the first short, so that a new partition need not wait for it.
 * 3. A partition's trouble is its own: it is held back, the others go on.
 */
export class ReplicaFetcher {
  readonly #options: ReplicaFetcherOptions
  readonly #log: Logger
  readonly #followed = new Map<string, Followed>()
  readonly #session = new FollowerSession()
  #connection: Connection | undefined
  #inFlight = 0
  #failures = 0
  #closed = false
  #wake: () => void = () => {}

  constructor(options: ReplicaFetcherOptions) {
    this.#options = options
    this.#log = options.log.child({ leader: options.leaderId })
    void this.#work()
  }

  get leaderId(): number {
    return this.#options.leaderId
  }

  /** How many partitions it follows. */
  get size(): number {
    return this.#followed.size
  }

  /** Follows the partition from the end of its log, in its present epoch. */
  add(partition: Partition): void {
    const key = keyOf(partition)
    this.#followed.get(key)?.timer?.cancel()
    this.#followed.set(key, { partition, isHeld: false, timer: undefined, failures: 0 })
    this.#hurry()
  }

  remove(partition: Partition): void {
    const key = keyOf(partition)
    const followed = this.#followed.get(key)
    if (followed?.partition !== partition) return
    followed.timer?.cancel()
    this.#followed.delete(key)
  }

  close(): void {
    this.#closed = true
    for (const { timer } of this.#followed.values()) timer?.cancel()
    this.#followed.clear()
    this.#connection?.close()
    this.#wake()
  }

  async #work(): Promise<void> {
    while (!this.#closed) {
      if (this.#positions().length === 0) await this.#woken()
      else await this.#attempt()
    }
  }

  async #attempt(): Promise<void> {
    try {
      const connection = await this.#connect()
      await this.#fetch(connection)
      this.#failures = 0
    } catch (error) {
      this.#session.failed()
      this.#connection?.close()
      if (this.#closed) return
      const { message } = error as Error
      if (!(error instanceof HeliostatError))
        this.#log.error('replica.broken', message, { error: (error as Error).stack })
      else if (this.#failures === 0) this.#log.info('replica.fetch-failed', message)
      await this.#woken(this.#backoff(this.#failures++))
    }
  }

  async #connect(): Promise<Connection> {
    if (this.#connection?.isOpen) return this.#connection
    this.#session.failed()
    const connection = await this.#options.dial()
    if (this.#closed) connection.close()
    this.#connection = connection
    return connection
  }

  async #fetch(connection: Connection): Promise<void> {
    const { limits, nodeId, brokerEpoch } = this.#options
    const { maxWaitMs, minBytes, maxBytes, requestTimeoutMs } = limits
    const replicaState = { replicaId: nodeId, replicaEpoch: brokerEpoch() }
    const { number, ...request } = this.#session.request(this.#positions())
    const topics = request.topics.map(({ topicId, partitions }) => ({
      topicId,
      partitions: partitions.map(({ topicId: _, ...position }) => ({
        ...position,
        partitionMaxBytes: limits.partitionMaxBytes,
      })),
    }))
    this.#inFlight++
    try {
      const asked = { ...request, topics, replicaState, maxWaitMs, minBytes, maxBytes }
      const response = await connection.send(fetch, asked, { timeoutMs: maxWaitMs + requestTimeoutMs })
      if (!this.#closed) this.#answered(response, number)
      this.#giveBack(response)
    } finally {
      this.#inFlight--
    }
  }

  #answered({ errorCode, sessionId, responses }: Response<typeof fetch>, number: number): void {
    if (errorCode !== ErrorCode.NONE) {
      this.#session.failed()
      if (SESSION_ERRORS.has(errorCode)) return
      throw new HeliostatError('HEL_REFUSED', `the leader refuses a fetch with ${errorOf(errorCode).name}`, {
        retriable: true,
      })
    }
    this.#session.answered(sessionId)
    let isWasted = false
    for (const { topicId, partitions } of responses) {
      for (const fetched of partitions) {
        const told = this.#session.told(topicId, fetched.partitionIndex, number)
        const followed = this.#followed.get(`${topicId}:${fetched.partitionIndex}`)
        if (!followed) continue
        if (told && this.#isCurrent(followed, told)) this.#take(followed, fetched)
        else isWasted = true
      }
    }
    // The leader takes what it has told as heard, a high watermark too, and says nothing of it again in this session.
    if (isWasted) this.#session.failed()
  }

  #giveBack({ responses }: Response<typeof fetch>): void {
    for (const { partitions } of responses) {
      for (const { records } of partitions) for (const bytes of records ?? []) this.#options.giveBack(bytes)
    }
  }

  /** Invariant 1. */
  #isCurrent({ partition, isHeld }: Followed, told: FetchPosition): boolean {
    const isFollowing =
      partition.leaderId === this.#options.leaderId && partition.leaderEpoch === told.currentLeaderEpoch
    return isFollowing && !isHeld && partition.log.logEndOffset === told.fetchOffset
  }

  #take(followed: Followed, fetched: FetchedPartition): void {
    const { partition } = followed
    const { errorCode, divergingEpoch } = fetched
    try {
      if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) void this.#reset(followed)
      else if (errorCode === ErrorCode.FENCED_LEADER_EPOCH) this.#await(followed)
      else if (errorCode !== ErrorCode.NONE) this.#postpone(followed, errorCode)
      else if (divergingEpoch.endOffset >= 0) {
        this.#truncate(partition, { leaderEpoch: divergingEpoch.epoch, endOffset: divergingEpoch.endOffset })
      } else {
        const refused = partition.copy({ ...fetched, records: fetched.records ?? [] })
        if (refused) this.#refused(followed, refused.error, refused.message)
        else followed.failures = 0
      }
    } catch (error) {
      const errorCode = error instanceof RecordsError ? ErrorCode.CORRUPT_MESSAGE : ErrorCode.KAFKA_STORAGE_ERROR
      this.#refused(followed, errorCode, (error as Error).message)
    }
  }

  #truncate(partition: Partition, leader: { leaderEpoch: number; endOffset: number }): void {
    const { log } = partition
    const offset = truncationOffset(leader, log)
    this.#log.info('replica.truncated', 'the log has parted from its leader’s and is cut', {
      ...at(partition),
      offset,
      logEndOffset: log.logEndOffset,
      highWatermark: log.highWatermark,
    })
    partition.truncateTo(offset)
  }

  /** The leader's log ends before this one, after an election of somebody who was not in sync, or begins behind its end. */
  async #reset(followed: Followed): Promise<void> {
    const { partition } = followed
    const { leaderEpoch } = partition
    followed.isHeld = true
    try {
      const end = await this.#ask(partition, TIMESTAMP.LATEST)
      const start = await this.#ask(partition, TIMESTAMP.EARLIEST)
      if (!this.#follows(followed) || partition.leaderEpoch !== leaderEpoch) return
      const { logEndOffset } = partition.log
      const where = { ...at(partition), logEndOffset, leaderStartOffset: start, leaderEndOffset: end }
      this.#log.warn('replica.reset', 'the log does not meet its leader’s', where)
      if (end < logEndOffset) partition.truncateTo(end)
      else if (start > logEndOffset) partition.startOverAt(start)
      this.#release(followed)
    } catch (error) {
      if (!this.#follows(followed)) return
      this.#log.warn('replica.reset-failed', (error as Error).message, at(partition))
      this.#hold(followed, this.#backoff(followed.failures++))
    }
  }

  async #ask(partition: Partition, timestamp: number): Promise<number> {
    const connection = await this.#connect()
    const asked = { partitionIndex: partition.partitionId, currentLeaderEpoch: partition.leaderEpoch, timestamp }
    const { topics } = await connection.send(listOffsets, {
      replicaId: this.#options.nodeId,
      isolationLevel: 0,
      topics: [{ name: partition.topic, partitions: [asked] }],
    })
    const { errorCode, offset } = topics[0]!.partitions[0]!
    if (errorCode === ErrorCode.NONE) return offset
    throw new HeliostatError('HEL_REFUSED', `the leader does not tell its offsets: ${errorOf(errorCode).name}`, {
      retriable: true,
    })
  }

  #follows(followed: Followed): boolean {
    return !this.#closed && this.#followed.get(keyOf(followed.partition)) === followed
  }

  /** What came cannot be appended. A damaged batch may come whole the next time; a log that cannot be written is given up. */
  #refused(followed: Followed, errorCode: number, message: string): void {
    const { partition } = followed
    this.#log.error('replica.failed', message, { ...at(partition), error: errorOf(errorCode).name })
    if (partition.log.failure) this.#await(followed)
    else this.#hold(followed, this.#backoff(followed.failures++))
  }

  #postpone(followed: Followed, errorCode: number): void {
    const { name } = errorOf(errorCode)
    this.#log.debug('replica.postponed', `the leader answers ${name}`, at(followed.partition))
    this.#hold(followed, this.#backoff(followed.failures++))
  }

  #hold(followed: Followed, ms: number): void {
    followed.isHeld = true
    followed.timer = this.#options.clock.setTimer(ms, () => this.#release(followed))
  }

  #release(followed: Followed): void {
    followed.isHeld = false
    followed.timer = undefined
    this.#hurry()
  }

  /** Until it is added anew. */
  #await(followed: Followed): void {
    followed.isHeld = true
  }

  #backoff(failures: number): number {
    return Math.min(FIRST_BACKOFF_MS * 2 ** failures, this.#options.limits.backoffMs)
  }

  #positions(): FetchPosition[] {
    const positions: FetchPosition[] = []
    for (const { partition, isHeld } of this.#followed.values()) {
      if (isHeld) continue
      const { log, topicId, partitionId, leaderEpoch } = partition
      positions.push({
        topicId,
        partition: partitionId,
        currentLeaderEpoch: leaderEpoch,
        fetchOffset: log.logEndOffset,
        lastFetchedEpoch: log.epochs.latestEpoch ?? -1,
        logStartOffset: log.logStartOffset,
      })
    }
    return positions
  }

  /** There is something new to fetch. */
  #hurry(): void {
    this.#wake()
    const connection = this.#connection
    if (this.#inFlight !== 1 || !this.#session.isOpen || !connection?.isOpen) return
    // What it answers is told by the first of the two, or by the end of the connection.
    this.#fetch(connection).catch(() => this.#session.failed())
  }

  /** Resolves when there is something to do, or after a while. */
  #woken(ms?: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = ms === undefined ? undefined : this.#options.clock.setTimer(ms, () => this.#wake())
      this.#wake = () => {
        timer?.cancel()
        this.#wake = () => {}
        resolve()
      }
    })
  }
}

function keyOf({ topicId, partitionId }: Partition): string {
  return `${topicId}:${partitionId}`
}

function at({ topic, partitionId }: Partition) {
  return { topic, partition: partitionId }
}
