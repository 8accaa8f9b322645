import { describe, expect, it } from 'vitest'
import { mergeMetadata, NO_METADATA } from '../../src/client/metadata.ts'
import { decodeResponse, encodeResponse } from '../../src/protocol/codec.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import type { ResponseInput } from '../../src/protocol/schema.ts'

const A = 'AAAAAAAAAAAAAAAAAAAAAQ'
const B = 'AAAAAAAAAAAAAAAAAAAAAg'

/** As it comes over the wire, with all its defaults. */
function answer(topics: ResponseInput<typeof metadata>['topics']) {
  const frame = Buffer.concat(encodeResponse(metadata, 12, 1, { brokers: [], clusterId: 'c', topics }))
  return decodeResponse(metadata, 12, frame.subarray(4))
}

function orders(topicId: string, leaders: [leaderId: number, leaderEpoch: number][], errorCode = 0) {
  const partitions = leaders.map(([leaderId, leaderEpoch], partitionIndex) => ({
    errorCode: 0,
    partitionIndex,
    leaderId,
    leaderEpoch,
    replicaNodes: [1, 2],
    isrNodes: [leaderId],
  }))
  return { errorCode, name: 'orders', topicId, partitions }
}

describe('metadata', () => {
  it('never lets a leader epoch go back', () => {
    const fresh = mergeMetadata(
      NO_METADATA,
      answer([
        orders(A, [
          [2, 7],
          [1, 3],
        ]),
      ]),
      true,
    )
    const stale = mergeMetadata(
      fresh,
      answer([
        orders(A, [
          [1, 6],
          [2, 4],
        ]),
      ]),
      true,
    )
    const leaders = stale.topics.get('orders')!.partitions.map(({ leaderId, leaderEpoch }) => [leaderId, leaderEpoch])
    expect(leaders).toEqual([
      [2, 7],
      [2, 4],
    ])
  })

  it('takes a topic that was made anew for what it is, epochs and all', () => {
    const old = mergeMetadata(NO_METADATA, answer([orders(A, [[2, 7]])]), true)
    const anew = mergeMetadata(old, answer([orders(B, [[1, 0]])]), true)
    expect(anew.topics.get('orders')).toMatchObject({ topicId: B, partitions: [{ leaderId: 1, leaderEpoch: 0 }] })
    expect([anew.topicNames.get(B), anew.topicNames.get(A)]).toEqual(['orders', undefined])
  })

  it('forgets topics that a complete answer leaves out, and keeps them after a partial one', () => {
    const known = mergeMetadata(NO_METADATA, answer([orders(A, [[1, 1]])]), true)
    expect(mergeMetadata(known, answer([]), false).topics.has('orders')).toBe(true)
    expect(mergeMetadata(known, answer([]), true).topics.has('orders')).toBe(false)
    expect(mergeMetadata(known, answer([orders(A, [], 3)]), false).topics.has('orders')).toBe(false)
  })

  it('keeps what it knew of a topic that a node cannot tell about at the moment', () => {
    const known = mergeMetadata(NO_METADATA, answer([orders(A, [[1, 1]])]), true)
    const merged = mergeMetadata(known, answer([orders(A, [], 5)]), true)
    expect(merged.topics.get('orders')?.partitions).toHaveLength(1)
  })

  it('lists partitions by number whatever the order in the answer', () => {
    const topic = orders(A, [
      [1, 1],
      [2, 1],
      [3, 1],
    ])
    const merged = mergeMetadata(NO_METADATA, answer([{ ...topic, partitions: topic.partitions.reverse() }]), true)
    expect(merged.topics.get('orders')!.partitions.map(({ partitionIndex }) => partitionIndex)).toEqual([0, 1, 2])
  })

  it('keeps what did not change as it is, up to all topics', () => {
    const payments = { ...orders(B, [[1, 1]]), name: 'payments' }
    const known = mergeMetadata(NO_METADATA, answer([orders(A, [[1, 1]]), payments]), true)
    expect(mergeMetadata(known, answer([orders(A, [[1, 1]]), payments]), true).topics).toBe(known.topics)
    expect(mergeMetadata(known, answer([payments]), false).topics).toBe(known.topics)
    const moved = mergeMetadata(known, answer([orders(A, [[2, 2]]), payments]), true).topics
    expect(moved.get('orders')!.partitions[0]!.leaderId).toBe(2)
    expect(moved.get('payments')).toBe(known.topics.get('payments'))
    expect([...mergeMetadata(known, answer([payments]), true).topics.keys()]).toEqual(['payments'])
  })

  it.each([
    ['its leader', { leaderId: 2 }],
    ['its leader epoch', { leaderEpoch: 8 }],
    ['its replicas', { replicaNodes: [1, 3] }],
    ['who is in sync', { isrNodes: [1, 2] }],
    ['that something is wrong with it', { errorCode: 5 }],
  ])('tells of a partition %s', (_, change) => {
    const topic = orders(A, [[1, 7]])
    const known = mergeMetadata(NO_METADATA, answer([topic]), true)
    const news = { ...topic, partitions: [{ ...topic.partitions[0]!, ...change }] }
    expect(mergeMetadata(known, answer([news]), true).topics.get('orders')!.partitions[0]).toMatchObject(change)
  })

  it('leaves the snapshot before it as it was', () => {
    const known = mergeMetadata(NO_METADATA, answer([orders(A, [[1, 1]])]), true)
    mergeMetadata(known, answer([]), true)
    expect([...known.topics.keys()]).toEqual(['orders'])
  })
})
