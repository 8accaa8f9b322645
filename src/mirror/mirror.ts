// A running flow: its topics looked for and copied, its slots had by planes, which mirror the partitions. One plane on this thread as a
// rule; with several, each has every n-th slot.
//
// Invariants:
// 1. What a topic is called on the target, and which topics are mirrored, is decided on this side alone; planes are told.
// 2. A plane has no slot that the group did not give us, but for those that nobody has before it has met.
// 3. One look at the topics follows the other.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { TopicMetadata } from '../client/metadata.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import type { ByteLimit } from '../source/byte-limit.ts'
import { TopicWatcher } from '../source/topic-watcher.ts'
import { ClusterAliases } from './cluster-aliases.ts'
import { DataPlane, type MirrorLimits } from './data-plane.ts'
import { ErrorCounts, sumOfCounts } from './error-counts.ts'
import type { Flow } from './flow.ts'
import { flowState } from './flow-state.ts'
import { makeFlowTopics } from './flow-topics.ts'
import type { Gap } from './gap.ts'
import { GapLedger } from './gap-ledger.ts'
import { LastLook } from './last-look.ts'
import type { MirrorHooks } from './mirror-hooks.ts'
import type { OwnedPartition, Plane, PlaneListener } from './plane.ts'
import { Planes } from './planes.ts'
import { slotOf } from './progress-record.ts'
import { ProgressWatch } from './progress-watch.ts'
import { RemoteNames } from './remote-names.ts'
import { type ReplicationPolicy, replicationPolicy } from './replication-policy.ts'
import type { MirrorStatus, Moved } from './status.ts'
import { TopicCopies } from './topic-copies.ts'
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

const FIRST_LOOK_MS = 1_000

