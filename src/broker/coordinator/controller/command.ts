import type { GroupBounds } from '../../group-resource-config.ts'
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
  | AlterScramCredentialsCommand
  | AlterClientQuotasCommand
  | UpdateFeaturesCommand
  | { readonly type: 'allocate-producer-ids'; readonly brokerId: number; readonly count: number }

/** Whose controller_mutation_rate a command counts against (KIP-599). */
export interface MutationRequester {
  readonly user: string
  readonly clientId: string
  /** What goes beyond the quota is refused; otherwise it is done, and its client pauses. */
  readonly isStrict: boolean
  /** Seconds of unused quota that a client may save up. */
  readonly burstSeconds: number
}

export interface CreateTopicsCommand {
  readonly type: 'create-topics'
  /** Absent: nobody's quota. */
  readonly requester?: MutationRequester | undefined
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
  readonly requester?: MutationRequester | undefined
  /** By name, or by id when there is no name. */
  readonly topics: readonly { readonly name: string | null; readonly topicId: string }[]
}

export interface CreatePartitionsCommand {
  readonly type: 'create-partitions'
  readonly requester?: MutationRequester | undefined
  readonly topics: readonly {
    readonly name: string
    readonly count: number
    readonly assignments: readonly (readonly number[])[] | null
  }[]
  readonly validateOnly: boolean
}

export interface AlterConfigsCommand {
  readonly type: 'alter-configs'
  /** Within which a group may have its own configs. */
  readonly groupBounds: GroupBounds
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

export interface AlterScramCredentialsCommand {
  readonly type: 'alter-scram-credentials'
  readonly deletions: readonly { readonly name: string; readonly mechanism: number }[]
  readonly upsertions: readonly {
    readonly name: string
    readonly mechanism: number
    readonly iterations: number
    readonly salt: Buffer
    readonly saltedPassword: Buffer
  }[]
}

export interface AlterClientQuotasCommand {
  readonly type: 'alter-client-quotas'
  readonly entries: readonly {
    /** A null name is the default of the type. */
    readonly entity: readonly { readonly entityType: string; readonly entityName: string | null }[]
    readonly ops: readonly { readonly key: string; readonly value: number; readonly remove: boolean }[]
  }[]
  readonly validateOnly: boolean
}

export interface UpdateFeaturesCommand {
  readonly type: 'update-features'
  readonly updates: readonly { readonly name: string; readonly level: number; readonly upgradeType: number }[]
  readonly validateOnly: boolean
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

interface Paused {
  /** For how long the requester must pause. */
  readonly pauseMs: number
}

export interface ControllerReplies {
  'create-topics': Paused & { readonly topics: readonly CreatedTopic[] }
  'delete-topics': Paused & {
    readonly topics: readonly (ItemError & { readonly name: string | null; readonly topicId: string })[]
  }
  'create-partitions': Paused & { readonly topics: readonly (ItemError & { readonly name: string })[] }
  'alter-configs': {
    readonly resources: readonly (ItemError & { readonly resourceType: number; readonly resourceName: string })[]
  }
  'create-acls': { readonly results: readonly ItemError[] }
  'delete-acls': { readonly results: readonly (ItemError & { readonly deleted: readonly Acl[] })[] }
  'alter-scram-credentials': { readonly users: readonly (ItemError & { readonly user: string })[] }
  'update-features': ItemError
  'alter-client-quotas': {
    readonly entries: readonly (ItemError & Pick<AlterClientQuotasCommand['entries'][number], 'entity'>)[]
  }
  'allocate-producer-ids': { readonly first: number; readonly count: number }
}

export type ControllerReply = ControllerReplies[keyof ControllerReplies]
