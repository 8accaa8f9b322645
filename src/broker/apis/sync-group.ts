// SyncGroup (key 14), versions 0–5. The rules are in coordinator/group/sync.ts.
//
// - A follower waits for the leader's request; the answer leaves once the assignments are committed to `__consumer_offsets`.
// - v3+: static members (KIP-345). v5: protocol type and name must be given and are compared (KIP-559).
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { syncGroup } from '../../protocol/messages/sync-group.ts'
import { syncError } from '../coordinator/group/rebalance.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_PROTOCOL = 5

export const serveSyncGroup = serve(syncGroup, [0, 5], async (broker, request, call) => {
  const { groupId, memberId, groupInstanceId, generationId, protocolType, protocolName, assignments } = request
  if (call.version >= FIRST_VERSION_WITH_PROTOCOL && (protocolType === null || protocolName === null)) {
    return { throttleTimeMs: 0, ...syncError(ErrorCode.INCONSISTENT_GROUP_PROTOCOL) }
  }
  if (!call.may('READ', 'GROUP', groupId)) {
    return { throttleTimeMs: 0, ...syncError(ErrorCode.GROUP_AUTHORIZATION_FAILED) }
  }
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
