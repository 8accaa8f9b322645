// The topics of a plane on another thread, as it told of them, over the lives of that thread: counters go on from where the last thread left
// them, and a partition of which the new one does not tell yet is shown as it was last seen.
//
// Invariants:
// 1. A counter never falls while its partition stays with the plane.
// 2. `#unseen` and `#told` share no partition.
import { TopicPartition } from '../client/topic-partition.ts'
import { sumOfCounts } from './error-counts.ts'
import { type Moved, type PartitionStatus, sumOfMoved, type TopicStatus } from './status.ts'

type Counts = Pick<PartitionStatus, 'records' | 'bytes' | 'fetchedBytes' | 'rewritten'>

interface Seen {
  readonly remoteTopic: string
  readonly status: PartitionStatus
  /** When it was last told of, monotonic. */
  readonly atMs: number
}

/** It speaks three times a second. */
const SILENT_MS = 2_000

export class ToldTopics {
  readonly #told = new Map<TopicPartition, Seen>()
  readonly #unseen = new Map<TopicPartition, Seen>()
  #silence: string | undefined
  /** By threads that have ended. */
  readonly #counted = new Map<TopicPartition, Counts>()

  /** All that the thread has now. */
  tell(topics: readonly TopicStatus[], nowMs: number): void {
    this.#told.clear()
    for (const { topic, remoteTopic, partitions } of topics)
      for (const status of partitions) {
        const topicPartition = TopicPartition.of(topic, status.partition)
        this.#told.set(topicPartition, { remoteTopic, status, atMs: nowMs })
        this.#unseen.delete(topicPartition)
      }
  }

  /** It is there and says nothing; undefined: it does again. */
  silent(reason: string | undefined): void {
    this.#silence = reason
  }

  /** The thread has ended; another one follows. */
  ended(reason: string): void {
    this.#silence = undefined
    for (const [topicPartition, seen] of this.#told) {
      const { status } = seen
      const counts = this.#countsOf(topicPartition, status)
      this.#counted.set(topicPartition, counts)
      this.#unseen.set(topicPartition, { ...seen, status: { ...status, state: 'recovering', reason } })
    }
    this.#told.clear()
  }

  /** Forgets partitions that are the plane's no more. */
  keep(isOurs: (topicPartition: TopicPartition) => boolean): void {
    for (const partitions of [this.#told, this.#unseen, this.#counted])
      for (const topicPartition of partitions.keys()) if (!isOurs(topicPartition)) partitions.delete(topicPartition)
  }

  /** Of the threads that have ended, too. */
  get moved(): Moved {
    return sumOfMoved([...Array.from(this.#told.values(), ({ status }) => status), ...this.#counted.values()])
  }

  topics(nowMs: number): TopicStatus[] {
    const topics = new Map<string, { topic: string; remoteTopic: string; partitions: PartitionStatus[] }>()
    for (const partitions of [this.#told, this.#unseen])
      for (const [topicPartition, { remoteTopic, status, atMs }] of partitions) {
        const { topic } = topicPartition
        const found = topics.get(topic) ?? { topic, remoteTopic, partitions: [] }
        topics.set(topic, found)
        // What was behind when the thread fell silent is so much further behind by now, and what was not may be.
        const silentMs = nowMs - atMs
        const rpoMs = status.rpoMs + (silentMs < SILENT_MS ? 0 : silentMs)
        const counts = partitions === this.#told ? status : NOTHING
        found.partitions.push({ ...this.#seen(status), ...this.#countsOf(topicPartition, counts), rpoMs })
      }
    return [...topics.values()]
  }

  /** Of a thread that says nothing, what moved when it last spoke does not. */
  #seen(status: PartitionStatus): PartitionStatus {
    if (this.#silence === undefined || status.state === 'stopped' || status.state === 'paused') return status
    return { ...status, state: 'recovering', reason: this.#silence }
  }

  #countsOf(topicPartition: TopicPartition, now: Counts): Counts {
    const before = this.#counted.get(topicPartition) ?? NOTHING
    return {
      records: before.records + now.records,
      bytes: before.bytes + now.bytes,
      fetchedBytes: before.fetchedBytes + now.fetchedBytes,
      rewritten: sumOfCounts([before.rewritten, now.rewritten] as Record<string, number>[]),
    }
  }
}

const NOTHING: Counts = { records: 0, bytes: 0, fetchedBytes: 0, rewritten: {} }
