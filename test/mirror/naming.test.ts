import { describe, expect, test } from 'vitest'
import { findOverlaps, findRing, type NamedFlow } from '../../src/mirror/naming/loops.ts'
import {
  isCycle,
  isHeartbeats,
  nameProblem,
  replicationPolicy,
  upstreamHops,
} from '../../src/mirror/replication-policy.ts'
import { nameFilter, type TopicRules, topicFilter } from '../../src/mirror/topic-filter.ts'

const prefix = replicationPolicy({ naming: 'prefix', source: 'east' })
const identity = replicationPolicy({ naming: 'identity', source: 'east' })

describe('the replication policy', () => {
  test('prefix puts the source before the name, and reads it back', () => {
    expect(prefix.remoteTopic('orders')).toBe('east.orders')
    expect(prefix.topicSource('east.orders')).toBe('east')
    expect(prefix.upstreamTopic('west.east.orders')).toBe('east.orders')
    expect(prefix.topicSource('orders')).toBeUndefined()
  })

  test('splits names as Java does: nothing but separators behind an alias is no topic of it', () => {
    expect(prefix.topicSource('west.')).toBeUndefined()
    expect(prefix.topicSource('west...')).toBeUndefined()
    expect(prefix.topicSource('.west')).toBe('')
    expect(prefix.upstreamTopic('.west')).toBe('west')
  })

  test('another separator is kept to', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east', separator: '-' })
    expect(policy.remoteTopic('orders.new')).toBe('east-orders.new')
    expect(policy.topicSource('orders.new')).toBeUndefined()
    expect(policy.checkpointsTopic).toBe('east-checkpoints-internal')
  })

  test('identity keeps names, but heartbeats are prefixed', () => {
    expect(identity.remoteTopic('orders')).toBe('orders')
    expect(identity.remoteTopic('heartbeats')).toBe('east.heartbeats')
    expect(identity.topicSource('west.orders')).toBeUndefined()
  })

  test('rename replaces what its pattern matches as a whole', () => {
    const policy = replicationPolicy({ naming: { rename: { match: '(.*)\\.v1', replace: '$1.v2' } }, source: 'east' })
    expect(policy.remoteTopic('orders.v1')).toBe('orders.v2')
    expect(policy.remoteTopic('orders.v1.old')).toBe('orders.v1.old')
    expect(policy.remoteTopic('heartbeats')).toBe('east.heartbeats')
  })

  test('a second flow between two clusters keeps its progress under its own word', () => {
    const policy = replicationPolicy({ naming: 'prefix', source: 'east', progress: 'audit' })
    expect(policy.progressTopic).toBe('heliostat.east.audit.progress.internal')
    expect(prefix.progressTopic).toBe('heliostat.east.progress.internal')
  })

  test('a topic that came from the target, at any hop, is a cycle', () => {
    expect(isCycle(prefix, 'west.orders', 'west')).toBe(true)
    expect(isCycle(prefix, 'north.west.orders', 'west')).toBe(true)
    expect(isCycle(prefix, 'north.orders', 'west')).toBe(false)
    expect(isCycle(identity, 'west.orders', 'west')).toBe(false)
    expect(isCycle(identity, 'west.heartbeats', 'west')).toBe(true)
  })

  test('knows heartbeats through their hops', () => {
    expect(['heartbeats', 'west.heartbeats', 'north.west.heartbeats'].every((name) => isHeartbeats(prefix, name))).toBe(
      true,
    )
    expect(['my-heartbeats', 'heartbeats.new', 'west.'].some((name) => isHeartbeats(prefix, name))).toBe(false)
    expect(isHeartbeats(identity, 'west.heartbeats')).toBe(true)
  })

  test('counts hops by heartbeats as MirrorClient does', () => {
    const topics = ['heartbeats', 'east.heartbeats', 'east.north.heartbeats', 'south.east.north.heartbeats', 'x.orders']
    expect(Object.fromEntries(upstreamHops(prefix, topics))).toEqual({ east: 1, north: 2, south: 1 })
    expect(upstreamHops(prefix, ['heartbeats', 'west.orders']).size).toBe(0)
    expect(Object.fromEntries(upstreamHops(identity, ['west.heartbeats', 'west.orders']))).toEqual({ west: 1 })
  })

  test('says why no topic can have a name', () => {
    expect(nameProblem('a'.repeat(249))).toBeUndefined()
    expect(nameProblem('a'.repeat(250))).toContain('250 characters, and Kafka takes 249')
    expect(nameProblem('')).toContain('empty')
    expect(nameProblem('a b')).toContain('no name of a topic')
    expect(nameProblem('..')).toContain('no name of a topic')
  })
})

