import { expect, it } from 'vitest'
import { ConfigError, FaultError, loadConfig, loadTopology, startDaemon, startTopology } from '../src/index.ts'
import { buildBatch } from '../src/records/batch-builder.ts'
import { expectCopied } from './support/copied.ts'
import { appendBatch, clientOf, makeTopic, until } from './support/log-content.ts'

it('a test of any project can start clusters, mirror between them, ask where an offset went, and stop it all', async () => {
  const topology = await startTopology({ clusters: { east: {}, west: {} } })
  const [east, west] = [topology.clusters['east']!, topology.clusters['west']!]
  const config = loadConfig(`version: 1
clusters: { east: { bootstrap: ["${east.bootstrap}"] }, west: { bootstrap: ["${west.bootstrap}"] } }
mirrors: [{ from: east, to: west, refresh: 100ms }]
server: { listen: "127.0.0.1:0" }
`)
  const daemon = await startDaemon(config)
  const [source, target] = [clientOf(east.bootstrap), clientOf(west.bootstrap)]
  await makeTopic(source, 'orders', 1)
  const records = [1, 2, 3].map((i) => ({
    timestamp: i,
    key: Buffer.from(`${i}`),
    value: Buffer.from('v'),
    headers: [],
  }))
  await appendBatch(source, 'orders', 0, buildBatch(records))
  const flow = daemon.flows.get('east->west')!
  const ask = () => flow.translate({ topic: 'orders', partition: 0, offset: 3, reverse: false })
  await until(
    () => ask().offset === 3,
    () => JSON.stringify(ask()),
  )
  await expectCopied({ client: source, topic: 'orders' }, { client: target, topic: 'east.orders' })
  source.close()
  target.close()
  await daemon.stop()
  await topology.stop()
})

it('a configuration with problems names them all', () => {
  expect(() => loadConfig('version: 2\n', { file: 'h.yaml' })).toThrow(ConfigError)
  expect(() => loadConfig('version: 2\n', { file: 'h.yaml' })).toThrow(/h\.yaml:1:1 error missing clusters/)
})

it('a test of any project can make its cluster fail on purpose', async () => {
  const { clusters, stop } = await startTopology({ clusters: { local: {} } })
  const { bootstrap, faults } = clusters['local']!
  const fault = faults.add({ api: 'CreateTopics', topic: 'orders', error: 'POLICY_VIOLATION', times: 1 })
  expect(() => faults.add({ api: 'Prodcue', delayMs: 1 })).toThrow(FaultError)
  const client = clientOf(bootstrap)
  await expect(makeTopic(client, 'orders', 1)).rejects.toThrow('POLICY_VIOLATION')
  await makeTopic(client, 'orders', 1)
  expect([fault.hits, faults.list().length]).toEqual([1, 1])
  client.close()
  await stop()
})

it('a test of any project can start a topology file, and cut the link between its datacenters', async () => {
  const topology = await startTopology(
    loadTopology(`version: 1
clusters: { east: { datacenter: virginia }, west: { datacenter: oregon } }
links: { virginia<->oregon: { latency: 5ms } }
`),
  )
  const link = topology.link('virginia', 'oregon')
  const client = clientOf(topology.bootstrapFrom('east', 'oregon'))
  await makeTopic(client, 'orders', 1)
  link.cut()
  const refreshed = client.refresh().then(() => 'healed')
  expect(topology.links.map((one) => one.status().ways.map(({ state }) => state))).toEqual([['cut', 'cut']])
  link.heal()
  expect(await refreshed).toBe('healed')
  client.close()
  await topology.stop()
})
