import { expect, test } from 'vitest'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { CheckpointWriter } from '../../src/offset-translation/checkpoint-writer.ts'
import type { KeyValue } from '../../src/offset-translation/internal-record.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { TrackedGroup } from '../../src/offset-translation/tracked-group.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { FakeClock } from '../support/fake-clock.ts'

const map = new OffsetMap()
map.observe(0, 0, 100)

/** A group that stands at 50. */
function standing(name: string) {
  const group = new TrackedGroup(name)
  return [group, [group.place(TopicPartition.of('orders', 0), 50, '', { map, remoteTopic: 'east.orders' })]] as const
}

test('what cannot be written while what is owed is written is owed in turn', async () => {
  const [billing, shipping] = [standing('billing'), standing('shipping')]
  const told: (string | undefined)[] = []
  let attempt: () => Promise<void> = () => Promise.reject(new Error('no checkpoints topic'))
  const write = async (records: readonly KeyValue[]) => {
    await attempt()
    told.push(...records.map((record) => decodeCheckpoint(record)?.group))
  }
  const writer = new CheckpointWriter({ clock: new FakeClock() } as unknown as Platform, { write })
  const failing = attempt
  expect(await writer.write([billing], undefined)).toBe('checkpoints not written')
  const { promise, resolve } = Promise.withResolvers<void>()
  attempt = () => promise
  const owed = writer.writeOwed(() => [billing], undefined)
  attempt = failing
  await writer.write([shipping], undefined)
  attempt = async () => {}
  resolve()
  await owed
  await writer.writeOwed(() => [billing, shipping], undefined)
  expect(told).toEqual(['billing', 'shipping'])
})
