// The records of consumer groups in Kafka's bytes: the version of a key says which record it is.

import { decodeStruct, encodeStruct } from '../../../../protocol/codec.ts'
import {
  consumerGroupCurrentMemberAssignmentValue,
  consumerGroupKey,
  consumerGroupMemberKey,
  consumerGroupMemberMetadataValue,
  consumerGroupMetadataValue,
  consumerGroupRegularExpressionKey,
  consumerGroupRegularExpressionValue,
  consumerGroupTargetAssignmentMemberValue,
  consumerGroupTargetAssignmentMetadataValue,
} from '../../../../protocol/messages/consumer-group-record.ts'
import type { Input, Message, Value } from '../../../../protocol/schema.ts'
import type { RecordCodec } from '../../runtime.ts'
import type { ConsumerGroupRecord } from '../group-record.ts'

const KEY_VERSION = {
  'consumer-group': 3,
  'consumer-partitions': 4,
  'consumer-member': 5,
  'consumer-target': 6,
  'consumer-target-member': 7,
  'consumer-current': 8,
  'consumer-regex': 16,
} as const
/** Of every value. */
const VALUE_VERSION = 0

export const consumerRecordCodec: RecordCodec<ConsumerGroupRecord> = {
  encode(record) {
    return { key: Buffer.concat([int16(KEY_VERSION[record.type]), encodeKey(record)]), value: encodeValue(record) }
  },

  decode({ key, value }) {
    if (!key) return undefined
    const body = key.subarray(2)
    const read = <M extends Message>(schema: M): Value<M> | null =>
      value && decodeStruct(schema, VALUE_VERSION, value.subarray(2))
    const group = () => decodeStruct(consumerGroupKey, 0, body)
    const member = () => decodeStruct(consumerGroupMemberKey, 0, body)
    switch (key.readInt16BE(0)) {
      case KEY_VERSION['consumer-group']:
        return { type: 'consumer-group', ...group(), value: read(consumerGroupMetadataValue) }
      case KEY_VERSION['consumer-partitions']:
        return { type: 'consumer-partitions', ...group(), present: value !== null }
      case KEY_VERSION['consumer-member']:
        return { type: 'consumer-member', ...member(), value: read(consumerGroupMemberMetadataValue) }
      case KEY_VERSION['consumer-target']:
        return { type: 'consumer-target', ...group(), value: read(consumerGroupTargetAssignmentMetadataValue) }
      case KEY_VERSION['consumer-target-member']:
        return { type: 'consumer-target-member', ...member(), value: read(consumerGroupTargetAssignmentMemberValue) }
      case KEY_VERSION['consumer-current']:
        return { type: 'consumer-current', ...member(), value: read(consumerGroupCurrentMemberAssignmentValue) }
      case KEY_VERSION['consumer-regex']: {
        const { groupId, regularExpression: regex } = decodeStruct(consumerGroupRegularExpressionKey, 0, body)
        return { type: 'consumer-regex', groupId, regex, value: read(consumerGroupRegularExpressionValue) }
      }
      default:
        return undefined
    }
  },
}

function encodeKey(record: ConsumerGroupRecord): Buffer {
  const { groupId } = record
  if (record.type === 'consumer-regex') {
    return encodeStruct(consumerGroupRegularExpressionKey, 0, { groupId, regularExpression: record.regex })
  }
  if ('memberId' in record) return encodeStruct(consumerGroupMemberKey, 0, { groupId, memberId: record.memberId })
  return encodeStruct(consumerGroupKey, 0, { groupId })
}

function encodeValue(record: ConsumerGroupRecord): Buffer | null {
  if (record.type === 'consumer-partitions' || record.value === null) return null
  switch (record.type) {
    case 'consumer-group':
      return versioned(consumerGroupMetadataValue, record.value)
    case 'consumer-member':
      return versioned(consumerGroupMemberMetadataValue, record.value)
    case 'consumer-target':
      return versioned(consumerGroupTargetAssignmentMetadataValue, record.value)
    case 'consumer-target-member':
      return versioned(consumerGroupTargetAssignmentMemberValue, record.value)
    case 'consumer-current':
      return versioned(consumerGroupCurrentMemberAssignmentValue, record.value)
    case 'consumer-regex':
      return versioned(consumerGroupRegularExpressionValue, record.value)
  }
}

function versioned<M extends Message>(schema: M, value: Input<M>): Buffer {
  return Buffer.concat([int16(VALUE_VERSION), encodeStruct(schema, VALUE_VERSION, value)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
