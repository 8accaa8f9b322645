// Clusters of several brokers as Kafka's own tools see them, and their metadata log as Kafka reads it.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kafka, logLevel } from 'kafkajs'
import { expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { title } from '../compatibility/ground.ts'
import { runKafkaTool, unavailable } from '../support/apache-kafka.ts'

const reason = unavailable()

it.skipIf(reason)(
  title('are moved, stopped and unregistered by tools that find every record of it in the log', reason),
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'tools-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    const cluster = await startCluster(nodePlatform({ log: { level: 'error' } }), { name: 'tools', brokers: 4, data })
    onTestFinished(() => cluster.stop())
    const at = ['--bootstrap-server', cluster.bootstrap]
    const admin = new Kafka({ brokers: cluster.bootstrap.split(','), logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic: 't', replicaAssignment: [{ partition: 0, replicas: [1, 2] }] }] })

    const plan = join(data, 'plan.json')
    writeFileSync(plan, JSON.stringify({ version: 1, partitions: [{ topic: 't', partition: 0, replicas: [4, 3] }] }))
    const moved = await runKafkaTool('kafka-reassign-partitions', [
      ...at,
      '--reassignment-json-file',
      plan,
      '--execute',
    ])
    expect(moved.stdout).toContain('Successfully started partition reassignment')
    const partition = async () => (await admin.fetchTopicMetadata({ topics: ['t'] })).topics[0]!.partitions[0]!
    await expect.poll(async () => (await partition()).isr.toSorted(), { timeout: 10_000 }).toEqual([3, 4])
    await cluster.broker(4).stop()
    // kafkajs may have asked the broker that went.
    await expect.poll(async () => (await partition()).leader, { timeout: 10_000 }).toBe(3)
    const { stdout } = await runKafkaTool('kafka-cluster', ['unregister', ...at, '--id', '4'])
    expect(stdout).toContain('Broker 4 is no longer registered.')
    expect((await admin.describeCluster()).brokers.map(({ nodeId }) => nodeId).sort()).toEqual([1, 2, 3])
    await admin.disconnect()
    await cluster.stop()

    const folder = join(data, '1', '__cluster_metadata-0')
    const segments = readdirSync(folder).filter((name) => name.endsWith('.log'))
    const files = segments.map((name) => join(folder, name)).join(',')
    const dumped = await runKafkaTool('kafka-dump-log', ['--cluster-metadata-decoder', '--files', files])
    const records = [...dumped.stdout.matchAll(/payload: (\{.*\})$/gm)].map(([, json]) => JSON.parse(json!))
    const of = (type: string) => records.filter((record) => record.type === type).map((record) => record.data)
    expect(
      of('REGISTER_BROKER_RECORD')
        .map(({ brokerId }) => brokerId)
        .toSorted(),
    ).toEqual([1, 2, 3, 4])
    expect(of('BROKER_REGISTRATION_CHANGE_RECORD')).toContainEqual(
      expect.objectContaining({ brokerId: 4, inControlledShutdown: 1 }),
    )
    expect(of('UNREGISTER_BROKER_RECORD')).toEqual([expect.objectContaining({ brokerId: 4 })])
    const changes = of('PARTITION_CHANGE_RECORD').filter(({ replicas }) => replicas !== undefined)
    expect(changes[0]).toMatchObject({ replicas: [4, 3, 1, 2], addingReplicas: [3, 4], removingReplicas: [1, 2] })
    expect(changes.at(-1)).toMatchObject({ replicas: [4, 3], addingReplicas: [], removingReplicas: [] })
  },
  60_000,
)
