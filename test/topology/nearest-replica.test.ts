// A mirror that stands in a rack reads the replica of that rack (KIP-392), and the leader when that replica is gone.
import { expect, onTestFinished, test } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import type { Network, Platform } from '../../src/platform/platform.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { eventually } from '../compatibility/gathering.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, clientOf, endOffset, testPlatform } from '../support/log-content.ts'

const SELECTOR = 'org.apache.kafka.common.replica.RackAwareReplicaSelector'
const QUICK = { 'broker.session.timeout.ms': 1000, 'broker.heartbeat.interval.ms': 200 }
const VALUE = 'x'.repeat(10_000)

/** This machine, and the bytes that came from each port. */
function countingPlatform(): { platform: Platform; from: Map<number, number> } {
  const from = new Map<number, number>()
  const network: Network = {
    ...testPlatform.network,
    connect: (address, handler, tls) =>
      testPlatform.network.connect(
        address,
        {
          ...handler,
          opened: () => handler.opened?.(),
          readInto: () => handler.readInto(),
          didRead: (length) => {
            from.set(address.port, (from.get(address.port) ?? 0) + length)
            handler.didRead(length)
          },
          drained: () => handler.drained?.(),
          closed: (error) => handler.closed(error),
        },
        tls,
      ),
  }
  return { platform: { ...testPlatform, network }, from }
}

test('the replica in its rack is read, and when that is gone the leader, with nothing lost or doubled', {
  timeout: 40_000,
}, async () => {
  const config = { 'replica.selector.class': SELECTOR, ...QUICK }
  const source = await startCluster(testPlatform, { name: 'east', brokers: 3, racks: ['a', 'b', 'c'], config })
  const target = await startCluster(testPlatform, { name: 'west' })
  const [east, west] = [clientOf(source.bootstrap), clientOf(target.bootstrap)]
  const { platform, from } = countingPlatform()
  const bootstrap = source.bootstrap
    .split(',')
    .map((text) => ({ host: text.split(':')[0]!, port: Number(text.split(':')[1]) }))
  onTestFinished(async () => {
    east.close()
    west.close()
    await Promise.all([source.stop(), target.stop()])
  })
  const shape = { numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }
  await (await east.controller()).send(createTopics, { topics: [{ name: 'orders', ...shape }] })
  await eventually(async () => {
    await east.refresh()
    expect(east.topics().get('orders')!.partitions[0]!.isrNodes).toHaveLength(3)
  })
  const leader = east.leaderOf('orders', 0)!.nodeId
  const nearest = leader === 3 ? 2 : 3
  const portOf = (nodeId: number) => Number(source.nodes[nodeId]!.split(':')[1])
  const [leaderPort, nearestPort] = [portOf(leader), portOf(nearest)]
  const mirror = new Mirror(platform, {
    flow: {
      name: 'east->west',
      source: 'east',
      target: 'west',
      topics: { include: ['orders'], exclude: [] },
      refreshMs: 100,
    },
    source: new ClusterClient(platform, {
      bootstrap,
      clientId: 'mirror',
      name: 'east',
      rack: 'abc'[nearest - 1]!,
      refreshIntervalMs: 10,
    }),
    target: clientOf(target.bootstrap),
    slots: 1,
  })
  onTestFinished(() => mirror.stop())
  await mirror.start()
  let records = 0
  const write = async (count: number) => {
    for (let index = 0; index < count; index++) {
      await east.refresh()
      const batch = buildBatch([{ timestamp: 1_700_000_000_000 + records, key: String(records), value: VALUE }])
      await eventually(() => appendBatch(east, 'orders', 0, batch))
      records++
    }
    await eventually(async () => expect(await endOffset(west, 'east.orders', 0)).toBe(records))
  }
  await write(30)
  expect(from.get(nearestPort)).toBeGreaterThan(25 * VALUE.length)
  expect(from.get(leaderPort) ?? 0).toBeLessThan(5 * VALUE.length)
  await source.broker(nearest).kill()
  await write(30)
  expect(from.get(leaderPort)).toBeGreaterThan(25 * VALUE.length)
  await expectCopied({ client: east, topic: 'orders' }, { client: west, topic: 'east.orders' })
  expect(mirror.status().topics[0]!.partitions[0]!.gaps).toEqual([])
})
