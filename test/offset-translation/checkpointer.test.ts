import { beforeEach, describe, expect, test } from 'vitest'
import { type Checkpoint, decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { Checkpointer, type CheckpointerOptions } from '../../src/offset-translation/checkpointer.ts'
import type { GroupCommit } from '../../src/offset-translation/group-commit.ts'
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
async function pass(under: Checkpointer, done = under.sync()): Promise<string> {
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
    expect(target.asked('ListOffsets')).toBe(20)
    expect(target.asked('FindCoordinator')).toBe(10)
    expect(asked).toBe(10)
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

describe('what is heard', () => {
  const at = (group: string, offset: number, topic = 'orders'): GroupCommit => {
    return { group, topic, partition: 0, position: { offset, metadata: '' } }
  }
  const news = (under: Checkpointer) => pass(under, under.syncNews())

  /** A thousand groups that stand in their places. */
  async function many(): Promise<Checkpointer> {
    for (let group = 0; group < 1000; group++) source.group(`group-${group}`, { 'orders-0': 50, 'orders-1': 0 })
    const under = await sync()
    for (const cluster of [source, target]) cluster.requests.length = 0
    return under
  }

  test('of a thousand groups costs what moved, and asks the source nothing', async () => {
    const under = await many()
    under.heard([at('group-7', 60), at('group-8', 61), at('group-9', 50)])
    expect(await news(under)).toBe('2 groups, 2 checkpoints, 2 offsets written')
    expect(source.requests).toEqual([])
    expect(target.requests.map(({ api }) => api)).toEqual([
      ...['ListGroups', 'OffsetFetch', 'ListOffsets', 'ListOffsets', 'OffsetCommit', 'OffsetCommit'],
    ])
    const [listed, fetched] = target.requests
    expect(listed!.request.statesFilter).not.toContain('Empty')
    const topics = [{ name: 'east.orders', partitionIndexes: [0] }]
    expect(fetched!.request.groups).toEqual(['group-7', 'group-8'].map((groupId) => ({ groupId, topics })))
    expect([target.offset('group-7', 'east.orders-0'), target.offset('group-7', 'east.orders-1')]).toEqual([59, 0])
  })

  test('is nothing when consumers say where they are already', async () => {
    const under = await many()
    under.heard([at('group-7', 50)])
    expect(under.hasNews).toBe(false)
    under.heard([at('group-7', 60), at('group-7', 50)])
    expect(await news(under)).toBe('1 groups, 0 checkpoints, 0 offsets written')
  })

  test('while the source is asked counts after the answer, whatever was known before', async () => {
    const under = await many()
    source.groups.get('group-7')!.offsets.get('orders-0')!.offset = 60
    source.before = (api) => {
      // The group goes on to 60 and is asked there; then back to 50, where it was known to be.
      if (api === 'OffsetFetch' && source.asked(api) === 1) queueMicrotask(() => under.heard([at('group-7', 50)]))
    }
    await pass(under)
    await news(under)
    expect(under.groups().find(({ group }) => group === 'group-7')!.partitions[0]).toMatchObject({ committed: 50 })
  })

  test('never takes a group back that was moved on the target meanwhile, by a reader who has gone again', async () => {
    const under = await many()
    target.groups.get('group-7')!.offsets.get('east.orders-0')!.offset = 70
    under.heard([at('group-7', 60)])
    await news(under)
    expect(target.offset('group-7', 'east.orders-0')).toBe(70)
  })

  test('of a group that lives on the target leaves it alone, and is known when it has gone', async () => {
    const under = await many()
    target.groups.get('group-7')!.state = 'Stable'
    source.groups.get('group-7')!.offsets.get('orders-0')!.offset = 60
    under.heard([at('group-7', 60)])
    await news(under)
    expect(target.asked('OffsetCommit')).toBe(0)
    expect(under.groups().find(({ group }) => group === 'group-7')).toMatchObject({ state: 'translated' })
    target.groups.get('group-7')!.state = 'Empty'
    await pass(under, under.sync(undefined, { thorough: false }))
    expect(target.offset('group-7', 'east.orders-0')).toBe(59)
  })

  test('waits for the mirror when it is ahead, and has its place as soon as the record has come', async () => {
    const under = await many()
    under.heard([at('group-7', 150)])
    await news(under)
    expect(under.isWaiting).toBe(true)
    maps.get('orders-0')!.observe(101, 100, 10)
    target.logs.set('east.orders-0', { start: 0, end: 110 })
    await clock.advance(2_000)
    await news(under)
    expect(target.offset('group-7', 'east.orders-0')).toBe(110)
    target.requests.length = 0
    expect(await news(under)).toBe('0 groups, 0 checkpoints, 0 offsets written')
    maps.get('orders-0')!.observe(111, 110, 90)
    target.logs.set('east.orders-0', { start: 0, end: 200 })
    await news(under)
    expect(target.offset('group-7', 'east.orders-0')).toBe(149)
    expect(under.isWaiting).toBe(false)
  })

  test.each([
    ['its offsets cannot be read', () => target.unreadable.add('group-7'), () => target.unreadable.clear()],
    ['its coordinator is being looked for', () => target.homeless.add('fresh'), () => target.homeless.clear()],
    ['the target cannot be asked', () => target.down.add(1), () => target.down.clear()],
  ])('is written when that is possible again, after %s', async (_, breaks, mends) => {
    const under = await many()
    breaks()
    under.heard([at('group-7', 60), at('fresh', 60)])
    await news(under).catch(() => undefined)
    expect(under.isWaiting).toBe(true)
    mends()
    await clock.advance(2_000)
    await news(under)
    expect(['group-7', 'fresh'].map((group) => target.offset(group, 'east.orders-0'))).toEqual([59, 59])
    await clock.advance(2_000)
    await news(under)
    expect(under.isWaiting).toBe(false)
  })

  test('and too much to be kept is asked for', async () => {
    const under = await many()
    const metadata = 'x'.repeat(60_000)
    source.group('group-7', { 'orders-0': 61 })
    for (let offset = 0; offset < 200; offset++)
      under.heard([{ group: `group-${offset}`, topic: 'orders', partition: 0, position: { offset: 60, metadata } }])
    under.heard([at('group-150', 62)])
    source.groups.get('group-150')!.offsets.get('orders-0')!.offset = 62
    await news(under)
    expect(source.asked('OffsetFetch')).toBe(1)
    expect(target.offset('group-150', 'east.orders-0')).toBe(61)
  })

  test('of a partition whose offset was deleted is forgotten, and nothing is deleted on the target', async () => {
    const under = await many()
    under.heard([{ group: 'group-7', topic: 'orders', partition: 0, position: undefined }])
    await news(under)
    expect(under.groups().find(({ group }) => group === 'group-7')!.partitions).toHaveLength(1)
    expect(target.offset('group-7', 'east.orders-0')).toBe(49)
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
