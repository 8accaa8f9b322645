// Heartbeat (key 12), versions 0–4. The rules are in coordinator/group/sync.ts.
//
// - Renews the session; REBALANCE_IN_PROGRESS calls the member back to JoinGroup.
// - v3+: static members (KIP-345).
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { heartbeat } from '../../protocol/messages/heartbeat.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

export const serveHeartbeat = serve(heartbeat, [0, 4], async (broker, request, call) => {
  const { groupId, memberId, groupInstanceId, generationId } = request
  if (!call.may('READ', 'GROUP', groupId)) {
    return { throttleTimeMs: 0, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
  }
  const asked = broker.groups.ask({ type: 'heartbeat', groupId, memberId, groupInstanceId, generationId })
  const { errorCode } = await orElse(asked, (code) => ({ errorCode: code }))
  return { throttleTimeMs: 0, errorCode }
})
