// FetchSnapshot (key 59), versions 0–1 (KIP-630, KIP-853).
//
// - Gives a replica of the metadata log a piece of a snapshot, at most maxBytes of it, where the log begins only after what it has.
// - An epoch that has passed: FENCED_LEADER_EPOCH; one that is to come: UNKNOWN_LEADER_EPOCH. This node does not lead:
//   NOT_LEADER_OR_FOLLOWER. No such snapshot: SNAPSHOT_NOT_FOUND. A position that is not in it: POSITION_OUT_OF_RANGE. Anything but
//   partition 0 of __cluster_metadata: UNKNOWN_TOPIC_OR_PARTITION. Another cluster: INCONSISTENT_CLUSTER_ID.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Served where brokers meet, not to clients.
// - Differs from Kafka: an answer has at most 1 MiB.

import { ErrorCode } from '../../protocol/errors.ts'
import { fetchSnapshot } from '../../protocol/messages/fetch-snapshot.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'
import { quorumError } from '../raft/raft-wire.ts'

const PIECE_BYTES_MAX = 1024 * 1024
const NOTHING = Buffer.alloc(0)

type Asked = Request<typeof fetchSnapshot>['topics'][number]['partitions'][number]

export const serveFetchSnapshot = serve(fetchSnapshot, [0, 1], (broker, request, call) => {
  const errorCode = quorumError(broker, request.clusterId, call)
  if (errorCode !== ErrorCode.NONE) return { throttleTimeMs: 0, errorCode, topics: [] }
  const topics = request.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => {
      const isMetadata = name === CLUSTER_METADATA && asked.partition === 0
      if (isMetadata) return piece(broker, request.replicaId, asked, request.maxBytes)
      return refused(asked, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
    }),
  }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, topics }
})

function piece({ quorum }: Broker, replicaId: number, asked: Asked, maxBytes: number) {
  const { currentLeaderEpoch, snapshotId, position } = asked
  const { errorCode, ...currentLeader } = quorum.answer({ type: 'fetch-snapshot', replicaId, currentLeaderEpoch })
  if (errorCode !== ErrorCode.NONE) return { ...refused(asked, errorCode), currentLeader }
  const id = { offset: snapshotId.endOffset, epoch: snapshotId.epoch }
  if (!quorum.snapshots.has(id)) return { ...refused(asked, ErrorCode.SNAPSHOT_NOT_FOUND), currentLeader }
  const part = quorum.snapshots.readPart(id, position, Math.max(0, Math.min(maxBytes, PIECE_BYTES_MAX)))
  if (!part) return { ...refused(asked, ErrorCode.POSITION_OUT_OF_RANGE), currentLeader }
  return { ...refused(asked, ErrorCode.NONE), currentLeader, size: part.size, unalignedRecords: [part.bytes] }
}

function refused({ partition, snapshotId, position }: Asked, errorCode: number) {
  const currentLeader = { leaderId: 0, leaderEpoch: 0 }
  return { index: partition, errorCode, snapshotId, currentLeader, size: 0, position, unalignedRecords: [NOTHING] }
}
