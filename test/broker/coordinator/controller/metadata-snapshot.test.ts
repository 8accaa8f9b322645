import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it, onTestFinished } from 'vitest'
import { LiveRecords } from '../../../../src/broker/coordinator/controller/live-records.ts'
import { MetadataImage } from '../../../../src/broker/coordinator/controller/metadata-image.ts'
import type { MetadataRecord } from '../../../../src/broker/coordinator/controller/metadata-record.ts'
import { decodeSnapshot, encodeSnapshot } from '../../../../src/broker/coordinator/controller/metadata-snapshot.ts'
import { deleteTopics } from '../../../../src/protocol/messages/delete-topics.ts'
import { describeConfigs } from '../../../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../../../src/protocol/messages/incremental-alter-configs.ts'
import { initProducerId } from '../../../../src/protocol/messages/init-producer-id.ts'
import { metadata } from '../../../../src/protocol/messages/metadata.ts'
import { title } from '../../../compatibility/ground.ts'
import { runKafkaTool, unavailable } from '../../../support/apache-kafka.ts'
import { type EmbeddedCluster, embeddedCluster } from '../../embedded-cluster.ts'
import { batchOf, makeTopic, produceOf } from '../../requests.ts'
import { registrationOf } from './registered-brokers.ts'

const id = (number: number) => Buffer.alloc(16, number + 1).toString('base64url')
const small = fc.nat({ max: 3 })
const bytes = Buffer.from('secret')

/** Records of every kind, about few things, so that they meet. */
const anyRecord: fc.Arbitrary<MetadataRecord> = fc.oneof(
  small.map((n) => ({ type: 'topic' as const, name: `t${n}`, topicId: id(n) })),
  fc.tuple(small, small, small).map(([n, partitionId, leaderEpoch]) => {
    const ids = { replicas: [1], isr: [1], leader: 1, addingReplicas: [], removingReplicas: [] }
    const epochs = { leaderEpoch, partitionEpoch: 0, leaderRecoveryState: 0 }
    return { type: 'partition' as const, topicId: id(n), partitionId, ...epochs, ...ids }
  }),
  fc.tuple(small, small, small).map(([n, partitionId, leader]) => {
    const lists = { isr: n % 2 ? [leader] : null, replicas: null, addingReplicas: [leader], removingReplicas: null }
    const change = { leader: leader - 2, leaderRecoveryState: (n % 3) - 1, ...lists }
    return { type: 'partition-change' as const, topicId: id(n), partitionId, ...change }
  }),
  fc.tuple(small, small).map(([brokerId, brokerEpoch]) => ({
    ...registrationOf(brokerId),
    brokerEpoch,
  })) as fc.Arbitrary<MetadataRecord>,
  small.map((brokerId) => ({ type: 'unregister-broker' as const, brokerId, brokerEpoch: 0 })),
  fc.tuple(small, fc.integer({ min: -1, max: 1 }), fc.nat({ max: 1 })).map((drawn) => {
    const [brokerId, fenced, inControlledShutdown] = drawn
    return { type: 'broker-registration-change' as const, brokerId, brokerEpoch: 0, fenced, inControlledShutdown }
  }),
  small.map((n) => ({ type: 'remove-topic' as const, topicId: id(n) })),
  fc.tuple(small, small, fc.constantFrom(null, '1', '2')).map(([n, name, value]) => {
    return { type: 'config' as const, resourceType: n % 2 ? 2 : 4, resourceName: `t${n}`, name: `c${name}`, value }
  }),
  small.map((n) => {
    const acl = { principal: `User:${n}`, host: '*', operation: 3, permissionType: 3 }
    const resource = { resourceType: 2, resourceName: `t${n}`, patternType: 3 }
    return { type: 'access-control-entry' as const, id: id(n), ...resource, ...acl } as MetadataRecord
  }),
  small.map((n) => ({ type: 'remove-access-control-entry' as const, id: id(n) })),
  fc.tuple(small, small, fc.boolean()).map(([n, value, remove]) => {
    const entity = [
      { entityType: 'user', entityName: `u${n}` },
      { entityType: 'client-id', entityName: null },
    ]
    return { type: 'client-quota' as const, entity, key: 'producer_byte_rate', value, remove }
  }),
  fc.tuple(small, small).map(([n, iterations]) => {
    const secrets = { salt: bytes, storedKey: bytes, serverKey: bytes, iterations }
    return { type: 'scram-credential' as const, name: `u${n}`, mechanism: 1, ...secrets }
  }),
  small.map((n) => ({ type: 'remove-scram-credential' as const, name: `u${n}`, mechanism: 1 })),
  small.map((n) => ({ type: 'producer-ids' as const, brokerId: 1, brokerEpoch: n, nextProducerId: n * 1000 })),
  fc.tuple(small, small).map(([n, featureLevel]) => ({ type: 'feature' as const, name: `f${n}`, featureLevel })),
)

