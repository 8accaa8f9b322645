// What a MirrorMaker 2 leaves behind while it lives, and what does not count.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { liveMirrorMaker } from '../../src/mirror/live-mirrormaker.ts'
import { replicationPolicy } from '../../src/mirror/replication-policy.ts'
import { joinGroup } from '../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../src/protocol/messages/leave-group.ts'
import { syncGroup } from '../../src/protocol/messages/sync-group.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { appendBatch, clientOf, makeTopic, testPlatform } from '../support/log-content.ts'

let source: Cluster
let target: Cluster
let east: ClusterClient
let west: ClusterClient

beforeAll(async () => {
  source = await startCluster(testPlatform, { name: 'east' })
  target = await startCluster(testPlatform, { name: 'west' })
  east = clientOf(source.bootstrap, testPlatform, 'east')
  west = clientOf(target.bootstrap, testPlatform, 'west')
  await Promise.all([east.refresh(), west.refresh()])
})

afterAll(async () => {
  east.close()
  west.close()
  await Promise.all([source.stop(), target.stop()])
})

const ask = (sourceAlias: string) =>
  liveMirrorMaker(testPlatform, {
    source: east,
    target: west,
    sourceAlias,
    targetAlias: `${sourceAlias}-west`,
    policy: replicationPolicy({ naming: 'prefix', source: sourceAlias }),
  })

async function write(client: ClusterClient, topic: string, ageMs: number): Promise<void> {
  await makeTopic(client, topic, 1)
  await appendBatch(client, topic, 0, buildBatch([{ timestamp: Date.now() - ageMs, key: 'k', value: 'v' }]))
}

test('clusters without a trace of it are free', async () => {
  expect(await ask('free')).toBeUndefined()
})

test('its offsets on the target, and its offset-syncs on the source, tell while they are fresh', async () => {
  await write(west, 'mm2-offsets.a.internal', 1_000)
  expect(await ask('a')).toBe('topic mm2-offsets.a.internal on west was written within minutes')
  await write(east, 'mm2-offset-syncs.b-west.internal', 1_000)
  expect(await ask('b')).toBe('topic mm2-offset-syncs.b-west.internal on east was written within minutes')
  await write(west, 'mm2-offsets.c.internal', 3_600_000)
  expect(await ask('c')).toBeUndefined()
})

test('of connectors that keep all at the target, its offset-syncs and checkpoints tell', async () => {
  await write(west, 'mm2-offset-syncs.h.internal', 1_000)
  expect(await ask('h')).toBe('topic mm2-offset-syncs.h.internal on west was written within minutes')
  await write(west, 'i.checkpoints.internal', 1_000)
  expect(await ask('i')).toBe('topic i.checkpoints.internal on west was written within minutes')
  await write(west, 'mm2-offset-syncs.j.internal', 3_600_000)
  expect(await ask('j')).toBeUndefined()
})

test('where heliostat has mirrored, what it writes itself does not count', async () => {
  await makeTopic(west, 'heliostat.d.progress.internal', 1)
  for (const topic of ['mm2-offset-syncs.d.internal', 'd.checkpoints.internal', 'heartbeats'])
    await write(west, topic, 0)
  expect(await ask('d')).toBeUndefined()
  const producer = { producerId: 7, producerEpoch: 0, baseSequence: 0 }
  const record = { timestamp: Date.now(), key: 'k', value: 'v' }
  await appendBatch(west, 'mm2-offset-syncs.d.internal', 0, buildBatch([record], producer))
  expect(await ask('d')).toBe('topic mm2-offset-syncs.d.internal on west was written within minutes')
})

test('where heliostat mirrors the other way, what it writes there does not count', async () => {
  await write(east, 'mm2-offset-syncs.e-west.internal', 0)
  expect(await ask('e')).toMatch(/^topic mm2-offset-syncs/)
  await makeTopic(east, 'heliostat.e-west.word.progress.internal', 1)
  expect(await ask('e')).toBeUndefined()
  await write(west, 'mm2-offsets.e.internal', 1_000)
  expect(await ask('e')).toMatch(/^topic mm2-offsets/)
})

test('workers of Connect tell by their connector that is named after both clusters, while it has tasks', async () => {
  const connector = 'k->k-west.MirrorSourceConnector'
  const worker = new Worker(west, 'any-connect-cluster')
  await worker.join([[connector, -1]], [])
  expect(await ask('k')).toBeUndefined()
  await worker.join([], [['k->k-west.MirrorCheckpointConnector', 0]])
  expect(await ask('k')).toBeUndefined()
  for (const [held, given] of [
    [[[connector, -1, 0]], []],
    [
      [['other', 0]],
      [
        ['other', 1],
        [connector, 1],
      ],
    ],
  ] as const) {
    await worker.join(held, given)
    expect(await ask('k')).toBe(`group any-connect-cluster on west runs the connector ${connector}`)
  }
})

test('its group on the target tells while it has members', async () => {
  const worker = new Worker(west, 'g-mm2')
  await worker.join([], [])
  expect(await ask('g')).toBe('group g-mm2 on west is Stable')
  await worker.leave()
  expect(await ask('g')).toBeUndefined()
})

type Tasks = readonly (readonly [connector: string, ...tasks: number[]])[]

/** The only worker of a Connect cluster: as such it is answered at once, and assigns to itself. */
class Worker {
  readonly #client: ClusterClient
  readonly #groupId: string
  #memberId = ''

  constructor(client: ClusterClient, groupId: string) {
    this.#client = client
    this.#groupId = groupId
  }

  /** With what it holds; and is given this beside. */
  async join(held: Tasks, given: Tasks): Promise<void> {
    const connection = await this.#client.coordinator('group', this.#groupId)
    const metadata = Buffer.concat([int16(1), text('http://127.0.0.1:8083/'), Buffer.alloc(8), sized(assignment(held))])
    const { memberId, generationId } = await connection.send(
      joinGroup,
      {
        groupId: this.#groupId,
        sessionTimeoutMs: 60_000,
        rebalanceTimeoutMs: 60_000,
        memberId: this.#memberId,
        protocolType: 'connect',
        protocols: [{ name: 'sessioned', metadata }],
      },
      { version: 3 },
    )
    this.#memberId = memberId
    const assignments = [{ memberId, assignment: assignment(given) }]
    await connection.send(syncGroup, { groupId: this.#groupId, generationId, memberId, assignments }, { version: 3 })
  }

  async leave(): Promise<void> {
    const connection = await this.#client.coordinator('group', this.#groupId)
    await connection.send(leaveGroup, { groupId: this.#groupId, memberId: this.#memberId }, { version: 2 })
  }
}

/** ExtendedAssignment of Connect: version, error, leader, its URL, offset of the configs, what is given, what is taken, delay. */
function assignment(tasks: Tasks): Buffer {
  const lists = tasks.map(([connector, ...numbers]) =>
    Buffer.concat([text(connector), int32(numbers.length), ...numbers.map(int32)]),
  )
  const head = [int16(2), int16(0), text('worker'), text('http://127.0.0.1:8083/'), Buffer.alloc(8)]
  return Buffer.concat([...head, int32(lists.length), ...lists, int32(0), int32(0)])
}

function int16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

const text = (value: string) => Buffer.concat([int16(value.length), Buffer.from(value)])
const sized = (bytes: Buffer) => Buffer.concat([int32(bytes.length), bytes])
