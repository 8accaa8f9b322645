import { encodeVersioned, versionOf } from '../../../../protocol/codec.ts'
import { consumerProtocolAssignment } from '../../../../protocol/messages/consumer-protocol.ts'
import { type Assignment, type OwnedPartitions, topicPartitionsOf } from './assignment.ts'
import type { ClusterView } from './cluster-view.ts'

const VERSION_BYTES = 2

/** An assignment as consumers of the classic protocol read it, in the version in which the member wrote its subscription. */
export function encodeAssignmentFor(
  subscription: Buffer,
  assignment: Assignment | OwnedPartitions,
  view: ClusterView,
): Buffer {
  const version = subscription.length < VERSION_BYTES ? 0 : Math.max(versionOf(subscription), 0)
  const newest = consumerProtocolAssignment.versions[1]
  const assignedPartitions = topicPartitionsOf(assignment).flatMap(({ topicId, partitions }) => {
    const topic = view.topicById(topicId)?.name
    return topic === undefined ? [] : [{ topic, partitions }]
  })
  return encodeVersioned(consumerProtocolAssignment, Math.min(version, newest), { assignedPartitions, userData: null })
}
