import { afterEach, describe, expect, it } from 'vitest'
import { ClusterClient, type ClusterClientOptions } from '../../src/client/cluster-client.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import type { Request, ResponseInput } from '../../src/protocol/schema.ts'
import { ScriptedBroker, SILENCE } from '../support/scripted-broker.ts'

const platform = nodePlatform({ log: { level: 'silent' } })
const clusters: TestCluster[] = []
const clients: ClusterClient[] = []

afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const cluster of clusters.splice(0)) for (const { broker } of cluster.nodes) await broker.stop()
})

const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** Scripted nodes that agree on one state, which a test changes. */
class TestCluster {
  nodes: { nodeId: number; broker: ScriptedBroker }[] = []
  clusterId = 'cluster-1'
  leader = { leaderId: 1, leaderEpoch: 0 }
  coordinator = { nodeId: 1, errorCode: 0 }
  controllerId = 1

  static async start(size: number): Promise<TestCluster> {
    const cluster = new TestCluster()
    clusters.push(cluster)
    for (let nodeId = 1; nodeId <= size; nodeId++) await cluster.startNode(nodeId)
    return cluster
  }

  async startNode(nodeId: number, port?: number): Promise<ScriptedBroker> {
    const broker = await ScriptedBroker.start({ port })
    this.nodes = [...this.nodes.filter((node) => node.nodeId !== nodeId), { nodeId, broker }]
    broker.on(heartbeat, () => ({ errorCode: 0, throttleTimeMs: nodeId }))
    broker.on(metadata, () => this.answer())
    broker.on(findCoordinator, (request, { version }) => this.found(request, version, this.coordinator))
    return broker
  }

  broker(nodeId: number): ScriptedBroker {
    return this.nodes.find((node) => node.nodeId === nodeId)!.broker
  }

  answer() {
    const partition = { errorCode: 0, partitionIndex: 0, ...this.leader, replicaNodes: [1], isrNodes: [1] }
    return {
      brokers: this.nodes.map(({ nodeId, broker }) => ({ nodeId, ...broker.address })),
      clusterId: this.clusterId,
      controllerId: this.controllerId,
      topics: [{ errorCode: 0, name: 'orders', topicId: TOPIC_ID, partitions: [partition] }],
    }
  }

  found(
    request: Request<typeof findCoordinator>,
    version: number,
    found: { nodeId: number; errorCode: number },
  ): ResponseInput<typeof findCoordinator> {
    const node = { ...found, ...this.broker(found.nodeId).address }
    if (version < 4) return { throttleTimeMs: 0, ...node }
    return {
      throttleTimeMs: 0,
      coordinators: request.coordinatorKeys.map((key) => ({ key, errorMessage: null, ...node })),
    }
  }

  client(options: Partial<ClusterClientOptions> = {}): ClusterClient {
    const bootstrap = this.nodes.map(({ broker }) => broker.address)
    const client = new ClusterClient(platform, {
      bootstrap,
      clientId: 'test',
      name: 'east',
      refreshIntervalMs: 1,
      ...options,
    })
    clients.push(client)
    return client
  }
}

async function failure(promise: Promise<unknown>): Promise<HeliostatError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  )
  expect(error).toBeInstanceOf(HeliostatError)
  return error
}

/** The node that answers, as its heartbeat tells. */
async function whoAnswers(client: ClusterClient): Promise<number> {
  return (await client.send(heartbeat, { groupId: 'g', generationId: 0, memberId: 'm' })).throttleTimeMs
}

