// kafkajs as a user runs it, against the embedded broker: it speaks only the classic, non-flexible versions.
import {
  CompressionTypes,
  ConfigResourceTypes,
  type Consumer,
  Kafka,
  type KafkaMessage,
  logLevel,
  Partitioners,
} from 'kafkajs'
import { expect, it, onTestFinished, vi } from 'vitest'
import { type EmbeddedCluster, embeddedCluster } from './embedded-cluster.ts'

function client({ bootstrap }: EmbeddedCluster): Kafka {
  return new Kafka({
    brokers: [bootstrap],
    clientId: 'kafkajs',
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 20 },
  })
}

async function producer(kafka: Kafka, idempotent = false) {
  const made = kafka.producer({ idempotent, createPartitioner: Partitioners.DefaultPartitioner })
  await made.connect()
  onTestFinished(() => made.disconnect())
  return made
}

async function admin(kafka: Kafka) {
  const made = kafka.admin()
  await made.connect()
  onTestFinished(() => made.disconnect())
  return made
}

async function consumer(kafka: Kafka, groupId: string): Promise<Consumer> {
  const made = kafka.consumer({
    groupId,
    sessionTimeout: 10_000,
    heartbeatInterval: 200,
    rebalanceTimeout: 10_000,
    maxWaitTimeInMs: 100,
  })
  await made.connect()
  onTestFinished(() => made.disconnect())
  return made
}

it('produces and consumes keys, values, headers and timestamps', async () => {
  const kafka = client(await embeddedCluster())
  const messages = [
    { key: 'a', value: 'one', headers: { trace: 'x', many: ['1', '2'] }, timestamp: '1700000000001' },
    { key: null, value: Buffer.from([0, 255]), timestamp: '1700000000002' },
    { key: 'c', value: null, timestamp: '1700000000003' },
  ]
  const sent = await (await producer(kafka, true)).send({ topic: 'orders', messages })
  expect(sent).toMatchObject([{ topicName: 'orders', partition: 0, errorCode: 0, baseOffset: '0' }])
  const received: KafkaMessage[] = []
  const reader = await consumer(kafka, 'readers')
  await reader.subscribe({ topic: 'orders', fromBeginning: true })
  await reader.run({ eachMessage: async ({ message }) => void received.push(message) })
  await vi.waitFor(() => expect(received).toHaveLength(3))
  expect(
    received.map(({ offset, key, value, timestamp }) => [offset, key?.toString(), value?.toString('hex'), timestamp]),
  ).toEqual([
    ['0', 'a', '6f6e65', '1700000000001'],
    ['1', undefined, '00ff', '1700000000002'],
    ['2', 'c', undefined, '1700000000003'],
  ])
  expect(received[0]!.headers).toEqual({ trace: Buffer.from('x'), many: [Buffer.from('1'), Buffer.from('2')] })
})

it('takes gzip batches from an ordinary and from an idempotent producer', async () => {
  const kafka = client(await embeddedCluster())
  const messages = Array.from({ length: 500 }, (_, i) => ({ value: `message ${i}` }))
  for (const idempotent of [false, true]) {
    const writer = await producer(kafka, idempotent)
    await writer.send({ topic: 'zipped', messages, compression: CompressionTypes.GZIP })
  }
  const offsets = await (await admin(kafka)).fetchTopicOffsets('zipped')
  expect(offsets).toEqual([{ partition: 0, offset: '1000', high: '1000', low: '0' }])
})

