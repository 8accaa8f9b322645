import type { GroupBounds } from '../../group-resource-config.ts'
import type { Acl, AclFilter } from '../../security/acl.ts'
import type { ConfigOperation } from './config-alteration.ts'
import type { BrokerRegistration } from './metadata-record.ts'

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
  | {
      readonly type: 'allocate-producer-ids'
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly count: number
    }
  | RegisterBrokerCommand
  | BrokerHeartbeatCommand
  | { readonly type: 'unregister-broker'; readonly brokerId: number }
  /** A timer: the broker was not heard in time. Late once more, and it is fenced. */
  | { readonly type: 'session-expired'; readonly brokerId: number; readonly again: boolean }
  | AlterPartitionCommand
  | ElectLeadersCommand
  | AlterPartitionReassignmentsCommand
  /** Timers. */
  | { readonly type: 'balance-leaders' }
  | { readonly type: 'elect-unclean' }

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

export interface RegisterBrokerCommand {
  readonly type: 'register-broker'
  /** A cluster of one, whose broker is ready when it registers. */
  readonly isAlone?: boolean
  readonly registration: Pick<BrokerRegistration, 'brokerId' | 'incarnationId' | 'endPoints' | 'features' | 'rack'>
}

export interface BrokerHeartbeatCommand {
  readonly type: 'broker-heartbeat'
  readonly brokerId: number
  readonly brokerEpoch: number
  /** The last record of the metadata log that the broker obeys. */
  readonly currentMetadataOffset: number
  readonly wantFence: boolean
  readonly wantShutDown: boolean
}

export interface AlterPartitionCommand {
  readonly type: 'alter-partition'
  readonly brokerId: number
  readonly brokerEpoch: number
  readonly topics: readonly {
    readonly topicId: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      readonly leaderEpoch: number
      /** An epoch of −1: whatever start of the broker. */
      readonly newIsr: readonly { readonly brokerId: number; readonly brokerEpoch: number }[]
      readonly leaderRecoveryState: number
      readonly partitionEpoch: number
    }[]
  }[]
}

export interface AlteredPartition {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly isr: readonly number[]
  readonly leaderRecoveryState: number
  readonly partitionEpoch: number
}

export interface ElectLeadersCommand {
  readonly type: 'elect-leaders'
  /** One of ELECTION. */
  readonly electionType: number
  /** null: all. */
  readonly topics: readonly { readonly topic: string; readonly partitions: readonly number[] }[] | null
}

export interface AlterPartitionReassignmentsCommand {
  readonly type: 'alter-partition-reassignments'
  readonly allowReplicationFactorChange: boolean
  readonly topics: readonly {
    readonly name: string
    readonly partitions: readonly {
      readonly partitionIndex: number
      /** null: no longer. */
      readonly replicas: readonly number[] | null
    }[]
  }[]
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
  'allocate-producer-ids': { readonly errorCode: number; readonly first: number; readonly count: number }
  'register-broker': { readonly errorCode: number; readonly brokerEpoch: number }
  'broker-heartbeat': {
    readonly errorCode: number
    readonly isCaughtUp: boolean
    readonly isFenced: boolean
    readonly shouldShutDown: boolean
  }
  'unregister-broker': ItemError
  'session-expired': undefined
  'alter-partition': {
    readonly errorCode: number
    readonly topics: readonly { readonly topicId: string; readonly partitions: readonly AlteredPartition[] }[]
  }
  'elect-leaders': {
    readonly results: readonly {
      readonly topic: string
      readonly partitionResult: readonly (ItemError & { readonly partitionId: number })[]
    }[]
  }
  'alter-partition-reassignments': {
    readonly topics: readonly {
      readonly name: string
      readonly partitions: readonly (ItemError & { readonly partitionIndex: number })[]
    }[]
  }
  'balance-leaders': undefined
  'elect-unclean': undefined
}

export type ControllerReply = ControllerReplies[keyof ControllerReplies]
