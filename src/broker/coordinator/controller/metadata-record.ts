// The records of `__cluster_metadata`, in Kafka's own layout: a frame version (1), the record's key and version as varints, then the
// body in the flexible form. Only those that this controller writes.

import { decodeStruct, encodeStruct } from '../../../protocol/codec.ts'
import {
  array,
  bool,
  bytes,
  float64,
  int8,
  int16,
  int32,
  int64,
  type Message,
  message,
  string,
  uint16,
  uuid,
} from '../../../protocol/schema.ts'
import type { Acl } from '../../security/acl.ts'
import type { ScramCredential } from '../../security/scram-credential.ts'
import type { RecordCodec } from '../runtime.ts'

export type MetadataRecord =
  | ({ readonly type: 'register-broker' } & BrokerRegistration)
  | { readonly type: 'unregister-broker'; readonly brokerId: number; readonly brokerEpoch: number }
  | {
      readonly type: 'broker-registration-change'
      readonly brokerId: number
      readonly brokerEpoch: number
      /** FENCE, UNFENCE or NO_FENCE_CHANGE. */
      readonly fenced: number
      /** 1: the broker is about to stop; 0: as before. */
      readonly inControlledShutdown: number
    }
  | { readonly type: 'topic'; readonly name: string; readonly topicId: string }
  | ({ readonly type: 'partition'; readonly topicId: string } & PartitionRegistration)
  | ({ readonly type: 'partition-change'; readonly topicId: string; readonly partitionId: number } & PartitionChange)
  | { readonly type: 'remove-topic'; readonly topicId: string }
  | {
      readonly type: 'config'
      readonly resourceType: number
      readonly resourceName: string
      readonly name: string
      /** null: back to the default. */
      readonly value: string | null
    }
  | ({ readonly type: 'access-control-entry'; readonly id: string } & Acl)
  | { readonly type: 'remove-access-control-entry'; readonly id: string }
  | {
      readonly type: 'client-quota'
      readonly entity: readonly { readonly entityType: string; readonly entityName: string | null }[]
      readonly key: string
      readonly value: number
      readonly remove: boolean
    }
  | ({ readonly type: 'scram-credential'; readonly name: string; readonly mechanism: number } & ScramCredential)
  | { readonly type: 'remove-scram-credential'; readonly name: string; readonly mechanism: number }
  | {
      readonly type: 'producer-ids'
      readonly brokerId: number
      readonly brokerEpoch: number
      readonly nextProducerId: number
    }
  /** Level 0: the feature is off. */
  | { readonly type: 'feature'; readonly name: string; readonly featureLevel: number }

/** A broker as it has told the controller. */
export interface BrokerRegistration {
  readonly brokerId: number
  /** Drawn by each start of the broker. */
  readonly incarnationId: string
  /** Given by the controller to each start; older ones are refused. */
  readonly brokerEpoch: number
  readonly endPoints: readonly BrokerEndpoint[]
  readonly features: readonly BrokerFeature[]
  readonly rack: string | null
  /** It neither leads nor counts as in sync. */
  readonly fenced: boolean
  readonly inControlledShutdown: boolean
}

interface BrokerEndpoint {
  /** Of the listener, in upper case. */
  readonly name: string
  readonly host: string
  readonly port: number
  /** As Kafka numbers them: PLAINTEXT 0, SSL 1, SASL_PLAINTEXT 2, SASL_SSL 3. */
  readonly securityProtocol: number
}

