// ListGroups (key 16), versions 0–5.
//
// - The groups that this broker coordinates. v4+: state, and a filter by it (KIP-518). v5: type, and a filter by it (KIP-848); all
//   groups here are classic.
// - Tells those that the caller may DESCRIBE, and all to whom may DESCRIBE the cluster.

import { ErrorCode } from '../../protocol/errors.ts'
import { listGroups } from '../../protocol/messages/list-groups.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveListGroups = serve(listGroups, [0, 5], async (broker, request, call) => {
  let errorCode: number = ErrorCode.NONE
  const listed = await orElse(broker.groups.list(request.statesFilter, request.typesFilter), (code) => {
    errorCode = code
    return []
  })
  const all = call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)
  const visible = listed.filter(({ groupId }) => all || call.may('DESCRIBE', 'GROUP', groupId))
  const groups = visible.map(({ groupId, protocolType, state, groupType }) => ({
    groupId,
    protocolType,
    groupState: state,
    groupType,
  }))
  return { throttleTimeMs: 0, errorCode, groups }
})
