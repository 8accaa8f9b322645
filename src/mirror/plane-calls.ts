// What the main thread and a thread that carries planes say to each other. Every call names its plane first, by a name that no other plane
// is ever given: what is said late by one that has left must not be taken for the word of its flow's next.
import type { OffsetMapNews } from '../offset-translation/offset-map.ts'
import type { LogFields, LogLevel } from '../platform/platform.ts'
import type { Gap } from './gap.ts'
import type { PlaneStatus } from './plane.ts'
import type { SyncedTopic } from './topic-sync.ts'

/** Called on the worker's thread; as the methods of a plane. `start` comes first, and nothing after `leave`. */
export type WorkerCalls = {
  /** `plan`: what the worker's program makes a plane of, which may fail. */
  start(plane: string, plan: unknown): void
  begin(plane: string, slotCount: number, vacant: readonly number[]): void
  own(plane: string, slots: readonly number[]): void
  drop(plane: string, slots: readonly number[]): void
  synced(plane: string, topics: readonly SyncedTopic[]): void
  look(plane: string): void
  pause(plane: string, topic: string | undefined): void
  resume(plane: string, topic: string | undefined): void
  forget(plane: string, topic: string): Promise<void>
  prune(plane: string, partition: PartitionName, upstreamLogStart: number, downstreamLogStart: number): Promise<number>
  drain(plane: string): Promise<void>
  leave(plane: string): Promise<void>
}

/** Called on the main thread. */
export type MainCalls = {
  working(plane: string): void
  slotTaken(plane: string, slot: number): void
  gapWritten(plane: string, gap: Gap): void
  tell(plane: string, news: PlaneNews): void
  syncTopic(plane: string, topic: string): Promise<SyncedTopic>
  batchBytesMax(plane: string, remoteTopic: string): Promise<number>
  log(level: Exclude<LogLevel, 'silent'>, event: string, message: string, fields: LogFields): void
}

/** By its name on the source. */
interface PartitionName {
  readonly topic: string
  readonly partition: number
}

export interface PlaneNews {
  readonly status: PlaneStatus | undefined
  readonly partitions: readonly PartitionNews[]
  /** No longer carried there. */
  readonly gone: readonly PartitionName[]
}

export interface PartitionNews extends PartitionName {
  readonly remoteTopic: string
  /** Whether its position is known, so that its map may be asked. */
  readonly isTranslatable: boolean
  readonly map: OffsetMapNews | undefined
}