export class Mirror {
  readonly flow: Flow
  readonly policy: ReplicationPolicy
  readonly #platform: Platform
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #filter: TopicFilter
  /** Of the topics that the source told last, those that are mirrored. */
  #matched: { readonly among: object | undefined; readonly topics: readonly TopicMetadata[] } = {
    among: undefined,
    topics: [],
  }
  readonly #plane: Plane
  readonly #topicSync: TopicSync
  readonly #copies: TopicCopies
  readonly #watcher: TopicWatcher
  readonly #isToldToLook: boolean
  readonly #ownership: SlotOwnership
  readonly #remoteNames: RemoteNames
  readonly #aliases: ClusterAliases
  readonly #unwatch: () => void
  readonly #stopping = new AbortController()
  readonly #errors: ErrorCounts
  readonly #gapLedger: GapLedger
  readonly #lastLook: LastLook
  readonly #progressWatch: ProgressWatch
  #slotCount: number
  /** Whether it is settled which slots are ours; none may be, when others have them all. */
  #isAssigned = false
  #state: 'new' | 'starting' | 'running' | 'stopped' = 'new'
  #paused = false
  readonly #pausedTopics = new Set<string>()
  /** Why the flow may not run at all. */
  #refusal: string | undefined
  /** Why the instances that have the work do not share it with this one; they may change their mind. */
  #disagreement: string | undefined
  readonly #firstLook = new AbortController()
  #looking: Promise<unknown> = Promise.resolve()
  #sourceAnswers = true
  #targetAnswers = true

  constructor(platform: Platform, options: MirrorOptions) {
    const { flow, source, target, limits, byteLimits, hooks = {} } = options
    this.flow = flow
    const { naming = 'prefix', source: alias, separator, progress } = flow
    this.policy = replicationPolicy({ naming, source: alias, separator, progress })
    this.#platform = { ...platform, log: platform.log.child({ flow: flow.name }) }
    this.#source = source
    this.#target = target
    this.#errors = new ErrorCounts(this.#platform.log)
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
    this.#isToldToLook = options.isToldToLook ?? false
    const { refreshMs = 5_000 } = flow
    this.#lastLook = new LastLook(platform.clock, refreshMs)
    this.#watcher = new TopicWatcher(this.#platform, source, {
      refreshMs,
      found: (topics) => {
        this.#lastLook.heard()
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
    const { policy } = this
    this.#copies = new TopicCopies(this.#platform, source, target, {
      flow,
      policy,
      sync: this.#topicSync,
      remoteNames: this.#remoteNames,
      errors: this.#errors,
      hooks,
      signal: this.#stopping.signal,
      synced: (topics) => this.#plane.synced(topics),
    })
    this.#gapLedger = new GapLedger(this.#platform, target, this.policy.gapsTopic)
    this.#progressWatch = new ProgressWatch(target, this.policy.progressTopic, this.#errors)
    const listener: PlaneListener = {
      working: () => this.#lookAgain(),
      slotTaken: (slot) => this.#ownership.taken(slot),
      syncTopic: (topic) => this.#copies.remake(topic),
      batchBytesMax: (remoteTopic) => this.#topicSync.batchBytesMax(remoteTopic),
      gapWritten: (gap) => this.#gapLedger.note(gap),
    }
    const clients = { source, target, gapLedger: this.#gapLedger }
    this.#plane = new Planes(
      options.planes?.(listener) ?? [
        new DataPlane(this.#platform, { flow, policy, ...clients, limits, byteLimits, hooks }, listener),
      ],
    )
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
    const draining = this.#plane.drain()
    await this.#watcher.stop()
    await draining
    await this.#ownership.stop()
    await this.#plane.leave()
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
        await this.#makeFlowTopics()
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
    this.#plane.begin(this.#slotCount, this.#allSlots)
    await this.#ownership.start(this.#slotCount, {
      gained: (slots) => {
        this.#isAssigned = true
        this.#plane.own(slots)
      },
      lost: (slots) => this.#plane.drop(slots),
      refused: (difference) => this.#disagree(difference),
    })
  }

  get #allSlots(): number[] {
    return Array.from({ length: this.#slotCount }, (_, slot) => slot)
  }

  #disagree(difference: string | undefined): void {
    if (difference === this.#disagreement || this.#stopping.signal.aborted) return
    this.#disagreement = difference
    if (difference === undefined) return
    const message = `this instance does nothing for ${this.flow.name}: ${difference}`
    this.#errors.tell(new HeliostatError('HEL_SETTINGS_DIFFER', message))
  }

  async #makeFlowTopics(): Promise<void> {
    await this.#target.refresh()
    this.#aliases.learn(this.flow.target, this.#target.clusterId)
    if (this.#refusal !== undefined) return
    this.#slotCount = await makeFlowTopics(this.#target, this.policy, this.#slotCount)
  }

  /** One cluster under two names: whatever this flow did would be done to itself, at some hop. */
  #compareClusters(): void {
    const problem = this.#aliases.problem(this.flow.source, this.flow.target)
    if (problem === undefined || this.#refusal !== undefined || this.#stopping.signal.aborted) return
    this.#refusal = problem
    this.#errors.tell(new HeliostatError('HEL_SAME_CLUSTER', `flow ${this.flow.name} does not run: ${problem}`))
    this.#plane.drop(this.#allSlots)
    void this.#ownership.stop()
  }

  // ---- topics

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
    const { heardAt } = this.#lastLook
    const isSettled = this.#plane.isWorking || (this.#isAssigned && this.#plane.slots === 0)
    this.#aliases.learn(this.flow.source, this.#source.clusterId)
    this.#aliases.learn(this.flow.target, this.#target.clusterId)
    this.#firstLook.abort()
    if (this.refusal !== undefined) {
      this.#lastLook.dealtWith(heardAt) // they are others' business
      return this.refusal
    }
    const matched = this.#matching(topics)
    let news = 0
    let failure: HeliostatError | undefined
    try {
      // Whoever has no slot creates nothing, for those who have them may see the flow otherwise.
      if (this.#plane.isWorking) news = await this.#copies.update(matched)
      if (news === 0) await this.#target.refresh()
      await this.#gapLedger.refresh()
      if (this.#plane.isWorking) await this.#progressWatch.look()
      this.#targetAnswers = true
    } catch (error) {
      failure = error as HeliostatError
      this.#targetAnswers = false
      this.#lookFailed(failure)
    }
    this.#plane.look()
    if (failure) throw failure
    if (isSettled) this.#lastLook.dealtWith(heardAt)
    return `${matched.length} topics to mirror, ${news} new or changed`
  }

  /** Judged once, as long as no topic comes, goes or changes. */
  #matching(topics: ReadonlyMap<string, TopicMetadata>): readonly TopicMetadata[] {
    if (this.#matched.among !== topics) {
      const matches = ({ internal, name }: TopicMetadata) => !internal && this.#filter.matches(name)
      this.#matched = { among: topics, topics: [...topics.values()].filter(matches) }
    }
    return this.#matched.topics
  }

  /** Who told us to look is told why it failed, and says so. */
  #lookFailed(error: HeliostatError): void {
    if (this.#isToldToLook) this.#errors.count(error.code ?? 'HEL_UNEXPECTED')
    else this.#errors.tell(error)
  }

  // ---- what users do and see

  /** Looks for topics that came, grew, changed or went, and deals with them; resolves to a few words on that. */
  lookForTopics(): Promise<string> {
    return this.#watcher.look()
  }

  pause(topic?: string): void {
    if (topic === undefined) this.#paused = true
    else this.#pausedTopics.add(topic)
    this.#plane.pause(topic)
  }

  resume(topic?: string): void {
    if (topic === undefined) this.#paused = false
    else this.#pausedTopics.delete(topic)
    this.#plane.resume(topic)
  }

  /** The same flow under other settings: what a person paused stays so. */
  pauseLike(before: Mirror): void {
    if (before.#paused) this.pause()
    for (const topic of before.#pausedTopics) this.pause(topic)
  }

  /**
   * Ends the mirroring of a topic that neither cluster has any more, and forgets its progress where it is ours: one that is made
   * anew under the name begins anew.
   */
  async forget(topic: string): Promise<void> {
    if (this.#source.topics().has(topic)) return
    this.#copies.forget(topic)
    await this.#plane.forget(topic)
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
    return this.#copies.refused
  }

  /** All topics whose copies exist, also those that other instances mirror. */
  syncedTopics(): Iterable<SyncedTopic> {
    return this.#copies
  }

  /** Other flows that write to a copy of this one: in transactions a topic may be merged from several sources. */
  sharers(remoteTopic: string): readonly string[] {
    return this.#remoteNames.sharers(remoteTopic, this.flow.name)
  }

  /** Of the instances that share the flow one sees to what is done once for a topic: who has the slot of its first partition. */
  isOurs(topic: string): boolean {
    return this.#plane.has(slotOf(topic, 0, this.#slotCount))
  }

  /** Partitions that run here, each with its offset map once its position is known. */
  ownedPartitions(): Iterable<OwnedPartition> {
    return this.#plane.ownedPartitions()
  }

  /** The same of one, by its name on either side. */
  ownedPartition(topic: string, partition: number, side: 'source' | 'target' = 'source'): OwnedPartition | undefined {
    const named = TopicPartition.known(topic, partition)
    return named && this.#plane.ownedPartition(named, side)
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
    const plane = this.#plane.status()
    const partitions = plane.topics.flatMap((topic) => topic.partitions)
    const facts = {
      isStopped: this.#state === 'stopped' || this.refusal !== undefined,
      isPaused: this.#paused,
      sourceAnswers: this.#sourceAnswers,
      targetAnswers: this.#targetAnswers,
      isSettled: this.#state === 'running' && this.#isAssigned && this.#lastLook.wereDealtWith,
    }
    return {
      flow: this.flow.name,
      source: this.flow.source,
      target: this.flow.target,
      state: flowState(facts, plane),
      reason: this.refusal,
      rpoMs: partitions.reduce((most, { rpoMs }) => Math.max(most, rpoMs), this.#lastLook.untoldMs),
      rpoRecords: partitions.reduce((sum, { lagRecords }) => sum + lagRecords, 0),
      topics: plane.topics,
      bufferedBytes: plane.bufferedBytes,
      bufferedBytesMax: plane.bufferedBytesMax,
      errors: sumOfCounts([this.#errors.byCode, plane.errors]),
      latency: plane.latency,
    }
  }

  get moved(): Moved {
    return this.#plane.moved
  }
}
