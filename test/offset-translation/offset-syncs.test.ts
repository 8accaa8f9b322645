import { expect, test } from 'vitest'
import { decodeHeartbeat, emitHeartbeat } from '../../src/mirror/heartbeat.ts'
import type { KeyValue } from '../../src/offset-translation/internal-record.ts'
import { decodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'
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

test('a flush writes the newest due pair of each partition, once', async () => {
  const topic = new FakeTopic()
  const syncs = new OffsetSyncs(new FakeClock(), topic)
  const first = syncs.partition('orders', 0)
  const second = syncs.partition('orders', 1)
  first.mirrored(0, 0, 10)
  first.mirrored(12, 10, 10)
  first.mirrored(22, 20, 5)
  second.mirrored(5, 5, 1)
  await syncs.flush()
  await syncs.flush()
  expect(topic.pairs()).toEqual([
    [0, 12, 10],
    [1, 5, 5],
  ])
})

test('a quiet partition is brought up to date after a while', async () => {
  const clock = new FakeClock()
  const topic = new FakeTopic()
  const syncs = new OffsetSyncs(clock, topic)
  const partition = syncs.partition('orders', 0)
  partition.mirrored(0, 0, 1)
  await syncs.flush()
  partition.mirrored(1, 1, 20)
  await syncs.flush()
  expect(topic.pairs()).toEqual([[0, 0, 0]])
  await clock.advance(10_000)
  await syncs.flush()
  expect(topic.pairs().at(-1)).toEqual([0, 20, 20])
})

test('what could not be written is written later, unless something newer is due', async () => {
  const topic = new FakeTopic()
  const syncs = new OffsetSyncs(new FakeClock(), topic)
  const partition = syncs.partition('orders', 0)
  partition.mirrored(0, 0, 1)
  topic.broken = true
  await expect(syncs.flush()).rejects.toThrow('not now')
  topic.broken = false
  await syncs.flush()
  expect(topic.pairs()).toEqual([[0, 0, 0]])
})

test('a heartbeat says which pair is alive, and when', async () => {
  const clock = new FakeClock()
  const topic = new FakeTopic()
  await emitHeartbeat(clock, topic, { sourceAlias: 'east', targetAlias: 'west' })
  expect(topic.records.map(decodeHeartbeat)).toEqual([
    { sourceAlias: 'east', targetAlias: 'west', timestamp: clock.now() },
  ])
})
