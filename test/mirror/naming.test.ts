import { describe, expect, test } from 'vitest'
import { isCycle, replicationPolicy } from '../../src/mirror/replication-policy.ts'
import { nameFilter, topicFilter } from '../../src/mirror/topic-filter.ts'

describe('the replication policy', () => {
  test('prefix puts the source before the name, and reads it back', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east' })
    expect(policy.remoteTopic('orders')).toBe('east.orders')
    expect(policy.topicSource('east.orders')).toBe('east')
    expect(policy.upstreamTopic('west.east.orders')).toBe('east.orders')
    expect(policy.topicSource('orders')).toBeUndefined()
  })

  test('another separator is kept to', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east', separator: '-' })
    expect(policy.remoteTopic('orders.new')).toBe('east-orders.new')
    expect(policy.topicSource('orders.new')).toBeUndefined()
    expect(policy.checkpointsTopic).toBe('east-checkpoints-internal')
  })

  test('identity keeps names, but heartbeats are prefixed', () => {
    const policy = replicationPolicy({ naming: 'identity', source: 'east' })
    expect(policy.remoteTopic('orders')).toBe('orders')
    expect(policy.remoteTopic('heartbeats')).toBe('east.heartbeats')
    expect(policy.topicSource('west.orders')).toBeUndefined()
  })

  test('rename replaces what its pattern matches as a whole', () => {
    const policy = replicationPolicy({ naming: { rename: { match: '(.*)\\.v1', replace: '$1.v2' } }, source: 'east' })
    expect(policy.remoteTopic('orders.v1')).toBe('orders.v2')
    expect(policy.remoteTopic('orders.v1.old')).toBe('orders.v1.old')
  })

  test('a topic that came from the target, at any hop, is a cycle', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east' })
    expect(isCycle(policy, 'west.orders', 'west')).toBe(true)
    expect(isCycle(policy, 'north.west.orders', 'west')).toBe(true)
    expect(isCycle(policy, 'north.orders', 'west')).toBe(false)
    expect(isCycle(replicationPolicy({ naming: 'identity', source: 'east' }), 'west.orders', 'west')).toBe(false)
  })
})

describe('the topic filter', () => {
  const filter = topicFilter({
    include: ['orders.*', 'tmp-keep', '__transaction_state'],
    exclude: ['.*-tmp', 'tmp-.*'],
  })

  test.each([
    ['orders', true, 'include "orders.*"'],
    ['orders-tmp', false, 'exclude ".*-tmp"'],
    ['tmp-keep', true, 'include "tmp-keep", by its exact name'],
    ['tmp-keep2', false, 'exclude "tmp-.*"'],
    ['my-orders', false, 'no include pattern matches'],
    ['heartbeats', true, 'heartbeats are always mirrored'],
    ['__consumer_offsets', false, 'internal topic'],
    ['__transaction_state', true, 'include "__transaction_state", by its exact name'],
    ['heliostat.east.progress.internal', false, 'internal topic'],
  ])('%s: mirrored %s, by: %s', (topic, mirrored, rule) => {
    expect(filter.explain(topic)).toEqual({ mirrored, rule })
    expect(filter.matches(topic)).toBe(mirrored)
  })

  test('refuses what came from the target, even by name', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east' })
    const careful = topicFilter({ include: ['.*', 'west.orders'], exclude: [] }, { policy, target: 'west' })
    expect(careful.explain('west.orders')).toEqual({ mirrored: false, rule: 'cycle: it came from "west" itself' })
    expect(careful.matches('north.orders')).toBe(true)
  })

  test('knows the internal topics of MirrorMaker 4 and no others', () => {
    const all = topicFilter({ include: ['.*'], exclude: [] })
    expect(['mm2-offset-syncs.east.internal', 'east.checkpoints.internal', '.hidden'].some(all.matches)).toBe(false)
    expect(['orders.internal', 'orders-internal', 'a__b'].every(all.matches)).toBe(true)
  })

  test('groups follow the same rules without the internal ones', () => {
    const matches = nameFilter({ include: ['.*', 'connect-keep'], exclude: ['connect-.*'] })
    expect(['app', 'connect-a', 'connect-keep'].map(matches)).toEqual([true, false, true])
  })
})
