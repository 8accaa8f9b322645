// kafkajs 2.2.4: the client that many Node services run, and our own control plane's.
import {
  type Admin,
  CompressionCodecs,
  CompressionTypes,
  ConfigResourceTypes,
  type Consumer,
  type EachMessagePayload,
  Kafka,
  logLevel,
  type Producer,
} from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compress, decompress } from '../../../src/records/compression/index.ts'
import { eventually, Gathering } from '../gathering.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

const decompressedBytesMax = 1 << 20

// kafkajs knows gzip; the others are plugged in, as its users do.
for (const [type, codec] of [
  [CompressionTypes.Snappy, 'snappy'],
  [CompressionTypes.LZ4, 'lz4'],
  [CompressionTypes.ZSTD, 'zstd'],
] as const) {
  CompressionCodecs[type] = () => ({
    compress: async (encoder: { buffer: Buffer }) => compress(codec, encoder.buffer),
    decompress: async (buffer: Buffer) => decompress(codec, buffer, decompressedBytesMax),
  })
}

const codecs = {
  none: CompressionTypes.None,
  gzip: CompressionTypes.GZIP,
  snappy: CompressionTypes.Snappy,
  lz4: CompressionTypes.LZ4,
  zstd: CompressionTypes.ZSTD,
}

describe.each(clientGrounds)('kafkajs', (ground) => {
  describe.skipIf(ground.reason)(title(`on ${ground.name}`, ground.reason), () => {
    let cluster: RunningGround
    let kafka: Kafka
    let admin: Admin
    /** Gives up at the first refusal. */
    let impatient: Admin
    let producer: Producer
    const consumers: Consumer[] = []

    beforeAll(async () => {
      cluster = await ground.start()
      kafka = new Kafka({ clientId: 'case', brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING })
      admin = kafka.admin()
      impatient = kafka.admin({ retry: { retries: 0 } })
      producer = kafka.producer({ allowAutoTopicCreation: false })
      await Promise.all([admin.connect(), impatient.connect(), producer.connect()])
    }, 60_000)

    afterAll(async () => {
      await Promise.allSettled([...consumers, admin, impatient, producer].map((client) => client?.disconnect()))
      await cluster?.stop()
    })

    async function createTopic(topic: string, numPartitions = 1, configs: Record<string, string> = {}) {
      const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }))
      const created = await admin.createTopics({
        waitForLeaders: false,
        topics: [{ topic, numPartitions, configEntries }],
      })
      await eventually(() => impatient.fetchTopicMetadata({ topics: [topic] }))
      return created
    }

    /** A member of a group, from the earliest record on where the group has no offset. */
    async function join(groupId: string, topics: string[], each: (payload: EachMessagePayload) => void) {
      const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 100 })
      consumers.push(consumer)
      await consumer.connect()
      await consumer.subscribe({ topics, fromBeginning: true })
      const assignments = new Gathering<number[]>()
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) =>
        assignments.add(payload.memberAssignment[topics[0]!] ?? []),
      )
      await consumer.run({ eachMessage: async (payload) => each(payload) })
      await assignments.atLeast(1)
      return { consumer, assignments }
    }

    it('reads back keys, values, headers and timestamps as they were sent', async () => {
      await createTopic('whole-records')
      const messages = [
        { key: 'key', value: 'value', timestamp: '1700000000000', headers: { trace: 'abc', empty: '' } },
        { key: null, value: 'without a key', timestamp: '1700000000001' },
        { key: 'tombstone', value: null, timestamp: '1700000000002' },
      ]
      const [sent] = await producer.send({ topic: 'whole-records', acks: -1, messages })
      expect(sent).toMatchObject({ partition: 0, errorCode: 0, baseOffset: '0' })
      const seen = new Gathering<EachMessagePayload>()
      await join('whole-records', ['whole-records'], (payload) => seen.add(payload))
      await seen.atLeast(3)
      const text = (bytes: Buffer | null | undefined) => bytes?.toString() ?? null
      expect(
        seen.items.map(({ message }) => [message.offset, text(message.key), text(message.value), message.timestamp]),
      ).toEqual([
        ['0', 'key', 'value', '1700000000000'],
        ['1', null, 'without a key', '1700000000001'],
        ['2', 'tombstone', null, '1700000000002'],
      ])
      expect(seen.items[0]!.message.headers).toEqual({ trace: Buffer.from('abc'), empty: Buffer.from('') })
    })

    it.each(Object.entries(codecs))('reads back batches compressed with %s', async (name, compression) => {
      const topic = `codec-${name}`
      await createTopic(topic)
      const values = Array.from({ length: 50 }, (_, index) => `${name} ${index} ${'filler '.repeat(40)}`)
      await producer.send({ topic, compression, messages: values.map((value) => ({ value })) })
      const seen = new Gathering<string>()
      await join(topic, [topic], ({ message }) => seen.add(message.value!.toString()))
      await seen.atLeast(values.length)
      expect(seen.items).toEqual(values)
    })

    it('produces idempotently', async () => {
      await createTopic('idempotent')
      const idempotent = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
      await idempotent.connect()
      for (let index = 0; index < 5; index++)
        await idempotent.send({ topic: 'idempotent', messages: [{ value: `${index}` }] })
      await idempotent.disconnect()
      expect(await admin.fetchTopicOffsets('idempotent')).toEqual([{ partition: 0, offset: '5', high: '5', low: '0' }])
    })

    it('resumes a group at its committed offset', async () => {
      await createTopic('resumed')
      await producer.send({ topic: 'resumed', messages: [{ value: 'a' }, { value: 'b' }] })
      const first = new Gathering<string>()
      const { consumer } = await join('resumed', ['resumed'], ({ message }) => first.add(message.value!.toString()))
      await first.atLeast(2)
      await consumer.disconnect()
      const [committed] = await admin.fetchOffsets({ groupId: 'resumed', topics: ['resumed'] })
      expect(committed?.partitions).toMatchObject([{ partition: 0, offset: '2' }])
      await producer.send({ topic: 'resumed', messages: [{ value: 'c' }] })
      const second = new Gathering<string>()
      await join('resumed', ['resumed'], ({ message }) => second.add(message.value!.toString()))
      await second.atLeast(1)
      expect(second.items).toEqual(['c'])
    })

    it('shares six partitions among three members and takes over those of one that leaves', async () => {
      await createTopic('shared', 6)
      const seen = new Gathering<string>()
      const members: Awaited<ReturnType<typeof join>>[] = []
      for (let member = 0; member < 3; member++)
        members.push(await join('shared', ['shared'], ({ message }) => seen.add(message.value!.toString())))
      const owned = (of: typeof members) => of.flatMap(({ assignments }) => assignments.items.at(-1)!).sort()
      for (const { assignments } of members)
        await assignments.until((items) => items.at(-1)!.length === 2, 'two partitions each')
      expect(owned(members)).toEqual([0, 1, 2, 3, 4, 5])

      await members[0]!.consumer.disconnect()
      const left = members.slice(1)
      for (const { assignments } of left)
        await assignments.until((items) => items.at(-1)!.length === 3, 'three partitions each')
      expect(owned(left)).toEqual([0, 1, 2, 3, 4, 5])

      const messages = Array.from({ length: 12 }, (_, index) => ({ value: `${index}`, partition: index % 6 }))
      await producer.send({ topic: 'shared', messages })
      await seen.atLeast(12)
      expect(seen.items.map(Number).sort((a, b) => a - b)).toEqual(messages.map(({ value }) => Number(value)))

      const { groups } = await admin.describeGroups(['shared'])
      expect(groups[0]).toMatchObject({ groupId: 'shared', state: 'Stable', protocolType: 'consumer' })
      expect(groups[0]!.members).toHaveLength(2)
    })

    it('lists, resets and deletes groups', async () => {
      await createTopic('administered', 2)
      await producer.send({
        topic: 'administered',
        messages: [
          { value: 'a', partition: 0 },
          { value: 'b', partition: 1 },
        ],
      })
      const seen = new Gathering<string>()
      const { consumer } = await join('administered', ['administered'], ({ message }) =>
        seen.add(message.value!.toString()),
      )
      await seen.atLeast(2)
      const refused = impatient.deleteGroups(['administered'])
      await expect(refused).rejects.toMatchObject({ groups: [{ error: { type: 'NON_EMPTY_GROUP' } }] })
      await consumer.disconnect()

      expect((await admin.listGroups()).groups).toContainEqual({ groupId: 'administered', protocolType: 'consumer' })
      await admin.setOffsets({
        groupId: 'administered',
        topic: 'administered',
        partitions: [{ partition: 1, offset: '0' }],
      })
      const [after] = await admin.fetchOffsets({ groupId: 'administered', topics: ['administered'] })
      expect(after!.partitions.find(({ partition }) => partition === 1)?.offset).toBe('0')
      await admin.deleteGroups(['administered'])
      expect((await admin.listGroups()).groups.map(({ groupId }) => groupId)).not.toContain('administered')
    })

    it('creates, describes, extends and deletes topics', async () => {
      expect(await createTopic('made', 2)).toBe(true)
      expect(await admin.listTopics()).toContain('made')
      expect(await createTopic('made', 2)).toBe(false)
      await admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 3 }] })
      const { topics } = await admin.fetchTopicMetadata({ topics: ['made'] })
      expect(topics[0]!.partitions.map(({ partitionId }) => partitionId).sort()).toEqual([0, 1, 2])
      await expect(admin.createPartitions({ topicPartitions: [{ topic: 'made', count: 1 }] })).rejects.toThrow()
      await admin.deleteTopics({ topics: ['made'] })
      expect(await admin.listTopics()).not.toContain('made')
      await expect(admin.createTopics({ topics: [{ topic: 'not a name' }] })).rejects.toThrow()
    })

    it('describes and alters topic configs', async () => {
      await createTopic('configured', 1, { 'retention.ms': '1234567' })
      const read = async () => {
        const { resources } = await admin.describeConfigs({
          includeSynonyms: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: 'configured' }],
        })
        return Object.fromEntries(
          resources[0]!.configEntries.map(({ configName, configValue, isDefault }) => [
            configName,
            { configValue, isDefault },
          ]),
        )
      }
      expect((await read())['retention.ms']).toEqual({ configValue: '1234567', isDefault: false })
      expect((await read())['cleanup.policy']).toEqual({ configValue: 'delete', isDefault: true })
      const alter = (name: string, value: string) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [{ type: ConfigResourceTypes.TOPIC, name: 'configured', configEntries: [{ name, value }] }],
        })
      await alter('cleanup.policy', 'compact')
      // AlterConfigs replaces the whole set: what was not named falls back to its default.
      expect(await read()).toMatchObject({
        'cleanup.policy': { configValue: 'compact' },
        'retention.ms': { isDefault: true },
      })
      await expect(alter('cleanup.policy', 'shred')).rejects.toThrow()
      await expect(createTopic('misconfigured', 1, { 'no.such.config': '1' })).rejects.toThrow()
    })

    it('finds offsets by time and the ends of a topic', async () => {
      await createTopic('timed')
      for (const timestamp of [1000, 2000, 3000])
        await producer.send({ topic: 'timed', messages: [{ value: 'x', timestamp: `${timestamp}` }] })
      expect(await admin.fetchTopicOffsetsByTimestamp('timed', 1500)).toEqual([{ partition: 0, offset: '1' }])
      expect(await admin.fetchTopicOffsets('timed')).toEqual([{ partition: 0, offset: '3', high: '3', low: '0' }])
    })

    it('deletes records up to an offset', async () => {
      await createTopic('trimmed')
      await producer.send({ topic: 'trimmed', messages: [{ value: 'a' }, { value: 'b' }, { value: 'c' }] })
      // kafkajs only finds the leader of a topic that it has asked about before.
      await admin.fetchTopicOffsets('trimmed')
      await admin.deleteTopicRecords({ topic: 'trimmed', partitions: [{ partition: 0, offset: '2' }] })
      expect(await admin.fetchTopicOffsets('trimmed')).toEqual([{ partition: 0, offset: '3', high: '3', low: '2' }])
    })

    it('is told that a topic is unknown', async () => {
      const one = kafka.producer({ allowAutoTopicCreation: false, retry: { retries: 0 } })
      await one.connect()
      const sent = one.send({ topic: 'nowhere', messages: [{ value: 'x' }] })
      await expect(sent).rejects.toMatchObject({ cause: { type: 'UNKNOWN_TOPIC_OR_PARTITION' } })
      await one.disconnect()
      await expect(impatient.deleteTopics({ topics: ['nowhere'] })).rejects.toThrow('does not host this topic')
    })

    it('describes the cluster', async () => {
      const described = await admin.describeCluster()
      expect(described.brokers.map(({ host, port }) => `${host}:${port}`).sort()).toEqual(
        cluster.bootstrap.split(',').sort(),
      )
      expect(described.clusterId).toMatch(/^[\w-]{22}$/)
    })
  })
})
