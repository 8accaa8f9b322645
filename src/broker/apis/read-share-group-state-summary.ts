// ReadShareGroupStateSummary (key 87), versions 0–1 (KIP-932).
//
// - From the coordinator of a group: where it stands in these partitions. v1: how many records beyond that are done.
// - FENCED_STATE_EPOCH and FENCED_LEADER_EPOCH for what comes from before; UNKNOWN_TOPIC_OR_PARTITION; NOT_COORDINATOR.
// - Needs CLUSTER_ACTION on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { readShareGroupStateSummary } from '../../protocol/messages/read-share-group-state-summary.ts'
import { serve } from '../dispatcher.ts'
import { askEach } from '../share/share-state-requests.ts'

export const serveReadShareGroupStateSummary = serve(
  readShareGroupStateSummary,
  [0, 1],
  async (broker, request, call) => {
    const results = await askEach(
      broker,
      call,
      request,
      (key) => ({ type: 'summary', key }),
      (partition, { errorCode, errorMessage, state }) => {
        const { stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount } = state
        return { partition, errorCode, errorMessage, stateEpoch, leaderEpoch, startOffset, deliveryCompleteCount }
      },
    )
    return { results }
  },
)
