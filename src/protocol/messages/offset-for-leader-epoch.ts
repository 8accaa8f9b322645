// OffsetForLeaderEpoch, key 23, versions 2–4. Where a leader epoch ends: how a reader finds that the log was truncated under it.
// v2: current leader epoch for fencing (KIP-320). v3: replica id; -2 is a debug consumer. v4: flexible.

import { api, array, int16, int32, int64, string } from '../schema.ts'

export const offsetForLeaderEpoch = api({
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versions: [2, 4],
  flexible: 4,
  request: {
    replicaId: int32.since(3).default(-2).ignorable(),
    topics: array({
      topic: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.default(-1).ignorable(),
        leaderEpoch: int32,
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    topics: array({
      topic: string,
      partitions: array({
        errorCode: int16,
        partition: int32,
        leaderEpoch: int32.default(-1).ignorable(),
        endOffset: int64.default(-1),
      }),
    }),
  },
})
