// Three datacenters of three brokers, in one process.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Connection } from '../../src/client/connection.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { startTopology, type Topology } from '../../src/topology/topology.ts'
import { appendBatch, clientOf, readAll, testPlatform, until } from '../support/log-content.ts'

const places = { tokyo: 'asia', dublin: 'europe', dallas: 'america' } as const
let topology: Topology

beforeAll(async () => {
  const clusters = Object.entries(places).map(([name, datacenter]) => [name, { brokers: 3, datacenter }] as const)
  topology = await startTopology(testPlatform, {
    clusters: Object.fromEntries(clusters),
    links: { 'asia<->europe': { latencyMs: 5 } },
  })
})

afterAll(() => topology.stop())

test('every cluster tells clients from elsewhere one address of the link for each of its brokers', async () => {
  const seen = new Set<string>()
  for (const name of Object.keys(places)) {
    for (const datacenter of Object.values(places)) {
      const bootstrap = topology.bootstrapFrom(name, datacenter)
      const [host, port] = bootstrap.split(',')[0]!.split(':')
      const connection = await Connection.open(testPlatform, { host: host!, port: Number(port), clientId: 'test' })
      const { brokers } = await connection.send(metadata, { topics: [] })
      expect(brokers.map((broker) => `${broker.host}:${broker.port}`).sort()).toEqual(bootstrap.split(',').sort())
      for (const address of bootstrap.split(',')) seen.add(address)
      connection.close()
    }
  }
  expect(seen.size).toBe(27)
})

test('a client beyond a link is served on while a broker dies, and finds it at its address when it is back', async () => {
  const client = clientOf(topology.bootstrapFrom('tokyo', 'europe'))
  const { nodes } = topology.clusters['tokyo']!
  const via = topology.bootstrapFrom('tokyo', 'europe')
  const topic = { name: 'orders', numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }
  await (await client.controller()).send(createTopics, { topics: [topic], timeoutMs: 10_000 })
  const leader = () => client.leaderOf('orders', 0)?.nodeId ?? -1
  const write = async (value: string) => {
    const batch = buildBatch([{ timestamp: 1, key: 'k', value }])
    let isWritten = false
    await until(
      async () => {
        await client.refresh().catch(() => {})
        isWritten ||= await appendBatch(client, 'orders', 0, batch).then(
          () => true,
          () => false,
        )
        return isWritten
      },
      () => `leader ${leader()}`,
    )
  }
  await write('before')
  const first = leader()
  await topology.clusters['tokyo']!.broker(first).stop()
  await write('without')
  expect(leader()).not.toBe(first)
  await topology.clusters['tokyo']!.broker(first).start()
  expect(topology.bootstrapFrom('tokyo', 'europe').split(',').sort()).toEqual(via.split(',').sort())
  expect(Object.keys(topology.clusters['tokyo']!.nodes)).toEqual(Object.keys(nodes))
  await write('after')
  const values = (await readAll(client, 'orders', 0)).map(({ value }) => String(value))
  expect(values).toEqual(['before', 'without', 'after'])
  client.close()
})
