// A running flow: the source's topics matched and created on the target, the slots that are ours had by its planes, which mirror the
// partitions. One plane on this thread as a rule; with several, each has every n-th slot.
//
// Invariants:
// 1. What a topic is called on the target, and which topics are mirrored, is decided here alone; planes are told.
// 2. A plane has no slot that the group did not give us, but for those that nobody has before it has met.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { TopicWriter } from '../sink/topic-writer.ts'
import type { ByteLimit } from '../source/byte-limit.ts'
import { TopicWatcher } from '../source/topic-watcher.ts'
import { ClusterAliases } from './cluster-aliases.ts'
import { DataPlane, type MirrorLimits } from './data-plane.ts'
import { ErrorCounts, sumOfCounts } from './error-counts.ts'
import type { Flow } from './flow.ts'
import type { Gap } from './gap.ts'
import { GapLedger } from './gap-ledger.ts'
import { sumOfHistograms } from './latency.ts'
import type { MirrorHooks } from './mirror-hooks.ts'
import type { OwnedPartition, Plane, PlaneListener, PlaneStatus } from './plane.ts'
import { ProgressReader } from './progress-reader.ts'
import { slotOf } from './progress-record.ts'
import { nameTopics, RemoteNames } from './remote-names.ts'
import { type ReplicationPolicy, replicationPolicy } from './replication-policy.ts'
import {
  type FlowState,
  type MirrorStatus,
  type Moved,
  type PartitionStatus,
  sumOfMoved,
  type TopicStatus,
} from './status.ts'
import { type Explanation, type TopicFilter, topicFilter } from './topic-filter.ts'
import { type SyncedTopic, TopicSync } from './topic-sync.ts'
import { type SlotOwnership, SoleOwner } from './work-sharing.ts'

export type { MirrorLimits } from './data-plane.ts'
export type { Flow, Start } from './flow.ts'
export type { MirrorHooks, Step } from './mirror-hooks.ts'

export interface MirrorOptions {
  readonly flow: Flow
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly limits?: MirrorLimits
  /** Bytes a second: of the flow, and of the clusters that it shares with others. */
  readonly byteLimits?: readonly ByteLimit[]
  /** How instances share the slots; by default this one has them all. */
  readonly ownership?: SlotOwnership
  /** The clusters that the names of the configuration lead to, as far as flows of this process have met them. */
  readonly aliases?: ClusterAliases
  /** Names that other flows of this process have taken on the target. */
  readonly remoteNames?: RemoteNames
  /** Somebody else says when to look for topics, by `lookForTopics`; by default the mirror does, every `refreshMs`. */
  readonly isToldToLook?: boolean
  /** Partitions of the progress topic, when it is created here. */
  readonly slots?: number
  /** Moments at which a test may step in. */
  readonly hooks?: MirrorHooks
  /** What carries the records; by default one plane on this thread, with these clients. */
  readonly planes?: (listener: PlaneListener) => readonly Plane[]
}

const INTERNAL_REPLICAS = 3
const FIRST_LOOK_MS = 1_000
/** A look at the source that is overdue by so much will hardly come. */
const SILENCE_MS = 5_000

/** Kafka refuses a request that makes more than 10,000 partitions; and the first topics need not wait for the last. */
const PARTITIONS_PER_SYNC = 1_000

