import type { GroupState } from './classic-group.ts'
import type { TopicPartitions } from './consumer/assignment.ts'
import type { ConsumerGroupState } from './consumer/consumer-group.ts'
import type { ShareGroupCommand, ShareGroupReplies } from './share/share-command.ts'
import type { ShareGroupState } from './share/share-group.ts'

/** What a group coordinator is asked. `newMemberId` is drawn by the host, since a machine has no randomness. */
export type GroupCommand =
  | JoinCommand
  | SyncCommand
  | HeartbeatCommand
  | LeaveCommand
  | OffsetCommitCommand
  | TxnOffsetCommitCommand
  | OffsetFetchCommand
  | OffsetDeleteCommand
  | ConsumerHeartbeatCommand
  | ShareGroupCommand
  | { readonly type: 'describe-consumer-group'; readonly groupId: string }
  | { readonly type: 'describe-group'; readonly groupId: string }
  | { readonly type: 'list-groups'; readonly states: readonly string[]; readonly types: readonly string[] }
  | { readonly type: 'delete-group'; readonly groupId: string }
  | { readonly type: 'topics-deleted'; readonly topics: readonly string[] }
  | GroupTimerCommand

/** Commands that only timers give. */
type GroupTimerCommand =
  | { readonly type: 'session-expired'; readonly groupId: string; readonly memberId: string }
  | { readonly type: 'pending-member-expired'; readonly groupId: string; readonly memberId: string }
  | { readonly type: 'initial-join-elapsed'; readonly groupId: string; readonly remainingMs: number }
  | { readonly type: 'join-elapsed'; readonly groupId: string }
  | { readonly type: 'sync-elapsed'; readonly groupId: string; readonly generationId: number }
  | { readonly type: 'expire-offsets' }
  | {
      readonly type: 'revocation-elapsed'
      readonly groupId: string
      readonly memberId: string
      readonly memberEpoch: number
    }
  | { readonly type: 'member-join-elapsed'; readonly groupId: string; readonly memberId: string }
  | { readonly type: 'member-sync-elapsed'; readonly groupId: string; readonly memberId: string }
  | ResolveRegexesCommand
  | DowngradedCommand

/** Looks up the topics of the group's regular expressions, as the member may see them whose heartbeat asked for it. */
export interface ResolveRegexesCommand {
  readonly type: 'resolve-regexes'
  readonly groupId: string
  readonly regexes: readonly string[]
  readonly mayDescribe: (topic: string) => boolean
}

/** What is left to do when the records that made a consumer group a classic one are in. */
interface DowngradedCommand {
  readonly type: 'downgraded'
  readonly groupId: string
  readonly rebalances: boolean
}

export interface Protocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinCommand {
  readonly type: 'join'
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly Protocol[]
  /** From JoinGroup v4 a new dynamic member must come back with the id it was given (KIP-394). */
  readonly requireKnownMemberId: boolean
  /** From JoinGroup v9 a returning static leader may be told to keep the assignment (KIP-814). */
  readonly supportsSkippingAssignment: boolean
  readonly newMemberId: string
}

export interface SyncCommand {
  readonly type: 'sync'
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Buffer }[]
}

export interface HeartbeatCommand {
  readonly type: 'heartbeat'
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly generationId: number
}

export interface LeaveCommand {
  readonly type: 'leave'
  readonly groupId: string
  readonly members: readonly { readonly memberId: string; readonly groupInstanceId: string | null }[]
}

export interface OffsetCommitCommand {
  readonly type: 'offset-commit'
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** The member epoch in a consumer group. Negative: from outside the group. */
  readonly generationId: number
  readonly apiVersion: number
  /** From OffsetCommit v2–v4; negative: the broker's own retention holds. */
  readonly retentionTimeMs: number
  readonly offsets: readonly OffsetToCommit[]
}

/** Offsets that count when the transaction of the producer commits. */
export interface TxnOffsetCommitCommand {
  readonly type: 'txn-offset-commit'
  readonly groupId: string
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** Negative: the producer does not say for which member it commits. */
  readonly generationId: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly offsets: readonly OffsetToCommit[]
}

