// A cluster of two real brokers whose partitions change their leaders while they are mirrored, on the source's side, on the
// target's, and under the mirror's own progress: by plan, and because a broker dies. One cluster is both sides.
import { Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { ClusterAliases } from '../../src/mirror/cluster-aliases.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { ApacheKafka, unavailable } from '../support/apache-kafka.ts'
import * as copies from '../support/copied.ts'
import { clientOf, testPlatform, until } from '../support/log-content.ts'

const reason = unavailable()
const FIRST = 1
const SECOND = 2
const startMs = 90_000
const movedMs = 60_000
/** A dead broker is noticed soon. */
const config = { 'broker.session.timeout.ms': 3_000, 'broker.heartbeat.interval.ms': 500 }

describe.skipIf(reason)(`leaders that move on Apache Kafka${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let first: ApacheKafka
  let second: ApacheKafka
  let client: ClusterClient
  let mirror: Mirror
  let kafka: Kafka
  let producer: Producer

  beforeAll(async () => {
    first = await ApacheKafka.start({ config })
    second = await ApacheKafka.start({ config, joins: { node: first, nodeId: SECOND } })
    kafka = new Kafka({ brokers: [first.bootstrap, second.bootstrap], logLevel: logLevel.NOTHING })
    producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry: { retries: 100, maxRetryTime: 500 } })
    await producer.connect()
    client = clientOf(`${first.bootstrap},${second.bootstrap}`)
    await client.refresh()
    await makeTopics({ planned: [FIRST], replicated: [SECOND, FIRST], 'east.replicated': [SECOND, FIRST] })
    mirror = new Mirror(testPlatform, {
      flow: {
        name: 'east->west',
        source: 'east',
        target: 'west',
        topics: { include: ['planned', 'replicated'], exclude: [] },
        refreshMs: 500,
      },
      source: clientOf(`${first.bootstrap},${second.bootstrap}`, testPlatform, 'east'),
      target: clientOf(`${first.bootstrap},${second.bootstrap}`, testPlatform, 'west'),
      // One cluster is source and target here, which a flow would refuse that knew their names.
      aliases: new ClusterAliases([]),
    })
    await mirror.start()
  }, startMs)

  afterAll(async () => {
    await mirror?.stop()
    await producer?.disconnect()
    client?.close()
    await second?.stop()
    await first?.stop()
  }, startMs)

  async function makeTopics(replicas: Readonly<Record<string, number[]>>): Promise<void> {
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({
      waitForLeaders: true,
      topics: Object.entries(replicas).map(([topic, brokers]) => ({
        topic,
        replicaAssignment: [{ partition: 0, replicas: brokers }],
      })),
    })
    await admin.disconnect()
  }

  /** Gives the partitions to another broker, and waits until it leads them. */
  async function move(topic: string, partitions: readonly number[], to: number): Promise<void> {
    const admin = kafka.admin()
    await admin.connect()
    await admin.alterPartitionReassignments({
      topics: [{ topic, partitionAssignment: partitions.map((partition) => ({ partition, replicas: [to] })) }],
    })
    await admin.disconnect()
    await ledBy(topic, partitions, to)
  }

  async function ledBy(topic: string, partitions: readonly number[], nodeId: number): Promise<void> {
    const leaders = () => partitions.map((partition) => client.leaderOf(topic, partition)?.nodeId)
    await until(
      async () => {
        await client.refresh()
        return leaders().every((leader) => leader === nodeId)
      },
      () => `${topic} is led by ${leaders()}`,
      movedMs,
    )
  }

  /** Writes a record after the other until the work is done; returns how many. */
  async function writingDuring(topic: string, work: () => Promise<void>): Promise<number> {
    let isDone = false
    let written = 0
    const worked = work().finally(() => {
      isDone = true
    })
    while (!isDone || written === 0) {
      await producer.send({ topic, messages: [{ key: `${written}`, value: `${topic} ${written}` }] })
      written++
    }
    await worked
    // Some more, so that the mirror must go on at the new leaders.
    for (const end = written + 50; written < end; written++)
      await producer.send({ topic, messages: [{ key: `${written}`, value: `${topic} ${written}` }] })
    return written
  }

  async function expectCopied(topic: string, written: number): Promise<void> {
    const what = () => JSON.stringify(mirror.status().topics)
    const copy = { client, topic: `east.${topic}` }
    const original = await copies.expectCopied({ client, topic }, copy, { what, timeoutMs: movedMs })
    expect(original.length).toBe(written)
    expect(mirror.translate(topic, 0, written - 1)).toBe(written - 1)
  }

  it(
    'follows the source, the target and its own progress to another broker, and copies every record once and in order',
    async () => {
      const slots = Array.from({ length: 16 }, (_, slot) => slot)
      await until(
        async () => {
          await client.refresh()
          return client.topics().has('east.planned') && client.topics().has(mirror.policy.progressTopic)
        },
        () => 'the mirror has not begun',
      )
      const written = await writingDuring('planned', async () => {
        await move('planned', [0], SECOND)
        await move('east.planned', [0], SECOND)
        await move(mirror.policy.progressTopic, slots, FIRST)
        await move('planned', [0], FIRST)
        await move(mirror.policy.progressTopic, slots, SECOND)
        await move('east.planned', [0], FIRST)
        await move(mirror.policy.progressTopic, slots, FIRST)
      })
      await expectCopied('planned', written)
    },
    2 * movedMs,
  )

  it(
    'goes on with the survivor when the broker that leads source and target dies',
    async () => {
      await ledBy('replicated', [0], SECOND)
      await ledBy('east.replicated', [0], SECOND)
      const written = await writingDuring('replicated', async () => {
        await second.stop('SIGKILL')
        await ledBy('replicated', [0], FIRST)
        await ledBy('east.replicated', [0], FIRST)
      })
      await expectCopied('replicated', written)
    },
    2 * movedMs,
  )
})
