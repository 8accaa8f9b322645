// One mirroring job with all that belongs to it: clients, mirror, checkpoints and background jobs. Nothing is shared between
// flows, so one's trouble is its own.
import type { ClusterClient } from './client/cluster-client.ts'
import { ControlClient } from './client/control-client.ts'
import { describeMembers } from './client/group-members.ts'
import { OffsetLookup } from './client/offset-lookup.ts'
import type { Config, MirrorJob } from './config/config.ts'
import { clientOptions, clusterClient } from './daemon-client.ts'
import type { Credentials } from './daemon-credentials.ts'
import { explainName } from './daemon-explain.ts'
import { flowOf, policyOf, sharedSettings, sharingGroupOf } from './daemon-job.ts'
import { FlowSync } from './daemon-sync.ts'
import { type FlowWork, flowJobs, type Job, type JobQueue } from './jobs/jobs.ts'
import { MemoryQueue } from './jobs/memory-queue.ts'
import type { ClusterAliases } from './mirror/cluster-aliases.ts'
import { GroupSync } from './mirror/group-sync.ts'
import { emitHeartbeat } from './mirror/heartbeat.ts'
import { Mirror, type MirrorHooks } from './mirror/mirror.ts'
import type { Plane, PlaneListener } from './mirror/plane.ts'
import type { RemoteNames } from './mirror/remote-names.ts'
import { nameFilter } from './mirror/topic-filter.ts'
import { SharedOwnership } from './mirror/work-sharing.ts'
import { Checkpointer } from './offset-translation/checkpointer.ts'
import { InternalTopic } from './offset-translation/internal-topic.ts'
import { pruneOffsetMaps } from './offset-translation/offset-map-pruner.ts'
import { OffsetSyncs } from './offset-translation/offset-syncs.ts'
import { whyUntranslated } from './offset-translation/untranslated.ts'
import { HeliostatError } from './platform/errors.ts'
import type { Platform } from './platform/platform.ts'
import type { FlowView, TranslateAnswer, TranslateQuery } from './server/flow-view.ts'
import { ByteLimit } from './source/byte-limit.ts'

export interface DaemonFlowOptions {
  /** Of the clusters, by alias: all flows share them. */
  readonly credentials: ReadonlyMap<string, Credentials>
  readonly hooks?: MirrorHooks
  /** Bytes a second of the clusters that have a limit, by alias: all flows share them. */
  readonly clusterLimits: ReadonlyMap<string, ByteLimit>
  /** What the flows of a daemon must agree on. */
  readonly aliases: ClusterAliases
  readonly remoteNames: RemoteNames
  /** The queue that instances share, for a flow of this name; absent: each runs all its jobs itself. */
  readonly sharedQueue?: (flow: string) => JobQueue
  /** Planes of a flow on threads of their own; absent: its records pass through this one. */
  readonly planes?: (flow: string, listener: PlaneListener) => readonly Plane[]
}

interface Heartbeats {
  readonly target: InternalTopic
  readonly source: InternalTopic | undefined
}

export class DaemonFlow implements FlowView {
  readonly name: string
  rpo: FlowView['rpo']
  readonly #job: MirrorJob
  readonly #mirror: Mirror
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #control: ControlClient
  readonly #checkpointer: Checkpointer
  readonly #sync: FlowSync
  readonly #groupSync: GroupSync
  readonly #jobs: JobQueue
  readonly #sharedJobs: JobQueue | undefined
  readonly #work: FlowWork

