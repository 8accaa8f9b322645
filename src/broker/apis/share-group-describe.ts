// ShareGroupDescribe (key 77), version 1 (KIP-932). The rules are in coordinator/group/share/.
//
// - State, epochs and members of share groups, each with what it reads. A group of another kind or none: GROUP_ID_NOT_FOUND.
// - UNSUPPORTED_VERSION where the feature `share.version` is off.
// - Needs DESCRIBE on the group, else GROUP_AUTHORIZATION_FAILED for it, and on every topic that its members read:
//   TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { shareGroupDescribe } from '../../protocol/messages/share-group-describe.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'
import { hasShareGroups } from '../features.ts'

/** The only one that there is, by Kafka's name. */
const ASSIGNOR_NAME = 'simple'

export const serveShareGroupDescribe = serve(shareGroupDescribe, [1, 1], async (broker, request, call) => {
  const { groupIds, includeAuthorizedOperations } = request
  const groups = groupIds.map((groupId) => describe(broker, call, groupId, includeAuthorizedOperations))
  return { throttleTimeMs: 0, groups: await Promise.all(groups) }
})

async function describe(broker: Broker, call: Call, groupId: string, withOperations: boolean) {
  if (!hasShareGroups(broker.image)) return refusal(groupId, ErrorCode.UNSUPPORTED_VERSION, null)
  if (!call.may('DESCRIBE', 'GROUP', groupId)) return refusal(groupId, ErrorCode.GROUP_AUTHORIZATION_FAILED, null)
  if (groupId === '') return refusal(groupId, ErrorCode.INVALID_GROUP_ID, null)
  const asked = broker.groups.ask({ type: 'share-describe', groupId })
  const group = await orElse(asked, (errorCode) => ({ errorCode, errorMessage: null }))
  if (!('members' in group)) return refusal(groupId, group.errorCode, group.errorMessage)
  const topics = group.members.flatMap(({ assignment }) => assignment.topicPartitions.map(({ topicName }) => topicName))
  if (!topics.every((topic) => call.may('DESCRIBE', 'TOPIC', topic))) {
    const message = 'The group has described topic(s) that the client is not authorized to describe.'
    return refusal(groupId, ErrorCode.TOPIC_AUTHORIZATION_FAILED, message)
  }
  const authorized = authorizedOperations(call, 'GROUP', groupId, withOperations)
  return { ...group, assignorName: ASSIGNOR_NAME, authorizedOperations: authorized }
}

function refusal(groupId: string, errorCode: number, errorMessage: string | null) {
  const nothing = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] }
  return { errorCode, errorMessage, groupId, ...nothing }
}
