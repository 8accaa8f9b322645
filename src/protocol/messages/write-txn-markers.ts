// WriteTxnMarkers, key 27, versions 1–2. A transaction coordinator orders commit or abort markers (KIP-98); also how an
// administrator aborts a hanging transaction (KIP-664).
// v1: flexible. v2: transaction version, so that the epoch can be checked strictly (KIP-1228).

import { api, array, bool, int8, int16, int32, int64, string } from '../schema.ts'

export const writeTxnMarkers = api({
  key: 27,
  name: 'WriteTxnMarkers',
  versions: [1, 2],
  flexible: 1,
  request: {
    markers: array({
      producerId: int64,
      producerEpoch: int16,
      transactionResult: bool,
      topics: array({
        name: string,
        partitionIndexes: array(int32),
      }),
      coordinatorEpoch: int32,
      transactionVersion: int8.since(2).default(0).ignorable(),
    }),
  },
  response: {
    markers: array({
      producerId: int64,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          errorCode: int16,
        }),
      }),
    }),
  },
})
