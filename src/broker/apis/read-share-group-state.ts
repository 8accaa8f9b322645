// ReadShareGroupState (key 84), version 0 (KIP-932).
//
// - From the leader of a partition: what was kept last. Leaders of before are fenced from now on.
// - FENCED_STATE_EPOCH and FENCED_LEADER_EPOCH for what comes from before; UNKNOWN_TOPIC_OR_PARTITION; NOT_COORDINATOR.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { readShareGroupState } from '../../protocol/messages/read-share-group-state.ts'
import { serve } from '../dispatcher.ts'
import { askEach } from '../share/share-state-requests.ts'

export const serveReadShareGroupState = serve(readShareGroupState, [0, 0], async (broker, request, call) => {
  const results = await askEach(
    broker,
    call,
    request,
    (key, { leaderEpoch }) => ({ type: 'read', key, leaderEpoch }),
    (partition, { errorCode, errorMessage, state: { stateEpoch, startOffset, stateBatches } }) => {
      return { partition, errorCode, errorMessage, stateEpoch, startOffset, stateBatches: [...stateBatches] }
    },
  )
  return { results }
})
