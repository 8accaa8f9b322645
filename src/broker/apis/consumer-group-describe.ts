// ConsumerGroupDescribe (key 69), versions 0–1. The rules are in coordinator/group/consumer/describe-consumer-group.ts.
//
// - State, epochs, assignor and members of groups of the protocol of KIP-848, each with what it has and what it is to have. A classic
//   group or none: GROUP_ID_NOT_FOUND, and admin clients then ask DescribeGroups. An empty group id: INVALID_GROUP_ID.
// - v1: whether a member speaks the classic or the consumer protocol (KIP-1099).
// - UNSUPPORTED_VERSION where the feature `group.version` is off.
// - Needs DESCRIBE on the group, else GROUP_AUTHORIZATION_FAILED for it, and on every topic that its members have or are to have:
//   TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { consumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import type { DescribedMember } from '../coordinator/group/command.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'
import { hasConsumerProtocol } from '../features.ts'

export const serveConsumerGroupDescribe = serve(consumerGroupDescribe, [0, 1], async (broker, request, call) => {
  const { groupIds, includeAuthorizedOperations } = request
  const groups = groupIds.map((groupId) => describe(broker, call, groupId, includeAuthorizedOperations))
  return { throttleTimeMs: 0, groups: await Promise.all(groups) }
})

async function describe(broker: Broker, call: Call, groupId: string, withOperations: boolean) {
  if (!hasConsumerProtocol(broker.image)) return refusal(groupId, ErrorCode.UNSUPPORTED_VERSION, null)
  if (!call.may('DESCRIBE', 'GROUP', groupId)) return refusal(groupId, ErrorCode.GROUP_AUTHORIZATION_FAILED, null)
  if (groupId === '') return refusal(groupId, ErrorCode.INVALID_GROUP_ID, null)
  const asked = broker.groups.ask({ type: 'describe-consumer-group', groupId })
  const group = await orElse(asked, (errorCode) => ({ errorCode, errorMessage: null }))
  if (!('members' in group)) return refusal(groupId, group.errorCode, group.errorMessage)
  if (!group.members.every((member) => topicsOf(member).every((topic) => call.may('DESCRIBE', 'TOPIC', topic)))) {
    const message = 'The group has described topic(s) that the client is not authorized to describe.'
    return refusal(groupId, ErrorCode.TOPIC_AUTHORIZATION_FAILED, message)
  }
  const authorized = authorizedOperations(call, 'GROUP', groupId, withOperations)
  return { ...group, authorizedOperations: authorized }
}

function topicsOf({ assignment, targetAssignment }: DescribedMember): string[] {
  return [...assignment.topicPartitions, ...targetAssignment.topicPartitions].map(({ topicName }) => topicName)
}

function refusal(groupId: string, errorCode: number, errorMessage: string | null) {
  return {
    errorCode,
    errorMessage,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  }
}