  constructor(platform: Platform, config: Config, job: MirrorJob, options: DaemonFlowOptions) {
    this.#job = job
    this.name = job.name
    this.rpo = job.rpo
    const of = (alias: string) => [config.clusters[alias]!, options.credentials.get(alias)!] as const
    this.#source = clusterClient(platform, job.from, job.name, ...of(job.from))
    this.#target = clusterClient(platform, job.to, job.name, ...of(job.to))
    this.#control = new ControlClient(platform, clientOptions(job.to, job.name, ...of(job.to)))
    const mm2 = config.compat.mm2Topics
    const topic = (name: string) => new InternalTopic(platform, this.#target, name)
    this.#mirror = new Mirror(platform, {
      flow: flowOf(job),
      source: this.#source,
      target: this.#target,
      limits: { bufferBytes: job.buffer },
      byteLimits: [
        job.limits && new ByteLimit(job.limits.bytesPerSecond),
        options.clusterLimits.get(job.from),
        options.clusterLimits.get(job.to),
      ].filter((limit) => limit !== undefined),
      isToldToLook: true,
      ownership: new SharedOwnership(platform, this.#control, {
        groupId: sharingGroupOf(job),
        progressTopic: policyOf(job).progressTopic,
        settings: sharedSettings(job, config.compat),
        members: () => describeMembers(this.#target, sharingGroupOf(job), policyOf(job).progressTopic),
      }),
      hooks: options.hooks,
      aliases: options.aliases,
      remoteNames: options.remoteNames,
      planes: options.planes && ((listener) => options.planes!(job.name, listener)),
    })
    const { policy } = this.#mirror
    this.#checkpointer = new Checkpointer(platform, {
      source: this.#source,
      target: this.#target,
      matches: nameFilter(job.groups).matches,
      mirrored: (name, partition) => this.#mirrored(name, partition),
      checkpoints: mm2 ? topic(policy.checkpointsTopic) : undefined,
      commitOffsets: job.sync.groupOffsets,
    })
    this.#groupSync = new GroupSync(platform, this.#source, this.#checkpointer, () => this.#translatable())
    this.#jobs = new MemoryQueue(platform)
    this.#sharedJobs = options.sharedQueue?.(job.name)
    const heartbeats = {
      target: topic(policy.heartbeatsTopic),
      source: job.heartbeats === 'both' ? new InternalTopic(platform, this.#source, policy.heartbeatsTopic) : undefined,
    }
    const owned = () => this.#mirror.ownedPartitions()
    const syncs = new OffsetSyncs(platform.clock, topic(policy.offsetSyncsTopic), owned)
    const [sourceOffsets, targetOffsets] = [this.#source, this.#target].map((of) => new OffsetLookup(platform, of))
    this.#sync = new FlowSync(platform, { job, mirror: this.#mirror, source: this.#source, target: this.#target })
    this.#work = {
      ...this.#sync.work,
      lookForTopics: () => this.#mirror.lookForTopics(),
      syncGroupOffsets: (signal) => this.#groupSync.pass(signal),
      emitCheckpoints: mm2 ? (signal) => this.#checkpointer.emitCheckpoints(signal) : undefined,
      emitHeartbeat:
        mm2 && job.progress === undefined ? (signal) => this.#emitHeartbeats(platform, heartbeats, signal) : undefined,
      emitOffsetSyncs: mm2 ? (signal) => syncs.emit(signal) : undefined,
      pruneOffsetMaps: () => pruneOffsetMaps(owned(), sourceOffsets!, targetOffsets!),
    }
  }

  /** The beat of this pair at the target; and of the pair the other way at the source, which then crosses with the records. */
  async #emitHeartbeats(platform: Platform, topics: Heartbeats, signal: AbortSignal): Promise<string> {
    const { from, to } = this.#job
    const pair = { sourceAlias: from, targetAlias: to }
    const said = await emitHeartbeat(platform.clock, topics.target, pair, signal)
    if (!topics.source) return said
    try {
      await emitHeartbeat(platform.clock, topics.source, { sourceAlias: to, targetAlias: from }, signal)
      return said
    } catch (error) {
      // A source that takes none costs the hops alone.
      return `${said}; not told at ${from}: ${(error as Error).message}`
    }
  }

  /** Takes over what a flow can change while it runs: its objectives. */
  adjust(job: MirrorJob): void {
    this.rpo = job.rpo
  }

  async start(): Promise<void> {
    await this.#mirror.start()
    this.#groupSync.start()
    const topicsEveryMs = LOOKS_WITHIN_REFRESH * this.#job.refresh
    const schedule = { topicsEveryMs, groupOffsetsEveryMs: GROUP_OFFSETS_EVERY_MS, ...this.#sync.schedule }
    for (const job of flowJobs(this.name, this.#work, schedule)) {
      const queue = job.scope === 'flow' ? (this.#sharedJobs ?? this.#jobs) : this.#jobs
      queue.add({ ...job, run: (signal) => this.#unlessRefused(job, signal) })
    }
  }

  /**
   * What may not mirror may not sync either; a queue that instances share gives the job to another one next time. It looks at topics
   * all the same, which tells it when it may.
   */
  async #unlessRefused(job: Job, signal: AbortSignal): Promise<string> {
    const { refusal } = this.#mirror
    if (refusal !== undefined && job.run !== this.#work.lookForTopics)
      throw new HeliostatError('HEL_REFUSED', refusal, { retriable: true })
    return job.run(signal)
  }

  async stop(): Promise<void> {
    await Promise.all([this.#mirror.stop(), this.#groupSync.stop(), this.#jobs.close(), this.#sharedJobs?.close()])
    await this.#control.close()
    this.#source.close()
    this.#target.close()
  }

  notReady(): string[] {
    const { state, reason } = this.status()
    const unable =
      state === 'starting' || state === 'source-unavailable' || state === 'target-unavailable' || state === 'stopped'
    return unable ? [`flow ${this.name} is ${state}${reason === undefined ? '' : `: ${reason}`}`] : []
  }

  status() {
    return this.#mirror.status()
  }

  get moved() {
    return this.#mirror.moved
  }

  groups() {
    return this.#checkpointer.groups()
  }

  sync() {
    return this.#sync.view()
  }

  jobs() {
    return [...this.#jobs.list(), ...(this.#sharedJobs?.list() ?? [])]
  }

  get groupOffsets() {
    return this.#groupSync.state
  }

  gaps() {
    return this.#mirror.gaps()
  }

  translate({ topic, partition, offset, reverse }: TranslateQuery): TranslateAnswer {
    const owned = this.#mirror.ownedPartition(topic, partition, reverse ? 'target' : 'source')
    if (!owned) return { topic, partition, reason: `this instance mirrors no ${topic}-${partition}` }
    const there = { topic, partition, translatedTopic: (reverse ? owned.source : owned.remote).topic }
    const { map } = owned
    if (!map) return { ...there, reason: 'its place on the target is not known at the moment' }
    const found = reverse ? map.reverse(offset) : map.translate(offset)
    return found === undefined
      ? { ...there, reason: whyUntranslated(map, offset, reverse) }
      : { ...there, offset: found }
  }

  explain(name: string) {
    return explainName(
      {
        job: this.#job,
        source: this.#source,
        target: this.#target,
        refusalOf: async (topic) => this.#mirror.refusedTopics.get(topic)?.message,
        partitionsOf: async (topic) => this.#partitionsOf(topic),
        translate: async (topic, partition, offset) => this.translate({ topic, partition, offset, reverse: false }),
      },
      name,
    )
  }

  /** How many partitions. */
  #translatable(): number {
    let count = 0
    for (const { map } of this.#mirror.ownedPartitions()) if (map !== undefined) count++
    return count
  }

  #partitionsOf(topic: string): string[] {
    const found = this.status().topics.find((status) => status.topic === topic)
    return (found?.partitions ?? []).map(({ partition, state, reason, upstream }) => {
      const place = upstream === undefined ? '' : `, mirrored up to source offset ${upstream}`
      return `partition ${partition}: ${state}${place}${reason === undefined ? '' : `: ${reason}`}`
    })
  }

  pause(topic?: string) {
    this.#mirror.pause(topic)
  }

  resume(topic?: string) {
    this.#mirror.resume(topic)
  }

  pauseLike(before: DaemonFlow) {
    this.#mirror.pauseLike(before.#mirror)
  }

  #mirrored(topic: string, partition: number) {
    const owned = this.#mirror.ownedPartition(topic, partition)
    // Where sources are merged, a place in one of them is no place in the copy of all.
    if (!owned?.map || this.#mirror.sharers(owned.remote.topic).length > 0) return undefined
    return { map: owned.map, remoteTopic: owned.remote.topic }
  }
}

/** A topic that has just been missed by a look is found by the next, and its copy is to be made within the refresh as well. */
const LOOKS_WITHIN_REFRESH = 0.8
/** Where commits cannot be followed, they are on the target within about a second all the same. */
const GROUP_OFFSETS_EVERY_MS = 1_000