/** Fields in the order of their names. */
function inOrder(_key: string, value: unknown): unknown {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? Object.fromEntries(Object.entries(value).sort()) : value
}

function imageOf(records: readonly MetadataRecord[]) {
  const image = new MetadataImage()
  for (const record of records) image.apply(record)
  const names = ['t0', 't1', 't2', 't3']
  const sorted = (things: Iterable<unknown>) => [...things].map((thing) => JSON.stringify(thing, inOrder)).sort()
  return {
    brokers: sorted(image.brokers),
    topics: sorted([...image.topics.values()].map((topic) => ({ ...topic, partitions: [...topic.partitions] }))),
    configs: names.map((name) => [2, 4].map((type) => sorted(image.configs(type, name)))),
    scram: sorted(['u0', 'u1', 'u2', 'u3'].map((user) => [user, [...image.scramCredentials(user)]])),
    quotas: sorted([...image.quotas.entries].map(({ entity, quotas }) => [entity, [...quotas]])),
    acls: sorted(image.acls.entries()),
    features: sorted(image.features),
    epoch: image.featuresEpoch,
    nextProducerId: image.nextProducerId,
  }
}

it('makes the same image as all the records that it stands for, read from its bytes', () => {
  fc.assert(
    fc.property(fc.array(anyRecord, { minLength: 20, maxLength: 120, size: 'max' }), (records) => {
      const live = new LiveRecords()
      for (const record of records) live.apply(record)
      const read = decodeSnapshot(encodeSnapshot(live.all, { epoch: 0, timestamp: 1 }))
      expect(imageOf(read!)).toEqual(imageOf(records))
    }),
    { numRuns: 300 },
  )
})

it('tells whoever missed the records between what has changed, and no more', () => {
  const some = { minLength: 10, maxLength: 60, size: 'max' } as const
  fc.assert(
    fc.property(fc.array(anyRecord, some), fc.array(anyRecord, some), (first, second) => {
      const [before, after] = [new LiveRecords(), new LiveRecords()]
      for (const record of first) before.apply(record)
      for (const record of [...first, ...second]) after.apply(record)
      expect(imageOf([...first, ...before.changesTo(after)])).toEqual(imageOf([...first, ...second]))
      expect(after.changesTo(after)).toEqual([])
      expect(imageOf(new LiveRecords().changesTo(after))).toEqual(imageOf(after.all))
    }),
    { numRuns: 300 },
  )
})

it('is not taken for whole when it is cut or garbled anywhere', () => {
  const records = [{ type: 'topic' as const, name: 't', topicId: id(1) }]
  const whole = encodeSnapshot(records, { epoch: 0, timestamp: 1 })
  for (let size = 0; size < whole.length; size++) {
    expect([size, attempt(() => decodeSnapshot(whole.subarray(0, size)))]).toEqual([size, undefined])
  }
})

function attempt<Result>(read: () => Result): Result | undefined {
  try {
    return read()
  } catch {
    return undefined
  }
}

const config = { 'metadata.log.max.record.bytes.between.snapshots': 2000 }

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-snapshot-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

const folderOf = (data: string) => join(data, '1', '__cluster_metadata-0')
const checkpoints = (data: string) => readdirSync(folderOf(data)).filter((name) => name.endsWith('.checkpoint'))
const logBytes = (data: string) =>
  readdirSync(folderOf(data))
    .filter((name) => name.endsWith('.log'))
    .reduce((sum, name) => sum + statSync(join(folderOf(data), name)).size, 0)

