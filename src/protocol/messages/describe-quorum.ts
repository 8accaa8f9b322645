// DescribeQuorum, key 55, versions 0–2. Leader, voters and observers of the metadata quorum (KIP-595).
// v1: when a replica last fetched and was last caught up (KIP-836). v2: error messages, directory ids, nodes (KIP-853).

import { api, array, int16, int32, int64, string, uint16, uuid } from '../schema.ts'

const replicas = array({
  replicaId: int32,
  replicaDirectoryId: uuid.since(2).ignorable(),
  logEndOffset: int64,
  lastFetchTimestamp: int64.since(1).default(-1).ignorable(),
  lastCaughtUpTimestamp: int64.since(1).default(-1).ignorable(),
})

export const describeQuorum = api({
  key: 55,
  name: 'DescribeQuorum',
  versions: [0, 2],
  flexible: 0,
  request: {
    topics: array({
      topicName: string,
      partitions: array({ partitionIndex: int32 }),
    }),
  },
  response: {
    errorCode: int16,
    errorMessage: string.since(2).nullable(2).ignorable(),
    topics: array({
      topicName: string,
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        errorMessage: string.since(2).nullable(2).ignorable(),
        leaderId: int32,
        leaderEpoch: int32,
        highWatermark: int64,
        currentVoters: replicas,
        observers: replicas,
      }),
    }),
    nodes: array({
      nodeId: int32,
      listeners: array({
        name: string,
        host: string,
        port: uint16,
      }),
    })
      .since(2)
      .ignorable(),
  },
})
