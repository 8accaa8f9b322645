// DescribeCluster, key 60, versions 0–2. Cluster id, controller, brokers (KIP-700).
// v1: endpoint type, brokers or controllers (KIP-919). v2: fenced brokers, if wanted (KIP-1073).

import { api, array, bool, int8, int16, int32, string } from '../schema.ts'

export const describeCluster = api({
  key: 60,
  name: 'DescribeCluster',
  versions: [0, 2],
  flexible: 0,
  request: {
    includeClusterAuthorizedOperations: bool,
    endpointType: int8.since(1).default(1),
    includeFencedBrokers: bool.since(2).default(false),
  },
  response: {
    throttleTimeMs: int32,
    errorCode: int16,
    errorMessage: string.nullable().default(null),
    endpointType: int8.since(1).default(1),
    clusterId: string,
    controllerId: int32.default(-1),
    brokers: array({
      brokerId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
      isFenced: bool.since(2).default(false),
    }),
    clusterAuthorizedOperations: int32.default(-2147483648),
  },
})
