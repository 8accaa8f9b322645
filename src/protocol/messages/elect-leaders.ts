// ElectLeaders, key 43, versions 0–2. Null for all partitions; before v1 the preferred leader is elected (KIP-183).
// v1: preferred (0) or unclean (1) elections, an error for the whole response (KIP-460). v2: flexible.

import { api, array, int8, int16, int32, string } from '../schema.ts'

export const electLeaders = api({
  key: 43,
  name: 'ElectLeaders',
  versions: [0, 2],
  flexible: 2,
  request: {
    electionType: int8.since(1),
    topicPartitions: array({
      topic: string,
      partitions: array(int32),
    }).nullable(),
    timeoutMs: int32.default(60000),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16.since(1).ignorable(),
    replicaElectionResults: array({
      topic: string,
      partitionResult: array({
        partitionId: int32,
        errorCode: int16,
        errorMessage: string.nullable(),
      }),
    }),
  },
})
