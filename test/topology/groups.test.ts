// A group that fails over: the daemon runs between two clusters, and what the group finds on the target is exactly what it had
// not read on the source.
import '../support/least-rights.ts'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { decodeHeartbeat } from '../../src/mirror/heartbeat.ts'
import { decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import type { MaybeKeyValue } from '../../src/offset-translation/internal-record.ts'
import { decodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { eventually, Gathering } from '../compatibility/gathering.ts'
import { checkGroup } from '../oracle/groups.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const RECORDS = 500
const READ = 321

let east: Cluster
let west: Cluster
let daemon: Daemon
const closing: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  east = await startCluster(platform, { name: 'east' })
  west = await startCluster(platform, { name: 'west' })
  const yaml = `
version: 1
clusters:
  east: { bootstrap: ["${east.bootstrap}"] }
  west: { bootstrap: ["${west.bootstrap}"] }
mirrors: [{ from: east, to: west }]
server: { listen: 127.0.0.1:0 }
`
  const { config } = loadConfig(yaml, 'test.yaml', {})
  daemon = await startDaemon(platform, config, { version: 'test', directory: '.' })
})

afterAll(async () => {
  await Promise.allSettled(closing.map((close) => close()))
  await daemon?.stop()
  await east?.stop()
  await west?.stop()
})

function kafka(cluster: Cluster): Kafka {
  return new Kafka({ clientId: 'case', brokers: [cluster.bootstrap], logLevel: logLevel.NOTHING })
}

/** Reads as a member of a group, from the group's position or the earliest record, until `enough` has come. */
async function consume(cluster: Cluster, groupId: string, topic: string, enough: number): Promise<string[]> {
  const consumer = kafka(cluster).consumer({ groupId, maxWaitTimeInMs: 100 })
  closing.push(() => consumer.disconnect())
  const seen = new Gathering<string>()
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message }) => {
      if (seen.items.length === enough) return
      seen.add(String(message.value))
      const offset = String(Number(message.offset) + 1)
      if (seen.items.length === enough) await consumer.commitOffsets([{ topic, partition, offset }])
    },
  })
  await seen.atLeast(enough)
  await consumer.disconnect()
  return [...seen.items]
}

let readers = 0

async function readAll(cluster: Cluster, topic: string): Promise<MaybeKeyValue[]> {
  const consumer = kafka(cluster).consumer({ groupId: `reader-${++readers}`, maxWaitTimeInMs: 100 })
  closing.push(() => consumer.disconnect())
  const seen = new Gathering<MaybeKeyValue>()
  await consumer.connect()
  await consumer.subscribe({ topics: [topic], fromBeginning: true })
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => seen.add(message) })
  await seen.atLeast(1)
  return [...seen.items]
}

test('a group goes on at the target with the very record that it had not read at the source', async () => {
  const producer = kafka(east).producer()
  await producer.connect()
  closing.push(() => producer.disconnect())
  const records = Array.from({ length: RECORDS }, (_, at) => `record ${at}`)
  for (let at = 0; at < RECORDS; at += 50)
    await producer.send({ topic: 'orders', messages: records.slice(at, at + 50).map((value) => ({ value })) })

  const before = await consume(east, 'billing', 'orders', READ)
  const flow = daemon.flows.get('east->west')!
  await eventually(async () => {
    const status = flow.groups().find(({ group }) => group === 'billing')
    expect(status).toMatchObject({ state: 'synced', partitions: [{ committed: READ, translated: READ }] })
  })
  const after = await consume(west, 'billing', 'east.orders', RECORDS - READ)
  const seen = (values: readonly string[]) => values.map((value, offset) => ({ offset, id: value, content: value }))
  expect(checkGroup({ group: 'billing', handed: seen([...before, ...after]), owed: seen(records) })).toEqual([])
  expect([...before, ...after]).toEqual(records)
})

test("MirrorMaker's topics stand beside it, readable", async () => {
  // A group that is ahead of the mirror has checkpoints on the way, and whoever reads may stop at one of them.
  await eventually(async () => {
    const checkpoints = (await readAll(west, 'east.checkpoints.internal')).map(decodeCheckpoint)
    expect(checkpoints.at(-1)).toMatchObject({ group: 'billing', topic: 'east.orders', downstreamOffset: READ })
  })
  const heartbeats = (await readAll(west, 'heartbeats')).map(decodeHeartbeat)
  expect(heartbeats[0]).toMatchObject({ sourceAlias: 'east', targetAlias: 'west' })
  const syncs = (await readAll(west, 'mm2-offset-syncs.east.internal')).map(decodeOffsetSync)
  for (const sync of syncs.filter((one) => one?.topic === 'orders'))
    expect(sync!.downstreamOffset).toBe(sync!.upstreamOffset)
  expect(syncs.some((sync) => sync?.topic === 'orders')).toBe(true)
})
