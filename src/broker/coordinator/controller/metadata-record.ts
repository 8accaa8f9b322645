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
  uuid,
} from '../../../protocol/schema.ts'
import type { Acl } from '../../security/acl.ts'
import type { ScramCredential } from '../../security/scram-credential.ts'
import type { RecordCodec } from '../runtime.ts'

export type MetadataRecord =
  | { readonly type: 'topic'; readonly name: string; readonly topicId: string }
  | ({ readonly type: 'partition'; readonly topicId: string } & PartitionRegistration)
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
  | { readonly type: 'producer-ids'; readonly brokerId: number; readonly nextProducerId: number }
  /** Level 0: the feature is off. */
  | { readonly type: 'feature'; readonly name: string; readonly featureLevel: number }

export interface PartitionRegistration {
  readonly partitionId: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  readonly leader: number
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

const TOPIC_KEY = 2
const PARTITION_KEY = 3
const CONFIG_KEY = 4
const REMOVE_TOPIC_KEY = 9
const FEATURE_LEVEL_KEY = 12
const SCRAM_CREDENTIAL_KEY = 11
const CLIENT_QUOTA_KEY = 14
const PRODUCER_IDS_KEY = 15
const ACCESS_CONTROL_ENTRY_KEY = 18
const REMOVE_ACCESS_CONTROL_ENTRY_KEY = 19
const REMOVE_SCRAM_CREDENTIAL_KEY = 22

const FRAME_VERSION = 1
const flexible = { versions: [0, 0], flexible: 0 } as const

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

function framed(key: number, schema: Message, body: never): Buffer {
  return Buffer.concat([Buffer.from([FRAME_VERSION, key, 0]), encodeStruct(schema, 0, body)])
}

export const metadataRecordCodec: RecordCodec<MetadataRecord> = {
  encode(record) {
    return { key: null, value: encodeValue(record) }
  },

  decode({ value }) {
    if (!value || value.length < 3 || value[0] !== FRAME_VERSION) return undefined
    const body = value.subarray(3)
    switch (value[1]) {
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
