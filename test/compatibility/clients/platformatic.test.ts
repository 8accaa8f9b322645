// @platformatic/kafka 2.12: a current client written apart from kafkajs, which speaks the newest versions of each API.
import {
  Admin,
  allowedCompressionsAlgorithms,
  ConfigResourceTypes,
  Consumer,
  IncrementalAlterConfigOperationTypes,
  ListOffsetTimestamps,
  type Message,
  type MessagesStream,
  type MessageToProduce,
  Producer,
  stringDeserializers,
  stringSerializers,
} from '@platformatic/kafka'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { eventually, Gathering } from '../gathering.ts'
import { clientGrounds, type RunningGround, title } from '../ground.ts'

type TextMessage = Message<string, string, string, string>
type TextConsumer = Consumer<string, string, string, string>
type TextStream = MessagesStream<string, string, string, string>

describe.each(clientGrounds)('@platformatic/kafka', (ground) => {
  describe.skipIf(ground.reason)(title(`@platformatic/kafka on ${ground.name}`, ground.reason), () => {
    let cluster: RunningGround
    let admin: Admin
    let producer: Producer<string, string, string, string>
    const consumers: TextConsumer[] = []

    const connection = () => ({
      clientId: 'case',
      bootstrapBrokers: cluster.bootstrap.split(','),
      retries: 20,
      retryDelay: 50,
    })

    beforeAll(async () => {
      cluster = await ground.start()
      admin = new Admin(connection())
      producer = new Producer({ ...connection(), serializers: stringSerializers, autocreateTopics: false })
    }, 60_000)

    afterAll(async () => {
      await Promise.allSettled([
        ...consumers.map((consumer) => consumer.close(true)),
        admin?.close(),
        producer?.close(),
      ])
      await cluster?.stop()
    })

    /**
     * A topic whose leaders all answer. A broker names its leaders a moment before they serve, and this client
     * sends all of a request again where one partition refused it, which doubles the records of the others.
     */
    async function createTopic(topic: string, partitions = 1, configs: { name: string; value: string }[] = []) {
      const created = await admin.createTopics({ topics: [topic], partitions, replicas: -1, configs })
      const ends = Array.from({ length: partitions }, (_, partitionIndex) => ({
        partitionIndex,
        timestamp: ListOffsetTimestamps.LATEST,
      }))
      await eventually(async () => {
        await admin.metadata({ topics: [topic], forceUpdate: true })
        await admin.listOffsets({ topics: [{ name: topic, partitions: ends }] })
      })
      return created
    }

    const send = (
      topic: string,
      messages: Omit<MessageToProduce<string, string, string, string>, 'topic'>[],
      options = {},
    ) => producer.send({ messages: messages.map((message) => ({ topic, ...message })), ...options })

    /** A member of a group, from the earliest record on where the group has no offset. */
    async function join(groupId: string, topic: string, groupProtocol: 'classic' | 'consumer' = 'classic') {
      const consumer = new Consumer({
        ...connection(),
        groupId,
        groupProtocol,
        deserializers: stringDeserializers,
        sessionTimeout: 10_000,
        heartbeatInterval: 300,
        maxWaitTime: 100,
        autocommit: true,
      })
      consumers.push(consumer)
      const owned = new Gathering<number[]>()
      consumer.on('consumer:group:join', () =>
        owned.add(consumer.assignments?.find((one) => one.topic === topic)?.partitions ?? []),
      )
      const stream: TextStream = await consumer.consume({
        topics: [topic],
        mode: 'committed',
        fallbackMode: 'earliest',
      })
      const seen = new Gathering<TextMessage>()
      stream.on('data', (message) => seen.add(message))
      return { consumer, stream, seen, owned }
    }

    /** What a member has seen is committed a moment later, and not any more when it is closed before. */
    const committed = (group: string, records: bigint) =>
      eventually(async () => {
        const [found] = await admin.listConsumerGroupOffsets({ groups: [group] })
        const offsets = found!.topics.flatMap(({ partitions }) => partitions.map((one) => one.committedOffset))
        expect(offsets.reduce((sum, offset) => sum + offset, 0n)).toBe(records)
      })

    it('reads back keys, values, headers and timestamps as they were sent', async () => {
      await createTopic('whole-records')
      await send('whole-records', [
        { key: 'key', value: 'value', timestamp: 1700000000000n, headers: { trace: 'abc' } },
        { value: 'without a key', timestamp: 1700000000001n },
        { key: 'tombstone', timestamp: 1700000000002n },
      ])
      const { seen } = await join('whole-records', 'whole-records')
      await seen.atLeast(3)
      expect(
        seen.items.map(({ offset, key, value, timestamp }) => [offset, key ?? null, value ?? null, timestamp]),
      ).toEqual([
        [0n, 'key', 'value', 1700000000000n],
        [1n, null, 'without a key', 1700000000001n],
        [2n, 'tombstone', null, 1700000000002n],
      ])
      expect(seen.items[0]!.headerEntries).toEqual([['trace', 'abc']])
    })

    it.each(allowedCompressionsAlgorithms)('reads back batches compressed with %s', async (compression) => {
      const topic = `codec-${compression}`
      await createTopic(topic)
      const values = Array.from({ length: 50 }, (_, index) => `${compression} ${index} ${'filler '.repeat(40)}`)
      await send(
        topic,
        values.map((value) => ({ value })),
        { compression },
      )
      const { seen } = await join(topic, topic)
      await seen.atLeast(values.length)
      expect(seen.items.map(({ value }) => value)).toEqual(values)
    })

    it('produces idempotently', async () => {
      await createTopic('idempotent')
      const idempotent = new Producer({ ...connection(), serializers: stringSerializers, idempotent: true })
      for (let index = 0; index < 5; index++)
        await idempotent.send({ acks: -1, messages: [{ topic: 'idempotent', value: `${index}` }] })
      await idempotent.close()
      const [ends] = await admin.listOffsets({
        topics: [{ name: 'idempotent', partitions: [{ partitionIndex: 0, timestamp: ListOffsetTimestamps.LATEST }] }],
      })
      expect(ends!.partitions[0]).toMatchObject({ offset: 5n })
    })

    it('resumes a group at its committed offset', async () => {
      await createTopic('resumed')
      await send('resumed', [{ value: 'a' }, { value: 'b' }])
      const first = await join('resumed', 'resumed')
      await first.seen.atLeast(2)
      await committed('resumed', 2n)
      await first.consumer.close(true)
      await send('resumed', [{ value: 'c' }])
      const second = await join('resumed', 'resumed')
      await second.seen.atLeast(1)
      expect(second.seen.items.map(({ value }) => value)).toEqual(['c'])
    })

    it('shares six partitions among three members and takes over those of one that leaves', async () => {
      await createTopic('shared', 6)
      const members = [await join('shared', 'shared'), await join('shared', 'shared'), await join('shared', 'shared')]
      const all = (of: typeof members) => of.flatMap(({ owned }) => owned.items.at(-1)!).sort()
      for (const { owned } of members) await owned.until((items) => items.at(-1)?.length === 2, 'two partitions each')
      expect(all(members)).toEqual([0, 1, 2, 3, 4, 5])

      const described = (await admin.describeGroups({ groups: ['shared'] })).get('shared')!
      expect(described.members.size).toBe(3)

      await members[0]!.consumer.close(true)
      const left = members.slice(1)
      for (const { owned } of left) await owned.until((items) => items.at(-1)?.length === 3, 'three partitions each')
      expect(all(left)).toEqual([0, 1, 2, 3, 4, 5])

      await send(
        'shared',
        Array.from({ length: 12 }, (_, index) => ({ value: `${index}`, partition: index % 6 })),
      )
      // This client may hand a record out twice when it rebalances; none may be missing.
      const seen = new Gathering<number>()
      for (const member of left) member.stream.on('data', ({ value }) => seen.add(Number(value)))
      for (const member of left) for (const { value } of member.seen.items) seen.add(Number(value))
      await seen.until((items) => new Set(items).size === 12, 'all twelve records')
    })

    it('resumes a group of the consumer protocol, and shares its partitions', async () => {
      await createTopic('modern', 2)
      await send('modern', [
        { value: 'a', partition: 0 },
        { value: 'b', partition: 1 },
      ])
      const alone = await join('modern', 'modern', 'consumer')
      await alone.seen.until((items) => items.length === 2, 'both records')
      await committed('modern', 2n)
      await alone.consumer.close(true)
      await send('modern', [
        { value: 'c', partition: 0 },
        { value: 'd', partition: 1 },
      ])
      const members = [await join('modern', 'modern', 'consumer'), await join('modern', 'modern', 'consumer')]
      const values = () => members.flatMap(({ seen }) => seen.items.map(({ value }) => value))
      await eventually(async () => expect([...new Set(values())].sort()).toEqual(['c', 'd']), 30_000)
      const groups = await admin.listGroups({ types: ['consumer'] })
      expect(groups.get('modern')).toMatchObject({ groupType: 'consumer' })
    })

    it('lists, alters and deletes groups', async () => {
      await createTopic('administered')
      await send('administered', [{ value: 'a' }, { value: 'b' }])
      const { consumer, seen } = await join('administered', 'administered')
      await seen.atLeast(2)
      await expect(admin.deleteGroups({ groups: ['administered'] })).rejects.toThrow()
      await consumer.close(true)
      expect((await admin.listGroups()).get('administered')).toMatchObject({ protocolType: 'consumer' })
      const topics = [{ name: 'administered', partitionOffsets: [{ partition: 0, offset: 1n }] }]
      await admin.alterConsumerGroupOffsets({ groupId: 'administered', topics })
      const [group] = await admin.listConsumerGroupOffsets({ groups: ['administered'] })
      expect(group!.topics[0]!.partitions[0]).toMatchObject({ committedOffset: 1n })
      await admin.deleteGroups({ groups: ['administered'] })
      expect((await admin.listGroups()).has('administered')).toBe(false)
    })

    it('creates, describes, extends and deletes topics', async () => {
      const [made] = await createTopic('made', 2)
      expect(made).toMatchObject({ name: 'made', partitions: 2, replicas: cluster.brokers })
      expect(made!.id).toMatch(/^[0-9a-f-]{36}$/)
      expect(await admin.listTopics()).toContain('made')
      await expect(admin.createTopics({ topics: ['made'], partitions: 2, replicas: 1 })).rejects.toThrow()
      const brokerIds = [...(await admin.metadata({})).brokers.keys()]
      await admin.createPartitions({ topics: [{ name: 'made', count: 3, assignments: [{ brokerIds }] }] })
      await eventually(async () => {
        const { topics } = await admin.metadata({ topics: ['made'], forceUpdate: true })
        expect(topics.get('made')!.partitionsCount).toBe(3)
      })
      await admin.deleteTopics({ topics: ['made'] })
      await eventually(async () => expect(await admin.listTopics()).not.toContain('made'))
    })

    it('describes configs, and alters one without touching the others', async () => {
      await createTopic('configured', 1, [{ name: 'retention.ms', value: '1234567' }])
      const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: 'configured' }
      const read = async () => {
        const [described] = await admin.describeConfigs({ resources: [resource] })
        return Object.fromEntries(described!.configs.map(({ name, value }) => [name, value]))
      }
      expect(await read()).toMatchObject({ 'retention.ms': '1234567', 'cleanup.policy': 'delete' })
      const alter = (name: string, value: string) =>
        admin.incrementalAlterConfigs({
          resources: [
            { ...resource, configs: [{ name, configOperation: IncrementalAlterConfigOperationTypes.SET, value }] },
          ],
        })
      await alter('cleanup.policy', 'compact')
      await eventually(async () =>
        expect(await read()).toMatchObject({ 'retention.ms': '1234567', 'cleanup.policy': 'compact' }),
      )
      await expect(alter('cleanup.policy', 'shred')).rejects.toThrow()
    })

    it('finds offsets by time', async () => {
      await createTopic('timed')
      for (const timestamp of [1000n, 2000n, 3000n]) await send('timed', [{ value: 'x', timestamp }])
      const at = async (timestamp: bigint) => {
        const [topic] = await admin.listOffsets({
          topics: [{ name: 'timed', partitions: [{ partitionIndex: 0, timestamp }] }],
        })
        return topic!.partitions[0]
      }
      expect(await at(1500n)).toMatchObject({ offset: 1n, timestamp: 2000n })
      expect(await at(ListOffsetTimestamps.EARLIEST)).toMatchObject({ offset: 0n })
      expect(await at(ListOffsetTimestamps.LATEST)).toMatchObject({ offset: 3n })
    })

    it('is told that a topic is unknown', async () => {
      await expect(send('nowhere', [{ value: 'x' }])).rejects.toThrow()
      await expect(admin.deleteTopics({ topics: ['nowhere'] })).rejects.toThrow()
      expect(await admin.listTopics()).not.toContain('nowhere')
    })
  })
})
