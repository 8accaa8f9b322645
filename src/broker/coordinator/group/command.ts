import type { GroupState } from './classic-group.ts'

/** What a group coordinator is asked. `newMemberId` is drawn by the host, since a machine has no randomness. */
export type GroupCommand =
  | JoinCommand
  | SyncCommand
  | HeartbeatCommand
  | LeaveCommand
  | OffsetCommitCommand
  | OffsetFetchCommand
  | OffsetDeleteCommand
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
  /** Negative: from outside the group. */
  readonly generationId: number
  /** From OffsetCommit v2–v4; negative: the broker's own retention holds. */
  readonly retentionTimeMs: number
  readonly offsets: readonly OffsetToCommit[]
}

export interface OffsetToCommit {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

interface OffsetFetchCommand {
  readonly type: 'offset-fetch'
  readonly groupId: string
  /** undefined: all that the group has. */
  readonly partitions: readonly TopicPartitionKey[] | undefined
}

export interface OffsetDeleteCommand {
  readonly type: 'offset-delete'
  readonly groupId: string
  readonly partitions: readonly TopicPartitionKey[]
}

export interface TopicPartitionKey {
  readonly topic: string
  readonly partition: number
}

/** The reply to each command that has one. */
export interface GroupReplies {
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
  'offset-fetch': { readonly offsets: readonly FetchedOffset[] }
  'offset-delete': { readonly errorCode: number; readonly partitions: readonly PartitionError[] }
  'describe-group': GroupDescription | undefined
  'list-groups': { readonly groups: readonly GroupListing[] }
  'delete-group': { readonly errorCode: number }
  'topics-deleted': undefined
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

export interface FetchedOffset extends TopicPartitionKey {
  /** −1: the group has no offset for it. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface GroupListing {
  readonly groupId: string
  readonly protocolType: string
  readonly state: GroupState
  readonly groupType: 'classic'
}

export interface GroupDescription {
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
