// The copies of a flow's topics on the target: what each is called there, that it is there, and why others have none.
//
// Invariants:
// 1. A name on the target is one topic's, unless all who would have it write in transactions.
// 2. A copy that is gone from the target is not made anew because the flow looks at its topics: that is for the policy on data loss.
// 3. One attempt to make a copy anew is under way for a topic.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import type { ErrorCounts } from './error-counts.ts'
import type { Flow } from './flow.ts'
import type { MirrorHooks } from './mirror-hooks.ts'
import { ProgressReader } from './progress-reader.ts'
import { nameTopics, type RemoteNames } from './remote-names.ts'
import type { ReplicationPolicy } from './replication-policy.ts'
import type { SyncedTopic, TopicSync } from './topic-sync.ts'

export interface TopicCopiesOptions {
  readonly flow: Flow
  readonly policy: ReplicationPolicy
  readonly sync: TopicSync
  readonly remoteNames: RemoteNames
  readonly errors: ErrorCounts
  readonly hooks: MirrorHooks
  /** Ends what takes several turns. */
  readonly signal: AbortSignal
  /** These are on the target as said. */
  readonly synced: (topics: readonly SyncedTopic[]) => void
}

/** Kafka refuses a request that makes more than 10,000 partitions; and the first topics need not wait for the last. */
const PARTITIONS_PER_SYNC = 1_000

export class TopicCopies implements Iterable<SyncedTopic> {
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #options: TopicCopiesOptions
  readonly #synced = new Map<string, SyncedTopic>()
  readonly #refused = new Map<string, HeliostatError>()
  readonly #resyncs = new Map<string, Promise<SyncedTopic>>()
  /** Of the topics that were seen last, those whose names are possible. */
  #judged: { readonly among: readonly TopicMetadata[]; readonly free: readonly TopicMetadata[] } = {
    among: [],
    free: [],
  }

  constructor(platform: Platform, source: ClusterClient, target: ClusterClient, options: TopicCopiesOptions) {
    this.#platform = platform
    this.#source = source
    this.#target = target
    this.#options = options
  }

  /** Those that exist, also of topics that other instances mirror. */
  [Symbol.iterator](): Iterator<SyncedTopic> {
    return this.#synced.values()
  }

  /** Why topics cannot be mirrored at all. */
  get refused(): ReadonlyMap<string, HeliostatError> {
    return this.#refused
  }

  /** Of these topics, which are all that are to be mirrored: makes and grows the copies. How many were new or changed. */
  async update(topics: readonly TopicMetadata[]): Promise<number> {
    // A name that was another's may be free by now.
    if (topics !== this.#judged.among || this.#refused.size > 0)
      this.#judged = { among: topics, free: await this.#named(topics) }
    const news = this.#judged.free.filter((topic) => this.#isNews(topic))
    for (const turn of inTurns(news)) {
      if (this.#options.signal.aborted) break
      this.#take(await this.#options.sync.sync(turn))
    }
    return news.length
  }

  /** Makes the topic's copy anew; its partitions ask for it side by side. */
  remake(topic: string): Promise<SyncedTopic> {
    const underWay = this.#resyncs.get(topic)
    if (underWay) return underWay
    const resyncing = this.#remake(topic).finally(() => this.#resyncs.delete(topic))
    this.#resyncs.set(topic, resyncing)
    return resyncing
  }

  async #remake(topic: string): Promise<SyncedTopic> {
    const found = this.#source.topics().get(topic)
    const result = found && (await this.#options.sync.sync([found])).get(topic)
    if (!result || result instanceof HeliostatError)
      throw result ?? new HeliostatError('HEL_NO_TOPIC', `${topic} is not on the source`, { retriable: true })
    this.#tell([result])
    return result
  }

  /** Neither cluster has the topic any more. */
  forget(topic: string): void {
    this.#synced.delete(topic)
  }

  /** Those whose name on the target is possible, and no other's. */
  async #named(topics: readonly TopicMetadata[]): Promise<TopicMetadata[]> {
    const { flow, policy, remoteNames } = this.#options
    const named = await nameTopics(topics, policy, (topic) => this.#isMirrored(topic))
    const mayShare = flow.transactional !== undefined
    const refused = new Map(named.refused)
    const free = named.topics.filter(({ name: topic }) => {
      const remoteTopic = policy.remoteTopic(topic)
      const other = remoteNames.claim(remoteTopic, { flow: flow.name, topic, mayShare })
      if (other) refused.set(topic, takenBy(topic, remoteTopic, other.flow))
      return !other
    })
    const matched = new Set(topics.map(({ name }) => name))
    for (const topic of this.#refused.keys()) if (!matched.has(topic)) this.#refused.delete(topic)
    for (const [topic, error] of refused) this.#refuse(topic, error)
    return free
  }

  /** By what runs here, else by the progress topic. */
  async #isMirrored(topic: string): Promise<boolean> {
    if (this.#synced.has(topic)) return true
    const reader = new ProgressReader(this.#platform, this.#target, this.#options.policy.progressTopic)
    return (await reader.partition(topic, 0)) !== undefined
  }

  #isNews(topic: TopicMetadata): boolean {
    const synced = this.#synced.get(topic.name)
    if (!synced || synced.sourceTopicId !== topic.topicId || synced.partitions < topic.partitions.length) return true
    const remote = this.#target.topics().get(synced.remoteTopic)
    return remote !== undefined && remote.topicId !== synced.targetTopicId
  }

  #take(results: ReadonlyMap<string, SyncedTopic | HeliostatError>): void {
    this.#options.hooks.reached?.('topics-created')
    const synced: SyncedTopic[] = []
    for (const [topic, result] of results) {
      if (result instanceof HeliostatError) this.#refuse(topic, result)
      else {
        this.#refused.delete(topic)
        synced.push(result)
      }
    }
    this.#tell(synced)
  }

  /** Told once, not at every look. */
  #refuse(topic: string, error: HeliostatError): void {
    if (this.#refused.get(topic)?.message !== error.message) this.#options.errors.tell(error)
    this.#refused.set(topic, error)
  }

  #tell(topics: readonly SyncedTopic[]): void {
    for (const topic of topics) this.#synced.set(topic.topic, topic)
    this.#options.synced(topics)
  }
}

function takenBy(topic: string, remoteTopic: string, flow: string): HeliostatError {
  const message = `${topic} is not mirrored: ${remoteTopic} on the target is the copy of the flow ${flow}, and a copy has one source; another naming gives it a name of its own, and mirrors that all say delivery: transactional may share it`
  return new HeliostatError('HEL_TOPIC_NAME', message, { where: { topic } })
}

function inTurns(topics: readonly TopicMetadata[]): TopicMetadata[][] {
  const turns: TopicMetadata[][] = []
  let partitions = PARTITIONS_PER_SYNC
  for (const topic of topics) {
    if (partitions >= PARTITIONS_PER_SYNC) {
      turns.push([])
      partitions = 0
    }
    turns.at(-1)!.push(topic)
    partitions += topic.partitions.length
  }
  return turns
}
