// ConsumerGroupDescribe (key 69), versions 0–1.
//
// - Describes groups of the protocol of KIP-848, of which this broker has none: each is answered with GROUP_ID_NOT_FOUND, as Kafka
//   does for a classic group, and admin clients then ask DescribeGroups. An empty group id: INVALID_GROUP_ID.
// - Needs DESCRIBE on the group: GROUP_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { consumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'

const NO_GROUP = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] } as const

export const serveConsumerGroupDescribe = serve(consumerGroupDescribe, [0, 1], async (broker, request, call) => ({
  throttleTimeMs: 0,
  groups: await Promise.all(request.groupIds.map((groupId) => refuse(broker, call, groupId))),
}))

async function refuse(broker: Broker, call: Call, groupId: string) {
  if (!call.may('DESCRIBE', 'GROUP', groupId)) {
    return { errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED, groupId, ...NO_GROUP }
  }
  if (groupId === '') return { errorCode: ErrorCode.INVALID_GROUP_ID, groupId, ...NO_GROUP }
  const isClassic = broker.groups.ask({ type: 'describe-group', groupId }).then((group) => group !== undefined)
  const found = await orElse<boolean | number>(isClassic, (errorCode) => errorCode)
  if (typeof found === 'number') return { errorCode: found, groupId, ...NO_GROUP }
  const errorMessage = found ? `Group ${groupId} is not a consumer group.` : `Group ${groupId} not found.`
  return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage, groupId, ...NO_GROUP }
}
