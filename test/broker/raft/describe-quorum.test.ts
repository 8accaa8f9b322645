// What a cluster on real sockets says of its quorum of controllers.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { type Cluster, type ClusterOptions, startCluster } from '../../../src/broker/cluster.ts'
import { Connection } from '../../../src/client/connection.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { describeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { ZERO_UUID } from '../../../src/protocol/schema.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { title } from '../../compatibility/ground.ts'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'
import { freePorts } from '../../support/broker-processes.ts'

const platform = nodePlatform({ log: { level: 'silent' } })

async function clusterOf(brokers: number, options: Partial<ClusterOptions> = {}) {
  const cluster = await startCluster(platform, { name: 'quorum', brokers, ...options })
  onTestFinished(() => cluster.stop())
  return { cluster, ask: (nodeId: number) => describedBy(cluster, nodeId) }
}

async function describedBy(cluster: Cluster, nodeId: number) {
  const [host, port] = cluster.nodes[nodeId]!.split(':')
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const answer = await connection.send(describeQuorum, { topics }).finally(() => connection.close())
  return { nodes: answer.nodes, ...answer.topics[0]!.partitions[0]! }
}

const idsOf = (replicas: readonly { replicaId: number }[]) => replicas.map(({ replicaId }) => replicaId)

it('tells at every broker who leads, who votes, who observes, and how far they are', async () => {
  const { ask } = await clusterOf(5)
  const all = await Promise.all([1, 2, 3, 4, 5].map(ask))
  for (const told of all) {
    expect(told).toMatchObject({ errorCode: 0, leaderId: all[0]!.leaderId, leaderEpoch: all[0]!.leaderEpoch })
    expect(told.leaderEpoch).toBeGreaterThan(0)
    expect(idsOf(told.currentVoters)).toEqual([1, 2, 3])
    expect(idsOf(told.observers).sort()).toEqual([4, 5])
    expect(told.nodes.map(({ nodeId, listeners }) => [nodeId, listeners.map(({ name }) => name)])).toEqual(
      [1, 2, 3].map((id) => [id, ['INTERNAL']]),
    )
    const directories = [...told.currentVoters, ...told.observers].map((replica) => replica.replicaDirectoryId)
    expect([new Set(directories).size, directories.includes(ZERO_UUID)]).toEqual([5, false])
  }
  await eventually(async () => {
    const { highWatermark, currentVoters, observers } = await ask(4)
    for (const { logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } of [...currentVoters, ...observers]) {
      expect(logEndOffset).toBe(highWatermark)
      expect(Date.now() - lastFetchTimestamp).toBeLessThan(5000)
      expect(Date.now() - lastCaughtUpTimestamp).toBeLessThan(5000)
    }
  })
})

it('tells of the next leader, in a later epoch, and since when the one before is silent', async () => {
  const { cluster, ask } = await clusterOf(3)
  const before = await ask(1)
  await cluster.broker(before.leaderId).kill()
  const [asked] = [1, 2, 3].filter((id) => id !== before.leaderId)
  await eventually(async () => {
    const after = await ask(asked!)
    expect(after.errorCode).toBe(0)
    expect(after.leaderId).not.toBe(before.leaderId)
    expect(after.leaderEpoch).toBeGreaterThan(before.leaderEpoch)
    expect(after.currentVoters.find(({ replicaId }) => replicaId === before.leaderId)).toMatchObject({
      lastFetchTimestamp: -1,
      lastCaughtUpTimestamp: -1,
    })
  })
})

it('learns where a voter is that was started on another port than the others are configured with, and goes on with it', async () => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-quorum-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const port = await freePorts(3)
  const config = { 'controller.quorum.fetch.timeout.ms': 500 }
  const start = async (nodeId: number, internalPort: number) => {
    const only = { nodeId, clusterId: 'gu2vbpdHRTuVLDMOgXhjbg' }
    const cluster = await startCluster(platform, { name: 'apart', brokers: 3, data, config, internalPort, only })
    onTestFinished(() => cluster.stop())
    return { nodeId, cluster, ask: () => describedBy(cluster, nodeId) }
  }
  const [first, second, third] = await Promise.all([1, 2, 3].map((nodeId) => start(nodeId, port)))
  await second!.cluster.stop()
  // What it is configured with of the others is not true, either.
  const moved = await start(2, port + 10_000)
  const all = [first!, moved, third!]
  await eventually(async () => {
    for (const { ask } of all) {
      const ports = (await ask()).nodes.map(({ listeners }) => listeners[0]!.port)
      expect(ports).toEqual([port, port + 10_001, port + 2])
    }
  })
  const { leaderId } = await moved.ask()
  const leader = all.find(({ nodeId }) => nodeId === leaderId)!
  await leader.cluster.broker(leaderId).kill()
  await eventually(async () => {
    for (const { ask } of all.filter((node) => node !== leader)) {
      const told = await ask()
      expect([told.errorCode, told.leaderId === leaderId]).toEqual([0, false])
    }
  })
})

