// EndQuorumEpoch (key 54), versions 0–1 (KIP-595, KIP-853). The rules are in raft/raft.ts.
//
// - The leader of the controllers leaves. The first of its preferred successors asks to be elected at once, each after it a little later.
// - An epoch that has passed: FENCED_LEADER_EPOCH. One of the two is no voter: INCONSISTENT_VOTER_SET. Another cluster:
//   INCONSISTENT_CLUSTER_ID.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Served where brokers meet, not to clients.
// - Differs from Kafka: directory ids and endpoints are not looked at.

import { ErrorCode } from '../../protocol/errors.ts'
import { endQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import { serve } from '../dispatcher.ts'
import { endRequestOf, metadataPartition, quorumError, responseBody } from '../raft/raft-wire.ts'

export const serveEndQuorumEpoch = serve(endQuorumEpoch, [0, 1], (broker, request, call) => {
  const errorCode = quorumError(broker, request.clusterId, call)
  const partition = metadataPartition(request.topics)
  if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] }
  if (!partition) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] }
  return responseBody(broker.quorum.answer(endRequestOf(partition)))
})
