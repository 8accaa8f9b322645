// Committed offsets in the log: written as Kafka 4.3 writes them, read as any version wrote them.
import { expect, test } from 'vitest'
import type { GroupRecord } from '../../../../src/broker/coordinator/group/group-record.ts'
import { groupRecordCodec } from '../../../../src/broker/coordinator/group/group-record-codec.ts'
import { ZERO_UUID } from '../../../../src/protocol/schema.ts'

const KEY = '0001000762696c6c696e6700066f726465727300000007'
const TOPIC_ID = 'AAAAAAAAAAEAAAAAAAAAAg'

const plain = { offset: 123456789012, leaderEpoch: 7, metadata: 'note', commitTimestamp: 1700000000123 }

function committed(value: { leaderEpoch?: number; expireTimestamp?: number; topicId?: string }): GroupRecord {
  const full = { ...plain, expireTimestamp: -1, topicId: ZERO_UUID, ...value }
  return { type: 'offset-commit', groupId: 'billing', topic: 'orders', partition: 7, value: full }
}

const written: readonly (readonly [string, GroupRecord, string])[] = [
  [
    'of a topic by its id',
    committed({ topicId: TOPIC_ID }),
    '00040000001cbe991a1400000007056e6f74650000018bcfe5687b01001000000000000000010000000000000002',
  ],
  ['without a topic id', committed({}), '00040000001cbe991a1400000007056e6f74650000018bcfe5687b00'],
  [
    'that says when it expires',
    committed({ leaderEpoch: -1, expireTimestamp: 1700000999999 }),
    '00010000001cbe991a1400046e6f74650000018bcfe5687b0000018bcff4aa3f',
  ],
]

test.each(written)('an offset %s is written in the bytes of Kafka 4.3, and read again', (_, record, hex) => {
  const { key, value } = groupRecordCodec.encode(record)
  expect([key, value].map((bytes) => bytes?.toString('hex'))).toEqual([KEY, hex])
  expect(groupRecordCodec.decode({ key, value })).toEqual(record)
})

test.each([
  ['0', -1, '00000000001cbe991a1400046e6f74650000018bcfe5687b'],
  ['2', -1, '00020000001cbe991a1400046e6f74650000018bcfe5687b'],
  ['3', 7, '00030000001cbe991a140000000700046e6f74650000018bcfe5687b'],
])('an offset that an older broker wrote in version %s is read', (_, leaderEpoch, hex) => {
  const record = { key: Buffer.from(KEY, 'hex'), value: Buffer.from(hex, 'hex') }
  expect(groupRecordCodec.decode(record)).toEqual(committed({ leaderEpoch }))
})
