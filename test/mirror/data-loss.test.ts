// Every way in which a copy can come to lack records, or to hold others, each with what becomes of it: seen, named with the exact range,
// written to the ledger, and handled as the flow says, for that partition alone.
import '../support/least-rights.ts'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { LogDirectory } from '../../src/broker/log/log-directory.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { DataLossPolicy, Gap } from '../../src/mirror/gap.ts'
import { type Flow, Mirror } from '../../src/mirror/mirror.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

const TOPIC = 'orders'
const REMOTE = 'east.orders'
const policies: DataLossPolicy[] = ['stop', 'skip', 'restart']

let clock = testPlatform.clock.now()
const batchOf = (value: string) => buildBatch([{ timestamp: clock++, key: value, value }])

/** A cluster that can be stopped, have its logs changed, and be started at the same address. */
class Side {
  readonly #name: string
  readonly #data: string
  #cluster!: Cluster
  client!: ClusterClient

  private constructor(name: string) {
    this.#name = name
    this.#data = mkdtempSync(join(tmpdir(), `heliostat-${name}-`))
  }

  static async start(name: string): Promise<Side> {
    const side = new Side(name)
    side.#cluster = await startCluster(testPlatform, { name, data: side.#data })
    side.client = clientOf(side.bootstrap)
    await side.client.refresh()
    onTestFinished(async () => {
      side.client.close()
      await side.#cluster.stop()
      rmSync(side.#data, { recursive: true, force: true })
    })
    return side
  }

  get bootstrap(): string {
    return this.#cluster.bootstrap
  }

  /** Partition 0 comes back without the records from `end` on, and with these instead, under another leader. */
  async comeBackWith(topic: string, end: number, instead: string): Promise<void> {
    const port = Number(this.bootstrap.split(':')[1])
    const { topicId } = this.client.topics().get(topic)!
    await this.#cluster.stop()
    const directory = LogDirectory.open(testPlatform, `${this.#data}/1`)
    const log = directory.getOrCreate(topic, 0, topicId)
    log.truncateTo(end)
    let at = end
    for (const value of instead) {
      const batch = buildBatch([{ timestamp: clock++, key: value, value }], {
        baseOffset: at++,
        partitionLeaderEpoch: 1,
      })
      log.append([new RecordBatch(batch)], { leaderEpoch: 1, origin: 'replication' })
    }
    directory.close()
    this.#cluster = await startCluster(testPlatform, { name: this.#name, data: this.#data, port })
    await until(
      () =>
        this.client.refresh().then(
          () => true,
          () => false,
        ),
      () => 'the cluster does not come back',
    )
  }

  /** One batch a letter; the offset of the last. */
  async write(values: string, topic = TOPIC, partition = 0): Promise<number> {
    let at = -1
    for (const value of values) at = await appendBatch(this.client, topic, partition, batchOf(value))
    return at
  }

  async values(topic: string, partition = 0): Promise<string> {
    return (await readAll(this.client, topic, partition)).map(({ value }) => String(value)).join('')
  }

  async remove(topic: string): Promise<void> {
    await (await this.client.controller()).send(deleteTopics, {
      topics: [{ name: topic, topicId: ZERO_UUID }],
      topicNames: [topic],
      timeoutMs: 5_000,
    })
    await this.client.refresh()
  }

  async deleteBelow(offset: number): Promise<void> {
    const connection = await this.client.node(this.client.leaderOf(TOPIC, 0)!.nodeId)
    await connection.send(deleteRecords, {
      topics: [{ name: TOPIC, partitions: [{ partitionIndex: 0, offset }] }],
      timeoutMs: 5_000,
    })
  }
}

let running: Mirror[] = []
afterEach(async () => {
  await Promise.all(running.map((mirror) => mirror.stop()))
  running = []
})

class Story {
  readonly east: Side
  readonly west: Side
  readonly policy: DataLossPolicy
  readonly delivery: Pick<Flow, 'transactional' | 'refreshMs'>
  mirror!: Mirror

