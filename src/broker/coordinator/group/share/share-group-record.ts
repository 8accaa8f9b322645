// The records of share groups in Kafka's bytes: the version of a key says which record it is.

import { decodeStruct, encodeStruct } from '../../../../protocol/codec.ts'
import {
  shareGroupCurrentMemberAssignmentValue,
  shareGroupKey,
  shareGroupMemberKey,
  shareGroupMemberMetadataValue,
  shareGroupMetadataValue,
  shareGroupStatePartitionMetadataValue,
  shareGroupTargetAssignmentMemberValue,
  shareGroupTargetAssignmentMetadataValue,
} from '../../../../protocol/messages/share-group-record.ts'
import type { Input, Message, Value } from '../../../../protocol/schema.ts'
import type { RecordCodec } from '../../runtime.ts'

/** What a share group is made of; a null value is a tombstone. */
export type ShareGroupRecord =
  | OfGroup<'share-group', typeof shareGroupMetadataValue>
  | OfGroup<'share-target', typeof shareGroupTargetAssignmentMetadataValue>
  | OfGroup<'share-states', typeof shareGroupStatePartitionMetadataValue>
  | OfMember<'share-member', typeof shareGroupMemberMetadataValue>
  | OfMember<'share-target-member', typeof shareGroupTargetAssignmentMemberValue>
  | OfMember<'share-current', typeof shareGroupCurrentMemberAssignmentValue>

interface OfGroup<Type extends string, M extends Message> {
  readonly type: Type
  readonly groupId: string
  readonly value: Value<M> | null
}

interface OfMember<Type extends string, M extends Message> extends OfGroup<Type, M> {
  readonly memberId: string
}

type Kind = ShareGroupRecord['type']

const KEY_VERSION: Readonly<Record<Kind, number>> = {
  'share-member': 10,
  'share-group': 11,
  'share-target': 12,
  'share-target-member': 13,
  'share-current': 14,
  'share-states': 15,
}
const VALUES: Readonly<Record<Kind, Message>> = {
  'share-member': shareGroupMemberMetadataValue,
  'share-group': shareGroupMetadataValue,
  'share-target': shareGroupTargetAssignmentMetadataValue,
  'share-target-member': shareGroupTargetAssignmentMemberValue,
  'share-current': shareGroupCurrentMemberAssignmentValue,
  'share-states': shareGroupStatePartitionMetadataValue,
}
const KIND_BY_KEY = new Map(Object.entries(KEY_VERSION).map(([kind, version]) => [version, kind as Kind]))
/** Of every value. */
const VALUE_VERSION = 0

export const shareGroupRecordCodec: RecordCodec<ShareGroupRecord> = {
  encode(record) {
    const { type, groupId, value } = record
    const key =
      'memberId' in record
        ? encodeStruct(shareGroupMemberKey, 0, { groupId, memberId: record.memberId })
        : encodeStruct(shareGroupKey, 0, { groupId })
    const body = value && encodeStruct(VALUES[type], VALUE_VERSION, value as Input<Message>)
    return { key: headed(KEY_VERSION[type], key), value: body && headed(VALUE_VERSION, body) }
  },

  decode({ key, value }) {
    const type = key ? KIND_BY_KEY.get(key.readInt16BE(0)) : undefined
    if (!key || !type) return undefined
    const body = key.subarray(2)
    const isOfMember = type === 'share-member' || type === 'share-target-member' || type === 'share-current'
    const ids = isOfMember ? decodeStruct(shareGroupMemberKey, 0, body) : decodeStruct(shareGroupKey, 0, body)
    const decoded = value && decodeStruct(VALUES[type], VALUE_VERSION, value.subarray(2))
    return { type, ...ids, value: decoded } as ShareGroupRecord
  },
}

export function isShareGroupRecord(record: { readonly type: string }): record is ShareGroupRecord {
  return record.type in KEY_VERSION
}

function headed(version: number, body: Buffer): Buffer {
  const head = Buffer.alloc(2)
  head.writeInt16BE(version)
  return Buffer.concat([head, body])
}
