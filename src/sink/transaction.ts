// One transactional id on the target: its producer id and epoch, and the transactions that are opened and ended under it. The protocol
// of Kafka before KIP-890, which every broker still speaks: partitions are added before they are written, and an epoch lasts until the
// next `open`. What is asked of the coordinator and not answered leaves an unknown outcome: its owner opens anew, which takes the next
// epoch, so that nothing of before can reach into a later transaction.
import { retry } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { refusal } from '../client/refusal.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { addPartitionsToTxn } from '../protocol/messages/add-partitions-to-txn.ts'
import { endTxn } from '../protocol/messages/end-txn.ts'
import { initProducerId } from '../protocol/messages/init-producer-id.ts'

/** Where transactions begin to mean KIP-890. */
const VERSIONS = { addPartitionsToTxn: 3, endTxn: 4 }
/** Longer than any commit interval; a transaction whose owner died is aborted by the next one, or after this. */
const TRANSACTION_TIMEOUT_MS = 60_000
/** The markers of the transaction before are still being written. */
const MARKERS = { initialMs: 5, maxMs: 100, timeoutMs: 30_000 }

export class Transaction {
  readonly id: string
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #closing = new AbortController()
  #producer = { id: -1, epoch: -1 }

  constructor(platform: Platform, client: ClusterClient, id: string) {
    this.id = id
    this.#platform = platform
    this.#client = client
  }

  /** Takes the next epoch: whoever had the one before is fenced, and what it left open is aborted when this resolves. */
  async open(): Promise<{ readonly id: number; readonly epoch: number }> {
    const { producerId, producerEpoch } = await this.#ask('be opened', 'again', async (connection) => {
      const request = { transactionalId: this.id, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS }
      const answer = await connection.send(initProducerId, request)
      return [answer.errorCode, answer]
    })
    this.#producer = { id: producerId, epoch: producerEpoch }
    return this.#producer
  }

  /** They may be written when it resolves. */
  async add(partitions: Iterable<TopicPartition>): Promise<void> {
    const byTopic = Map.groupBy(partitions, ({ topic }) => topic)
    const topics = [...byTopic].map(([name, of]) => ({ name, partitions: of.map(({ partition }) => partition) }))
    await this.#ask('take a partition', 'once', async (connection) => {
      const answer = await connection.send(
        addPartitionsToTxn,
        {
          v3AndBelowTransactionalId: this.id,
          v3AndBelowProducerId: this.#producer.id,
          v3AndBelowProducerEpoch: this.#producer.epoch,
          v3AndBelowTopics: topics,
          transactions: [],
        },
        { version: Math.min(VERSIONS.addPartitionsToTxn, connection.versionOf(addPartitionsToTxn)) },
      )
      const codes = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
        resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
      )
      // One that fails has the others say OPERATION_NOT_ATTEMPTED.
      const failed = codes.filter((code) => code !== ErrorCode.NONE)
      return [
        failed.find((code) => code !== ErrorCode.OPERATION_NOT_ATTEMPTED) ?? failed[0] ?? ErrorCode.NONE,
        undefined,
      ]
    })
  }

  /** Committed when it resolves; when it fails, nobody knows. */
  async commit(): Promise<void> {
    await this.#ask('be committed', 'once', async (connection) => {
      const answer = await connection.send(
        endTxn,
        {
          transactionalId: this.id,
          producerId: this.#producer.id,
          producerEpoch: this.#producer.epoch,
          committed: true,
        },
        { version: Math.min(VERSIONS.endTxn, connection.versionOf(endTxn)) },
      )
      return [answer.errorCode, undefined]
    })
  }

  close(): void {
    this.#closing.abort()
  }

  /**
   * Asks the coordinator until it answers something else than that it is busy, or is another. What is asked `once` is not asked again
   * when no answer came: the first may be under way still, and would mean the transaction after this one.
   */
  async #ask<Answer>(
    what: string,
    times: 'once' | 'again',
    ask: (connection: Connection) => Promise<[errorCode: number, answer: Answer]>,
  ): Promise<Answer> {
    const options = { ...MARKERS, signal: this.#closing.signal }
    return retry(this.#platform.clock, this.#platform.random, options, async () => {
      const connection = await this.#client.coordinator('transaction', this.id)
      const [errorCode, answer] = await ask(connection).catch((error: HeliostatError) => {
        if (times === 'again') throw error
        const message = `transaction ${this.id}: nobody knows whether it could ${what}: ${error.message}`
        throw new HeliostatError('HEL_TRANSACTION', message, { cause: error, where: { transactionalId: this.id } })
      })
      if (errorCode === ErrorCode.NONE) return answer
      if (errorCode === ErrorCode.NOT_COORDINATOR) this.#client.forgetCoordinator('transaction', this.id)
      throw refusal('HEL_TRANSACTION', `transaction ${this.id} cannot ${what}`, errorCode, {
        retriable: BUSY.has(errorCode),
        where: { transactionalId: this.id },
      })
    })
  }
}

const BUSY: ReadonlySet<number> = new Set([
  ErrorCode.CONCURRENT_TRANSACTIONS,
  ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
  ErrorCode.COORDINATOR_NOT_AVAILABLE,
  ErrorCode.NOT_COORDINATOR,
])
