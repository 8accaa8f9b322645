// OffsetCommit, key 8, versions 2–10. Stores a group's offsets. With generation -1 and no member id it is a commit from outside,
// which an active group refuses.
// v2: retention time. v3: throttle time. v4: throttled after the response. v5: no retention time. v6: leader epoch (KIP-320).
// v7: static members (KIP-345). v8: flexible. v9: member epochs of the consumer protocol (KIP-848). v10: topic ids instead of names.

import { api, array, int16, int32, int64, string, uuid } from '../schema.ts'

export const offsetCommit = api({
  key: 8,
  name: 'OffsetCommit',
  versions: [2, 10],
  flexible: 8,
  request: {
    groupId: string,
    generationIdOrMemberEpoch: int32.default(-1).ignorable(),
    memberId: string.ignorable(),
    groupInstanceId: string.since(7).nullable().default(null),
    retentionTimeMs: int64.until(4).default(-1).ignorable(),
    topics: array({
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
      partitions: array({
        partitionIndex: int32,
        committedOffset: int64,
        committedLeaderEpoch: int32.since(6).default(-1).ignorable(),
        committedMetadata: string.nullable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.since(3).ignorable(),
    topics: array({
      name: string.until(9).ignorable(),
      topicId: uuid.since(10).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
      }),
    }),
  },
})