export class Mirror {
  readonly flow: Flow
  readonly policy: ReplicationPolicy
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #filter: TopicFilter
  readonly #planes: readonly Plane[]
  readonly #topicSync: TopicSync
  readonly #watcher: TopicWatcher
  readonly #isToldToLook: boolean
  readonly #refreshMs: number
  readonly #ownership: SlotOwnership
  readonly #remoteNames: RemoteNames
  readonly #aliases: ClusterAliases
  readonly #unwatch: () => void
  readonly #stopping = new AbortController()
  readonly #synced = new Map<string, SyncedTopic>()
  readonly #refused = new Map<string, HeliostatError>()
  readonly #errors: ErrorCounts
  readonly #hooks: MirrorHooks
  readonly #gapLedger: GapLedger
  readonly #resyncs = new Map<string, Promise<SyncedTopic>>()
  #slotCount: number
  /** Whether it is settled which slots are ours; none may be, when others have them all. */
  #isAssigned = false
  #state: 'new' | 'starting' | 'running' | 'stopped' = 'new'
  #paused = false
  /** Why the flow may not run at all. */
  #refusal: string | undefined
  /** Why the instances that have the work do not share it with this one; they may change their mind. */
  #disagreement: string | undefined
  readonly #firstLook = new AbortController()
  #looking: Promise<unknown> = Promise.resolve()
  #sourceAnswers = true
  #targetAnswers = true
  /** When the source last told its topics, monotonic. */
  #heardAt = 0
  /** Of the last time that all of them were dealt with; before there was one, when this began. */
  #dealtWithAt: number
  #wereDealtWith = false

