import type { DescribedPartitions, ItemRefusal } from '../command.ts'
import type { TopicPartitions } from '../consumer/assignment.ts'
import type { SharedTopic, ShareGroupState } from './share-group.ts'

/** What the coordinator of a share group is asked. */
export type ShareGroupCommand =
  | ShareHeartbeatCommand
  | { readonly type: 'share-describe'; readonly groupId: string }
  /** The topics whose state is kept. */
  | { readonly type: 'share-topics'; readonly groupId: string }
  /** The share coordinator has the state of these, or has not. */
  | {
      readonly type: 'share-initialized'
      readonly groupId: string
      readonly topics: readonly SharedTopic[]
      readonly succeeded: boolean
    }
  /** Of an empty group, or one that is there from now on: these are to begin elsewhere. */
  | { readonly type: 'share-alter'; readonly groupId: string; readonly topics: readonly SharedTopic[] }
  /** Of an empty group: these, or all, are to be forgotten; `share-forgotten` says that the share coordinator has done so. */
  | { readonly type: 'share-forget'; readonly groupId: string; readonly topicIds: readonly string[] | undefined }
  | { readonly type: 'share-forgotten'; readonly groupId: string; readonly topicIds: readonly string[] }

/** A member joins (epoch 0), lives, or leaves (−1). Null: as it said last. */
export interface ShareHeartbeatCommand {
  readonly type: 'share-heartbeat'
  readonly groupId: string
  readonly memberId: string
  readonly memberEpoch: number
  readonly rackId: string | null
  readonly subscribedTopicNames: readonly string[] | null
  readonly clientId: string
  readonly clientHost: string
}

export interface ShareGroupReplies {
  'share-heartbeat': ShareHeartbeatReply
  'share-describe': ShareGroupDescription | ItemRefusal
  'share-topics': ShareTopicsReply
  'share-initialized': undefined
  'share-alter': ShareTopicsReply
  'share-forget': ShareTopicsReply
  'share-forgotten': undefined
}

export interface ShareHeartbeatReply {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** null: as before. */
  readonly assignment: { readonly topicPartitions: readonly TopicPartitions[] } | null
  /** What the share coordinator must be told to keep, before anybody is assigned it. */
  readonly toInitialize: { readonly stateEpoch: number; readonly topics: readonly SharedTopic[] }
}

export interface ShareTopicsReply extends ItemRefusal {
  /** What the share coordinator must know to refuse what was decided before. */
  readonly stateEpoch: number
  readonly topics: readonly SharedTopic[]
}

export interface ShareGroupDescription {
  readonly errorCode: 0
  readonly groupId: string
  readonly groupState: ShareGroupState
  readonly groupEpoch: number
  readonly assignmentEpoch: number
  readonly members: readonly {
    readonly memberId: string
    readonly rackId: string | null
    readonly memberEpoch: number
    readonly clientId: string
    readonly clientHost: string
    readonly subscribedTopicNames: readonly string[]
    readonly assignment: { readonly topicPartitions: readonly DescribedPartitions[] }
  }[]
}