interface BrokerFeature {
  readonly name: string
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

export const FENCE = 1
export const UNFENCE = -1
export const NO_FENCE_CHANGE = 0

export interface PartitionRegistration {
  readonly partitionId: number
  /** The first one is preferred as leader. During a reassignment those that come and those that go. */
  readonly replicas: readonly number[]
  readonly addingReplicas: readonly number[]
  readonly removingReplicas: readonly number[]
  /** Never empty: without a leader, the last ones that were in sync. */
  readonly isr: readonly number[]
  /** NO_LEADER: nobody can. */
  readonly leader: number
  /** RECOVERED or RECOVERING. */
  readonly leaderRecoveryState: number
  /** Rises with each change of the leader, and when a replica goes. */
  readonly leaderEpoch: number
  /** Rises with each change. */
  readonly partitionEpoch: number
}

export const NO_LEADER = -1
export const NO_LEADER_CHANGE = -2

export const RECOVERED = 0
/** The leader was elected from outside of the replicas that were in sync, and has not said yet that it is ready (KIP-704). */
export const RECOVERING = 1
export const NO_RECOVERY_CHANGE = -1

/** What a change of a partition says; null, NO_LEADER_CHANGE and NO_RECOVERY_CHANGE: as before. */
export interface PartitionChange {
  readonly isr: readonly number[] | null
  readonly leader: number
  readonly replicas: readonly number[] | null
  readonly removingReplicas: readonly number[] | null
  readonly addingReplicas: readonly number[] | null
  readonly leaderRecoveryState: number
}

/** The partition after the change. */
export function changedPartition(before: PartitionRegistration, change: PartitionChange): PartitionRegistration {
  const leaderIsNamed = change.leader !== NO_LEADER_CHANGE
  return {
    partitionId: before.partitionId,
    replicas: change.replicas ?? before.replicas,
    addingReplicas: change.addingReplicas ?? before.addingReplicas,
    removingReplicas: change.removingReplicas ?? before.removingReplicas,
    isr: change.isr ?? before.isr,
    leader: leaderIsNamed ? change.leader : before.leader,
    leaderRecoveryState:
      change.leaderRecoveryState === NO_RECOVERY_CHANGE ? before.leaderRecoveryState : change.leaderRecoveryState,
    // Also when the same leader is named: that is how an epoch is ended without another leader.
    leaderEpoch: before.leaderEpoch + (leaderIsNamed ? 1 : 0),
    partitionEpoch: before.partitionEpoch + 1,
  }
}

/** The broker after the change. */
export function changedBroker(
  before: BrokerRegistration,
  change: { readonly fenced: number; readonly inControlledShutdown: number },
): BrokerRegistration {
  return {
    ...before,
    fenced: change.fenced === NO_FENCE_CHANGE ? before.fenced : change.fenced === FENCE,
    inControlledShutdown: before.inControlledShutdown || change.inControlledShutdown === 1,
  }
}

const REGISTER_BROKER_KEY = 0
const UNREGISTER_BROKER_KEY = 1
const TOPIC_KEY = 2
const PARTITION_KEY = 3
const CONFIG_KEY = 4
const PARTITION_CHANGE_KEY = 5
const REMOVE_TOPIC_KEY = 9
const FEATURE_LEVEL_KEY = 12
const SCRAM_CREDENTIAL_KEY = 11
const CLIENT_QUOTA_KEY = 14
const PRODUCER_IDS_KEY = 15
const BROKER_REGISTRATION_CHANGE_KEY = 17
const ACCESS_CONTROL_ENTRY_KEY = 18
const REMOVE_ACCESS_CONTROL_ENTRY_KEY = 19
const REMOVE_SCRAM_CREDENTIAL_KEY = 22

const FRAME_VERSION = 1
const flexible = { versions: [0, 0], flexible: 0 } as const

/** Those of which Kafka 4.3 writes a newer version; all others: 0. */
const REGISTER_BROKER_VERSION = 3
const BROKER_REGISTRATION_CHANGE_VERSION = 2

const registerBrokerRecord = message({
  versions: [0, REGISTER_BROKER_VERSION],
  flexible: 0,
  name: 'RegisterBrokerRecord',
  fields: {
    brokerId: int32,
    isMigratingZkBroker: bool.since(2),
    incarnationId: uuid,
    brokerEpoch: int64,
    endPoints: array({ name: string, host: string, port: uint16, securityProtocol: int16 }),
    features: array({ name: string, minSupportedVersion: int16, maxSupportedVersion: int16 }),
    rack: string.nullable(),
    fenced: bool.default(true),
    inControlledShutdown: bool.since(1),
    logDirs: array(uuid).tag(0, 3),
  },
})
const unregisterBrokerRecord = message({
  ...flexible,
  name: 'UnregisterBrokerRecord',
  fields: { brokerId: int32, brokerEpoch: int64 },
})
const brokerRegistrationChangeRecord = message({
  versions: [0, BROKER_REGISTRATION_CHANGE_VERSION],
  flexible: 0,
  name: 'BrokerRegistrationChangeRecord',
  fields: {
    brokerId: int32,
    brokerEpoch: int64,
    fenced: int8.tag(0),
    inControlledShutdown: int8.tag(1, 1),
    logDirs: array(uuid).tag(2, 2),
  },
})

const topicRecord = message({ ...flexible, name: 'TopicRecord', fields: { name: string, topicId: uuid } })
const partitionRecord = message({
  ...flexible,
  name: 'PartitionRecord',
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    replicas: array(int32),
    isr: array(int32),
    removingReplicas: array(int32).default([]),
    addingReplicas: array(int32).default([]),
    leader: int32.default(-1),
    leaderRecoveryState: int8.tag(0),
    leaderEpoch: int32.default(-1),
    partitionEpoch: int32.default(-1),
  },
})
const partitionChangeRecord = message({
  ...flexible,
  name: 'PartitionChangeRecord',
  fields: {
    partitionId: int32.default(-1),
    topicId: uuid,
    isr: array(int32).nullable().default(null).tag(0),
    leader: int32.default(NO_LEADER_CHANGE).tag(1),
    replicas: array(int32).nullable().default(null).tag(2),
    removingReplicas: array(int32).nullable().default(null).tag(3),
    addingReplicas: array(int32).nullable().default(null).tag(4),
    leaderRecoveryState: int8.default(NO_RECOVERY_CHANGE).tag(5),
  },
})
const configRecord = message({
  ...flexible,
  name: 'ConfigRecord',
  fields: { resourceType: int8, resourceName: string, name: string, value: string.nullable() },
})
const removeTopicRecord = message({ ...flexible, name: 'RemoveTopicRecord', fields: { topicId: uuid } })
const featureLevelRecord = message({
  ...flexible,
  name: 'FeatureLevelRecord',
  fields: { name: string, featureLevel: int16 },
})
const clientQuotaRecord = message({
  ...flexible,
  name: 'ClientQuotaRecord',
  fields: {
    entity: array({ entityType: string, entityName: string.nullable() }),
    key: string,
    value: float64,
    remove: bool,
  },
})
const scramCredentialRecord = message({
  ...flexible,
  name: 'UserScramCredentialRecord',
  fields: { name: string, mechanism: int8, salt: bytes, storedKey: bytes, serverKey: bytes, iterations: int32 },
})
const removeScramCredentialRecord = message({
  ...flexible,
  name: 'RemoveUserScramCredentialRecord',
  fields: { name: string, mechanism: int8 },
})
const producerIdsRecord = message({
  ...flexible,
  name: 'ProducerIdsRecord',
  fields: { brokerId: int32, brokerEpoch: int64.default(-1), nextProducerId: int64 },
})

