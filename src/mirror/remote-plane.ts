// A plane on another thread, as its mirror sees it on this one. What it was told is kept, so that a thread that ended is told again; what
// it tells of itself is a moment old.
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Clock, sleep } from '../platform/platform.ts'
import type { ThreadCalls } from '../platform/thread-calls.ts'
import { sumOfCounts } from './error-counts.ts'
import { sumOfHistograms } from './latency.ts'
import type { OwnedPartition, Plane, PlaneListener, PlaneStatus } from './plane.ts'
import type { PartitionNews, PlaneNews, WorkerCalls } from './plane-calls.ts'
import type { TopicStatus } from './status.ts'
import type { SyncedTopic } from './topic-sync.ts'

export interface RemotePlaneOptions {
  readonly flow: string
  /** What the worker's program makes the plane of. */
  readonly plan: unknown
  /** Calls the thread that carries it, whichever that is now. */
  readonly worker: () => ThreadCalls<WorkerCalls>
  /** It has left its thread. */
  readonly left: () => void
}

const IDLE: PlaneStatus = {
  openSlots: 0,
  openingSlots: 0,
  topics: [],
  unreachable: { source: 0, target: 0 },
  isSourceSilent: false,
  bufferedBytes: 0,
  bufferedBytesMax: 0,
  errors: {},
  latency: sumOfHistograms([]),
}
/** Longer than a plane takes for it at most. */
const DRAIN_MS = 15_000
const LEAVE_MS = 5_000
/** It speaks three times a second. */
const SILENT_MS = 2_000

/**
 * 1. `#slots` are those that the mirror gave and nobody took; a thread that begins anew gets these.
 * 2. What a thread counted stays counted when it has ended.
 */
export class RemotePlane implements Plane {
  readonly listener: PlaneListener
  readonly #clock: Clock
  readonly #options: RemotePlaneOptions
  readonly #slots = new Set<number>()
  readonly #topics = new Map<string, SyncedTopic>()
  readonly #pausedTopics = new Set<string>()
  readonly #partitions = new Map<TopicPartition, OwnedPartition>()
  /** The same by their names on the target. */
  readonly #copies = new Map<TopicPartition, OwnedPartition>()
  readonly #maps = new Map<TopicPartition, OffsetMap>()
  #begun: { readonly slotCount: number; readonly vacant: readonly number[] } | undefined
  #isAssigned = false
  #isPaused = false
  #isLeaving = false
  #isWorking = false
  #status = IDLE
  /** When its thread last spoke, monotonic. */
  #toldAt: number
  /** Of threads that have ended. */
  #counted: Pick<PlaneStatus, 'errors' | 'latency'> = IDLE

  constructor(clock: Clock, options: RemotePlaneOptions, listener: PlaneListener) {
    this.#clock = clock
    this.#toldAt = clock.monotonic()
    this.#options = options
    this.listener = {
      ...listener,
      working: () => {
        this.#isWorking = true
        listener.working()
      },
      slotTaken: (slot) => {
        this.#slots.delete(slot)
        listener.slotTaken(slot)
      },
    }
    this.#worker.tell('start', options.flow, options.plan)
  }

