// DescribeLogDirs, key 35, versions 1–5. Sizes of replicas by log directory; null topics for all (KIP-113).
// v1: throttled after the response. v2: flexible. v3: an error for the whole response. v4: total and usable bytes (KIP-827).
// v5: cordoned directories (KIP-1066).

import { api, array, bool, int16, int32, int64, string } from '../schema.ts'

export const describeLogDirs = api({
  key: 35,
  name: 'DescribeLogDirs',
  versions: [1, 5],
  flexible: 2,
  request: {
    topics: array({
      topic: string,
      partitions: array(int32),
    }).nullable(),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(3).ignorable(),
    results: array({
      errorCode: int16,
      logDir: string,
      topics: array({
        name: string,
        partitions: array({
          partitionIndex: int32,
          partitionSize: int64,
          offsetLag: int64,
          isFutureKey: bool,
        }),
      }),
      totalBytes: int64.since(4).default(-1).ignorable(),
      usableBytes: int64.since(4).default(-1).ignorable(),
      isCordoned: bool.since(5).default(false).ignorable(),
    }),
  },
})