const accessControlEntryRecord = message({
  ...flexible,
  name: 'AccessControlEntryRecord',
  fields: {
    id: uuid,
    resourceType: int8,
    resourceName: string,
    patternType: int8,
    principal: string,
    host: string,
    operation: int8,
    permissionType: int8,
  },
})
const removeAccessControlEntryRecord = message({
  ...flexible,
  name: 'RemoveAccessControlEntryRecord',
  fields: { id: uuid },
})

function framed(key: number, schema: Message, body: never, version = 0): Buffer {
  return Buffer.concat([Buffer.from([FRAME_VERSION, key, version]), encodeStruct(schema, version, body)])
}

export const metadataRecordCodec: RecordCodec<MetadataRecord> = {
  encode(record) {
    return { key: null, value: encodeValue(record) }
  },

  decode({ value }) {
    if (!value || value.length < 3 || value[0] !== FRAME_VERSION) return undefined
    const body = value.subarray(3)
    const version = value[2]!
    switch (value[1]) {
      case REGISTER_BROKER_KEY: {
        const {
          isMigratingZkBroker: _,
          logDirs: __,
          ...registration
        } = decodeStruct(registerBrokerRecord, version, body)
        return { type: 'register-broker', ...registration }
      }
      case UNREGISTER_BROKER_KEY:
        return { type: 'unregister-broker', ...decodeStruct(unregisterBrokerRecord, 0, body) }
      case BROKER_REGISTRATION_CHANGE_KEY: {
        const { logDirs: _, ...change } = decodeStruct(brokerRegistrationChangeRecord, version, body)
        return { type: 'broker-registration-change', ...change }
      }
      case PARTITION_CHANGE_KEY:
        return { type: 'partition-change', ...decodeStruct(partitionChangeRecord, 0, body) }
      case TOPIC_KEY:
        return { type: 'topic', ...decodeStruct(topicRecord, 0, body) }
      case PARTITION_KEY:
        return { type: 'partition', ...decodeStruct(partitionRecord, 0, body) }
      case CONFIG_KEY:
        return { type: 'config', ...decodeStruct(configRecord, 0, body) }
      case REMOVE_TOPIC_KEY:
        return { type: 'remove-topic', ...decodeStruct(removeTopicRecord, 0, body) }
      case SCRAM_CREDENTIAL_KEY:
        return { type: 'scram-credential', ...decodeStruct(scramCredentialRecord, 0, body) }
      case REMOVE_SCRAM_CREDENTIAL_KEY:
        return { type: 'remove-scram-credential', ...decodeStruct(removeScramCredentialRecord, 0, body) }
      case CLIENT_QUOTA_KEY:
        return { type: 'client-quota', ...decodeStruct(clientQuotaRecord, 0, body) }
      case PRODUCER_IDS_KEY:
        return { type: 'producer-ids', ...decodeStruct(producerIdsRecord, 0, body) }
      case ACCESS_CONTROL_ENTRY_KEY:
        return { type: 'access-control-entry', ...decodeStruct(accessControlEntryRecord, 0, body) }
      case REMOVE_ACCESS_CONTROL_ENTRY_KEY:
        return { type: 'remove-access-control-entry', ...decodeStruct(removeAccessControlEntryRecord, 0, body) }
      case FEATURE_LEVEL_KEY:
        return { type: 'feature', ...decodeStruct(featureLevelRecord, 0, body) }
      default:
        return undefined
    }
  },
}

