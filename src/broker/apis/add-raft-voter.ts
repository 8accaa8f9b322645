// AddRaftVoter (key 80), versions 0–1 (KIP-853, KIP-1186). The rules are in raft/voter-request.ts.
//
// - A node that observes the metadata log becomes a voter of it, once that is committed by the voters with it among them; v1: or once it is
//   written down. One change at a time: REQUEST_TIMED_OUT while another is not committed, when the node lags behind or has another directory
//   id, or when it takes longer than timeoutMs.
// - It votes already, whatever its directory: DUPLICATE_VOTER. No id, no directory id, no endpoint of the listener where nodes meet:
//   INVALID_REQUEST. A broker that never was in a cluster of several: UNSUPPORTED_VERSION. Another cluster: INCONSISTENT_CLUSTER_ID.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: the node is not asked for its versions, and tells other ones by UpdateRaftVoter. With
//   `controller.quorum.auto.join.enable`, as it is, the leader adds and removes voters by itself, too.

import { addRaftVoter } from '../../protocol/messages/add-raft-voter.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { addedVoter } from '../raft/voter-request.ts'
import { voterNode } from '../raft/voter-set.ts'
import { changeVoters } from '../voter-changes.ts'

export const serveAddRaftVoter = forwarded(
  serve(addRaftVoter, [0, 1], (broker, request, call) => {
    const { voterId: nodeId, voterDirectoryId: directoryId, listeners: endpoints } = request
    const { clusterId, timeoutMs, ackWhenCommitted } = request
    const limits = { clusterId, timeoutMs, ackWhenCommitted }
    return changeVoters(broker, call, limits, (now) => addedVoter(now, voterNode(nodeId, endpoints, directoryId)))
  }),
)