it('shares the partitions of a topic among three members, and moves them when one goes', async () => {
  const cluster = await embeddedCluster()
  const kafka = client(cluster)
  const control = await admin(kafka)
  await control.createTopics({ topics: [{ topic: 'shared', numPartitions: 6 }] })
  const writer = await producer(kafka)
  const seen = new Map<string, Set<number>>()
  const received = new Set<string>()
  const members: Consumer[] = []
  const assignments = new Map<string, number[]>()
  for (const name of ['a', 'b', 'c']) {
    const member = await consumer(kafka, 'workers')
    members.push(member)
    seen.set(name, new Set())
    member.on(member.events.GROUP_JOIN, ({ payload }) =>
      assignments.set(name, payload.memberAssignment['shared'] ?? []),
    )
    await member.subscribe({ topic: 'shared', fromBeginning: true })
    await member.run({
      eachMessage: async ({ partition, message }) => {
        seen.get(name)!.add(partition)
        received.add(message.value!.toString())
      },
    })
  }
  const sizes = () => [...assignments.values()].map((partitions) => partitions.length)
  await vi.waitFor(() => expect(sizes()).toEqual([2, 2, 2]), 15_000)
  expect([...assignments.values()].flat().sort()).toEqual([0, 1, 2, 3, 4, 5])
  await write(writer, 'first')
  await vi.waitFor(() => expect(received.size).toBe(60), 10_000)
  const { groups } = await control.describeGroups(['workers'])
  expect(groups[0]).toMatchObject({ state: 'Stable', protocolType: 'consumer' })
  expect(groups[0]!.members).toHaveLength(3)
  await members[2]!.disconnect()
  assignments.delete('c')
  await vi.waitFor(() => expect(sizes()).toEqual([3, 3]), 15_000)
  await write(writer, 'second')
  await vi.waitFor(() => expect(received.size).toBe(120), 10_000)
}, 60_000)

async function write(writer: Awaited<ReturnType<typeof producer>>, round: string): Promise<void> {
  const messages = Array.from({ length: 60 }, (_, i) => ({ value: `${round} ${i}`, partition: i % 6 }))
  await writer.send({ topic: 'shared', messages })
}

it('goes on from the committed offset, in a later consumer of the group', async () => {
  const kafka = client(await embeddedCluster())
  const writer = await producer(kafka)
  const control = await admin(kafka)
  await writer.send({ topic: 'log', messages: ['0', '1', '2', '3'].map((value) => ({ value })) })
  const readUpTo = async (count: number): Promise<string[]> => {
    const values: string[] = []
    const reader = await consumer(kafka, 'resuming')
    await reader.subscribe({ topic: 'log', fromBeginning: true })
    await reader.run({ eachMessage: async ({ message }) => void values.push(message.value!.toString()) })
    await vi.waitFor(() => expect(values).toHaveLength(count), 10_000)
    await reader.disconnect()
    return values
  }
  expect(await readUpTo(4)).toEqual(['0', '1', '2', '3'])
  const committed = async () => (await control.fetchOffsets({ groupId: 'resuming' }))[0]?.partitions[0]?.offset
  expect(await committed()).toBe('4')
  await writer.send({ topic: 'log', messages: [{ value: '4' }] })
  expect(await readUpTo(1)).toEqual(['4'])
  await control.setOffsets({ groupId: 'resuming', topic: 'log', partitions: [{ partition: 0, offset: '2' }] })
  expect(await readUpTo(3)).toEqual(['2', '3', '4'])
  await control.deleteGroups(['resuming'])
  expect((await control.listGroups()).groups).toEqual([])
})

