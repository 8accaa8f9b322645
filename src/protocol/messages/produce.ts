// Produce, key 0, versions 3–13. Appends one batch per partition. With acks 0 there is no response.
// v3: transactional id; batches of magic 2 (KIP-98). v4: KAFKA_STORAGE_ERROR. v5: log start offset. v6: throttled after the
// response. v7: zstd (KIP-110). v8: which records were refused, and why (KIP-467). v9: flexible. v10: the new leader, when it
// moved (KIP-951). v11: TRANSACTION_ABORTABLE (KIP-890). v12: a transaction adds its partitions by producing (KIP-890).
// v13: topic ids instead of names (KIP-516).

import { api, array, int16, int32, int64, records, string, struct, timestamp, uuid } from '../schema.ts'

export const produce = api({
  key: 0,
  name: 'Produce',
  versions: [3, 13],
  flexible: 9,
  request: {
    transactionalId: string.nullable().default(null),
    acks: int16,
    timeoutMs: int32,
    topicData: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionData: array({
        index: int32,
        records,
      }),
    }),
  },
  response: {
    responses: array({
      name: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitionResponses: array({
        index: int32,
        errorCode: int16,
        baseOffset: int64,
        logAppendTimeMs: timestamp.default(-1).ignorable(),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        recordErrors: array({
          batchIndex: int32,
          batchIndexErrorMessage: string.nullable().default(null),
        })
          .since(8)
          .ignorable(),
        errorMessage: string.since(8).nullable().default(null).ignorable(),
        currentLeader: struct({
          leaderId: int32.default(-1),
          leaderEpoch: int32.default(-1),
        }).tag(0, 10),
      }),
    }),
    throttleTimeMs: int32.default(0).ignorable(),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    }).tag(0, 10),
  },
})
