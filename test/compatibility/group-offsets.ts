// Group offsets and MirrorMaker's topics, written by us and read by others. The Java classes that people fail over with are asked in
// mirrormaker-acceptance.ts.
import { type Admin, type Consumer, Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { emitHeartbeat } from '../../src/mirror/heartbeat.ts'
import { type Checkpoint, decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { Checkpointer } from '../../src/offset-translation/checkpointer.ts'
import { commitPositions } from '../../src/offset-translation/group-offsets.ts'
import { InternalTopic } from '../../src/offset-translation/internal-topic.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'
import { OffsetSyncs } from '../../src/offset-translation/offset-syncs.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { startKafkaTool } from '../support/apache-kafka.ts'
import type { ExternalProcess } from '../support/external-process.ts'
import { eventually, Gathering } from './gathering.ts'
import { apache, type Ground, type RunningGround } from './ground.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const RECORDS = 90

interface Side {
  ground: RunningGround
  kafka: Kafka
  admin: Admin
  client: ClusterClient
}

/** Asked of two clusters that hold nothing yet. */
export function groupOffsets(ground: Ground, clusters: () => readonly RunningGround[]): void {
  describe('groups of a source, brought over', () => {
    let source: Side
    let target: Side
    let checkpointer: Checkpointer
    const consumers: Consumer[] = []
    const programs: ExternalProcess[] = []

    beforeAll(async () => {
      const sides = await Promise.all(clusters().map(side))
      source = sides[0]!
      target = sides[1]!
      await create(source.admin, 'orders')
      await create(target.admin, 'east.orders')
      const producer = target.kafka.producer()
      await producer.connect()
      const messages = Array.from({ length: RECORDS }, (_, at) => ({ value: `record ${at}` }))
      await producer.send({ topic: 'east.orders', messages: messages.map((each) => ({ ...each, partition: 0 })) })
      await producer.disconnect()
    }, 120_000)

    beforeEach(() => {
      // A marker at 50: what follows moves by one. Partition 1 has no record.
      const first = new OffsetMap()
      first.observe(0, 0, 50)
      first.observe(51, 50, RECORDS - 50)
      const maps = [first, new OffsetMap()]
      checkpointer = new Checkpointer(platform, {
        source: source.client,
        target: target.client,
        matches: () => true,
        mirrored: (topic, partition) =>
          topic === 'orders' ? { map: maps[partition]!, remoteTopic: 'east.orders' } : undefined,
        checkpoints: new InternalTopic(platform, target.client, 'east.checkpoints.internal'),
        commitOffsets: true,
      })
    })

    afterAll(async () => {
      await Promise.allSettled(consumers.map((consumer) => consumer.disconnect()))
      await Promise.allSettled(programs.map((program) => program.kill()))
      for (const { admin, client } of [source, target].filter(Boolean)) {
        client.close()
        await admin.disconnect()
      }
    })

    async function side(running: RunningGround): Promise<Side> {
      const kafka = new Kafka({ clientId: 'case', brokers: [running.bootstrap], logLevel: logLevel.NOTHING })
      const admin = kafka.admin()
      await admin.connect()
      const [host, port] = running.bootstrap.split(':')
      const client = new ClusterClient(platform, {
        bootstrap: [{ host: host!, port: Number(port) }],
        clientId: 'heliostat',
      })
      return { ground: running, kafka, admin, client }
    }

    async function create(admin: Admin, topic: string): Promise<void> {
      await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: 2 }] })
      await eventually(() => admin.fetchTopicMetadata({ topics: [topic] }))
    }

    /** A group's offsets as kafkajs sees them: partition → offset. */
    async function offsets(on: Side, group: string, topic = 'east.orders'): Promise<Record<number, string>> {
      const [answer] = await on.admin.fetchOffsets({ groupId: group, topics: [topic] })
      return Object.fromEntries(answer!.partitions.map(({ partition, offset }) => [partition, offset]))
    }

    async function commitAt(on: Side, group: string, topic: string, committed: Record<number, number>, metadata = '') {
      const positions = Object.entries(committed).map(([partition, offset]) => ({
        topic,
        partition: Number(partition),
        offset,
        metadata,
      }))
      // A cluster that has just made its offsets topic may need a moment to load it.
      await eventually(async () => {
        const codes = await commitPositions(await on.client.coordinator('group', group), group, positions)
        on.client.forgetCoordinator('group', group)
        expect(new Set(codes)).toEqual(new Set([ErrorCode.NONE]))
      })
    }

    /** Passes until the group is in place: what is not possible yet is tried again by the next one. */
    function synced(group: string): Promise<void> {
      return eventually(async () => {
        await checkpointer.sync()
        expect(stateOf(group)).toMatchObject({ state: 'synced' })
      })
    }

    const stateOf = (group: string) => checkpointer.groups().find((status) => status.group === group)

    test('stand at their exact place, with their metadata, also in an empty partition', async () => {
      await commitAt(source, 'billing', 'orders', { 0: 70, 1: 0 }, 'mine')
      await synced('billing')
      expect(await offsets(target, 'billing')).toEqual({ 0: '69', 1: '0' })
      const [answer] = await target.admin.fetchOffsets({ groupId: 'billing', topics: ['east.orders'] })
      expect(answer!.partitions.map(({ metadata }) => metadata)).toEqual(['mine', 'mine'])
      expect(stateOf('billing')).toMatchObject({ state: 'synced' })
    })

    test('stand at the end when they are ahead of it, never past it', async () => {
      await commitAt(source, 'ahead', 'orders', { 0: 1000, 1: 5 })
      await synced('ahead')
      expect(await offsets(target, 'ahead')).toEqual({ 0: String(RECORDS), 1: '0' })
    })

    test('are not rewound on the target', async () => {
      await commitAt(source, 'further', 'orders', { 0: 10 })
      await commitAt(target, 'further', 'east.orders', { 0: 30 })
      await checkpointer.sync()
      expect(await offsets(target, 'further')).toMatchObject({ 0: '30' })
    })

    test('do not come when all they read is not mirrored', async () => {
      await create(source.admin, 'private')
      await commitAt(source, 'elsewhere', 'private', { 0: 3 })
      await checkpointer.sync()
      const { groups } = await target.admin.listGroups()
      expect(groups.map(({ groupId }) => groupId)).not.toContain('elsewhere')
    })

    test('are left alone while a member is there, and follow when it has gone', async () => {
      await commitAt(source, 'live', 'orders', { 0: 40 })
      await commitAt(target, 'live', 'east.orders', { 0: 7 })
      const consumer = target.kafka.consumer({ groupId: 'live', sessionTimeout: 10_000, maxWaitTimeInMs: 100 })
      consumers.push(consumer)
      const seen = new Gathering<string>()
      await consumer.connect()
      await consumer.subscribe({ topics: ['east.orders'] })
      await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => seen.add(message.offset) })
      await seen.atLeast(1)

      await checkpointer.sync()
      expect(await offsets(target, 'live')).toMatchObject({ 0: '7' })
      expect(stateOf('live')).toMatchObject({ state: 'translated' })
      expect(stateOf('live')!.partitions[0]!.blocked).toContain('active on the target')
      // Had the member come between our look and our commit, the coordinator would have said no.
      const late = [{ topic: 'east.orders', partition: 0, offset: 40, metadata: '' }]
      const coordinator = await target.client.coordinator('group', 'live')
      expect(await commitPositions(coordinator, 'live', late)).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])

      await consumer.disconnect()
      await synced('live')
      expect(await offsets(target, 'live')).toMatchObject({ 0: '40' })
    })

    test('are told in a checkpoints topic that is compacted and has one partition', async () => {
      await commitAt(source, 'told', 'orders', { 0: 51 }, 'note')
      await checkpointer.sync()
      const topic = 'east.checkpoints.internal'
      const described = await target.admin.fetchTopicMetadata({ topics: [topic] })
      expect(described.topics[0]!.partitions).toHaveLength(1)
      const configs = await target.admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: topic, configNames: ['cleanup.policy'] }],
      })
      expect(configs.resources[0]!.configEntries[0]!.configValue).toBe('compact')

      const consumer = target.kafka.consumer({ groupId: 'reader', maxWaitTimeInMs: 100 })
      consumers.push(consumer)
      const seen = new Gathering<Checkpoint | undefined>()
      await consumer.connect()
      await consumer.subscribe({ topics: [topic], fromBeginning: true })
      await consumer.run({
        autoCommit: false,
        eachMessage: async ({ message }) => seen.add(decodeCheckpoint(message as never)),
      })
      await seen.until((all) => all.some((one) => one?.group === 'told'), 'the checkpoint')
      expect(seen.items.findLast((one) => one?.group === 'told')).toEqual({
        group: 'told',
        topic: 'east.orders',
        partition: 0,
        upstreamOffset: 51,
        downstreamOffset: 50,
        metadata: 'note',
      })
    })

    test('come with heartbeats and offset syncs beside them', async () => {
      const heartbeats = new InternalTopic(platform, target.client, 'heartbeats')
      await emitHeartbeat(platform.clock, heartbeats, { sourceAlias: 'east', targetAlias: 'west' })
      const map = new OffsetMap()
      map.observe(0, 0, 10)
      const syncs = new OffsetSyncs(
        platform.clock,
        new InternalTopic(platform, target.client, 'mm2-offset-syncs.east.internal'),
        () => [{ source: TopicPartition.of('orders', 0), map }],
      )
      expect(await syncs.emit()).toBe('1 offset syncs')
      const ends = await Promise.all(
        ['heartbeats', 'mm2-offset-syncs.east.internal'].map((topic) => target.admin.fetchTopicOffsets(topic)),
      )
      expect(ends.map((partitions) => partitions.map(({ high }) => high))).toEqual([['1'], ['1']])
    })

    const andJava = ground === apache ? describe : undefined
    andJava?.('and Java', () => {
      test('keeps a group of the new consumer protocol to itself while it lives', async () => {
        await commitAt(source, 'modern', 'orders', { 0: 40 })
        await commitAt(target, 'modern', 'east.orders', { 0: 85 })
        const consumer = startKafkaTool('kafka-console-consumer', [
          ...['--bootstrap-server', target.ground.bootstrap, '--topic', 'east.orders', '--group', 'modern'],
          ...['--command-property', 'group.protocol=consumer', '--command-property', 'enable.auto.commit=false'],
        ])
        programs.push(consumer)
        await consumer.until(({ stdout }) => stdout.includes('record 85'), 'record 85')
        // Its member is further than the source's group; a rewind or an advance by us would both be wrong.
        await commitAt(source, 'modern', 'orders', { 0: 89 })
        await checkpointer.sync()
        expect(stateOf('modern')!.partitions[0]!.blocked).toMatch(/active on the target \((Stable|Reconciling)\)/)
        expect(await offsets(target, 'modern')).toMatchObject({ 0: '85' })
        const late = [{ topic: 'east.orders', partition: 0, offset: 88, metadata: '' }]
        const coordinator = await target.client.coordinator('group', 'modern')
        expect(await commitPositions(coordinator, 'modern', late)).toEqual([ErrorCode.UNKNOWN_MEMBER_ID])
        await consumer.kill('SIGTERM')
        await synced('modern')
        expect(await offsets(target, 'modern')).toMatchObject({ 0: '88' })
      })
    })
  })
}
