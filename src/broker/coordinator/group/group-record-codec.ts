// Group records in Kafka's bytes, so that its own tools can read `__consumer_offsets`. Key and value each begin with their version.

import { decodeStruct, encodeStruct } from '../../../protocol/codec.ts'
import { groupMetadataKey, groupMetadataValue } from '../../../protocol/messages/group-metadata-record.ts'
import { offsetCommitKey, offsetCommitValue } from '../../../protocol/messages/offset-commit-record.ts'
import type { Input, Message } from '../../../protocol/schema.ts'
import type { RecordCodec } from '../runtime.ts'
import { consumerRecordCodec } from './consumer/consumer-record-codec.ts'
import type { CommittedOffset, GroupMetadataValue, GroupRecord } from './group-record.ts'
import { isShareGroupRecord, shareGroupRecordCodec } from './share/share-group-record.ts'

const OFFSET_KEY_VERSION = 1
const GROUP_KEY_VERSION = 2
/** The newest that brokers before Kafka 4 can read too. */
const GROUP_VALUE_VERSION = 3
/** As Kafka from 4.3 on: it says of which topic, by id. */
const OFFSET_VALUE_VERSION = 4
/** The only one that can say when an offset expires. */
const EXPIRING_OFFSET_VALUE_VERSION = 1

export const groupRecordCodec: RecordCodec<GroupRecord> = {
  encode(record) {
    if (record.type === 'group-metadata') {
      const key = versioned(GROUP_KEY_VERSION, groupMetadataKey, { group: record.groupId })
      return { key, value: record.value && versioned(GROUP_VALUE_VERSION, groupMetadataValue, record.value) }
    }
    if (isShareGroupRecord(record)) return shareGroupRecordCodec.encode(record)
    if (record.type !== 'offset-commit') return consumerRecordCodec.encode(record)
    const { groupId, topic, partition, value } = record
    const key = versioned(OFFSET_KEY_VERSION, offsetCommitKey, { group: groupId, topic, partition })
    return { key, value: value && encodeOffset(value) }
  },

  decode({ key, value }) {
    if (!key || key.length < 2) return undefined
    const version = key.readInt16BE(0)
    if (version === GROUP_KEY_VERSION) {
      const { group } = decodeStruct(groupMetadataKey, version, key.subarray(2))
      return { type: 'group-metadata', groupId: group, value: value && decodeGroup(value) }
    }
    if (version !== 0 && version !== OFFSET_KEY_VERSION) {
      return consumerRecordCodec.decode({ key, value }) ?? shareGroupRecordCodec.decode({ key, value })
    }
    const { group, topic, partition } = decodeStruct(offsetCommitKey, version, key.subarray(2))
    return { type: 'offset-commit', groupId: group, topic, partition, value: value && decodeOffset(value) }
  },
}

function versioned<M extends Message>(version: number, schema: M, value: Input<M>): Buffer {
  const head = Buffer.alloc(2)
  head.writeInt16BE(version)
  return Buffer.concat([head, encodeStruct(schema, version, value)])
}

function encodeOffset(value: CommittedOffset): Buffer {
  const version = value.expireTimestamp >= 0 ? EXPIRING_OFFSET_VALUE_VERSION : OFFSET_VALUE_VERSION
  return versioned(version, offsetCommitValue, value)
}

function decodeOffset(value: Buffer): CommittedOffset {
  return decodeStruct(offsetCommitValue, value.readInt16BE(0), value.subarray(2))
}

function decodeGroup(value: Buffer): GroupMetadataValue {
  return decodeStruct(groupMetadataValue, value.readInt16BE(0), value.subarray(2))
}
