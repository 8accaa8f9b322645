import type { Platform, Timer } from '../platform/platform.ts'
import type { BrokerConfig } from './broker-config.ts'
import type { ReadonlyMetadataImage, TopicImage } from './coordinator/controller/metadata-image.ts'
import { RESOURCE_TYPE } from './coordinator/controller/metadata-image.ts'
import type { PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import { logConfigFor } from './effective-config.ts'
import type { LogConfig } from './log/log-config.ts'
import { PartitionLog } from './log/partition-log.ts'
import { Partition } from './partition.ts'

const PARTITION_METADATA = 'partition.metadata'

/**
 * The partitions whose logs are on this broker's disk, one directory each, `topic-partition`, as Kafka names them.
 *
 * 1. An open partition is in both maps, and its directory says which topic id it belongs to.
 * 2. A directory that belongs to no partition of the metadata is removed before its name is used again.
 */
export class PartitionStore {
  readonly #platform: Platform
  readonly #directory: string
  readonly #config: BrokerConfig
  readonly #partitions = new Map<string, Map<number, Partition>>()
  readonly #timers: Timer[] = []
  #closed = false

  constructor(platform: Platform, directory: string, config: BrokerConfig) {
    this.#platform = platform
    this.#directory = directory
    this.#config = config
  }

  get directory(): string {
    return this.#directory
  }

  get(topic: string, partition: number): Partition | undefined {
    return this.#partitions.get(topic)?.get(partition)
  }

  /** The open partitions of a topic, by partition id. */
  of(topic: string): ReadonlyMap<number, Partition> {
    return this.#partitions.get(topic) ?? NO_PARTITIONS
  }

  *all(): Generator<Partition> {
    for (const partitions of this.#partitions.values()) yield* partitions.values()
  }

  /** Opens what the metadata gives to this broker and removes directories of topics that are gone. */
  openAll(image: ReadonlyMetadataImage, nodeId: number): void {
    const wanted = new Set<string>()
    for (const topic of image.topics.values()) {
      for (const registration of topic.partitions) {
        if (registration.replicas.includes(nodeId)) wanted.add(directoryName(topic.name, registration.partitionId))
      }
    }
    for (const name of this.#platform.disk.list(this.#directory)) {
      if (isPartitionDirectory(name) && !wanted.has(name)) this.#platform.disk.remove(`${this.#directory}/${name}`)
    }
    for (const topic of image.topics.values()) {
      for (const registration of topic.partitions) {
        if (registration.replicas.includes(nodeId)) this.open(topic, registration, image)
      }
    }
  }

  open(topic: TopicImage, registration: PartitionRegistration, image: ReadonlyMetadataImage): Partition {
    const config = logConfigFor(image.configs(RESOURCE_TYPE.TOPIC, topic.name), this.#config)
    const directory = `${this.#directory}/${directoryName(topic.name, registration.partitionId)}`
    this.#claim(directory, topic.topicId)
    const partition = new Partition(topic, registration, this.#openLog(directory, config))
    const partitions = this.#partitions.get(topic.name) ?? new Map<number, Partition>()
    this.#partitions.set(topic.name, partitions.set(registration.partitionId, partition))
    return partition
  }

  /** A log that is no topic's: the cluster's metadata. */
  openInternal(topic: TopicImage, registration: PartitionRegistration, config: LogConfig): Partition {
    const directory = `${this.#directory}/${directoryName(topic.name, registration.partitionId)}`
    this.#claim(directory, topic.topicId)
    return new Partition(topic, registration, this.#openLog(directory, config))
  }

  /** Closes the topic's partitions and removes their logs. */
  remove(topic: string): void {
    for (const partition of this.of(topic).values()) {
      partition.close()
      this.#platform.disk.remove(`${this.#directory}/${directoryName(topic, partition.partitionId)}`)
    }
    this.#partitions.delete(topic)
  }

  /** The logs of a topic, or of all, take the configs that hold now. */
  reconfigure(image: ReadonlyMetadataImage, topics: Iterable<string> = image.topics.keys()): void {
    for (const topic of topics) {
      const config = logConfigFor(image.configs(RESOURCE_TYPE.TOPIC, topic), this.#config)
      for (const partition of this.of(topic).values()) partition.log.config = config
    }
  }

  /** Starts the looks for what retention, compaction and idle producers leave to do. */
  startUpkeep(): void {
    this.#every('log.retention.check.interval.ms', (partition, now) => partition.log.enforceRetention(now))
    if (this.#config.boolean('log.cleaner.enable')) {
      this.#every('log.cleaner.backoff.ms', (partition, now) => partition.log.compact(now))
    }
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) timer.cancel()
    for (const partition of this.all()) partition.close()
    this.#partitions.clear()
  }

  #every(property: string, work: (partition: Partition, nowMs: number) => void): void {
    const slot = this.#timers.length
    const arm = () => {
      this.#timers[slot] = this.#platform.clock.setTimer(this.#config.number(property), run)
    }
    const run = () => {
      for (const partition of this.all()) this.#guarded(partition, work)
      if (!this.#closed) arm()
    }
    arm()
  }

  /** Trouble with one log is no reason to leave the others alone. */
  #guarded(partition: Partition, work: (partition: Partition, nowMs: number) => void): void {
    try {
      work(partition, this.#platform.clock.now())
    } catch (error) {
      const where = { topic: partition.topic, partition: partition.partitionId }
      this.#platform.log.error('broker.upkeep-failed', 'upkeep of a log failed', { ...where, error: String(error) })
    }
  }

  #openLog(directory: string, config: LogConfig): PartitionLog {
    const { disk, clock, log } = this.#platform
    return PartitionLog.open(disk, directory, { clock, config, log })
  }

  /** Invariant 2: a directory left by an earlier topic of the name is not taken for this one's. */
  #claim(directory: string, topicId: string): void {
    const { disk } = this.#platform
    const file = `${directory}/${PARTITION_METADATA}`
    const content = `version: 0\ntopic_id: ${topicId}\n`
    if (disk.exists(file)) {
      if (disk.read(file).toString() === content) return
      disk.remove(directory)
    }
    disk.makeDirectory(directory)
    disk.replace(file, Buffer.from(content))
  }
}

const NO_PARTITIONS: ReadonlyMap<number, Partition> = new Map()

function directoryName(topic: string, partition: number): string {
  return `${topic}-${partition}`
}

function isPartitionDirectory(name: string): boolean {
  return /^.+-\d+$/.test(name) && !name.startsWith('__cluster_metadata-')
}