  constructor(platform: Platform, options: MirrorOptions) {
    const { flow, source, target, limits, byteLimits, hooks = {} } = options
    this.flow = flow
    const { naming = 'prefix', source: alias, separator, progress } = flow
    this.policy = replicationPolicy({ naming, source: alias, separator, progress })
    this.#platform = { ...platform, log: platform.log.child({ flow: flow.name }) }
    this.#source = source
    this.#target = target
    this.#errors = new ErrorCounts(this.#platform.log)
    this.#hooks = hooks
    this.#slotCount = options.slots ?? 16
    this.#filter = topicFilter(flow.topics, {
      policy: this.policy,
      target: flow.target,
      heartbeats: progress === undefined,
    })
    this.#topicSync = new TopicSync(this.#platform, source, target, {
      policy: this.policy,
      configs: flow.configs === false ? undefined : (flow.configs ?? {}),
      replicationFactor: flow.replicationFactor ?? 'source',
    })
    this.#refreshMs = flow.refreshMs ?? 5_000
    this.#isToldToLook = options.isToldToLook ?? false
    this.#dealtWithAt = platform.clock.monotonic()
    this.#watcher = new TopicWatcher(this.#platform, source, {
      refreshMs: this.#refreshMs,
      found: (topics) => {
        this.#heardAt = platform.clock.monotonic()
        return this.#found(topics)
      },
      failed: (error) => {
        this.#firstLook.abort()
        this.#sourceAnswers = false
        this.#lookFailed(error)
      },
    })
    this.#ownership = options.ownership ?? new SoleOwner()
    this.#remoteNames = options.remoteNames ?? new RemoteNames()
    this.#aliases = options.aliases ?? new ClusterAliases([flow.source, flow.target])
    this.#unwatch = this.#aliases.watch(() => this.#compareClusters())
    this.#gapLedger = new GapLedger(this.#platform, target, this.policy.gapsTopic)
    const listener: PlaneListener = {
      working: () => this.#lookAgain(),
      slotTaken: (slot) => this.#ownership.taken(slot),
      syncTopic: (topic) => this.#resync(topic),
      batchBytesMax: (remoteTopic) => this.#topicSync.batchBytesMax(remoteTopic),
      gapWritten: (gap) => this.#gapLedger.note(gap),
    }
    const { policy } = this
    const clients = { source, target, gapLedger: this.#gapLedger }
    this.#planes = options.planes?.(listener) ?? [
      new DataPlane(this.#platform, { flow, policy, ...clients, limits, byteLimits, hooks }, listener),
    ]
  }

  // ---- life

  /** Starts mirroring in the background. Clusters that cannot be reached are tried again; status tells. */
  async start(): Promise<void> {
    if (this.#state !== 'new') throw new Error('a mirror starts once')
    this.#state = 'starting'
    void this.#run()
  }

  /** Takes nothing new, waits for what is under way (within the grace), and says goodbye to its slots. */
  async stop(): Promise<void> {
    if (this.#state === 'stopped') return
    this.#state = 'stopped'
    this.#unwatch()
    this.#stopping.abort()
    const draining = this.#planes.map((plane) => plane.drain())
    await this.#watcher.stop()
    await Promise.all(draining)
    await this.#ownership.stop()
    await Promise.all(this.#planes.map((plane) => plane.leave()))
    this.#remoteNames.release(this.flow.name)
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    if (!this.#isToldToLook) this.#watcher.start()
    // Nothing is written before both clusters said who they are; a source that is dark must not keep its copies from being read.
    await sleep(this.#platform.clock, FIRST_LOOK_MS, AbortSignal.any([signal, this.#firstLook.signal]))
    const backoff = new Backoff(this.#platform.random, { initialMs: 50, maxMs: 2_000 })
    while (!signal.aborted && this.#refusal === undefined) {
      try {
        await this.#makeInternalTopics()
        await this.#gapLedger.refresh()
        this.#targetAnswers = true
        break
      } catch (error) {
        this.#targetAnswers = false
        this.#errors.tellUnlessRetriable(error as HeliostatError)
        await sleep(this.#platform.clock, backoff.next(), signal)
      }
    }
    if (signal.aborted || this.#refusal !== undefined) return
    this.#state = 'running'
    const all = Array.from({ length: this.#slotCount }, (_, slot) => slot)
    this.#deal(all, (plane, slots) => plane.begin(this.#slotCount, slots))
    await this.#ownership.start(this.#slotCount, {
      gained: (slots) => {
        this.#isAssigned = true
        this.#deal(slots, (plane, dealt) => plane.own(dealt))
      },
      lost: (slots) => this.#deal(slots, (plane, dealt) => plane.drop(dealt)),
      refused: (difference) => this.#disagree(difference),
    })
  }

  /** Each plane has every n-th slot, and is told also when none of these is its own. */
  #deal(slots: readonly number[], to: (plane: Plane, slots: readonly number[]) => void): void {
    for (const [index, plane] of this.#planes.entries())
      to(
        plane,
        slots.filter((slot) => slot % this.#planes.length === index),
      )
  }

  #disagree(difference: string | undefined): void {
    if (difference === this.#disagreement || this.#stopping.signal.aborted) return
    this.#disagreement = difference
    if (difference === undefined) return
    const message = `this instance does nothing for ${this.flow.name}: ${difference}`
    this.#errors.tell(new HeliostatError('HEL_SETTINGS_DIFFER', message))
  }

  async #makeInternalTopics(): Promise<void> {
    const { progressTopic, gapsTopic } = this.policy
    const configs = new Map([['cleanup.policy', 'compact']])
    await this.#target.refresh()
    this.#aliases.learn(this.flow.target, this.#target.clusterId)
    if (this.#refusal !== undefined) return
    const replicationFactor = Math.min(INTERNAL_REPLICAS, Math.max(1, this.#target.nodes().size))
    const missing = [
      { name: progressTopic, partitions: this.#slotCount, replicationFactor, configs },
      { name: gapsTopic, partitions: 1, replicationFactor, configs },
    ].filter(({ name }) => !this.#target.topics().has(name))
    const refused = await new TopicWriter(this.#target).create(missing)
    for (const error of refused.values()) throw error
    if (missing.length > 0) await this.#target.refresh()
    const progress = this.#target.topics().get(progressTopic)
    if (!progress || progress.partitions.length === 0)
      throw new HeliostatError('HEL_TOPIC_NOT_VISIBLE', `${progressTopic} cannot be seen yet`, { retriable: true })
    this.#slotCount = progress.partitions.length
  }

  // ---- topics

  /** Whether any slot is ours: whoever has none creates nothing, for those who have them may see the flow otherwise. */
  get #hasWork(): boolean {
    return this.#planes.some((plane) => plane.isWorking)
  }

  /** The first slot is ours: what was found before it was, begins. */
  #lookAgain(): void {
    if (!this.#firstLook.signal.aborted || !this.#sourceAnswers) return // the watcher's look is still to come
    this.#found(this.#source.topics()).catch(() => undefined) // noted there
  }

  /** One look after the other. */
  #found(topics: ReadonlyMap<string, TopicMetadata>): Promise<string> {
    const looking = this.#looking.then(() => this.#look(topics))
    this.#looking = looking.catch(() => undefined) // whoever asked is told
    return looking
  }

  /** Resolves to a few words; rejects when the target could not be asked, after what could be done without it. */
  async #look(topics: ReadonlyMap<string, TopicMetadata>): Promise<string> {
    this.#sourceAnswers = true
    const heardAt = this.#heardAt
    const isSettled = this.#hasWork || (this.#isAssigned && this.#planes.every(({ slots }) => slots === 0))
    this.#aliases.learn(this.flow.source, this.#source.clusterId)
    this.#aliases.learn(this.flow.target, this.#target.clusterId)
    this.#firstLook.abort()
    if (this.refusal !== undefined) {
      this.#dealtWith(heardAt) // they are others' business
      return this.refusal
    }
    const matched = [...topics.values()].filter((topic) => !topic.internal && this.#filter.matches(topic.name))
    let news: readonly TopicMetadata[] = []
    let failure: HeliostatError | undefined
    try {
      news = this.#hasWork ? (await this.#named(matched)).filter((topic) => this.#isNews(topic)) : []
      if (news.length > 0) await this.#syncInTurns(news)
      else await this.#target.refresh()
      await this.#gapLedger.refresh()
      this.#targetAnswers = true
    } catch (error) {
      failure = error as HeliostatError
      this.#targetAnswers = false
      this.#lookFailed(failure)
    }
    for (const plane of this.#planes) plane.look()
    if (failure) throw failure
    if (isSettled) this.#dealtWith(heardAt)
    return `${matched.length} topics to mirror, ${news.length} new or changed`
  }

  #dealtWith(heardAt: number): void {
    this.#dealtWithAt = heardAt
    this.#wereDealtWith = true
  }

  /** Who told us to look is told why it failed, and says so. */
  #lookFailed(error: HeliostatError): void {
    if (this.#isToldToLook) this.#errors.count(error.code ?? 'HEL_UNEXPECTED')
    else this.#errors.tell(error)
  }

  /** Those whose name on the target is possible, and no other's. */
  async #named(topics: readonly TopicMetadata[]): Promise<TopicMetadata[]> {
    const named = await nameTopics(topics, this.policy, (topic) => this.#isMirrored(topic))
    const { name: flow, transactional } = this.flow
    const mayShare = transactional !== undefined
    const refused = new Map(named.refused)
    const free = named.topics.filter(({ name: topic }) => {
      const remoteTopic = this.policy.remoteTopic(topic)
      const other = this.#remoteNames.claim(remoteTopic, { flow, topic, mayShare })
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
    const reader = new ProgressReader(this.#platform, this.#target, this.policy.progressTopic)
    return (await reader.partition(topic, 0)) !== undefined
  }

  #refuse(topic: string, error: HeliostatError): void {
    // Told once, not at every refresh.
    if (this.#refused.get(topic)?.message !== error.message) this.#errors.tell(error)
    this.#refused.set(topic, error)
  }

  async #syncInTurns(topics: readonly TopicMetadata[]): Promise<void> {
    for (const turn of inTurns(topics)) {
      if (this.#stopping.signal.aborted) return
      this.#sync(await this.#topicSync.sync(turn))
    }
  }

  #isNews(topic: TopicMetadata): boolean {
    const synced = this.#synced.get(topic.name)
    if (!synced || synced.sourceTopicId !== topic.topicId || synced.partitions < topic.partitions.length) return true
    // One that is gone is not made anew here: that is for the policy on data loss.
    const remote = this.#target.topics().get(synced.remoteTopic)
    return remote !== undefined && remote.topicId !== synced.targetTopicId
  }

  /** Makes the topic's copy anew; its partitions ask for it side by side. */
  #resync(topic: string): Promise<SyncedTopic> {
    const underWay = this.#resyncs.get(topic)
    if (underWay) return underWay
    const resync = async () => {
      const found = this.#source.topics().get(topic)
      const result = found && (await this.#topicSync.sync([found])).get(topic)
      if (!result || result instanceof HeliostatError)
        throw result ?? new HeliostatError('HEL_NO_TOPIC', `${topic} is not on the source`, { retriable: true })
      this.#tellSynced([result])
      return result
    }
    const resyncing = resync().finally(() => this.#resyncs.delete(topic))
    this.#resyncs.set(topic, resyncing)
    return resyncing
  }

  #sync(results: ReadonlyMap<string, SyncedTopic | HeliostatError>): void {
    this.#hooks.reached?.('topics-created')
    const synced: SyncedTopic[] = []
    for (const [topic, result] of results) {
      if (result instanceof HeliostatError) this.#refuse(topic, result)
      else {
        this.#refused.delete(topic)
        synced.push(result)
      }
    }
    this.#tellSynced(synced)
  }

  #tellSynced(topics: readonly SyncedTopic[]): void {
    for (const topic of topics) this.#synced.set(topic.topic, topic)
    for (const plane of this.#planes) plane.synced(topics)
  }

  /** One cluster under two names: whatever this flow did would be done to itself, at some hop. */
  #compareClusters(): void {
    const problem = this.#aliases.problem(this.flow.source, this.flow.target)
    if (problem === undefined || this.#refusal !== undefined || this.#stopping.signal.aborted) return
    this.#refusal = problem
    this.#errors.tell(new HeliostatError('HEL_SAME_CLUSTER', `flow ${this.flow.name} does not run: ${problem}`))
    for (const plane of this.#planes) plane.drop(Array.from({ length: this.#slotCount }, (_, slot) => slot))
    void this.#ownership.stop()
  }

  // ---- what users do and see

  /** Looks for topics that came, grew, changed or went, and deals with them; resolves to a few words on that. */
  lookForTopics(): Promise<string> {
    return this.#watcher.look()
  }

  pause(topic?: string): void {
    if (topic === undefined) this.#paused = true
    for (const plane of this.#planes) plane.pause(topic)
  }

  resume(topic?: string): void {
    if (topic === undefined) this.#paused = false
    for (const plane of this.#planes) plane.resume(topic)
  }

  /**
   * Ends the mirroring of a topic that neither cluster has any more, and forgets its progress where it is ours: one that is made
   * anew under the name begins anew.
   */
  async forget(topic: string): Promise<void> {
    if (this.#source.topics().has(topic)) return
    this.#synced.delete(topic)
    await Promise.all(this.#planes.map((plane) => plane.forget(topic)))
  }

  explain(topic: string): Explanation {
    return this.#filter.explain(topic)
  }

  /** Why this instance may do nothing for the flow; a sentence for people. */
  get refusal(): string | undefined {
    return this.#refusal ?? this.#disagreement
  }

  /** Why topics that match cannot be mirrored at all. */
  get refusedTopics(): ReadonlyMap<string, HeliostatError> {
    return this.#refused
  }

  /** All topics whose copies exist, also those that other instances mirror. */
  syncedTopics(): Iterable<SyncedTopic> {
    return this.#synced.values()
  }

  /** Other flows that write to a copy of this one: in transactions a topic may be merged from several sources. */
  sharers(remoteTopic: string): readonly string[] {
    return this.#remoteNames.sharers(remoteTopic, this.flow.name)
  }

  /** Of the instances that share the flow one sees to what is done once for a topic: who has the slot of its first partition. */
  isOurs(topic: string): boolean {
    const slot = slotOf(topic, 0, this.#slotCount)
    return this.#planes.some((plane) => plane.has(slot))
  }

  /** Partitions that run here, each with its offset map once its position is known. */
  *ownedPartitions(): Generator<OwnedPartition> {
    for (const plane of this.#planes) yield* plane.ownedPartitions()
  }

  /** The same of one, by its name on either side. */
  ownedPartition(topic: string, partition: number, side: 'source' | 'target' = 'source'): OwnedPartition | undefined {
    const named = TopicPartition.known(topic, partition)
    if (!named) return undefined
    for (const plane of this.#planes) {
      const owned = plane.ownedPartition(named, side)
      if (owned) return owned
    }
    return undefined
  }

  /** All that the ledger holds of this flow's topics, whichever instance wrote it and when. */
  gaps(): Gap[] {
    return this.#gapLedger.entries().filter(({ topic }) => this.#filter.matches(topic))
  }

  translate(topic: string, partition: number, offset: number, options: { reverse?: boolean } = {}): number | undefined {
    if (options.reverse) return this.ownedPartition(topic, partition, 'target')?.map?.reverse(offset)
    return this.ownedPartition(topic, partition)?.map?.translate(offset)
  }

  status(): MirrorStatus {
    const planes = this.#planes.map((plane) => plane.status())
    const topics = mergedTopics(planes)
    const partitions = topics.flatMap((topic) => topic.partitions)
    return {
      flow: this.flow.name,
      source: this.flow.source,
      target: this.flow.target,
      state: this.#flowState(topics, planes),
      reason: this.refusal,
      rpoMs: partitions.reduce((most, { rpoMs }) => Math.max(most, rpoMs), this.#untoldMs),
      rpoRecords: partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      topics,
      bufferedBytes: planes.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0),
      bufferedBytesMax: planes.reduce((sum, { bufferedBytesMax }) => sum + bufferedBytesMax, 0),
      errors: sumOfCounts([this.#errors.byCode, ...planes.map(({ errors }) => errors)]),
      latency: sumOfHistograms(planes.map(({ latency }) => latency)),
    }
  }

  /** For how long topics may have come to the source that nobody here knows of; a look that is only due does not count. */
  get #untoldMs(): number {
    const ms = this.#platform.clock.monotonic() - this.#dealtWithAt
    return this.#wereDealtWith && ms <= this.#refreshMs + SILENCE_MS ? 0 : ms
  }

  get moved(): Moved {
    return sumOfMoved(this.#planes.map(({ moved }) => moved))
  }

  #flowState(topics: readonly TopicStatus[], planes: readonly PlaneStatus[]): FlowState {
    const some = (holds: (plane: PlaneStatus) => boolean) => planes.some(holds)
    if (this.#state === 'stopped' || this.refusal !== undefined) return 'stopped'
    if (this.#paused) return 'paused'
    if (!this.#sourceAnswers || some(({ unreachable, isSourceSilent }) => isSourceSilent || unreachable.source > 0))
      return 'source-unavailable'
    if (!this.#targetAnswers || some(({ unreachable }) => unreachable.target > 0)) return 'target-unavailable'
    if (this.#state !== 'running' || !this.#isAssigned || !this.#wereDealtWith) return 'starting'
    if (some(({ openingSlots }) => openingSlots > 0)) return 'catching-up'
    const behind = topics.some(({ partitions }) =>
      partitions.some(({ state }) => state === 'catching-up' || state === 'starting' || state === 'recovering'),
    )
    return behind ? 'catching-up' : 'running'
  }
}

function takenBy(topic: string, remoteTopic: string, flow: string): HeliostatError {
  const message = `${topic} is not mirrored: ${remoteTopic} on the target is the copy of the flow ${flow}, and a copy has one source; another naming gives it a name of its own, and mirrors that all say delivery: transactional may share it`
  return new HeliostatError('HEL_TOPIC_NAME', message, { where: { topic } })
}

/** Each partition is on one plane, but a topic's may be on several. */
function mergedTopics(planes: readonly PlaneStatus[]): TopicStatus[] {
  const topics = new Map<string, { topic: string; remoteTopic: string; partitions: PartitionStatus[] }>()
  for (const { topic, remoteTopic, partitions } of planes.flatMap((plane) => plane.topics)) {
    const merged = topics.get(topic) ?? { topic, remoteTopic, partitions: [] }
    merged.partitions.push(...partitions)
    topics.set(topic, merged)
  }
  for (const { partitions } of topics.values()) partitions.sort((a, b) => a.partition - b.partition)
  return [...topics.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1))
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
