// Brings the target's topics in step with the source's: created with the same partition count and configs, grown, never shrunk.
// What it learns on the way (sizes, time stamping, compaction) is what the partitions need to know before they start.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { ConfigWriter } from '../sink/config-writer.ts'
import { type TopicPlan, TopicWriter } from '../sink/topic-writer.ts'
import { type ConfigRules, configsOfCopy, type TopicConfigs } from './config-rules.ts'
import type { ReplicationPolicy } from './replication-policy.ts'
import { readTopicConfigs } from './topic-configs.ts'

export interface TopicSyncOptions {
  readonly policy: ReplicationPolicy
  /** Undefined: copies get the target's defaults. */
  readonly configs: ConfigRules | undefined
  readonly replicationFactor: 'source' | 'target-default' | number
}

/** What the target lacks; topics by their names on the source. */
export interface TopicChanges {
  readonly create: readonly { readonly topic: string; readonly plan: TopicPlan }[]
  readonly grow: readonly {
    readonly topic: string
    readonly remoteTopic: string
    /** Partitions. */
    readonly from: number
    readonly to: number
  }[]
}

/** A topic whose remote topic exists with enough partitions. */
export interface SyncedTopic {
  readonly topic: string
  readonly sourceTopicId: string
  readonly partitions: number
  readonly remoteTopic: string
  readonly targetTopicId: string
  readonly batchBytesMax: number
  /** The source shows append times and the target would not: records keep what the source showed. */
  readonly keepLogAppendTime: boolean
  /** Compaction may take records away behind our back. */
  readonly contentMayChange: boolean
  /** Copies of each record that were asked for, and that the target keeps; undefined: as many as asked for. */
  readonly fewerReplicas: { readonly wanted: number; readonly given: number } | undefined
}

/** What a partition must know of its target topic. */
const LIMITS = ['max.message.bytes', 'message.timestamp.type']
const BATCH_BYTES_DEFAULT = 1_048_588
const VISIBLE_ATTEMPTS = 100
const VISIBLE_PAUSE_MS = 50

export class TopicSync {
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #options: TopicSyncOptions
  readonly #writer: TopicWriter
  readonly #configWriter: ConfigWriter

  constructor(platform: Platform, source: ClusterClient, target: ClusterClient, options: TopicSyncOptions) {
    this.#platform = platform
    this.#source = source
    this.#target = target
    this.#options = options
    this.#writer = new TopicWriter(target)
    this.#configWriter = new ConfigWriter(target)
  }

  /** What `sync` would create and grow. */
  async plan(topics: readonly TopicMetadata[]): Promise<TopicChanges> {
    const names = topics.map(({ name }) => name)
    return this.#changes(topics, await readTopicConfigs(this.#source, names))
  }

