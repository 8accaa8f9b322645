// Vote, key 52, versions 0–2. A voter of the metadata quorum asks another for its vote (KIP-595).
// v1: whose vote is asked, with directory ids, and where the leader is (KIP-853). v2: pre-vote (KIP-996).

import { api, array, bool, int16, int32, int64, string, uint16, uuid } from '../schema.ts'

export const vote = api({
  key: 52,
  name: 'Vote',
  versions: [0, 2],
  flexible: 0,
  request: {
    clusterId: string.nullable().default(null),
    voterId: int32.since(1).default(-1).ignorable(),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        replicaEpoch: int32,
        replicaId: int32,
        replicaDirectoryId: uuid.since(1).ignorable(),
        voterDirectoryId: uuid.since(1).ignorable(),
        lastOffsetEpoch: int32,
        lastOffset: int64,
        preVote: bool.since(2),
      }),
    }),
  },
  response: {
    errorCode: int16,
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        leaderId: int32,
        leaderEpoch: int32,
        voteGranted: bool,
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: uint16,
    }).tag(0, 1),
  },
})