describe('the topic filter', () => {
  const filterOf = (rules: TopicRules, policy = prefix) => topicFilter(rules, { policy, target: 'west' })
  const filter = filterOf({
    include: ['orders.*', 'tmp-keep', '__share', 'v\\.1', '__consumer_offsets'],
    exclude: ['.*-tmp', 'tmp-.*', 'v.*'],
  })

  test.each([
    ['orders', true, 'include "orders.*"'],
    ['orders-tmp', false, 'exclude ".*-tmp"'],
    ['tmp-keep', true, 'include "tmp-keep", by its exact name'],
    ['tmp-keep2', false, 'exclude "tmp-.*"'],
    ['v.1', true, 'include "v.1", by its exact name'],
    ['my-orders', false, 'no include pattern matches'],
    ['heartbeats', true, 'heartbeats are always mirrored'],
    ['__consumer_offsets', false, 'internal topic of Kafka, which every cluster has of its own'],
    ['__share', true, 'include "__share", by its exact name'],
    ['__other', false, 'internal topic'],
    ['heliostat.east.progress.internal', false, 'internal topic'],
  ])('%s: mirrored %s, by: %s', (topic, mirrored, rule) => {
    expect(filter.explain(topic)).toMatchObject({ mirrored, rule })
    expect(filter.matches(topic)).toBe(mirrored)
  })

  test('tells every rule on the way', () => {
    expect(filter.explain('orders').steps).toEqual([
      'its name does not say that it came from "west"',
      'no include is exactly its name',
      'it is no internal topic',
      'no exclude pattern matches',
      'include "orders.*"',
    ])
  })

  test('refuses what came from the target, even by name', () => {
    const careful = filterOf({ include: ['.*', 'west.orders'], exclude: [] })
    expect(careful.explain('west.orders')).toMatchObject({ mirrored: false, rule: 'cycle: it came from "west" itself' })
    expect(careful.matches('north.orders')).toBe(true)
  })

  test('knows the internal topics of MirrorMaker 4 and no others, with the separator of the flow', () => {
    const all = filterOf({ include: ['.*'], exclude: [] })
    expect(['mm2-offset-syncs.east.internal', 'east.checkpoints.internal', '.hidden'].some(all.matches)).toBe(false)
    expect(['orders.internal', 'orders-internal', 'a__b'].every(all.matches)).toBe(true)
    const dashed = filterOf(
      { include: ['.*'], exclude: [] },
      replicationPolicy({ naming: 'prefix', source: 'a', separator: '-' }),
    )
    expect(dashed.matches('east-checkpoints-internal')).toBe(false)
  })

  test('groups follow the same rules without the internal ones', () => {
    const { matches } = nameFilter({ include: ['.*', 'connect-keep'], exclude: ['connect-.*'] })
    expect(['app', 'connect-a', 'connect-keep'].map(matches)).toEqual([true, false, true])
  })
})

