// Brings the target's topics in step with the source's: created with the same partition count and configs, grown, never shrunk.
// What it learns on the way (sizes, time stamping, compaction) is what the partitions need to know before they start.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { describeConfigs } from '../protocol/messages/describe-configs.ts'
import { type TopicPlan, TopicWriter } from '../sink/topic-writer.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

export interface TopicSyncOptions {
  readonly policy: ReplicationPolicy
  readonly copyConfigs: boolean
  readonly replicationFactor: 'source' | 'target-default' | number
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
}

export type TopicConfigs = ReadonlyMap<string, { readonly value: string; readonly isOwn: boolean }>

const TOPIC = 2
/** Where a config's value comes from: set on the topic itself. */
const DYNAMIC_TOPIC_CONFIG = 1
const TOPICS_PER_REQUEST = 100
/** What a partition must know of its target topic. */
const LIMITS = ['max.message.bytes', 'message.timestamp.type']
const BATCH_BYTES_DEFAULT = 1_048_588
const VISIBLE_ATTEMPTS = 100
const VISIBLE_PAUSE_MS = 50

// MirrorMaker's list, without the timestamp bounds: a source that takes odd timestamps needs a target that does. Tiered storage
// is the target's own affair; and the target must not stamp its own times over the source's.
const NOT_COPIED = [
  /^(follower|leader)\.replication\.throttled\.replicas$/,
  /^unclean\.leader\.election\.enable$/,
  /^min\.insync\.replicas$/,
  /^(remote|local)\./,
  /^message\.timestamp\.type$/,
]

export class TopicSync {
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #options: TopicSyncOptions
  readonly #writer: TopicWriter

  constructor(platform: Platform, source: ClusterClient, target: ClusterClient, options: TopicSyncOptions) {
    this.#platform = platform
    this.#source = source
    this.#target = target
    this.#options = options
    this.#writer = new TopicWriter(target)
  }

  /** Per topic: ready, or why it cannot be. */
  async sync(topics: readonly TopicMetadata[]): Promise<Map<string, SyncedTopic | HeliostatError>> {
    const { policy } = this.#options
    await this.#target.refresh()
    const configs = await readTopicConfigs(
      this.#source,
      topics.map(({ name }) => name),
    )
    const missing = topics.filter(({ name }) => !this.#target.topics().has(policy.remoteTopic(name)))
    const refused = new Map(
      await this.#writer.create(missing.map((topic) => this.#plan(topic, configs.get(topic.name)))),
    )
    for (const [remote, error] of await this.#writer.grow(this.#toGrow(topics))) refused.set(remote, error)
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

  #plan(topic: TopicMetadata, configs: TopicConfigs | undefined): TopicPlan {
    const copied = new Map<string, string>()
    if (this.#options.copyConfigs)
      for (const [name, { value, isOwn }] of configs ?? [])
        if (isOwn && !NOT_COPIED.some((pattern) => pattern.test(name))) copied.set(name, value)
    return {
      name: this.#options.policy.remoteTopic(topic.name),
      partitions: topic.partitions.length,
      replicationFactor: this.#replicationFactor(topic),
      configs: copied,
    }
  }

  #replicationFactor(topic: TopicMetadata): number {
    const { replicationFactor } = this.#options
    if (replicationFactor === 'target-default') return -1
    if (replicationFactor !== 'source') return replicationFactor
    // A smaller target cannot hold as many copies; it holds as many as it can.
    return Math.min(topic.partitions[0]?.replicas.length ?? 1, Math.max(1, this.#target.nodes().size))
  }

  #toGrow(topics: readonly TopicMetadata[]): ReadonlyMap<string, number> {
    const counts = new Map<string, number>()
    for (const { name, partitions } of topics) {
      const remote = this.#target.topics().get(this.#options.policy.remoteTopic(name))
      if (remote && remote.partitions.length < partitions.length) counts.set(remote.name, partitions.length)
    }
    return counts
  }

  /** A created topic has leaders a little later, and not on every broker's answer at once. */
  async #untilVisible(topics: readonly TopicMetadata[]): Promise<void> {
    const isVisible = ({ name, partitions }: TopicMetadata) => {
      const remote = this.#options.policy.remoteTopic(name)
      return partitions.every(({ partition }) => this.#target.leaderOf(remote, partition) !== undefined)
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
    return {
      topic: topic.name,
      sourceTopicId: topic.topicId,
      partitions: topic.partitions.length,
      remoteTopic,
      targetTopicId: remote.topicId,
      batchBytesMax: batchBytesMaxOf(limits),
      keepLogAppendTime: limits?.get('message.timestamp.type')?.value !== 'LogAppendTime',
      // Who may not read the configs cannot know, and is careful.
      contentMayChange: configs?.get('cleanup.policy')?.value.includes('compact') ?? true,
    }
  }
}

function batchBytesMaxOf(configs: TopicConfigs | undefined): number {
  return Number(configs?.get('max.message.bytes')?.value ?? BATCH_BYTES_DEFAULT)
}

/** Topics whose configs may not be read are left out; `names` null: all configs. */
async function readTopicConfigs(
  client: ClusterClient,
  topics: readonly string[],
  names: readonly string[] | null = null,
): Promise<Map<string, TopicConfigs>> {
  const found = new Map<string, TopicConfigs>()
  for (let at = 0; at < topics.length; at += TOPICS_PER_REQUEST) {
    const response = await client.send(describeConfigs, {
      resources: topics.slice(at, at + TOPICS_PER_REQUEST).map((resourceName) => ({
        resourceType: TOPIC,
        resourceName,
        configurationKeys: names,
      })),
      includeSynonyms: false,
      includeDocumentation: false,
    })
    for (const { errorCode, resourceName, configs } of response.results) {
      if (errorCode !== ErrorCode.NONE) {
        if (errorOf(errorCode).retriable)
          throw new HeliostatError('HEL_CONFIGS_UNREADABLE', `the configs of ${resourceName} cannot be read yet`, {
            retriable: true,
          })
        continue
      }
      const own = configs.filter(({ value }) => value !== null)
      found.set(
        resourceName,
        new Map(
          own.map(({ name, value, configSource }) => [
            name,
            { value: value!, isOwn: configSource === DYNAMIC_TOPIC_CONFIG },
          ]),
        ),
      )
    }
  }
  return found
}
