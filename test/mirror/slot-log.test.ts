// Two instances that begin on a fresh target at the same moment both find a slot empty and claim it, each under a producer id of its own.
import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { ProgressReader } from '../../src/mirror/progress-reader.ts'
import { ownerRecord, type ProgressRecord, partitionRecord, producerRecord } from '../../src/mirror/progress-record.ts'
import { SlotLog } from '../../src/mirror/slot-log.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { BatchBuilder } from '../../src/records/batch-builder.ts'
import { appendBatch, clientOf, makeTopic, testPlatform } from '../support/log-content.ts'

let cluster: Cluster
let west: ClusterClient
let topic: string
let topics = 0

beforeAll(async () => {
  cluster = await startCluster(testPlatform, { name: 'west' })
  west = clientOf(cluster.bootstrap)
})

afterAll(async () => {
  west.close()
  await cluster.stop()
})

beforeEach(async () => {
  topic = `heliostat.${++topics}.progress.internal`
  await makeTopic(west, topic, 1)
  await makeTopic(west, `copy-${topics}`, 1)
  await west.refresh()
})

async function opened(): Promise<SlotLog> {
  const log = new SlotLog(testPlatform, west, topic, 0, () => {})
  onTestFinished(() => log.close())
  expect(await log.open({ ifVacant: false })).toMatchObject({ isOccupied: false })
  return log
}

/** What another instance appends that saw the slot empty: it does not know what has come there since. */
async function appendedLate(...others: ProgressRecord[]): Promise<void> {
  const { producerId, producerEpoch } = await west.send(initProducerId, {
    transactionalId: null,
    transactionTimeoutMs: 0,
  })
  const builder = new BatchBuilder({ producerId, producerEpoch, baseSequence: 0 })
  const claim = [producerRecord({ id: producerId, epoch: producerEpoch }), ownerRecord('open')]
  for (const { key, value } of [...claim, ...others]) builder.append({ timestamp: 0, key: Buffer.from(key), value })
  await appendBatch(west, topic, 0, builder.build())
}

const from = (upstream: number) =>
  partitionRecord('orders', 0, {
    sourceTopicId: 'source',
    remoteTopic: `copy-${topics}`,
    targetTopicId: 'target',
    start: { upstream, downstream: 0 },
    epochs: [],
  })

const startOf = (log: SlotLog) => log.state.partition('orders', 0)?.start.upstream

test('a claim that came second is seen before anything is sent, and the slot has an owner again', async () => {
  const first = await opened()
  await appendedLate()
  await expect(first.write([from(1)])).rejects.toMatchObject({ code: 'HEL_SLOT_LOST' })
  const next = await opened()
  await next.write([from(2)])
  const last = await opened()
  expect([last.producer, startOf(last)]).toEqual([next.producer, 2])
})

test('who owns partitions stays the producer, whatever others append, and goes on behind it', async () => {
  const first = await opened()
  await first.write([from(1)])
  await appendedLate(from(99))
  await expect(first.write([from(3)])).rejects.toMatchObject({ code: 'HEL_SLOT_LOST' })
  const next = await opened()
  expect(next.producer).toEqual(first.producer)
  expect(startOf(next)).not.toBe(99)
  await next.write([from(4)])
  await next.write([from(5)])
  await appendedLate(from(98))
  const last = await opened()
  expect([last.producer, startOf(last)]).toEqual([first.producer, 5])
  const view = await new ProgressReader(testPlatform, west, topic).partition('orders', 0)
  expect(view?.map?.nextUpstream).toBe(5)
})

test('however many open it at once, it can be opened and written after', async () => {
  const logs = Array.from({ length: 4 }, () => new SlotLog(testPlatform, west, topic, 0, () => {}))
  onTestFinished(() => {
    for (const log of logs) log.close()
  })
  await Promise.allSettled(logs.map((log) => log.open({ ifVacant: false })))
  await Promise.allSettled(logs.map((log, at) => log.write([from(at)])))
  const next = await opened()
  await next.write([from(7)])
  expect(startOf(await opened())).toBe(7)
})
