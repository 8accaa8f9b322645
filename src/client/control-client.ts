// The control plane's client of a cluster: topics, configs, and membership of the group that shares work. kafkajs stands behind
// it and behind nothing else. Not here: group state and offsets, leader epochs, topic ids and incremental config changes, which
// kafkajs lacks or tells wrongly; they go through ClusterClient.
import type { Admin, Kafka } from 'kafkajs'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { fromKafkajs, type KafkajsOptions, lostItsConnection, makeKafkajs } from './kafkajs.ts'
import { Membership, type MembershipListener, type MembershipOptions } from './membership.ts'

export type ControlClientOptions = KafkajsOptions

export interface NewTopic {
  readonly topic: string
  /** −1, or absent: the cluster's default. */
  readonly partitions?: number
  readonly replicationFactor?: number
  readonly configs?: Readonly<Record<string, string>>
}

/** What became of one topic of a request. */
export type TopicOutcome =
  | { readonly topic: string; readonly outcome: 'created' | 'exists' }
  | { readonly topic: string; readonly outcome: 'failed'; readonly errorCode: number; readonly reason: string }

type ConfigSource = 'topic' | 'broker-dynamic' | 'cluster-dynamic' | 'broker-static' | 'default' | 'unknown'

export interface ConfigEntry {
  readonly name: string
  /** Null when the broker keeps it secret. */
  readonly value: string | null
  readonly source: ConfigSource
  readonly readOnly: boolean
  readonly sensitive: boolean
  /** Where the value comes from, the strongest first. */
  readonly synonyms: readonly { readonly name: string; readonly value: string | null; readonly source: ConfigSource }[]
}

/** By Kafka's numbers. */
const configSources: Readonly<Record<number, ConfigSource>> = {
  1: 'topic',
  2: 'broker-dynamic',
  3: 'cluster-dynamic',
  4: 'broker-static',
  5: 'default',
}
const TOPIC_RESOURCE = 2
const TIMEOUT_MS = 30_000
/** Rounds in which refused topics are taken out of a creation; more than there are kinds of refusal is a broken broker. */
const ROUNDS_MAX = 10

export class ControlClient {
  readonly #platform: Platform
  readonly #options: ControlClientOptions
  readonly #cluster: string
  readonly #memberships = new Set<Membership>()
  #kafka: Promise<Kafka> | undefined
  #admin: Promise<Admin> | undefined

  constructor(platform: Platform, options: ControlClientOptions) {
    this.#platform = platform
    this.#options = options
    this.#cluster = options.name ?? options.bootstrap.map(({ host, port }) => `${host}:${port}`).join(',')
  }

  listTopics(): Promise<string[]> {
    return this.#ask('list topics', (admin) => admin.listTopics())
  }

  /**
   * Creates the topics that can be created and says of each other one why not. kafkajs tells the codes of refused topics and
   * nothing of the rest; a broker creates each topic on its own, so the rest was created.
   */
  async createTopics(topics: readonly NewTopic[]): Promise<TopicOutcome[]> {
    const outcomes = new Map<string, TopicOutcome>()
    let open = [...topics]
    for (let round = 0; open.length > 0 && round < ROUNDS_MAX; round++) {
      const refused = await this.#createRound(open)
      for (const { topic } of open) outcomes.set(topic, refused.get(topic) ?? { topic, outcome: 'created' })
      // A controller that is just moving refuses all alike, and only those are worth another try.
      open = open.filter(({ topic }) => isTransient(refused.get(topic)))
    }
    return topics.map(({ topic }) => outcomes.get(topic)!)
  }

