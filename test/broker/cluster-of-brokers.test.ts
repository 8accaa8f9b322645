// Clusters of several brokers on real sockets: who leads, who takes over, and that nothing acknowledged is lost.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ConfigResourceTypes, Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import { type Cluster, type ClusterOptions, startCluster } from '../../src/broker/cluster.ts'
import { Connection, type ConnectionOptions } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { describeQuorum } from '../../src/protocol/messages/describe-quorum.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'

const QUICK = { 'broker.session.timeout.ms': 1000, 'broker.heartbeat.interval.ms': 200 }
const platform = nodePlatform({ log: { level: 'error' } })

async function clusterOf(brokers: number, options: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await startCluster(platform, { name: 'many', brokers, ...options })
  onTestFinished(() => cluster.stop())
  return cluster
}

function clientOf(cluster: Cluster): Kafka {
  const retry = { initialRetryTime: 30, maxRetryTime: 200, retries: 6 }
  return new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING, retry })
}

async function adminOf(cluster: Cluster) {
  const admin = clientOf(cluster).admin()
  await admin.connect()
  onTestFinished(() => admin.disconnect())
  const partitions = async (topic: string) => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    return topics[0]!.partitions.toSorted((a, b) => a.partitionId - b.partitionId)
  }
  return { admin, partitions }
}

async function connectionTo(address: string, sasl?: ConnectionOptions['sasl']): Promise<Connection> {
  const [host = '', port] = address.split(':')
  const connection = await Connection.open(platform, {
    host,
    port: Number(port),
    clientId: 'test',
    ...(sasl && { sasl }),
  })
  onTestFinished(() => connection.close())
  return connection
}

const wanted = (name: string) => ({ name, numPartitions: 1, replicationFactor: 2, assignments: [], configs: [] })

