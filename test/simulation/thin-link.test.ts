// A link so thin that one answer takes longer than any request may go unanswered.
import { expect, test } from 'vitest'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { seenOf } from '../oracle/seen-record.ts'
import { appendBatch } from '../support/log-content.ts'
import { oneWay } from './topologies/one-way.ts'
import { World } from './world.ts'

const PARTITIONS = 8
/** Less than 1 Mbit a second: a full Fetch of eight megabytes takes a minute. */
const BYTES_PER_MS = 100
const REQUEST_TIMEOUT_MS = 30_500

test.each([
  ['reads', 'oregon'],
  ['writes', 'virginia'],
])(
  'a mirror that %s over a link of less than 1 Mbit a second copies megabytes, each record once',
  async (_, datacenter) => {
    const world = new World(1)
    await oneWay({ topics: {}, mirror: { datacenter } })(world)
    const [east, west] = [world.cluster('east'), world.cluster('west')]
    await world.outcome(east.makeTopic('photos', PARTITIONS))
    await world.outcome(east.operator.refresh())
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const batch = buildBatch([{ timestamp: 1, key: 'k', value: world.random.bytes(900_000) }])
      await world.outcome(appendBatch(east.operator, 'photos', partition, batch))
    }
    const path = world.simulation.network.path('virginia', 'oregon')
    path.bytesPerMs = BYTES_PER_MS
    const mirror = world.mirror('east->west')
    const isCopied = () => {
      const partitions = mirror.status().topics.flatMap((topic) => topic.partitions)
      return partitions.length === PARTITIONS && partitions.every(({ records }) => records === 1)
    }
    const from = world.simulation.now
    expect(await world.until(isCopied, 300_000, 1_000)).toBe(true)
    expect(world.simulation.now - from).toBeGreaterThan(REQUEST_TIMEOUT_MS)
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const [source, copy] = [
        await world.outcome(east.read('photos', partition)),
        await world.outcome(west.read('east.photos', partition)),
      ]
      expect(seenOf(copy.records)).toEqual(seenOf(source.records))
    }
    expect(mirror.status().errors).toEqual({})
  },
)
