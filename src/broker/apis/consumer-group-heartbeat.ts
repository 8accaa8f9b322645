// ConsumerGroupHeartbeat (key 68), versions 0–1 (KIP-848). The rules are in coordinator/group/consumer/.
//
// - Epoch 0 joins, −1 leaves, −2 leaves as a static member that will be back within its session time-out; any other takes the member's
//   next step: it says what it has, and is told what it is to have when that changed.
// - FENCED_MEMBER_EPOCH, UNKNOWN_MEMBER_ID, UNRELEASED_INSTANCE_ID, FENCED_INSTANCE_ID, UNSUPPORTED_ASSIGNOR, GROUP_MAX_SIZE_REACHED,
//   GROUP_ID_NOT_FOUND and INVALID_REQUEST with Kafka's messages.
// - v0: the broker may make the member id; v1: the client does (KIP-1082), and may subscribe by a regular expression of RE2/J
//   (INVALID_REGULAR_EXPRESSION), which stands for the topics that the client may describe.
// - UNSUPPORTED_VERSION where the feature `group.version` is off.
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED; DESCRIBE on each topic that is named: TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { consumerGroupHeartbeat } from '../../protocol/messages/consumer-group-heartbeat.ts'
import { heartbeatError } from '../coordinator/group/consumer/heartbeat.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { hasConsumerProtocol } from '../features.ts'
import { randomUuid } from '../uuid.ts'

const FIRST_VERSION_WITH_OWN_IDS = 1

export const serveConsumerGroupHeartbeat = serve(consumerGroupHeartbeat, [0, 1], async (broker, request, call) => {
  const { groupId, subscribedTopicNames } = request
  const refuse = (errorCode: number) => ({ throttleTimeMs: 0, ...heartbeatError(errorCode, null) })
  const mayDescribe = (topic: string) => call.may('DESCRIBE', 'TOPIC', topic)
  if (!hasConsumerProtocol(broker.image)) return refuse(ErrorCode.UNSUPPORTED_VERSION)
  if (!call.may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  if (subscribedTopicNames?.every(mayDescribe) === false) return refuse(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  const asked = broker.groups.ask({
    ...request,
    type: 'consumer-heartbeat',
    clientId: call.clientId,
    clientHost: call.clientHost,
    mayLackId: call.version < FIRST_VERSION_WITH_OWN_IDS,
    newMemberId: randomUuid(broker.platform.random),
    mayDescribe,
  })
  const reply = await orElse(asked, (errorCode) => heartbeatError(errorCode, null))
  return { throttleTimeMs: 0, ...reply }
})
