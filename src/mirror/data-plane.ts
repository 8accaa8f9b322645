// A plane on this thread: the partitions of its slots, each from its own leader to its own leader.
//
// Invariants:
// 1. A partition runs here only while its slot is owned by this instance and its slot log is open.
// 2. There is one fetcher per source broker and one producer per target broker; partitions come and go on them.
// 3. All frames that are fetched and not yet acknowledged count against one budget, and no fetch is sent while it is full.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { Producer } from '../sink/producer.ts'
import { TailReader } from '../sink/tail-reader.ts'
import { type ByteLimit, SharedLimits } from '../source/byte-limit.ts'
import { type Fetched, Fetcher, type FetchFailure, type FetchPosition } from '../source/fetcher.ts'
import { FrameBudget } from '../source/frame-lease.ts'
import { ErrorCounts } from './error-counts.ts'
import type { Flow, Start } from './flow.ts'
import type { GapLedger } from './gap-ledger.ts'
import { Latency } from './latency.ts'
import type { MirrorHooks } from './mirror-hooks.ts'
import { MirroredPartition } from './partition/mirrored-partition.ts'
import type { OutgoingBatch } from './partition/outbox.ts'
import type { PartitionHost } from './partition/partition-host.ts'
import type { OwnedPartition, Plane, PlaneListener, PlaneStatus } from './plane.ts'
import { ownerRecord, slotOf } from './progress-record.ts'
import type { ReplicationPolicy } from './replication-policy.ts'
import { type ProgressLog, SlotLog, type SlotRequests, slotRequests } from './slot-log.ts'
import type { Moved, PartitionStatus, TopicStatus } from './status.ts'
import { TakeOver } from './take-over.ts'
import { nameFilter } from './topic-filter.ts'
import type { SyncedTopic } from './topic-sync.ts'
import { isFenced, TransactionalSlot } from './transactional-slot.ts'

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

export interface DataPlaneOptions {
  readonly flow: Flow
  readonly policy: ReplicationPolicy
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly gapLedger: GapLedger
  readonly limits?: MirrorLimits | undefined
  /** Bytes a second: of the flow, and of the clusters that it shares with others. */
  readonly byteLimits?: readonly ByteLimit[] | undefined
  /** Moments at which a test may step in. */
  readonly hooks?: MirrorHooks | undefined
}

const MIB = 1024 * 1024
const DRAIN_PAUSE_MS = 5
const GOODBYE_MS = 2_000
/** An answer of the source that is overdue by so much, without a byte, will hardly come. */
const SILENCE_MS = 5_000

interface OwnedSlot {
  log: ProgressLog
  isOpen: boolean
  /** The last owner may have left requests behind that arrive late. */
  inDoubt: boolean
}

export class DataPlane implements Plane {
  readonly #platform: Platform
  readonly #flow: Flow
  readonly #policy: ReplicationPolicy
  readonly #source: ClusterClient
  readonly #target: ClusterClient
  readonly #listener: PlaneListener
  readonly #limits: Required<MirrorLimits>
  readonly #byteLimits: SharedLimits | undefined
  readonly #budget: FrameBudget
  readonly #host: PartitionHost
  readonly #stopping = new AbortController()
  readonly #fetchers = new Map<number, Fetcher>()
  readonly #producers = new Map<string, Producer<OutgoingBatch>>()
  readonly #slots = new Map<number, OwnedSlot>()
  readonly #slotRequests: SlotRequests
  readonly #synced = new Map<string, SyncedTopic>()
  readonly #partitions = new Map<TopicPartition, MirroredPartition>()
  /** The same by their names on the target. */
  readonly #copies = new Map<TopicPartition, MirroredPartition>()
  readonly #pausedTopics = new Set<string>()
  readonly #unreachable = { source: new Set<number>(), target: new Set<number>() }
  readonly #errors: ErrorCounts
  readonly #latency = new Latency()
  #slotCount = 1
  /** Whether the group has said which slots are ours. */
  #isAssigned = false
  #paused = false
  #hasDrained = false

  constructor(platform: Platform, options: DataPlaneOptions, listener: PlaneListener) {
    const { flow, policy, source, target, gapLedger, limits, byteLimits = [], hooks = {} } = options
    this.#platform = platform
    this.#flow = flow
    this.#policy = policy
    this.#source = source
    this.#target = target
    this.#listener = listener
    this.#slotRequests = slotRequests(platform, target)
    this.#errors = new ErrorCounts(platform.log)
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
    // Planes and instances share a limit as they share the slots.
    const share = () => Math.max(1, this.#slots.size) / this.#slotCount
    this.#byteLimits = byteLimits.length > 0 ? new SharedLimits(byteLimits, share) : undefined
    this.#budget = new FrameBudget(this.#limits.bufferBytes, this.#limits.fetchBytes, () => {
      for (const fetcher of this.#fetchers.values()) fetcher.roomAgain()
    })
    this.#host = this.#makeHost(gapLedger, hooks)
  }