describe('the flows of a file', () => {
  type Options = Partial<Omit<NamedFlow, 'topics'>> & { include?: string[]; exclude?: string[] }
  const flow = (pair: string, { include = ['.*'], exclude = [], ...options }: Options = {}): NamedFlow => {
    const [from, to] = pair.split(' ')
    return { from: from!, to: to!, naming: 'identity', separator: '.', topics: { include, exclude }, ...options }
  }
  const prefixed = (pair: string, options: Options = {}) => flow(pair, { naming: 'prefix', ...options })

  test.each<[string, NamedFlow[]]>([
    ['prefixes both ways', [prefixed('a b'), prefixed('b a')]],
    ['a mesh of prefixes', ['a b', 'b a', 'b c', 'c b', 'a c', 'c a'].map((pair) => prefixed(pair))],
    ['identity one way', [flow('a b'), flow('b c'), flow('a c')]],
    [
      'identity both ways, of different topics',
      [flow('a b', { include: ['eu-.*'] }), flow('b a', { exclude: ['eu-.*'] })],
    ],
    ['identity back for what carries no prefix', [prefixed('a b'), flow('b a', { include: ['orders'] })]],
    [
      'identity in a ring of three with one way out',
      [flow('a b', { include: ['x.*'] }), flow('b c'), flow('c a', { include: ['y.*', 'w.*'] })],
    ],
    [
      'a rename that does not come back',
      [flow('a b', { naming: { rename: { match: '(.*)', replace: 'dr.$1' } } }), flow('b a', { exclude: ['dr\\..*'] })],
    ],
    ['anchors as people write them', [flow('a b', { include: ['^eu-.*$'] }), flow('b a', { exclude: ['^eu-.*'] })]],
  ])('%s: no ring', (_, flows) => {
    expect(findRing(flows)).toBeUndefined()
  })

  test.each<[string, NamedFlow[], string]>([
    ['identity both ways', [flow('a b'), flow('b a')], 'a b a'],
    ['identity in a ring of three', [flow('a b'), flow('b c'), flow('c a')], 'a b c a'],
    ['one common topic', [flow('a b', { include: ['x.*'] }), flow('b a', { include: ['.*z', 'y'] })], 'a b a'],
    ['an exact name against an exclusion', [flow('a b', { include: ['x'], exclude: ['x'] }), flow('b a')], 'a b a'],
    ['prefix one way and identity back', [prefixed('a b'), flow('b a')], 'a b a'],
    ['prefixes with different separators', [prefixed('a b'), prefixed('b a', { separator: '-' })], 'a b a'],
    [
      'a separator within the name of a cluster',
      [prefixed('us-e us-w', { separator: '-' }), prefixed('us-w us-e', { separator: '-' })],
      'us-e us-w us-e',
    ],
    [
      'a rename that comes back',
      [flow('a b', { naming: { rename: { match: '(.*)', replace: 'dr.$1' } } }), flow('b a')],
      'a b a',
    ],
    [
      'looking ahead is not believed',
      [flow('a b', { include: ['(?!eu-).*'] }), flow('b a', { include: ['eu-.*'] })],
      'a b a',
    ],
  ])('%s: the ring is named', (_, flows, ring) => {
    expect(findRing(flows)?.clusters.join(' ')).toBe(ring)
  })

  test('a name that would go round is given', () => {
    const flows = [flow('a b', { include: ['x.*'] }), flow('b a', { include: ['.*z', 'y'] })]
    expect(findRing(flows)?.example).toBe('xz')
  })

  test('two flows that may write one topic are found, with a topic', () => {
    expect(findOverlaps([flow('a c'), flow('b c', { include: ['orders'] })])).toEqual([
      { indexes: [0, 1], example: 'orders', isCertain: true },
    ])
    expect(findOverlaps([prefixed('a c'), prefixed('b c')])).toEqual([])
    expect(findOverlaps([prefixed('a c', { include: ['x.*'] }), prefixed('a c', { exclude: ['x.*'] })])).toEqual([])
    expect(findOverlaps([prefixed('a c', { include: ['x.*'] }), prefixed('a c', { include: ['.*y'] })])).toEqual([
      { indexes: [0, 1], example: 'a.xy', isCertain: true },
    ])
  })
})
