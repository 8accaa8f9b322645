// What the main thread and a thread that carries planes say to each other. Every call names its flow first.
import type { OffsetMapNews } from '../offset-translation/offset-map.ts'
import type { LogFields, LogLevel } from '../platform/platform.ts'
import type { Gap } from './gap.ts'
import type { PlaneStatus } from './plane.ts'
import type { SyncedTopic } from './topic-sync.ts'

/** Called on the worker's thread; as the methods of a plane. `start` comes first, and nothing after `leave`. */
export type WorkerCalls = {
  /** `plan`: what the worker's program makes a plane of. */
  start(flow: string, plan: unknown): void
  begin(flow: string, slotCount: number, vacant: readonly number[]): void
  own(flow: string, slots: readonly number[]): void
  drop(flow: string, slots: readonly number[]): void
  synced(flow: string, topics: readonly SyncedTopic[]): void
  look(flow: string): void
  pause(flow: string, topic: string | undefined): void
  resume(flow: string, topic: string | undefined): void
  forget(flow: string, topic: string): Promise<void>
  prune(flow: string, partition: PartitionName, upstreamLogStart: number, downstreamLogStart: number): Promise<number>
  drain(flow: string): Promise<void>
  leave(flow: string): Promise<void>
}

/** Called on the main thread. */
export type MainCalls = {
  working(flow: string): void
  slotTaken(flow: string, slot: number): void
  gapWritten(flow: string, gap: Gap): void
  tell(flow: string, news: PlaneNews): void
  syncTopic(flow: string, topic: string): Promise<SyncedTopic>
  batchBytesMax(flow: string, remoteTopic: string): Promise<number>
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
