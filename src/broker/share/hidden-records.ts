import type { RecordBatch } from '../../records/record-batch.ts'
import type { AbortedTransaction } from '../log/transaction-index.ts'
import type { ReadRange } from './delivery.ts'

/** The offsets of batches that were read one after the other, and which of them nobody is to have. */
export function readRanges(
  batches: readonly RecordBatch[],
  abortedTransactions: readonly AbortedTransaction[] | null,
): ReadRange[] {
  const coming = [...(abortedTransactions ?? [])].sort((one, other) => one.firstOffset - other.firstOffset)
  const aborted = new Set<number>()
  return batches.map((batch) => {
    const { baseOffset: firstOffset, lastOffset, producerId } = batch
    while (coming.length > 0 && coming[0]!.firstOffset <= lastOffset) aborted.add(coming.shift()!.producerId)
    const isHidden = batch.isControl || (batch.isTransactional && aborted.has(producerId))
    if (batch.controlType() === 'abort') aborted.delete(producerId)
    return { firstOffset, lastOffset, isHidden }
  })
}