const reason = unavailable()
it.skipIf(reason !== undefined)(
  title('opens each epoch with a record that kafka-dump-log reads', reason),
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'heliostat-quorum-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    const cluster = await startCluster(platform, { name: 'quorum', brokers: 3, data })
    await cluster.stop()
    const folder = join(data, '2', '__cluster_metadata-0')
    expect(JSON.parse(readFileSync(join(folder, 'quorum-state'), 'utf8'))).toMatchObject({
      leaderEpoch: expect.any(Number),
      votedId: expect.any(Number),
      data_version: 1,
    })
    const files = join(folder, '00000000000000000000.log')
    const { code, stdout } = await runKafkaTool('kafka-dump-log', ['--cluster-metadata-decoder', '--files', files])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /isControl: true .*isvalid: true\n.*LeaderChange: .*"leaderId":\d,"voters":\[\{"voterId":1\}/,
    )
    expect(stdout).toMatch(/KRaftVersion \{.*"kRaftVersion":1/)
    expect(stdout).toMatch(
      /KRaftVoters \{.*"voterId":3,"voterDirectoryId":"[^"]{22}","endpoints":\[\{"name":"INTERNAL"/,
    )
    expect(stdout).not.toMatch(/isvalid: false/)
  },
  60_000,
)

it.skipIf(reason !== undefined)(
  title('lets kafka-metadata-quorum add and remove voters, and tell of them', reason),
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'heliostat-quorum-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    const { cluster, ask } = await clusterOf(4, { data, config: { 'controller.quorum.auto.join.enable': false } })
    const tool = (...args: string[]) => {
      return runKafkaTool('kafka-metadata-quorum', ['--bootstrap-server', cluster.bootstrap, ...args])
    }
    const controller = join(data, 'controller.properties')
    const properties = {
      'process.roles': 'controller',
      'node.id': '4',
      'controller.listener.names': 'INTERNAL',
      listeners: 'INTERNAL://127.0.0.1:9',
      'log.dirs': join(data, '4'),
    }
    writeFileSync(
      controller,
      Object.entries(properties)
        .map((property) => property.join('='))
        .join('\n'),
    )
    const { leaderId, currentVoters } = await ask(1)
    const leader = currentVoters.find(({ replicaId }) => replicaId === leaderId)!
    const added = await tool('--command-config', controller, 'add-controller')
    expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/^Added controller 4 with directory id/m)])
    const key = ['--controller-id', String(leaderId), '--controller-directory-id', leader.replicaDirectoryId]
    const removed = await tool('remove-controller', ...key)
    expect([removed.code, removed.stdout]).toEqual([0, expect.stringMatching(/^Removed +KRaft controller/m)])
    const left = [1, 2, 3, 4].filter((id) => id !== leaderId)
    await eventually(async () =>
      expect([(await ask(4)).leaderId === leaderId, idsOf((await ask(4)).currentVoters)]).toEqual([false, left]),
    )
    const { code, stdout } = await tool('describe', '--replication')
    expect(code).toBe(0)
    const statuses = stdout
      .split('\n')
      .flatMap((line) => /^(\d)\s+([\w-]{22}).*\s(Leader|Follower|Observer)\s*$/.exec(line)?.slice(1) ?? [])
    expect(statuses.filter((status) => status === 'Leader')).toHaveLength(1)
    expect(statuses.filter((status) => status === 'Follower')).toHaveLength(2)
    expect(statuses.slice(-3)).toEqual([String(leaderId), leader.replicaDirectoryId, 'Observer'])
  },
  60_000,
)
