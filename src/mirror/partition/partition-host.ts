// What a partition needs of the flow that it belongs to.
import type { ClusterClient } from '../../client/cluster-client.ts'
import type { OffsetLookup } from '../../client/offset-lookup.ts'
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { Platform } from '../../platform/platform.ts'
import type { Producer } from '../../sink/producer.ts'
import type { TailReader } from '../../sink/tail-reader.ts'
import type { Fetcher } from '../../source/fetcher.ts'
import type { Start } from '../flow.ts'
import type { DataLossPolicy } from '../gap.ts'
import type { GapLedger } from '../gap-ledger.ts'
import type { Latency } from '../latency.ts'
import type { MirrorHooks } from '../mirror-hooks.ts'
import type { TakeOver } from '../take-over.ts'
import type { SyncedTopic } from '../topic-sync.ts'
import type { BatchMemory } from './intake.ts'
import type { OutgoingBatch } from './outbox.ts'

export interface PartitionHost {
  readonly platform: Platform
  readonly source: ClusterClient
  readonly target: ClusterClient
  readonly sourceOffsets: OffsetLookup
  readonly targetOffsets: OffsetLookup
  readonly tails: TailReader
  /** Absent: a copy that MirrorMaker made is none that can be gone on with. */
  readonly takeOver: TakeOver | undefined
  readonly gapLedger: GapLedger
  readonly latency: Latency
  readonly hooks: MirrorHooks
  readonly memory: BatchMemory
  readonly startOf: (topic: string) => Start
  readonly onDataLoss: DataLossPolicy
  readonly queueBytesMax: number
  readonly readsUncommitted: boolean
  readonly settleMs: number
  readonly lookAgainMs: number
  /** Where batches were appended in transactions, below what the partition had; kept over a slot that is opened anew. */
  readonly wentBackTo: Map<TopicPartition, number>
  fetcher(nodeId: number): Fetcher
  /** With a transactional id one that writes under it alone. */
  producer(nodeId: number, transactionalId?: string): Producer<OutgoingBatch>
  /** The target topic's max.message.bytes, read anew. */
  batchBytesMax(remoteTopic: string): Promise<number>
  /** Makes the target topic of this source topic anew, if it is not there. */
  syncTopic(topic: string): Promise<SyncedTopic>
  countError(code: string): void
}
