// Produce for many partitions at once, under acks=all: what is handed over in the same turn of the event loop shares a request per leader.
// Nothing is sent twice; what became of a batch after an error only its partition's log can tell.
//
// Invariants:
// 1. A request names a partition at most once: a broker appends only the last of two (silently).
// 2. Batches of a partition leave in the order in which they were handed over, over one connection, as long as its leader stays.
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { produce } from '../protocol/messages/produce.ts'
import type { ClusterClient } from './cluster-client.ts'
import { TopicPartition, withoutLeader } from './topic-partition.ts'

/** What the leader said of a batch. */
export interface Appended {
  /** Of Kafka. */
  readonly errorCode: number
  /** Where its first record stands, without an error. */
  readonly baseOffset: number
}

interface Append {
  readonly topicPartition: TopicPartition
  readonly batch: Buffer
  resolve(appended: Appended): void
  reject(error: HeliostatError): void
}

/** From version 13 on a request names topics by id only. */
const VERSION_MAX = 12
const ALL_IN_SYNC = -1
const TIMEOUT_MS = 30_000
/** A single larger batch goes alone. */
const REQUEST_BYTES = 1024 * 1024

export class LogAppender {
  readonly #platform: Platform
  readonly #client: ClusterClient
  #appends: Append[] = []

  constructor(platform: Platform, client: ClusterClient) {
    this.#platform = platform
    this.#client = client
  }

  /** Rejects when there is no leader, or no answer: then it may stand in the log, or come to stand there. */
  append(topicPartition: TopicPartition, batch: Buffer): Promise<Appended> {
    return new Promise((resolve, reject) => {
      this.#appends.push({ topicPartition, batch, resolve, reject })
      if (this.#appends.length === 1) this.#platform.clock.defer(() => this.#send())
    })
  }

  #send(): void {
    const appends = this.#appends
    this.#appends = []
    const leaderOf = ({ topicPartition: { topic, partition } }: Append) =>
      this.#client.leaderOf(topic, partition)?.nodeId
    for (const [nodeId, ofNode] of Map.groupBy(appends, leaderOf))
      if (nodeId === undefined) void this.#refuse(ofNode)
      else for (const request of inRequests(ofNode)) void this.#sendTo(nodeId, request)
  }

  /** Whoever tries again finds a leader sooner. */
  async #refuse(appends: readonly Append[]): Promise<void> {
    const failure = await this.#client.refresh().catch((error: HeliostatError) => error)
    for (const { topicPartition, reject } of appends) reject(failure ?? withoutLeader(topicPartition))
  }

  async #sendTo(nodeId: number, appends: readonly Append[]): Promise<void> {
    try {
      const connection = await this.#client.node(nodeId, 'control')
      const version = Math.min(VERSION_MAX, connection.versionOf(produce))
      const request = { acks: ALL_IN_SYNC, timeoutMs: TIMEOUT_MS, topicData: topicDataOf(appends) }
      const { responses } = await connection.send(produce, request, { version })
      const answers = new Map<TopicPartition, Appended>()
      for (const { name, partitionResponses } of responses)
        for (const answer of partitionResponses) answers.set(TopicPartition.of(name, answer.index), answer)
      for (const { topicPartition, resolve, reject } of appends) {
        const answer = answers.get(topicPartition)
        if (answer) resolve(answer)
        else reject(withoutLeader(topicPartition))
      }
    } catch (error) {
      for (const { reject } of appends) reject(error as HeliostatError)
    }
  }
}

function inRequests(appends: readonly Append[]): Append[][] {
  const requests: Append[][] = []
  let bytes = Number.POSITIVE_INFINITY
  const named = new Set<TopicPartition>()
  for (const append of appends) {
    if (bytes + append.batch.length > REQUEST_BYTES || named.has(append.topicPartition)) {
      requests.push([])
      named.clear()
      bytes = 0
    }
    requests.at(-1)!.push(append)
    named.add(append.topicPartition)
    bytes += append.batch.length
  }
  return requests
}

function topicDataOf(appends: readonly Append[]) {
  const topics = Map.groupBy(appends, ({ topicPartition: { topic } }) => topic)
  return [...topics].map(([name, ofTopic]) => ({
    name,
    partitionData: ofTopic.map(({ topicPartition: { partition }, batch }) => ({ index: partition, records: [batch] })),
  }))
}
