// One incremental fetch session (KIP-227) with one broker, as a pure machine: which partitions the next Fetch names, which
// it forgets, under which session id and epoch. The broker remembers the rest, so an idle cluster of thousands of partitions
// costs a request of a few bytes.
//
// Invariants:
// 1. What the broker knows (`#known`) changes only when a request is made; a request that fails starts the session anew.
// 2. A partition is named when the broker does not know it or when what it should fetch differs from what it was told.
// 3. A topic id that changed is forgotten under its old id and named under its new one, in the same request.
import type { TopicPartition } from '../client/topic-partition.ts'

/** What to fetch of one partition; the names are Kafka's. */
export interface FetchTarget {
  readonly topicPartition: TopicPartition
  readonly topicId: string
  readonly fetchOffset: number
  readonly currentLeaderEpoch: number
  /** Epoch of the record before `fetchOffset`, −1 when unknown: lets the broker see that our history is not its own. */
  readonly lastFetchedEpoch: number
}

interface NamedPartition {
  readonly partition: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  readonly partitionMaxBytes: number
}

/** The part of a Fetch request that the session decides. */
export interface SessionRequest {
  readonly sessionId: number
  readonly sessionEpoch: number
  readonly topics: { topic: string; topicId: string; partitions: NamedPartition[] }[]
  readonly forgottenTopicsData: { topic: string; topicId: string; partitions: number[] }[]
}

const INITIAL_EPOCH = 0
const NO_SESSION = 0
const EPOCH_MAX = 2 ** 31 - 1

export class FetchSession {
  readonly #partitionMaxBytes: number
  readonly #wanted = new Map<TopicPartition, FetchTarget>()
  readonly #known = new Map<TopicPartition, FetchTarget>()
  readonly #changed = new Set<TopicPartition>()
  #sessionId = NO_SESSION
  #epoch = INITIAL_EPOCH

  constructor(options: { partitionMaxBytes: number }) {
    this.#partitionMaxBytes = options.partitionMaxBytes
  }

  /** Fetch this partition from here on, in place of what was wanted before. */
  want(target: FetchTarget): void {
    this.#wanted.set(target.topicPartition, target)
    this.#changed.add(target.topicPartition)
  }

  drop(topicPartition: TopicPartition): void {
    if (this.#wanted.delete(topicPartition)) this.#changed.add(topicPartition)
  }

  target(topicPartition: TopicPartition): FetchTarget | undefined {
    return this.#wanted.get(topicPartition)
  }

  /** Whether the broker was told this very target, and nothing else was wanted since. */
  wasAskedFor(target: FetchTarget): boolean {
    return this.#known.get(target.topicPartition) === target
  }

  /** How many partitions the next request asks for, named or remembered. */
  get size(): number {
    return this.#wanted.size
  }

  /** The next request; the caller has one in flight at most. */
  next(): SessionRequest {
    const topics = new Map<string, SessionRequest['topics'][number]>()
    const forgotten = new Map<string, SessionRequest['forgottenTopicsData'][number]>()
    for (const topicPartition of this.#changed) {
      const wanted = this.#wanted.get(topicPartition)
      const known = this.#known.get(topicPartition)
      if (known && (!wanted || wanted.topicId !== known.topicId)) this.#forget(forgotten, known)
      if (wanted && known && sameTarget(wanted, known)) this.#known.set(topicPartition, wanted)
      else if (wanted) this.#name(topics, wanted)
    }
    this.#changed.clear()
    const full = this.#epoch === INITIAL_EPOCH
    return {
      sessionId: this.#sessionId,
      sessionEpoch: this.#epoch,
      topics: [...topics.values()],
      // A full request forgets by not naming.
      forgottenTopicsData: full ? [] : [...forgotten.values()],
    }
  }

  /** The broker answered the last request without an error of its own. */
  answered(sessionId: number): void {
    if (sessionId === NO_SESSION) {
      this.#startAnew(NO_SESSION) // the broker has no room for sessions
      return
    }
    this.#sessionId = sessionId
    this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1
  }

  /** The last request failed as a whole, or its answer never came. Under the same id, so that the broker can let go of it. */
  failed(): void {
    this.#startAnew(this.#sessionId)
  }

  /** A new connection: the old session is of no use to it. */
  reset(): void {
    this.#startAnew(NO_SESSION)
  }

  #startAnew(sessionId: number): void {
    this.#sessionId = sessionId
    this.#epoch = INITIAL_EPOCH
    this.#known.clear()
    this.#changed.clear()
    for (const topicPartition of this.#wanted.keys()) this.#changed.add(topicPartition)
  }

  #name(topics: Map<string, SessionRequest['topics'][number]>, target: FetchTarget): void {
    const { topic, partition } = target.topicPartition
    const entry = entryOf(topics, `${topic}/${target.topicId}`, () => ({
      topic,
      topicId: target.topicId,
      partitions: [],
    }))
    entry.partitions.push({
      partition,
      currentLeaderEpoch: target.currentLeaderEpoch,
      fetchOffset: target.fetchOffset,
      lastFetchedEpoch: target.lastFetchedEpoch,
      partitionMaxBytes: this.#partitionMaxBytes,
    })
    this.#known.set(target.topicPartition, target)
  }

  #forget(topics: Map<string, SessionRequest['forgottenTopicsData'][number]>, known: FetchTarget): void {
    const { topic, partition } = known.topicPartition
    const entry = entryOf(topics, `${topic}/${known.topicId}`, () => ({
      topic,
      topicId: known.topicId,
      partitions: [],
    }))
    entry.partitions.push(partition)
    this.#known.delete(known.topicPartition)
  }
}

function sameTarget(a: FetchTarget, b: FetchTarget): boolean {
  return (
    a.fetchOffset === b.fetchOffset &&
    a.currentLeaderEpoch === b.currentLeaderEpoch &&
    a.lastFetchedEpoch === b.lastFetchedEpoch &&
    a.topicId === b.topicId
  )
}

function entryOf<Entry>(entries: Map<string, Entry>, key: string, make: () => Entry): Entry {
  let entry = entries.get(key)
  if (!entry) {
    entry = make()
    entries.set(key, entry)
  }
  return entry
}
