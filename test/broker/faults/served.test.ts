// Faults as clients meet them on a running cluster.
import { Kafka, type KafkaConfig, logLevel, Partitioners } from 'kafkajs'
import { expect, it, onTestFinished, vi } from 'vitest'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { type EmbeddedCluster, embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection } from '../raw-connection.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from '../requests.ts'

function kafkajs({ bootstrap }: EmbeddedCluster, config: Partial<KafkaConfig> = {}): Kafka {
  const retry = { initialRetryTime: 20 }
  return new Kafka({ brokers: [bootstrap], clientId: 'kafkajs', logLevel: logLevel.NOTHING, retry, ...config })
}

async function producerOf(kafka: Kafka, idempotent: boolean) {
  const createPartitioner = Partitioners.DefaultPartitioner
  const producer = kafka.producer(
    idempotent ? { idempotent, maxInFlightRequests: 1, createPartitioner } : { createPartitioner },
  )
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  return producer
}

async function endOf(cluster: EmbeddedCluster, topic: string, partition = 0): Promise<number> {
  const asked = [{ partitionIndex: partition, timestamp: -1 }]
  const connection = await cluster.connect('judge')
  const { topics } = await connection.send(listOffsets, { replicaId: -1, topics: [{ name: topic, partitions: asked }] })
  connection.close()
  return topics[0]!.partitions[0]!.offset
}

const metadataFrame = (correlationId: number, clientId: string | null = null) =>
  Buffer.concat(encodeRequest(metadata, 1, { correlationId, clientId }, { topics: [] }))

it('a partition is refused as often as said, its neighbour in the same request is written each time', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't', { partitions: 2 })
  const fault = cluster.faults.add({
    api: 'Produce',
    topic: 't',
    partition: 1,
    error: 'NOT_LEADER_OR_FOLLOWER',
    times: 2,
  })
  const both = [0, 1].map((index) => ({ index, records: [batchOf(['x'])] }))
  const codes: number[][] = []
  for (let request = 0; request < 3; request++) {
    const topicData = [{ name: 't', partitionData: both.map(({ index }) => ({ index, records: [batchOf(['x'])] })) }]
    const { responses } = await connection.send(produce, { acks: -1, timeoutMs: 1000, topicData }, { version: 9 })
    const sorted = [...responses[0]!.partitionResponses].sort((a, b) => a.index - b.index)
    codes.push(sorted.map(({ errorCode }) => errorCode))
  }
  expect(codes).toEqual([
    [0, ErrorCode.NOT_LEADER_OR_FOLLOWER],
    [0, ErrorCode.NOT_LEADER_OR_FOLLOWER],
    [0, 0],
  ])
  expect([await endOf(cluster, 't', 0), await endOf(cluster, 't', 1)]).toEqual([3, 1])
  expect([fault.hits, fault.isSpent]).toEqual([2, true])
})

it('what was refused is not carried out: the topic is not created', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  cluster.faults.add({ topic: 'refused', error: 'POLICY_VIOLATION' })
  const topicOf = (name: string) => ({ name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })
  const { topics } = await connection.send(createTopics, { topics: [topicOf('refused'), topicOf('made')] })
  expect(topics.map(({ name, errorCode }) => [name, errorCode])).toEqual([
    ['made', 0],
    ['refused', ErrorCode.POLICY_VIOLATION],
  ])
  cluster.faults.clear()
  const { topics: known } = await connection.send(metadata, { topics: null })
  expect(known.map(({ name }) => name)).toEqual(['made'])
})

it('a kafkajs producer outlives three NOT_LEADER_OR_FOLLOWER', async () => {
  const cluster = await embeddedCluster()
  const fault = cluster.faults.add({ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER', times: 3 })
  const producer = await producerOf(kafkajs(cluster), false)
  const sent = await producer.send({ topic: 'orders', messages: [{ value: 'one' }] })
  expect(sent).toMatchObject([{ errorCode: 0, baseOffset: '0' }])
  expect(fault.hits).toBe(3)
  expect(await endOf(cluster, 'orders')).toBe(1)
})

it('a response that is dropped makes an idempotent producer ask again, and nothing is written twice', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 'orders')
  const requests = cluster.faults.add({ api: 'Produce', delayMs: 1 })
  const fault = cluster.faults.add({ api: 'Produce', drop: 'response', times: 1 })
  const producer = await producerOf(kafkajs(cluster, { requestTimeout: 300, enforceRequestTimeout: true }), true)
  await producer.send({ topic: 'orders', messages: [{ value: 'one' }] })
  await producer.send({ topic: 'orders', messages: [{ value: 'two' }] })
  expect([fault.hits, requests.hits]).toEqual([1, 3])
  expect(await endOf(cluster, 'orders')).toBe(2)
})

it('a request that is dropped is not carried out and not answered; what follows is', async () => {
  const cluster = await embeddedCluster()
  const raw = await rawConnection(cluster)
  cluster.faults.add({ api: 'Metadata', drop: 'request', times: 1 })
  const named = encodeRequest(metadata, 4, { correlationId: 1, clientId: null }, { topics: [{ name: 'auto' }] })
  raw.socket.write(Buffer.concat(named))
  const answer = await raw.ask(metadataFrame(2).subarray(4))
  expect(answer.readInt32BE(0)).toBe(2)
  const { topics } = await (await cluster.connect()).send(metadata, { topics: null })
  expect(topics).toEqual([])
})

