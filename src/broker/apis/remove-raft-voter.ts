// RemoveRaftVoter (key 81), version 0 (KIP-853). The rules are in raft/voter-request.ts.
//
// - A voter of the metadata log only observes it, once that is committed by the others; where it led, one of them does then. One change at
//   a time: REQUEST_TIMED_OUT while another is not committed, or when it takes longer than `controller.quorum.request.timeout.ms`.
// - No such voter, or one of another directory, or the only one: VOTER_NOT_FOUND. No id, no directory id: INVALID_REQUEST. A broker that
//   never was in a cluster of several: UNSUPPORTED_VERSION. Another cluster: INCONSISTENT_CLUSTER_ID.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: with `controller.quorum.auto.join.enable`, as it is, the leader may choose the same node again.

import { removeRaftVoter } from '../../protocol/messages/remove-raft-voter.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { removedVoter } from '../raft/voter-request.ts'
import { changeVoters } from '../voter-changes.ts'

export const serveRemoveRaftVoter = forwarded(
  serve(removeRaftVoter, [0, 0], (broker, { clusterId, voterId: nodeId, voterDirectoryId: directoryId }, call) => {
    const limits = { clusterId, timeoutMs: broker.config.quorumTimeouts.requestMs, ackWhenCommitted: true }
    return changeVoters(broker, call, limits, (now) => removedVoter(now, { nodeId, directoryId }))
  }),
)
