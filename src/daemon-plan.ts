// What a run of a flow would create, alter and delete at its target, each with the rule that asks for it; nothing is touched. The same
// code that would do it says what it would do.
import type { ClusterClient } from './client/cluster-client.ts'
import type { TopicMetadata } from './client/metadata.ts'
import { OffsetLookup } from './client/offset-lookup.ts'
import { TopicPartition } from './client/topic-partition.ts'
import type { MirrorJob } from './config/config.ts'
import { nearName } from './config/near-name.ts'
import { filterOf, flowOf, policyOf } from './daemon-job.ts'
import { aclRules, deletesAfterMs } from './daemon-sync.ts'
import { aclSentence } from './mirror/acl-rules.ts'
import { AclSync } from './mirror/acl-sync.ts'
import type { ClusterAliases } from './mirror/cluster-aliases.ts'
import { ConfigSync } from './mirror/config-sync.ts'
import { javaPattern } from './mirror/naming/java-pattern.ts'
import { ProgressReader } from './mirror/progress-reader.ts'
import { nameTopics, type RemoteNames } from './mirror/remote-names.ts'
import { notTakenOver } from './mirror/stop-reason.ts'
import { TakeOver } from './mirror/take-over.ts'
import { TopicSync } from './mirror/topic-sync.ts'
import type { Platform } from './platform/platform.ts'

const ANY = '.*'

export interface PlannedChange {
  readonly action:
    | 'create-topic'
    | 'take-over'
    | 'add-partitions'
    | 'alter-config'
    | 'create-acl'
    | 'delete-acl'
    | 'delete-topic'
  /** Alias of the cluster that would change. */
  readonly cluster: string
  readonly resource: string
  readonly detail: string
  /** What asks for it. */
  readonly rule: string
}

export interface FlowPlan {
  readonly flow: string
  readonly changes: readonly PlannedChange[]
  /** Topics of the source that stay where they are. */
  readonly notMirrored: readonly { readonly topic: string; readonly rule: string }[]
  /** What could not be found out, or cannot be had; sentences for people. */
  readonly problems: readonly string[]
}

export interface PlanOptions {
  readonly job: MirrorJob
  readonly source: ClusterClient
  readonly target: ClusterClient
  /** What the flows of a file must agree on. */
  readonly aliases: ClusterAliases
  readonly remoteNames: RemoteNames
  /** Internal topics that the flows before it in the file would make, which it would find: cluster and topic. */
  readonly planned: Set<string>
  /** Whether a run would write MirrorMaker's topics. */
  readonly mm2Topics: boolean
}

/** Throws when one of the clusters cannot be asked. */
export async function planFlow(platform: Platform, options: PlanOptions): Promise<FlowPlan> {
  const { job, source, target, aliases } = options
  await Promise.all([source.refresh(), target.refresh()])
  for (const client of [source, target]) aliases.learn(client.name, client.clusterId)
  const doubled = aliases.problem(job.from, job.to)
  if (doubled !== undefined) return { flow: job.name, changes: [], notMirrored: [], problems: [doubled] }
  return new Planning(platform, options).plan()
}

class Planning {
  readonly #platform: Platform
  readonly #options: PlanOptions
  readonly #changes: PlannedChange[] = []
  readonly #problems: string[] = []

  constructor(platform: Platform, options: PlanOptions) {
    this.#platform = platform
    this.#options = options
  }

  async plan(): Promise<FlowPlan> {
    const { job, source } = this.#options
    const filter = filterOf(job)
    const judged = [...source.topics().values()].map((topic) => ({ topic, ...filter.explain(topic.name) }))
    const rules = new Map(judged.map(({ topic, rule }) => [topic.name, rule]))
    this.#nameIdlePatterns([...rules.keys()])
    const topics = await this.#named(judged.filter(({ mirrored }) => mirrored).map(({ topic }) => topic))
    this.#planOwnTopics()
    await this.#planTopics(topics, rules)
    await this.#planCopies(topics)
    await this.#planConfigs(topics)
    await this.#planAcls()
    await this.#planDeletes()
    const left = judged.filter(({ topic, mirrored }) => !mirrored && !topic.internal)
    return {
      flow: job.name,
      changes: this.#changes,
      notMirrored: left.map(({ topic, rule }) => ({ topic: topic.name, rule })),
      problems: this.#problems,
    }
  }

