import { controlBatch } from '../../../records/batch-builder.ts'
import { RecordBatch } from '../../../records/record-batch.ts'

/** Says in a partition how a producer's transaction ended. Writing one twice is harmless: the second finds nothing open. */
export interface Marker {
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
  /** Of the coordinator that has it written; one from an older coordinator is refused. */
  readonly coordinatorEpoch: number
  /** From 2 on the marker's epoch is the one after the transaction's. */
  readonly transactionVersion: number
}

export function markerBatch(marker: Marker, timestamp: number): RecordBatch {
  return new RecordBatch(controlBatch({ ...marker, type: marker.committed ? 'commit' : 'abort', timestamp }))
}
