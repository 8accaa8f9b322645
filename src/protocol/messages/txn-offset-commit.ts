// TxnOffsetCommit, key 28, versions 0–6. Offsets that count when the transaction commits.
// v1: throttled after the response. v2: leader epoch (KIP-320). v3: flexible; generation and member are checked (KIP-447).
// v4: TRANSACTION_ABORTABLE (KIP-890). v5: adds the group to the transaction by itself (KIP-890). v6: topic ids instead of names,
// GROUP_ID_NOT_FOUND and STALE_MEMBER_EPOCH (KIP-1319).

import { api, array, int16, int32, int64, string, uuid } from '../schema.ts'

export const txnOffsetCommit = api({
  key: 28,
  name: 'TxnOffsetCommit',
  versions: [0, 6],
  flexible: 3,
  request: {
    transactionalId: string,
    groupId: string,
    producerId: int64,
    producerEpoch: int16,
    generationIdOrMemberEpoch: int32.since(3).default(-1),
    memberId: string.since(3).default(''),
    groupInstanceId: string.since(3).nullable().default(null),
    topics: array({
      name: string.until(5).ignorable(),
      topicId: uuid.since(6).ignorable(),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(2).default(-1).ignorable(),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32,
    topics: array({
      name: string.until(5).ignorable(),
      topicId: uuid.since(6).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
})
