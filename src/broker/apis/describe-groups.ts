// DescribeGroups (key 15), versions 0–6.
//
// - State, protocol and members of classic groups. v3+: authorized operations (KIP-430). v4+: instance ids.
// - A group that is not there is `Dead` without an error; v6 adds GROUP_ID_NOT_FOUND and a message (KIP-1043).

import { ErrorCode } from '../../protocol/errors.ts'
import { describeGroups } from '../../protocol/messages/describe-groups.ts'
import { authorizedOperations, NOT_REQUESTED } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_NOT_FOUND = 6

export const serveDescribeGroups = serve(describeGroups, [0, 6], async (broker, request, { version }) => {
  const operations = authorizedOperations('group', request.includeAuthorizedOperations)
  const groups = await Promise.all(request.groups.map((groupId) => describe(broker, groupId, version, operations)))
  return { throttleTimeMs: 0, groups }
})

async function describe(broker: Broker, groupId: string, version: number, operations: number) {
  let errorCode: number = ErrorCode.NONE
  const group = await orElse(broker.groups.ask({ type: 'describe-group', groupId }), (code) => {
    errorCode = code
    return undefined
  })
  if (!group) return absent(groupId, errorCode, version)
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

function absent(groupId: string, coordinatorError: number, version: number) {
  const known = coordinatorError !== ErrorCode.NONE
  const notFound = !known && version >= FIRST_VERSION_WITH_NOT_FOUND
  return {
    errorCode: notFound ? ErrorCode.GROUP_ID_NOT_FOUND : coordinatorError,
    errorMessage: notFound ? `Group ${groupId} not found.` : null,
    groupId,
    groupState: known ? '' : 'Dead',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: NOT_REQUESTED,
  }
}