describe('a cluster client', () => {
  it('learns nodes, topics with their ids, leaders and the cluster id', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    await client.refresh()
    expect(client.clusterId).toBe('cluster-1')
    expect([...client.nodes().keys()]).toEqual([1, 2])
    expect(client.topics().get('orders')?.topicId).toBe(TOPIC_ID)
    expect(client.topicById(TOPIC_ID)?.name).toBe('orders')
    expect(client.leaderOf('orders', 0)).toEqual({ nodeId: 1, leaderEpoch: 0 })
    expect(client.leaderOf('orders', 1)).toBeUndefined()
    expect(client.leaderOf('payments', 0)).toBeUndefined()
  })

  it('never makes a topic by asking for it', async () => {
    const cluster = await TestCluster.start(1)
    await cluster.client().metadata(['orders'])
    expect(cluster.broker(1).callsOf(metadata)[0]!.request).toMatchObject({
      topics: [{ name: 'orders' }],
      allowAutoTopicCreation: false,
    })
  })

  it('tries the bootstrap addresses in turn', async () => {
    const cluster = await TestCluster.start(3)
    const bootstrap = cluster.nodes.map(({ broker }) => broker.address)
    await cluster.broker(1).stop()
    await cluster.broker(2).stop()
    const client = cluster.client({ bootstrap })
    await client.refresh()
    expect(client.clusterId).toBe('cluster-1')
  })

  it('that reaches no address tells all of them and why', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    for (const { broker } of cluster.nodes) await broker.stop()
    const error = await failure(client.refresh())
    expect(error).toMatchObject({ code: 'HEL_UNREACHABLE', retriable: true })
    for (const { broker } of cluster.nodes) expect(error.message).toContain(`127.0.0.1:${broker.address.port}`)
    expect(error.message).toMatch(/no node of east can be used: .*connection refused/)
  })

  it('shares one connection per node and purpose, however many ask at once', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client({ bootstrap: [cluster.broker(1).address] })
    await client.refresh()
    const same = await Promise.all([client.node(2), client.node(2), client.node(2, 'control')])
    expect(new Set(same).size).toBe(1)
    expect(await client.node(2, 'fetch')).not.toBe(same[0])
    expect(cluster.broker(2).accepted).toBe(2)
    expect(same[0]!.nodeId).toBe(2)
  })

  it('closes a bootstrap connection whose address no node has', async () => {
    const cluster = await TestCluster.start(1)
    const entrance = await ScriptedBroker.start()
    entrance.on(metadata, () => cluster.answer())
    const client = cluster.client({ bootstrap: [entrance.address] })
    await client.refresh()
    await entrance.until(() => entrance.openConnections === 0)
    expect(await whoAnswers(client)).toBe(1)
    await entrance.stop()
  })

  it('makes one request of many refreshes at once, and none before its interval is over', async () => {
    const cluster = await TestCluster.start(1)
    const client = cluster.client({ refreshIntervalMs: 60 })
    const before = platform.clock.monotonic()
    await Promise.all([client.refresh(), client.refresh(), client.refresh()])
    expect(cluster.broker(1).callsOf(metadata)).toHaveLength(1)
    await client.refresh()
    expect(platform.clock.monotonic() - before).toBeGreaterThan(55)
    expect(cluster.broker(1).callsOf(metadata)).toHaveLength(2)
  })

  it('follows a leader that moves, and no answer that is older', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    await client.refresh()
    cluster.leader = { leaderId: 2, leaderEpoch: 1 }
    await client.refresh()
    expect(client.leaderOf('orders', 0)).toEqual({ nodeId: 2, leaderEpoch: 1 })
    cluster.leader = { leaderId: 1, leaderEpoch: 0 }
    await client.refresh()
    expect(client.leaderOf('orders', 0)).toEqual({ nodeId: 2, leaderEpoch: 1 })
    cluster.leader = { leaderId: -1, leaderEpoch: 2 }
    await client.refresh()
    expect(client.leaderOf('orders', 0)).toBeUndefined()
  })

  it('dials again after a loss, and waits longer after each failure', async () => {
    const cluster = await TestCluster.start(1)
    const client = cluster.client()
    const first = await client.node(1)
    const { port } = cluster.broker(1).address
    await cluster.broker(1).stop()
    await first.closed
    const before = platform.clock.monotonic()
    for (let attempt = 0; attempt < 4; attempt++) {
      expect((await failure(client.node(1))).code).toBe('HEL_UNREACHABLE')
    }
    // After the first, 50, 100 and 200 ms, each a fifth more or less.
    expect(platform.clock.monotonic() - before).toBeGreaterThan(275)
    await cluster.startNode(1, port)
    const again = await client.node(1)
    expect(again).not.toBe(first)
    expect(again.isOpen).toBe(true)
  })

  it('reaches a node that has moved to another port', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    const before = await client.node(2)
    await cluster.broker(2).stop()
    await before.closed
    await cluster.startNode(2)
    await client.refresh()
    expect((await client.node(2)).remote.port).toBe(cluster.broker(2).address.port)
  })

  it('says so, retriably, when there is no such node', async () => {
    const cluster = await TestCluster.start(1)
    expect(await failure(cluster.client().node(9))).toMatchObject({ code: 'HEL_UNKNOWN_NODE', retriable: true })
  })

  it('goes on with another node while one is down', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    await client.refresh()
    const connection = await client.anyNode()
    const { broker } = cluster.nodes.find(({ broker }) => broker.address.port === connection.remote.port)!
    await broker.stop()
    await connection.closed
    expect([1, 2]).toContain(await whoAnswers(client))
  })

  it('finds the controller', async () => {
    const cluster = await TestCluster.start(2)
    cluster.controllerId = 2
    expect((await cluster.client().controller()).nodeId).toBe(2)
  })

  it('refuses an address that leads to another cluster than before', async () => {
    const cluster = await TestCluster.start(1)
    const client = cluster.client()
    await client.refresh()
    cluster.clusterId = 'cluster-2'
    const error = await failure(client.refresh())
    expect(error).toMatchObject({ code: 'HEL_CLUSTER_CHANGED', retriable: false })
    expect(error.message).toContain('cluster-2')
    expect(client.clusterId).toBe('cluster-1')
  })

  it('closes every connection and dials no more once it is closed', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    await Promise.all([client.node(1), client.node(2, 'fetch')])
    client.close()
    for (const { broker } of cluster.nodes) await broker.until(() => broker.openConnections === 0)
    expect((await failure(client.node(1))).code).toBe('HEL_CLOSED')
    expect((await failure(client.refresh())).code).toBe('HEL_CLOSED')
  })
})

