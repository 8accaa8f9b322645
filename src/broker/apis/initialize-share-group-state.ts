// InitializeShareGroupState (key 83), version 0 (KIP-932).
//
// - From the coordinator of a group: its state in these partitions begins, anew if it must, from an offset or from where the group says (−1).
// - FENCED_STATE_EPOCH and FENCED_LEADER_EPOCH for what comes from before; UNKNOWN_TOPIC_OR_PARTITION; NOT_COORDINATOR.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { initializeShareGroupState } from '../../protocol/messages/initialize-share-group-state.ts'
import { serve } from '../dispatcher.ts'
import { askEach } from '../share/share-state-requests.ts'

export const serveInitializeShareGroupState = serve(
  initializeShareGroupState,
  [0, 0],
  async (broker, request, call) => {
    const results = await askEach(
      broker,
      call,
      request,
      (key, { stateEpoch, startOffset }) => ({ type: 'initialize', key, stateEpoch, startOffset }),
      (partition, { errorCode, errorMessage }) => ({ partition, errorCode, errorMessage }),
    )
    return { results }
  },
)
