import { expect, test } from 'vitest'
import type { OffsetLookup } from '../../src/client/offset-lookup.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { pruneOffsetMaps } from '../../src/offset-translation/offset-map-pruner.ts'

const [source, remote] = [TopicPartition.of('orders', 0), TopicPartition.of('east.orders', 0)]
const [other, otherRemote] = [TopicPartition.of('orders', 1), TopicPartition.of('east.orders', 1)]

function mapOf(runs: number): OffsetMap {
  const map = new OffsetMap()
  for (let run = 0; run < runs; run++) map.observe(run * 3, run * 2, 2)
  return map
}

/** Of a map on this thread. */
const prunable = (map: OffsetMap | undefined, names = { source, remote }) => ({
  ...names,
  map,
  prune: async (upstream: number, downstream: number) => map?.prune(upstream, downstream) ?? 0,
})

/** Log starts; a partition that is not named cannot be asked. */
function lookup(starts: ReadonlyMap<TopicPartition, number>): OffsetLookup {
  const find = async (asked: TopicPartition) => {
    const start = starts.get(asked)
    if (start === undefined) throw new Error(`${asked} has no leader`)
    return start
  }
  return { find } as unknown as OffsetLookup
}

test('a map forgets what both logs have lost', async () => {
  const map = mapOf(100)
  const said = await pruneOffsetMaps([prunable(map)], lookup(new Map([[source, 90]])), lookup(new Map([[remote, 40]])))
  expect(said).toBe('20 runs forgotten in 1 maps')
  expect(map.size).toBe(80)
})

test('what several maps forget is told together', async () => {
  const partitions = [prunable(mapOf(100)), prunable(mapOf(100), { source: other, remote: otherRemote })]
  const [sources, targets] = [
    lookup(
      new Map([
        [source, 90],
        [other, 60],
      ]),
    ),
    lookup(
      new Map([
        [remote, 60],
        [otherRemote, 40],
      ]),
    ),
  ]
  expect(await pruneOffsetMaps(partitions, sources, targets)).toBe('50 runs forgotten in 2 maps')
})

test('small maps and partitions without a position are not asked about', async () => {
  const partitions = [prunable(mapOf(10)), prunable(undefined)]
  expect(await pruneOffsetMaps(partitions, lookup(new Map()), lookup(new Map()))).toBe('0 runs forgotten in 0 maps')
})

test('a partition that cannot be asked is told, and does not keep the others', async () => {
  const map = mapOf(100)
  const partitions = [prunable(mapOf(100), { source: other, remote: otherRemote }), prunable(map)]
  const pruning = pruneOffsetMaps(partitions, lookup(new Map([[source, 300]])), lookup(new Map([[remote, 200]])))
  await expect(pruning).rejects.toThrow('orders-1 has no leader')
  expect(map.size).toBe(1)
})
