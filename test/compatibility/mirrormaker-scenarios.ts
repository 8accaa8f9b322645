// The scenarios of MirrorMaker's own integration tests (connect/mirror/src/test/…/integration), as ours: where they count records, contents
// are compared; where they wait for an offset to be near, it must be exact; and connections break, and instances die, while it happens.
import type { Admin } from 'kafkajs'
import { expect } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { replicationPolicy, upstreamHops } from '../../src/mirror/replication-policy.ts'
import { type Checkpoint, decodeCheckpoint } from '../../src/offset-translation/checkpoint.ts'
import { commitPositions } from '../../src/offset-translation/group-offsets.ts'
import type { Platform, Socket } from '../../src/platform/platform.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { TransactionalProducer } from '../broker/transactional-producer.ts'
import { expectCopied } from '../support/copied.ts'
import { appendBatch, endOffset, makeTopic, readAll, testPlatform } from '../support/log-content.ts'
import { eventually } from './gathering.ts'
import type { RunningGround } from './ground.ts'

export interface Side {
  readonly bootstrap: string
  readonly client: ClusterClient
  readonly admin: Admin
  /** Its other listeners: one that shows a certificate, one that wants a login. */
  readonly tls: NonNullable<RunningGround['tls']>
  readonly sasl: NonNullable<RunningGround['sasl']>
}

export interface Scenario {
  /** The test of MirrorMaker's that it is. */
  readonly of: string
  readonly says: string
  run(world: World): Promise<void>
}

type MirrorEntry = Readonly<Record<string, unknown>>

/** One scenario's names on two clusters that all share, and the daemons that it starts. */
export class World {
  readonly a: Side
  readonly b: Side
  /** Of the source in configurations; topics and groups begin with it. */
  readonly alias: string
  readonly #sockets = new Set<Socket>()
  readonly #platform: Platform
  readonly #daemons = new Set<Daemon>()
  #written = 0

  constructor(a: Side, b: Side, alias: string) {
    this.a = a
    this.b = b
    this.alias = alias
    const { network } = testPlatform
    const connect: typeof network.connect = (address, handler, tls) => {
      const socket: Socket = network.connect(
        address,
        {
          opened: () => handler.opened?.(),
          readInto: () => handler.readInto(),
          didRead: (length) => handler.didRead(length),
          drained: () => handler.drained?.(),
          closed: (error) => {
            this.#sockets.delete(socket)
            handler.closed(error)
          },
        },
        tls,
      )
      this.#sockets.add(socket)
      return socket
    }
    const listen: typeof network.listen = (address, accept, tls) => network.listen(address, accept, tls)
    this.#platform = { ...testPlatform, network: { connect, listen } }
  }

  topic(name: string): string {
    return `${this.alias}-${name}`
  }

  remote(name: string): string {
    return `${this.alias}.${this.topic(name)}`
  }

  /** From a to b, of this scenario's topics and groups alone. */
  mirror(over: MirrorEntry = {}): MirrorEntry {
    const own = `(.*\\.)?${this.alias}-.*`
    const [from, to] = [this.alias, `${this.alias}w`]
    return { from, to, topics: { include: [own] }, groups: { include: [own] }, refresh: '100ms', ...over }
  }

