// A follower's side of one incremental fetch session (KIP-227) with one leader: what the next Fetch names, and what it forgets.

/** What is fetched of one partition; the names are Kafka's. */
export interface FetchPosition {
  readonly topicId: string
  readonly partition: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  /** Of the last record before it; −1: there is none. */
  readonly lastFetchedEpoch: number
  readonly logStartOffset: number
}

export interface SessionRequest {
  /** Which of this side's requests it is; the answer is read by what was told up to there. */
  readonly number: number
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: { topicId: string; partitions: FetchPosition[] }[]
  readonly forgottenTopicsData: { topicId: string; partitions: number[] }[]
}

const NO_SESSION = 0
const INITIAL_EPOCH = 0
const EPOCH_MAX = 2 ** 31 - 1

interface Told {
  readonly position: FetchPosition
  /** The request that told it. */
  readonly number: number
}

/**
 * 1. `#told` is what the leader knows: it changes with a request, and a request that fails makes it unknown.
 * 2. A partition is named when the leader was told something else of it, or nothing.
 */
export class FollowerSession {
  readonly #told = new Map<string, Told>()
  #number = 0
  #id = NO_SESSION
  #epoch = INITIAL_EPOCH

  get isOpen(): boolean {
    return this.#epoch !== INITIAL_EPOCH
  }

  /** The next request, for exactly these partitions. */
  request(wanted: Iterable<FetchPosition>): SessionRequest {
    const topics = new Map<string, SessionRequest['topics'][number]>()
    const forgotten = new Map<string, SessionRequest['forgottenTopicsData'][number]>()
    const gone = new Set(this.#told.keys())
    const number = ++this.#number
    for (const position of wanted) {
      const { topicId } = position
      const key = keyOf(topicId, position.partition)
      gone.delete(key)
      const told = this.#told.get(key)
      if (told && isSame(told.position, position)) continue
      this.#told.set(key, { position, number })
      const topic = topics.get(topicId) ?? { topicId, partitions: [] }
      topics.set(topicId, topic)
      topic.partitions.push(position)
    }
    for (const key of gone) {
      const { topicId, partition } = this.#told.get(key)!.position
      this.#told.delete(key)
      const topic = forgotten.get(topicId) ?? { topicId, partitions: [] }
      forgotten.set(topicId, topic)
      topic.partitions.push(partition)
    }
    const request = {
      number,
      sessionId: this.#id,
      sessionEpoch: this.#epoch,
      topics: [...topics.values()],
      // A full request forgets by not naming.
      forgottenTopicsData: this.#epoch === INITIAL_EPOCH ? [] : [...forgotten.values()],
    }
    if (this.#epoch !== INITIAL_EPOCH) this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1
    return request
  }

  /** What the leader answers when it answers this request; undefined when it has been told something else since. */
  told(topicId: string, partition: number, number: number): FetchPosition | undefined {
    const told = this.#told.get(keyOf(topicId, partition))
    return told && told.number <= number ? told.position : undefined
  }

  /** The leader has answered in this session; none: it had no room for one, so that each request is in full. */
  answered(sessionId: number): void {
    if (sessionId === NO_SESSION) this.failed()
    else if (this.#id !== sessionId || this.#epoch === INITIAL_EPOCH) {
      this.#id = sessionId
      this.#epoch = 1
    }
  }

  /** A request failed as a whole, or its answer never came. */
  failed(): void {
    this.#told.clear()
    this.#id = NO_SESSION
    this.#epoch = INITIAL_EPOCH
  }
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}:${partition}`
}

function isSame(one: FetchPosition, other: FetchPosition): boolean {
  return (
    one.fetchOffset === other.fetchOffset &&
    one.currentLeaderEpoch === other.currentLeaderEpoch &&
    one.lastFetchedEpoch === other.lastFetchedEpoch &&
    one.logStartOffset === other.logStartOffset
  )
}
