// SyncGroup (key 14), versions 0–5. The rules are in coordinator/group/sync.ts.
//
// - A follower waits for the leader's request; the answer leaves once the assignments are committed to `__consumer_offsets`.
// - v3+: static members (KIP-345). v5: protocol type and name are compared when given (KIP-559).

import { syncGroup } from '../../protocol/messages/sync-group.ts'
import { syncError } from '../coordinator/group/rebalance.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

export const serveSyncGroup = serve(syncGroup, [0, 5], async (broker, request) => {
  const { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments } = request
  const asked = broker.groups.ask({
    type: 'sync',
    groupId,
    memberId,
    groupInstanceId,
    generationId,
    protocolType,
    protocolName,
    assignments,
  })
  return { throttleTimeMs: 0, ...(await orElse(asked, syncError)) }
})