  // ---- slots

  begin(slotCount: number, vacant: readonly number[]): void {
    this.#slotCount = slotCount
    for (const slot of vacant) if (!this.#slots.has(slot)) void this.#openSlot(slot, { ifVacant: true })
  }

  own(slots: readonly number[]): void {
    if (!this.#isAssigned) this.drop([...this.#slots.keys()].filter((slot) => !slots.includes(slot)))
    this.#isAssigned = true
    for (const slot of slots) if (!this.#slots.has(slot)) void this.#openSlot(slot)
  }

  drop(slots: readonly number[]): void {
    for (const slot of slots) {
      this.#slots.get(slot)?.log.close()
      this.#slots.delete(slot)
    }
    if (slots.length > 0) this.#arrange()
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
          if (!this.#isAssigned) return this.drop([slot])
          log.close() // the group has said meanwhile that it is ours
          continue
        }
        this.#host.hooks.reached?.('progress-read')
        const isFirst = this.#openSlots === 0
        owned.isOpen = true
        owned.inDoubt = !wasClosed
        this.#arrange()
        if (isFirst) this.#listener.working()
        return
      } catch (error) {
        log.close()
        if (this.#slots.get(slot) !== owned || this.#stopping.signal.aborted) return
        this.#errors.tellUnlessRetriable(error as HeliostatError)
        await sleep(this.#platform.clock, backoff.next(), this.#stopping.signal)
        await this.#target.refresh().catch((failure: HeliostatError) => this.#errors.tell(failure))
      }
    }
  }

  #progressLog(slot: number): ProgressLog {
    const { name, transactional } = this.#flow
    const { progressTopic } = this.#policy
    const onLost = (reason: HeliostatError) => this.#slotLost(slot, reason)
    if (!transactional)
      return new SlotLog(this.#platform, this.#target, progressTopic, slot, onLost, this.#slotRequests)
    return new TransactionalSlot(this.#platform, this.#target, progressTopic, slot, {
      transactionalId: `heliostat.${name}.${slot}`,
      commitIntervalMs: transactional.commitIntervalMs,
      reached: (step) => this.#host.hooks.reached?.(step),
      onLost,
    })
  }

  /** Someone else wrote to it, or it cannot be written: its partitions stop, and it is read anew. */
  #slotLost(slot: number, reason: HeliostatError): void {
    this.#errors.tell(reason)
    this.drop([slot])
    const pauseMs = isFenced(reason) ? this.#fencedPauseMs() : 0
    this.#platform.clock.setTimer(pauseMs, () => {
      if (!this.#stopping.signal.aborted) this.#listener.slotTaken(slot)
    })
  }

  /** Two that take a transactional id from each other at once would never get to commit anything. */
  #fencedPauseMs(): number {
    return (this.#flow.transactional?.commitIntervalMs ?? 0) * (2 + 4 * this.#platform.random.fraction())
  }

  get #openSlots(): number {
    let open = 0
    for (const { isOpen } of this.#slots.values()) if (isOpen) open++
    return open
  }

  // ---- partitions

  synced(topics: readonly SyncedTopic[]): void {
    for (const topic of topics) this.#synced.set(topic.topic, topic)
    this.#arrange()
  }

