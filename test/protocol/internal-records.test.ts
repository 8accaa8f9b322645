import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { DecodeError, decodeVersioned, encodeVersioned, versionOf } from '../../src/protocol/codec.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decodeAssignment,
  decodeSubscription,
} from '../../src/protocol/messages/consumer-protocol.ts'
import { groupMetadataKey, groupMetadataValue } from '../../src/protocol/messages/group-metadata-record.ts'
import { offsetCommitKey, offsetCommitValue } from '../../src/protocol/messages/offset-commit-record.ts'

const lines = readFileSync(new URL('../wire/records-4.3.1.jsonl', import.meta.url), 'utf8')
  .trim()
  .split('\n')
  .map((line): { what: string; version: number; hex: string } => JSON.parse(line))

describe('what consumers say to each other', () => {
  const subscription = (version: number) => ({
    topics: ['orders', 'payments'],
    userData: Buffer.from('010203', 'hex'),
    ownedPartitions:
      version < 1
        ? []
        : [
            { topic: 'orders', partitions: [0] },
            { topic: 'payments', partitions: [2] },
          ],
    generationId: version < 2 ? -1 : 5,
    rackId: version < 3 ? null : 'rack-a',
  })
  const assignment = {
    assignedPartitions: [
      { topic: 'orders', partitions: [0, 3] },
      { topic: 'payments', partitions: [2] },
    ],
    userData: Buffer.from('09', 'hex'),
  }

  test.each(lines.filter((line) => line.what === 'consumer-subscription'))('subscription v$version', (line) => {
    const bytes = Buffer.from(line.hex, 'hex')
    expect(decodeSubscription(bytes)).toEqual(subscription(line.version))
    expect(encodeVersioned(consumerProtocolSubscription, line.version, subscription(line.version))).toEqual(bytes)
  })

  test.each(lines.filter((line) => line.what === 'consumer-assignment'))('assignment v$version', (line) => {
    const bytes = Buffer.from(line.hex, 'hex')
    expect(decodeAssignment(bytes)).toEqual(assignment)
    expect(encodeVersioned(consumerProtocolAssignment, line.version, assignment)).toEqual(bytes)
  })

  test('a version that is still to come is read as the newest known', () => {
    const newer = Buffer.concat([
      encodeVersioned(consumerProtocolSubscription, 3, subscription(3)),
      Buffer.from('more'),
    ])
    newer.writeInt16BE(9, 0)
    expect(decodeSubscription(newer)).toEqual(subscription(3))
  })

  test('a version of older clients keeps what it can carry', () => {
    expect(decodeSubscription(encodeVersioned(consumerProtocolSubscription, 0, subscription(3)))).toEqual(
      subscription(0),
    )
  })
})

// The bytes below were written by Kafka 4.3.1's own classes.
describe('records of __consumer_offsets', () => {
  const offsets = [
    '00000000001cbe991a1400046e6f74650000018bcfe5687b',
    '00010000001cbe991a1400046e6f74650000018bcfe5687b0000018bcff4aa3f',
    '00020000001cbe991a1400046e6f74650000018bcfe5687b',
    '00030000001cbe991a140000000700046e6f74650000018bcfe5687b',
    '00040000001cbe991a1400000007056e6f74650000018bcfe5687b01001000000000000000010000000000000002',
  ]
  test.each(offsets.map((hex, version) => ({ hex, version })))('a committed offset, v$version', ({ hex, version }) => {
    const value = {
      offset: 123456789012,
      leaderEpoch: version < 3 ? -1 : 7,
      metadata: 'note',
      commitTimestamp: 1700000000123,
      expireTimestamp: version === 1 ? 1700000999999 : -1,
      topicId: version < 4 ? 'AAAAAAAAAAAAAAAAAAAAAA' : 'AAAAAAAAAAEAAAAAAAAAAg',
    }
    expect(decodeVersioned(offsetCommitValue, Buffer.from(hex, 'hex'))).toEqual(value)
    expect(encodeVersioned(offsetCommitValue, version, value).toString('hex')).toBe(hex)
  })

  test('a committed offset whose topic id is not known leaves the tag out', () => {
    const value = { offset: 5, metadata: '', commitTimestamp: 9 }
    const hex = '00040000000000000005ffffffff01000000000000000900'
    expect(encodeVersioned(offsetCommitValue, 4, value).toString('hex')).toBe(hex)
  })

  const groups = [
    '00000008636f6e73756d657200000003000572616e676500036d2d310000000100036d2d3100016300092f31302e302e302e31000075300000000201020000000103',
    '00010008636f6e73756d657200000003000572616e676500036d2d310000000100036d2d3100016300092f31302e302e302e310000ea60000075300000000201020000000103',
    '00020008636f6e73756d657200000003000572616e676500036d2d310000018bcfe5687b0000000100036d2d3100016300092f31302e302e302e310000ea60000075300000000201020000000103',
    '00030008636f6e73756d657200000003000572616e676500036d2d310000018bcfe5687b0000000100036d2d31000673746174696300016300092f31302e302e302e310000ea60000075300000000201020000000103',
    '000409636f6e73756d6572000000030672616e6765046d2d310000018bcfe5687b02046d2d310773746174696302630a2f31302e302e302e310000ea600000753003010202030000',
  ]
  test.each(groups.map((hex, version) => ({ hex, version })))(
    'a group with a member, v$version',
    ({ hex, version }) => {
      const value = {
        protocolType: 'consumer',
        generation: 3,
        protocol: 'range',
        leader: 'm-1',
        currentStateTimestamp: version < 2 ? -1 : 1700000000123,
        members: [
          {
            memberId: 'm-1',
            groupInstanceId: version < 3 ? null : 'static',
            clientId: 'c',
            clientHost: '/10.0.0.1',
            rebalanceTimeout: version < 1 ? -1 : 60000,
            sessionTimeout: 30000,
            subscription: Buffer.from([1, 2]),
            assignment: Buffer.from([3]),
          },
        ],
      }
      expect(decodeVersioned(groupMetadataValue, Buffer.from(hex, 'hex'))).toEqual(value)
      expect(encodeVersioned(groupMetadataValue, version, value).toString('hex')).toBe(hex)
    },
  )

  test('an empty group has neither protocol nor leader', () => {
    const value = { protocolType: '', generation: 0, protocol: null, leader: null, members: [] }
    const hex = '0003000000000000ffffffffffffffffffffffff00000000'
    expect(encodeVersioned(groupMetadataValue, 3, value).toString('hex')).toBe(hex)
  })

  test('the version of a key says which record it is', () => {
    const offset = encodeVersioned(offsetCommitKey, 1, { group: 'billing', topic: 'orders', partition: 7 })
    expect(offset.toString('hex')).toBe('0001000762696c6c696e6700066f726465727300000007')
    const group = encodeVersioned(groupMetadataKey, 2, { group: 'billing' })
    expect(group.toString('hex')).toBe('0002000762696c6c696e67')
    expect([versionOf(offset), versionOf(group)]).toEqual([1, 2])
    expect(() => decodeVersioned(offsetCommitKey, group)).toThrow(DecodeError)
    expect(() => versionOf(Buffer.from([0]))).toThrow(DecodeError)
  })
})
