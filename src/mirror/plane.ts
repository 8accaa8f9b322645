// What carries the records of a flow, as the flow's mirror sees it. The mirror decides what is mirrored and which slots are ours; a
// plane has some of these slots and moves the records of all that hashes to them, with connections of its own. Only plain values cross,
// and nothing per record, so that a plane may be on another thread.
import type { TopicPartition } from '../client/topic-partition.ts'
import type { OffsetMap } from '../offset-translation/offset-map.ts'
import type { Gap } from './gap.ts'
import type { LatencyHistogram, Moved, TopicStatus } from './status.ts'
import type { SyncedTopic } from './topic-sync.ts'

export interface Plane {
  /**
   * The progress topic is there. A slot that was never used, or whose last owner said goodbye, is begun before the group has met: that
   * takes seconds on a fresh cluster. Two that start at once see each other in the slot's log; and the group's word counts as soon
   * as it comes.
   */
  begin(slotCount: number, vacant: readonly number[]): void
  /** The group's word: these are ours, and of those that were begun before its first word all others are not. */
  own(slots: readonly number[]): void
  drop(slots: readonly number[]): void
  /** These topics are on the target as said. */
  synced(topics: readonly SyncedTopic[]): void
  /** Both clusters were just looked at: every partition compares what it believes with what is. */
  look(): void
  /** A topic, or everything. */
  pause(topic?: string): void
  resume(topic?: string): void
  /** Ends the mirroring of a topic and forgets its progress. */
  forget(topic: string): Promise<void>
  /** How many slots it has. */
  readonly slots: number
  has(slot: number): boolean
  /** Whether any of them is open. */
  readonly isWorking: boolean
  status(): PlaneStatus
  readonly moved: Moved
  ownedPartitions(): Iterable<OwnedPartition>
  /** One of them, by its name on either side. */
  ownedPartition(named: TopicPartition, side: 'source' | 'target'): OwnedPartition | undefined
  /** Takes nothing new; resolves when what was under way has been acknowledged, or the grace is over. */
  drain(): Promise<void>
  /** Says goodbye to its slots, and ends. */
  leave(): Promise<void>
}

/** What a plane tells its mirror, and asks of it. */
export interface PlaneListener {
  /** Its first slot is open: there was nobody to begin what had been found before. */
  working(): void
  /** Another instance was seen writing to this slot, or it cannot be written: it was dropped. */
  slotTaken(slot: number): void
  /** Makes the target topic of this source topic anew, if it is not there. */
  syncTopic(topic: string): Promise<SyncedTopic>
  /** The target topic's max.message.bytes, read anew. */
  batchBytesMax(remoteTopic: string): Promise<number>
  /** By a plane that has a ledger of its own: on another thread. */
  gapWritten(gap: Gap): void
}

/** A partition that is mirrored here; the map once its position is known. */
export interface OwnedPartition {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap | undefined
  /** Forgets the runs of which neither log keeps a record; how many that were. */
  prune(upstreamLogStart: number, downstreamLogStart: number): Promise<number>
}

/** Plain data, taken at one moment. */
export interface PlaneStatus {
  readonly openSlots: number
  /** Slots that are ours and not open yet. */
  readonly openingSlots: number
  readonly topics: readonly TopicStatus[]
  /** Brokers that could not be reached the last time. */
  readonly unreachable: { readonly source: number; readonly target: number }
  /** An answer of the source is long overdue. */
  readonly isSourceSilent: boolean
  readonly bufferedBytes: number
  readonly bufferedBytesMax: number
  readonly errors: Readonly<Record<string, number>>
  readonly latency: LatencyHistogram
}
