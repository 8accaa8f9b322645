// BeginQuorumEpoch (key 53), versions 0–1 (KIP-595, KIP-853). The rules are in raft/raft.ts.
//
// - The new leader of the controllers makes itself known, and this node fetches from it; v1: from where it says that it is.
// - An epoch that has passed: FENCED_LEADER_EPOCH. One of the two is no voter: INCONSISTENT_VOTER_SET. Another cluster:
//   INCONSISTENT_CLUSTER_ID. v1: another node is meant, which was here once: INVALID_VOTER_KEY.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Served where brokers meet, not to clients.
// - Differs from Kafka: directory ids are not looked at.

import { ErrorCode } from '../../protocol/errors.ts'
import { beginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import { serve } from '../dispatcher.ts'
import { INTERNAL_LISTENER } from '../listeners/internal-listener.ts'
import { metadataPartition, quorumError, refusedStray, responseBody } from '../raft/raft-wire.ts'

export const serveBeginQuorumEpoch = serve(beginQuorumEpoch, [0, 1], (broker, request, call) => {
  const errorCode = quorumError(broker, request.clusterId, call)
  const partition = metadataPartition(request.topics)
  if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] }
  if (!partition) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] }
  const { leaderId, leaderEpoch } = partition
  const leaderEndpoint = request.leaderEndpoints.find(({ name }) => name === INTERNAL_LISTENER)
  const asked = { type: 'begin-quorum-epoch', leaderId, leaderEpoch, leaderEndpoint } as const
  return refusedStray(broker, request.voterId) ?? responseBody(broker.quorum.answer(asked))
})