  /** Raises the number of partitions to `count`. */
  addPartitions(topic: string, count: number): Promise<void> {
    return this.#ask(`give topic ${topic} ${count} partitions`, async (admin) => {
      await admin.createPartitions({ topicPartitions: [{ topic, count }], timeout: TIMEOUT_MS })
    })
  }

  /** Topics that do not exist are left out. `names` limits the answer to these configs. */
  async describeTopicConfigs(
    topics: readonly string[],
    names?: readonly string[],
  ): Promise<Map<string, readonly ConfigEntry[]>> {
    if (topics.length === 0) return new Map()
    try {
      return await this.#ask(`describe the configs of ${topics.join(', ')}`, (admin) => describe(admin, topics, names))
    } catch (error) {
      if (!isUnknownTopic(error)) throw error
      if (topics.length === 1) return new Map()
      // kafkajs fails the whole answer for one topic and does not say for which.
      const each = await Promise.all(topics.map((topic) => this.describeTopicConfigs([topic], names)))
      return new Map(each.flatMap((found) => [...found]))
    }
  }

  /** Joins a group that shares the partitions of a topic as units of work; resolves when joining has begun. */
  async joinGroup(options: MembershipOptions, listener: MembershipListener): Promise<Membership> {
    const membership = await Membership.join(this.#platform, await this.#kafkajs(), this.#cluster, options, listener)
    this.#memberships.add(membership)
    return membership
  }

  async close(): Promise<void> {
    for (const membership of this.#memberships) await membership.stop()
    this.#memberships.clear()
    const admin = await this.#admin?.catch(() => undefined) // its failure was told to who asked
    this.#admin = undefined
    await admin?.disconnect()
  }

  /** The refusals by topic; what is not in it was created. */
  async #createRound(topics: readonly NewTopic[]): Promise<Map<string, TopicOutcome>> {
    const names = topics.map(({ topic }) => topic).join(', ')
    return this.#ask(`create ${names}`, async (admin) => {
      const existing = new Set(await admin.listTopics())
      try {
        const created = await admin.createTopics({
          topics: topics.map(asKafkajsTopic),
          timeout: TIMEOUT_MS,
          waitForLeaders: false,
        })
        // False: some of them existed, and the others were created.
        const refused = created ? [] : topics.filter(({ topic }) => existing.has(topic) || topics.length === 1)
        return new Map(refused.map(({ topic }) => [topic, { topic, outcome: 'exists' }]))
      } catch (error) {
        const refusals = (error as { errors?: readonly TopicRefusal[] }).errors
        if (!refusals) throw error
        return new Map(refusals.map((refusal) => [refusal.topic, asOutcome(refusal)]))
      }
    })
  }

  async #ask<T>(doing: string, question: (admin: Admin) => Promise<T>): Promise<T> {
    try {
      this.#admin ??= this.#connect()
      const admin = await this.#admin
      return await question(admin).catch((error) => {
        if (lostItsConnection(error)) return question(admin)
        throw error
      })
    } catch (error) {
      throw fromKafkajs(error, this.#cluster, doing)
    }
  }

  async #connect(): Promise<Admin> {
    try {
      const admin = (await this.#kafkajs()).admin()
      await admin.connect()
      return admin
    } catch (error) {
      this.#admin = undefined
      throw error
    }
  }

  #kafkajs(): Promise<Kafka> {
    this.#kafka ??= makeKafkajs(this.#platform, this.#options)
    return this.#kafka
  }
}

interface TopicRefusal {
  readonly topic: string
  readonly code: number
}

function asKafkajsTopic({ topic, partitions = -1, replicationFactor = -1, configs = {} }: NewTopic) {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
  return { topic, numPartitions: partitions, replicationFactor, configEntries }
}

function asOutcome({ topic, code }: TopicRefusal): TopicOutcome {
  if (code === ErrorCode.TOPIC_ALREADY_EXISTS) return { topic, outcome: 'exists' }
  const { name, message } = errorOf(code)
  return { topic, outcome: 'failed', errorCode: code, reason: `${name} (${message})` }
}

function isTransient(outcome: TopicOutcome | undefined): boolean {
  return outcome?.outcome === 'failed' && outcome.errorCode === ErrorCode.NOT_CONTROLLER
}

async function describe(admin: Admin, topics: readonly string[], names: readonly string[] | undefined) {
  const configNames = names === undefined ? undefined : [...names]
  const { resources } = await admin.describeConfigs({
    includeSynonyms: true,
    resources: topics.map((name) => ({ type: TOPIC_RESOURCE, name, ...(configNames ? { configNames } : {}) })),
  })
  return new Map(
    resources.map(({ resourceName, configEntries }) => [resourceName, configEntries.map(asConfigEntry)] as const),
  )
}

interface KafkajsConfigEntry {
  readonly configName: string
  readonly configValue: string
  readonly configSource: number
  readonly readOnly: boolean
  readonly isSensitive: boolean
  readonly configSynonyms: readonly { configName: string; configValue: string; configSource: number }[]
}

function asConfigEntry(entry: KafkajsConfigEntry): ConfigEntry {
  return {
    name: entry.configName,
    value: entry.configValue,
    source: configSources[entry.configSource] ?? 'unknown',
    readOnly: entry.readOnly,
    sensitive: entry.isSensitive,
    synonyms: entry.configSynonyms.map(({ configName, configValue, configSource }) => ({
      name: configName,
      value: configValue,
      source: configSources[configSource] ?? 'unknown',
    })),
  }
}

function isUnknownTopic(error: unknown): boolean {
  return error instanceof HeliostatError && error.where['errorCode'] === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}
