// ConsumerGroupDescribe (key 69), versions 0–1.
//
// - Describes groups of the protocol of KIP-848, of which this broker has none: each is answered with GROUP_ID_NOT_FOUND, as Kafka
//   does for a classic group, and admin clients then ask DescribeGroups.

import { ErrorCode } from '../../protocol/errors.ts'
import { consumerGroupDescribe } from '../../protocol/messages/consumer-group-describe.ts'
import { serve } from '../dispatcher.ts'

export const serveConsumerGroupDescribe = serve(consumerGroupDescribe, [0, 1], (_broker, request) => ({
  throttleTimeMs: 0,
  groups: request.groupIds.map((groupId) => ({
    errorCode: ErrorCode.GROUP_ID_NOT_FOUND,
    errorMessage: `Group ${groupId} is not a consumer group.`,
    groupId,
    groupState: '',
    groupEpoch: 0,
    assignmentEpoch: 0,
    assignorName: '',
    members: [],
  })),
}))
