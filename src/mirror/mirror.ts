// A running flow: the source's topics matched, created on the target, and every partition whose slot is ours mirrored.
//
// Invariants:
// 1. A partition runs here only while its slot is owned by this instance and its slot log is open.
// 2. There is one fetcher per source broker and one producer per target broker; partitions come and go on them.
// 3. All frames that are fetched and not yet acknowledged count against one budget, and no fetch is sent while it is full.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { OffsetMap } from '../offset-translation/offset-map.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { Producer } from '../sink/producer.ts'
import { TailReader } from '../sink/tail-reader.ts'
import { TopicWriter } from '../sink/topic-writer.ts'
import { type ByteLimit, SharedLimits } from '../source/byte-limit.ts'
import { type Fetched, Fetcher, type FetchFailure, type FetchPosition } from '../source/fetcher.ts'
import { FrameBudget } from '../source/frame-lease.ts'
import { TopicWatcher } from '../source/topic-watcher.ts'
import { ClusterAliases } from './cluster-aliases.ts'
import type { ConfigRules } from './config-rules.ts'
import type { DataLossPolicy, Gap } from './gap.ts'
import { GapLedger } from './gap-ledger.ts'
import { Latency } from './latency.ts'
import { MirroredPartition, type MirrorHooks, type PartitionHost } from './mirrored-partition.ts'
import type { OutgoingBatch } from './partition-mirror.ts'
import { ProgressReader } from './progress-reader.ts'
import { ownerRecord, slotOf } from './progress-record.ts'
import { nameTopics, RemoteNames } from './remote-names.ts'
import { type Naming, type ReplicationPolicy, replicationPolicy } from './replication-policy.ts'
import { type ProgressLog, SlotLog } from './slot-log.ts'
import type { FlowState, MirrorStatus, TopicStatus } from './status.ts'
import { TakeOver } from './take-over.ts'
import { type Explanation, nameFilter, type TopicFilter, type TopicRules, topicFilter } from './topic-filter.ts'
import { type SyncedTopic, TopicSync } from './topic-sync.ts'
import { isFenced, TransactionalSlot } from './transactional-slot.ts'
import { type SlotOwnership, SoleOwner } from './work-sharing.ts'

export type { MirrorHooks, Step } from './mirrored-partition.ts'

/** Where a topic without progress begins; timestamps in milliseconds. */
export type Start = 'earliest' | 'latest' | { readonly timestamp: number }

/** One mirroring job, as configured. */
export interface Flow {
  readonly name: string
  readonly source: string
  readonly target: string
  readonly topics: TopicRules
  readonly naming?: Naming
  readonly separator?: string
  readonly isolation?: 'read_committed' | 'read_uncommitted'
  /** Records and progress in transactions, which are committed this often; absent: by sequences, without transactions. */
  readonly transactional?: { readonly commitIntervalMs: number }
  readonly start?: Start
  /** Other beginnings for some topics: the first that names the topic, exactly or by a pattern. */
  readonly startByTopic?: readonly { readonly topics: readonly string[]; readonly start: Start }[]
  /** The word under which this flow keeps its progress, when another flow between these clusters has the common topic. */
  readonly progress?: string
  readonly onDataLoss?: DataLossPolicy
  /** Goes on with the copies that this other mirror made, once it is stopped. */
  readonly takeOver?: 'mirrormaker'
  /** Which configs the copies get; false: the target's defaults. */
  readonly configs?: ConfigRules | false
  readonly replicationFactor?: 'source' | 'target-default' | number
  readonly refreshMs?: number
}

