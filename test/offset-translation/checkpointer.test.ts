import { beforeEach, describe, expect, test } from 'vitest'
import { type Checkpoint, decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { Checkpointer, type CheckpointerOptions } from '../../src/offset-translation/checkpointer.ts'
import type { KeyValue } from '../../src/offset-translation/internal-record.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import type { Logger, Platform } from '../../src/platform/platform.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { FakeCluster } from './fake-cluster.ts'

let clock: FakeClock
let source: FakeCluster
let target: FakeCluster
let checkpoints: (Checkpoint | undefined)[]
let warnings: string[]
let maps: Map<string, OffsetMap>

beforeEach(() => {
  clock = new FakeClock()
  source = new FakeCluster()
  target = new FakeCluster()
  checkpoints = []
  warnings = []
  // orders-0: a marker at 10, so everything after it moves by one. orders-1: empty.
  const orders = new OffsetMap()
  orders.observe(0, 0, 10)
  orders.observe(11, 10, 90)
  maps = new Map([
    ['orders-0', orders],
    ['orders-1', new OffsetMap()],
  ])
  target.logs.set('east.orders-0', { start: 0, end: 100 })
  target.logs.set('east.orders-1', { start: 0, end: 0 })
})

function checkpointer(over: Partial<CheckpointerOptions> = {}): Checkpointer {
  const log = { warn: (_: string, message: string) => warnings.push(message), info: () => {} } as unknown as Logger
  const platform = { clock, log } as unknown as Platform
  return new Checkpointer(platform, {
    source: source.client,
    target: target.client,
    matches: (group) => !group.startsWith('console-consumer-'),
    mirrored: (topic, partition) => {
      const map = maps.get(`${topic}-${partition}`)
      return map && { map, remoteTopic: `east.${topic}` }
    },
    checkpoints: {
      write: async (records: readonly KeyValue[]) => void checkpoints.push(...records.map(decodeCheckpoint)),
    },
    commitOffsets: true,
    ...over,
  })
}

/** A pass, with the timers that batch look-ups firing. */
async function pass(under: Checkpointer): Promise<string> {
  const done = under.sync()
  let ended = false
  const end = () => {
    ended = true
  }
  done.then(end, end)
  while (!ended) await clock.advance(1)
  return done
}

async function sync(over: Partial<CheckpointerOptions> = {}, under = checkpointer(over)): Promise<Checkpointer> {
  await pass(under)
  return under
}

describe('a pass over the groups', () => {
  test('writes each position at its exact place on the target, and tells MirrorMaker’s readers', async () => {
    source.group('billing', { 'orders-0': 50, 'orders-1': 0 }).offsets.get('orders-0')!.metadata = 'mine'
    const under = await sync()
    expect(target.groups.get('billing')?.offsets.get('east.orders-0')).toEqual({
      offset: 49,
      metadata: 'mine',
      leaderEpoch: 3,
    })
    expect(target.offset('billing', 'east.orders-1')).toBe(0)
    const billing = { group: 'billing', topic: 'east.orders' }
    expect(checkpoints).toEqual([
      { ...billing, partition: 0, upstreamOffset: 50, downstreamOffset: 49, metadata: 'mine' },
      { ...billing, partition: 1, upstreamOffset: 0, downstreamOffset: 0, metadata: '' },
    ])
    expect(under.groups()).toEqual([
      {
        group: 'billing',
        state: 'synced',
        checkpointTimes: expect.objectContaining({ max: expect.any(Number) }),
        partitions: [
          {
            topic: 'orders',
            partition: 0,
            remoteTopic: 'east.orders',
            committed: 50,
            translated: 49,
            onTarget: 49,
            reread: 0,
            writtenAt: expect.any(Number),
            ageSeconds: expect.any(Number),
            blocked: undefined,
          },
          {
            topic: 'orders',
            partition: 1,
            remoteTopic: 'east.orders',
            committed: 0,
            translated: 0,
            onTarget: 0,
            reread: 0,
            writtenAt: expect.any(Number),
            ageSeconds: expect.any(Number),
            blocked: undefined,
          },
        ],
      },
    ])
  })

  test('that finds nothing new writes nothing, and still says that all is in place', async () => {
    source.group('billing', { 'orders-0': 50 })
    const under = await sync()
    await clock.advance(60_000)
    await sync({}, under)
    expect(target.asked('OffsetCommit')).toBe(1)
    expect(checkpoints).toHaveLength(1)
    expect(clock.now() - under.groups()[0]!.partitions[0]!.writtenAt!).toBeLessThan(1_000)
  })

  test('asks for a thousand groups in a few requests', async () => {
    for (let group = 0; group < 1000; group++) source.group(`group-${group}`, { 'orders-0': group % 90 })
    let asked = 0
    const mirrored = () => {
      asked++
      return { map: maps.get('orders-0')!, remoteTopic: 'east.orders' }
    }
    expect(await pass(checkpointer({ mirrored }))).toBe('1000 groups, 1000 checkpoints, 1000 offsets written')
    expect(source.asked('OffsetFetch')).toBe(10)
    expect(target.groups.size).toBe(1000)
    expect(target.asked('ListOffsets')).toBe(2)
    expect(asked).toBe(1)
    target.requests.length = 0
    await sync()
    expect(target.requests.length).toBeLessThan(15)
  })

  test('leaves out groups that the filter excludes, share groups, and what is not mirrored', async () => {
    source.group('console-consumer-1', { 'orders-0': 50 })
    source.group('sharing', { 'orders-0': 50 }, { type: 'share' })
    source.group('elsewhere', { 'other-0': 50 })
    source.group('both', { 'other-0': 50, 'orders-0': 50 })
    const under = await sync()
    expect([...target.groups.keys()]).toEqual(['both'])
    expect([...target.groups.get('both')!.offsets.keys()]).toEqual(['east.orders-0'])
    expect(checkpoints.map((checkpoint) => checkpoint?.group)).toEqual(['both'])
    expect(under.groups().map((group) => group.group)).toEqual(['both'])
  })

  test('only tells, when groups are not to be written', async () => {
    source.group('billing', { 'orders-0': 50 })
    const under = await sync({ commitOffsets: false })
    expect(target.requests).toEqual([])
    expect(checkpoints).toHaveLength(1)
    expect(under.groups()[0]!.state).toBe('translated')
  })

  test('forgets a group that was deleted on the source, and leaves it on the target', async () => {
    source.group('billing', { 'orders-0': 50 })
    const under = await sync()
    source.groups.clear()
    await sync({}, under)
    expect(under.groups()).toEqual([])
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
  })
})

describe('odd positions', () => {
  test.each([
    ['on a marker', 10, 10],
    ['at the end', 101, 100],
    ['ahead of the mirror', 150, 100],
  ])('a group %s is placed at the next record that the target will have', async (_, upstream, downstream) => {
    source.group('billing', { 'orders-0': upstream })
    await sync()
    expect(target.offset('billing', 'east.orders-0')).toBe(downstream)
  })

  test('a group ahead of the mirror follows as records arrive', async () => {
    source.group('billing', { 'orders-0': 150 })
    const under = await sync()
    maps.get('orders-0')!.observe(101, 100, 100)
    target.logs.set('east.orders-0', { start: 0, end: 200 })
    await sync({}, under)
    expect(target.offset('billing', 'east.orders-0')).toBe(149)
    expect(checkpoints.map((checkpoint) => checkpoint?.downstreamOffset)).toEqual([100, 149])
  })

  test('a partition without an offset is none', async () => {
    source.group('billing', { 'orders-0': -1 })
    const under = await sync()
    expect(under.groups()).toEqual([])
  })

  test('an offset from before the start of mirroring is blocked, in words', async () => {
    maps.set('orders-0', new OffsetMap({ start: { upstream: 40, downstream: 0 } }))
    source.group('billing', { 'orders-0': 39 })
    const under = await sync()
    expect(target.groups.size).toBe(0)
    expect(checkpoints).toEqual([])
    expect(under.groups()[0]).toMatchObject({ state: 'blocked' })
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain('begins at 40')
  })

  test('an offset past the end of the target is never written', async () => {
    target.logs.set('east.orders-0', { start: 0, end: 20 })
    source.group('billing', { 'orders-0': 50 })
    const under = await sync()
    expect(target.groups.size).toBe(0)
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain('ends at 20')
  })

  test('a null offset on the target counts as none', async () => {
    source.group('billing', { 'orders-0': 50 })
    target.group('billing', { 'east.orders-0': -1 })
    await sync()
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
  })
})

describe('the group on the target', () => {
  test('is never rewound, while its checkpoint follows the source back', async () => {
    source.group('billing', { 'orders-0': 50 })
    const under = await sync()
    source.group('billing', { 'orders-0': 5 })
    await sync({}, under)
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
    expect(checkpoints.map((checkpoint) => checkpoint?.downstreamOffset)).toEqual([49, 5])
  })

  test.each(['Stable', 'PreparingRebalance', 'Assigning', 'Reconciling'])('is not touched while %s', async (state) => {
    source.group('billing', { 'orders-0': 50 })
    target.group('billing', { 'east.orders-0': 3 }, { state, type: 'consumer' })
    const under = await sync()
    expect(target.asked('OffsetCommit')).toBe(0)
    expect(target.offset('billing', 'east.orders-0')).toBe(3)
    expect(under.groups()[0]!.state).toBe('translated')
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain(state)
    expect(checkpoints).toHaveLength(1)
    target.groups.get('billing')!.state = 'Empty'
    await sync({}, under)
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
    expect(under.groups()[0]!.state).toBe('synced')
  })

  test('that becomes active between the look and the commit is refused by its coordinator, and only noted', async () => {
    source.group('billing', { 'orders-0': 50 })
    const group = target.group('billing', { 'east.orders-0': 3 })
    target.before = (api) => {
      if (api === 'OffsetCommit') group.state = 'Stable'
    }
    const under = await sync()
    expect(target.offset('billing', 'east.orders-0')).toBe(3)
    expect(under.groups()[0]).toMatchObject({ state: 'translated' })
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain('became active')
  })

  test('keeps the time of its last write while it is in use', async () => {
    source.group('billing', { 'orders-0': 50 })
    const under = await sync()
    const { writtenAt } = under.groups()[0]!.partitions[0]!
    target.groups.get('billing')!.state = 'Stable'
    await clock.advance(60_000)
    await sync({}, under)
    expect(under.groups()[0]!.partitions[0]!.writtenAt).toBe(writtenAt)
  })

  test('is not written while its offsets there cannot be read, since that might rewind it', async () => {
    source.group('billing', { 'orders-0': 50 })
    target.group('billing', { 'east.orders-0': 80 })
    target.unreadable.add('billing')
    const under = await sync()
    expect(target.offset('billing', 'east.orders-0')).toBe(80)
    expect(under.groups()[0]).toMatchObject({ state: 'blocked' })
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain('COORDINATOR_LOAD_IN_PROGRESS')
  })

  test('is left alone while a broker cannot say whether it has it', async () => {
    source.group('billing', { 'orders-0': 50 })
    target.brokers = [1, 2]
    target.down.add(2)
    const under = await sync()
    expect(target.asked('OffsetCommit')).toBe(0)
    expect(under.groups()[0]!.partitions[0]!.blocked).toContain('not known')
    await sync({}, under)
    expect(warnings).toEqual([expect.stringContaining('broker 2 is down')])
    target.down.clear()
    await sync({}, under)
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
  })
})

describe('trouble', () => {
  test('groups of a source broker that is down keep their last known place', async () => {
    source.brokers = [1, 2]
    source.group('billing', { 'orders-0': 50 }, { coordinator: 2 })
    const under = await sync()
    source.down.add(2)
    await sync({}, under)
    expect(under.groups()).toHaveLength(1)
  })

  test('a checkpoints topic that cannot be written keeps no group from being written, and gets what it lacks when it can', async () => {
    source.group('billing', { 'orders-0': 50 })
    let broken = true
    const topic = {
      write: async (records: readonly KeyValue[]) => {
        if (broken) throw new Error('no checkpoints topic')
        checkpoints.push(...records.map(decodeCheckpoint))
      },
    }
    const under = checkpointer({ checkpoints: topic })
    expect(await under.emitCheckpoints()).toBe('0 checkpoints since the start, none due')
    await sync({}, under)
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
    await expect(under.emitCheckpoints()).rejects.toThrow('no checkpoints topic')
    broken = false
    expect(await under.emitCheckpoints()).toBe('1 checkpoints since the start, none due')
    await under.emitCheckpoints()
    expect(checkpoints).toHaveLength(1)
  })

  test('old brokers are asked in their own versions', async () => {
    for (const cluster of [source, target]) {
      cluster.maximum['ListGroups'] = 2
      cluster.maximum['OffsetFetch'] = 5
      cluster.maximum['OffsetCommit'] = 6
    }
    source.group('billing', { 'orders-0': 50 }, { state: 'Stable' })
    source.group('shipping', { 'orders-0': 20 })
    source.group('idle', { 'orders-0': 30 })
    target.group('shipping', { 'east.orders-0': 1 }, { state: 'Stable' })
    target.group('idle', { 'east.orders-0': 1 })
    await sync()
    expect(target.offset('idle', 'east.orders-0')).toBe(29)
    expect(target.offset('billing', 'east.orders-0')).toBe(49)
    expect(target.offset('shipping', 'east.orders-0')).toBe(1)
  })

  test('topics are named, not given by id, whatever the brokers know', async () => {
    source.group('billing', { 'orders-0': 50 })
    await sync()
    const versions = [...source.requests, ...target.requests].filter(({ api }) => api.startsWith('Offset'))
    expect(versions.map(({ version }) => version)).toEqual([9, 9])
  })
})
