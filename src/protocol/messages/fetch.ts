// Fetch, key 1, versions 4–18. Reads batches, as a consumer or as a replica (`replicaId` ≥ 0).
// v4: isolation level, aborted transactions, batches of magic 2 (KIP-98). v5: log start offset. v6: KAFKA_STORAGE_ERROR.
// v7: incremental fetch sessions (KIP-227). v8: throttled after the response. v9: current leader epoch (KIP-320). v10: zstd
// (KIP-110). v11: rack, preferred read replica (KIP-392). v12: flexible; divergence found by epoch (KIP-595). v13: topic ids
// instead of names (KIP-516). v14: OFFSET_MOVED_TO_TIERED_STORAGE (KIP-405). v15: replica state with its epoch (KIP-903).
// v16: addresses of new leaders (KIP-951). v17: directory id of a replica (KIP-853). v18: the replica's high watermark (KIP-1166).

import { api, array, int8, int16, int32, int64, records, string, struct, uuid } from '../schema.ts'

export const fetch = api({
  key: 1,
  name: 'Fetch',
  versions: [4, 18],
  flexible: 12,
  request: {
    clusterId: string.tag(0, 12).nullable().default(null).ignorable(),
    replicaId: int32.until(14).default(-1),
    replicaState: struct({
      replicaId: int32.default(-1),
      replicaEpoch: int64.default(-1),
    }).tag(1, 15),
    maxWaitMs: int32,
    minBytes: int32,
    maxBytes: int32.default(2147483647).ignorable(),
    isolationLevel: int8.default(0).ignorable(),
    sessionId: int32.since(7).default(0).ignorable(),
    sessionEpoch: int32.since(7).default(-1).ignorable(),
    topics: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array({
        partition: int32,
        currentLeaderEpoch: int32.since(9).default(-1).ignorable(),
        fetchOffset: int64,
        lastFetchedEpoch: int32.since(12).default(-1),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        partitionMaxBytes: int32,
        replicaDirectoryId: uuid.tag(0, 17).ignorable(),
        // Kafka's default is the greatest int64, which never goes on the wire: no high watermark known.
        highWatermark: int64.tag(1, 18).default(Number.MAX_SAFE_INTEGER).ignorable(),
      }),
    }),
    forgottenTopicsData: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array(int32),
    }).since(7),
    rackId: string.since(11).default('').ignorable(),
  },
  response: {
    throttleTimeMs: int32.ignorable(),
    errorCode: int16.since(7).ignorable(),
    sessionId: int32.since(7).default(0),
    responses: array({
      topic: string.until(12).ignorable(),
      topicId: uuid.since(13).ignorable(),
      partitions: array({
        partitionIndex: int32,
        errorCode: int16,
        highWatermark: int64,
        lastStableOffset: int64.default(-1).ignorable(),
        logStartOffset: int64.since(5).default(-1).ignorable(),
        divergingEpoch: struct({
          epoch: int32.default(-1),
          endOffset: int64.default(-1),
        }).tag(0, 12),
        currentLeader: struct({
          leaderId: int32.default(-1),
          leaderEpoch: int32.default(-1),
        }).tag(1, 12),
        snapshotId: struct({
          endOffset: int64.default(-1),
          epoch: int32.default(-1),
        }).tag(2, 12),
        abortedTransactions: array({
          producerId: int64,
          firstOffset: int64,
        })
          .nullable()
          .ignorable(),
        preferredReadReplica: int32.since(11).default(-1),
        records,
      }),
    }),
    nodeEndpoints: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: string.nullable().default(null),
    }).tag(0, 16),
  },
})
