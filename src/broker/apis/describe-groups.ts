// DescribeGroups (key 15), versions 0–6.
//
// - State, protocol and members of classic groups. v3+: authorized operations (KIP-430). v4+: instance ids.
// - A group that is not there is `Dead` without an error; v6 adds GROUP_ID_NOT_FOUND and a message (KIP-1043).
// - Needs DESCRIBE on the group: GROUP_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeGroups } from '../../protocol/messages/describe-groups.ts'
import { authorizedOperations, NOT_REQUESTED } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_NOT_FOUND = 6

export const serveDescribeGroups = serve(describeGroups, [0, 6], async (broker, request, call) => {
  const { groups: asked, includeAuthorizedOperations } = request
  const groups = await Promise.all(asked.map((groupId) => describe(broker, groupId, call, includeAuthorizedOperations)))
  return { throttleTimeMs: 0, groups }
})

async function describe(broker: Broker, groupId: string, call: Call, withOperations: boolean) {
  if (!call.may('DESCRIBE', 'GROUP', groupId)) {
    return absent(groupId, ErrorCode.GROUP_AUTHORIZATION_FAILED, call.version, NOT_REQUESTED)
  }
  const operations = authorizedOperations(call, 'GROUP', groupId, withOperations)
  let errorCode: number = ErrorCode.NONE
  const group = await orElse(broker.groups.ask({ type: 'describe-group', groupId }), (code) => {
    errorCode = code
    return undefined
  })
  if (!group) return absent(groupId, errorCode, call.version, operations)
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupState: group.state,
    protocolType: group.protocolType,
    protocolData: group.protocolName,
    members: group.members.map(({ metadata, assignment, ...member }) => ({
      ...member,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
    authorizedOperations: operations,
  }
}

function absent(groupId: string, error: number, version: number, operations: number) {
  const refused = error !== ErrorCode.NONE
  const notFound = !refused && version >= FIRST_VERSION_WITH_NOT_FOUND
  return {
    errorCode: notFound ? ErrorCode.GROUP_ID_NOT_FOUND : error,
    errorMessage: notFound ? `Group ${groupId} not found.` : null,
    groupId,
    groupState: refused ? '' : 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: refused || notFound ? NOT_REQUESTED : operations,
  }
}