async function eventually(isSo: () => Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 15_000
  // Whoever is asked may have been killed.
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > deadline) throw new Error(`it never came to be: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Who decides, as this broker knows it. */
async function votersAt(cluster: Cluster, nodeId: number): Promise<{ leaderId: number; voters: number[] }> {
  const broker = await connectionTo(cluster.nodes[nodeId]!)
  const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
  const { leaderId, currentVoters } = (await broker.send(describeQuorum, { topics })).topics[0]!.partitions[0]!
  return { leaderId, voters: currentVoters.map(({ replicaId }) => replicaId) }
}

/** Sends numbered values one after the other until it is stopped; what is acknowledged counts. */
function producing(cluster: Cluster, topic: string) {
  const producer = clientOf(cluster).producer({
    allowAutoTopicCreation: false,
    metadataMaxAge: 50,
    retry: { retries: 0 },
  })
  const acknowledged: string[] = []
  const failures: string[] = []
  let isOver = false
  let count = 0
  const work = (async () => {
    await producer.connect()
    while (!isOver) {
      const value = String(count++)
      try {
        await producer.send({ topic, acks: -1, messages: [{ value }] })
        acknowledged.push(value)
      } catch (error) {
        failures.push(String(error))
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    }
    await producer.disconnect()
  })()
  return {
    acknowledged,
    failures,
    stop: async () => {
      isOver = true
      await work
    },
  }
}

async function valuesIn(cluster: Cluster, topic: string, expected: readonly string[]): Promise<Set<string>> {
  const consumer = clientOf(cluster).consumer({ groupId: `reads-${topic}`, maxWaitTimeInMs: 100 })
  const seen = new Set<string>()
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      seen.add(message.value!.toString())
    },
  })
  await eventually(async () => expected.every((value) => seen.has(value)), `all of ${expected.length} values are read`)
  await consumer.disconnect()
  return seen
}

it('spreads a topic over its brokers, and every broker tells the same', async () => {
  const cluster = await clusterOf(3)
  expect(Object.keys(cluster.nodes)).toEqual(['1', '2', '3'])
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 6, replicationFactor: 3 }] })
  const placed = await partitions('t')
  expect([1, 2, 3].map((id) => placed.filter(({ leader }) => leader === id).length)).toEqual([2, 2, 2])
  for (const { replicas, isr } of placed)
    expect([replicas.toSorted(), isr.toSorted()]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ])
  const { brokers, controller } = await admin.describeCluster()
  expect(brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3])
  expect([1, 2, 3]).toContain(controller)
})

it('takes admin requests and new topics at any broker', async () => {
  const cluster = await clusterOf(3)
  for (const [id, address] of Object.entries(cluster.nodes)) {
    const broker = await connectionTo(address)
    const created = await broker.send(createTopics, { topics: [wanted(`of-${id}`)], timeoutMs: 5000 })
    expect(created.topics).toMatchObject([{ errorCode: ErrorCode.NONE, replicationFactor: 2 }])
    const again = await broker.send(createTopics, { topics: [wanted(`of-${id}`)], timeoutMs: 5000 })
    expect(again.topics).toMatchObject([{ errorCode: ErrorCode.TOPIC_ALREADY_EXISTS }])
    // Loggers are the broker's own affair, topics the controller's: one request may ask for both.
    const resources = [
      { resourceType: 2, resourceName: `of-${id}`, configs: [{ name: 'retention.ms', value: id, configOperation: 0 }] },
      {
        resourceType: 4,
        resourceName: id,
        configs: [{ name: 'log.cleaner.backoff.ms', value: '9', configOperation: 0 }],
      },
      { resourceType: 8, resourceName: id, configs: [{ name: 'root', value: 'INFO', configOperation: 0 }] },
      { resourceType: 4, resourceName: '7', configs: [] },
    ]
    const altered = await broker.send(incrementalAlterConfigs, { resources, validateOnly: false })
    const { NONE, INVALID_REQUEST } = ErrorCode
    expect(altered.responses.map(({ errorCode }) => errorCode)).toEqual([NONE, NONE, NONE, INVALID_REQUEST])
    const used = await broker.send(metadata, { topics: [{ name: `used-${id}` }], allowAutoTopicCreation: true })
    expect(used.topics).toMatchObject([{ errorCode: ErrorCode.NONE, name: `used-${id}` }])
  }
  const { admin } = await adminOf(cluster)
  const names = await admin.listTopics()
  expect(names.filter((name) => /^(of|used)-/.test(name)).sort()).toHaveLength(6)
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: ConfigResourceTypes.TOPIC, name: 'of-2', configNames: ['retention.ms'] }],
  })
  expect(resources[0]!.configEntries).toMatchObject([{ configValue: '2' }])
})

it.each([1, 2])('goes on when broker %i is killed, and loses nothing acknowledged', async (victim) => {
  const cluster = await clusterOf(3, { config: { ...QUICK, 'min.insync.replicas': 2 } })
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }] })
  const producer = producing(cluster, 't')
  await eventually(async () => producer.acknowledged.length > 50, 'something is produced')
  await cluster.broker(victim).kill()
  const isLed = async () =>
    (await partitions('t')).every(({ leader, isr }) => leader !== victim && !isr.includes(victim))
  await eventually(isLed, 'the others lead')
  const soFar = producer.acknowledged.length
  await eventually(async () => producer.acknowledged.length > soFar + 50, 'producing goes on')
  await cluster.broker(victim).start()
  await eventually(async () => (await partitions('t')).every(({ isr }) => isr.length === 3), 'it is in sync again')
  await producer.stop()
  const seen = await valuesIn(cluster, 't', producer.acknowledged)
  expect(producer.acknowledged.filter((value) => !seen.has(value))).toEqual([])
})

it('hands over before a broker stops, which producers do not notice', async () => {
  const cluster = await clusterOf(3)
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 6, replicationFactor: 3 }] })
  await cluster.broker(3).stop()
  expect(Object.keys(cluster.nodes)).toEqual(['1', '2'])
  for (const { leader, isr } of await partitions('t')) {
    expect(leader).not.toBe(3)
    expect(isr.toSorted()).toEqual([1, 2])
  }
})

it('grows, moves partitions while they are written, and lets a broker go', async () => {
  const cluster = await clusterOf(3)
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 2, replicationFactor: 3 }] })
  const producer = producing(cluster, 't')
  await eventually(async () => producer.acknowledged.length > 30, 'something is produced')
  expect(await cluster.addBroker()).toBe(4)
  const moved = [0, 1].map((partition) => ({ partition, replicas: [4, 1, 2] }))
  await admin.alterPartitionReassignments({ topics: [{ topic: 't', partitionAssignment: moved }] })
  const isAt = async (ids: readonly number[]) =>
    (await partitions('t')).every(({ replicas, isr }) => {
      return String(replicas.toSorted()) === String(ids) && String(isr.toSorted()) === String(ids)
    })
  await eventually(() => isAt([1, 2, 4]), 'the partitions have moved')
  expect((await admin.listPartitionReassignments({ topics: null as never })).topics).toEqual([])
  await cluster.removeBroker(4)
  await eventually(() => isAt([1, 2, 3]), 'the partitions have left')
  await producer.stop()
  await valuesIn(cluster, 't', producer.acknowledged)
  expect((await admin.describeCluster()).brokers).toHaveLength(3)
})

it('is the same cluster after it has stopped, with its data and its ids', async () => {
  const data = mkdtempSync(join(tmpdir(), 'brokers-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const first = await startCluster(platform, { name: 'kept', brokers: 3, data })
  const { admin } = await adminOf(first)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 3, replicationFactor: 3 }] })
  const producer = clientOf(first).producer()
  await producer.connect()
  const values = ['a', 'b', 'c']
  await producer.send({ topic: 't', messages: values.map((value, partition) => ({ value, partition })) })
  await producer.disconnect()
  await admin.disconnect()
  await first.stop()
  const second = await clusterOf(3, { data })
  expect(second.clusterId).toBe(first.clusterId)
  await valuesIn(second, 't', values)
})

it('keeps strangers away from where its brokers meet, and clients to their rights at every broker', async () => {
  const login = 'org.apache.kafka.common.security.plain.PlainLoginModule'
  const cluster = await clusterOf(3, {
    config: {
      listeners: 'SASL_PLAINTEXT://:0',
      'sasl.enabled.mechanisms': 'PLAIN',
      'listener.name.sasl_plaintext.plain.sasl.jaas.config': `${login} required user_root="r" user_alice="a";`,
      'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
      'super.users': 'User:root',
    },
  })
  const as = (address: string, username: string, password: string) =>
    connectionTo(address, { mechanism: 'plain', username, password })
  for (const [id, address] of Object.entries(cluster.nodes)) {
    const byRoot = { topics: [wanted(`t${id}`)], timeoutMs: 5000 }
    const ofRoot = await (await as(address, 'root', 'r')).send(createTopics, byRoot)
    expect(ofRoot.topics).toMatchObject([{ errorCode: ErrorCode.NONE }])
    // Whoever brings the request to the controller, it is judged by who sent it.
    const byAlice = { topics: [wanted(`a${id}`)], timeoutMs: 5000 }
    const ofAlice = await (await as(address, 'alice', 'a')).send(createTopics, byAlice)
    expect(ofAlice.topics).toMatchObject([{ errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }])
  }
  const root = await as(cluster.bootstrap.split(',')[0]!, 'root', 'r')
  const inSync = async () => {
    const { topics } = await root.send(metadata, { topics: null })
    expect(topics.map(({ name }) => name).sort()).toEqual(['t1', 't2', 't3'])
    return topics.every(({ partitions }) => partitions[0]!.isrNodes.length === 2)
  }
  await eventually(inSync, 'followers may follow')
})

it('places replicas over racks', async () => {
  const cluster = await clusterOf(4, { racks: ['a', 'b'] })
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 4, replicationFactor: 2 }] })
  for (const { replicas } of await partitions('t')) expect(new Set(replicas.map((id) => id % 2)).size).toBe(2)
})

it('grows from one broker to three while that serves, and then any of them may die', async () => {
  const cluster = await clusterOf(1, { config: QUICK })
  const alone = await connectionTo(cluster.nodes['1']!)
  await alone.send(createTopics, { topics: [{ ...wanted('t'), replicationFactor: 1 }], timeoutMs: 5000 })
  const producer = producing(cluster, 't')
  const reader = clientOf(cluster).consumer({ groupId: 'goes-on', maxWaitTimeInMs: 100 })
  const read = new Set<string>()
  const interruptions: string[] = []
  for (const event of ['consumer.crash', 'consumer.disconnect', 'consumer.rebalancing'] as const)
    reader.on(event, () => void interruptions.push(event))
  await reader.connect()
  await reader.subscribe({ topic: 't', fromBeginning: true })
  await reader.run({ eachMessage: async ({ message }) => void read.add(message.value!.toString()) })
  await eventually(async () => read.size > 30, 'something is produced and read')
  expect([await cluster.addBroker(), await cluster.addBroker()]).toEqual([2, 3])
  const { length: reached } = producer.acknowledged
  await eventually(async () => read.has(producer.acknowledged[reached + 10] ?? ''), 'it is produced and read on')
  expect(interruptions).toEqual([])
  await reader.disconnect()
  // The connection that it had before is open still, and nothing was refused.
  const { partitions } = (await alone.send(metadata, { topics: [{ name: 't' }] })).topics[0]!
  expect([partitions[0]!.leaderId, partitions[0]!.isrNodes, producer.failures]).toEqual([1, [1], []])
  await eventually(async () => String((await votersAt(cluster, 3)).voters) === '1,2,3', 'three vote')
  const { admin, partitions: partitionsOf } = await adminOf(cluster)
  const topics = await Promise.all(
    ['t', '__consumer_offsets'].map(async (topic) => {
      const all = await partitionsOf(topic)
      return {
        topic,
        partitionAssignment: all.map(({ partitionId: partition }) => ({ partition, replicas: [1, 2, 3] })),
      }
    }),
  )
  await admin.alterPartitionReassignments({ topics })
  for (const { topic } of topics) {
    const isThrice = async () => (await partitionsOf(topic)).every(({ isr }) => isr.length === 3)
    await eventually(isThrice, `there are three replicas of ${topic}`)
  }
  // A client looks around now and then; one that has not heard of the others could not find them.
  const goesOn = async (what: string) => {
    const soFar = producer.acknowledged.length
    await eventually(async () => producer.acknowledged.length > soFar + 100, what)
  }
  await goesOn('the producer has heard of the others')
  await cluster.broker(1).kill()
  await goesOn('producing goes on')
  await producer.stop()
  await valuesIn(cluster, 't', producer.acknowledged)
  await admin.createTopics({ topics: [{ topic: 'u', numPartitions: 1, replicationFactor: 2 }] })
})

it('goes on while one after the other of five is retired or dies and others come, whoever decides', async () => {
  const cluster = await clusterOf(3, { config: { ...QUICK, 'min.insync.replicas': 2 } })
  const { admin, partitions } = await adminOf(cluster)
  await admin.createTopics({ topics: [{ topic: 't', numPartitions: 2, replicationFactor: 3 }] })
  const producer = producing(cluster, 't')
  await eventually(async () => producer.acknowledged.length > 30, 'something is produced')
  expect([await cluster.addBroker(), await cluster.addBroker()]).toEqual([4, 5])
  const gone: number[] = []
  const asked = () => Number(Object.keys(cluster.nodes)[0])
  const areSound = async () => {
    const { voters } = await votersAt(cluster, asked())
    return voters.length === 3 && voters.every((id) => !gone.includes(id))
  }
  // The active controller, retired; a voter, dead; the next controller, retired; one that came later, dead.
  for (const how of ['retire the leader', 'kill a voter', 'retire the leader', 'kill the leader']) {
    const { leaderId, voters } = await votersAt(cluster, asked())
    const chosen = how.endsWith('leader') ? leaderId : voters.find((id) => id !== leaderId)!
    gone.push(chosen)
    if (how.startsWith('retire')) await cluster.removeBroker(chosen)
    else await cluster.broker(chosen).kill()
    await eventually(areSound, `after "${how}" three others decide than ${gone}`)
    const soFar = producer.acknowledged.length
    await eventually(async () => producer.acknowledged.length > soFar + 10, `producing goes on after "${how}"`)
    await cluster.addBroker()
    const isWhole = async () => (await partitions('t')).every(({ isr }) => isr.length >= 2)
    await eventually(isWhole, `the partitions are in sync after "${how}"`)
  }
  await producer.stop()
  await valuesIn(cluster, 't', producer.acknowledged)
}, 60_000)

it('is not started with fewer brokers than decide, also where others decide by now', async () => {
  const data = mkdtempSync(join(tmpdir(), 'grows-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const grown = await startCluster(platform, { name: 'three', brokers: 1, data })
  await Promise.all([await grown.addBroker(), await grown.addBroker()])
  const written = () => readFileSync(join(data, 'meta.properties'), 'utf8')
  await eventually(async () => /^voters=1,2,3$/m.test(written()), 'three vote')
  const { clusterId } = grown
  await grown.stop()
  await expect(startCluster(platform, { name: 'one', brokers: 1, data })).rejects.toThrow(/needs 3 brokers or more/)
  const again = await clusterOf(3, { data })
  expect([again.clusterId, (await votersAt(again, 1)).voters]).toEqual([clusterId, [1, 2, 3]])
})

it('gives all back when one broker cannot start, and ends a start that is stopped', async () => {
  const cluster = await clusterOf(3, { config: QUICK })
  const port = Number(cluster.nodes['3']!.split(':')[1])
  const error = await startCluster(platform, { name: 'taken', brokers: 3, port: port - 2 }).catch((refused) => refused)
  expect(error).toMatchObject({ code: 'HEL_LISTEN', message: expect.stringContaining('in use') })
  await cluster.broker(2).kill()
  const begun = cluster.broker(2).start()
  await Promise.all([cluster.broker(2).kill(), expect(begun).rejects.toThrow(/stopped|closed/)])
  await cluster.broker(2).start()
  expect(Object.keys(cluster.nodes)).toEqual(['1', '2', '3'])
})
