// What a partition is seen to have lost, or to have that is not its own, is in the ledger before anything is done about it.
import type { TopicPartition } from '../../client/topic-partition.ts'
import type { Gap, GapReason, OffsetRange } from '../gap.ts'
import type { PartitionHost } from './partition-host.ts'

/** Source records, and where on the target, when it is the target that changed. */
export interface Loss extends OffsetRange {
  readonly reason: GapReason
  readonly downstream?: OffsetRange
}

/** Durable when it resolves; the entry says what is to be done. */
export function writeLoss(
  { platform, gapLedger, onDataLoss }: Pick<PartitionHost, 'platform' | 'gapLedger' | 'onDataLoss'>,
  { topic, partition }: TopicPartition,
  loss: Loss,
): Promise<Gap> {
  return gapLedger.write({ topic, partition, ...loss, seenAt: platform.clock.now(), action: onDataLoss })
}
