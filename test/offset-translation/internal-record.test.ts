import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeHeartbeat, encodeHeartbeat } from '../../src/mirror/heartbeat.ts'
import { decodeCheckpoint, encodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { decodeOffsetSync, encodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'

interface Vector {
  what: string
  key: string
  value: string
  source: string
  target: string
  timestamp: number
  group: string
  topic: string
  partition: number
  upstreamOffset: number
  downstreamOffset: number
  metadata: string
}

// Written by MirrorMaker's own classes.
const vectors = readFileSync(new URL('../wire/records-4.3.1.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Vector)

function vectorsOf(what: string): Vector[] {
  const found = vectors.filter((vector) => vector.what === what)
  expect(found.length).toBeGreaterThan(0)
  return found
}

const hex = (record: { key: Buffer; value: Buffer }) => ({
  key: record.key.toString('hex'),
  value: record.value.toString('hex'),
})
const bytes = (vector: { key: string; value: string }) => ({
  key: Buffer.from(vector.key, 'hex'),
  value: Buffer.from(vector.value, 'hex'),
})

test("heartbeats are MirrorMaker's, byte for byte", () => {
  for (const vector of vectorsOf('heartbeat')) {
    const heartbeat = { sourceAlias: vector.source, targetAlias: vector.target, timestamp: vector.timestamp }
    expect(hex(encodeHeartbeat(heartbeat))).toEqual({ key: vector.key, value: vector.value })
    expect(decodeHeartbeat(bytes(vector))).toEqual(heartbeat)
  }
})

test("checkpoints are MirrorMaker's, byte for byte", () => {
  for (const vector of vectorsOf('checkpoint')) {
    const { group, topic, partition, upstreamOffset, downstreamOffset, metadata } = vector
    const checkpoint = { group, topic, partition, upstreamOffset, downstreamOffset, metadata }
    expect(hex(encodeCheckpoint(checkpoint))).toEqual({ key: vector.key, value: vector.value })
    expect(decodeCheckpoint(bytes(vector))).toEqual(checkpoint)
  }
})

test("offset syncs are MirrorMaker's, byte for byte", () => {
  for (const vector of vectorsOf('offset-sync')) {
    const { topic, partition, upstreamOffset, downstreamOffset } = vector
    const sync = { topic, partition, upstreamOffset, downstreamOffset }
    expect(hex(encodeOffsetSync(sync))).toEqual({ key: vector.key, value: vector.value })
    expect(decodeOffsetSync(bytes(vector))).toEqual(sync)
  }
})

describe('reading what others wrote', () => {
  const checkpoint = encodeCheckpoint({
    group: 'g',
    topic: 'east.orders',
    partition: 0,
    upstreamOffset: 5,
    downstreamOffset: 4,
    metadata: '',
  })

  test('a tombstone is no record', () => {
    expect(decodeCheckpoint({ key: checkpoint.key, value: null })).toBeUndefined()
    expect(decodeCheckpoint({ key: null, value: checkpoint.value })).toBeUndefined()
  })

  test('a record of another version is no record', () => {
    const value = Buffer.from(checkpoint.value)
    value.writeInt16BE(1, 0)
    expect(decodeCheckpoint({ key: checkpoint.key, value })).toBeUndefined()
  })

  test('random bytes never fail a reader', () => {
    const blob = fc.uint8Array({ maxLength: 60 }).map((array) => Buffer.from(array))
    fc.assert(
      fc.property(blob, blob, (key, value) => {
        for (const decode of [decodeCheckpoint, decodeOffsetSync, decodeHeartbeat]) {
          const decoded = decode({ key, value })
          expect(decoded === undefined || typeof decoded === 'object').toBe(true)
        }
      }),
    )
  })

  test('a truncated record is no record', () => {
    for (let length = 0; length < checkpoint.value.length; length++)
      expect(decodeCheckpoint({ key: checkpoint.key, value: checkpoint.value.subarray(0, length) })).toBeUndefined()
  })
})
