// A share group in __consumer_offsets (KIP-932): keys 10 to 15, values version 0, each behind an int16: a key's says which record it is, a
// value's its version. A null value deletes.

import { array, int8, int32, message, string, timestamp, uuid } from '../schema.ts'

/** Of keys 11, 12 and 15: the group, its target assignment as a whole, the partitions whose state is kept. */
export const shareGroupKey = message({
  name: 'ShareGroupMetadataKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string },
})

/** Of keys 10, 13 and 14: a member's subscription, target and present assignment. */
export const shareGroupMemberKey = message({
  name: 'ShareGroupMemberMetadataKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string, memberId: string },
})

const value = { versions: [0, 0], flexible: 0 } as const
const topicPartitions = array({ topicId: uuid, partitions: array(int32) })
const topicsWithPartitions = array({ topicId: uuid, topicName: string, partitions: array(int32) })

export const shareGroupMemberMetadataValue = message({
  ...value,
  name: 'ShareGroupMemberMetadataValue',
  fields: {
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
  },
})

export const shareGroupMetadataValue = message({
  ...value,
  name: 'ShareGroupMetadataValue',
  fields: {
    epoch: int32,
    /** Only compared for equality; one beyond what a number holds saturates, so differs, and is made anew. */
    metadataHash: timestamp,
  },
})

export const shareGroupTargetAssignmentMetadataValue = message({
  ...value,
  name: 'ShareGroupTargetAssignmentMetadataValue',
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: timestamp.tag(0).ignorable(),
  },
})

export const shareGroupTargetAssignmentMemberValue = message({
  ...value,
  name: 'ShareGroupTargetAssignmentMemberValue',
  fields: { topicPartitions },
})

export const shareGroupCurrentMemberAssignmentValue = message({
  ...value,
  name: 'ShareGroupCurrentMemberAssignmentValue',
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: topicPartitions,
  },
})

export const shareGroupStatePartitionMetadataValue = message({
  ...value,
  name: 'ShareGroupStatePartitionMetadataValue',
  fields: {
    initializingTopics: topicsWithPartitions,
    initializedTopics: topicsWithPartitions,
    deletingTopics: array({ topicId: uuid, topicName: string }),
  },
})
