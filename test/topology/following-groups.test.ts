// Commits of the source's groups, heard where the source writes them: on the target a moment later, whatever kind of group commits,
// and never against a group that lives there.
import '../support/least-rights.ts'
import { Kafka, logLevel } from 'kafkajs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { commitPositions } from '../../src/offset-translation/group-offsets.ts'
import { consumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { batchOf } from '../broker/requests.ts'
import { appendBatch, clientOf, makeTopic, testPlatform, until } from '../support/log-content.ts'

const TOPIC = 'orders'
const REMOTE = 'east.orders'
const RECORDS = 100

let source: Cluster
let target: Cluster
let east: ClusterClient
let west: ClusterClient
let daemon: Daemon
const flow = () => daemon.flows.get('east->west')!

beforeAll(async () => {
  source = await startCluster(testPlatform, { name: 'east' })
  target = await startCluster(testPlatform, { name: 'west' })
  east = clientOf(source.bootstrap)
  west = clientOf(target.bootstrap)
  await Promise.all([east.refresh(), west.refresh()])
  await makeTopic(east, TOPIC, 1)
  await appendBatch(east, TOPIC, 0, batchOf(Array.from({ length: RECORDS }, (_, at) => `${at}`)))
  await commit(east, 'first', 1)
  const clusters = `{ east: { bootstrap: ["${source.bootstrap}"] }, west: { bootstrap: ["${target.bootstrap}"] } }`
  const mirrors = '[{ from: east, to: west, refresh: 100ms }]'
  const { config } = loadConfig(
    `{ version: 1, clusters: ${clusters}, mirrors: ${mirrors}, server: { listen: 127.0.0.1:0 } }`,
    'test.yaml',
    {},
  )
  daemon = await startDaemon(testPlatform, config, { version: 'test', directory: '.' })
  await until(
    () =>
      flow().groupOffsets.mode === 'followed' &&
      flow()
        .groups()
        .some(({ state }) => state === 'synced'),
    () => JSON.stringify([flow().groupOffsets, flow().groups()]),
  )
})

afterAll(async () => {
  await daemon?.stop()
  east?.close()
  west?.close()
  await Promise.all([source?.stop(), target?.stop()])
})

async function commit(on: ClusterClient, group: string, offset: number, topic = TOPIC): Promise<void> {
  const position = { topic, partition: 0, offset, metadata: 'mine' }
  const codes = await commitPositions(await on.coordinator('group', group), group, [position])
  expect(codes).toEqual([0])
}

async function onTarget(group: string): Promise<{ offset: number; leaderEpoch: number } | undefined> {
  const connection = await west.coordinator('group', group)
  const asked = [{ groupId: group, topics: null }]
  const { groups } = await connection.send(offsetFetch, { groups: asked }, { version: 9 })
  const found = groups[0]?.topics.find(({ name }) => name === REMOTE)?.partitions[0]
  return found && { offset: found.committedOffset, leaderEpoch: found.committedLeaderEpoch }
}

/** How long until the group stands there. */
async function arrives(group: string, offset: number): Promise<number> {
  const begun = performance.now()
  let seen: Awaited<ReturnType<typeof onTarget>>
  await until(
    async () => {
      seen = await onTarget(group)
      return seen?.offset === offset
    },
    () => `${group} stands at ${seen?.offset}: ${JSON.stringify(flow().groups())}`,
  )
  return performance.now() - begun
}

test('a commit is on the target within a second, under the target’s own leader epoch', async () => {
  const times: number[] = []
  for (let offset = 10; offset < 20; offset++) {
    await commit(east, 'billing', offset)
    times.push(await arrives('billing', offset))
  }
  expect(Math.max(...times)).toBeLessThan(1_000)
  await west.refresh()
  expect(await onTarget('billing')).toMatchObject({ leaderEpoch: west.leaderOf(REMOTE, 0)!.leaderEpoch })
  expect(
    flow()
      .groups()
      .find(({ group }) => group === 'billing'),
  ).toMatchObject({
    state: 'synced',
    partitions: [{ committed: 19, translated: 19, onTarget: 19, reread: 0 }],
  })
})

test('a group of the new consumer protocol (KIP-848) is followed while it lives at the source', async () => {
  const coordinator = await east.coordinator('group', 'modern')
  const joining = { groupId: 'modern', memberId: 'member', memberEpoch: 0, rebalanceTimeoutMs: 10_000 }
  const joined = await coordinator.send(consumerGroupHeartbeat, {
    ...joining,
    subscribedTopicNames: [TOPIC],
    topicPartitions: [],
  })
  const partitions = [{ partitionIndex: 0, committedOffset: 33, committedLeaderEpoch: 7, committedMetadata: '' }]
  const { topics } = await coordinator.send(
    offsetCommit,
    {
      groupId: 'modern',
      generationIdOrMemberEpoch: joined.memberEpoch,
      memberId: 'member',
      topics: [{ name: TOPIC, partitions }],
    },
    { version: 9 },
  )
  expect(topics[0]!.partitions[0]!.errorCode).toBe(0)
  await arrives('modern', 33)
})

test('a live group on the target, of the new protocol, is left alone until it is empty again', async () => {
  const coordinator = await west.coordinator('group', 'taken')
  const member = { groupId: 'taken', memberId: 'there', rebalanceTimeoutMs: 10_000 }
  await coordinator.send(consumerGroupHeartbeat, {
    ...member,
    memberEpoch: 0,
    subscribedTopicNames: [REMOTE],
    topicPartitions: [],
  })
  await commit(east, 'taken', 50)
  const seen = () =>
    flow()
      .groups()
      .find(({ group }) => group === 'taken')
  await until(
    () => seen()?.partitions[0]?.blocked !== undefined,
    () => JSON.stringify(flow().groups()),
  )
  expect(seen()).toMatchObject({ state: 'translated', partitions: [{ translated: 50, onTarget: undefined }] })
  expect(seen()!.partitions[0]!.blocked).toContain('active on the target')
  expect(await onTarget('taken')).toBeUndefined()
  await coordinator.send(consumerGroupHeartbeat, { ...member, memberEpoch: -1 })
  await commit(east, 'taken', 51)
  await arrives('taken', 51)
})

test('a group that was never rewound on the target is told how much it would read again', async () => {
  await commit(east, 'back', 60)
  await arrives('back', 60)
  await commit(east, 'back', 20)
  const seen = () =>
    flow()
      .groups()
      .find(({ group }) => group === 'back')?.partitions[0]
  await until(
    () => seen()?.committed === 20,
    () => JSON.stringify(seen()),
  )
  expect(seen()).toMatchObject({ translated: 20, onTarget: 60, reread: 0 })
  expect((await onTarget('back'))?.offset).toBe(60)
})

test('offsets that are committed in a transaction come with its end, and not if it is aborted', async () => {
  const kafka = new Kafka({ brokers: [source.bootstrap], logLevel: logLevel.NOTHING })
  const producer = kafka.producer({ transactionalId: 'shipping', maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const send = async (offset: number) => {
    const transaction = await producer.transaction()
    const topics = [{ topic: TOPIC, partitions: [{ partition: 0, offset: `${offset}` }] }]
    await transaction.sendOffsets({ consumerGroupId: 'shipping', topics })
    return transaction
  }
  await (await send(70)).abort()
  await (await send(40)).commit()
  await arrives('shipping', 40)
  await producer.disconnect()
})

test('a group that is ahead of the mirror moves on as records arrive', async () => {
  flow().pause()
  const end = await appendBatch(east, TOPIC, 0, batchOf(['a', 'b', 'c']))
  await commit(east, 'ahead', end + 3)
  await arrives('ahead', RECORDS)
  flow().resume()
  await arrives('ahead', end + 3)
})

test('an offset that is deleted at the source is told no more', async () => {
  await commit(east, 'gone', 5)
  await arrives('gone', 5)
  const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0 }] }]
  await (await east.coordinator('group', 'gone')).send(offsetDelete, { groupId: 'gone', topics })
  await until(
    () =>
      flow()
        .groups()
        .every(({ group }) => group !== 'gone'),
    () => JSON.stringify(flow().groups()),
  )
  expect((await onTarget('gone'))?.offset).toBe(5)
})