export interface MirrorLimits {
  /** Bytes fetched and not yet acknowledged. */
  readonly bufferBytes?: number
  /** Bytes in flight to one target broker. */
  readonly windowBytes?: number
  readonly requestBytes?: number
  readonly fetchBytes?: number
  readonly fetchPartitionBytes?: number
  /** Bytes that one partition may queue. */
  readonly queueBytes?: number
  /** How long a request of a dead process may be under way, at most; matters to compacted sources alone. */
  readonly settleMs?: number
  /** How long a stop waits for acknowledgements. */
  readonly stopGraceMs?: number
  /** How often a partition that stopped looks whether what stopped it has passed: rights, limits. */
  readonly lookAgainMs?: number
}

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
}

const MIB = 1024 * 1024
const INTERNAL_REPLICAS = 3
const DRAIN_PAUSE_MS = 5
const GOODBYE_MS = 2_000
const FIRST_LOOK_MS = 1_000
/** An answer of the source that is overdue by so much, without a byte, will hardly come. */
const SILENCE_MS = 5_000

/** Kafka refuses a request that makes more than 10,000 partitions; and the first topics need not wait for the last. */
const PARTITIONS_PER_SYNC = 1_000

/** A partition that runs here; without a map its position is not known yet. */
interface OwnedPartition {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap | undefined
}

interface OwnedSlot {
  log: ProgressLog
  isOpen: boolean
  /** The last owner may have left requests behind that arrive late. */
  inDoubt: boolean
}

