// Before transactional records are appended, the coordinator must know that the transaction reaches their partition (KIP-890): or a
// batch that comes late would open a transaction that nobody ever ends. Partitions in which it is open already are not asked about.

import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { addPartitionsToTxn } from '../protocol/messages/add-partitions-to-txn.ts'
import type { Broker } from './broker.ts'
import { TRANSACTION_STATE } from './coordinator/controller/topic-name.ts'
import { partitionOf } from './coordinator/group/group-coordinator.ts'
import { CoordinatorError } from './coordinator/runtime.ts'
import type { TopicPartition } from './coordinator/transaction/transaction-metadata.ts'
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
const NO_LEADER = -1

export class TransactionAdmission {
  readonly #broker: Broker

  constructor(broker: Broker) {
    this.#broker = broker
  }

  /** `sequences`: of the first batch for each partition. */
  async admit(
    producer: Producer,
    sequences: ReadonlyMap<Partition, number>,
    admission: Admission,
  ): Promise<ReadonlyMap<Partition, Admitted>> {
    const { clock } = this.#broker.platform
    const admitted = new Map<Partition, Admitted>()
    let wanted = [...sequences.keys()]
    for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
      const asked = wanted.filter((partition) => {
        const { verification, isOpen } = partition.log.startVerification(producer.producerId, {
          epoch: producer.producerEpoch,
          sequence: sequences.get(partition)!,
          bumpsEpoch: admission === 'add',
        })
        admitted.set(partition, { errorCode: ErrorCode.NONE, claims: { verification } })
        return !isOpen
      })
      if (asked.length === 0) return admitted
      const errors = await this.#ask(producer, asked, admission)
      asked.forEach((partition, index) => {
        const errorCode = forClient(errors[index]!, admission)
        admitted.set(partition, { ...admitted.get(partition)!, errorCode })
      })
      wanted = asked.filter((partition) => isToBeAskedAgain(producer, partition, admitted.get(partition)!, admission))
      if (wanted.length === 0 || waitedMs >= RETRY_MAX_MS) return admitted
      await new Promise<void>((resolve) => clock.setTimer(RETRY_MS, resolve))
    }
  }

  /** What the coordinator says of each of these partitions. */
  async #ask(producer: Producer, asked: readonly Partition[], admission: Admission): Promise<number[]> {
    const partitions = asked.map(({ topic, partitionId }) => ({ topic, partition: partitionId }))
    try {
      return await this.#askCoordinator(producer, partitions, admission !== 'add')
    } catch (error) {
      if (error instanceof CoordinatorError) return asked.map(() => error.errorCode)
      if (error instanceof HeliostatError) return asked.map(() => ErrorCode.NETWORK_EXCEPTION)
      throw error
    }
  }

  /** The coordinator may be on any broker. */
  async #askCoordinator(
    producer: Producer,
    partitions: readonly TopicPartition[],
    verifyOnly: boolean,
  ): Promise<number[]> {
    const { nodeId, transactions } = this.#broker
    const coordinatorId = this.#coordinatorOf(producer.transactionalId)
    if (coordinatorId !== nodeId) return await this.#askBroker(coordinatorId, producer, partitions, verifyOnly)
    if (verifyOnly) {
      const reply = await transactions.ask({ type: 'verify-partitions', ...producer, partitions })
      return reply.partitions.map(({ errorCode }) => errorCode)
    }
    const added = { type: 'add-partitions', ...producer, partitions, clientTransactionVersion: 2 } as const
    const { errorCode } = await transactions.ask(added)
    return partitions.map(() => errorCode)
  }

  async #askBroker(
    coordinatorId: number,
    producer: Producer,
    partitions: readonly TopicPartition[],
    verifyOnly: boolean,
  ): Promise<number[]> {
    const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, group]) => ({
      name,
      partitions: group.map(({ partition }) => partition),
    }))
    const asked = { transactions: [{ ...producer, verifyOnly, topics }] }
    const answer = await this.#broker.peers.send(coordinatorId, addPartitionsToTxn, asked)
    const codes = new Map(
      answer.resultsByTransaction.flatMap(({ topicResults }) =>
        topicResults.flatMap(({ name, resultsByPartition }) =>
          resultsByPartition.map((one) => [`${name}:${one.partitionIndex}`, one.partitionErrorCode] as const),
        ),
      ),
    )
    // As a whole it is refused to a broker without the right; to a producer that says nothing (Kafka's AddPartitionsToTxnManager).
    const refusal = answer.errorCode === ErrorCode.NONE ? ErrorCode.UNKNOWN_SERVER_ERROR : ErrorCode.INVALID_TXN_STATE
    return partitions.map(({ topic, partition }) => codes.get(`${topic}:${partition}`) ?? refusal)
  }

  #coordinatorOf(transactionalId: string): number {
    const partitions = this.#broker.image.topics.get(TRANSACTION_STATE)?.partitions ?? []
    const leader = partitions[partitionOf(transactionalId, Math.max(1, partitions.length))]?.leader ?? NO_LEADER
    if (leader !== NO_LEADER) return leader
    throw new CoordinatorError(ErrorCode.COORDINATOR_NOT_AVAILABLE, `nobody coordinates ${transactionalId}`)
  }
}

/**
 * The end of the transaction before may be under way still. When its marker comes into the partition while the coordinator is asked, it
 * takes the verification with it, and the append would be refused though the coordinator has agreed to it. Only where each transaction
 * has an epoch of its own: else a batch that is late would come into the next one.
 */
function isToBeAskedAgain(
  { producerId, producerEpoch }: Producer,
  { log }: Partition,
  { errorCode, claims }: Admitted,
  admission: Admission,
): boolean {
  if (admission !== 'add') return false
  if (errorCode === ErrorCode.CONCURRENT_TRANSACTIONS) return true
  return errorCode === ErrorCode.NONE && !log.isVerified(producerId, producerEpoch, claims?.verification)
}

function forClient(errorCode: number, admission: Admission): number {
  // To producers of records a newer owner of their id shows as a newer epoch.
  if (errorCode === ErrorCode.PRODUCER_FENCED) return ErrorCode.INVALID_PRODUCER_EPOCH
  if (errorCode === ErrorCode.TRANSACTION_ABORTABLE && admission === 'verify') return ErrorCode.INVALID_TXN_STATE
  return errorCode
}
