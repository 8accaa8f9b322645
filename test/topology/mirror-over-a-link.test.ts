// Mirrors that read and write over a link which is long, thin, cut one way and reset: every record arrives once, in order, and what waits
// meanwhile is bounded.
import { expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { startTopology, type Topology } from '../../src/topology/topology.ts'
import { seenOf } from '../oracle/seen-record.ts'
import { appendBatch, clientOf, endOffset, readAll, testPlatform, until } from '../support/log-content.ts'

const PARTITIONS = 2
const RECORD_BYTES = 4_000
const WINDOW_BYTES = 256 * 1024
const READ_BYTES = 64 * 1024
const BUFFER_BYTES = 1024 * 1024

type Side = 'east' | 'west'

class World {
  readonly topology: Topology
  /** Beside their clusters. */
  readonly clients: Readonly<Record<Side, ClusterClient>>
  readonly mirrors: Mirror[] = []
  written = 0
  mostHeldPerConnection = 0
  mostBuffered = 0

  constructor(topology: Topology) {
    this.topology = topology
    this.clients = {
      east: clientOf(topology.clusters['east']!.bootstrap),
      west: clientOf(topology.clusters['west']!.bootstrap),
    }
  }

  /** A mirror that stands in oregon, beside west. */
  async mirror(from: Side, to: Side): Promise<void> {
    const client = (side: Side) => clientOf(this.topology.bootstrapFrom(side, 'oregon'))
    const mirror = new Mirror(testPlatform, {
      flow: {
        name: `${from}->${to}`,
        source: from,
        target: to,
        topics: { include: [`of-${from}`], exclude: [] },
        refreshMs: 100,
      },
      source: client(from),
      target: client(to),
      limits: { bufferBytes: BUFFER_BYTES, lookAgainMs: 100 },
      slots: 1,
    })
    this.mirrors.push(mirror)
    await mirror.start()
  }

  /** Random bytes, as others would be packed on the way. */
  async write(batches: number): Promise<void> {
    for (let count = 0; count < batches; count++) {
      const records = Array.from({ length: 10 }, () => ({
        timestamp: ++this.written,
        key: `${this.written}`,
        value: testPlatform.random.bytes(RECORD_BYTES),
      }))
      for (const side of ['east', 'west'] as const) {
        await appendBatch(this.clients[side], `of-${side}`, count % PARTITIONS, buildBatch(records))
      }
    }
  }

  /** How many records have been copied of what is written on one side to the other. */
  async copied(from: Side): Promise<number> {
    const to = from === 'east' ? 'west' : 'east'
    let total = 0
    try {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        total += await endOffset(this.clients[to], `${from}.of-${from}`, partition)
      }
    } catch {
      // Its leader is dead; the next look finds another.
      await this.clients[to].refresh()
    }
    return total
  }

  sample(): void {
    const { ways, connections } = this.topology.link('oregon', 'virginia').status()
    for (const { bytesHeld } of ways) {
      if (connections > 0) this.mostHeldPerConnection = Math.max(this.mostHeldPerConnection, bytesHeld / connections)
    }
    for (const mirror of this.mirrors) {
      this.mostBuffered = Math.max(this.mostBuffered, mirror.status().bufferedBytes)
    }
  }

  seen = () =>
    JSON.stringify([this.topology.link('oregon', 'virginia').status(), this.mirrors.map((one) => one.status())])
}

/** As `makeTopic`, with as many copies as there are brokers. */
async function makeReplicatedTopic(client: ClusterClient, name: string, brokers: number): Promise<void> {
  const topic = { name, numPartitions: PARTITIONS, replicationFactor: brokers, assignments: [], configs: [] }
  const { topics } = await (await client.controller()).send(createTopics, { topics: [topic], timeoutMs: 10_000 })
  expect(topics[0]!.errorCode).toBe(0)
  await until(
    async () => {
      await client.refresh()
      return client.leaderOf(name, PARTITIONS - 1) !== undefined
    },
    () => name,
  )
}

test.each([1, 3])(
  'records cross a long, thin link once and in order, both ways, between clusters of %i, through one-way cuts, resets and the death of a broker, and little waits',
  async (brokers) => {
    const config = { 'broker.session.timeout.ms': 1_000, 'broker.heartbeat.interval.ms': 200 }
    const topology = await startTopology(testPlatform, {
      clusters: { east: { brokers, datacenter: 'virginia', config }, west: { brokers, datacenter: 'oregon', config } },
      links: { 'virginia<->oregon': { latencyMs: 50, jitterMs: 5, bitsPerSecond: 8_000_000 } },
    })
    const world = new World(topology)
    await Promise.all(
      (['east', 'west'] as const).map((side) => makeReplicatedTopic(world.clients[side], `of-${side}`, brokers)),
    )
    await world.write(10)
    await Promise.all([world.mirror('east', 'west'), world.mirror('west', 'east')])
    const both = (least: number) => async () => {
      world.sample()
      return (await world.copied('east')) >= least && (await world.copied('west')) >= least
    }
    await until(both(50), world.seen)

    // Answers do not come back from east: fetches of the one mirror and acknowledgements of the other.
    topology.link('virginia', 'oregon').cut('one-way')
    const before = await world.copied('east')
    await world.write(10)
    await new Promise<void>((resolve) => testPlatform.clock.setTimer(300, resolve))
    world.sample()
    expect((await world.copied('east')) - before).toBeLessThan(100)
    topology.link('virginia', 'oregon').heal()
    await until(both(120), world.seen)

    // Nothing reaches east, and then all connections break, so that both have to find out what had arrived.
    topology.link('oregon', 'virginia').cut('one-way')
    await world.write(10)
    await new Promise<void>((resolve) => testPlatform.clock.setTimer(200, resolve))
    world.sample()
    expect(topology.link('oregon', 'virginia').reset()).toBeGreaterThan(0)
    topology.link('oregon', 'virginia').heal()
    if (brokers > 1) {
      const leader = world.clients.west.leaderOf('of-west', 0)!.nodeId
      await topology.clusters['west']!.broker(leader).kill()
    }
    await until(both(world.written), world.seen)
    await Promise.all(Object.values(world.clients).map((client) => client.refresh()))

    for (const [from, to] of [
      ['east', 'west'],
      ['west', 'east'],
    ] as const) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const source = seenOf(await readAll(world.clients[from], `of-${from}`, partition))
        expect(source.length).toBe(world.written / PARTITIONS)
        const copy = seenOf(await readAll(world.clients[to], `${from}.of-${from}`, partition))
        expect(copy).toEqual(source)
      }
    }
    expect(world.mostHeldPerConnection).toBeLessThanOrEqual(WINDOW_BYTES + READ_BYTES)
    expect(world.mostHeldPerConnection).toBeGreaterThan(0)
    expect(world.mostBuffered).toBeLessThanOrEqual(BUFFER_BYTES + 128 * 1024)
    await Promise.all(world.mirrors.map((mirror) => mirror.stop()))
    for (const client of Object.values(world.clients)) client.close()
    await topology.stop()
  },
  40_000,
)
