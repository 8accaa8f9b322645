import type { Call } from '../call.ts'
import type { ConsumerHeartbeatCommand } from '../command.ts'
import { JOIN_EPOCH, LEAVE_EPOCH, LEAVE_STATIC_EPOCH } from './consumer-member.ts'
import { Refused } from './refused.ts'

/** What is wrong with the request whatever group it is for (Kafka's GroupCoordinatorService). */
export function throwIfInvalid(call: Call, command: ConsumerHeartbeatCommand): void {
  const complaint = complaintOf(command)
  if (complaint !== undefined) throw new Refused('INVALID_REQUEST', complaint)
  const { serverAssignor } = command
  const { assignors } = call.config.consumer
  if (serverAssignor === null || assignors.includes(serverAssignor)) return
  const message = `ServerAssignor ${serverAssignor} is not supported. Supported assignors: ${assignors.join(', ')}.`
  throw new Refused('UNSUPPORTED_ASSIGNOR', message)
}

function complaintOf(command: ConsumerHeartbeatCommand): string | undefined {
  const { groupId, memberId, memberEpoch, instanceId, rackId } = command
  const needsId = !command.mayLackId || memberEpoch > JOIN_EPOCH || memberEpoch === LEAVE_EPOCH
  if (needsId && isBlank(memberId)) return "MemberId can't be empty."
  if (isBlank(groupId)) return "GroupId can't be empty."
  if (instanceId !== null && isBlank(instanceId)) return "InstanceId can't be empty."
  if (rackId !== null && isBlank(rackId)) return "RackId can't be empty."
  if (memberEpoch === JOIN_EPOCH) return joinComplaint(command)
  if (memberEpoch === LEAVE_STATIC_EPOCH && instanceId === null) return "InstanceId can't be null."
  return memberEpoch < LEAVE_STATIC_EPOCH ? 'MemberEpoch is invalid.' : undefined
}

function joinComplaint(command: ConsumerHeartbeatCommand): string | undefined {
  if (command.rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.'
  if (command.topicPartitions?.length !== 0) return 'TopicPartitions must be empty when (re-)joining.'
  if (command.subscribedTopicNames !== null || command.subscribedTopicRegex !== null) return undefined
  return 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}
