import type { Acl, AclFilter } from '../../security/acl.ts'
import type { ConfigOperation } from './config-alteration.ts'

/** What the controller is asked. Fresh ids and the broker's own defaults come with the command: a machine has no chance and no config. */
export type ControllerCommand =
  | CreateTopicsCommand
  | DeleteTopicsCommand
  | CreatePartitionsCommand
  | AlterConfigsCommand
  | CreateAclsCommand
  | DeleteAclsCommand
  | { readonly type: 'allocate-producer-ids'; readonly brokerId: number; readonly count: number }

export interface CreateTopicsCommand {
  readonly type: 'create-topics'
  readonly topics: readonly TopicToCreate[]
  readonly validateOnly: boolean
  readonly defaultPartitions: number
  readonly defaultReplicationFactor: number
}

export interface TopicToCreate {
  readonly name: string
  readonly topicId: string
  /** −1: the default. */
  readonly numPartitions: number
  readonly replicationFactor: number
  /** Given by hand; empty when the controller chooses. */
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[]
  readonly configs: ReadonlyMap<string, string | null>
}

export interface DeleteTopicsCommand {
  readonly type: 'delete-topics'
  /** By name, or by id when there is no name. */
  readonly topics: readonly { readonly name: string | null; readonly topicId: string }[]
}

export interface CreatePartitionsCommand {
  readonly type: 'create-partitions'
  readonly topics: readonly {
    readonly name: string
    readonly count: number
    readonly assignments: readonly (readonly number[])[] | null
  }[]
  readonly validateOnly: boolean
}

export interface AlterConfigsCommand {
  readonly type: 'alter-configs'
  readonly resources: readonly {
    readonly resourceType: number
    readonly resourceName: string
    readonly operations: readonly ConfigOperation[]
    /** AlterConfigs replaces all that was set; IncrementalAlterConfigs touches only what it names. */
    readonly replaceAll: boolean
  }[]
  readonly validateOnly: boolean
}

export interface CreateAclsCommand {
  readonly type: 'create-acls'
  /** With the id that the rule is given if it is new. */
  readonly acls: readonly (Acl & { readonly id: string })[]
}

interface DeleteAclsCommand {
  readonly type: 'delete-acls'
  readonly filters: readonly AclFilter[]
}

export interface ItemError {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export interface CreatedTopic extends ItemError {
  readonly name: string
  readonly topicId: string
  readonly numPartitions: number
  readonly replicationFactor: number
}

export interface ControllerReplies {
  'create-topics': { readonly topics: readonly CreatedTopic[] }
  'delete-topics': {
    readonly topics: readonly (ItemError & { readonly name: string | null; readonly topicId: string })[]
  }
  'create-partitions': { readonly topics: readonly (ItemError & { readonly name: string })[] }
  'alter-configs': {
    readonly resources: readonly (ItemError & { readonly resourceType: number; readonly resourceName: string })[]
  }
  'create-acls': { readonly results: readonly ItemError[] }
  'delete-acls': { readonly results: readonly (ItemError & { readonly deleted: readonly Acl[] })[] }
  'allocate-producer-ids': { readonly first: number; readonly count: number }
}

export type ControllerReply = ControllerReplies[keyof ControllerReplies]
