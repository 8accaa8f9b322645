// DeleteShareGroupState (key 86), version 0 (KIP-932).
//
// - From the coordinator of a group: nothing more is kept of these partitions.
// - FENCED_STATE_EPOCH and FENCED_LEADER_EPOCH for what comes from before; UNKNOWN_TOPIC_OR_PARTITION; NOT_COORDINATOR.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { deleteShareGroupState } from '../../protocol/messages/delete-share-group-state.ts'
import { serve } from '../dispatcher.ts'
import { askEach } from '../share/share-state-requests.ts'

export const serveDeleteShareGroupState = serve(deleteShareGroupState, [0, 0], async (broker, request, call) => {
  const results = await askEach(
    broker,
    call,
    request,
    (key) => ({ type: 'delete', key }),
    (partition, { errorCode, errorMessage }) => ({ partition, errorCode, errorMessage }),
  )
  return { results }
})
