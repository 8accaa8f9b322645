// A transaction in __transaction_state: key version 0, value versions 0–1, both behind an int16 of version. A null value deletes the
// transactional id.
// Value v1: flexible (KIP-915), with the producer ids before and after and the client's transaction version as tagged fields (KIP-890).

import { array, int8, int16, int32, int64, message, string, timestamp } from '../schema.ts'

export const transactionLogKey = message({
  name: 'TransactionLogKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: {
    transactionalId: string,
  },
})

export const transactionLogValue = message({
  name: 'TransactionLogValue',
  versions: [0, 1],
  flexible: 1,
  fields: {
    producerId: int64,
    previousProducerId: int64.tag(0, 1).default(-1).ignorable(),
    nextProducerId: int64.tag(1, 1).default(-1).ignorable(),
    producerEpoch: int16,
    transactionTimeoutMs: int32,
    transactionStatus: int8,
    transactionPartitions: array({
      topic: string,
      partitionIds: array(int32),
    }).nullable(),
    transactionLastUpdateTimestampMs: timestamp,
    transactionStartTimestampMs: timestamp,
    clientTransactionVersion: int16.tag(2, 1).default(0).ignorable(),
  },
})
