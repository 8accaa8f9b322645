// What the target has of a partition: where its log ends, and the header of the batch at a place. All that is known of the
// fate of requests comes from here, so it reads what the leader would serve, never what we believe to have sent.
import type { ClusterClient } from '../client/cluster-client.ts'
import { LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { refusal } from '../client/refusal.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { describeProducers } from '../protocol/messages/describe-producers.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import { type RecordBatch, splitBatches } from '../records/record-batch.ts'

export interface Tail {
  readonly end: number
  /** The batch that ends there; undefined when the log holds nothing. */
  readonly batch: BatchHeader | undefined
}

export interface BatchHeader {
  readonly baseOffset: number
  readonly lastOffset: number
  readonly lastOffsetDelta: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly crc: number
  /** A marker of transactions. */
  readonly isControl: boolean
}

interface Question {
  readonly topicPartition: TopicPartition
  readonly offset: number
  resolve(batch: BatchHeader | undefined): void
  reject(error: unknown): void
}

/** Tail batches are whole in the answer, so a request names few partitions. */
const PARTITIONS_PER_REQUEST = 16
const PARTITION_BYTES = 1024 * 1024
const REQUEST_BYTES = 32 * 1024 * 1024
const SESSIONLESS = -1

export class TailReader {
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #offsets: OffsetLookup
  #questions: Question[] = []

  constructor(platform: Platform, client: ClusterClient) {
    this.#platform = platform
    this.#client = client
    this.#offsets = new OffsetLookup(platform, client)
  }

  async tail(topicPartition: TopicPartition): Promise<Tail> {
    const end = await this.#offsets.find(topicPartition, LATEST)
    return { end, batch: end > 0 ? await this.batchAt(topicPartition, end - 1) : undefined }
  }

  /** The batch that covers the offset; undefined when retention has taken it. */
  batchAt(topicPartition: TopicPartition, offset: number): Promise<BatchHeader | undefined> {
    return new Promise((resolve, reject) => {
      this.#questions.push({ topicPartition, offset, resolve, reject })
      if (this.#questions.length === 1) this.#platform.clock.defer(() => this.#ask())
    })
  }

  /** Those whose sequences its leader remembers; none where it does not tell: before Kafka 2.8, or without READ. */
  async producers(topicPartition: TopicPartition): Promise<ReadonlySet<number>> {
    const { topic, partition } = topicPartition
    const leader = this.#client.leaderOf(topic, partition)
    if (!leader) throw unreadable(topicPartition, ErrorCode.LEADER_NOT_AVAILABLE)
    try {
      const connection = await this.#client.node(leader.nodeId, 'control')
      const { topics } = await connection.send(describeProducers, {
        topics: [{ name: topic, partitionIndexes: [partition] }],
      })
      const { errorCode, activeProducers } = topics[0]!.partitions[0]!
      if (errorCode !== ErrorCode.NONE) throw unreadable(topicPartition, errorCode)
      return new Set(activeProducers.map(({ producerId }) => producerId))
    } catch (error) {
      if (!(error instanceof HeliostatError) || error.retriable) throw error
      return new Set()
    }
  }

  #ask(): void {
    const byLeader = new Map<number, Question[]>()
    for (const question of this.#questions) {
      const leader = this.#client.leaderOf(question.topicPartition.topic, question.topicPartition.partition)
      if (!leader) question.reject(unreadable(question.topicPartition, ErrorCode.LEADER_NOT_AVAILABLE))
      else if (byLeader.has(leader.nodeId)) byLeader.get(leader.nodeId)!.push(question)
      else byLeader.set(leader.nodeId, [question])
    }
    this.#questions = []
    for (const [nodeId, questions] of byLeader)
      for (let at = 0; at < questions.length; at += PARTITIONS_PER_REQUEST) {
        const some = questions.slice(at, at + PARTITIONS_PER_REQUEST)
        this.#askNode(nodeId, some).catch((error) => {
          for (const question of some) question.reject(error)
        })
      }
  }

  async #askNode(nodeId: number, questions: readonly Question[]): Promise<void> {
    const connection = await this.#client.node(nodeId, 'control')
    const topics = this.#client.topics()
    const version = connection.versionOf(fetch)
    const open = new Map(questions.map((question) => [question.topicPartition, question]))
    const response = await connection.send(
      fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: REQUEST_BYTES,
        isolationLevel: 0,
        sessionEpoch: SESSIONLESS,
        forgottenTopicsData: [],
        topics: [...open.values()].map(({ topicPartition, offset }) => ({
          topic: topicPartition.topic,
          topicId: topics.get(topicPartition.topic)?.topicId,
          partitions: [
            { partition: topicPartition.partition, fetchOffset: offset, partitionMaxBytes: PARTITION_BYTES },
          ],
        })),
      },
      { version },
    )
    const names = new Map([...topics.values()].map(({ topicId, name }) => [topicId, name]))
    for (const { topic, topicId, partitions } of response.responses)
      for (const answer of partitions) {
        const name = version >= 13 ? names.get(topicId) : topic
        const topicPartition = TopicPartition.of(name ?? topic, answer.partitionIndex)
        const question = open.get(topicPartition)
        open.delete(topicPartition)
        if (question) settle(question, answer.errorCode, answer.records)
      }
    for (const question of open.values())
      question.reject(unreadable(question.topicPartition, response.errorCode || ErrorCode.UNKNOWN_TOPIC_OR_PARTITION))
  }
}

function settle(question: Question, errorCode: number, records: readonly Buffer[] | null): void {
  if (errorCode === ErrorCode.OFFSET_OUT_OF_RANGE) {
    question.resolve(undefined)
    return
  }
  if (errorCode !== ErrorCode.NONE) {
    question.reject(unreadable(question.topicPartition, errorCode))
    return
  }
  const batches = (records ?? []).flatMap((bytes) => splitBatches(bytes).batches)
  const batch = batches.find(({ lastOffset }) => lastOffset >= question.offset)
  // Its bytes are not kept: one header would hold a whole frame.
  if (!batch) {
    question.reject(unreadable(question.topicPartition, ErrorCode.OFFSET_NOT_AVAILABLE))
    return
  }
  question.resolve(headerOf(batch))
}

export function headerOf(batch: RecordBatch): BatchHeader {
  const { baseOffset, lastOffset, lastOffsetDelta, producerId, producerEpoch, baseSequence, crc, isControl } = batch
  return { baseOffset, lastOffset, lastOffsetDelta, producerId, producerEpoch, baseSequence, crc, isControl }
}

function unreadable(topicPartition: TopicPartition, errorCode: number): HeliostatError {
  const { topic, partition } = topicPartition
  const what = `the tail of ${topicPartition} cannot be read`
  return refusal('HEL_TAIL_UNREADABLE', what, errorCode, { where: { topic, partition } })
}