  #add(action: PlannedChange['action'], resource: string, detail: string, rule: string): void {
    this.#changes.push({ action, cluster: this.#options.job.to, resource, detail, rule })
  }

  async #named(topics: readonly TopicMetadata[]): Promise<TopicMetadata[]> {
    const { job, remoteNames } = this.#options
    const policy = policyOf(job)
    const mayShare = flowOf(job).transactional !== undefined
    const progress = this.#progress()
    const isMirrored = async (topic: string) => (await progress?.partition(topic, 0)) !== undefined
    const named = await nameTopics(topics, policy, isMirrored)
    for (const { message } of named.refused.values()) this.#problems.push(message)
    return named.topics.filter(({ name: topic }) => {
      const other = remoteNames.claim(policy.remoteTopic(topic), { flow: job.name, topic, mayShare })
      if (other) this.#problems.push(`${topic} is not mirrored: ${other.flow} has ${policy.remoteTopic(topic)} already`)
      return !other
    })
  }

  /** Undefined before anything was mirrored. */
  #progress(): ProgressReader | undefined {
    const { job, target } = this.#options
    const { progressTopic } = policyOf(job)
    return target.topics().has(progressTopic) ? new ProgressReader(this.#platform, target, progressTopic) : undefined
  }

  #planOwnTopics(): void {
    const { job, source, target, mm2Topics } = this.#options
    const policy = policyOf(job)
    for (const topic of [policy.progressTopic, policy.gapsTopic])
      this.#planInternal(target, topic, 'heliostat keeps its progress on the target')
    if (!mm2Topics) return
    const beats = job.progress === undefined ? [policy.heartbeatsTopic] : []
    for (const topic of [policy.checkpointsTopic, policy.offsetSyncsTopic, ...beats])
      this.#planInternal(target, topic, 'compat.mm2Topics')
    if (job.heartbeats === 'both') for (const topic of beats) this.#planInternal(source, topic, 'heartbeats: both')
  }

  #planInternal(cluster: ClusterClient, topic: string, rule: string): void {
    const { planned } = this.#options
    const id = `${cluster.name} ${topic}`
    if (cluster.topics().has(topic) || planned.has(id)) return
    planned.add(id)
    this.#changes.push({
      action: 'create-topic',
      cluster: cluster.name,
      resource: topic,
      detail: 'cleanup.policy=compact',
      rule,
    })
  }

  /** Most likely a slip of the pen; a topic that is to come is no harm. */
  #nameIdlePatterns(topics: readonly string[]): void {
    const { job } = this.#options
    for (const include of job.topics.include) {
      if (include === ANY || topics.some(javaPattern(include).matches)) continue
      const near = nearName(include, topics)
      const hint = near === undefined ? '' : `; did you mean ${near}?`
      this.#problems.push(`no topic of ${job.from} matches include "${include}"${hint}`)
    }
  }

  async #planTopics(topics: readonly TopicMetadata[], rules: ReadonlyMap<string, string>): Promise<void> {
    const { job, source, target } = this.#options
    const { configs, replicationFactor = 'source' } = flowOf(job)
    const sync = new TopicSync(this.#platform, source, target, {
      policy: policyOf(job),
      configs: configs || undefined,
      replicationFactor,
    })
    const { create, grow } = await sync.plan(topics)
    const ruleOf = (topic: string) => `${rules.get(topic)}; naming ${namingText(job)}`
    for (const { topic, plan } of create) {
      const replicas = plan.replicationFactor < 0 ? "the target's default" : plan.replicationFactor
      const text = [...plan.configs].map(([name, value]) => `${name}=${value}`)
      const detail = [`${plan.partitions} partitions`, `replication factor ${replicas}`, ...text].join(', ')
      this.#add('create-topic', plan.name, detail, ruleOf(topic))
    }
    for (const { topic, remoteTopic, from, to } of grow)
      this.#add('add-partitions', remoteTopic, `${from} to ${to} partitions, as ${topic} has`, ruleOf(topic))
  }

  /** What stands on the target already, and is not of heliostat's making. */
  async #planCopies(topics: readonly TopicMetadata[]): Promise<void> {
    const { job, source, target } = this.#options
    const policy = policyOf(job)
    const progress = this.#progress()
    const ends = new OffsetLookup(this.#platform, target)
    const takeOver = job.takeOver && new TakeOver(this.#platform, { source, target, policy, targetAlias: job.to })
    const planCopy = async (topic: string, partition: number) => {
      const remote = TopicPartition.of(policy.remoteTopic(topic), partition)
      if (!target.leaderOf(remote.topic, partition) || (await progress?.partition(topic, partition))) return
      const { from: start, to: end } = await ends.range(remote)
      if (takeOver && end > 0) {
        const found = await takeOver
          .compare({ source: TopicPartition.of(topic, partition), remote, end })
          .catch((error: Error) => ({ unknown: error.message }))
        if (typeof found === 'string') this.#problems.push(notTakenOver(remote.topic, found).message)
        else if ('unknown' in found) this.#problems.push(`${remote}: where it ends is not known: ${found.unknown}`)
        else this.#add('take-over', `${remote}`, `from source offset ${found.upstream} on`, 'takeOver: mirrormaker')
      } else if (end > start && flowOf(job).transactional === undefined)
        this.#problems.push(
          `${remote} holds records that heliostat did not write: it will stop there; takeOver: mirrormaker goes on with what MirrorMaker copied`,
        )
    }
    await Promise.all(
      topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => planCopy(name, partitionIndex))),
    )
  }

  async #planConfigs(topics: readonly TopicMetadata[]): Promise<void> {
    const { job, source, target } = this.#options
    const { configs: rules } = flowOf(job)
    if (!rules) return
    const policy = policyOf(job)
    const pairs = topics.map(({ name }) => ({ topic: name, remoteTopic: policy.remoteTopic(name) }))
    const { changes, unreadable } = await new ConfigSync(this.#platform, {
      source,
      target,
      rules,
      topics: () => pairs,
    }).plan()
    for (const [topic, list] of changes)
      for (const { name, value } of list)
        this.#add(
          'alter-config',
          topic,
          value === null ? `${name}: the target's default` : `${name}=${value}`,
          'sync.topicConfigs',
        )
    for (const topic of unreadable) this.#problems.push(`the configs of ${topic} may not be read`)
  }

  async #planAcls(): Promise<void> {
    const { job, source, target } = this.#options
    if (job.sync.acls === false) return
    const policy = policyOf(job)
    const filter = filterOf(job)
    const rules = () => aclRules({ job, source, mirror: { policy, explain: filter.explain } })
    const sync = new AclSync(this.#platform, { source, target, flow: job.name, notesTopic: policy.aclsTopic, rules })
    const plan = await sync.plan()
    if (typeof plan === 'string') return void this.#problems.push(plan)
    if (plan.make.length > 0) this.#planInternal(target, policy.aclsTopic, 'sync.acls: which rules were made here')
    for (const acl of plan.make) this.#add('create-acl', acl.resourceName, aclSentence(acl), 'sync.acls')
    for (const acl of plan.remove) this.#add('delete-acl', acl.resourceName, aclSentence(acl), 'sync.acls')
  }

  async #planDeletes(): Promise<void> {
    const { job, source, target } = this.#options
    const progress = this.#progress()
    if (job.sync.deletes === false || !progress) return
    for (const { topic, remoteTopic, targetTopicId } of await progress.topics()) {
      if (source.topics().has(topic) || target.topics().get(remoteTopic)?.topicId !== targetTopicId) continue
      const detail = `after ${deletesAfterMs(job) / 1_000} s, unless ${topic} comes back`
      this.#add('delete-topic', remoteTopic, detail, 'sync.deletes')
    }
  }
}

function namingText({ naming, from, separator }: MirrorJob): string {
  if (naming === 'prefix') return `prefix ${from}${separator}`
  return naming === 'identity' ? 'identity' : `rename ${naming.rename.match} to ${naming.rename.replace}`
}
