// FetchSnapshot, key 59, versions 0–1. A replica of the metadata log that fell behind its start reads a snapshot (KIP-630).
// v1: the replica's directory id, where the leader is (KIP-853).

import { api, array, int16, int32, int64, records, string, struct, uint16, uuid } from '../schema.ts'

const snapshotId = struct({ endOffset: int64, epoch: int32 })

export const fetchSnapshot = api({
  key: 59,
  name: 'FetchSnapshot',
  versions: [0, 1],
  flexible: 0,
  request: {
    clusterId: string.tag(0).nullable().default(null),
    replicaId: int32.default(-1),
    maxBytes: int32.default(2147483647),
    topics: array({
      name: string,
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32,
        snapshotId,
        position: int64,
        replicaDirectoryId: uuid.tag(0, 1).ignorable(),
      }),
    }),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    errorCode: int16,
    topics: array({
      name: string,
      partitions: array({
        index: int32,
        errorCode: int16,
        snapshotId,
        currentLeader: struct({ leaderId: int32, leaderEpoch: int32 }).tag(0),
        size: int64,
        position: int64,
        unalignedRecords: records,
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: uint16,
    }).tag(0, 1),
  },
})
