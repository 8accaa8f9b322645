// ShareGroupHeartbeat (key 76), version 1 (KIP-932). The rules are in coordinator/group/share/.
//
// - Epoch 0 joins, −1 leaves, any other keeps alive; what the member is to read is told when it changed, and it has it at once.
// - Partitions are assigned once the share coordinator keeps their state, which it is told to after the answer: the first heartbeats may
//   bring an empty assignment. Who gets which follows the rules of Kafka's SimpleAssignor, though perhaps another choice.
// - FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID, GROUP_MAX_SIZE_REACHED, GROUP_ID_NOT_FOUND and INVALID_REQUEST with Kafka's messages.
// - UNSUPPORTED_VERSION where the feature `share.version` is off.
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED; DESCRIBE on each topic: TOPIC_AUTHORIZATION_FAILED.
// - The target is computed with every change; Kafka waits for share.assignment.interval.ms.

import { ErrorCode } from '../../protocol/errors.ts'
import { shareGroupHeartbeat } from '../../protocol/messages/share-group-heartbeat.ts'
import { shareHeartbeatError } from '../coordinator/group/share/share-heartbeat.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { hasShareGroups } from '../features.ts'
import { initializeShareState } from '../share/initialize-share-state.ts'

export const serveShareGroupHeartbeat = serve(shareGroupHeartbeat, [1, 1], async (broker, request, call) => {
  const { groupId, subscribedTopicNames } = request
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, ...shareHeartbeatError(errorCode, null) })
  if (!hasShareGroups(broker.image)) return refuse(ErrorCode.UNSUPPORTED_VERSION)
  if (!call.may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const mayDescribeAll = subscribedTopicNames?.every((topic) => call.may('DESCRIBE', 'TOPIC', topic)) ?? true
  if (!mayDescribeAll) return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const { clientId, clientHost } = call
  const asked = broker.groups.ask({ ...request, type: 'share-heartbeat', clientId, clientHost })
  const { toInitialize, ...reply } = await orElse(asked, (errorCode) => shareHeartbeatError(errorCode, null))
  if (toInitialize.topics.length > 0) void initializeShareState(broker, groupId, toInitialize)
  return { throttleTimeMs: 0, ...reply }
})
