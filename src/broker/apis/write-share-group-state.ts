// WriteShareGroupState (key 85), versions 0–1 (KIP-932).
//
// - From the leader of a partition: what has changed since it was asked or told last. v1: how many records beyond the start are done.
// - FENCED_STATE_EPOCH and FENCED_LEADER_EPOCH for what comes from before; UNKNOWN_TOPIC_OR_PARTITION; NOT_COORDINATOR.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { writeShareGroupState } from '../../protocol/messages/write-share-group-state.ts'
import { serve } from '../dispatcher.ts'
import { askEach } from '../share/share-state-requests.ts'

export const serveWriteShareGroupState = serve(writeShareGroupState, [0, 1], async (broker, request, call) => {
  const results = await askEach(
    broker,
    call,
    request,
    (key, { partition: _, ...news }) => ({ type: 'write', key, ...news }),
    (partition, { errorCode, errorMessage }) => ({ partition, errorCode, errorMessage }),
  )
  return { results }
})
