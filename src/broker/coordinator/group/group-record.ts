import type { OwnedTopicPartitions, TopicPartitions } from './consumer/assignment.ts'
import type { ShareGroupRecord } from './share/share-group-record.ts'

/** What a group's log holds: committed offsets and the group's own state; a null value is a tombstone. */
export type GroupRecord =
  | ConsumerGroupRecord
  | ShareGroupRecord
  | {
      readonly type: 'offset-commit'
      readonly groupId: string
      readonly topic: string
      readonly partition: number
      readonly value: CommittedOffset | null
    }
  | { readonly type: 'group-metadata'; readonly groupId: string; readonly value: GroupMetadataValue | null }

export interface CommittedOffset {
  readonly offset: number
  /** −1: the consumer did not say. */
  readonly leaderEpoch: number
  readonly metadata: string
  readonly commitTimestamp: number
  /** −1: the group's retention holds; else the very moment, as old clients could ask. */
  readonly expireTimestamp: number
  /** ZERO_UUID: committed in a transaction, or written in a version before 4. */
  readonly topicId: string
}

export interface GroupMetadataValue {
  readonly protocolType: string
  readonly generation: number
  readonly protocol: string | null
  readonly leader: string | null
  readonly currentStateTimestamp: number
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly rebalanceTimeout: number
    readonly sessionTimeout: number
    readonly subscription: Buffer
    readonly assignment: Buffer
  }[]
}

/** What a group of the protocol of KIP-848 is made of. */
export type ConsumerGroupRecord =
  | {
      readonly type: 'consumer-group'
      readonly groupId: string
      readonly value: { readonly epoch: number; readonly metadataHash: number } | null
    }
  /** Of brokers before 4.1; what it says is not needed, only whether it is there. */
  | { readonly type: 'consumer-partitions'; readonly groupId: string; readonly present: boolean }
  | {
      readonly type: 'consumer-member'
      readonly groupId: string
      readonly memberId: string
      readonly value: ConsumerMemberValue | null
    }
  | {
      readonly type: 'consumer-target'
      readonly groupId: string
      readonly value: { readonly assignmentEpoch: number; readonly assignmentTimestamp: number } | null
    }
  | {
      readonly type: 'consumer-target-member'
      readonly groupId: string
      readonly memberId: string
      readonly value: { readonly topicPartitions: readonly TopicPartitions[] } | null
    }
  | {
      readonly type: 'consumer-current'
      readonly groupId: string
      readonly memberId: string
      readonly value: CurrentAssignmentValue | null
    }
  | {
      readonly type: 'consumer-regex'
      readonly groupId: string
      readonly regex: string
      readonly value: {
        readonly topics: readonly string[]
        readonly version: number
        readonly timestamp: number
      } | null
    }

interface ConsumerMemberValue {
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  readonly subscribedTopicRegex: string | null
  readonly rebalanceTimeoutMs: number
  readonly serverAssignor: string | null
  /** Of members that speak the classic protocol. */
  readonly classicMemberMetadata: {
    readonly sessionTimeoutMs: number
    readonly supportedProtocols: readonly { readonly name: string; readonly metadata: Buffer }[]
  } | null
}

interface CurrentAssignmentValue {
  readonly memberEpoch: number
  readonly previousMemberEpoch: number
  readonly state: number
  readonly assignedPartitions: readonly OwnedTopicPartitions[]
  readonly partitionsPendingRevocation: readonly OwnedTopicPartitions[]
}
