// Transaction records in Kafka's bytes, so that its own tools can read `__transaction_state`. Key and value each begin with their version.

import { decodeStruct, encodeStruct } from '../../../protocol/codec.ts'
import { transactionLogKey, transactionLogValue } from '../../../protocol/messages/transaction-log-record.ts'
import type { Input, Message } from '../../../protocol/schema.ts'
import type { RecordCodec } from '../runtime.ts'
import {
  NO_EPOCH,
  NO_PARTITIONS,
  type Partitions,
  TRANSACTION_STATES,
  type TransactionMetadata,
  type TransactionRecord,
} from './transaction-metadata.ts'

const KEY_VERSION = 0
const NEWEST_VALUE_VERSION = 1

/** `transactionVersion` is the level of the feature: from 1 on the flexible form is written. */
export function transactionRecordCodec(transactionVersion: () => number): RecordCodec<TransactionRecord> {
  return {
    encode({ transactionalId, value }) {
      const key = versioned(KEY_VERSION, transactionLogKey, { transactionalId })
      const valueVersion = transactionVersion() >= 1 ? NEWEST_VALUE_VERSION : 0
      return { key, value: value && versioned(valueVersion, transactionLogValue, logValueOf(value)) }
    },

    decode({ key, value }) {
      if (!key || key.length < 2 || key.readInt16BE(0) !== KEY_VERSION) return undefined
      const { transactionalId } = decodeStruct(transactionLogKey, KEY_VERSION, key.subarray(2))
      if (value && value.readInt16BE(0) > NEWEST_VALUE_VERSION) return undefined
      return { transactionalId, value: value && metadataOf(value) }
    },
  }
}

function logValueOf(transaction: TransactionMetadata): Input<typeof transactionLogValue> {
  const { producerId, previousProducerId, nextProducerId, producerEpoch, clientTransactionVersion } = transaction
  const { state, partitions } = transaction
  const topics = [...partitions].map(([topic, ids]) => ({ topic, partitionIds: [...ids] }))
  return {
    producerId,
    previousProducerId,
    nextProducerId,
    producerEpoch,
    transactionTimeoutMs: transaction.timeoutMs,
    transactionStatus: TRANSACTION_STATES.indexOf(state),
    transactionPartitions: state === 'Empty' ? null : topics,
    transactionLastUpdateTimestampMs: transaction.lastUpdateTimestamp,
    transactionStartTimestampMs: transaction.startTimestamp,
    clientTransactionVersion,
  }
}

function metadataOf(value: Buffer): TransactionMetadata {
  const decoded = decodeStruct(transactionLogValue, value.readInt16BE(0), value.subarray(2))
  const { producerId, previousProducerId, nextProducerId, producerEpoch, clientTransactionVersion } = decoded
  const state = TRANSACTION_STATES[decoded.transactionStatus]
  if (state === undefined) throw new Error(`transaction status ${decoded.transactionStatus} is unknown`)
  return {
    producerId,
    previousProducerId,
    nextProducerId,
    producerEpoch,
    lastProducerEpoch: NO_EPOCH,
    timeoutMs: decoded.transactionTimeoutMs,
    state,
    partitions: partitionsOf(decoded.transactionPartitions),
    startTimestamp: decoded.transactionStartTimestampMs,
    lastUpdateTimestamp: decoded.transactionLastUpdateTimestampMs,
    clientTransactionVersion,
  }
}

function partitionsOf(topics: readonly { topic: string; partitionIds: readonly number[] }[] | null): Partitions {
  if (!topics || topics.length === 0) return NO_PARTITIONS
  return new Map(topics.map(({ topic, partitionIds }) => [topic, new Set(partitionIds)]))
}

function versioned<M extends Message>(version: number, schema: M, value: Input<M>): Buffer {
  const head = Buffer.alloc(2)
  head.writeInt16BE(version)
  return Buffer.concat([head, encodeStruct(schema, version, value)])
}