/** Topics that come and go, a config, producer ids. */
async function liveWith(cluster: EmbeddedCluster, round: number) {
  const connection = await cluster.connect()
  for (let index = 0; index < 12; index++) await makeTopic(connection, `gone-${round}-${index}`)
  const topicNames = Array.from({ length: 12 }, (_, index) => `gone-${round}-${index}`)
  await connection.send(deleteTopics, { topicNames, timeoutMs: 1000 }, { version: 5 })
  await makeTopic(connection, `kept-${round}`, { partitions: 3 })
  await produceOf(connection, `kept-${round}`, batchOf([`${round}`]))
  const configs = [{ name: 'retention.ms', configOperation: 0, value: `${round + 1}000000` }]
  await connection.send(incrementalAlterConfigs, {
    resources: [{ resourceType: 2, resourceName: `kept-${round}`, configs }],
    validateOnly: false,
  })
  await connection.send(initProducerId, { transactionalId: null, transactionTimeoutMs: 1000 })
}

async function seen(cluster: EmbeddedCluster) {
  const connection = await cluster.connect()
  const { topics } = await connection.send(metadata, { topics: null })
  const resources = topics.map(({ name }) => ({
    resourceType: 2,
    resourceName: name!,
    configurationKeys: ['retention.ms'],
  }))
  const { results } = await connection.send(describeConfigs, { resources })
  return {
    topics: [...topics].sort((one, other) => (one.name! < other.name! ? -1 : 1)),
    configs: results.map(({ resourceName, configs }) => [resourceName, configs[0]!.value]).sort(),
  }
}

it('takes the place of a long metadata log at the start, again and again, and nothing that it said is lost', async () => {
  const data = dataDirectory()
  for (let round = 0; round < 4; round++) {
    const cluster = await embeddedCluster({ data })
    await liveWith(cluster, round)
    const before = await seen(cluster)
    const grown = logBytes(data)
    expect(grown).toBeGreaterThan(2000)
    await cluster.stop()
    const crashed = dataDirectory()
    cpSync(data, crashed, { recursive: true })
    const again = await embeddedCluster({ data, config })
    expect(await seen(again)).toEqual(before)
    expect(checkpoints(data)).toHaveLength(1)
    expect(logBytes(data)).toBeLessThan(grown / 4)
    await again.stop()
    // The power went when the snapshot was written and nothing else.
    cpSync(join(folderOf(data), checkpoints(data)[0]!), join(folderOf(crashed), checkpoints(data)[0]!))
    const third = await embeddedCluster({ data: crashed, config })
    expect(await seen(third)).toEqual(before)
    await third.stop()
  }
})

it('takes the place of the log while the broker runs, too', async () => {
  const data = dataDirectory()
  const cluster = await embeddedCluster({ data, config })
  for (let round = 0; round < 4; round++) {
    await liveWith(cluster, round)
    expect(logBytes(data)).toBeLessThan(4000)
    expect(checkpoints(data)).toHaveLength(1)
  }
  const before = await seen(cluster)
  await cluster.stop()
  expect(await seen(await embeddedCluster({ data, config }))).toEqual(before)
})

it('ends the start when it is damaged: nothing else holds what it held', async () => {
  const data = dataDirectory()
  const first = await embeddedCluster({ data })
  await liveWith(first, 0)
  await first.stop()
  await (await embeddedCluster({ data, config })).stop()
  const path = join(folderOf(data), checkpoints(data)[0]!)
  writeFileSync(path, readFileSync(path).subarray(0, -5))
  await expect(embeddedCluster({ data, config })).rejects.toMatchObject({ code: 'HEL_STORAGE' })
})

const reason = unavailable()
it.skipIf(reason !== undefined)(
  title('is read by kafka-dump-log', reason),
  async () => {
    const data = dataDirectory()
    const first = await embeddedCluster({ data })
    await liveWith(first, 0)
    await first.stop()
    await (await embeddedCluster({ data, config })).stop()
    const file = join(folderOf(data), checkpoints(data)[0]!)
    const { code, stdout } = await runKafkaTool('kafka-dump-log', ['--cluster-metadata-decoder', '--files', file])
    expect(code).toBe(0)
    expect(stdout).toContain('SnapshotHeader {"version":0,"lastContainedLogTimestamp":')
    expect(stdout).toContain('"type":"TOPIC_RECORD","version":0,"data":{"name":"kept-0"')
    expect(stdout).toContain('SnapshotFooter {"version":0}')
    expect(stdout).not.toMatch(/gone-|corrupt|isvalid: false/)
  },
  60_000,
)
