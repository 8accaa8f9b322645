// AddPartitionsToTxn (key 24), versions 0–5. The rules are in coordinator/transaction/add-partitions.ts.
//
// - Needs WRITE on the transactional id and the topics; v4+: CLUSTER_ACTION on the cluster.
// - All partitions of a transaction or none: when one does not exist or is not allowed, the others say OPERATION_NOT_ATTEMPTED.
// - v0–3: a client's, of one transaction. v2+: PRODUCER_FENCED, before INVALID_PRODUCER_EPOCH (KIP-588).
// - v4+: a broker's, for several; `verifyOnly` asks and adds nothing (KIP-890): TRANSACTION_ABORTABLE for what is not in it.

import { ErrorCode } from '../../protocol/errors.ts'
import { addPartitionsToTxn } from '../../protocol/messages/add-partitions-to-txn.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic } from '../coordinator/controller/topic-name.ts'
import { orElse } from '../coordinator/runtime.ts'
import type { TopicPartition } from '../coordinator/transaction/transaction-metadata.ts'
import { type Call, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const FIRST_VERSION_WITH_FENCED = 2
const FIRST_VERSION_OF_BROKERS = 4

type Transaction = Request<typeof addPartitionsToTxn>['transactions'][number]
type PartitionResult = TopicPartition & { readonly errorCode: number }

export const serveAddPartitionsToTxn = serve(addPartitionsToTxn, [0, 5], async (broker, request, call) => {
  if (call.version < FIRST_VERSION_OF_BROKERS) {
    const results = await addOwn(broker, call, {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
      topics: request.v3AndBelowTopics,
      verifyOnly: false,
    })
    return { throttleTimeMs: 0, resultsByTopicV3AndBelow: byTopic(request.v3AndBelowTopics, results) }
  }
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, resultsByTransaction: [] }
  }
  const resultsByTransaction = await Promise.all(
    request.transactions.map(async (transaction) => ({
      transactionalId: transaction.transactionalId,
      topicResults: byTopic(transaction.topics, await addUnlessUnknown(broker, call, transaction, new Set())),
    })),
  )
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, resultsByTransaction }
})

async function addOwn(broker: Broker, call: Call, transaction: Transaction): Promise<PartitionResult[]> {
  if (!call.may('WRITE', 'TRANSACTIONAL_ID', transaction.transactionalId)) {
    return all(transaction, ErrorCode.TRANSACTIONAL_ID_AUTHORIZATION_FAILED)
  }
  const topics = transaction.topics.map(({ name }) => name)
  const refused = topics.filter((name) => isInternalTopic(name) || !call.may('WRITE', 'TOPIC', name))
  return await addUnlessUnknown(broker, call, transaction, new Set(refused))
}

async function addUnlessUnknown(
  broker: Broker,
  call: Call,
  transaction: Transaction,
  refusedTopics: ReadonlySet<string>,
): Promise<PartitionResult[]> {
  const checked = partitionsOf(transaction).map(({ topic, partition }) => {
    const exists = broker.image.topics.get(topic)?.partitions[partition] !== undefined
    const found = exists ? ErrorCode.OPERATION_NOT_ATTEMPTED : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    return { topic, partition, errorCode: refusedTopics.has(topic) ? ErrorCode.TOPIC_AUTHORIZATION_FAILED : found }
  })
  if (checked.some(({ errorCode }) => errorCode !== ErrorCode.OPERATION_NOT_ATTEMPTED)) return checked
  if (transaction.transactionalId === '') return all(transaction, ErrorCode.INVALID_REQUEST)
  return await add(broker, call.version, transaction)
}

async function add(broker: Broker, version: number, transaction: Transaction): Promise<PartitionResult[]> {
  const { transactionalId, producerId, producerEpoch, verifyOnly } = transaction
  const producer = { transactionalId, producerId, producerEpoch, partitions: partitionsOf(transaction) }
  if (verifyOnly) {
    const asked = broker.transactions.ask({ type: 'verify-partitions', ...producer })
    return [...(await orElse(asked, (errorCode) => ({ partitions: all(transaction, errorCode) }))).partitions]
  }
  const clientTransactionVersion = version >= FIRST_VERSION_OF_BROKERS ? 2 : 0
  const asked = broker.transactions.ask({ type: 'add-partitions', ...producer, clientTransactionVersion })
  const { errorCode } = await orElse(asked, (code) => ({ errorCode: code }))
  const isTooNew = errorCode === ErrorCode.PRODUCER_FENCED && version < FIRST_VERSION_WITH_FENCED
  return all(transaction, isTooNew ? ErrorCode.INVALID_PRODUCER_EPOCH : errorCode)
}

function partitionsOf({ topics }: Transaction): TopicPartition[] {
  return topics.flatMap(({ name, partitions }) => partitions.map((partition) => ({ topic: name, partition })))
}

function all(transaction: Transaction, errorCode: number): PartitionResult[] {
  return partitionsOf(transaction).map((at) => ({ ...at, errorCode }))
}

/** Every topic that was named, also one without a partition. */
function byTopic(named: Transaction['topics'], results: readonly PartitionResult[]) {
  return [...new Set(named.map(({ name }) => name))].map((name) => ({
    name,
    resultsByPartition: results
      .filter(({ topic }) => topic === name)
      .map(({ partition, errorCode }) => ({ partitionIndex: partition, partitionErrorCode: errorCode })),
  }))
}
