// A share group in a cluster of three: coordinators and leaders are different brokers, and one of them dies.
import { expect, it, onTestFinished } from 'vitest'
import { type Cluster, startCluster } from '../../../src/broker/cluster.ts'
import { Connection } from '../../../src/client/connection.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { shareAcknowledge } from '../../../src/protocol/messages/share-acknowledge.ts'
import { shareFetch } from '../../../src/protocol/messages/share-fetch.ts'
import { shareGroupHeartbeat } from '../../../src/protocol/messages/share-group-heartbeat.ts'
import { eventually } from '../../compatibility/gathering.ts'
import { batchOf, produceOf } from '../requests.ts'

const platform = nodePlatform({ log: { level: 'error' } })
const config = { 'broker.session.timeout.ms': 1000, 'broker.heartbeat.interval.ms': 200 }

class Client {
  readonly #cluster: Cluster
  readonly #connections = new Map<number, Promise<Connection>>()
  epoch = 0
  topicId = ''

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** To any broker that answers when none is named. */
  to(nodeId: number): Promise<Connection> {
    const known = this.#connections.get(nodeId)
    if (known) return known
    const [host = '', port] = this.#cluster.nodes[nodeId]!.split(':')
    const opening = Connection.open(platform, { host, port: Number(port), clientId: 'test' })
    this.#connections.set(nodeId, opening)
    opening
      .then((connection) => connection.onClose(() => this.#connections.delete(nodeId)))
      .catch(() => {
        this.#connections.delete(nodeId)
      })
    onTestFinished(async () => (await opening.catch(() => undefined))?.close())
    return opening
  }

  async leader(ask: number): Promise<number> {
    const { topics } = await (await this.to(ask)).send(metadata, { topics: [{ name: 't' }] })
    const { leaderId, errorCode } = topics[0]!.partitions[0]!
    expect([errorCode, leaderId >= 0]).toEqual([ErrorCode.NONE, true])
    return leaderId
  }

  /** One heartbeat after the other until something is assigned. */
  async join(ask: number, memberId: string): Promise<void> {
    this.epoch = 0
    await eventually(async () => {
      const keys = { keyType: 0, coordinatorKeys: ['g'] }
      const { coordinators } = await (await this.to(ask)).send(findCoordinator, keys, { version: 4 })
      const coordinator = await this.to(coordinators[0]!.nodeId)
      const subscribedTopicNames = this.epoch === 0 ? ['t'] : null
      const member = { groupId: 'g', memberId, memberEpoch: this.epoch, subscribedTopicNames }
      const reply = await coordinator.send(shareGroupHeartbeat, member)
      expect(reply.errorCode).toBe(ErrorCode.NONE)
      this.epoch = reply.memberEpoch
      this.topicId = reply.assignment!.topicPartitions[0]!.topicId
    })
  }

  async fetch(leader: number, memberId: string, shareSessionEpoch: number) {
    const partitions = [{ partitionIndex: 0, acknowledgementBatches: [] }]
    const limits = { maxWaitMs: 0, minBytes: 1, maxRecords: 100, batchSize: 100 }
    const topics = [{ topicId: this.topicId, partitions }]
    const request = { groupId: 'g', memberId, shareSessionEpoch, ...limits, topics, forgottenTopicsData: [] }
    const { errorCode, responses } = await (await this.to(leader)).send(shareFetch, request)
    expect(errorCode).toBe(ErrorCode.NONE)
    const row = responses[0]!.partitions[0]!
    expect(row.errorCode).toBe(ErrorCode.NONE)
    return row.acquiredRecords.map((each) => [each.firstOffset, each.lastOffset, each.deliveryCount])
  }

  async acknowledge(leader: number, memberId: string, shareSessionEpoch: number, ...types: number[]) {
    const batch = { firstOffset: 0, lastOffset: types.length - 1, acknowledgeTypes: types }
    const partitions = [{ partitionIndex: 0, acknowledgementBatches: [batch] }]
    const topics = [{ topicId: this.topicId, partitions }]
    const request = { groupId: 'g', memberId, shareSessionEpoch, topics }
    const { responses } = await (await this.to(leader)).send(shareAcknowledge, request)
    return responses[0]!.partitions[0]!.errorCode
  }
}

it('goes on at another leader with what was acknowledged and counted, when its broker dies', async () => {
  const cluster = await startCluster(platform, { name: 'three', brokers: 3, config })
  onTestFinished(() => cluster.stop())
  const client = new Client(cluster)
  const any = await client.to(1)
  const wanted = { name: 't', numPartitions: 1, replicationFactor: 3, assignments: [], configs: [] }
  await any.send(createTopics, { topics: [wanted], timeoutMs: 10_000 })
  const earliest = [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }]
  const resources = [{ resourceType: 32, resourceName: 'g', configs: earliest }]
  await any.send(incrementalAlterConfigs, { resources, validateOnly: false })
  const leader = await eventually(() => client.leader(1))
  await produceOf(await client.to(leader), 't', batchOf(['0', '1', '2', '3']))
  await client.join(1, 'a')
  expect(await client.fetch(leader, 'a', 0)).toEqual([[0, 3, 1]])
  expect(await client.acknowledge(leader, 'a', 1, 1, 2, 1, 2)).toBe(ErrorCode.NONE)
  const other = leader === 1 ? 2 : 1
  await cluster.broker(leader).kill()
  const next = await eventually(async () => {
    const found = await client.leader(other)
    expect(found).not.toBe(leader)
    return found
  }, 20_000)
  await client.join(other, 'b')
  await eventually(async () => {
    expect(await client.fetch(next, 'b', 0)).toEqual([
      [1, 1, 2],
      [3, 3, 2],
    ])
  })
}, 60_000)
