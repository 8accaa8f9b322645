// A producer takes up a transactional id: it gets an epoch that nobody had, and what an older one left open is aborted first.

import { ErrorCode } from '../../../protocol/errors.ts'
import { advance, type Call, producerError, producerOf } from './call.ts'
import { type InitProducerIdCommand, NEEDS_PRODUCER_ID } from './command.ts'
import { abortByFencing } from './end-transaction.ts'
import {
  isEpochExhausted,
  isPrepared,
  NO_EPOCH,
  NO_PARTITIONS,
  NO_PRODUCER_ID,
  type TransactionMetadata,
} from './transaction-metadata.ts'

type Reply = ReturnType<typeof producerError> | typeof NEEDS_PRODUCER_ID

export function initProducerId(
  call: Call,
  known: TransactionMetadata | undefined,
  command: InitProducerIdCommand,
): Reply {
  const { transactionalId, timeoutMs, expected, freshProducerId } = command
  if (timeoutMs <= 0 || timeoutMs > call.config.maxTimeoutMs) {
    return producerError(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
  }
  if (!known && freshProducerId === undefined) return NEEDS_PRODUCER_ID
  const transaction = known ?? unused(freshProducerId!, timeoutMs, call.nowMs)
  if (expected && !mayBeOurs(transaction, expected)) return producerError(ErrorCode.PRODUCER_FENCED)
  if (isPrepared(transaction)) return producerError(ErrorCode.CONCURRENT_TRANSACTIONS)
  if (transaction.state === 'Ongoing') {
    // The client asks again, and meets the aborted transaction: so the epoch of the abort is never given to anybody.
    abortByFencing(call, transactionalId, transaction)
    return producerError(ErrorCode.CONCURRENT_TRANSACTIONS)
  }
  const { producerEpoch } = transaction
  const rotates = isEpochExhausted(producerEpoch) && (!expected || expected.producerEpoch === producerEpoch)
  if (rotates && freshProducerId === undefined) return NEEDS_PRODUCER_ID
  const producer = rotates
    ? { producerId: freshProducerId!, producerEpoch: 0, lastProducerEpoch: expected ? producerEpoch : NO_EPOCH }
    : nextProducer(transaction, expected?.producerEpoch)
  if (!producer) return producerError(ErrorCode.PRODUCER_FENCED)
  return producerOf(
    advance(call, transactionalId, transaction, {
      ...producer,
      state: 'Empty',
      timeoutMs,
      partitions: NO_PARTITIONS,
      startTimestamp: -1,
      lastUpdateTimestamp: call.nowMs,
    }),
  )
}

function unused(producerId: number, timeoutMs: number, nowMs: number): TransactionMetadata {
  return {
    producerId,
    previousProducerId: NO_PRODUCER_ID,
    nextProducerId: NO_PRODUCER_ID,
    producerEpoch: NO_EPOCH,
    lastProducerEpoch: NO_EPOCH,
    timeoutMs,
    state: 'Empty',
    partitions: NO_PARTITIONS,
    startTimestamp: -1,
    lastUpdateTimestamp: nowMs,
    clientTransactionVersion: 0,
  }
}

/** Whether the producer that says who it is can be the last one that was served; its epoch is judged later. */
function mayBeOurs(
  { producerId, producerEpoch, previousProducerId }: TransactionMetadata,
  expected: { producerId: number; producerEpoch: number },
): boolean {
  if (producerEpoch === NO_EPOCH || expected.producerId === producerId) return true
  // The answer that gave it a new id was lost: it asks again with the old one.
  return expected.producerId === previousProducerId && isEpochExhausted(expected.producerEpoch)
}

/** undefined: somebody else has been served since. */
function nextProducer(
  { producerEpoch, lastProducerEpoch }: TransactionMetadata,
  expectedEpoch: number | undefined,
): { producerEpoch: number; lastProducerEpoch: number } | undefined {
  if (expectedEpoch === undefined) return { producerEpoch: producerEpoch + 1, lastProducerEpoch: NO_EPOCH }
  if (producerEpoch === NO_EPOCH || expectedEpoch === producerEpoch) {
    return { producerEpoch: producerEpoch + 1, lastProducerEpoch: producerEpoch }
  }
  // It asks again what was answered and got lost. Any other producer would have made the last epoch unknown.
  return expectedEpoch === lastProducerEpoch ? { producerEpoch, lastProducerEpoch } : undefined
}
