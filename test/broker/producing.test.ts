// What producers may rely on: side by side each keeps its order, and a retry neither doubles nor reorders.
import { expect, it } from 'vitest'
import type { Connection } from '../../src/client/connection.ts'
import { encodeRequest } from '../../src/protocol/codec.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { rawConnection } from './raw-connection.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from './requests.ts'

async function valuesOf(connection: Connection, topic: string): Promise<string[]> {
  const values: string[] = []
  for (let offset = 0; ; ) {
    const { responses } = await connection.send(fetch, fetchOf(topic, { offset }), { version: 12 })
    const { batches } = splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? []))
    if (batches.length === 0) return values
    for (const batch of batches) values.push(...batch.records().map(({ value }) => String(value)))
    offset = batches.at(-1)!.nextOffset
  }
}

it('many producers at once: every record once, those of each producer in its order', async () => {
  const cluster = await embeddedCluster()
  await makeTopic(await cluster.connect(), 't')
  const writers = await Promise.all(Array.from({ length: 10 }, () => cluster.connect()))
  const sent = writers.map((_, writer) => Array.from({ length: 30 }, (_, index) => `${writer}:${index}`))
  const answers = await Promise.all(
    writers.flatMap((connection, writer) =>
      sent[writer]!.map((value) => produceOf(connection, 't', batchOf([value]), { acks: writer % 2 === 0 ? 1 : -1 })),
    ),
  )
  expect(new Set(answers.map(({ baseOffset }) => baseOffset)).size).toBe(300)
  const stored = await valuesOf(writers[0]!, 't')
  for (const [writer, values] of sent.entries()) {
    expect(stored.filter((value) => value.startsWith(`${writer}:`))).toEqual(values)
  }
})

it.each([1, 3, 5])('retries keep the order with five requests in flight, of which %i had arrived', async (arrived) => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  const { producerId, producerEpoch } = await connection.send(initProducerId, {
    transactionalId: null,
    transactionTimeoutMs: 1000,
  })
  const records = Array.from({ length: 5 }, (_, index) =>
    batchOf([`${index}a`, `${index}b`], { producerId, producerEpoch, baseSequence: index * 2 }),
  )
  const frameOf = (batch: Buffer, correlationId: number) => {
    const topicData = [{ name: 't', partitionData: [{ index: 0, records: [batch] }] }]
    const header = { correlationId, clientId: 'p' }
    return Buffer.concat(encodeRequest(produce, 9, header, { acks: -1, timeoutMs: 1000, topicData }))
  }
  // The connection breaks before any answer is heard, so the producer cannot know what has arrived.
  const broken = await rawConnection(cluster)
  broken.socket.write(Buffer.concat(records.slice(0, arrived).map(frameOf)))
  await expect.poll(async () => (await valuesOf(connection, 't')).length).toBe(arrived * 2)
  broken.socket.destroy()
  const answers = await Promise.all(records.map((batch) => produceOf(connection, 't', batch)))
  expect(answers.map(({ errorCode, baseOffset }) => [errorCode, baseOffset])).toEqual(
    [0, 1, 2, 3, 4].map((i) => [0, i * 2]),
  )
  expect(await valuesOf(connection, 't')).toEqual([0, 1, 2, 3, 4].flatMap((index) => [`${index}a`, `${index}b`]))
})
