import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { startCluster } from '../../src/broker/cluster.ts'
import { LogDirectory } from '../../src/broker/log/log-directory.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { createPartitions } from '../../src/protocol/messages/create-partitions.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { describeGroups } from '../../src/protocol/messages/describe-groups.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { joinGroup } from '../../src/protocol/messages/join-group.ts'
import { listOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { syncGroup } from '../../src/protocol/messages/sync-group.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { batchOf, makeTopic, produceOf } from './requests.ts'

const platform = nodePlatform({ log: { level: 'silent' } })

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-broker-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

it('serves within itself and on the port that it says', async () => {
  const cluster = await embeddedCluster()
  expect(cluster.nodes).toEqual({ 1: cluster.bootstrap })
  expect(cluster.clusterId).toMatch(/^[\w-]{22}$/)
  const { brokers } = await (await cluster.connect()).send(metadata, { topics: [] })
  expect(brokers.map(({ host, port }) => `${host}:${port}`)).toEqual([cluster.bootstrap])
})

it('keeps everything through a restart', async () => {
  const data = dataDirectory()
  const first = await embeddedCluster({ data })
  const before = await first.connect()
  const topicId = await makeTopic(before, 'kept', { partitions: 2, configs: { 'retention.ms': '123456789' } })
  await makeTopic(before, 'gone')
  await produceOf(before, 'gone', batchOf(['x']))
  await before.send(createPartitions, {
    topics: [{ name: 'kept', count: 3, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false,
  })
  await before.send(deleteTopics, { topicNames: ['gone'], timeoutMs: 1000 }, { version: 5 })
  const configs = [{ name: 'log.segment.bytes', configOperation: 0, value: '2000000' }]
  await before.send(incrementalAlterConfigs, {
    resources: [{ resourceType: 4, resourceName: '', configs }],
    validateOnly: false,
  })
  const { producerId } = await before.send(initProducerId, { transactionalId: null, transactionTimeoutMs: 1000 })
  // Of now: a producer whose batches are older than producer.id.expiration.ms is forgotten, as by Kafka.
  const records = ['a', 'b'].map((value) => ({ timestamp: Date.now(), key: null, value }))
  const idempotent = (baseSequence: number) => buildBatch(records, { producerId, producerEpoch: 0, baseSequence })
  await produceOf(before, 'kept', idempotent(0), { partition: 2 })
  await produceOf(before, 'kept', idempotent(2), { partition: 2 })
  const removal = [{ name: 'kept', partitions: [{ partitionIndex: 2, offset: 1 }] }]
  await before.send(deleteRecords, { topics: removal, timeoutMs: 1000 })
  await before.send(findCoordinator, { coordinatorKeys: ['g'] })
  const joining = {
    groupId: 'g',
    sessionTimeoutMs: 60_000,
    rebalanceTimeoutMs: 60_000,
    memberId: '',
    protocolType: 'consumer',
  }
  const protocols = [{ name: 'range', metadata: Buffer.from('m') }]
  const { memberId } = await before.send(joinGroup, { ...joining, protocols }, { version: 3 })
  const assignments = [{ memberId, assignment: Buffer.from('all') }]
  await before.send(syncGroup, { groupId: 'g', generationId: 1, memberId, assignments }, { version: 3 })
  const offsets = [{ partitionIndex: 2, committedOffset: 3, committedMetadata: 'here' }]
  const commit = {
    groupId: 'g',
    generationIdOrMemberEpoch: 1,
    memberId,
    topics: [{ name: 'kept', partitions: offsets }],
  }
  await before.send(offsetCommit, commit, { version: 8 })
  await first.stop()

  const second = await embeddedCluster({ data })
  expect(second.clusterId).toBe(first.clusterId)
  const after = await second.connect()
  const { topics } = await after.send(metadata, { topics: null })
  expect(topics.map(({ name, topicId: id, partitions }) => [name, id, partitions.length])).toEqual([
    ['kept', topicId, 3],
    ['__consumer_offsets', expect.any(String), 4],
  ])
  expect(readdirSync(join(data, '1')).filter((name) => name.startsWith('gone'))).toEqual([])
  const resources = [{ resourceType: 2, resourceName: 'kept', configurationKeys: ['retention.ms', 'segment.bytes'] }]
  const { results } = await after.send(describeConfigs, { resources })
  expect(results[0]!.configs.map(({ value }) => value)).toEqual(['123456789', '2000000'])
  const position = async (timestamp: number) => {
    const partitions = [{ partitionIndex: 2, timestamp }]
    const answer = await after.send(listOffsets, { replicaId: -1, topics: [{ name: 'kept', partitions }] })
    return answer.topics[0]!.partitions[0]!.offset
  }
  expect([await position(-2), await position(-1)]).toEqual([1, 4])
  expect(await produceOf(after, 'kept', idempotent(2), { partition: 2 })).toMatchObject({ errorCode: 0, baseOffset: 2 })
  expect(await produceOf(after, 'kept', idempotent(4), { partition: 2 })).toMatchObject({ errorCode: 0, baseOffset: 4 })
  const fresh = await after.send(initProducerId, { transactionalId: null, transactionTimeoutMs: 1000 })
  expect(fresh.producerId).toBeGreaterThan(producerId)
  const { groups } = await after.send(describeGroups, { groups: ['g'] })
  expect(groups[0]).toMatchObject({
    groupState: 'Stable',
    members: [{ memberId, memberAssignment: Buffer.from('all') }],
  })
  const fetched = await after.send(offsetFetch, { groups: [{ groupId: 'g', topics: null }] }, { version: 8 })
  expect(fetched.groups[0]!.topics).toMatchObject([
    { name: 'kept', partitions: [{ partitionIndex: 2, committedOffset: 3, metadata: 'here' }] },
  ])
})

it('keeps nothing without a data directory', async () => {
  const first = await embeddedCluster()
  await makeTopic(await first.connect(), 't')
  await first.stop()
  const second = await embeddedCluster()
  expect(second.clusterId).not.toBe(first.clusterId)
  expect((await (await second.connect()).send(metadata, { topics: null })).topics).toEqual([])
})

it('refuses a data directory that is in use, and takes it when it is free', async () => {
  const data = dataDirectory()
  const first = await embeddedCluster({ data })
  await expect(embeddedCluster({ data })).rejects.toMatchObject({ code: 'HEL_DATA_IN_USE' })
  await first.stop()
  await embeddedCluster({ data })
})

it('lets go of everything when its port is taken', async () => {
  const data = dataDirectory()
  const other = await embeddedCluster()
  const port = Number(other.bootstrap.split(':')[1])
  await expect(embeddedCluster({ data, port })).rejects.toThrow(String(port))
  await embeddedCluster({ data })
})

it('does not start on metadata that it does not understand, and gives the directory back', async () => {
  const data = dataDirectory()
  await (await embeddedCluster({ data })).stop()
  const directory = LogDirectory.open(platform, join(data, '1'))
  const garbage = buildBatch([{ timestamp: 1, key: null, value: Buffer.from([1, 2, 0, 200]) }])
  const log = directory.getOrCreate('__cluster_metadata', 0, 'AAAAAAAAAAAAAAAAAAAAAQ')
  log.append([new RecordBatch(garbage)], { leaderEpoch: 0, origin: 'coordinator' })
  directory.close()
  for (const _attempt of [1, 2]) {
    await expect(embeddedCluster({ data })).rejects.toMatchObject({ code: 'HEL_STORAGE' })
  }
})

const WRONG: readonly [string, object, RegExp][] = [
  ['no broker', { brokers: 0 }, /1 to 1000/],
  ['an unknown property', { config: { 'num.partition': 3 } }, /did you mean num\.partitions\?/],
  ['a value of the wrong type', { config: { 'num.partitions': 'many' } }, /num\.partitions: Not a number/],
  ['a value out of range', { config: { 'log.segment.bytes': 10 } }, /at least 1048576/],
]

it.each(WRONG)('does not start with %s, and says why', async (_what, options, message) => {
  const error = await startCluster(platform, { name: 'test', ...options }).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ code: 'HEL_CONFIG', message: expect.stringMatching(message) })
})

it('finishes a deletion that a crash cut short, and sets aside what it never knew', async () => {
  const data = dataDirectory()
  const first = await embeddedCluster({ data })
  const connection = await first.connect()
  const topicId = await makeTopic(connection, 'deleted')
  await connection.send(deleteTopics, { topicNames: ['deleted'], timeoutMs: 1000 }, { version: 5 })
  await first.stop()
  const directory = LogDirectory.open(platform, join(data, '1'))
  const record = () => [new RecordBatch(batchOf(['x']))]
  for (const [topic, id] of [
    ['deleted', topicId],
    ['stray', 'doCJEnIoSgSVKzd1Vm1rKw'],
  ] as const) {
    directory.getOrCreate(topic, 0, id).append(record(), { leaderEpoch: 0, origin: 'client' })
  }
  directory.close()
  const second = await embeddedCluster({ data })
  const strays = second.logged.filter(({ event }) => event === 'broker.stray-log')
  expect(strays).toMatchObject([{ topic: 'stray', partition: 0 }])
  await second.stop()
  const left = readdirSync(join(data, '1')).filter((name) => /^(deleted|stray)-0/.test(name))
  expect(left).toEqual([expect.stringMatching(/^stray-0\.[0-9a-f]{32}-stray$/)])
})