it('a connection is closed before or after the request is carried out, after the older answers', async () => {
  const cluster = await embeddedCluster()
  for (const close of ['before', 'after'] as const) {
    cluster.faults.add({ clientId: close, close })
    const raw = await rawConnection(cluster)
    const topics = [{ name: `topic-${close}` }]
    const bad = encodeRequest(metadata, 4, { correlationId: 2, clientId: close }, { topics })
    raw.socket.write(Buffer.concat([metadataFrame(1, 'fine'), ...bad, metadataFrame(3, 'fine')]))
    expect((await raw.next()).readInt32BE(0)).toBe(1)
    await raw.closed
  }
  const { topics } = await (await cluster.connect()).send(metadata, { topics: null })
  expect(topics.map(({ name }) => name)).toEqual(['topic-after'])
})

it('a delayed answer holds up those behind it on its connection, in order, and no other connection', async () => {
  const cluster = await embeddedCluster()
  const started = performance.now()
  cluster.faults.add({ clientId: 'slow', delayMs: 1_500 })
  const raw = await rawConnection(cluster)
  raw.socket.write(Buffer.concat([metadataFrame(1, 'slow'), metadataFrame(2, 'quick')]))
  let isAnswered = false
  const first = raw.next().finally(() => {
    isAnswered = true
  })
  const bystander = await cluster.connect()
  for (let asked = 0; asked < 20; asked++) await bystander.send(metadata, { topics: [] })
  expect(isAnswered).toBe(false)
  const order = [(await first).readInt32BE(0), (await raw.next()).readInt32BE(0)]
  expect(order).toEqual([1, 2])
  expect(performance.now() - started).toBeGreaterThanOrEqual(1_495)
})

it('a delayed answer leaves no slot behind: more than a connection may have in flight pass', async () => {
  const cluster = await embeddedCluster()
  cluster.faults.add({ api: 'Metadata', delayMs: 1 })
  cluster.faults.add({ api: 'ListOffsets', drop: 'response' })
  const raw = await rawConnection(cluster)
  const dropped = Buffer.concat(
    encodeRequest(listOffsets, 1, { correlationId: 0, clientId: null }, { replicaId: -1, topics: [] }),
  )
  for (let id = 1; id <= 2500; id++) raw.socket.write(Buffer.concat([dropped, metadataFrame(id)]))
  for (let id = 1; id <= 2500; id++) expect((await raw.next()).readInt32BE(0)).toBe(id)
})

it('a fetch that waits in a session hears of the fault at once, and of the records when it is over', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  await makeTopic(connection, 't')
  const first = await connection.send(fetch, fetchOf('t', { sessionEpoch: 0 }), { version: 12 })
  const fault = cluster.faults.add({
    api: 'Fetch',
    topic: 't',
    partition: 0,
    error: 'NOT_LEADER_OR_FOLLOWER',
    times: 1,
  })
  const next = (sessionEpoch: number) => ({
    ...fetchOf('t', { sessionId: first.sessionId, sessionEpoch, maxWaitMs: 30_000 }),
    topics: [],
  })
  const refused = await connection.send(fetch, next(1), { version: 12 })
  expect(refused.responses[0]!.partitions).toMatchObject([
    { partitionIndex: 0, errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER },
  ])
  expect(fault.hits).toBe(1)
  await produceOf(connection, 't', batchOf(['x']))
  const { responses } = await connection.send(fetch, next(2), { version: 12 })
  expect(responses[0]!.partitions).toMatchObject([{ errorCode: 0, highWatermark: 1 }])
})

it('a producer that wants no answer learns of a refusal by a closed connection', async () => {
  const cluster = await embeddedCluster()
  await makeTopic(await cluster.connect(), 't')
  const raw = await rawConnection(cluster)
  cluster.faults.add({ api: 'Produce', error: 'NOT_LEADER_OR_FOLLOWER' })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: [batchOf(['x'])] }] }]
  raw.socket.write(
    Buffer.concat(
      encodeRequest(produce, 7, { correlationId: 1, clientId: null }, { acks: 0, timeoutMs: 1, topicData }),
    ),
  )
  await raw.closed
  expect(await endOf(cluster, 't')).toBe(0)
})

it('a kafkajs consumer reads all in spite of errors, a rebalance and a closed connection', async () => {
  const cluster = await embeddedCluster()
  const kafka = kafkajs(cluster, {
    requestTimeout: 500,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: 20, retries: 20 },
  })
  const producer = await producerOf(kafka, false)
  await producer.send({ topic: 'orders', messages: Array.from({ length: 50 }, (_, i) => ({ value: `${i}` })) })
  cluster.faults.add({ api: 'Fetch', error: 'NOT_LEADER_OR_FOLLOWER', times: 2 })
  const closed = cluster.faults.add({ api: 'Fetch', close: 'after', skip: 2, times: 1 })
  cluster.faults.add({ api: 'Heartbeat', error: 'REBALANCE_IN_PROGRESS', times: 1 })
  const consumer = kafka.consumer({ groupId: 'g', heartbeatInterval: 100, maxWaitTimeInMs: 50 })
  onTestFinished(() => consumer.disconnect())
  await consumer.connect()
  await consumer.subscribe({ topic: 'orders', fromBeginning: true })
  const read = new Set<string>()
  await consumer.run({ eachMessage: async ({ message }) => void read.add(message.value!.toString()) })
  await vi.waitFor(() => expect([read.size, closed.hits]).toEqual([50, 1]), { timeout: 15_000 })
})

it('stops at once though an answer is held back', async () => {
  const cluster = await embeddedCluster()
  const raw = await rawConnection(cluster)
  const fault = cluster.faults.add({ api: 'Metadata', delayMs: 3_600_000 })
  raw.socket.write(metadataFrame(1))
  await vi.waitFor(() => expect(fault.hits).toBe(1))
  await cluster.stop()
  await raw.closed
})
