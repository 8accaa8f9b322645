import type { Logger, Platform } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { FramePool } from '../protocol/frame-pool.ts'
import type { BrokerConfig } from './broker-config.ts'
import { RESOURCE_TYPE, type ReadonlyMetadataImage, type TopicImage } from './coordinator/controller/metadata-image.ts'
import type { PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import { CLUSTER_METADATA } from './coordinator/controller/topic-name.ts'
import { logConfigFor } from './effective-config.ts'
import type { LogConfig } from './log/log-config.ts'
import { LogDirectory } from './log/log-directory.ts'
import type { PartitionLog } from './log/partition-log.ts'
import { Partition, type PartitionHost } from './partition.ts'
import { METADATA_LOG_CONFIG } from './raft/metadata-log.ts'
import { METADATA_TOPIC_ID } from './raft/raft-wire.ts'

/** What one round of fetches of a few consumers takes. */
const FREE_BUFFERS_BYTES_MAX = 32 * 1024 * 1024

/**
 * The partitions of this broker, on the logs of its data directory.
 *
 * 1. What the metadata gives to this broker is here and its log open; the metadata's own log is in the directory and not here.
 * 2. The log of a deleted topic does not outlive the start. One that the metadata never heard of is set aside, as by Kafka: it may be
 *    all that is left of something, and must not become the log of a topic that takes its name.
 */
export class PartitionStore {
  /** For what is read to be sent, and for what came to be appended. */
  readonly buffers = new FramePool({ freeBytesMax: FREE_BUFFERS_BYTES_MAX })
  readonly #directory: LogDirectory
  readonly #image: ReadonlyMetadataImage
  readonly #config: BrokerConfig
  readonly #log: Logger
  readonly #host: PartitionHost
  readonly #partitions = new Map<string, Map<number, Partition>>()
  /** Of the topics that set nothing themselves, most of many. */
  #defaultConfig: LogConfig | undefined

  /** Takes the data directory for this process and recovers its logs. */
  constructor(
    platform: Platform,
    path: string,
    { image, config, host }: { image: ReadonlyMetadataImage; config: BrokerConfig; host: PartitionHost },
  ) {
    this.#host = host
    this.#image = image
    this.#config = config
    this.#log = platform.log
    this.#directory = LogDirectory.open(platform, path, {
      configOf: (topic) => this.#configOf(topic),
      readBuffers: this.buffers,
      retentionCheckMs: config.number('log.retention.check.interval.ms'),
      // Without a pause there would be no time for anything else.
      compactionBackoffMs: () => Math.max(1, config.number('log.cleaner.backoff.ms')),
      checkpointMs: config.number('log.flush.offset.checkpoint.interval.ms'),
    })
  }

  get path(): string {
    return this.#directory.path
  }

  get(topic: string, partition: number): Partition | undefined {
    return this.#partitions.get(topic)?.get(partition)
  }

  /** The partition, or why a request for it is refused: whoever asks the wrong broker is told to look again. */
  find(topic: string, partition: number): Partition | number {
    const found = this.get(topic, partition)
    if (found) return found
    const isElsewhere = this.#image.topics.get(topic)?.partitions[partition] !== undefined
    return isElsewhere ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  }

  /** All of this broker, in no order. */
  *all(): Iterable<Partition> {
    for (const partitions of this.#partitions.values()) yield* partitions.values()
  }

  /** The partitions of a topic, by partition id. */
  of(topic: string): ReadonlyMap<number, Partition> {
    return this.#partitions.get(topic) ?? NO_PARTITIONS
  }

  /** The log of the cluster's metadata, from which the image is read. */
  openMetadata(): PartitionLog {
    return this.#directory.getOrCreate(CLUSTER_METADATA, 0, METADATA_TOPIC_ID)
  }

  /** Once the image is read: opens what it gives to this broker, and finishes the deletion of topics that a crash interrupted. */
  openAll(nodeId: number, deletedTopicIds: ReadonlySet<string>): void {
    for (const { topic, partition, log } of [...this.#directory.logs]) {
      const { topicId } = log
      const known = topicId === undefined ? this.#image.topics.get(topic) : this.#image.topicById(topicId)
      const isOurs = known?.partitions[partition]?.replicas.includes(nodeId)
      if (topic === CLUSTER_METADATA || isOurs) continue
      if (topicId !== undefined && deletedTopicIds.has(topicId)) {
        this.#directory.delete(topic, partition)
        continue
      }
      this.#directory.setAside(topic, partition)
      this.#log.warn('broker.stray-log', 'a log that the metadata gives to no topic of this broker is set aside', {
        topic,
        partition,
        topicId,
      })
    }
    for (const topic of this.#image.topics.values()) {
      for (const registration of topic.partitions) {
        if (registration.replicas.includes(nodeId)) this.open(topic, registration)
      }
    }
    // The logs that were there before the image was read were opened with defaults.
    this.reconfigure()
  }

  /** The partition as the metadata has it now; `isNewLeader`: it has another leader than before, or another epoch of the same. */
  open(topic: TopicImage, registration: PartitionRegistration): { partition: Partition; isNewLeader: boolean } {
    const present = this.get(topic.name, registration.partitionId)
    if (present?.topicId === topic.topicId) return { partition: present, isNewLeader: present.change(registration) }
    const log = this.#directory.getOrCreate(topic.name, registration.partitionId, topic.topicId)
    const partition = new Partition(topic, registration, log, this.#host)
    const partitions = this.#partitions.get(topic.name) ?? new Map<number, Partition>()
    this.#partitions.set(topic.name, partitions.set(registration.partitionId, partition))
    return { partition, isNewLeader: true }
  }

  /** Removes one partition with its log: other brokers have it now. */
  removeOne(partition: Partition): void {
    const { topic, partitionId } = partition
    const partitions = this.#partitions.get(topic)
    partitions?.delete(partitionId)
    if (partitions?.size === 0) this.#partitions.delete(topic)
    this.#directory.delete(topic, partitionId)
    partition.close()
  }

  /** Removes the topic's partitions with their logs. */
  remove(topic: string): void {
    const partitions = this.of(topic)
    this.#partitions.delete(topic)
    for (const partition of partitions.values()) {
      this.#directory.delete(topic, partition.partitionId)
      partition.close()
    }
  }

  /** The logs of a topic, or of all, take the configs that hold now. */
  reconfigure(topics: Iterable<string> = this.#partitions.keys()): void {
    this.#defaultConfig = undefined
    for (const topic of topics) {
      const config = this.#configOf(topic)
      for (const partition of this.of(topic).values()) partition.log.config = config
    }
  }

  /** Without order the next opening finds the logs as after a crash. */
  close(isOrderly = true): void {
    for (const partitions of this.#partitions.values()) for (const partition of partitions.values()) partition.close()
    this.#partitions.clear()
    this.#directory.close(isOrderly)
  }

  #configOf(topic: string): LogConfig {
    if (topic === CLUSTER_METADATA) return METADATA_LOG_CONFIG
    const own = this.#image.configs(RESOURCE_TYPE.TOPIC, topic)
    if (own.size > 0) return logConfigFor(own, this.#config)
    this.#defaultConfig ??= logConfigFor(own, this.#config)
    return this.#defaultConfig
  }
}

const NO_PARTITIONS: ReadonlyMap<number, Partition> = new Map()
