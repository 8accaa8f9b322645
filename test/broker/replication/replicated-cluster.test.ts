// Three brokers on real sockets: coordinators move with the leadership of their logs, and transactions reach leaders on every broker.
import { Kafka, logLevel, type Producer } from 'kafkajs'
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
const TRANSACTION = 1
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

/** The broker that coordinates the key, as any of them tells. */
async function coordinatorOf(cluster: Cluster, keyType: number, key: string): Promise<number> {
  const [host, port] = cluster.bootstrap.split(',')[0]!.split(':')
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'test' })
  const { coordinators } = await connection.send(findCoordinator, { keyType, coordinatorKeys: [key] }, { version: 4 })
  connection.close()
  if (coordinators[0]!.errorCode !== 0) throw new Error(`nobody coordinates ${key}: ${coordinators[0]!.errorCode}`)
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
  const coordinator = await coordinatorOf(cluster, GROUP, 'readers')
  await cluster.broker(coordinator).kill()
  await eventually(async () => expect(await coordinatorOf(cluster, GROUP, 'readers')).not.toBe(coordinator))
  await eventually(async () => expect(await committed()).toBe(30))
  await eventually(async () => void (await send(Array.from({ length: 30 }, (_, index) => 30 + index))))
  await eventually(async () => expect(await committed()).toBeGreaterThanOrEqual(60))
  // What was committed is not read again.
  expect(seen.filter((value) => Number(value) < 30)).toHaveLength(30)
}, 60_000)

it('writes a transaction to all of its partitions or to none, though coordinators and leaders die', async () => {
  const { cluster, kafka } = await threeBrokers()
  const committed: string[] = []
  const aborted: string[] = []
  let producer: Producer | undefined
  let count = 0
  const transact = async () => {
    const name = `transaction ${count++}`
    let isDecided = false
    try {
      if (!producer) {
        const retry = { retries: 3, initialRetryTime: 30, maxRetryTime: 200 }
        producer = kafka.producer({ transactionalId: 'transfers', idempotent: true, maxInFlightRequests: 1, retry })
        await producer.connect()
      }
      const transaction = await producer.transaction()
      const messages = [0, 1, 2].map((partition) => ({ partition, value: name }))
      await transaction.send({ topic: TOPIC, acks: -1, messages })
      isDecided = true
      if (count % 4 === 0) {
        aborted.push(name)
        await transaction.abort()
      } else {
        await transaction.commit()
        committed.push(name)
      }
    } catch {
      if (!isDecided) aborted.push(name)
      await producer?.disconnect().catch(() => {})
      producer = undefined
    }
  }
  const untilMore = async (more: number) => {
    const wanted = committed.length + more
    const deadline = performance.now() + 30_000
    while (committed.length < wanted) {
      if (performance.now() > deadline) throw new Error(`only ${committed.length} of ${wanted} were committed`)
      await transact()
    }
  }
  await untilMore(10)
  const coordinator = await coordinatorOf(cluster, TRANSACTION, 'transfers')
  await cluster.broker(coordinator).kill()
  await untilMore(10)
  expect(await coordinatorOf(cluster, TRANSACTION, 'transfers')).not.toBe(coordinator)
  await cluster.broker(coordinator).start()
  await untilMore(5)
  await producer?.disconnect()
  const consumer = kafka.consumer({ groupId: 'checks', readUncommitted: false, maxWaitTimeInMs: 100 })
  await consumer.connect()
  onTestFinished(() => consumer.disconnect())
  await consumer.subscribe({ topic: TOPIC, fromBeginning: true })
  // By partition: after an error in one, kafkajs sends to all of them again.
  const seen = new Map<string, Set<number>>()
  await consumer.run({
    eachMessage: async ({ partition, message }) => {
      const name = message.value!.toString()
      seen.set(name, (seen.get(name) ?? new Set()).add(partition))
    },
  })
  const partitionsOf = (name: string) => [...(seen.get(name) ?? [])].toSorted()
  await eventually(async () => {
    for (const name of committed) expect([name, partitionsOf(name)]).toEqual([name, [0, 1, 2]])
  })
  for (const name of seen.keys()) expect([name, partitionsOf(name)]).toEqual([name, [0, 1, 2]])
  for (const name of aborted) expect(seen.has(name)).toBe(false)
}, 90_000)