  /** `secured`: it logs in at the source, and reaches the target over TLS. */
  async start(
    mirrors: readonly MirrorEntry[] = [this.mirror()],
    { secured = false, ...compat }: MirrorEntry & { readonly secured?: boolean } = {},
  ): Promise<Daemon> {
    const { sasl } = this.a
    const { tls } = this.b
    const login = { mechanism: 'scram-sha-512', username: sasl.user, password: sasl.password }
    const clusters = {
      [this.alias]: secured ? { bootstrap: [sasl.bootstrap], sasl: login } : { bootstrap: [this.a.bootstrap] },
      [`${this.alias}w`]: secured
        ? { bootstrap: [tls.bootstrap], tls: { ca: tls.ca } }
        : { bootstrap: [this.b.bootstrap] },
    }
    const server = { listen: '127.0.0.1:0' }
    const { config } = loadConfig(JSON.stringify({ version: 1, clusters, mirrors, server, compat }), 'test.yaml', {})
    const daemon = await startDaemon(this.#platform, config, { version: 'test', directory: '.' })
    this.#daemons.add(daemon)
    return daemon
  }

  async stop(daemon: Daemon): Promise<void> {
    this.#daemons.delete(daemon)
    await daemon.stop()
  }

  async end(): Promise<void> {
    await Promise.all([...this.#daemons].map((daemon) => daemon.stop()))
  }

  /** Every connection of the mirror breaks. */
  cut(): void {
    for (const socket of [...this.#sockets]) socket.reset()
  }

  /** Ready to be written to when it resolves: Kafka names leaders before they know of it. */
  async make({ client }: Side, name: string, partitions: number, configs: Readonly<Record<string, string>> = {}) {
    const topic = this.topic(name)
    await makeTopic(client, topic, partitions, configs)
    for (let partition = 0; partition < partitions; partition++)
      await eventually(() => endOffset(client, topic, partition))
  }

  /** Some batches to each partition, no two records alike. */
  async write(side: Side, name: string, { partitions = 2, batches = 3, records = 10 } = {}): Promise<void> {
    for (let batch = 0; batch < batches; batch++)
      for (let partition = 0; partition < partitions; partition++) {
        const content = Array.from({ length: records }, () => {
          const value = `${this.alias} ${this.#written++}`
          const headers = [{ key: 'n', value: Buffer.from(value) }]
          return { timestamp: testPlatform.clock.now(), key: value, value, headers }
        })
        await appendBatch(side.client, this.topic(name), partition, buildBatch(content))
      }
  }

  /** The copy has every record of its source, once, in order and unchanged. */
  async copied(name: string, { partitions = 2, back = false, remote = '' } = {}): Promise<void> {
    const topic = this.topic(name)
    const [from, to] = back ? [this.b, this.a] : [this.a, this.b]
    const copy = remote || (back ? `${this.alias}w.${topic}` : this.remote(name))
    for (let partition = 0; partition < partitions; partition++)
      await eventually(
        () =>
          expectCopied(
            { client: from.client, topic, partition },
            { client: to.client, topic: copy, partition },
            { timeoutMs: 5_000 },
          ),
        30_000,
      )
  }

  commit(side: Side, group: string, topic: string, offsets: readonly number[]): Promise<void> {
    return commitAt(side, this.topic(group), topic, offsets)
  }

  async committed({ admin }: Side, group: string, topic: string): Promise<number[]> {
    const [answer] = await admin.fetchOffsets({ groupId: this.topic(group), topics: [topic] })
    const partitions = answer!.partitions.toSorted((one, other) => one.partition - other.partition)
    return partitions.map(({ offset }) => Number(offset))
  }

  /** The group's place on the other cluster: the very record that it would read next. */
  async translated(group: string, name: string, offsets: readonly number[], { back = false } = {}): Promise<void> {
    const topic = this.topic(name)
    const [from, to] = back ? [this.b, this.a] : [this.a, this.b]
    const remote = back ? `${this.alias}w.${topic}` : this.remote(name)
    const nextOf = async ({ client }: Side, called: string, partition: number, offset: number) => {
      const records = await readAll(client, called, partition)
      return records.find((record) => record.offset >= offset)?.value?.toString()
    }
    await eventually(async () => {
      const found = await this.committed(to, group, remote)
      const next = await Promise.all(offsets.map((offset, at) => nextOf(from, topic, at, offset)))
      expect(await Promise.all(found.map((offset, at) => nextOf(to, remote, at, offset)))).toEqual(next)
      expect(Math.min(...found)).toBeGreaterThanOrEqual(0)
    }, 30_000)
  }

  async checkpoints({ client }: Side, alias = this.alias): Promise<Checkpoint[]> {
    await client.refresh()
    const topic = `${alias}.checkpoints.internal`
    if (!client.topics().has(topic)) return []
    return (await readAll(client, topic, 0)).flatMap((record) => decodeCheckpoint(record) ?? [])
  }

  /** Of a group that only advanced. */
  async expectMonotonicCheckpoints(): Promise<void> {
    const last = new Map<string, number>()
    for (const { group, topic, partition, downstreamOffset } of await this.checkpoints(this.b)) {
      const key = `${group} ${topic} ${partition}`
      expect(downstreamOffset).toBeGreaterThanOrEqual(last.get(key) ?? 0)
      last.set(key, downstreamOffset)
    }
    expect(last.size).toBeGreaterThan(0)
  }

  async configOf({ client }: Side, topic: string, name: string): Promise<string | null | undefined> {
    const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: [name] }]
    const { results } = await client.send(describeConfigs, { resources })
    return results[0]!.configs[0]?.value
  }

  async alter({ client }: Side, topic: string, values: Readonly<Record<string, string | null>>): Promise<void> {
    const configs = Object.entries(values).map(([name, value]) => ({
      name,
      configOperation: value === null ? 1 : 0,
      value,
    }))
    const resources = [{ resourceType: 2, resourceName: topic, configs }]
    const { responses } = await client.send(incrementalAlterConfigs, { resources, validateOnly: false })
    expect(responses[0]).toMatchObject({ errorCode: 0 })
  }

  async topicsAt({ client }: Side): Promise<string[]> {
    await client.refresh()
    return [...client.topics().keys()]
  }
}

/** As a group without members; a cluster that has just made its offsets topic may need a moment to load it. */
export function commitAt({ client }: Side, group: string, topic: string, offsets: readonly number[]): Promise<void> {
  const positions = offsets.map((offset, partition) => ({ topic, partition, offset, metadata: '' }))
  return eventually(async () => {
    const codes = await commitPositions(await client.coordinator('group', group), group, positions)
    client.forgetCoordinator('group', group)
    expect(new Set(codes)).toEqual(new Set([0]))
  })
}

export const scenarios: readonly Scenario[] = [
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testReplication',
    says: 'both ways, with groups that fail over and back, heartbeats that tell the hops, and a topic made later, while connections break',
    run: async (world) => {
      const { a, b, alias } = world
      for (const side of [a, b]) await world.make(side, 'orders', 2, { 'retention.ms': '123456789' })
      await world.write(a, 'orders')
      await world.write(b, 'orders')
      await world.start([world.mirror(), world.mirror({ from: `${alias}w`, to: alias })])
      await world.copied('orders')
      for (let round = 0; round < 3; round++) {
        await world.write(a, 'orders')
        world.cut()
        await world.write(b, 'orders')
      }
      await world.copied('orders')
      await world.copied('orders', { back: true })
      expect(await world.configOf(b, world.remote('orders'), 'retention.ms')).toBe('123456789')
      // No copy of a copy.
      for (const topic of [...(await world.topicsAt(a)), ...(await world.topicsAt(b))])
        expect(topic.split(alias).length).toBeLessThan(4)
      await eventually(async () => {
        const policy = replicationPolicy({ naming: 'prefix', source: alias })
        expect(upstreamHops(policy, await world.topicsAt(b)).get(alias)).toBe(1)
      })
      await world.commit(a, 'over', world.topic('orders'), [17, 40])
      await world.translated('over', 'orders', [17, 40])
      await world.commit(b, 'back', world.topic('orders'), [31, 5])
      await world.translated('back', 'orders', [31, 5], { back: true })
      await world.commit(a, 'over', world.topic('orders'), [60, 120])
      await world.translated('over', 'orders', [60, 120])
      await world.expectMonotonicCheckpoints()
      await world.make(a, 'later', 2)
      await world.write(a, 'later')
      await world.copied('later')
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testReplicationWithEmptyPartition',
    says: 'an empty partition gets the offset 0, and nothing beyond an end',
    run: async (world) => {
      await world.make(world.a, 'half', 2)
      await world.write(world.a, 'half', { partitions: 1 })
      await world.start()
      world.cut()
      await world.copied('half')
      await world.commit(world.a, 'g', world.topic('half'), [30, 0])
      await eventually(async () => expect(await world.committed(world.b, 'g', world.remote('half'))).toEqual([30, 0]))
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testOneWayReplicationWithAutoOffsetSync, …WithFrequentOffsetSyncs',
    says: 'a group finds each record that it has not read and no other, also of a topic that comes later, and nothing comes to be at the source',
    run: async (world) => {
      const before = await world.topicsAt(world.a)
      await world.make(world.a, 'one', 2)
      await world.write(world.a, 'one')
      await world.start()
      await world.commit(world.a, 'g', world.topic('one'), [30, 12])
      await world.translated('g', 'one', [30, 12])
      await world.make(world.a, 'two', 2)
      world.cut()
      await world.write(world.a, 'two')
      await world.write(world.a, 'one')
      await world.commit(world.a, 'g', world.topic('one'), [45, 60])
      await world.commit(world.a, 'g', world.topic('two'), [9, 30])
      await world.translated('g', 'one', [45, 60])
      await world.translated('g', 'two', [9, 30])
      for (const name of ['one', 'two']) await world.copied(name)
      await world.expectMonotonicCheckpoints()
      const own = [world.topic('one'), world.topic('two'), '__consumer_offsets']
      expect(
        (await world.topicsAt(world.a)).filter((topic) => !before.includes(topic) && !own.includes(topic)),
      ).toEqual([])
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testReplicationWithoutOffsetSyncWillNotCreateOffsetSyncsTopic',
    says: "without MirrorMaker's topics records and groups arrive all the same",
    run: async (world) => {
      await world.make(world.a, 'bare', 2)
      await world.write(world.a, 'bare')
      await world.start([world.mirror()], { mm2Topics: false })
      world.cut()
      await world.commit(world.a, 'g', world.topic('bare'), [3, 30])
      await world.translated('g', 'bare', [3, 30])
      await world.copied('bare')
      for (const topic of [`mm2-offset-syncs.${world.alias}.internal`, `${world.alias}.checkpoints.internal`])
        expect(await world.topicsAt(world.b)).not.toContain(topic)
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testOffsetSyncsTopicsOnTarget, testNoCheckpointsIfNoRecordsAreMirrored',
    says: 'syncs are at the target alone, and a topic without a mirrored record has no checkpoint before it has one',
    run: async (world) => {
      const { a, b } = world
      await world.make(a, 'full', 1)
      await world.make(a, 'void', 1)
      await world.write(a, 'full', { partitions: 1 })
      await world.start()
      await world.copied('full', { partitions: 1 })
      await world.commit(a, 'g', world.topic('full'), [20])
      await world.translated('g', 'full', [20])
      expect((await world.checkpoints(b)).map(({ topic }) => topic)).not.toContain(world.remote('void'))
      world.cut()
      await world.write(a, 'void', { partitions: 1 })
      await world.copied('void', { partitions: 1 })
      await world.commit(a, 'g', world.topic('void'), [7])
      await world.translated('g', 'void', [7])
      await eventually(async () => {
        const written = (await world.checkpoints(b)).findLast(({ topic }) => topic === world.remote('void'))
        expect(written).toMatchObject({ upstreamOffset: 7, downstreamOffset: 7 })
      })
      const syncs = (topics: readonly string[]) => topics.filter((topic) => /^mm2-offset-syncs/.test(topic))
      expect(syncs(await world.topicsAt(a)).filter((topic) => topic.includes(world.alias))).toEqual([])
      await eventually(async () =>
        expect(syncs(await world.topicsAt(b))).toContain(`mm2-offset-syncs.${world.alias}.internal`),
      )
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testRestartReplication',
    says: 'after restarts, and one whose connections broke, everything is there once and checkpoints never go back',
    run: async (world) => {
      await world.make(world.a, 'again', 2)
      for (let life = 1; life <= 3; life++) {
        await world.write(world.a, 'again')
        const daemon = await world.start()
        await world.copied('again')
        if (life === 2) world.cut()
        await world.write(world.a, 'again')
        await world.copied('again')
        await world.commit(world.a, 'g', world.topic('again'), [life * 50, life * 30])
        await world.translated('g', 'again', [life * 50, life * 30])
        await world.stop(daemon)
      }
      await world.expectMonotonicCheckpoints()
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testOffsetTranslationBehindReplicationFlow',
    says: 'ten thousand records later a group at 90 % stands exactly there; at 10 % its checkpoint follows it back, and its place does not',
    run: async (world) => {
      const { a, b } = world
      await world.make(a, 'deep', 1)
      await world.write(a, 'deep', { partitions: 1, batches: 10, records: 1_000 })
      await world.start()
      world.cut()
      await world.copied('deep', { partitions: 1 })
      await world.commit(a, 'g', world.topic('deep'), [9_000])
      await world.translated('g', 'deep', [9_000])
      await world.commit(a, 'g', world.topic('deep'), [1_000])
      await eventually(async () => {
        const last = (await world.checkpoints(b)).at(-1)
        expect(last).toMatchObject({ upstreamOffset: 1_000, downstreamOffset: 1_000 })
      })
      expect(await world.committed(b, 'g', world.remote('deep'))).toEqual([9_000])
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testSyncTopicConfigs, testReplicateSourceDefault, testReplicateTargetDefault',
    says: 'configs follow their source, those that are excluded keep the value of the target, and defaults are whose they should be',
    run: async (world) => {
      const { a, b } = world
      const configs = { 'delete.retention.ms': '1000', 'retention.bytes': '1000000' }
      await world.make(a, 'set', 1, configs)
      const entry = (useDefaultsFrom: string) =>
        world.mirror({ sync: { topicConfigs: { exclude: ['retention\\.bytes'], useDefaultsFrom, every: '100ms' } } })
      await world.write(a, 'set', { partitions: 1 })
      const targets = await world.start([entry('target')])
      await world.copied('set', { partitions: 1 })
      world.cut()
      await world.alter(b, world.remote('set'), {
        'delete.retention.ms': '2000',
        'retention.bytes': '2000000',
        'segment.bytes': '20000000',
      })
      const values = () =>
        Promise.all(
          ['delete.retention.ms', 'retention.bytes', 'segment.bytes'].map((name) =>
            world.configOf(b, world.remote('set'), name),
          ),
        )
      await eventually(async () => expect(await values()).toEqual(['1000', '2000000', '1073741824']))
      await world.stop(targets)
      await world.alter(a, world.topic('set'), { 'delete.retention.ms': null })
      await world.alter(b, world.remote('set'), { 'delete.retention.ms': '3000' })
      await world.write(a, 'set', { partitions: 1 })
      await world.start([entry('source')])
      await eventually(async () => expect((await values())[0]).toBe('86400000'))
      await world.copied('set', { partitions: 1 })
    },
  },
  {
    of: 'MirrorConnectorsIntegrationBaseTest.testReplicateFromLatest',
    says: 'from the latest record on exactly those are copied that came after the start',
    run: async (world) => {
      const { a, b } = world
      await world.make(a, 'tail', 2)
      await world.write(a, 'tail')
      const daemon = await world.start([world.mirror({ start: 'latest' })])
      await eventually(async () => {
        const topic = [...daemon.flows.values()][0]!.status().topics.find((one) => one.topic === world.topic('tail'))
        expect(topic?.partitions.map(({ upstream }) => upstream)).toEqual([30, 30])
      })
      world.cut()
      await world.write(a, 'tail', { batches: 2 })
      for (const partition of [0, 1]) {
        const wanted = (await readAll(a.client, world.topic('tail'), partition)).slice(30)
        const valuesOf = (records: readonly { readonly value: Buffer | null }[]) =>
          records.map(({ value }) => `${value}`)
        await eventually(async () =>
          expect(valuesOf(await readAll(b.client, world.remote('tail'), partition))).toEqual(valuesOf(wanted)),
        )
      }
    },
  },
  {
    of: 'MirrorConnectorsWithCustomForwardingAdminIntegrationTest, MirrorConnectorsIntegrationTransactionsTest',
    says: 'of transactions only what was committed is copied, and partitions that are added are followed',
    run: async (world) => {
      const { a } = world
      const topic = world.topic('sure')
      await world.make(a, 'sure', 1)
      const producer = await TransactionalProducer.begin(
        await a.client.node(a.client.leaderOf(topic, 0)!.nodeId),
        topic,
      )
      const transaction = async (values: readonly string[], isCommitted: boolean) => {
        await eventually(async () => expect(await producer.add(topic)).toEqual([0]))
        expect((await producer.produce(topic, values)).errorCode).toBe(0)
        expect((await producer.end(isCommitted)).errorCode).toBe(0)
      }
      await world.start()
      for (let round = 0; round < 6; round++) {
        await transaction([`${round} a`, `${round} b`], round % 3 !== 1)
        if (round === 3) world.cut()
      }
      await world.copied('sure', { partitions: 1 })
      // Two records and a marker each; the second of the fourth transaction is the sixth that was committed.
      await world.commit(a, 'g', topic, [10])
      await world.translated('g', 'sure', [10])
      await a.admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] })
      await eventually(async () => {
        await a.client.refresh()
        expect(a.client.leaderOf(topic, 1)).toBeDefined()
        await endOffset(a.client, topic, 1)
      })
      await appendBatch(
        a.client,
        topic,
        1,
        buildBatch([{ timestamp: testPlatform.clock.now(), key: 'k', value: 'new' }]),
      )
      await world.copied('sure')
    },
  },
  {
    of: 'MirrorConnectorsIntegrationSSLTest',
    says: 'with a login at the source and over TLS to the target records and groups arrive all the same, while connections break',
    run: async (world) => {
      const { a } = world
      await world.make(a, 'safe', 2)
      await world.write(a, 'safe')
      await world.start([world.mirror()], { secured: true })
      await world.copied('safe')
      for (let round = 0; round < 3; round++) {
        await world.write(a, 'safe')
        world.cut()
      }
      await world.copied('safe')
      await world.commit(a, 'g', world.topic('safe'), [77, 120])
      await world.translated('g', 'safe', [77, 120])
      await world.expectMonotonicCheckpoints()
    },
  },
  {
    of: 'IdentityReplicationIntegrationTest',
    says: 'with its own name a topic is copied, its groups too, and heartbeats keep their prefix',
    run: async (world) => {
      const { a, b } = world
      const topic = world.topic('same')
      await world.make(a, 'same', 2)
      await world.write(a, 'same')
      await world.start([world.mirror({ naming: 'identity', heartbeats: 'both' })])
      world.cut()
      await world.write(a, 'same')
      await world.copied('same', { remote: topic })
      await world.commit(a, 'g', topic, [11, 22])
      await eventually(async () => expect(await world.committed(b, 'g', topic)).toEqual([11, 22]))
      await eventually(async () => expect(await world.topicsAt(b)).toContain(`${world.alias}.heartbeats`))
      expect(await world.topicsAt(b)).not.toContain(`${world.alias}.${topic}`)
    },
  },
  {
    of: 'DedicatedMirrorIntegrationTest.testMultiNodeCluster',
    says: 'three instances share the work, while each is started anew, topics come and connections break',
    run: async (world) => {
      const { a } = world
      await world.make(a, 'many', 6)
      await world.write(a, 'many', { partitions: 6, batches: 1 })
      const daemons = [await world.start(), await world.start(), await world.start()]
      await world.copied('many', { partitions: 6 })
      for (const [at, daemon] of [...daemons.entries()]) {
        await world.write(a, 'many', { partitions: 6, batches: 1 })
        await world.stop(daemon)
        daemons[at] = await world.start()
        await world.make(a, `new-${at}`, 2)
        await world.write(a, `new-${at}`)
      }
      for (const at of [0, 1, 2]) await world.copied(`new-${at}`)
      await eventually(async () => {
        const held = daemons.map((daemon) => {
          const topics = [...daemon.flows.values()][0]!
            .status()
            .topics.filter(({ topic }) => topic.startsWith(world.topic('')))
          return topics.flatMap(({ topic, partitions }) => partitions.map(({ partition }) => `${topic}-${partition}`))
        })
        expect(Math.min(...held.map(({ length }) => length))).toBeGreaterThan(0)
        expect(new Set(held.flat()).size).toBe(12)
        expect(held.flat()).toHaveLength(12)
      }, 30_000)
      world.cut()
      await world.write(a, 'many', { partitions: 6, batches: 1 })
      await world.copied('many', { partitions: 6 })
    },
  },
  {
    of: 'MirrorConnectorsIntegrationExactlyOnceTest.testReplication (offsets that are altered and reset)',
    says: 'under another word for its progress a mirror begins anew, and copies exactly as much once more, or what came since',
    run: async (world) => {
      const { a, b } = world
      await world.make(a, 'anew', 1)
      await world.write(a, 'anew', { partitions: 1 })
      const first = await world.start()
      await world.copied('anew', { partitions: 1 })
      await world.stop(first)
      const named = (word: string) => ({
        progress: word,
        naming: { rename: { match: '(.*)', replace: `${word}.$1` } },
      })
      const second = await world.start([world.mirror(named('second'))])
      world.cut()
      await world.copied('anew', { partitions: 1, remote: `second.${world.topic('anew')}` })
      await world.copied('anew', { partitions: 1 })
      await world.stop(second)
      // No record has the time in between.
      await new Promise<void>((resolve) => testPlatform.clock.setTimer(5, resolve))
      const timestamp = new Date(testPlatform.clock.now()).toISOString()
      await world.write(a, 'anew', { partitions: 1 })
      await world.start([world.mirror({ ...named('third'), start: { timestamp } })])
      const values = (records: readonly { readonly value: Buffer | null }[]) => records.map(({ value }) => `${value}`)
      const since = values(await readAll(a.client, world.topic('anew'), 0)).slice(30)
      await eventually(async () => {
        await b.client.refresh()
        expect(values(await readAll(b.client, `third.${world.topic('anew')}`, 0))).toEqual(since)
      }, 30_000)
    },
  },
]