function encodeValue(record: MetadataRecord): Buffer {
  switch (record.type) {
    case 'register-broker':
      return framed(REGISTER_BROKER_KEY, registerBrokerRecord, record as never, REGISTER_BROKER_VERSION)
    case 'unregister-broker':
      return framed(UNREGISTER_BROKER_KEY, unregisterBrokerRecord, record as never)
    case 'broker-registration-change': {
      const version = BROKER_REGISTRATION_CHANGE_VERSION
      return framed(BROKER_REGISTRATION_CHANGE_KEY, brokerRegistrationChangeRecord, record as never, version)
    }
    case 'partition-change':
      return framed(PARTITION_CHANGE_KEY, partitionChangeRecord, record as never)
    case 'topic':
      return framed(TOPIC_KEY, topicRecord, record as never)
    case 'partition':
      return framed(PARTITION_KEY, partitionRecord, record as never)
    case 'config':
      return framed(CONFIG_KEY, configRecord, record as never)
    case 'remove-topic':
      return framed(REMOVE_TOPIC_KEY, removeTopicRecord, record as never)
    case 'scram-credential':
      return framed(SCRAM_CREDENTIAL_KEY, scramCredentialRecord, record as never)
    case 'remove-scram-credential':
      return framed(REMOVE_SCRAM_CREDENTIAL_KEY, removeScramCredentialRecord, record as never)
    case 'client-quota':
      return framed(CLIENT_QUOTA_KEY, clientQuotaRecord, record as never)
    case 'producer-ids':
      return framed(PRODUCER_IDS_KEY, producerIdsRecord, record as never)
    case 'access-control-entry':
      return framed(ACCESS_CONTROL_ENTRY_KEY, accessControlEntryRecord, record as never)
    case 'remove-access-control-entry':
      return framed(REMOVE_ACCESS_CONTROL_ENTRY_KEY, removeAccessControlEntryRecord, record as never)
    case 'feature':
      return framed(FEATURE_LEVEL_KEY, featureLevelRecord, record as never)
  }
}
