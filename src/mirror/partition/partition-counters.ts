// What a partition's mirrors count, one after the other.
import type { RewriteReason } from '../status.ts'

export interface PartitionCounters {
  records: number
  bytes: number
  batchesPassed: number
  controlBatches: number
  abortedBatches: number
  readonly rewritten: Partial<Record<RewriteReason, number>>
}

export function countersAtZero(): PartitionCounters {
  return { records: 0, bytes: 0, batchesPassed: 0, controlBatches: 0, abortedBatches: 0, rewritten: {} }
}