export class Mirror {
  readonly flow: Flow
  readonly policy: ReplicationPolicy
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #limits: Required<MirrorLimits>
  readonly #byteLimits: SharedLimits | undefined
  readonly #filter: TopicFilter
  readonly #startOf: (topic: string) => Start
  readonly #budget: FrameBudget
  readonly #host: PartitionHost
  readonly #topicSync: TopicSync
  readonly #watcher: TopicWatcher
  readonly #isToldToLook: boolean
  readonly #refreshMs: number
  readonly #ownership: SlotOwnership
  readonly #remoteNames: RemoteNames
  readonly #aliases: ClusterAliases
  readonly #unwatch: () => void
  readonly #stopping = new AbortController()
  readonly #fetchers = new Map<number, Fetcher>()
  readonly #producers = new Map<string, Producer<OutgoingBatch>>()
  readonly #slots = new Map<number, OwnedSlot>()
  readonly #synced = new Map<string, SyncedTopic>()
  readonly #refused = new Map<string, HeliostatError>()
  readonly #partitions = new Map<TopicPartition, MirroredPartition>()
  /** The same by their names on the target. */
  readonly #copies = new Map<TopicPartition, MirroredPartition>()
  readonly #pausedTopics = new Set<string>()
  readonly #errors = new Map<string, number>()
  readonly #unreachable = { source: new Set<number>(), target: new Set<number>() }
  readonly #latency = new Latency()
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
    const { flow, source, target, limits, hooks = {} } = options
    this.flow = flow
    const { naming = 'prefix', source: alias, separator, progress } = flow
    this.policy = replicationPolicy({ naming, source: alias, separator, progress })
    this.#platform = { ...platform, log: platform.log.child({ flow: flow.name }) }
    this.#source = source
    this.#target = target
    this.#limits = {
      bufferBytes: 32 * MIB,
      windowBytes: 16 * MIB,
      requestBytes: MIB,
      fetchBytes: 8 * MIB,
      fetchPartitionBytes: MIB,
      queueBytes: 4 * MIB,
      settleMs: 10_000,
      stopGraceMs: 10_000,
      lookAgainMs: 30_000,
      ...limits,
    }
    const { byteLimits = [] } = options
    // Instances share a limit as they share the slots.
    const share = () => Math.max(1, this.#slots.size) / this.#slotCount
    this.#byteLimits = byteLimits.length > 0 ? new SharedLimits(byteLimits, share) : undefined
    this.#slotCount = options.slots ?? 16
    this.#filter = topicFilter(flow.topics, {
      policy: this.policy,
      target: flow.target,
      heartbeats: progress === undefined,
    })
    this.#startOf = startRules(flow)
    this.#budget = new FrameBudget(this.#limits.bufferBytes, this.#limits.fetchBytes, () => {
      for (const fetcher of this.#fetchers.values()) fetcher.roomAgain()
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
    this.#host = this.#makeHost(hooks)
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
    for (const partition of this.#partitions.values()) partition.stopFetching()
    for (const fetcher of this.#fetchers.values()) fetcher.close()
    await this.#watcher.stop()
    const drained = await this.#drained()
    await this.#ownership.stop()
    for (const partition of this.#partitions.values()) partition.close()
    for (const producer of this.#producers.values()) producer.close()
    await Promise.all([...this.#slots.values()].map((slot) => this.#leave(slot, drained)))
    this.#remoteNames.release(this.flow.name)
  }

  async #drained(): Promise<boolean> {
    const { clock } = this.#platform
    const deadline = clock.monotonic() + this.#limits.stopGraceMs
    const isDrained = () => [...this.#partitions.values()].every((partition) => partition.isDrained)
    while (!isDrained() && clock.monotonic() < deadline) await sleep(clock, DRAIN_PAUSE_MS)
    return isDrained()
  }

  async #leave(slot: OwnedSlot, drained: boolean): Promise<void> {
    // A target that does not answer must not keep us: without a goodbye the next owner is careful, and nothing is lost.
    const patience = this.#platform.clock.setTimer(GOODBYE_MS, () => slot.log.close())
    try {
      if (slot.isOpen && drained) await slot.log.write([ownerRecord('closed')])
    } catch (error) {
      this.#countError(error as HeliostatError)
    }
    patience.cancel()
    slot.log.close()
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
        this.#retrying(error as HeliostatError)
        await sleep(this.#platform.clock, backoff.next(), signal)
      }
    }
    if (signal.aborted || this.#refusal !== undefined) return
    this.#state = 'running'
    this.#openVacantSlots()
    await this.#ownership.start(this.#slotCount, {
      gained: (slots) => {
        this.#assigned(slots)
      },
      lost: (slots) => {
        for (const slot of slots) this.#dropSlot(slot)
      },
      refused: (difference) => this.#disagree(difference),
    })
  }

  #disagree(difference: string | undefined): void {
    if (difference === this.#disagreement || this.#stopping.signal.aborted) return
    this.#disagreement = difference
    if (difference === undefined) return
    const message = `this instance does nothing for ${this.flow.name}: ${difference}`
    this.#countError(new HeliostatError('HEL_SETTINGS_DIFFER', message))
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

  // ---- slots

  /**
   * A slot that was never used, or whose last owner said goodbye, is begun before the group has met: that takes seconds on a
   * fresh cluster. Two that start at once see each other in the slot's log; and the group's word counts as soon as it comes.
   */
  #openVacantSlots(): void {
    for (let slot = 0; slot < this.#slotCount; slot++) void this.#openSlot(slot, { ifVacant: true })
  }

  #assigned(slots: readonly number[]): void {
    if (!this.#isAssigned) for (const slot of [...this.#slots.keys()]) if (!slots.includes(slot)) this.#dropSlot(slot)
    this.#isAssigned = true
    for (const slot of slots) if (!this.#slots.has(slot)) void this.#openSlot(slot)
  }

  async #openSlot(slot: number, options: { ifVacant?: boolean } = {}): Promise<void> {
    const backoff = new Backoff(this.#platform.random, { initialMs: 50, maxMs: 5_000 })
    while (!this.#stopping.signal.aborted) {
      const log = this.#progressLog(slot)
      const owned: OwnedSlot = { log, isOpen: false, inDoubt: true }
      this.#slots.set(slot, owned)
      try {
        const { wasClosed, isOccupied } = await log.open({ ifVacant: (options.ifVacant ?? false) && !this.#isAssigned })
        if (this.#slots.get(slot) !== owned) return log.close()
        if (isOccupied) {
          if (!this.#isAssigned) return this.#dropSlot(slot)
          log.close() // the group has said meanwhile that it is ours
          continue
        }
        this.#host.hooks.reached?.('progress-read')
        const isFirst = !this.#hasWork
        owned.isOpen = true
        owned.inDoubt = !wasClosed
        this.#arrange()
        if (isFirst) this.#lookAgain()
        return
      } catch (error) {
        log.close()
        if (this.#slots.get(slot) !== owned) return
        this.#retrying(error as HeliostatError)
        await sleep(this.#platform.clock, backoff.next(), this.#stopping.signal)
        await this.#target.refresh().catch((failure: HeliostatError) => this.#countError(failure))
      }
    }
  }

  #progressLog(slot: number): ProgressLog {
    const { progressTopic } = this.policy
    const { name, transactional } = this.flow
    const onLost = (reason: HeliostatError) => this.#slotLost(slot, reason)
    if (!transactional) return new SlotLog(this.#platform, this.#target, progressTopic, slot, onLost)
    return new TransactionalSlot(this.#platform, this.#target, progressTopic, slot, {
      transactionalId: `heliostat.${name}.${slot}`,
      commitIntervalMs: transactional.commitIntervalMs,
      reached: (step) => this.#host.hooks.reached?.(step),
      onLost,
    })
  }

  #dropSlot(slot: number): void {
    this.#slots.get(slot)?.log.close()
    this.#slots.delete(slot)
    this.#arrange()
  }

  /** Someone else wrote to it, or it cannot be written: its partitions stop, and it is read anew. */
  #slotLost(slot: number, reason: HeliostatError): void {
    this.#countError(reason)
    this.#dropSlot(slot)
    const pauseMs = isFenced(reason) ? this.#fencedPauseMs() : 0
    this.#platform.clock.setTimer(pauseMs, () => {
      if (!this.#stopping.signal.aborted) this.#ownership.taken(slot)
    })
  }

  /** Two that take a transactional id from each other at once would never get to commit anything. */
  #fencedPauseMs(): number {
    return (this.flow.transactional?.commitIntervalMs ?? 0) * (2 + 4 * this.#platform.random.fraction())
  }

  // ---- topics and partitions

  /** Whether any slot is ours: whoever has none creates nothing, for those who have them may see the flow otherwise. */
  get #hasWork(): boolean {
    return [...this.#slots.values()].some(({ isOpen }) => isOpen)
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
    const isSettled = this.#hasWork || (this.#isAssigned && this.#slots.size === 0)
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
    this.#arrange()
    for (const partition of this.#partitions.values()) {
      partition.refreshed(this.#synced.get(partition.source.topic))
      void partition.lookAtSourceEnd()
      void partition.lookAtTargetEnd()
    }
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
    if (this.#isToldToLook) this.#host.countError(error.code ?? 'HEL_UNEXPECTED')
    else this.#countError(error)
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
    if (this.#refused.get(topic)?.message !== error.message) this.#countError(error)
    this.#refused.set(topic, error)
  }

  async #syncInTurns(topics: readonly TopicMetadata[]): Promise<void> {
    for (const turn of inTurns(topics)) {
      if (this.#stopping.signal.aborted) return
      this.#sync(await this.#topicSync.sync(turn))
      this.#arrange()
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
      this.#synced.set(topic, result)
      return result
    }
    const resyncing = resync().finally(() => this.#resyncs.delete(topic))
    this.#resyncs.set(topic, resyncing)
    return resyncing
  }

  #sync(results: ReadonlyMap<string, SyncedTopic | HeliostatError>): void {
    this.#host.hooks.reached?.('topics-created')
    for (const [topic, result] of results) {
      if (result instanceof HeliostatError) this.#refuse(topic, result)
      else {
        this.#refused.delete(topic)
        this.#synced.set(topic, result)
      }
    }
  }

  /** One cluster under two names: whatever this flow did would be done to itself, at some hop. */
  #compareClusters(): void {
    const problem = this.#aliases.problem(this.flow.source, this.flow.target)
    if (problem === undefined || this.#refusal !== undefined || this.#stopping.signal.aborted) return
    this.#refusal = problem
    this.#countError(new HeliostatError('HEL_SAME_CLUSTER', `flow ${this.flow.name} does not run: ${problem}`))
    for (const slot of [...this.#slots.keys()]) this.#dropSlot(slot)
    void this.#ownership.stop()
  }

  /** Makes what runs agree with what is owned. */
  #arrange(): void {
    for (const [topicPartition, partition] of this.#partitions) {
      if (this.#slotFor(topicPartition.topic, topicPartition.partition)?.isOpen) continue
      partition.slotLost()
      this.#partitions.delete(topicPartition)
      this.#copies.delete(partition.remote)
    }
    if (this.#stopping.signal.aborted) return
    for (const synced of this.#synced.values())
      for (let partition = 0; partition < synced.partitions; partition++) this.#startPartition(synced, partition)
  }

  #startPartition(synced: SyncedTopic, number: number): void {
    const slot = this.#slotFor(synced.topic, number)
    if (!slot?.isOpen || this.#partitions.has(TopicPartition.of(synced.topic, number))) return
    const partition = new MirroredPartition(this.#host, slot.log, synced, number, { inDoubt: slot.inDoubt })
    this.#partitions.set(partition.source, partition)
    this.#copies.set(partition.remote, partition)
    partition.start({ paused: this.#paused || this.#pausedTopics.has(synced.topic) })
  }

  #slotFor(topic: string, partition: number): OwnedSlot | undefined {
    return this.#slots.get(slotOf(topic, partition, this.#slotCount))
  }

  #makeHost(hooks: MirrorHooks): PartitionHost {
    const platform = this.#platform
    return {
      platform,
      source: this.#source,
      target: this.#target,
      sourceOffsets: new OffsetLookup(platform, this.#source),
      tails: new TailReader(platform, this.#target),
      takeOver:
        this.flow.takeOver &&
        new TakeOver(platform, {
          source: this.#source,
          target: this.#target,
          policy: this.policy,
          targetAlias: this.flow.target,
        }),
      targetOffsets: new OffsetLookup(platform, this.#target),
      gapLedger: this.#gapLedger,
      latency: this.#latency,
      memory: {
        take: (bytes) => this.#source.frames.take(bytes),
        lease: (batch) => this.#budget.lease(batch.length, () => this.#source.frames.give(batch)),
      },
      hooks,
      startOf: this.#startOf,
      onDataLoss: this.flow.onDataLoss ?? 'stop',
      queueBytesMax: this.#limits.queueBytes,
      settleMs: this.#limits.settleMs,
      lookAgainMs: this.#limits.lookAgainMs,
      fetcher: (nodeId) => this.#fetcher(nodeId),
      producer: (nodeId, transactionalId) => this.#producer(nodeId, transactionalId),
      batchBytesMax: (remoteTopic) => this.#topicSync.batchBytesMax(remoteTopic),
      syncTopic: (topic) => this.#resync(topic),
      countError: (code) => void this.#errors.set(code, (this.#errors.get(code) ?? 0) + 1),
    }
  }

  #fetcher(nodeId: number): Fetcher {
    let fetcher = this.#fetchers.get(nodeId)
    if (!fetcher) {
      const { fetchBytes, fetchPartitionBytes } = this.#limits
      fetcher = new Fetcher(
        this.#platform,
        this.#source,
        {
          nodeId,
          isolation: this.flow.isolation ?? 'read_committed',
          budget: this.#budget,
          maxBytes: fetchBytes,
          partitionMaxBytes: fetchPartitionBytes,
          rack: this.#source.rack ?? '',
          limits: this.#byteLimits,
        },
        {
          fetched: (topicPartition: TopicPartition, fetched: Fetched): FetchPosition | undefined =>
            this.#partitions.get(topicPartition)?.fetched(fetched),
          failed: (topicPartition: TopicPartition, failure: FetchFailure) =>
            this.#partitions.get(topicPartition)?.fetchFailed(failure),
          preferred: (topicPartition, node) => this.#partitions.get(topicPartition)?.preferred(node),
          reachable: (node, error) => this.#reachable('source', node, error),
        },
      )
      this.#fetchers.set(nodeId, fetcher)
    }
    return fetcher
  }

  #producer(nodeId: number, transactionalId?: string): Producer<OutgoingBatch> {
    const key = `${nodeId} ${transactionalId ?? ''}`
    let producer = this.#producers.get(key)
    if (!producer) {
      const { windowBytes, requestBytes } = this.#limits
      const { hooks } = this.#host
      producer = new Producer<OutgoingBatch>(this.#platform, this.#target, {
        nodeId,
        transactionalId,
        windowBytes,
        requestBytes,
        reachable: (node, error) => this.#reachable('target', node, error),
        hooks: {
          sent: () => hooks.reached?.('produce-sent'),
          answered: () => hooks.reached?.('produce-answered'),
        },
      })
      this.#producers.set(key, producer)
    }
    return producer
  }

  #reachable(cluster: 'source' | 'target', nodeId: number, error: HeliostatError | undefined): void {
    if (!error) return void this.#unreachable[cluster].delete(nodeId)
    this.#unreachable[cluster].add(nodeId)
    this.#countError(error)
    for (const partition of this.#partitions.values())
      if (cluster === 'target') partition.targetUnreachable(nodeId, error)
      else partition.sourceUnreachable(nodeId)
  }

  /** What a cluster answers while it makes topics and elects leaders is no error yet. */
  #retrying(error: HeliostatError): void {
    if (!error.retriable) {
      this.#countError(error)
      return
    }
    this.#platform.log.debug('mirror.retrying', error.message, { code: error.code, ...error.where })
  }

  #countError(error: HeliostatError): void {
    this.#host.countError(error.code ?? 'HEL_UNEXPECTED')
    this.#platform.log.warn('mirror.error', error.message, { code: error.code, ...error.where })
  }

  // ---- what users do and see

  /** Looks for topics that came, grew, changed or went, and deals with them; resolves to a few words on that. */
  lookForTopics(): Promise<string> {
    return this.#watcher.look()
  }

  pause(topic?: string): void {
    if (topic === undefined) this.#paused = true
    else this.#pausedTopics.add(topic)
    for (const partition of this.#partitions.values())
      if (topic === undefined || partition.source.topic === topic) partition.pause()
  }

  resume(topic?: string): void {
    if (topic === undefined) this.#paused = false
    else this.#pausedTopics.delete(topic)
    if (this.#paused) return
    for (const partition of this.#partitions.values())
      if (!this.#pausedTopics.has(partition.source.topic)) partition.unpause()
  }

  /**
   * Ends the mirroring of a topic that neither cluster has any more, and forgets its progress where it is ours: one that is made
   * anew under the name begins anew.
   */
  async forget(topic: string): Promise<void> {
    if (this.#source.topics().has(topic)) return
    this.#synced.delete(topic)
    const writes: Promise<void>[] = []
    for (const [topicPartition, partition] of this.#partitions) {
      if (topicPartition.topic !== topic) continue
      partition.close()
      this.#partitions.delete(topicPartition)
      this.#copies.delete(partition.remote)
      const log = this.#slotFor(topic, topicPartition.partition)?.log
      if (log) writes.push(log.write(log.state.forgetting(topic, topicPartition.partition)))
    }
    await Promise.all(writes)
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

  /** Partitions that run here, each with its offset map once its position is known. */
  *ownedPartitions(): Generator<OwnedPartition> {
    for (const partition of this.#partitions.values()) yield ownedOf(partition)
  }

  /** The same of one, by its name on either side. */
  ownedPartition(topic: string, partition: number, side: 'source' | 'target' = 'source'): OwnedPartition | undefined {
    const named = TopicPartition.known(topic, partition)
    const owned = named && (side === 'source' ? this.#partitions : this.#copies).get(named)
    return owned && ownedOf(owned)
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
    const now = this.#platform.clock.now()
    const topics = this.#topicStatuses(now)
    const partitions = topics.flatMap((topic) => topic.partitions)
    return {
      flow: this.flow.name,
      source: this.flow.source,
      target: this.flow.target,
      state: this.#flowState(topics),
      reason: this.refusal,
      rpoMs: partitions.reduce((most, { rpoMs }) => Math.max(most, rpoMs), this.#untoldMs),
      rpoRecords: partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      topics,
      bufferedBytes: this.#budget.bytes,
      bufferedBytesMax: this.#budget.bytesMax,
      errors: Object.fromEntries(this.#errors),
      latency: this.#latency.histogram(),
    }
  }

  /** For how long topics may have come to the source that nobody here knows of; a look that is only due does not count. */
  get #untoldMs(): number {
    const ms = this.#platform.clock.monotonic() - this.#dealtWithAt
    return this.#wereDealtWith && ms <= this.#refreshMs + SILENCE_MS ? 0 : ms
  }

  get #isSourceSilent(): boolean {
    return [...this.#fetchers.values()].some(({ silentMs }) => silentMs > SILENCE_MS)
  }

  #topicStatuses(now: number): TopicStatus[] {
    const topics = new Map<
      string,
      { topic: string; remoteTopic: string; partitions: TopicStatus['partitions'][number][] }
    >()
    for (const partition of this.#partitions.values()) {
      const { topic } = partition.source
      if (!topics.has(topic)) topics.set(topic, { topic, remoteTopic: partition.remote.topic, partitions: [] })
      topics.get(topic)!.partitions.push(partition.status(now))
    }
    for (const { partitions } of topics.values()) partitions.sort((a, b) => a.partition - b.partition)
    return [...topics.values()].sort((a, b) => (a.topic < b.topic ? -1 : 1))
  }

  #flowState(topics: readonly TopicStatus[]): FlowState {
    if (this.#state === 'stopped' || this.refusal !== undefined) return 'stopped'
    if (this.#paused) return 'paused'
    if (!this.#sourceAnswers || this.#unreachable.source.size > 0 || this.#isSourceSilent) return 'source-unavailable'
    if (!this.#targetAnswers || this.#unreachable.target.size > 0) return 'target-unavailable'
    if (this.#state !== 'running' || !this.#isAssigned || !this.#wereDealtWith) return 'starting'
    if ([...this.#slots.values()].some((slot) => !slot.isOpen)) return 'catching-up'
    const behind = topics.some(({ partitions }) =>
      partitions.some(({ state }) => state === 'catching-up' || state === 'starting' || state === 'recovering'),
    )
    return behind ? 'catching-up' : 'running'
  }
}

function ownedOf(partition: MirroredPartition): OwnedPartition {
  const { source, remote } = partition
  return { source, remote, map: partition.isTranslatable ? partition.offsetMap : undefined }
}

function takenBy(topic: string, remoteTopic: string, flow: string): HeliostatError {
  const message = `${topic} is not mirrored: ${remoteTopic} on the target is the copy of the flow ${flow}, and a copy has one source; another naming gives it a name of its own, and mirrors that all say delivery: transactional may share it`
  return new HeliostatError('HEL_TOPIC_NAME', message, { where: { topic } })
}

function startRules({ start = 'earliest', startByTopic = [] }: Flow): (topic: string) => Start {
  const rules = startByTopic.map((rule) => ({ ...rule, filter: nameFilter({ include: rule.topics, exclude: [] }) }))
  return (topic) => rules.find(({ filter }) => filter.matches(topic))?.start ?? start
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