  look(): void {
    for (const partition of this.#partitions.values()) {
      partition.refreshed(this.#synced.get(partition.source.topic))
      partition.lookAtSourceEnd()
      partition.lookAtTargetEnd()
    }
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

  async forget(topic: string): Promise<void> {
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

  // ---- life

  async drain(): Promise<void> {
    this.#stopping.abort()
    for (const partition of this.#partitions.values()) partition.stopFetching()
    for (const fetcher of this.#fetchers.values()) fetcher.close()
    const { clock } = this.#platform
    const deadline = clock.monotonic() + this.#limits.stopGraceMs
    const isDrained = () => [...this.#partitions.values()].every((partition) => partition.isDrained)
    while (!isDrained() && clock.monotonic() < deadline) await sleep(clock, DRAIN_PAUSE_MS)
    this.#hasDrained = isDrained()
  }

  async leave(): Promise<void> {
    this.#stopping.abort()
    for (const partition of this.#partitions.values()) partition.close()
    for (const producer of this.#producers.values()) producer.close()
    const late = new Set<OwnedSlot | undefined>()
    for (const { source, mayArriveLate } of this.#partitions.values())
      if (mayArriveLate) late.add(this.#slotFor(source.topic, source.partition))
    const mayClose = (slot: OwnedSlot) => slot.isOpen && this.#hasDrained && !late.has(slot)
    await Promise.all([...this.#slots.values()].map((slot) => this.#leave(slot, { goodbye: mayClose(slot) })))
  }

  /** `goodbye`: nothing that was sent for it may still arrive. */
  async #leave(slot: OwnedSlot, { goodbye }: { goodbye: boolean }): Promise<void> {
    // A target that does not answer must not keep us: without a goodbye the next owner is careful, and nothing is lost.
    const patience = this.#platform.clock.setTimer(GOODBYE_MS, () => slot.log.close())
    try {
      if (goodbye) await slot.log.write([ownerRecord('closed')])
    } catch (error) {
      this.#errors.tell(error as HeliostatError)
    }
    patience.cancel()
    slot.log.close()
  }

  // ---- connections

  #makeHost(gapLedger: GapLedger, hooks: MirrorHooks): PartitionHost {
    const platform = this.#platform
    return {
      platform,
      source: this.#source,
      target: this.#target,
      sourceOffsets: new OffsetLookup(platform, this.#source),
      tails: new TailReader(platform, this.#target),
      takeOver:
        this.#flow.takeOver &&
        new TakeOver(platform, {
          source: this.#source,
          target: this.#target,
          policy: this.#policy,
          targetAlias: this.#flow.target,
        }),
      targetOffsets: new OffsetLookup(platform, this.#target),
      gapLedger,
      latency: this.#latency,
      memory: {
        take: (bytes) => this.#source.frames.take(bytes),
        lease: (batch) => this.#budget.lease(batch.length, () => this.#source.frames.give(batch)),
      },
      hooks,
      startOf: startRules(this.#flow),
      onDataLoss: this.#flow.onDataLoss ?? 'stop',
      queueBytesMax: this.#limits.queueBytes,
      readsUncommitted: this.#flow.isolation === 'read_uncommitted',
      settleMs: this.#limits.settleMs,
      lookAgainMs: this.#limits.lookAgainMs,
      wentBackTo: new Map(),
      fetcher: (nodeId) => this.#fetcher(nodeId),
      producer: (nodeId, transactionalId) => this.#producer(nodeId, transactionalId),
      batchBytesMax: (remoteTopic) => this.#listener.batchBytesMax(remoteTopic),
      syncTopic: (topic) => this.#listener.syncTopic(topic),
      countError: (code) => this.#errors.count(code),
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
          isolation: this.#flow.isolation ?? 'read_committed',
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
    this.#errors.tell(error)
    for (const partition of this.#partitions.values())
      if (cluster === 'target') partition.targetUnreachable(nodeId, error)
      else partition.sourceUnreachable(nodeId)
  }

  // ---- what it tells

  get slots(): number {
    return this.#slots.size
  }

  has(slot: number): boolean {
    return this.#slots.has(slot)
  }

  get isWorking(): boolean {
    return this.#openSlots > 0
  }

  get moved(): Moved {
    let [records, bytes] = [0, 0]
    for (const { moved } of this.#partitions.values()) {
      records += moved?.records ?? 0
      bytes += moved?.bytes ?? 0
    }
    return { records, bytes }
  }

  ownedPartitions(): Iterable<OwnedPartition> {
    return this.#partitions.values()
  }

  ownedPartition(named: TopicPartition, side: 'source' | 'target'): OwnedPartition | undefined {
    return (side === 'source' ? this.#partitions : this.#copies).get(named)
  }

  status(): PlaneStatus {
    const openSlots = this.#openSlots
    return {
      openSlots,
      openingSlots: this.#slots.size - openSlots,
      topics: this.#topicStatuses(this.#platform.clock.now()),
      unreachable: { source: this.#unreachable.source.size, target: this.#unreachable.target.size },
      isSourceSilent: [...this.#fetchers.values()].some(({ silentMs }) => silentMs > SILENCE_MS),
      bufferedBytes: this.#budget.bytes,
      bufferedBytesMax: this.#budget.bytesMax,
      errors: this.#errors.byCode,
      latency: this.#latency.histogram(),
    }
  }

  #topicStatuses(now: number): TopicStatus[] {
    const topics = new Map<string, { topic: string; remoteTopic: string; partitions: PartitionStatus[] }>()
    for (const partition of this.#partitions.values()) {
      const { topic } = partition.source
      if (!topics.has(topic)) topics.set(topic, { topic, remoteTopic: partition.remote.topic, partitions: [] })
      topics.get(topic)!.partitions.push(partition.status(now))
    }
    return [...topics.values()]
  }
}

function startRules({ start = 'earliest', startByTopic = [] }: Flow): (topic: string) => Start {
  const rules = startByTopic.map((rule) => ({ ...rule, filter: nameFilter({ include: rule.topics, exclude: [] }) }))
  return (topic) => rules.find(({ filter }) => filter.matches(topic))?.start ?? start
}