  private constructor(
    east: Side,
    west: Side,
    policy: DataLossPolicy,
    delivery: Pick<Flow, 'transactional' | 'refreshMs'>,
  ) {
    this.east = east
    this.west = west
    this.policy = policy
    this.delivery = delivery
  }

  /** Two clusters, a topic of two partitions with these records in the first, and all of them copied. */
  static async begin(
    policy: DataLossPolicy,
    values: string,
    delivery: Pick<Flow, 'transactional' | 'refreshMs'> = {},
  ): Promise<Story> {
    const [east, west] = await Promise.all([Side.start('east'), Side.start('west')])
    const story = new Story(east, west, policy, delivery)
    await makeTopic(east.client, TOPIC, 2)
    await east.write(values)
    await story.start()
    await story.copied(values)
    return story
  }

  async start(): Promise<void> {
    this.mirror = new Mirror(testPlatform, {
      flow: {
        name: 'east->west',
        source: 'east',
        target: 'west',
        topics: { include: [TOPIC], exclude: [] },
        refreshMs: 50,
        onDataLoss: this.policy,
        ...this.delivery,
      },
      source: clientOf(this.east.bootstrap),
      target: clientOf(this.west.bootstrap),
      limits: { lookAgainMs: 100, settleMs: 50, stopGraceMs: 500 },
      slots: 2,
    })
    running.push(this.mirror)
    await this.mirror.start()
  }

  async restart(): Promise<void> {
    await this.stop()
    await this.start()
  }

  async stop(): Promise<void> {
    await this.mirror.stop()
    running = []
  }

  status() {
    return this.mirror.status().topics[0]?.partitions[0]
  }

  readonly seen = () => JSON.stringify(this.mirror.status().topics, null, 1)

  async copied(values: string | RegExp, partition = 0): Promise<void> {
    let found = ''
    const isThere = async () => {
      found = await this.west.client
        .refresh()
        .then(() => this.west.values(REMOTE, partition))
        .catch(() => '')
      return typeof values === 'string' ? found === values : values.test(found)
    }
    await until(isThere, () => `${found}, not ${values}: ${this.seen()}`)
  }

  /** The ledger says this, the partition did as it was told, and its neighbour goes on. */
  async ends(gaps: Partial<Gap>[], copy: Readonly<Record<DataLossPolicy, string | RegExp>>): Promise<void> {
    const { policy } = this
    await until(() => this.mirror.gaps().length >= gaps.length, this.seen)
    if (policy === 'stop') {
      await until(() => this.status()?.state === 'stopped', this.seen)
      expect(this.status()!.reason).toContain('onDataLoss is "stop"')
    }
    await this.copied(copy[policy])
    if (policy !== 'stop') await until(() => this.status()?.state === 'running', this.seen)
    expect(this.mirror.gaps()).toMatchObject(
      gaps.map((gap) => ({ topic: TOPIC, partition: 0, action: policy, ...gap })),
    )
    expect(this.status()!.gaps).toEqual(this.mirror.gaps())
    const neighbour = await this.east.write('n', TOPIC, 1)
    await until(async () => (await endOffset(this.west.client, REMOTE, 1)) > neighbour, this.seen)
  }