  get #worker(): ThreadCalls<WorkerCalls> {
    return this.#options.worker()
  }

  // ---- the thread

  /** Its thread has ended; another one follows. */
  ended(reason: HeliostatError): void {
    const { errors, latency } = this.status()
    this.#counted = { errors: sumOfCounts([errors, { [reason.code]: 1 }]), latency }
    const topics = this.#status.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({
        ...partition,
        state: 'recovering' as const,
        reason: reason.message,
      })),
    }))
    this.#status = { ...IDLE, topics, bufferedBytesMax: this.#status.bufferedBytesMax }
    this.#isWorking = false
    this.#partitions.clear()
    this.#copies.clear()
    this.#maps.clear()
  }

  /** A new thread is there: it is told all that the last one was. */
  startAgain(): void {
    if (this.#isLeaving) return
    const { flow, plan } = this.#options
    this.#worker.tell('start', flow, plan)
    if (this.#isPaused) this.#worker.tell('pause', flow, undefined)
    for (const topic of this.#pausedTopics) this.#worker.tell('pause', flow, topic)
    if (this.#begun) this.#worker.tell('begin', flow, this.#begun.slotCount, this.#isAssigned ? [] : this.#begun.vacant)
    if (this.#isAssigned) this.#worker.tell('own', flow, [...this.#slots])
    this.#worker.tell('synced', flow, [...this.#topics.values()])
  }

  told({ status, partitions, gone }: PlaneNews): void {
    this.#toldAt = this.#clock.monotonic()
    if (status) this.#status = status
    for (const name of gone) this.#forget(TopicPartition.of(name.topic, name.partition))
    for (const partition of partitions) this.#know(partition)
  }

  #know({ topic, partition, remoteTopic, isTranslatable, map: news }: PartitionNews): void {
    const source = TopicPartition.of(topic, partition)
    const remote = TopicPartition.of(remoteTopic, partition)
    const map = this.#maps.get(source) ?? new OffsetMap()
    if (news) map.follow(news)
    this.#maps.set(source, map)
    const prune = (upstream: number, downstream: number) =>
      this.#worker.ask('prune', this.#options.flow, { topic, partition }, upstream, downstream)
    const owned = { source, remote, map: isTranslatable ? map : undefined, prune }
    this.#partitions.set(source, owned)
    this.#copies.set(remote, owned)
  }

  #forget(source: TopicPartition): void {
    const owned = this.#partitions.get(source)
    if (owned) this.#copies.delete(owned.remote)
    this.#partitions.delete(source)
    this.#maps.delete(source)
  }

  // ---- for the mirror

  begin(slotCount: number, vacant: readonly number[]): void {
    this.#begun = { slotCount, vacant }
    this.#worker.tell('begin', this.#options.flow, slotCount, vacant)
  }

  own(slots: readonly number[]): void {
    this.#isAssigned = true
    for (const slot of slots) this.#slots.add(slot)
    this.#worker.tell('own', this.#options.flow, slots)
  }

  drop(slots: readonly number[]): void {
    for (const slot of slots) this.#slots.delete(slot)
    this.#worker.tell('drop', this.#options.flow, slots)
  }

  synced(topics: readonly SyncedTopic[]): void {
    for (const topic of topics) this.#topics.set(topic.topic, topic)
    this.#worker.tell('synced', this.#options.flow, topics)
  }

  look(): void {
    this.#worker.tell('look', this.#options.flow)
  }

  pause(topic?: string): void {
    if (topic === undefined) this.#isPaused = true
    else this.#pausedTopics.add(topic)
    this.#worker.tell('pause', this.#options.flow, topic)
  }

  resume(topic?: string): void {
    if (topic === undefined) this.#isPaused = false
    else this.#pausedTopics.delete(topic)
    this.#worker.tell('resume', this.#options.flow, topic)
  }

  forget(topic: string): Promise<void> {
    this.#topics.delete(topic)
    return this.#worker.ask('forget', this.#options.flow, topic)
  }

  async drain(): Promise<void> {
    this.#isLeaving = true
    await this.#within(DRAIN_MS, this.#worker.ask('drain', this.#options.flow))
  }

  async leave(): Promise<void> {
    this.#isLeaving = true
    await this.#within(LEAVE_MS, this.#worker.ask('leave', this.#options.flow))
    this.#options.left()
  }

  /** A thread that has ended, or answers no more, must not keep a stop: its slots are left without a goodbye, and nothing is lost. */
  async #within(ms: number, answer: Promise<void>): Promise<void> {
    const patience = new AbortController()
    const answered = answer.then(
      () => patience.abort(),
      () => patience.abort(),
    )
    await Promise.race([answered, sleep(this.#clock, ms, patience.signal)])
  }

  // ---- what it tells

  get slots(): number {
    return this.#slots.size
  }

  get isWorking(): boolean {
    return this.#isWorking
  }

  status(): PlaneStatus {
    return {
      ...this.#status,
      openingSlots: Math.max(this.#status.openingSlots, this.#slots.size - this.#status.openSlots),
      topics: this.#agedTopics(),
      errors: sumOfCounts([this.#counted.errors, this.#status.errors]),
      latency: sumOfHistograms([this.#counted.latency, this.#status.latency]),
    }
  }

  /** What was behind when the thread fell silent is so much further behind by now, and what was not may be. */
  #agedTopics(): readonly TopicStatus[] {
    const silentMs = this.#clock.monotonic() - this.#toldAt
    if (silentMs < SILENT_MS) return this.#status.topics
    return this.#status.topics.map((topic) => ({
      ...topic,
      partitions: topic.partitions.map((partition) => ({ ...partition, rpoMs: partition.rpoMs + silentMs })),
    }))
  }

  ownedPartitions(): Iterable<OwnedPartition> {
    return this.#partitions.values()
  }

  ownedPartition(named: TopicPartition, side: 'source' | 'target'): OwnedPartition | undefined {
    return (side === 'source' ? this.#partitions : this.#copies).get(named)
  }
}
