// What a MirrorMaker 2 leaves behind while it lives, and what does not count.
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { liveMirrorMaker } from '../../src/mirror/live-mirrormaker.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { eventually } from '../compatibility/gathering.ts'
import { appendBatch, clientOf, makeTopic, testPlatform } from '../support/log-content.ts'

let source: Cluster
let target: Cluster
let east: ClusterClient
let west: ClusterClient

beforeAll(async () => {
  source = await startCluster(testPlatform, { name: 'east' })
  target = await startCluster(testPlatform, { name: 'west' })
  east = clientOf(source.bootstrap, testPlatform, 'east')
  west = clientOf(target.bootstrap, testPlatform, 'west')
  await Promise.all([east.refresh(), west.refresh()])
})

afterAll(async () => {
  east.close()
  west.close()
  await Promise.all([source.stop(), target.stop()])
})

const ask = (sourceAlias: string) =>
  liveMirrorMaker(testPlatform, {
    source: east,
    target: west,
    sourceAlias,
    targetAlias: `${sourceAlias}-west`,
    separator: '.',
  })

async function write(client: ClusterClient, topic: string, ageMs: number): Promise<void> {
  await makeTopic(client, topic, 1)
  await appendBatch(client, topic, 0, buildBatch([{ timestamp: Date.now() - ageMs, key: 'k', value: 'v' }]))
}

test('clusters without a trace of it are free', async () => {
  expect(await ask('free')).toBeUndefined()
})

test('its offsets on the target, and its offset-syncs on the source, tell while they are fresh', async () => {
  await write(west, 'mm2-offsets.a.internal', 1_000)
  expect(await ask('a')).toBe('topic mm2-offsets.a.internal on west was written within minutes')
  await write(east, 'mm2-offset-syncs.b-west.internal', 1_000)
  expect(await ask('b')).toBe('topic mm2-offset-syncs.b-west.internal on east was written within minutes')
  await write(west, 'mm2-offsets.c.internal', 3_600_000)
  expect(await ask('c')).toBeUndefined()
})

test('what heliostat writes, too, does not count', async () => {
  await write(west, 'mm2-offset-syncs.d.internal', 0)
  await write(west, 'heartbeats', 0)
  expect(await ask('d')).toBeUndefined()
})

test('where heliostat mirrors the other way, what it writes there does not count', async () => {
  await write(east, 'mm2-offset-syncs.e-west.internal', 0)
  expect(await ask('e')).toMatch(/^topic mm2-offset-syncs/)
  await makeTopic(east, 'heliostat.e-west.word.progress.internal', 1)
  expect(await ask('e')).toBeUndefined()
  await write(west, 'mm2-offsets.e.internal', 1_000)
  expect(await ask('e')).toMatch(/^topic mm2-offsets/)
})

test('its group on the target tells while it has members', async () => {
  await makeTopic(west, 'any', 1)
  const kafka = new Kafka({ clientId: 'worker', brokers: [target.bootstrap], logLevel: logLevel.NOTHING })
  const consumer = kafka.consumer({ groupId: 'g-mm2' })
  await consumer.connect()
  await consumer.subscribe({ topics: ['any'] })
  await consumer.run({ eachMessage: async () => {} })
  await eventually(async () => expect(await ask('g')).toMatch(/^group g-mm2 on west is /))
  await consumer.disconnect()
  expect(await ask('g')).toBeUndefined()
})
