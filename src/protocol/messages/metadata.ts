// Metadata, key 3, versions 0–13. Brokers, topics, partitions, leaders. Null topics ask for all of
// them; in v0 an empty list does.
// v1: null for all topics; racks, controller, internal flag. v2: cluster id. v3: throttle time. v4: auto-creation can be refused.
// v5: offline replicas. v6: throttled after the response. v7: leader epochs (KIP-320). v8: authorized operations (KIP-430).
// v9: flexible. v10: topic ids in the response (KIP-516). v11: cluster operations move to DescribeCluster (KIP-700).
// v12: topics can be asked by id. v13: an error for the whole response, so that a broker can order a rebootstrap (KIP-1102).

import { api, array, bool, int16, int32, string, uuid } from '../schema.ts'

export const metadata = api({
  key: 3,
  name: 'Metadata',
  versions: [0, 13],
  flexible: 9,
  request: {
    topics: array({
      topicId: uuid.since(10).ignorable(),
      name: string.nullable(10),
    }).nullable(1),
    allowAutoTopicCreation: bool.since(4).default(true),
    includeClusterAuthorizedOperations: bool.since(8).until(10),
    includeTopicAuthorizedOperations: bool.since(8),
  },
  response: {
    throttleTimeMs: int32.since(3).ignorable(),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.since(1).nullable().default(null).ignorable(),
    }),
    clusterId: string.since(2).nullable().default(null).ignorable(),
    controllerId: int32.since(1).default(-1).ignorable(),
    topics: array({
      errorCode: int16,
      name: string.nullable(12),
      topicId: uuid.since(10).ignorable(),
      isInternal: bool.since(1).default(false).ignorable(),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: int32.since(7).default(-1).ignorable(),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: array(int32).since(5).ignorable(),
      }),
      topicAuthorizedOperations: int32.since(8).default(-2147483648),
    }),
    clusterAuthorizedOperations: int32.since(8).until(10).default(-2147483648),
    errorCode: int16.since(13).ignorable(),
  },
})
