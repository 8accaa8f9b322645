// What a cluster on real sockets says of its quorum of controllers.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../../src/broker/cluster.ts'
import { Connection } from '../../../src/client/connection.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { describeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { title } from '../../compatibility/ground.ts'
import { runKafkaTool, unavailable } from '../../support/apache-kafka.ts'

const platform = nodePlatform({ log: { level: 'silent' } })

async function clusterOf(brokers: number) {
  const cluster = await startCluster(platform, { name: 'quorum', brokers })
  onTestFinished(() => cluster.stop())
  const ask = async (nodeId: number) => {
    const [host, port] = cluster.nodes[nodeId]!.split(':')
    const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const answer = await connection.send(describeQuorum, { topics }).finally(() => connection.close())
    return { nodes: answer.nodes, ...answer.topics[0]!.partitions[0]! }
  }
  return { cluster, ask }
}

const idsOf = (replicas: readonly { replicaId: number }[]) => replicas.map(({ replicaId }) => replicaId)

it('tells at every broker who leads, who votes, who observes, and how far they are', async () => {
  const { cluster, ask } = await clusterOf(5)
  const all = await Promise.all([1, 2, 3, 4, 5].map(ask))
  for (const told of all) {
    expect(told).toMatchObject({ errorCode: 0, leaderId: all[0]!.leaderId, leaderEpoch: all[0]!.leaderEpoch })
    expect(told.leaderEpoch).toBeGreaterThan(0)
    expect(idsOf(told.currentVoters)).toEqual([1, 2, 3])
    expect(idsOf(told.observers).sort()).toEqual([4, 5])
    expect(told.nodes.map(({ nodeId, listeners }) => [nodeId, `${listeners[0]!.host}:${listeners[0]!.port}`])).toEqual(
      [1, 2, 3].map((id) => [id, cluster.nodes[id]]),
    )
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
      currentVoters: [{ voterId: 1 }, { voterId: 2 }, { voterId: 3 }],
      data_version: 0,
    })
    const files = join(folder, '00000000000000000000.log')
    const { code, stdout } = await runKafkaTool('kafka-dump-log', ['--cluster-metadata-decoder', '--files', files])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /isControl: true .*isvalid: true\n.*LeaderChange: .*"leaderId":\d,"voters":\[\{"voterId":1\}/,
    )
    expect(stdout).not.toMatch(/isvalid: false/)
  },
  60_000,
)

it.skipIf(reason !== undefined)(
  title('is understood by kafka-metadata-quorum', reason),
  async () => {
    const { cluster } = await clusterOf(4)
    const args = ['--bootstrap-server', cluster.bootstrap, 'describe', '--replication']
    const { code, stdout } = await runKafkaTool('kafka-metadata-quorum', args)
    expect(code).toBe(0)
    const statuses = stdout
      .split('\n')
      .flatMap((line) => /^(\d).*\s(Leader|Follower|Observer)\s*$/.exec(line)?.slice(1, 3) ?? [])
    expect(statuses.filter((status) => status === 'Leader')).toHaveLength(1)
    expect(statuses.filter((status) => status === 'Follower')).toHaveLength(2)
    expect(statuses.slice(-2)).toEqual(['4', 'Observer'])
  },
  60_000,
)
