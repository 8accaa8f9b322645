// DescribeGroups (key 15), versions 0–6.
//
// - State, protocol and members of classic groups. v3+: authorized operations (KIP-430). v4+: instance ids. Groups of the new protocol
//   count as not there: ConsumerGroupDescribe shows them.
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
    const refusal = { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, errorMessage: null }
    return absent(groupId, refusal, call.version, NOT_REQUESTED)
  }
  const operations = authorizedOperations(call, 'GROUP', groupId, withOperations)
  const asked = broker.groups.ask({ type: 'describe-group', groupId })
  const group = await orElse(asked, (errorCode) => ({ errorCode, errorMessage: null }))
  if (!('state' in group)) return absent(groupId, group, call.version, operations)
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

interface Refusal {
  readonly errorCode: number
  readonly errorMessage: string | null
}

function absent(groupId: string, { errorCode, errorMessage }: Refusal, version: number, operations: number) {
  const notFound = errorCode === ErrorCode.GROUP_ID_NOT_FOUND
  const told = !notFound || version >= FIRST_VERSION_WITH_NOT_FOUND
  return {
    errorCode: told ? errorCode : ErrorCode.NONE,
    errorMessage: told ? errorMessage : null,
    groupId,
    groupState: notFound ? 'Dead' : '',
    protocolType: '',
    protocolData: '',
    members: [],
    authorizedOperations: told ? NOT_REQUESTED : operations,
  }
}
