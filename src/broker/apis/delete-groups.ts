// DeleteGroups (key 42), versions 0–2 (KIP-229).
//
// - Deletes empty groups with their offsets: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.
// - Needs DELETE on the group: GROUP_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteGroups } from '../../protocol/messages/delete-groups.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

export const serveDeleteGroups = serve(deleteGroups, [0, 2], async (broker, request, call) => {
  const groupIds = [...new Set(request.groupsNames)]
  const results = groupIds.map(async (groupId) => {
    if (!call.may('DELETE', 'GROUP', groupId)) return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
    const asked = broker.groups.ask({ type: 'delete-group', groupId })
    return { groupId, ...(await orElse(asked, (errorCode) => ({ errorCode }))) }
  })
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})
