// A group of the protocol of KIP-848 in __consumer_offsets: keys 3 to 8 and 16, values version 0, each behind an int16: a key's says
// which record it is, a value's its version. A null value deletes. Key 4 is written no more (KIP-1101), only deleted.

import { array, bytes, int8, int32, message, string, struct, timestamp, uuid } from '../schema.ts'

/** Of keys 3, 4 and 6: the group, its partitions, its target assignment as a whole. */
export const consumerGroupKey = message({
  name: 'ConsumerGroupMetadataKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string },
})

/** Of keys 5, 7 and 8: a member's subscription, target and present assignment. */
export const consumerGroupMemberKey = message({
  name: 'ConsumerGroupMemberMetadataKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string, memberId: string },
})

/** Of key 16. */
export const consumerGroupRegularExpressionKey = message({
  name: 'ConsumerGroupRegularExpressionKey',
  versions: [0, 0],
  flexible: Infinity,
  fields: { groupId: string, regularExpression: string },
})

const value = { versions: [0, 0], flexible: 0 } as const

export const consumerGroupMetadataValue = message({
  ...value,
  name: 'ConsumerGroupMetadataValue',
  fields: {
    epoch: int32,
    /** Only compared for equality; one beyond what a number holds saturates, so differs, and is made anew. */
    metadataHash: timestamp.tag(0),
  },
})

export const consumerGroupMemberMetadataValue = message({
  ...value,
  name: 'ConsumerGroupMemberMetadataValue',
  fields: {
    instanceId: string.nullable(),
    rackId: string.nullable(),
    clientId: string,
    clientHost: string,
    subscribedTopicNames: array(string),
    subscribedTopicRegex: string.nullable(),
    rebalanceTimeoutMs: int32.default(-1),
    serverAssignor: string.nullable(),
    /** Kafka’s default is not null but an empty one, so that null stands in every record of a member of the new protocol. */
    classicMemberMetadata: struct({
      sessionTimeoutMs: int32,
      supportedProtocols: array({ name: string, metadata: bytes }),
    })
      .nullable()
      .tag(0),
  },
})

export const consumerGroupTargetAssignmentMetadataValue = message({
  ...value,
  name: 'ConsumerGroupTargetAssignmentMetadataValue',
  fields: {
    assignmentEpoch: int32,
    assignmentTimestamp: timestamp.tag(0).ignorable(),
  },
})

export const consumerGroupTargetAssignmentMemberValue = message({
  ...value,
  name: 'ConsumerGroupTargetAssignmentMemberValue',
  fields: { topicPartitions: array({ topicId: uuid, partitions: array(int32) }) },
})

const ownedPartitions = array({
  topicId: uuid,
  partitions: array(int32),
  /** As long as `partitions`: since which epoch the member has each (KIP-1251). */
  assignmentEpochs: array(int32).nullable().default(null).tag(0),
})

export const consumerGroupCurrentMemberAssignmentValue = message({
  ...value,
  name: 'ConsumerGroupCurrentMemberAssignmentValue',
  fields: {
    memberEpoch: int32,
    previousMemberEpoch: int32,
    state: int8,
    assignedPartitions: ownedPartitions,
    partitionsPendingRevocation: ownedPartitions,
  },
})

export const consumerGroupRegularExpressionValue = message({
  ...value,
  name: 'ConsumerGroupRegularExpressionValue',
  fields: { topics: array(string), version: timestamp, timestamp },
})
