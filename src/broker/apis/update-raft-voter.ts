// UpdateRaftVoter (key 82), version 0 (KIP-853). The rules are in raft/raft.ts and raft/voter-request.ts.
//
// - A voter of the metadata log that was started elsewhere than the log says, or knows other levels of kraft.version, tells so, and the
//   leader writes it down for all. Answered as soon as it is written; the voter asks again as long as its log does not say it.
// - This node does not lead: NOT_LEADER_OR_FOLLOWER; the answer says who does, and where. An epoch that has passed:
//   FENCED_LEADER_EPOCH; one that is to come: UNKNOWN_LEADER_EPOCH. Another change is not committed: REQUEST_TIMED_OUT. No id, no directory
//   id, no endpoint of the listener where nodes meet, levels that leave out the one that holds: INVALID_REQUEST. No such voter, or one of
//   another directory: VOTER_NOT_FOUND. Another cluster: INCONSISTENT_CLUSTER_ID.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Served where brokers meet, not to clients.

import { ErrorCode } from '../../protocol/errors.ts'
import { updateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import { serve } from '../dispatcher.ts'
import { quorumError } from '../raft/raft-wire.ts'

export const serveUpdateRaftVoter = serve(updateRaftVoter, [0, 0], (broker, request, call) => {
  const errorCode = quorumError(broker, request.clusterId, call)
  if (errorCode !== ErrorCode.NONE) return { throttleTimeMs: 0, errorCode }
  const { currentLeaderEpoch, voterId: nodeId, voterDirectoryId: directoryId, listeners, kRaftVersionFeature } = request
  const voter = { nodeId, directoryId, endpoints: listeners, kRaftVersionFeature }
  const response = broker.quorum.answer({ type: 'update-voter', currentLeaderEpoch, voter })
  const { leaderId, leaderEpoch, leaderEndpoint: { host, port } = { host: '', port: 0 } } = response
  return {
    throttleTimeMs: 0,
    errorCode: response.errorCode,
    currentLeader: { leaderId, leaderEpoch, host, port },
  }
})
