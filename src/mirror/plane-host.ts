// The planes that a worker thread carries, one for each flow, and what they tell the main thread: maps and positions a few times a second,
// and nothing for each batch.
import type { ClusterClient } from '../client/cluster-client.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { OffsetMap } from '../offset-translation/offset-map.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Clock, Timer } from '../platform/platform.ts'
import type { ThreadCalls } from '../platform/thread-calls.ts'
import type { GapLedger } from './gap-ledger.ts'
import type { Plane, PlaneListener } from './plane.ts'
import type { MainCalls, PartitionNews, PlaneNews, WorkerCalls } from './plane-calls.ts'

/** A plane with the connections that it alone has. */
export interface HostedPlane {
  readonly plane: Plane
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly gapLedger: GapLedger
}

const TELL_EVERY_MS = 100
/** Every so many times with the status. */
const STATUS_EVERY = 3

export function planeHost(
  clock: Clock,
  main: () => ThreadCalls<MainCalls>,
  make: (plan: unknown, listener: PlaneListener) => HostedPlane,
): WorkerCalls {
  const carried = new Map<string, CarriedPlane>()
  const of = (name: string) => {
    const plane = carried.get(name)
    if (!plane) throw new HeliostatError('HEL_FLOW_LEFT', `${name} is not on this thread`, { retriable: true })
    return plane
  }
  const listenerOf = (name: string): PlaneListener => ({
    working: () => main().tell('working', name),
    slotTaken: (slot) => main().tell('slotTaken', name, slot),
    gapWritten: (gap) => main().tell('gapWritten', name, gap),
    syncTopic: async (topic) => {
      const synced = await main().ask('syncTopic', name, topic)
      await of(name).refresh()
      return synced
    },
    batchBytesMax: (remoteTopic) => main().ask('batchBytesMax', name, remoteTopic),
  })
  return {
    start: (name, plan) => {
      const tell = (news: PlaneNews) => main().tell('tell', name, news)
      carried.set(name, new CarriedPlane(clock, make(plan, listenerOf(name)), tell))
    },
    begin: (name, slotCount, vacant) => carried.get(name)?.plane.begin(slotCount, vacant),
    own: (name, slots) => carried.get(name)?.plane.own(slots),
    drop: (name, slots) => carried.get(name)?.plane.drop(slots),
    synced: (name, topics) => void carried.get(name)?.afterLooking((plane) => plane.synced(topics)),
    look: (name) => carried.get(name)?.look(),
    pause: (name, topic) => carried.get(name)?.plane.pause(topic),
    resume: (name, topic) => carried.get(name)?.plane.resume(topic),
    forget: (name, topic) => of(name).afterLooking((plane) => plane.forget(topic)),
    prune: async (name, { topic, partition }, upstream, downstream) => {
      const named = TopicPartition.of(topic, partition)
      return (await of(name).plane.ownedPartition(named, 'source')?.prune(upstream, downstream)) ?? 0
    },
    drain: (name) => of(name).plane.drain(),
    leave: async (name) => {
      await of(name).leave()
      carried.delete(name)
    },
  }
}

class CarriedPlane {
  readonly plane: Plane
  readonly #clock: Clock
  readonly #hosted: HostedPlane
  readonly #tell: (news: PlaneNews) => void
  /** What the main thread knows. */
  readonly #told = new Map<TopicPartition, OffsetMap | undefined>()
  #timer: Timer
  #times = 0
  /** What needs metadata is done in turn, each after a look at both clusters. */
  #turn: Promise<unknown> = Promise.resolve()
  #isToLook = false

  constructor(clock: Clock, hosted: HostedPlane, tell: (news: PlaneNews) => void) {
    this.plane = hosted.plane
    this.#clock = clock
    this.#hosted = hosted
    this.#tell = tell
    this.#timer = this.#tellLater()
  }

  /** A cluster that does not answer is what the plane's partitions find out for themselves. */
  async refresh(): Promise<void> {
    const { source, target, gapLedger } = this.#hosted
    await Promise.allSettled([source.refresh(), target.refresh()])
    await Promise.allSettled([gapLedger.refresh()])
  }

  afterLooking<T>(what: (plane: Plane) => T | Promise<T>): Promise<T> {
    const done = this.#turn.then(() => this.refresh()).then(() => what(this.plane))
    this.#turn = done.catch(() => undefined) // whoever asked is told
    return done
  }

  look(): void {
    if (this.#isToLook) return
    this.#isToLook = true
    void this.afterLooking((plane) => {
      this.#isToLook = false
      plane.look()
    })
  }

  async leave(): Promise<void> {
    await this.plane.leave()
    this.#timer.cancel()
    this.#tell({ ...this.#news(), status: this.plane.status() })
    this.#hosted.source.close()
    this.#hosted.target.close()
  }

  #tellLater(): Timer {
    return this.#clock.setTimer(TELL_EVERY_MS, () => {
      const isTime = this.#times++ % STATUS_EVERY === 0
      const news = { ...this.#news(), status: isTime ? this.plane.status() : undefined }
      if (isTime || news.partitions.length + news.gone.length > 0) this.#tell(news)
      this.#timer = this.#tellLater()
    })
  }

  #news(): Omit<PlaneNews, 'status'> {
    const partitions: PartitionNews[] = []
    const left = new Set(this.#told.keys())
    for (const { source, remote, map } of this.plane.ownedPartitions()) {
      left.delete(source)
      const news = map?.takeNews()
      if (news === undefined && this.#told.has(source) && this.#told.get(source) === map) continue
      this.#told.set(source, map)
      const { topic, partition } = source
      partitions.push({ topic, partition, remoteTopic: remote.topic, isTranslatable: map !== undefined, map: news })
    }
    for (const source of left) this.#told.delete(source)
    return { partitions, gone: [...left].map(({ topic, partition }) => ({ topic, partition })) }
  }
}
