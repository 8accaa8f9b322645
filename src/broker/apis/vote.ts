// Vote (key 52), versions 0–2 (KIP-595, KIP-853, KIP-996). The rules are in raft/raft.ts.
//
// - A voter of the quorum of controllers asks for the vote of this one; v2: or whether it would have it (pre-vote).
// - An epoch that has passed: FENCED_LEADER_EPOCH; the answer says which one is now, and who leads it. One of the two is no voter:
//   INCONSISTENT_VOTER_SET. Impossible ends of a log: INVALID_REQUEST. Another cluster: INCONSISTENT_CLUSTER_ID. v1: another node is
//   meant, which was here once: INVALID_VOTER_KEY.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Served where brokers meet, not to clients.
// - Differs from Kafka: directory ids are not looked at. A voter that has lost its disk does not vote until it has caught up.

import { ErrorCode } from '../../protocol/errors.ts'
import { vote } from '../../protocol/messages/vote.ts'
import { serve } from '../dispatcher.ts'
import { metadataPartition, quorumError, refusedStray, responseBody, voteRequestOf } from '../raft/raft-wire.ts'

export const serveVote = serve(vote, [0, 2], (broker, request, call) => {
  const errorCode = quorumError(broker, request.clusterId, call)
  const partition = metadataPartition(request.topics)
  if (errorCode !== ErrorCode.NONE) return { errorCode, topics: [] }
  if (!partition) return { errorCode: ErrorCode.INVALID_REQUEST, topics: [] }
  return refusedStray(broker, request.voterId) ?? responseBody(broker.quorum.answer(voteRequestOf(partition)))
})
