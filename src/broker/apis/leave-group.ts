// LeaveGroup (key 13), versions 0–5. The rules are in coordinator/group/leave.ts.
//
// - Up to v2 one member, whose error is the answer's. v3+: several at once, static ones by instance id alone (KIP-345), each with its
//   own error. v5: the reason is taken and not kept (KIP-800).
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { leaveGroup } from '../../protocol/messages/leave-group.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

const FIRST_VERSION_OF_MANY = 3

export const serveLeaveGroup = serve(leaveGroup, [0, 5], async (broker, request, call) => {
  const { groupId } = request
  const { version } = call
  const members =
    version >= FIRST_VERSION_OF_MANY ? request.members : [{ memberId: request.memberId, groupInstanceId: null }]
  const leaving = members.map(({ memberId, groupInstanceId }) => ({ memberId, groupInstanceId }))
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, errorCode, members: [] })
  if (!call.may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  if (groupId === '') return refuse(ErrorCode.INVALID_GROUP_ID)
  let groupError: number = ErrorCode.NONE
  const reply = await orElse(broker.groups.ask({ type: 'leave', groupId, members: leaving }), (errorCode) => {
    groupError = errorCode
    return { members: [] }
  })
  if (version >= FIRST_VERSION_OF_MANY) return { throttleTimeMs: 0, errorCode: groupError, members: reply.members }
  return { throttleTimeMs: 0, errorCode: reply.members[0]?.errorCode ?? groupError }
})