it('creates, alters, grows and deletes topics', async () => {
  const kafka = client(await embeddedCluster())
  const control = await admin(kafka)
  const configEntries = [{ name: 'retention.ms', value: '1000' }]
  const topic = { topic: 'managed', numPartitions: 2, configEntries }
  expect(await control.createTopics({ topics: [topic], validateOnly: true, waitForLeaders: false })).toBe(true)
  expect(await control.listTopics()).toEqual([])
  expect(await control.createTopics({ topics: [topic] })).toBe(true)
  expect(await control.createTopics({ topics: [topic] })).toBe(false)
  const config = async (name: string) => {
    const resources = [{ type: ConfigResourceTypes.TOPIC, name: 'managed', configNames: [name] }]
    const { resources: described } = await control.describeConfigs({ includeSynonyms: true, resources })
    return described[0]!.configEntries[0]
  }
  expect(await config('retention.ms')).toMatchObject({ configValue: '1000', configSource: 1 })
  const resource = { type: ConfigResourceTypes.TOPIC, name: 'managed' }
  await control.alterConfigs({
    validateOnly: false,
    resources: [{ ...resource, configEntries: [{ name: 'cleanup.policy', value: 'compact' }] }],
  })
  expect(await config('cleanup.policy')).toMatchObject({ configValue: 'compact', configSource: 1 })
  expect(await config('retention.ms')).toMatchObject({ configValue: '604800000', configSource: 5 })
  await control.createPartitions({ topicPartitions: [{ topic: 'managed', count: 5 }] })
  const { topics } = await control.fetchTopicMetadata({ topics: ['managed'] })
  expect(topics[0]!.partitions).toHaveLength(5)
  await expect(control.createPartitions({ topicPartitions: [{ topic: 'managed', count: 4 }] })).rejects.toThrow(
    /partitions/,
  )
  await control.deleteTopics({ topics: ['managed'] })
  expect(await control.listTopics()).toEqual([])
})

it('deletes records and finds offsets by time', async () => {
  const kafka = client(await embeddedCluster())
  const control = await admin(kafka)
  const messages = [1000, 2000, 3000].map((time) => ({ value: 'x', timestamp: String(1_700_000_000_000 + time) }))
  for (const message of messages) await (await producer(kafka)).send({ topic: 'timed', messages: [message] })
  expect(await control.fetchTopicOffsetsByTimestamp('timed', 1_700_000_001_500)).toEqual([
    { partition: 0, offset: '1' },
  ])
  await control.deleteTopicRecords({ topic: 'timed', partitions: [{ partition: 0, offset: '2' }] })
  expect(await control.fetchTopicOffsets('timed')).toEqual([{ partition: 0, offset: '3', high: '3', low: '2' }])
})

it('consumes, transforms and produces in transactions: what is aborted never was', async () => {
  const kafka = client(await embeddedCluster())
  const control = await admin(kafka)
  await control.createTopics({ topics: ['orders', 'invoices'].map((topic) => ({ topic, numPartitions: 1 })) })
  const orders = Array.from({ length: 10 }, (_, index) => ({ value: `${index}` }))
  await (await producer(kafka)).send({ topic: 'orders', messages: orders })
  const writer = kafka.producer({
    transactionalId: 'billing',
    idempotent: true,
    maxInFlightRequests: 1,
    createPartitioner: Partitioners.DefaultPartitioner,
  })
  await writer.connect()
  onTestFinished(() => writer.disconnect())
  const invoice = async (order: number) => {
    const transaction = await writer.transaction()
    await transaction.send({ topic: 'invoices', messages: [{ value: `invoice ${order}` }] })
    const partitions = [{ partition: 0, offset: `${order + 1}` }]
    await transaction.sendOffsets({ consumerGroupId: 'billing', topics: [{ topic: 'orders', partitions }] })
    return transaction
  }
  const committed = async () => (await control.fetchOffsets({ groupId: 'billing' }))[0]?.partitions[0]?.offset
  await (await invoice(0)).commit()
  await vi.waitFor(async () => expect(await committed()).toBe('1'))
  await (await invoice(1)).abort()
  expect(await committed()).toBe('1')
  for (let order = 1; order < 10; order++) await (await invoice(order)).commit()
  await vi.waitFor(async () => expect(await committed()).toBe('10'))
  const invoices: string[] = []
  const reader = await consumer(kafka, 'auditors')
  await reader.subscribe({ topic: 'invoices', fromBeginning: true })
  await reader.run({ eachMessage: async ({ message }) => void invoices.push(message.value!.toString()) })
  await vi.waitFor(() => expect(invoices).toHaveLength(10), 10_000)
  expect(invoices).toEqual(orders.map(({ value }) => `invoice ${value}`))
})
