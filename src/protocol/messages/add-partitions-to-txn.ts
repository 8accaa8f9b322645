// AddPartitionsToTxn, key 24, versions 0–5. Up to v3 the request of one producer; from v4 the request of a broker for several.
// v1: throttled after the response. v2: PRODUCER_FENCED (KIP-588). v3: flexible. v4: several transactions, verification only
// (KIP-890). v5: TRANSACTION_ABORTABLE (KIP-890).

import { api, array, bool, int16, int32, int64, string } from '../schema.ts'

export const addPartitionsToTxn = api({
  key: 24,
  name: 'AddPartitionsToTxn',
  versions: [0, 5],
  flexible: 3,
  request: {
    transactions: array({
      transactionalId: string,
      producerId: int64,
      producerEpoch: int16,
      verifyOnly: bool.default(false),
      topics: array({
        name: string,
        partitions: array(int32),
      }),
    }).since(4),
    v3AndBelowTransactionalId: string.until(3),
    v3AndBelowProducerId: int64.until(3),
    v3AndBelowProducerEpoch: int16.until(3),
    v3AndBelowTopics: array({
      name: string,
      partitions: array(int32),
    }).until(3),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(4).ignorable(),
    resultsByTransaction: array({
      transactionalId: string,
      topicResults: array({
        name: string,
        resultsByPartition: array({
          partitionIndex: int32,
          partitionErrorCode: int16,
        }),
      }),
    }).since(4),
    resultsByTopicV3AndBelow: array({
      name: string,
      resultsByPartition: array({
        partitionIndex: int32,
        partitionErrorCode: int16,
      }),
    }).until(3),
  },
})