export interface OffsetToCommit {
  readonly topic: string
  /** ZERO_UUID when it commits in a transaction, as Kafka leaves it out there. */
  readonly topicId: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface OffsetFetchCommand {
  readonly type: 'offset-fetch'
  readonly groupId: string
  /** undefined: all that the group has. */
  readonly partitions: readonly TopicPartitionKey[] | undefined
  /** From OffsetFetch v9 a member of a consumer group may say who it is; null: nobody in particular. */
  readonly memberId: string | null
  readonly memberEpoch: number
  /** Rather an error than an offset that an open transaction may replace. */
  readonly requireStable: boolean
}

export interface OffsetDeleteCommand {
  readonly type: 'offset-delete'
  readonly groupId: string
  readonly partitions: readonly TopicPartitionKey[]
}

/** A member of the protocol of KIP-848 joins, lives, takes a step or leaves. Null, and −1: as it said last. */
export interface ConsumerHeartbeatCommand {
  readonly type: 'consumer-heartbeat'
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly rebalanceTimeoutMs: number
  readonly subscribedTopicNames: readonly string[] | null
  readonly subscribedTopicRegex: string | null
  readonly serverAssignor: string | null
  /** What it has. */
  readonly topicPartitions: readonly TopicPartitions[] | null
  readonly clientId: string
  readonly clientHost: string
  /** Clients before KIP-1082 leave their id to the broker. */
  readonly mayLackId: boolean
  readonly newMemberId: string
  /** Asked of topics that its regular expression matches. */
  readonly mayDescribe: (topic: string) => boolean
}

export interface TopicPartitionKey {
  readonly topic: string
  readonly partition: number
}

/** The reply to each command that has one. */
export interface GroupReplies extends ShareGroupReplies {
  join: JoinReply
  sync: SyncReply
  heartbeat: { readonly errorCode: number }
  leave: {
    readonly members: readonly {
      readonly memberId: string
      readonly groupInstanceId: string | null
      readonly errorCode: number
    }[]
  }
  'offset-commit': { readonly partitions: readonly PartitionError[] }
  'txn-offset-commit': { readonly partitions: readonly PartitionError[] }
  'offset-fetch': { readonly errorCode: number; readonly offsets: readonly FetchedOffset[] }
  'consumer-heartbeat': ConsumerHeartbeatReply
  'describe-consumer-group': ConsumerGroupDescription | ItemRefusal
  'offset-delete': { readonly errorCode: number; readonly partitions: readonly PartitionError[] }
  'describe-group': GroupDescription | ItemRefusal
  'list-groups': { readonly groups: readonly GroupListing[] }
  'delete-group': { readonly errorCode: number }
  'topics-deleted': undefined
}

export interface ItemRefusal {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface ConsumerHeartbeatReply {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** null: as before. */
  readonly assignment: { readonly topicPartitions: readonly TopicPartitions[] } | null
}

export interface ConsumerGroupDescription {
  readonly errorCode: 0
  readonly groupId: string
  readonly groupState: ConsumerGroupState
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly assignorName: string
  readonly members: readonly DescribedMember[]
}

export interface DescribedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly subscribedTopicNames: readonly string[]
  readonly subscribedTopicRegex: string
  readonly assignment: { readonly topicPartitions: readonly DescribedPartitions[] }
  readonly targetAssignment: { readonly topicPartitions: readonly DescribedPartitions[] }
  /** 0: the classic protocol, 1: the consumer protocol (KIP-1099). */
  readonly memberType: number
}

export interface DescribedPartitions extends TopicPartitions {
  readonly topicName: string
}

export type GroupReply = GroupReplies[keyof GroupReplies]

export interface JoinReply {
  readonly errorCode: number
  readonly generationId: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  readonly members: readonly JoinedMember[]
}

interface JoinedMember {
  readonly memberId: string
  readonly groupInstanceId: string | null
  readonly metadata: Buffer
}

export interface SyncReply {
  readonly errorCode: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Buffer
}

interface PartitionError extends TopicPartitionKey {
  readonly errorCode: number
}

export interface FetchedOffset extends PartitionError {
  /** −1: the group has no offset for it. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: GroupState | ConsumerGroupState | ShareGroupState
  readonly groupType: 'classic' | 'consumer' | 'share'
}

export interface GroupDescription {
  readonly errorCode: 0
  readonly groupId: string
  readonly state: GroupState
  readonly protocolType: string
  readonly protocolName: string
  readonly members: readonly {
    readonly memberId: string
    readonly groupInstanceId: string | null
    readonly clientId: string
    readonly clientHost: string
    readonly metadata: Buffer
    readonly assignment: Buffer
  }[]
}