describe('coordinators', () => {
  it.each([
    ['several keys at once', 6],
    ['one key', 3],
  ])('are found by %s, once per key', async (_, maxVersion) => {
    const cluster = await TestCluster.start(2)
    for (const { broker } of cluster.nodes) {
      broker.on(
        findCoordinator,
        (request, { version }) => cluster.found(request, version, { nodeId: request.keyType + 1, errorCode: 0 }),
        [0, maxVersion],
      )
    }
    const client = cluster.client()
    expect((await client.coordinator('group', 'g')).nodeId).toBe(1)
    expect((await client.coordinator('transaction', 'g')).nodeId).toBe(2)
    await client.coordinator('group', 'g')
    expect(cluster.nodes.flatMap(({ broker }) => broker.callsOf(findCoordinator))).toHaveLength(2)
  })

  it('are asked for again while there is none', async () => {
    const cluster = await TestCluster.start(1)
    cluster.coordinator.errorCode = 15
    const client = cluster.client()
    const connection = client.coordinator('group', 'g')
    const broker = cluster.broker(1)
    await broker.until(() => broker.callsOf(findCoordinator).length === 2)
    cluster.coordinator.errorCode = 0
    expect((await connection).nodeId).toBe(1)
  })

  it('that cannot be had are an error at once', async () => {
    const cluster = await TestCluster.start(1)
    cluster.coordinator.errorCode = 30
    const error = await failure(cluster.client().coordinator('group', 'g'))
    expect(error.code).toBe('HEL_NO_COORDINATOR')
    expect(error.message).toContain('east does not tell the coordinator of group g: GROUP_AUTHORIZATION_FAILED')
  })

  it('are looked up anew when told, and when their node is gone', async () => {
    const cluster = await TestCluster.start(2)
    const client = cluster.client()
    expect((await client.coordinator('group', 'g')).nodeId).toBe(1)
    cluster.coordinator.nodeId = 2
    expect((await client.coordinator('group', 'g')).nodeId).toBe(1)
    client.forgetCoordinator('group', 'g')
    const second = await client.coordinator('group', 'g')
    expect(second.nodeId).toBe(2)
    await cluster.broker(2).stop()
    await second.closed
    await failure(client.coordinator('group', 'g'))
    cluster.coordinator.nodeId = 1
    expect((await client.coordinator('group', 'g')).nodeId).toBe(1)
  })
})

it('a node that never answers fails the request in time, not the client', async () => {
  const cluster = await TestCluster.start(1)
  const broker = cluster.broker(1)
  const client = cluster.client({ requestTimeoutMs: 40 })
  await client.refresh()
  broker.on(heartbeat, () => SILENCE)
  expect((await failure(whoAnswers(client))).code).toBe('HEL_REQUEST_TIMEOUT')
  broker.on(heartbeat, () => ({ errorCode: 0, throttleTimeMs: 1 }))
  expect(await whoAnswers(client)).toBe(1)
})
