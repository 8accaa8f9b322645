import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { createTopics } from '../protocol/messages/create-topics.ts'
import type { Broker } from './broker.ts'
import type {
  ControllerReplies,
  ItemError,
  MutationRequester,
  TopicToCreate,
} from './coordinator/controller/command.ts'
import { CONSUMER_OFFSETS, SHARE_GROUP_STATE, TRANSACTION_STATE } from './coordinator/controller/topic-name.ts'
import { randomUuid } from './uuid.ts'

type Controlled = Pick<Broker, 'controller' | 'channel' | 'image' | 'config' | 'platform' | 'until'>

const CREATION_MS_MAX = 30_000
/** Metadata of what is created comes at once, or the client looks again. */
const NEWS_MS_MAX = 5000

/** Asks the controller for topics, with this broker's defaults: for CreateTopics, and for topics that come into being by use. */
export class TopicCreator {
  readonly #broker: Controlled

  constructor(broker: Controlled) {
    this.#broker = broker
  }

  /** On the active controller only. */
  async create(
    topics: readonly Omit<TopicToCreate, 'topicId'>[],
    validateOnly: boolean,
    requester?: MutationRequester,
  ): Promise<ControllerReplies['create-topics']> {
    const { controller, config, platform } = this.#broker
    return await controller.ask({
      type: 'create-topics',
      requester,
      topics: topics.map((topic) => ({ ...topic, topicId: randomUuid(platform.random) })),
      validateOnly,
      defaultPartitions: config.number('num.partitions'),
      defaultReplicationFactor: config.number('default.replication.factor'),
    })
  }

  /** Creates those of the topics that are not there, with defaults; returns what became of each of these. They are known here then. */
  async createMissing(names: readonly string[]): Promise<readonly (ItemError & { readonly name: string })[]> {
    const { image, controller } = this.#broker
    const missing = [...new Set(names)].filter((name) => !image.topics.has(name))
    if (missing.length === 0) return []
    const topics = missing.map((name) => this.#topic(name))
    if (controller.isActive) return (await this.create(topics, false)).topics
    return this.#createElsewhere(topics)
  }

  async #createElsewhere(topics: readonly Omit<TopicToCreate, 'topicId'>[]) {
    const { channel, image } = this.#broker
    const wanted = topics.map((topic) => ({
      ...topic,
      configs: [...topic.configs].map(([name, value]) => ({ name, value })),
    }))
    try {
      const request = { topics: wanted, timeoutMs: CREATION_MS_MAX, validateOnly: false }
      const answer = await channel.askPatiently(createTopics, request, CREATION_MS_MAX)
      const isThere = (code: number) => code === ErrorCode.NONE || code === ErrorCode.TOPIC_ALREADY_EXISTS
      const expected = answer.topics.filter(({ errorCode }) => isThere(errorCode))
      await this.#broker.until(() => expected.every(({ name }) => image.topics.has(name)), NEWS_MS_MAX)
      return answer.topics
    } catch (error) {
      if (!(error instanceof HeliostatError)) throw error
      const { message: errorMessage } = error
      return topics.map(({ name }) => ({ name, errorCode: ErrorCode.LEADER_NOT_AVAILABLE, errorMessage }))
    }
  }

  #topic(name: string): Omit<TopicToCreate, 'topicId'> {
    if (name === CONSUMER_OFFSETS) return this.#offsetsTopic()
    if (name === SHARE_GROUP_STATE) return this.#shareStateTopic()
    return name === TRANSACTION_STATE ? this.#transactionTopic() : defaultTopic(name)
  }

  #offsetsTopic(): Omit<TopicToCreate, 'topicId'> {
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['segment.bytes', String(this.#broker.config.number('offsets.topic.segment.bytes'))],
    ])
    const numPartitions = this.#broker.config.number('offsets.topic.num.partitions')
    const replicationFactor = this.#broker.config.number('offsets.topic.replication.factor')
    return { ...defaultTopic(CONSUMER_OFFSETS), numPartitions, replicationFactor, configs }
  }

  #shareStateTopic(): Omit<TopicToCreate, 'topicId'> {
    const number = (name: string) => this.#broker.config.number(`share.coordinator.state.topic.${name}`)
    // Kafka deletes old state record by record; here compaction does.
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'producer'],
      ['min.insync.replicas', String(number('min.isr'))],
      ['segment.bytes', String(number('segment.bytes'))],
    ])
    const [numPartitions, replicationFactor] = [number('num.partitions'), number('replication.factor')]
    return { ...defaultTopic(SHARE_GROUP_STATE), numPartitions, replicationFactor, configs }
  }

  #transactionTopic(): Omit<TopicToCreate, 'topicId'> {
    const configs = new Map([
      ['cleanup.policy', 'compact'],
      ['compression.type', 'uncompressed'],
      ['min.insync.replicas', String(this.#broker.config.number('transaction.state.log.min.isr'))],
      ['segment.bytes', String(this.#broker.config.number('transaction.state.log.segment.bytes'))],
      ['unclean.leader.election.enable', 'false'],
    ])
    const numPartitions = this.#broker.config.number('transaction.state.log.num.partitions')
    const replicationFactor = this.#broker.config.number('transaction.state.log.replication.factor')
    return { ...defaultTopic(TRANSACTION_STATE), numPartitions, replicationFactor, configs }
  }
}

function defaultTopic(name: string): Omit<TopicToCreate, 'topicId'> {
  return { name, numPartitions: -1, replicationFactor: -1, assignments: [], configs: new Map() }
}