  /** Each of these source values stands where the map says. */
  async translates(values: Readonly<Record<number, string>>): Promise<void> {
    const copy = await readAll(this.west.client, REMOTE, 0)
    for (const [offset, value] of Object.entries(values)) {
      const there = this.mirror.translate(TOPIC, 0, Number(offset))
      expect(`${offset}: ${copy.find((record) => record.offset === there)?.value}`).toBe(`${offset}: ${value}`)
    }
  }
}

describe.each(policies)('with onDataLoss: %s', (policy) => {
  test('retention that overtakes the mirror', async () => {
    const story = await Story.begin(policy, 'ab')
    story.mirror.pause()
    await story.east.write('cde')
    await story.east.deleteBelow(4)
    await story.east.write('f')
    story.mirror.resume()
    await story.ends([{ from: 2, to: 4, reason: 'retention' }], { stop: 'ab', skip: 'abef', restart: 'abef' })
    if (policy !== 'stop') await story.translates({ 0: 'a', 1: 'b', 2: 'e', 3: 'e', 4: 'e', 5: 'f' })
  })

  test('an unclean election whose log is as long as what was mirrored, and holds other records', async () => {
    const story = await Story.begin(policy, 'abcdef')
    await story.east.comeBackWith(TOPIC, 3, 'XYZ')
    await story.ends([{ from: 3, to: 6, reason: 'truncation' }], {
      stop: 'abcdef',
      skip: 'abcdefXYZ',
      restart: 'abcdefabcXYZ',
    })
    // What lies below is still where it was: a group that is far behind finds its place.
    if (policy === 'skip') await story.translates({ 0: 'a', 2: 'c', 3: 'X', 5: 'Z' })
  })

  test('an unclean election whose log is longer, seen after a restart', async () => {
    const story = await Story.begin(policy, 'abcdef')
    await story.stop()
    await story.east.comeBackWith(TOPIC, 2, 'UVWXYZ')
    await story.start()
    await story.ends([{ from: 2, to: 6, reason: 'truncation' }], {
      stop: 'abcdef',
      skip: 'abcdefUVWXYZ',
      restart: 'abcdefabUVWXYZ',
    })
    if (policy !== 'skip') return
    await story.translates({ 0: 'a', 1: 'b', 2: 'U', 7: 'Z' })
    await story.restart()
    await until(() => story.status()?.state === 'running', story.seen)
    await story.copied('abcdefUVWXYZ')
    await story.translates({ 0: 'a', 1: 'b', 2: 'U', 7: 'Z' })
  })

  test.each([
    ['shorter', 'XY'],
    ['as long', 'WXYZ'],
    ['longer', 'UVWXYZ'],
  ])('a source topic that is recreated, %s', async (_, values) => {
    const story = await Story.begin(policy, 'abcd')
    await story.east.remove(TOPIC)
    await makeTopic(story.east.client, TOPIC, 2)
    await story.east.write(values)
    await story.ends([{ from: 4, to: 4, reason: 'recreated' }], {
      stop: 'abcd',
      skip: `abcd${values}`,
      restart: `abcd${values}`,
    })
    if (policy !== 'stop') await story.translates({ 0: values[0]!, 1: values[1]! })
  })

  test('a source topic that is recreated while nobody looks, with records that were not mirrored', async () => {
    const story = await Story.begin(policy, 'ab')
    story.mirror.pause()
    await story.east.write('cde')
    await until(() => story.status()?.sourceEnd === 5, story.seen)
    await story.east.remove(TOPIC)
    await makeTopic(story.east.client, TOPIC, 2)
    await story.east.write('xyz')
    story.mirror.resume()
    await story.ends([{ from: 2, to: 5, reason: 'recreated' }], { stop: 'ab', skip: 'abxyz', restart: 'abxyz' })
  })

  test('a target topic that is deleted', async () => {
    const story = await Story.begin(policy, 'abc')
    await story.east.deleteBelow(1)
    await story.west.remove(REMOTE)
    await until(() => story.mirror.gaps().length > 0, story.seen)
    if (policy === 'stop') {
      await until(() => story.status()?.state === 'stopped', story.seen)
      expect(story.status()!.reason).toContain('the target topic was deleted')
      expect(story.west.client.topics().has(REMOTE)).toBe(false)
    } else {
      await story.east.write('d')
      await story.copied(policy === 'skip' ? 'd' : 'bcd')
      await story.translates({ 3: 'd' })
    }
    const downstream = { from: 0, to: 3 }
    expect(story.mirror.gaps().filter(({ partition }) => partition === 0)).toMatchObject([
      { from: 0, to: 3, reason: 'target-deleted', downstream, action: policy },
    ])
  })

  test('a target log that has gone back', async () => {
    const story = await Story.begin(policy, 'abcd')
    await story.west.comeBackWith(REMOTE, 0, '')
    await story.ends([{ from: 0, to: 4, reason: 'target-truncated', downstream: { from: 0, to: 4 } }], {
      stop: '',
      skip: '',
      restart: 'abcd',
    })
    if (policy === 'stop') return
    await story.east.write('e')
    await story.copied(policy === 'skip' ? 'e' : 'abcde')
    await story.translates({ 4: 'e' })
  })

  test('a target log that has gone back, and holds the records of others', async () => {
    const story = await Story.begin(policy, 'a')
    await story.east.write('bcd')
    await story.copied('abcd')
    await story.west.comeBackWith(REMOTE, 1, 'X')
    const range = { from: 1, to: 4 }
    await story.ends(
      [
        { ...range, reason: 'target-truncated', downstream: range },
        { from: 4, to: 4, reason: 'foreign-write', downstream: { from: 1, to: 2 } },
      ],
      { stop: 'aX', skip: 'aX', restart: 'aXbcd' },
    )
    if (policy === 'stop') return
    await story.east.write('e')
    await story.copied(policy === 'skip' ? 'aXe' : 'aXbcde')
    await story.translates({ 0: 'a', 4: 'e' })
  })

  test('foreign writes to the mirrored topic, at its end and between our batches', async () => {
    const story = await Story.begin(policy, 'ab')
    await story.west.write('??', REMOTE)
    await story.east.write('c')
    const gap = { from: 2, to: 2, reason: 'foreign-write', downstream: { from: 2, to: 4 } } as const
    // Seen before its own next record, or with it.
    await story.ends([gap], { stop: /^ab\?\?c?$/, skip: 'ab??c', restart: 'ab??c' })
    if (policy === 'stop') {
      // Met again by one who knows less, it is the same entry.
      await story.restart()
      await until(() => story.status()?.state === 'stopped', story.seen)
      expect(story.mirror.gaps()).toMatchObject([gap])
      return
    }
    await story.translates({ 0: 'a', 1: 'b', 2: 'c' })
    await story.west.write('!', REMOTE)
    await story.restart()
    await story.east.write('d')
    await story.copied('ab??c!d')
    await story.translates({ 0: 'a', 1: 'b', 2: 'c', 3: 'd' })
    expect(story.mirror.gaps()).toMatchObject([gap, { reason: 'foreign-write', downstream: { from: 5, to: 6 } }])
    await story.restart()
    await story.east.write('e')
    await story.copied('ab??c!de')
    expect(story.mirror.gaps()).toHaveLength(2)
  })
})

describe.each(policies)('in transactions, with onDataLoss: %s', (policy) => {
  // As after an unclean election, or a disk that was lost.
  test.each([
    ['while nothing is written', 50, ''],
    ['seen by who writes to it, though aborted records stand there since', 60_000, ''],
    ['a record of others stands exactly where ours was', 50, 'X'],
    ['others have written more than was lost', 60_000, 'XYZ'],
  ])('a target log that has gone back: %s', async (_, refreshMs, others) => {
    const story = await Story.begin(policy, 'abc', { transactional: { commitIntervalMs: 20 }, refreshMs })
    await story.east.write('d')
    await story.copied('abcd')
    await until(() => story.mirror.translate(TOPIC, 0, 3) !== undefined, story.seen)
    const to = story.mirror.translate(TOPIC, 0, 3)! + 1
    await story.west.comeBackWith(REMOTE, to - 1, others)
    await story.east.write('e')
    await until(() => story.mirror.gaps().length > 0, story.seen)
    expect(story.mirror.gaps()).toMatchObject([
      {
        topic: TOPIC,
        partition: 0,
        from: 3,
        to: 4,
        reason: 'target-truncated',
        downstream: { from: to - 1, to },
        action: policy,
      },
    ])
    await story.copied(`abc${others}${{ stop: '', skip: 'e', restart: 'de' }[policy]}`)
    if (policy === 'stop') await until(() => story.status()?.state === 'stopped', story.seen)
    else await until(() => story.mirror.translate(TOPIC, 0, 4) !== undefined, story.seen)
    if (policy !== 'stop') await story.translates({ 4: 'e' })
  })
})
