import { expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { startTopology } from '../../src/topology/topology.ts'
import { appendBatch, clientOf, makeTopic, testPlatform, until } from '../support/log-content.ts'

it('what piles up at the source is seen while nothing is mirrored, and its age grows', async () => {
  const source = await startCluster(testPlatform, { name: 'east' })
  const target = await startCluster(testPlatform, { name: 'west' })
  const east = clientOf(source.bootstrap)
  await makeTopic(east, 'orders', 1)
  const append = () =>
    appendBatch(
      east,
      'orders',
      0,
      buildBatch([{ timestamp: testPlatform.clock.now(), key: null, value: Buffer.from('v'), headers: [] }]),
    )
  const mirror = new Mirror(testPlatform, {
    flow: {
      name: 'east->west',
      source: 'east',
      target: 'west',
      topics: { include: ['orders'], exclude: [] },
      refreshMs: 50,
    },
    source: clientOf(source.bootstrap),
    target: clientOf(target.bootstrap),
    slots: 1,
  })
  const status = () => mirror.status().topics[0]?.partitions[0]
  const until_ = (condition: () => boolean) => until(condition, () => JSON.stringify(mirror.status()))
  await append()
  await mirror.start()
  await until_(() => status()?.state === 'running' && status()?.downstream === 1)
  expect(mirror.status().rpoRecords).toBe(0)
  // The target dies, the source goes on.
  await target.stop()
  await append()
  await append()
  await until_(() => mirror.status().rpoRecords === 2 && mirror.status().rpoMs > 0)
  expect(mirror.status().state).toBe('target-unavailable')
  const before = mirror.status().rpoMs
  // Then the source dies too: what is known to be missing keeps its clock.
  await source.stop()
  await until_(() => mirror.status().rpoMs > before + 50)
  expect(mirror.status().rpoRecords).toBe(2)
  east.close()
  await mirror.stop()
})

it('of a source that was cut off without a word nothing better is told than how long ago it was heard', async () => {
  const topology = await startTopology(testPlatform, {
    clusters: { east: { datacenter: 'virginia' }, west: { datacenter: 'oregon' } },
    links: { 'virginia<->oregon': {} },
  })
  onTestFinished(() => topology.stop())
  const beside = clientOf(topology.clusters['east']!.bootstrap)
  onTestFinished(() => beside.close())
  await makeTopic(beside, 'orders', 2)
  const mirror = new Mirror(testPlatform, {
    flow: { name: 'east->west', source: 'east', target: 'west', topics: { include: ['orders'], exclude: [] } },
    source: clientOf(topology.bootstrapFrom('east', 'oregon')),
    target: clientOf(topology.clusters['west']!.bootstrap),
    slots: 1,
  })
  onTestFinished(() => mirror.stop())
  await mirror.start()
  const heard = () => mirror.status().state === 'running' && mirror.status().rpoMs < 1_000
  await until(heard, () => JSON.stringify(mirror.status()))
  topology.link('virginia', 'oregon').cut()
  const writtenAt = performance.now()
  await appendBatch(beside, 'orders', 0, buildBatch([{ timestamp: testPlatform.clock.now(), key: null, value: 'v' }]))
  await until(
    () => {
      const since = performance.now() - writtenAt
      expect(mirror.status().rpoMs).toBeGreaterThanOrEqual(since - 1)
      return mirror.status().state === 'source-unavailable'
    },
    () => JSON.stringify(mirror.status()),
  )
  expect(performance.now() - writtenAt).toBeLessThan(10_000)
  topology.link('virginia', 'oregon').heal()
  await until(
    () => heard() && mirror.status().rpoRecords === 0,
    () => JSON.stringify(mirror.status()),
  )
})
