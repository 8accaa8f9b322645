import type { Clock, Logger } from '../../../platform/platform.ts'
import { ErrorCode, errorOf } from '../../../protocol/errors.ts'
import type { Marker } from './marker.ts'
import { isPrepared, partitionsOf, type TopicPartition, type TransactionRecord } from './transaction-metadata.ts'

const RETRY_MS = 100

/** Of these a second try makes no success: somebody newer has taken over the producer, or the coordinator's place. */
const FINAL: ReadonlySet<number> = new Set([ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED])

export interface MarkerWriterOptions {
  readonly clock: Clock
  readonly log: Logger
  /** Of the coordinator whose transactions these are. */
  readonly coordinatorEpoch: () => number
  /** Of each partition NONE, or why it does not have its marker yet. Never rejects. */
  readonly write: (
    marker: Marker,
    partitions: readonly TopicPartition[],
  ) => readonly number[] | Promise<readonly number[]>
  /** Resolves when it is durable that every partition has its marker. */
  readonly complete: (transactionalId: string, producer: Pick<Marker, 'producerId' | 'producerEpoch'>) => Promise<void>
}

interface Decision {
  readonly transactionalId: string
  readonly marker: Marker
  /** Partitions that have no marker yet. */
  readonly missing: Set<TopicPartition>
  /** They are being asked. */
  isUnderWay: boolean
}

/**
 * Carries out what a coordinator has decided: once a decision is committed, each partition of the transaction gets its marker, then the
 * coordinator hears of it. It may be carried out again after a restart, since nobody knows how far it came.
 *
 * 1. Nothing is written for a decision that is not committed.
 * 2. `#decisions` holds the committed decisions that are not completed, one a transactional id, in the order of the log.
 */
export class MarkerWriter {
  readonly #options: MarkerWriterOptions
  readonly #decisions = new Map<string, Decision>()
  #scheduled = false
  #closed = false

  constructor(options: MarkerWriterOptions) {
    this.#options = options
  }

  /** Follows the committed records of the coordinator, those of the past first. */
  follow({ transactionalId, value }: TransactionRecord): void {
    this.#decisions.delete(transactionalId)
    if (!value || !isPrepared(value)) return
    const { producerId, producerEpoch, clientTransactionVersion } = value
    const marker = {
      producerId,
      producerEpoch,
      committed: value.state === 'PrepareCommit',
      coordinatorEpoch: this.#options.coordinatorEpoch(),
      transactionVersion: clientTransactionVersion,
    }
    const missing = new Set(partitionsOf(value.partitions))
    this.#decisions.set(transactionalId, { transactionalId, marker, missing, isUnderWay: false })
    this.#schedule()
  }

  close(): void {
    this.#closed = true
    this.#decisions.clear()
  }

  /** Later, as the coordinator is in the middle of a command when it tells of a record. */
  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#options.clock.defer(() => {
      this.#scheduled = false
      for (const decision of [...this.#decisions.values()]) this.#carryOut(decision)
    })
  }

  #carryOut(decision: Decision): void {
    if (decision.isUnderWay) return
    const asked = [...decision.missing]
    const answers = this.#options.write(decision.marker, asked)
    if (!(answers instanceof Promise)) {
      this.#written(decision, asked, answers)
      return
    }
    decision.isUnderWay = true
    void answers.then((settled) => {
      decision.isUnderWay = false
      // Meanwhile the coordinator may have resigned, or somebody else have ended the transaction.
      if (this.#decisions.get(decision.transactionalId) === decision) this.#written(decision, asked, settled)
    })
  }

  #written(decision: Decision, asked: readonly TopicPartition[], answers: readonly number[]): void {
    const { missing } = decision
    for (const [index, at] of asked.entries()) {
      const errorCode = answers[index]!
      // A partition that is gone has no reader to tell.
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) missing.delete(at)
      else if (FINAL.has(errorCode)) {
        this.#giveUp(decision, at, errorCode)
        return
      }
    }
    if (missing.size > 0) this.#retry(decision)
    else this.#complete(decision)
  }

  #complete(decision: Decision): void {
    const { transactionalId, marker } = decision
    // From here on the coordinator's answer decides, so that no second one is asked meanwhile.
    this.#decisions.delete(transactionalId)
    this.#options.complete(transactionalId, marker).catch(() => {
      if (this.#closed || this.#decisions.has(transactionalId)) return
      this.#decisions.set(transactionalId, decision)
      this.#retry(decision)
    })
  }

  #retry(decision: Decision): void {
    this.#options.clock.setTimer(RETRY_MS, () => {
      if (this.#decisions.get(decision.transactionalId) === decision) this.#carryOut(decision)
    })
  }

  /** The transaction stays as it is until another coordinator takes it up. */
  #giveUp({ transactionalId, marker }: Decision, { topic, partition }: TopicPartition, errorCode: number): void {
    this.#decisions.delete(transactionalId)
    this.#options.log.error('transaction.marker-refused', 'a partition refuses the end of a transaction', {
      transactionalId,
      topic,
      partition,
      producerId: marker.producerId,
      producerEpoch: marker.producerEpoch,
      error: errorOf(errorCode).name,
    })
  }
}
