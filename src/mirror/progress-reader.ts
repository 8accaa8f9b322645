// The progress of a flow as it stands on the target, read without owning any of it: for the command line, and for tools that
// ask where an offset went while the daemon runs elsewhere or not at all.
import type { ClusterClient } from '../client/cluster-client.ts'
import { LATEST, OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { OffsetMap } from '../offset-translation/offset-map.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { type SlotState, slotOf } from './progress-record.ts'
import { readSlot } from './transactional-slot.ts'

/** A topic that was mirrored once, by its names and ids on both sides. */
export interface MirroredTopic {
  readonly topic: string
  readonly remoteTopic: string
  readonly targetTopicId: string
}

/** One mirrored partition; the map ends where the target ends. */
export interface PartitionProgressView {
  readonly topic: string
  readonly partition: number
  readonly remoteTopic: string
  readonly targetEnd: number
  /** Undefined while it cannot be told what stands on the target; then `reason` says why. */
  readonly map: OffsetMap | undefined
  readonly reason: string | undefined
}

export class ProgressReader {
  readonly #platform: Platform
  readonly #target: ClusterClient
  readonly #topic: string
  readonly #offsets: OffsetLookup
  readonly #slots = new Map<number, Promise<SlotState>>()
  readonly #views = new Map<TopicPartition, Promise<PartitionProgressView>>()

  constructor(platform: Platform, target: ClusterClient, progressTopic: string) {
    this.#platform = platform
    this.#target = target
    this.#topic = progressTopic
    this.#offsets = new OffsetLookup(platform, target)
  }

  /** All topics that were ever mirrored. */
  async topics(): Promise<MirroredTopic[]> {
    const count = await this.#slotCount()
    const states = await Promise.all(Array.from({ length: count }, (_, slot) => this.#slot(slot)))
    const found = new Map<string, MirroredTopic>()
    for (const state of states)
      for (const { topic, progress } of state.partitions())
        found.set(topic, { topic, remoteTopic: progress.remoteTopic, targetTopicId: progress.targetTopicId })
    return [...found.values()]
  }

  /** All partitions that were ever mirrored, by topic and partition. */
  async all(): Promise<PartitionProgressView[]> {
    const count = await this.#slotCount()
    const states = await Promise.all(Array.from({ length: count }, (_, slot) => this.#slot(slot)))
    const views = await Promise.all(
      states.flatMap((state) =>
        [...state.partitions()].map(({ topic, partition }) => this.#view(state, topic, partition)),
      ),
    )
    return views.sort((a, b) => (a.topic === b.topic ? a.partition - b.partition : a.topic < b.topic ? -1 : 1))
  }

  /** Undefined when that partition was never mirrored. */
  async partition(topic: string, partition: number): Promise<PartitionProgressView | undefined> {
    const state = await this.#slot(slotOf(topic, partition, await this.#slotCount()))
    return state.partition(topic, partition) && this.#view(state, topic, partition)
  }

  /** The same, asked for by its name on the target. */
  async remotePartition(remoteTopic: string, partition: number): Promise<PartitionProgressView | undefined> {
    return (await this.all()).find((view) => view.remoteTopic === remoteTopic && view.partition === partition)
  }

  async #slotCount(): Promise<number> {
    if (!this.#target.topics().has(this.#topic)) await this.#target.refresh()
    const found = this.#target.topics().get(this.#topic)
    if (found) return found.partitions.length
    throw new HeliostatError(
      'HEL_NO_PROGRESS',
      `${this.#target.name} has no topic ${this.#topic}: nothing was mirrored there yet`,
    )
  }

  #slot(slot: number): Promise<SlotState> {
    const known = this.#slots.get(slot)
    if (known) return known
    const reading = this.#readSlot(TopicPartition.of(this.#topic, slot))
    this.#slots.set(slot, reading)
    return reading
  }

  async #readSlot(topicPartition: TopicPartition): Promise<SlotState> {
    return readSlot(this.#target, topicPartition, await this.#offsets.range(topicPartition))
  }

  /** A slot gives its chunks once, so what was made of them is kept. */
  #view(state: SlotState, topic: string, partition: number): Promise<PartitionProgressView> {
    const topicPartition = TopicPartition.of(topic, partition)
    const known = this.#views.get(topicPartition)
    if (known) return known
    const making = this.#makeView(state, topic, partition)
    this.#views.set(topicPartition, making)
    return making
  }

  async #makeView(state: SlotState, topic: string, partition: number): Promise<PartitionProgressView> {
    const { remoteTopic, start, joint, isTransactional } = state.partition(topic, partition)!
    const remote = TopicPartition.of(remoteTopic, partition)
    const targetEnd = await this.#offsets.find(remote, LATEST)
    const chunks = state.takeChunks(topic, partition)
    const map = chunks.length > 0 ? OffsetMap.load(chunks) : new OffsetMap({ start })
    const view = { topic, partition, remoteTopic, targetEnd }
    try {
      if (!isTransactional) map.resume(targetEnd, joint?.downstream === targetEnd ? joint.mapped : targetEnd)
      if (joint?.downstream === map.nextDownstream) map.skipTo(joint.upstream)
      return { ...view, map, reason: undefined }
    } catch (error) {
      this.#platform.log.debug('progress.unclear', (error as Error).message, { topic, partition })
      return { ...view, map: undefined, reason: (error as Error).message }
    }
  }
}
