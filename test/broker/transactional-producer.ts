// A transactional producer that sends what it is told to, over our own Connection.
import type { Connection } from '../../src/client/connection.ts'
import { addOffsetsToTxn } from '../../src/protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../src/protocol/messages/add-partitions-to-txn.ts'
import { endTxn } from '../../src/protocol/messages/end-txn.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { txnOffsetCommit } from '../../src/protocol/messages/txn-offset-commit.ts'
import { eventually } from '../compatibility/gathering.ts'
import { batchOf } from './requests.ts'

export class TransactionalProducer {
  readonly connection: Connection
  readonly transactionalId: string
  producerId = -1
  producerEpoch = -1
  readonly #sequences = new Map<string, number>()

  constructor(connection: Connection, transactionalId: string) {
    this.connection = connection
    this.transactionalId = transactionalId
  }

  /** Finds the coordinator, which creates its topic, and takes up the id. */
  static async begin(connection: Connection, transactionalId: string): Promise<TransactionalProducer> {
    const producer = new TransactionalProducer(connection, transactionalId)
    // A broker may need a moment to make the topic and to take it up.
    await eventually(async () => {
      await connection.send(findCoordinator, { keyType: 1, coordinatorKeys: [transactionalId] }, { version: 4 })
      const { errorCode } = await producer.init()
      if (errorCode !== 0) throw new Error(`${transactionalId}: InitProducerId answers ${errorCode}`)
    })
    return producer
  }

  /** A fresh take-up, or with `recover` the producer's own (KIP-360). */
  async init({ version = 5, recover = false, transactionTimeoutMs = 60_000 } = {}) {
    const own = recover ? { producerId: this.producerId, producerEpoch: this.producerEpoch } : {}
    const { transactionalId } = this
    const answer = await this.connection.send(
      initProducerId,
      { transactionalId, transactionTimeoutMs, ...own },
      { version },
    )
    if (answer.errorCode === 0) this.#is(answer)
    return answer
  }

  async add(topic: string, partitions: readonly number[] = [0], version = 3): Promise<number[]> {
    const answer = await this.connection.send(
      addPartitionsToTxn,
      {
        v3AndBelowTransactionalId: this.transactionalId,
        v3AndBelowProducerId: this.producerId,
        v3AndBelowProducerEpoch: this.producerEpoch,
        v3AndBelowTopics: [{ name: topic, partitions: [...partitions] }],
      },
      { version },
    )
    return answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) =>
      resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
    )
  }

  /** From version 12 on the broker adds the partition itself. */
  async produce(topic: string, values: readonly string[], { partition = 0, version = 12, sequence = -1 } = {}) {
    const { producerId, producerEpoch, transactionalId } = this
    const at = `${topic}:${partition}:${producerId}:${producerEpoch}`
    const baseSequence = sequence >= 0 ? sequence : (this.#sequences.get(at) ?? 0)
    const records = batchOf(values, { producerId, producerEpoch, baseSequence, transactional: true })
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: [records] }] }]
    const { responses } = await this.connection.send(
      produce,
      { transactionalId, acks: -1, timeoutMs: 5000, topicData },
      { version },
    )
    const answer = responses[0]!.partitionResponses[0]!
    if (answer.errorCode === 0) this.#sequences.set(at, baseSequence + values.length)
    return answer
  }

  async addOffsets(groupId: string, version = 4): Promise<number> {
    const { transactionalId, producerId, producerEpoch } = this
    const asked = { transactionalId, producerId, producerEpoch, groupId }
    return (await this.connection.send(addOffsetsToTxn, asked, { version })).errorCode
  }

  /** From version 5 on the broker adds the group itself. */
  async commitOffset(
    groupId: string,
    topic: string,
    committedOffset: number,
    { version = 5, memberId = '', generation = -1 } = {},
  ): Promise<number> {
    const { transactionalId, producerId, producerEpoch } = this
    const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: '' }]
    const member = { memberId, generationIdOrMemberEpoch: generation }
    const asked = {
      transactionalId,
      groupId,
      producerId,
      producerEpoch,
      ...member,
      topics: [{ name: topic, partitions }],
    }
    const { topics } = await this.connection.send(txnOffsetCommit, asked, { version })
    return topics[0]!.partitions[0]!.errorCode
  }

  /** From version 5 on the answer brings the epoch of the next transaction, which is taken up. */
  async end(committed: boolean, version = 5) {
    const { transactionalId, producerId, producerEpoch } = this
    const answer = await this.connection.send(
      endTxn,
      { transactionalId, producerId, producerEpoch, committed },
      { version },
    )
    if (answer.errorCode === 0 && version >= 5) this.#is(answer)
    return answer
  }

  #is({ producerId, producerEpoch }: { producerId: number; producerEpoch: number }): void {
    this.producerId = producerId
    this.producerEpoch = producerEpoch
  }
}
