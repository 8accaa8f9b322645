import { beforeEach, describe, expect, test } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { decodeHeartbeat, emitHeartbeat } from '../../src/mirror/heartbeat.ts'
import type { KeyValue } from '../../src/offset-translation/internal-record.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { decodeOffsetSync, offsetSyncDue } from '../../src/offset-translation/offset-sync.ts'
import { OffsetSyncs } from '../../src/offset-translation/offset-syncs.ts'
import { FakeClock } from '../support/fake-clock.ts'

class FakeTopic {
  records: KeyValue[] = []
  broken = false

  async write(records: readonly KeyValue[]): Promise<void> {
    if (this.broken) throw new Error('not now')
    this.records.push(...records)
  }

  pairs(): (number | undefined)[][] {
    return this.records.map((record) => {
      const sync = decodeOffsetSync(record)
      return [sync?.partition, sync?.upstreamOffset, sync?.downstreamOffset]
    })
  }
}

describe('a sync is due', () => {
  test.each([
    ['for the first pair since start', undefined, [500, 20], 'now'],
    ['not for the same pair', [500, 20], [500, 20], 'not'],
    ['later for a few records', [500, 20], [600, 120], 'later'],
    ['now when the allowed lag is reached', [500, 20], [601, 121], 'now'],
    ['now after a gap, however small', [500, 20], [502, 21], 'now'],
    ['now when the target went back', [500, 20], [490, 10], 'now'],
  ] as const)('%s', (_, last, newest, expected) => {
    const pair = (of: readonly [number, number]) => ({ upstream: of[0], downstream: of[1] })
    expect(offsetSyncDue(last && pair(last), pair(newest))).toBe(expected)
  })
})

describe('emitting', () => {
  const [first, second] = [TopicPartition.of('orders', 0), TopicPartition.of('orders', 1)]
  let clock: FakeClock
  let topic: FakeTopic
  let maps: Map<TopicPartition, OffsetMap>
  let syncs: OffsetSyncs

  beforeEach(() => {
    clock = new FakeClock()
    topic = new FakeTopic()
    maps = new Map([first, second].map((source) => [source, new OffsetMap()]))
    syncs = new OffsetSyncs(clock, topic, () => [...maps].map(([source, map]) => ({ source, map })))
  })

  test('writes the newest pair of each partition that has one, once', async () => {
    maps.get(first)!.observe(0, 0, 10)
    maps.get(first)!.observe(12, 10, 10)
    expect(await syncs.emit()).toBe('1 offset syncs')
    await syncs.emit()
    await syncs.emit()
    expect(topic.pairs()).toEqual([[0, 21, 19]])
  })

  test('leaves out what is planned and not acknowledged', async () => {
    maps.get(first)!.observe(0, 0, 10)
    maps.get(first)!.plan(10, [{ upstream: 12, count: 10 }], 1)
    await syncs.emit()
    expect(topic.pairs()).toEqual([[0, 9, 9]])
  })

  test('brings a quiet partition up to date after a while', async () => {
    maps.get(first)!.observe(0, 0, 1)
    await syncs.emit()
    maps.get(first)!.observe(1, 1, 20)
    await syncs.emit()
    expect(topic.pairs()).toEqual([[0, 0, 0]])
    await clock.advance(10_000)
    await syncs.emit()
    expect(topic.pairs().at(-1)).toEqual([0, 20, 20])
    maps.get(first)!.observe(21, 21, 1)
    await syncs.emit()
    expect(topic.pairs()).toHaveLength(2)
  })

  test('writes later what could not be written', async () => {
    maps.get(second)!.observe(0, 0, 1)
    topic.broken = true
    await expect(syncs.emit()).rejects.toThrow('not now')
    topic.broken = false
    await syncs.emit()
    expect(topic.pairs()).toEqual([[1, 0, 0]])
  })

  test('begins anew with a partition that went to another instance and came back', async () => {
    const map = maps.get(first)!
    map.observe(0, 0, 1)
    await syncs.emit()
    maps.delete(first)
    await syncs.emit()
    maps.set(first, map)
    await syncs.emit()
    expect(topic.pairs()).toEqual([
      [0, 0, 0],
      [0, 0, 0],
    ])
  })
})

test('a heartbeat says which pair is alive, and when', async () => {
  const clock = new FakeClock()
  const topic = new FakeTopic()
  await emitHeartbeat(clock, topic, { sourceAlias: 'east', targetAlias: 'west' })
  expect(topic.records.map(decodeHeartbeat)).toEqual([
    { sourceAlias: 'east', targetAlias: 'west', timestamp: clock.now() },
  ])
})
