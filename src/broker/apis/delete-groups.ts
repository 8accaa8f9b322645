// DeleteGroups (key 42), versions 0–2 (KIP-229).
//
// - Deletes empty groups with their offsets: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.

import { deleteGroups } from '../../protocol/messages/delete-groups.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

export const serveDeleteGroups = serve(deleteGroups, [0, 2], async (broker, request) => {
  const groupIds = [...new Set(request.groupsNames)]
  const results = groupIds.map(async (groupId) => {
    const asked = broker.groups.ask({ type: 'delete-group', groupId })
    return { groupId, ...(await orElse(asked, (errorCode) => ({ errorCode }))) }
  })
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})
