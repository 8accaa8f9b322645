// A plane on another thread, as its mirror sees it on this one. What it was told is kept, so that a thread that ended is told again; what
// it tells of itself is a moment old.
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import type { HeliostatError } from '../platform/errors.ts'
import { type Clock, sleep, type Timer } from '../platform/platform.ts'
import type { ThreadCalls } from '../platform/thread-calls.ts'
import { sumOfCounts } from './error-counts.ts'
import { sumOfHistograms } from './latency.ts'
import type { OwnedPartition, Plane, PlaneListener, PlaneStatus } from './plane.ts'
import type { PartitionNews, PlaneNews, WorkerCalls } from './plane-calls.ts'
import { slotOf } from './progress-record.ts'
import type { Moved } from './status.ts'
import { ToldTopics } from './told-topics.ts'
import type { SyncedTopic } from './topic-sync.ts'

export interface RemotePlaneOptions {
  /** What the threads call it: no other plane is ever called so. */
  readonly name: string
  /** What the worker's program makes the plane of. */
  readonly plan: unknown
  /** Calls the thread that carries it, whichever that is now. */
  readonly worker: () => ThreadCalls<WorkerCalls>
  /** Its thread cannot carry it as things are; it is tried again. */
  readonly refused: (error: HeliostatError) => void
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
/** A file of a secret may just be replaced. */
const START_AGAIN_MS = 1_000

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
  /** Its thread has it. */
  #isStarted = false
  readonly #toldTopics = new ToldTopics()
  #status = IDLE
  #starting: Timer | undefined
  /** Of threads that have ended. */
  #counted: Pick<PlaneStatus, 'errors' | 'latency'> = IDLE

  constructor(clock: Clock, options: RemotePlaneOptions, listener: PlaneListener) {
    this.#clock = clock
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
    this.#start()
  }

  get #worker(): ThreadCalls<WorkerCalls> {
    return this.#options.worker()
  }

  // ---- the thread

  /** Its thread has ended; another one follows. */
  ended(reason: HeliostatError): void {
    const { errors, latency } = this.status()
    this.#counted = { errors: sumOfCounts([errors, { [reason.code]: 1 }]), latency }
    this.#toldTopics.ended(reason.message)
    this.#status = { ...IDLE, bufferedBytesMax: this.#status.bufferedBytesMax }
    this.#isWorking = false
    this.#isStarted = false
    this.#partitions.clear()
    this.#copies.clear()
    this.#maps.clear()
  }

  #start(): void {
    const { name, plan } = this.#options
    this.#worker.ask('start', name, plan).then(
      () => {
        this.#isStarted = true
      },
      (error: HeliostatError) => this.#notStarted(error),
    )
  }

  #notStarted(error: HeliostatError): void {
    if (error.code === 'HEL_WORKER_ENDED' || this.#isLeaving) return // its next thread begins with it
    this.#counted = { ...this.#counted, errors: sumOfCounts([this.#counted.errors, { [error.code]: 1 }]) }
    this.#options.refused(error)
    this.#starting?.cancel()
    this.#starting = this.#clock.setTimer(START_AGAIN_MS, () => this.startAgain())
  }

  /** A new thread is there, or can be tried again: it is told all that the last one was. */
  startAgain(): void {
    this.#starting?.cancel()
    if (this.#isLeaving) return
    const { name } = this.#options
    this.#start()
    if (this.#isPaused) this.#worker.tell('pause', name, undefined)
    for (const topic of this.#pausedTopics) this.#worker.tell('pause', name, topic)
    if (this.#begun) this.#worker.tell('begin', name, this.#begun.slotCount, this.#isAssigned ? [] : this.#begun.vacant)
    if (this.#isAssigned) this.#worker.tell('own', name, [...this.#slots])
    this.#worker.tell('synced', name, [...this.#topics.values()])
  }

  told({ status, partitions, gone }: PlaneNews): void {
    if (status) {
      this.#status = status
      this.#toldTopics.tell(status.topics, this.#clock.monotonic())
    }
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
      this.#worker.ask('prune', this.#options.name, { topic, partition }, upstream, downstream)
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

  /** Its thread is there and says nothing; undefined: it does again. */
  silent(reason: string | undefined): void {
    this.#toldTopics.silent(reason)
  }

  // ---- for the mirror

  begin(slotCount: number, vacant: readonly number[]): void {
    this.#begun = { slotCount, vacant }
    this.#worker.tell('begin', this.#options.name, slotCount, vacant)
  }

  own(slots: readonly number[]): void {
    this.#isAssigned = true
    for (const slot of slots) this.#slots.add(slot)
    this.#worker.tell('own', this.#options.name, slots)
  }

  drop(slots: readonly number[]): void {
    for (const slot of slots) this.#slots.delete(slot)
    const slotCount = this.#begun?.slotCount
    if (slotCount !== undefined)
      this.#toldTopics.keep(({ topic, partition }) => this.#slots.has(slotOf(topic, partition, slotCount)))
    this.#worker.tell('drop', this.#options.name, slots)
  }

  synced(topics: readonly SyncedTopic[]): void {
    for (const topic of topics) this.#topics.set(topic.topic, topic)
    this.#worker.tell('synced', this.#options.name, topics)
  }

  look(): void {
    this.#worker.tell('look', this.#options.name)
  }

  pause(topic?: string): void {
    if (topic === undefined) this.#isPaused = true
    else this.#pausedTopics.add(topic)
    this.#worker.tell('pause', this.#options.name, topic)
  }

  resume(topic?: string): void {
    if (topic === undefined) this.#isPaused = false
    else this.#pausedTopics.delete(topic)
    this.#worker.tell('resume', this.#options.name, topic)
  }

  forget(topic: string): Promise<void> {
    this.#topics.delete(topic)
    this.#toldTopics.keep((topicPartition) => topicPartition.topic !== topic)
    return this.#worker.ask('forget', this.#options.name, topic)
  }

  async drain(): Promise<void> {
    this.#isLeaving = true
    await this.#within(DRAIN_MS, this.#worker.ask('drain', this.#options.name))
  }

  async leave(): Promise<void> {
    this.#isLeaving = true
    await this.#within(LEAVE_MS, this.#worker.ask('leave', this.#options.name))
    this.#options.left()
  }

  /**
   * A thread that has ended, or answers no more, must not keep a stop: its slots are left without a goodbye, and nothing is lost. One that has not
   * begun has nothing to finish.
   */
  async #within(ms: number, answer: Promise<void>): Promise<void> {
    const patience = new AbortController()
    if (!this.#isStarted) patience.abort()
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

  has(slot: number): boolean {
    return this.#slots.has(slot)
  }

  get isWorking(): boolean {
    return this.#isWorking
  }

  status(): PlaneStatus {
    return {
      ...this.#status,
      openingSlots: Math.max(this.#status.openingSlots, this.#slots.size - this.#status.openSlots),
      topics: this.#toldTopics.topics(this.#clock.monotonic()),
      errors: sumOfCounts([this.#counted.errors, this.#status.errors]),
      latency: sumOfHistograms([this.#counted.latency, this.#status.latency]),
    }
  }

  get moved(): Moved {
    return this.#toldTopics.moved
  }

  ownedPartitions(): Iterable<OwnedPartition> {
    return this.#partitions.values()
  }

  ownedPartition(named: TopicPartition, side: 'source' | 'target'): OwnedPartition | undefined {
    return (side === 'source' ? this.#partitions : this.#copies).get(named)
  }
}
