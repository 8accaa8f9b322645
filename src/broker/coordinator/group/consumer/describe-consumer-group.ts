import { ErrorCode } from '../../../../protocol/errors.ts'
import type { Call } from '../call.ts'
import type { ClassicGroup } from '../classic-group.ts'
import type { ConsumerGroupDescription, DescribedMember, DescribedPartitions, ItemRefusal } from '../command.ts'
import { type Assignment, type OwnedPartitions, topicPartitionsOf } from './assignment.ts'
import type { ClusterView } from './cluster-view.ts'
import { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { assignorNameOf } from './member-settings.ts'

const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

/** What ConsumerGroupDescribe shows. */
export function describeConsumerGroup(
  call: Call,
  groupId: string,
  group: ClassicGroup | ConsumerGroup | undefined,
): ConsumerGroupDescription | ItemRefusal {
  if (!group) return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} not found.` }
  if (!(group instanceof ConsumerGroup)) {
    return { errorCode: ErrorCode.GROUP_ID_NOT_FOUND, errorMessage: `Group ${groupId} is not a consumer group.` }
  }
  return {
    errorCode: ErrorCode.NONE,
    groupId,
    groupState: group.state,
    groupEpoch: group.groupEpoch,
    assignmentEpoch: group.assignmentEpoch,
    assignorName: assignorNameOf(call, group),
    members: [...group.members.values()].map((member) => described(call.view, group, member)),
  }
}

function described(view: ClusterView, group: ConsumerGroup, member: ConsumerMember): DescribedMember {
  return {
    memberId: member.memberId,
    instanceId: member.instanceId,
    rackId: member.rackId,
    memberEpoch: member.memberEpoch,
    clientId: member.clientId,
    clientHost: member.clientHost,
    subscribedTopicNames: member.subscribedTopicNames,
    subscribedTopicRegex: member.subscribedTopicRegex,
    assignment: { topicPartitions: named(view, heldBy(member)) },
    targetAssignment: { topicPartitions: named(view, group.target(member.memberId, null)) },
    memberType: member.classic === null ? CONSUMER_MEMBER : CLASSIC_MEMBER,
  }
}

/** Also what the member has not given up yet. */
function heldBy({ assigned, pendingRevocation }: ConsumerMember): OwnedPartitions {
  const held = new Map(assigned)
  for (const [topicId, partitions] of pendingRevocation) {
    held.set(topicId, new Map([...(held.get(topicId) ?? []), ...partitions]))
  }
  return held
}

/** Topics that are gone are left out. */
function named(view: ClusterView, assignment: Assignment | OwnedPartitions): DescribedPartitions[] {
  return topicPartitionsOf(assignment).flatMap((row) => {
    const topicName = view.topicById(row.topicId)?.name
    return topicName === undefined ? [] : [{ ...row, topicName }]
  })
}
