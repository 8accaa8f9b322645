// Before transactional records are appended, the coordinator must know that the transaction reaches their partition (KIP-890): or a
// batch that comes late would open a transaction that nobody ever ends. Partitions in which it is open already are not asked about.

import type { Clock } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { CoordinatorError } from './coordinator/runtime.ts'
import type { TransactionCoordinator } from './coordinator/transaction/transaction-coordinator.ts'
import type { AppendClaims } from './log/producer-state.ts'
import type { Partition } from './partition.ts'

/**
 * How the client begins a transaction in a partition. `verify`: it has added the partition itself; what it would not understand is told
 * as INVALID_TXN_STATE. `verify-abortable`: the same with TRANSACTION_ABORTABLE. `add`: the broker adds it.
 */
export type Admission = 'verify' | 'verify-abortable' | 'add'

export interface Producer {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
}

/** NONE: the append may be tried, and must make these claims. */
export interface Admitted {
  readonly errorCode: number
  readonly claims: AppendClaims | undefined
}

/** The end of the transaction before may be under way still. It takes moments, so the producer need not be told. */
const RETRY_MS = 20
const RETRY_MAX_MS = 100

export class TransactionAdmission {
  readonly #transactions: TransactionCoordinator
  readonly #clock: Clock

  constructor(transactions: TransactionCoordinator, clock: Clock) {
    this.#transactions = transactions
    this.#clock = clock
  }

  /** `sequences`: of the first batch for each partition. */
  async admit(
    producer: Producer,
    sequences: ReadonlyMap<Partition, number>,
    admission: Admission,
  ): Promise<ReadonlyMap<Partition, Admitted>> {
    const admitted = new Map<Partition, Admitted>()
    const asked: Partition[] = []
    for (const [partition, sequence] of sequences) {
      const { verification, isOpen } = partition.log.startVerification(producer.producerId, {
        epoch: producer.producerEpoch,
        sequence,
        bumpsEpoch: admission === 'add',
      })
      admitted.set(partition, { errorCode: ErrorCode.NONE, claims: { verification } })
      if (!isOpen) asked.push(partition)
    }
    if (asked.length === 0) return admitted
    const errors = await this.#ask(producer, asked, admission)
    asked.forEach((partition, index) => {
      const errorCode = forClient(errors[index]!, admission)
      admitted.set(partition, { ...admitted.get(partition)!, errorCode })
    })
    return admitted
  }

  /** What the coordinator says of each of these partitions. */
  async #ask(producer: Producer, asked: readonly Partition[], admission: Admission): Promise<number[]> {
    const partitions = asked.map(({ topic, partitionId }) => ({ topic, partition: partitionId }))
    try {
      if (admission === 'add') {
        const errorCode = await this.#add({ ...producer, partitions })
        return asked.map(() => errorCode)
      }
      const reply = await this.#transactions.ask({ type: 'verify-partitions', ...producer, partitions })
      return reply.partitions.map(({ errorCode }) => errorCode)
    } catch (error) {
      if (error instanceof CoordinatorError) return asked.map(() => error.errorCode)
      throw error
    }
  }

  async #add(command: Producer & { partitions: readonly { topic: string; partition: number }[] }): Promise<number> {
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      const { errorCode } = await this.#transactions.ask({
        type: 'add-partitions',
        ...command,
        clientTransactionVersion: 2,
      })
      if (errorCode !== ErrorCode.CONCURRENT_TRANSACTIONS || waitedMs >= RETRY_MAX_MS) return errorCode
      await new Promise<void>((resolve) => this.#clock.setTimer(RETRY_MS, resolve))
    }
  }
}

function forClient(errorCode: number, admission: Admission): number {
  // To producers of records a newer owner of their id shows as a newer epoch.
  if (errorCode === ErrorCode.PRODUCER_FENCED) return ErrorCode.INVALID_PRODUCER_EPOCH
  if (errorCode === ErrorCode.TRANSACTION_ABORTABLE && admission === 'verify') return ErrorCode.INVALID_TXN_STATE
  return errorCode
}
