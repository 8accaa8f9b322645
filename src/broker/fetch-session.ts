// Incremental fetch sessions (KIP-227), the broker's side: the partitions a client reads are kept between its fetches, so that
// requests and responses carry only what changed.

import { ErrorCode } from '../protocol/errors.ts'

/** A fetch outside any session, or the wish to end one. */
export const FINAL_EPOCH = -1
/** A full fetch that asks for a new session. */
export const INITIAL_EPOCH = 0
const EPOCH_MAX = 2_147_483_647

export interface FetchPartition {
  /** Empty when the topic is only known by an id that this broker cannot resolve. */
  readonly topic: string
  readonly topicId: string
  readonly partition: number
  readonly fetchOffset: number
  readonly maxBytes: number
  readonly currentLeaderEpoch: number
  readonly lastFetchedEpoch: number
  /** Of a follower's log. */
  readonly logStartOffset: number
}

/** What the client was last told of a partition. */
interface Told {
  readonly highWatermark: number
  readonly logStartOffset: number
}

interface Cached {
  request: FetchPartition
  told: Told | undefined
}

/**
 * 1. `partitions` stand in the order in which they are read; one that gave records goes to the end, so none starves.
 * 2. `epoch` is what the client's next request must carry.
 */
export class FetchSession {
  readonly id: number
  readonly usesTopicIds: boolean
  epoch = 1
  lastUsedMs: number
  /** Ends the wait of a fetch of this session: the client that sends the next one waits for nothing any more. */
  endWait: () => void = () => {}
  readonly #partitions = new Map<string, Cached>()

  constructor(id: number, usesTopicIds: boolean, nowMs: number) {
    this.id = id
    this.usesTopicIds = usesTopicIds
    this.lastUsedMs = nowMs
  }

  get size(): number {
    return this.#partitions.size
  }

  partitions(): FetchPartition[] {
    return [...this.#partitions.values()].map((cached) => cached.request)
  }

  update(partitions: readonly FetchPartition[], forgotten: readonly { topicKey: string; partition: number }[]): void {
    for (const { topicKey, partition } of forgotten) this.#partitions.delete(`${topicKey}:${partition}`)
    for (const request of partitions) {
      const cached = this.#partitions.get(this.#key(request))
      if (cached) cached.request = request
      else this.#partitions.set(this.#key(request), { request, told: undefined })
    }
  }

  advance(nowMs: number): void {
    this.lastUsedMs = nowMs
    this.epoch = this.epoch === EPOCH_MAX ? 1 : this.epoch + 1
  }

  /** Whether the answer says anything new of the partition; remembers what is told. */
  isNews(partition: FetchPartition, answer: Told & { errorCode: number; bytes: number; diverges: boolean }): boolean {
    const key = this.#key(partition)
    const cached = this.#partitions.get(key)
    if (!cached) return true
    const { highWatermark, logStartOffset, errorCode, bytes, diverges } = answer
    const { told } = cached
    const moved = told?.highWatermark !== highWatermark || told?.logStartOffset !== logStartOffset
    // After an error or a divergence the client must hear of the partition again whatever stands there then: it has taken nothing over.
    cached.told = errorCode === ErrorCode.NONE && !diverges ? { highWatermark, logStartOffset } : undefined
    if (bytes > 0) {
      this.#partitions.delete(key)
      this.#partitions.set(key, cached)
    }
    return moved || bytes > 0 || diverges || errorCode !== ErrorCode.NONE
  }

  #key({ topic, topicId, partition }: FetchPartition): string {
    return `${this.usesTopicIds ? topicId : topic}:${partition}`
  }
}

export interface FetchSessionLimits {
  readonly slots: number
  /** A session used more recently than this keeps its slot. */
  readonly minEvictionMs: number
}

/**
 * The sessions of a broker.
 *
 * 1. There are never more than `slots`; a session without a slot is simply not made, and the client fetches in full.
 * 2. Sessions stand in the order of last use, the oldest first.
 */
export class FetchSessions {
  readonly #limits: FetchSessionLimits
  readonly #nextId: () => number
  readonly #sessions = new Map<number, FetchSession>()

  /** `nextId` draws a positive int32 at random. */
  constructor(limits: FetchSessionLimits, nextId: () => number) {
    this.#limits = limits
    this.#nextId = nextId
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Without using it. */
  find(id: number): FetchSession | undefined {
    return this.#sessions.get(id)
  }

  close(id: number): void {
    this.#sessions.delete(id)
  }

  /** A new session when there is room for one of so many partitions. */
  open(usesTopicIds: boolean, partitionCount: number, nowMs: number): FetchSession | undefined {
    if (!this.#makeRoom(partitionCount, nowMs)) return undefined
    let id = this.#nextId()
    while (id === 0 || this.#sessions.has(id)) id = this.#nextId()
    const session = new FetchSession(id, usesTopicIds, nowMs)
    this.#sessions.set(id, session)
    return session
  }

  /** The session that the request continues, or the error to answer with. */
  resume(id: number, epoch: number, usesTopicIds: boolean, nowMs: number): FetchSession | number {
    const session = this.#sessions.get(id)
    if (!session) return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
    if (session.epoch !== epoch) return ErrorCode.INVALID_FETCH_SESSION_EPOCH
    if (session.usesTopicIds !== usesTopicIds) return ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR
    session.advance(nowMs)
    this.#sessions.delete(id)
    this.#sessions.set(id, session)
    return session
  }

  /** Evicts one that is stale, or that is smaller than the newcomer. */
  #makeRoom(partitionCount: number, nowMs: number): boolean {
    const { slots, minEvictionMs } = this.#limits
    if (this.#sessions.size < slots) return true
    const oldest = this.#sessions.values().next().value
    if (!oldest) return false
    if (nowMs - oldest.lastUsedMs > minEvictionMs) return this.#sessions.delete(oldest.id)
    let smallest = oldest
    for (const session of this.#sessions.values()) if (session.size < smallest.size) smallest = session
    return smallest.size < partitionCount ? this.#sessions.delete(smallest.id) : false
  }
}
