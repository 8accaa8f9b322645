// ListOffsets, key 2, versions 1–11. The offset of a timestamp. Special timestamps: -1 latest, -2 earliest, -3 of the greatest
// timestamp (v7), -4 earliest on local disk (v8), -5 last in tiered storage (v9), -6 earliest that is to be tiered (v11).
// v2: isolation level, throttle time. v3: throttled after the response. v4: leader epochs (KIP-320). v5: OFFSET_NOT_AVAILABLE
// (KIP-207). v6: flexible. v7: KIP-734. v8: KIP-405. v9: KIP-1005. v10: timeout for remote look-ups (KIP-1075). v11: KIP-1023.

import { api, array, int8, int16, int32, int64, string, timestamp } from '../schema.ts'

export const listOffsets = api({
  key: 2,
  name: 'ListOffsets',
  versions: [1, 11],
  flexible: 6,
  request: {
    replicaId: int32,
    isolationLevel: int8.since(2),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        currentLeaderEpoch: int32.since(4).default(-1).ignorable(),
        timestamp: timestamp,
      }),
    }),
    timeoutMs: int32.since(10).ignorable(),
  },
  response: {
    throttleTimeMs: int32.since(2).ignorable(),
    topics: array({
      name: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        timestamp: timestamp.default(-1),
        offset: int64.default(-1),
        leaderEpoch: int32.since(4).default(-1),
      }),
    }),
  },
})
