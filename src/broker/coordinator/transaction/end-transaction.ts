// A transaction is decided (Prepare*), every partition hears of it, and it is over (Complete*).
//
// From transaction version 2 on (KIP-890) the decision also raises the epoch, so a retry is told from the next transaction's end:
//
//   state           | abort, epoch before | abort, epoch now | commit, epoch before | commit, epoch now
//   Empty           | fenced              | aborts nothing   | fenced               | invalid
//   CompleteAbort   | done                | aborts nothing   | invalid              | invalid
//   CompleteCommit  | invalid             | aborts nothing   | done                 | invalid
//
// An abort of nothing is a whole one: the producer does not know whether its first batch arrived.
//
// While the markers of the decision are under way (Prepare*) the epoch before is a retry, which comes again. So does the epoch now, whose
// producer has begun its next transaction: Kafka calls that one fenced, which there happens to who is quicker than the markers, and in a
// cluster whose brokers are a function call apart would happen always.

import { ErrorCode } from '../../../protocol/errors.ts'
import { advance, type Call, producerError, producerOf } from './call.ts'
import { type EndCommand, NEEDS_PRODUCER_ID } from './command.ts'
import {
  bumpsEpoch,
  isEpochExhausted,
  isPrepared,
  isSettled,
  LAST_GIVEN_EPOCH,
  NO_EPOCH,
  NO_PARTITIONS,
  NO_PRODUCER_ID,
  nextEpoch,
  type TransactionMetadata,
  type TransactionState,
} from './transaction-metadata.ts'

type Reply = ReturnType<typeof producerError> | typeof NEEDS_PRODUCER_ID

export function endTransaction(call: Call, transaction: TransactionMetadata | undefined, command: EndCommand): Reply {
  if (!transaction) return producerError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  return bumpsEpoch(command.clientTransactionVersion)
    ? endWithBump(call, transaction, command)
    : endWithoutBump(call, transaction, command)
}

/** Nobody may go on with this epoch: a time-out, or a new producer. */
export function abortByFencing(call: Call, transactionalId: string, transaction: TransactionMetadata): void {
  const { transactionVersion } = call.config
  const { producerEpoch } = transaction
  advance(call, transactionalId, transaction, {
    state: 'PrepareAbort',
    producerEpoch: nextEpoch(producerEpoch),
    lastProducerEpoch: bumpsEpoch(transactionVersion) ? producerEpoch : NO_EPOCH,
    nextProducerId: NO_PRODUCER_ID,
    lastUpdateTimestamp: call.nowMs,
    clientTransactionVersion: bumpsEpoch(transactionVersion) ? transactionVersion : 0,
  })
}

/** Every partition has its marker: the transaction is over, and its producer may go on. */
export function complete(call: Call, transactionalId: string, transaction: TransactionMetadata): void {
  advance(call, transactionalId, transaction, { ...completed(transaction), lastUpdateTimestamp: call.nowMs })
}

function endWithoutBump(call: Call, transaction: TransactionMetadata, command: EndCommand): Reply {
  if (transaction.producerId !== command.producerId) return producerError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  if (transaction.producerEpoch !== command.producerEpoch) return producerError(ErrorCode.PRODUCER_FENCED)
  if (transaction.state !== 'Ongoing') return producerError(alreadyEnded(transaction.state, command.committed))
  advance(call, command.transactionalId, transaction, {
    state: prepared(command.committed),
    nextProducerId: NO_PRODUCER_ID,
    lastUpdateTimestamp: call.nowMs,
    clientTransactionVersion: 0,
  })
  return producerError(ErrorCode.NONE)
}

function endWithBump(call: Call, transaction: TransactionMetadata, command: EndCommand): Reply {
  const { producerId, producerEpoch, committed } = command
  const isRetryBeforeRotation =
    transaction.previousProducerId === producerId &&
    producerEpoch === LAST_GIVEN_EPOCH &&
    transaction.producerEpoch === 0
  const isRetry = transaction.producerEpoch === producerEpoch + 1 || isRetryBeforeRotation
  const isCurrent = transaction.producerEpoch === producerEpoch
  if (transaction.producerId !== producerId && !isRetryBeforeRotation) {
    return producerError(ErrorCode.INVALID_PRODUCER_ID_MAPPING)
  }
  if (!isCurrent && !mayRetry(transaction, isRetry)) return producerError(ErrorCode.PRODUCER_FENCED)
  if (isPrepared(transaction) && isCurrent) return producerError(ErrorCode.CONCURRENT_TRANSACTIONS)
  if (isPrepared(transaction)) return producerError(alreadyEnded(transaction.state, committed))
  if (isRetry) {
    const errorCode = alreadyEnded(transaction.state, committed)
    return errorCode === ErrorCode.NONE ? producerOf(transaction) : producerError(errorCode)
  }
  if (isSettled(transaction) && committed) return producerError(ErrorCode.INVALID_TXN_STATE)
  const isExhausted = isEpochExhausted(transaction.producerEpoch)
  if (isExhausted && command.freshProducerId === undefined) return NEEDS_PRODUCER_ID
  const decided = advance(call, command.transactionalId, transaction, {
    state: prepared(committed),
    producerEpoch: nextEpoch(transaction.producerEpoch),
    lastProducerEpoch: transaction.producerEpoch,
    nextProducerId: isExhausted ? command.freshProducerId! : NO_PRODUCER_ID,
    startTimestamp: isSettled(transaction) ? call.nowMs : transaction.startTimestamp,
    lastUpdateTimestamp: call.nowMs,
    clientTransactionVersion: command.clientTransactionVersion,
  })
  return producerOf({ ...decided, ...completed(decided) })
}

/** Of a transaction that goes on, or has not begun, nothing was answered that could be asked again. */
function mayRetry({ state }: TransactionMetadata, isRetry: boolean): boolean {
  return isRetry && state !== 'Ongoing' && state !== 'Empty'
}

/** What the end of a transaction that is being ended, or has been, is answered with. */
function alreadyEnded(state: TransactionState, committed: boolean): number {
  if (state === (committed ? 'CompleteCommit' : 'CompleteAbort')) return ErrorCode.NONE
  return state === prepared(committed) ? ErrorCode.CONCURRENT_TRANSACTIONS : ErrorCode.INVALID_TXN_STATE
}

function prepared(committed: boolean): 'PrepareCommit' | 'PrepareAbort' {
  return committed ? 'PrepareCommit' : 'PrepareAbort'
}

function completed(transaction: TransactionMetadata) {
  const { producerId, producerEpoch, nextProducerId, clientTransactionVersion, state } = transaction
  const rotates = bumpsEpoch(clientTransactionVersion) && nextProducerId !== NO_PRODUCER_ID
  return {
    state: state === 'PrepareCommit' ? ('CompleteCommit' as const) : ('CompleteAbort' as const),
    producerId: rotates ? nextProducerId : producerId,
    producerEpoch: rotates ? 0 : producerEpoch,
    nextProducerId: NO_PRODUCER_ID,
    partitions: NO_PARTITIONS,
  }
}
