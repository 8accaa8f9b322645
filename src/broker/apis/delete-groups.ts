// DeleteGroups (key 42), versions 0–2 (KIP-229).
//
// - Deletes empty groups with their offsets: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.
// - Of a share group first what the share coordinator keeps of it; when that fails the group stays.
// - Needs DELETE on the group: GROUP_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteGroups } from '../../protocol/messages/delete-groups.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { deleteShareState } from '../share/delete-share-state.ts'

export const serveDeleteGroups = serve(deleteGroups, [0, 2], async (broker, request, call) => {
  const groupIds = [...new Set(request.groupsNames)]
  const results = groupIds.map(async (groupId) => {
    if (!call.may('DELETE', 'GROUP', groupId)) return { groupId, errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
    return { groupId, ...(await orElse(deleteGroup(broker, groupId), (errorCode) => ({ errorCode }))) }
  })
  return { throttleTimeMs: 0, results: await Promise.all(results) }
})

async function deleteGroup(broker: Broker, groupId: string): Promise<{ readonly errorCode: number }> {
  // An empty share group is left with nothing that it could lose.
  const { errorCode, topics } = await broker.groups.ask({ type: 'share-forget', groupId, topicIds: undefined })
  if (errorCode === ErrorCode.NON_EMPTY_GROUP) return { errorCode }
  const [failure] = (await deleteShareState(broker, groupId, topics)).values()
  return failure === undefined ? broker.groups.ask({ type: 'delete-group', groupId }) : { errorCode: failure }
}
