import type { Random } from '../platform/platform.ts'
import type { BrokerConfig } from './broker-config.ts'
import type {
  ControllerReplies,
  CreatedTopic,
  MutationRequester,
  TopicToCreate,
} from './coordinator/controller/command.ts'
import type { Controller } from './coordinator/controller/controller.ts'
import type { ReadonlyMetadataImage } from './coordinator/controller/metadata-image.ts'
import { CONSUMER_OFFSETS, TRANSACTION_STATE } from './coordinator/controller/topic-name.ts'
import { randomUuid } from './uuid.ts'

/** Asks the controller for topics, with this broker's defaults: for CreateTopics, and for topics that come into being by use. */
export class TopicCreator {
  readonly #controller: Controller
  readonly #image: ReadonlyMetadataImage
  readonly #config: BrokerConfig
  readonly #random: Random

  constructor(controller: Controller, image: ReadonlyMetadataImage, config: BrokerConfig, random: Random) {
    this.#controller = controller
    this.#image = image
    this.#config = config
    this.#random = random
  }

  async create(
    topics: readonly Omit<TopicToCreate, 'topicId'>[],
    validateOnly: boolean,
    requester?: MutationRequester,
  ): Promise<ControllerReplies['create-topics']> {
    return await this.#controller.ask({
      type: 'create-topics',
      requester,
      topics: topics.map((topic) => ({ ...topic, topicId: randomUuid(this.#random) })),
      validateOnly,
      defaultPartitions: this.#config.number('num.partitions'),
      defaultReplicationFactor: this.#config.number('default.replication.factor'),
    })
  }

  /** Creates those of the topics that are not there, with defaults; returns what became of each of these. */
  async createMissing(names: readonly string[]): Promise<readonly CreatedTopic[]> {
    const missing = [...new Set(names)].filter((name) => !this.#image.topics.has(name))
    if (missing.length === 0) return []
    const topics = missing.map((name) => this.#topic(name))
    return (await this.create(topics, false)).topics
  }

  #topic(name: string): Omit<TopicToCreate, 'topicId'> {
    if (name === CONSUMER_OFFSETS) return this.#offsetsTopic()
    return name === TRANSACTION_STATE ? this.#transactionTopic() : defaultTopic(name)
  }

  #offsetsTopic(): Omit<TopicToCreate, 'topicId'> {
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['segment.bytes', String(this.#config.number('offsets.topic.segment.bytes'))],
    ])
    const numPartitions = this.#config.number('offsets.topic.num.partitions')
    const replicationFactor = this.#config.number('offsets.topic.replication.factor')
    return { ...defaultTopic(CONSUMER_OFFSETS), numPartitions, replicationFactor, configs }
  }

  #transactionTopic(): Omit<TopicToCreate, 'topicId'> {
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'uncompressed'],
      ['min.insync.replicas', String(this.#config.number('transaction.state.log.min.isr'))],
      ['segment.bytes', String(this.#config.number('transaction.state.log.segment.bytes'))],
      ['unclean.leader.election.enable', 'false'],
    ])
    const numPartitions = this.#config.number('transaction.state.log.num.partitions')
    const replicationFactor = this.#config.number('transaction.state.log.replication.factor')
    return { ...defaultTopic(TRANSACTION_STATE), numPartitions, replicationFactor, configs }
  }
}

function defaultTopic(name: string): Omit<TopicToCreate, 'topicId'> {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: new Map() }
}
