// One of MirrorMaker's topics on the target: one partition, compacted, records written whole-state per key with acks=all. A
// record may be written twice after an unknown outcome; its readers keep the last one, so that is harmless.
import { retry } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { LogAppender } from '../client/log-appender.ts'
import { refusal } from '../client/refusal.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import { BatchBuilder } from '../records/batch-builder.ts'

const PARTITION = 0
const BATCH_BYTES = 256 * 1024
const REPLICAS = 3
const REQUEST_TIMEOUT_MS = 30_000
const RETRY = { initialMs: 100, maxMs: 5_000, timeoutMs: 20_000 }

export interface InternalTopicRecord {
  readonly key: Buffer
  /** Null takes the key away. */
  readonly value: Buffer | null
}

/**
 * 1. Batches of one topic are written one after the other, so the last state of a key is the last in the log.
 */
export class InternalTopic {
  readonly name: string
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #appender: LogAppender
  #last: Promise<void> = Promise.resolve()

  constructor(platform: Platform, client: ClusterClient, name: string) {
    this.#platform = platform
    this.#client = client
    this.#appender = new LogAppender(platform, client)
    this.name = name
  }

  /** Resolves when every record is on all in-sync replicas; the topic is made if it is not there. */
  write(records: readonly InternalTopicRecord[], signal?: AbortSignal): Promise<void> {
    const written = this.#last.then(() => this.#writeAll(records, signal))
    // The next writer goes on whatever became of this one; this one's failure is told to its own caller.
    this.#last = written.then(
      () => undefined,
      () => undefined,
    )
    return written
  }

  async #writeAll(records: readonly InternalTopicRecord[], signal: AbortSignal | undefined): Promise<void> {
    if (records.length === 0) return
    for (const batch of this.#batches(records)) await this.#retrying(signal, () => this.#produce(batch))
  }

  *#batches(records: readonly InternalTopicRecord[]): Generator<Buffer> {
    const timestamp = this.#platform.clock.now()
    let builder = new BatchBuilder({ baseOffset: 0 })
    for (const { key, value } of records) {
      if (builder.count > 0 && builder.sizeInBytes + key.length + (value?.length ?? 0) > BATCH_BYTES) {
        yield builder.build()
        builder = new BatchBuilder({ baseOffset: 0 })
      }
      builder.append({ timestamp, key, value })
    }
    yield builder.build()
  }

  #retrying(signal: AbortSignal | undefined, attempt: () => Promise<void>): Promise<void> {
    return retry(this.#platform.clock, this.#platform.random, { ...RETRY, signal }, attempt)
  }

  async #produce(batch: Buffer): Promise<void> {
    if (!this.#client.leaderOf(this.name, PARTITION)) await this.#locate()
    const { errorCode } = await this.#appender.append(TopicPartition.of(this.name, PARTITION), batch)
    if (errorCode === ErrorCode.NONE) return
    // The leader may have moved, or the topic may be gone: looking anew mends both.
    if (retriable(errorCode)) await this.#locate()
    throw this.#failed(errorCode, 'written')
  }

  /** Looks for the leader of the topic's partition; makes the topic when there is none. */
  async #locate(): Promise<void> {
    const { brokers, topics } = await this.#client.metadata([this.name])
    const errorCode = topics[0]?.errorCode ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if (errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) {
      await this.#create(Math.min(REPLICAS, brokers.length))
      await this.#client.metadata([this.name])
    } else if (errorCode !== ErrorCode.NONE) throw this.#failed(errorCode, 'found')
    if (!this.#client.leaderOf(this.name, PARTITION)) throw this.#failed(ErrorCode.LEADER_NOT_AVAILABLE, 'found')
  }

  async #create(replicationFactor: number): Promise<void> {
    const connection = await this.#client.controller()
    const configs = [{ name: 'cleanup.policy', value: 'compact' }]
    const response = await connection.send(createTopics, {
      topics: [{ name: this.name, numPartitions: 1, replicationFactor, assignments: [], configs }],
      timeoutMs: REQUEST_TIMEOUT_MS,
    })
    const errorCode = response.topics[0]?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR
    if (errorCode === ErrorCode.NONE)
      this.#platform.log.info('topic.created', `created ${this.name} on the target`, { topic: this.name })
    // Another instance was first: just as good.
    else if (errorCode !== ErrorCode.TOPIC_ALREADY_EXISTS) throw this.#failed(errorCode, 'created')
  }

  #failed(errorCode: number, verb: string): HeliostatError {
    return refusal('HEL_INTERNAL_TOPIC', `topic ${this.name} cannot be ${verb}`, errorCode, {
      retriable: retriable(errorCode),
      where: { topic: this.name },
    })
  }
}

/** An unknown topic is one that the brokers have not all heard of yet. */
function retriable(errorCode: number): boolean {
  return errorOf(errorCode).retriable || errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}