  /** Per topic: ready, or why it cannot be. */
  async sync(topics: readonly TopicMetadata[]): Promise<Map<string, SyncedTopic | HeliostatError>> {
    const { policy } = this.#options
    const names = topics.map(({ name }) => name)
    const [configs] = await Promise.all([readTopicConfigs(this.#source, names), this.#target.refresh()])
    const { create, grow } = this.#changes(topics, configs)
    const refused = await this.#create(create.map(({ plan }) => plan))
    const counts = new Map(grow.map(({ remoteTopic, to }) => [remoteTopic, to]))
    for (const [remote, error] of await this.#writer.grow(counts)) refused.set(remote, error)
    const expected = topics.filter(({ name }) => !refused.has(policy.remoteTopic(name)))
    await this.#untilVisible(expected)
    const limits = await readTopicConfigs(
      this.#target,
      expected.map(({ name }) => policy.remoteTopic(name)),
      LIMITS,
    )
    return new Map(
      topics.map((topic) => {
        const remote = policy.remoteTopic(topic.name)
        return [topic.name, refused.get(remote) ?? this.#synced(topic, configs.get(topic.name), limits.get(remote))]
      }),
    )
  }

  /** What the target topic takes as one batch, read anew. */
  async batchBytesMax(remoteTopic: string): Promise<number> {
    return batchBytesMaxOf((await readTopicConfigs(this.#target, [remoteTopic], LIMITS)).get(remoteTopic))
  }

  /** A config that the target does not take is left out, for config sync to list: the data flows all the same. */
  async #create(plans: readonly TopicPlan[]): Promise<Map<string, HeliostatError>> {
    const refused = new Map(await this.#writer.create(plans))
    const bare = plans.filter(({ name, configs }) => configs.size > 0 && isAboutConfigs(refused.get(name)))
    const still = await this.#writer.create(bare.map((plan) => ({ ...plan, configs: new Map() })))
    const made = bare.filter(({ name }) => !still.has(name))
    for (const { name } of made) refused.delete(name)
    await this.#configWriter.alter(
      new Map(
        made.map(({ name, configs }) => [name, [...configs].map(([config, value]) => ({ name: config, value }))]),
      ),
    )
    return refused
  }

  #plan(topic: TopicMetadata, configs: TopicConfigs | undefined): TopicPlan {
    const { policy, configs: rules } = this.#options
    const wanted = this.#wantedReplicas(topic)
    return {
      name: policy.remoteTopic(topic.name),
      partitions: topic.partitions.length,
      // A smaller target cannot hold as many copies; it holds as many as it can.
      replicationFactor: wanted === undefined ? -1 : Math.min(wanted, Math.max(1, this.#target.nodes().size)),
      configs: rules && configs ? configsOfCopy(configs, rules) : new Map(),
    }
  }

  /** Undefined: as many as the target thinks best. */
  #wantedReplicas(topic: TopicMetadata): number | undefined {
    const { replicationFactor } = this.#options
    if (replicationFactor === 'target-default') return undefined
    return replicationFactor === 'source' ? (topic.partitions[0]?.replicaNodes.length ?? 1) : replicationFactor
  }

  #changes(topics: readonly TopicMetadata[], configs: ReadonlyMap<string, TopicConfigs>): TopicChanges {
    const create: TopicChanges['create'][number][] = []
    const grow: TopicChanges['grow'][number][] = []
    for (const topic of topics) {
      const remote = this.#target.topics().get(this.#options.policy.remoteTopic(topic.name))
      const [from, to] = [remote?.partitions.length ?? 0, topic.partitions.length]
      if (!remote) create.push({ topic: topic.name, plan: this.#plan(topic, configs.get(topic.name)) })
      else if (from < to) grow.push({ topic: topic.name, remoteTopic: remote.name, from, to })
    }
    return { create, grow }
  }

  /** A created topic has leaders a little later, and not on every broker's answer at once. */
  async #untilVisible(topics: readonly TopicMetadata[]): Promise<void> {
    const isVisible = ({ name, partitions }: TopicMetadata) => {
      const remote = this.#options.policy.remoteTopic(name)
      return partitions.every((partition) => this.#target.leaderOf(remote, partition.partitionIndex) !== undefined)
    }
    for (let attempt = 0; attempt < VISIBLE_ATTEMPTS && !topics.every(isVisible); attempt++) {
      if (attempt > 0) await sleep(this.#platform.clock, VISIBLE_PAUSE_MS)
      await this.#target.refresh()
    }
  }

  #synced(
    topic: TopicMetadata,
    configs: TopicConfigs | undefined,
    limits: TopicConfigs | undefined,
  ): SyncedTopic | HeliostatError {
    const remoteTopic = this.#options.policy.remoteTopic(topic.name)
    const remote = this.#target.topics().get(remoteTopic)
    if (!remote)
      return new HeliostatError(
        'HEL_TOPIC_NOT_VISIBLE',
        `${remoteTopic} was created on the target and cannot be seen yet`,
        {
          retriable: true,
          where: { topic: remoteTopic },
        },
      )
    const wanted = this.#wantedReplicas(topic) ?? 0
    const given = remote.partitions[0]?.replicaNodes.length ?? wanted
    return {
      topic: topic.name,
      sourceTopicId: topic.topicId,
      partitions: topic.partitions.length,
      remoteTopic,
      targetTopicId: remote.topicId,
      batchBytesMax: batchBytesMaxOf(limits),
      keepLogAppendTime: limits?.get('message.timestamp.type')?.value !== 'LogAppendTime',
      // Who may not read the configs cannot know, and is careful.
      contentMayChange: configs?.get('cleanup.policy')?.value?.includes('compact') ?? true,
      fewerReplicas: given < wanted ? { wanted, given } : undefined,
    }
  }
}

function batchBytesMaxOf(configs: TopicConfigs | undefined): number {
  return Number(configs?.get('max.message.bytes')?.value ?? BATCH_BYTES_DEFAULT)
}

const CONFIG_ERRORS: readonly unknown[] = [ErrorCode.INVALID_CONFIG, ErrorCode.POLICY_VIOLATION]

const isAboutConfigs = (error: HeliostatError | undefined) => CONFIG_ERRORS.includes(error?.where['errorCode'])
