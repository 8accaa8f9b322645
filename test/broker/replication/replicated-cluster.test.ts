// Three brokers on real sockets: coordinators move with the leadership of their logs.
import { Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import { type Cluster, startCluster } from '../../../src/broker/cluster.ts'
import { Connection } from '../../../src/client/connection.ts'
import { nodePlatform } from '../../../src/platform/node-platform.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { eventually } from '../../compatibility/gathering.ts'

const QUICK = {
  'broker.session.timeout.ms': 1000,
  'broker.heartbeat.interval.ms': 200,
  'group.min.session.timeout.ms': 1000,
  'min.insync.replicas': 2,
}
const TOPIC = 'ledger'
const GROUP = 0
const platform = nodePlatform({ log: { level: 'error' } })

async function threeBrokers(): Promise<{ cluster: Cluster; kafka: Kafka }> {
  const cluster = await startCluster(platform, { name: 'three', brokers: 3, config: QUICK })
  onTestFinished(() => cluster.stop())
  const retry = { initialRetryTime: 30, maxRetryTime: 200, retries: 12 }
  const kafka = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING, retry })
  const admin = kafka.admin()
  await admin.connect()
  await admin.createTopics({ topics: [{ topic: TOPIC, numPartitions: 3, replicationFactor: 3 }] })
  await admin.disconnect()
  return { cluster, kafka }
}

/** The broker that coordinates the group, as any of them tells. */
async function coordinatorOf(cluster: Cluster, group: string): Promise<number> {
  const [host, port] = cluster.bootstrap.split(',')[0]!.split(':')
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
  const { coordinators } = await connection.send(
    findCoordinator,
    { keyType: GROUP, coordinatorKeys: [group] },
    { version: 4 },
  )
  connection.close()
  if (coordinators[0]!.errorCode !== 0) throw new Error(`nobody coordinates ${group}: ${coordinators[0]!.errorCode}`)
  return coordinators[0]!.nodeId
}

it('keeps what a group has committed when its coordinator dies, and goes on with the group', async () => {
  const { cluster, kafka } = await threeBrokers()
  const producer = kafka.producer()
  await producer.connect()
  onTestFinished(() => producer.disconnect())
  const send = (values: readonly number[]) =>
    producer.send({ topic: TOPIC, acks: -1, messages: values.map((value) => ({ key: `${value}`, value: `${value}` })) })
  const consumer = kafka.consumer({
    groupId: 'readers',
    maxWaitTimeInMs: 100,
    sessionTimeout: 2_000,
    heartbeatInterval: 200,
  })
  await consumer.connect()
  onTestFinished(() => consumer.disconnect())
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
  const seen: string[] = []
  await consumer.run({
    autoCommitThreshold: 1,
    eachMessage: async ({ message }) => void seen.push(message.value!.toString()),
  })
  await send(Array.from({ length: 30 }, (_, index) => index))
  const admin = kafka.admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  const committed = async () => {
    const [offsets] = await admin.fetchOffsets({ groupId: 'readers', topics: [TOPIC] })
    return offsets!.partitions.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0)
  }
  await eventually(async () => expect(await committed()).toBe(30))
  const coordinator = await coordinatorOf(cluster, 'readers')
  await cluster.broker(coordinator).kill()
  await eventually(async () => expect(await coordinatorOf(cluster, 'readers')).not.toBe(coordinator))
  await eventually(async () => expect(await committed()).toBe(30))
  await eventually(async () => void (await send(Array.from({ length: 30 }, (_, index) => 30 + index))))
  await eventually(async () => expect(await committed()).toBeGreaterThanOrEqual(60))
  // What was committed is not read again.
  expect(seen.filter((value) => Number(value) < 30)).toHaveLength(30)
}, 60_000)
