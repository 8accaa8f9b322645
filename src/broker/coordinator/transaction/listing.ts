import type { ListCommand, TransactionDescription, TransactionListing } from './command.ts'
import type { TransactionMetadata } from './transaction-metadata.ts'

export function describeTransaction(transactionalId: string, transaction: TransactionMetadata): TransactionDescription {
  const { producerId, producerEpoch, state, timeoutMs, startTimestamp, partitions } = transaction
  const topics = [...partitions].map(([topic, ids]) => ({ topic, partitions: [...ids] }))
  return { transactionalId, producerId, producerEpoch, state, timeoutMs, startTimestamp, topics }
}

export function listTransactions(
  transactions: ReadonlyMap<string, TransactionMetadata>,
  { states, producerIds, durationMs, pattern }: ListCommand,
  nowMs: number,
): TransactionListing[] {
  const found: TransactionListing[] = []
  for (const [transactionalId, { producerId, state, startTimestamp }] of transactions) {
    if (producerIds.length > 0 && !producerIds.includes(producerId)) continue
    if (states.length > 0 && !states.includes(state)) continue
    if (durationMs >= 0 && nowMs - startTimestamp <= durationMs) continue
    if (pattern && !pattern.matches(transactionalId)) continue
    found.push({ transactionalId, producerId, state })
  }
  return found
}
