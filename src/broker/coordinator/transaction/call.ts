import { ErrorCode } from '../../../protocol/errors.ts'
import type { Outcome, RequestId } from '../state-machine.ts'
import type { ProducerReply, TransactionCommand, TransactionReply } from './command.ts'
import type { TransactionConfig } from './transaction-config.ts'
import { NO_EPOCH, NO_PRODUCER_ID, type TransactionMetadata, type TransactionRecord } from './transaction-metadata.ts'

type TransactionOutcome = Outcome<TransactionCommand, TransactionRecord, TransactionReply>

/** What every rule of a transaction needs at hand while one command is decided. */
export interface Call {
  readonly id: RequestId
  readonly nowMs: number
  readonly config: TransactionConfig
  readonly outcome: TransactionOutcome
}

export type Step = Partial<TransactionMetadata> & Pick<TransactionMetadata, 'state' | 'lastUpdateTimestamp'>

/** Records the next step of the transactional id. */
export function advance(
  call: Call,
  transactionalId: string,
  from: TransactionMetadata,
  step: Step,
): TransactionMetadata {
  const value = { ...from, previousProducerId: from.producerId, ...step }
  call.outcome.record({ transactionalId, value })
  return value
}

export function producerError(errorCode: number): ProducerReply {
  return { errorCode, producerId: NO_PRODUCER_ID, producerEpoch: NO_EPOCH }
}

export function producerOf({ producerId, producerEpoch }: TransactionMetadata): ProducerReply {
  return { errorCode: ErrorCode.NONE, producerId, producerEpoch }
}
