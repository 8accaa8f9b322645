// Partitions join a transaction before anything is written to them, so that its end reaches them all.

import { ErrorCode } from '../../../protocol/errors.ts'
import { advance, type Call } from './call.ts'
import type { AddPartitionsCommand } from './command.ts'
import { holds, isPrepared, isSettled, type TransactionMetadata, withPartitions } from './transaction-metadata.ts'

type Asker = Pick<AddPartitionsCommand, 'producerId' | 'producerEpoch'>

/** The partitions are in the transaction when this returns NONE; the first ones begin it. */
export function addPartitions(
  call: Call,
  transaction: TransactionMetadata | undefined,
  command: AddPartitionsCommand,
): number {
  const errorCode = refusal(transaction, command)
  if (errorCode !== ErrorCode.NONE || !transaction) return errorCode
  const { transactionalId, partitions, clientTransactionVersion } = command
  const isOngoing = transaction.state === 'Ongoing'
  if (isOngoing && partitions.every((partition) => holds(transaction.partitions, partition))) return ErrorCode.NONE
  advance(call, transactionalId, transaction, {
    state: 'Ongoing',
    partitions: withPartitions(transaction.partitions, partitions),
    startTimestamp: isSettled(transaction) ? call.nowMs : transaction.startTimestamp,
    lastUpdateTimestamp: call.nowMs,
    clientTransactionVersion,
  })
  return ErrorCode.NONE
}

/** For each partition whether it is in the transaction; changes nothing. */
export function verifyPartitions(
  transaction: TransactionMetadata | undefined,
  command: Asker & Pick<AddPartitionsCommand, 'partitions'>,
): { topic: string; partition: number; errorCode: number }[] {
  const errorCode = refusal(transaction, command)
  return command.partitions.map(({ topic, partition }) => {
    const isIn = transaction !== undefined && holds(transaction.partitions, { topic, partition })
    const found = isIn ? ErrorCode.NONE : ErrorCode.TRANSACTION_ABORTABLE
    return { topic, partition, errorCode: errorCode === ErrorCode.NONE ? found : errorCode }
  })
}

function refusal(transaction: TransactionMetadata | undefined, { producerId, producerEpoch }: Asker): number {
  if (!transaction || transaction.producerId !== producerId) return ErrorCode.INVALID_PRODUCER_ID_MAPPING
  if (transaction.producerEpoch !== producerEpoch) return ErrorCode.PRODUCER_FENCED
  return isPrepared(transaction) ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.NONE
}
