// DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources, DescribeAcls.
import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.ts'
import { alterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { describeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { describeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../../../src/protocol/messages/list-config-resources.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection, sized } from '../raw-connection.ts'
import { batchOf, makeTopic, produceOf } from '../requests.ts'

const TOPIC = 2
const BROKER = 4
const LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const SOURCE = { topic: 1, broker: 2, cluster: 3, file: 4, default: 5, logger: 6, clientMetrics: 7, group: 8 }
const OPERATION = { set: 0, delete: 1, append: 2, subtract: 3 }

async function describe(connection: Connection, name: string, keys: string[] | null, resourceType = TOPIC) {
  const resources = [{ resourceType, resourceName: name, configurationKeys: keys }]
  const request = { resources, includeSynonyms: true, includeDocumentation: true }
  return (await connection.send(describeConfigs, request)).results[0]!
}

async function config(connection: Connection, name: string, key: string, resourceType = TOPIC) {
  return (await describe(connection, name, [key], resourceType)).configs[0]!
}

type Change = [name: string, operation: keyof typeof OPERATION, value: string | null]

async function alter(
  connection: Connection,
  resourceName: string,
  changes: Change[],
  resourceType = TOPIC,
  validateOnly = false,
) {
  const configs = changes.map(([name, operation, value]) => ({ name, configOperation: OPERATION[operation], value }))
  const request = { resources: [{ resourceType, resourceName, configs }], validateOnly }
  return (await connection.send(incrementalAlterConfigs, request)).responses[0]!
}

async function connected(config?: Record<string, unknown>): Promise<Connection> {
  const connection = await (await embeddedCluster({ config })).connect()
  await makeTopic(connection, 't', { configs: { 'retention.ms': '1000' } })
  return connection
}

it('says of each value where it comes from and what would hold without it', async () => {
  const connection = await connected({ 'log.retention.hours': 2, 'log.segment.bytes': 2_000_000 })
  expect(await config(connection, 't', 'retention.ms')).toMatchObject({
    value: '1000',
    configSource: SOURCE.topic,
    configType: 5,
    readOnly: false,
    isSensitive: false,
    // As in Kafka, which leaves out what stands before log.retention.ms itself.
    synonyms: [{ name: 'retention.ms', value: '1000', source: SOURCE.topic }],
  })
  await alter(connection, '1', [['log.retention.ms', 'set', '5']], BROKER)
  expect((await config(connection, 't', 'retention.ms')).synonyms).toEqual([
    { name: 'retention.ms', value: '1000', source: SOURCE.topic },
    { name: 'log.retention.ms', value: '5', source: SOURCE.broker },
    { name: 'log.retention.hours', value: '2', source: SOURCE.file },
    { name: 'log.retention.hours', value: '168', source: SOURCE.default },
  ])
  expect(await config(connection, 't', 'segment.bytes')).toMatchObject({ value: '2000000', configSource: SOURCE.file })
  expect(await config(connection, 't', 'cleanup.policy')).toMatchObject({
    value: 'delete',
    configSource: SOURCE.default,
    configType: 7,
  })
  const { configs } = await describe(connection, 't', null)
  expect(configs.length).toBeGreaterThan(30)
  expect(configs.every(({ documentation }) => documentation !== null && documentation !== '')).toBe(true)
})

it('takes a default of the broker in another unit', async () => {
  const connection = await connected({ 'log.retention.minutes': 3 })
  await makeTopic(connection, 'plain')
  expect(await config(connection, 'plain', 'retention.ms')).toMatchObject({
    value: '180000',
    configSource: SOURCE.default,
  })
})

it('alters single configs, and what is not named stays', async () => {
  const connection = await connected()
  expect(await alter(connection, 't', [['cleanup.policy', 'append', 'compact']])).toMatchObject({ errorCode: 0 })
  expect(await config(connection, 't', 'cleanup.policy')).toMatchObject({ value: 'delete,compact' })
  await alter(connection, 't', [
    ['cleanup.policy', 'subtract', 'delete'],
    ['retention.ms', 'delete', null],
  ])
  expect(await config(connection, 't', 'cleanup.policy')).toMatchObject({
    value: 'compact',
    configSource: SOURCE.topic,
  })
  expect(await config(connection, 't', 'retention.ms')).toMatchObject({
    value: '604800000',
    configSource: SOURCE.default,
  })
  await alter(connection, 't', [['max.message.bytes', 'set', '5']], TOPIC, true)
  expect(await config(connection, 't', 'max.message.bytes')).toMatchObject({ configSource: SOURCE.default })
})

it('obeys an altered config at once', async () => {
  const connection = await connected()
  expect(await produceOf(connection, 't', batchOf(['x'.repeat(300)]))).toMatchObject({ errorCode: 0 })
  await alter(connection, 't', [['max.message.bytes', 'set', '200']])
  expect(await produceOf(connection, 't', batchOf(['x'.repeat(300)]))).toMatchObject({
    errorCode: ErrorCode.MESSAGE_TOO_LARGE,
  })
})

it('alters the defaults of all topics, for one broker before all brokers', async () => {
  const connection = await connected()
  await makeTopic(connection, 'plain')
  await alter(connection, '', [['message.max.bytes', 'set', '200']], BROKER)
  expect(await config(connection, 'plain', 'max.message.bytes')).toMatchObject({
    value: '200',
    configSource: SOURCE.cluster,
  })
  expect(await produceOf(connection, 'plain', batchOf(['x'.repeat(300)]))).toMatchObject({
    errorCode: ErrorCode.MESSAGE_TOO_LARGE,
  })
  await alter(connection, '1', [['message.max.bytes', 'set', '400']], BROKER)
  expect(await config(connection, 'plain', 'max.message.bytes')).toMatchObject({
    value: '400',
    configSource: SOURCE.broker,
  })
  expect(await produceOf(connection, 'plain', batchOf(['x'.repeat(300)]))).toMatchObject({ errorCode: 0 })
  expect(await config(connection, '1', 'message.max.bytes', BROKER)).toMatchObject({
    value: '400',
    configSource: SOURCE.broker,
    readOnly: false,
  })
  expect((await describe(connection, '', null, BROKER)).configs).toMatchObject([
    { name: 'message.max.bytes', value: '200' },
  ])
  expect(await config(connection, '1', 'num.partitions', BROKER)).toMatchObject({ value: '1', readOnly: true })
})

const REFUSED: readonly [string, string, Change[], number, ErrorName][] = [
  ['an unknown topic', 'absent', [['retention.ms', 'set', '1']], TOPIC, 'UNKNOWN_TOPIC_OR_PARTITION'],
  ['an unknown config', 't', [['retention', 'set', '1']], TOPIC, 'INVALID_CONFIG'],
  ['a bad value', 't', [['retention.ms', 'set', 'x']], TOPIC, 'INVALID_CONFIG'],
  ['an append to what is no list', 't', [['retention.ms', 'append', '1']], TOPIC, 'INVALID_CONFIG'],
  ['a set without a value', 't', [['retention.ms', 'set', null]], TOPIC, 'INVALID_REQUEST'],
  [
    'a config twice',
    't',
    [
      ['retention.ms', 'set', '1'],
      ['retention.ms', 'set', '2'],
    ],
    TOPIC,
    'INVALID_REQUEST',
  ],
  [
    'lags that cross',
    't',
    [
      ['max.compaction.lag.ms', 'set', '5'],
      ['min.compaction.lag.ms', 'set', '6'],
    ],
    TOPIC,
    'INVALID_CONFIG',
  ],
  ['all topics', '', [['retention.ms', 'set', '1']], TOPIC, 'INVALID_REQUEST'],
  ['another broker', '7', [['log.retention.ms', 'set', '1']], BROKER, 'INVALID_REQUEST'],
  ['a property that is read at the start', '1', [['num.partitions', 'set', '2']], BROKER, 'INVALID_REQUEST'],
  ['a default in another unit', '1', [['log.retention.hours', 'set', '2']], BROKER, 'INVALID_REQUEST'],
  ['a retention of nothing', '1', [['log.retention.ms', 'set', '0']], BROKER, 'INVALID_REQUEST'],
  ['a limit that shuts all out', '1', [['max.connections.per.ip', 'set', '0']], BROKER, 'INVALID_REQUEST'],
  ['limits of no addresses', '1', [['max.connections.per.ip.overrides', 'set', 'bad']], BROKER, 'INVALID_REQUEST'],
  ['an append to a property that is no list', '1', [['log.retention.ms', 'append', '1']], BROKER, 'INVALID_CONFIG'],
  ['a topic of no name', 'a b', [['retention.ms', 'set', '1']], TOPIC, 'INVALID_TOPIC_EXCEPTION'],
  ['a logger that there is not', '1', [['no.such', 'set', 'INFO']], LOGGER, 'INVALID_CONFIG'],
  ['a level that there is not', '1', [['root', 'set', 'LOUD']], LOGGER, 'INVALID_CONFIG'],
  ['the level of the root away', '1', [['root', 'delete', null]], LOGGER, 'INVALID_REQUEST'],
  ['a level by appending', '1', [['root', 'append', 'INFO']], LOGGER, 'INVALID_REQUEST'],
  ['loggers of another broker', '7', [['root', 'set', 'INFO']], LOGGER, 'INVALID_REQUEST'],
  ['an interval that is too short', 'sub', [['interval.ms', 'set', '99']], CLIENT_METRICS, 'INVALID_REQUEST'],
  ['an interval that is none', 'sub', [['interval.ms', 'set', 'x']], CLIENT_METRICS, 'INVALID_CONFIG'],
  ['an unknown part of a subscription', 'sub', [['nope', 'set', '1']], CLIENT_METRICS, 'INVALID_REQUEST'],
  ['a match without a pattern', 'sub', [['match', 'set', 'client_id']], CLIENT_METRICS, 'INVALID_CONFIG'],
  ['a match of a pattern that is none', 'sub', [['match', 'set', 'client_id=[']], CLIENT_METRICS, 'INVALID_CONFIG'],
  ['a match by what there is not', 'sub', [['match', 'set', 'who=me']], CLIENT_METRICS, 'INVALID_CONFIG'],
  ['a subscription without a name', '', [['metrics', 'set', '*']], CLIENT_METRICS, 'INVALID_REQUEST'],
  ['all groups', '', [['consumer.session.timeout.ms', 'set', '45000']], GROUP, 'INVALID_REQUEST'],
  ['a session below the bound', 'g', [['consumer.session.timeout.ms', 'set', '44999']], GROUP, 'INVALID_CONFIG'],
  ['a session above the bound', 'g', [['consumer.session.timeout.ms', 'set', '60001']], GROUP, 'INVALID_CONFIG'],
  ['heartbeats above the bound', 'g', [['consumer.heartbeat.interval.ms', 'set', '15001']], GROUP, 'INVALID_CONFIG'],
  ['an unknown config of a group', 'g', [['nope', 'set', '1']], GROUP, 'INVALID_CONFIG'],
  ['resources of no type', 'x', [['a', 'set', '1']], 99, 'INVALID_REQUEST'],
]

it.each(REFUSED)('refuses to alter %s, and changes nothing', async (_what, name, changes, type, error) => {
  const connection = await connected()
  const answer = await alter(connection, name, changes, type)
  expect(answer.errorCode).toBe(ErrorCode[error])
  expect(answer.errorMessage).toBeTruthy()
  expect(await config(connection, 't', 'retention.ms')).toMatchObject({ value: '1000' })
})

it('replaces all configs of a topic when asked in the old way', async () => {
  const connection = await connected()
  const resources = [{ resourceType: TOPIC, resourceName: 't', configs: [{ name: 'segment.ms', value: '77' }] }]
  await connection.send(alterConfigs, { resources, validateOnly: false })
  expect(await config(connection, 't', 'segment.ms')).toMatchObject({ value: '77' })
  expect(await config(connection, 't', 'retention.ms')).toMatchObject({ configSource: SOURCE.default })
})

it('lists the resources that have configs, and says that there is no authorizer', async () => {
  const connection = await connected()
  const list = async (resourceTypes: number[], version = 1) =>
    (await connection.send(listConfigResources, version === 0 ? {} : { resourceTypes }, { version })).configResources
  expect(await list([TOPIC])).toEqual([{ resourceName: 't', resourceType: TOPIC }])
  expect(await list([])).toContainEqual({ resourceName: '1', resourceType: BROKER })
  expect(await list([], 0)).toEqual([])
  await alter(connection, 'sub', [['metrics', 'set', '*']], CLIENT_METRICS)
  await alter(connection, 'g', [['consumer.session.timeout.ms', 'set', '50000']], GROUP)
  expect(await list([], 0)).toEqual([{ resourceName: 'sub', resourceType: CLIENT_METRICS }])
  expect(await list([GROUP, CLIENT_METRICS])).toEqual([
    { resourceName: 'sub', resourceType: CLIENT_METRICS },
    { resourceName: 'g', resourceType: GROUP },
  ])
  const unknown = await connection.send(listConfigResources, { resourceTypes: [3] })
  expect(unknown).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, configResources: [] })
  const any = {
    resourceTypeFilter: 1,
    resourceNameFilter: null,
    principalFilter: null,
    hostFilter: null,
    operation: 1,
    permissionType: 1,
  }
  expect(await connection.send(describeAcls, any)).toMatchObject({ errorCode: ErrorCode.SECURITY_DISABLED })
})

it('lets a group have its own times, within the bounds of the broker', async () => {
  const connection = await connected({ 'group.consumer.session.timeout.ms': 46_000 })
  const session = 'consumer.session.timeout.ms'
  const broker = { name: `group.${session}`, value: '46000', source: SOURCE.file }
  const kafka = { name: `group.${session}`, value: '45000', source: SOURCE.default }
  expect(await config(connection, 'g', session, GROUP)).toMatchObject({
    value: '46000',
    configSource: SOURCE.file,
    synonyms: [broker, kafka],
  })
  expect(await alter(connection, 'g', [[session, 'set', '50000']], GROUP)).toMatchObject({ errorCode: 0 })
  expect(await config(connection, 'g', session, GROUP)).toMatchObject({
    value: '50000',
    configSource: SOURCE.group,
    synonyms: [{ name: session, value: '50000', source: SOURCE.group }, broker, kafka],
  })
})

it('keeps client metrics subscriptions, and tells the defaults of those that there are not', async () => {
  const connection = await connected()
  const match = 'client_id=a.*,client_software_version=1\\..*'
  await alter(connection, 'sub', [['match', 'set', match]], CLIENT_METRICS)
  expect((await describe(connection, 'sub', null, CLIENT_METRICS)).configs).toMatchObject([
    { name: 'interval.ms', value: '300000', configSource: SOURCE.default, configType: 3, synonyms: [] },
    { name: 'match', value: match, configSource: SOURCE.clientMetrics, configType: 7 },
    { name: 'metrics', value: '', configSource: SOURCE.default },
  ])
})

it('writes what a logger is told to write, at once', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect()
  const told = async () => {
    const before = cluster.logged.length
    const raw = await rawConnection(cluster)
    raw.socket.write(sized(Buffer.from('0012', 'hex')))
    await raw.closed
    return cluster.logged.slice(before).map(({ event }) => event)
  }
  expect(await told()).toEqual(['broker.bad-request'])
  await alter(connection, '1', [['broker', 'set', 'ERROR']], LOGGER)
  expect(await told()).toEqual([])
  expect((await describe(connection, '1', ['root', 'broker', 'log'], LOGGER)).configs).toMatchObject([
    { name: 'root', value: 'DEBUG', configSource: SOURCE.logger, configType: 0 },
    { name: 'broker', value: 'ERROR' },
    { name: 'log', value: 'DEBUG' },
  ])
  await alter(connection, '1', [['broker', 'delete', null]], LOGGER)
  await alter(connection, '1', [['root', 'set', 'FATAL']], LOGGER, true)
  expect(await told()).toEqual(['broker.bad-request'])
})

it('refuses a resource that the request names twice, both times', async () => {
  const connection = await connected()
  const configs = [{ name: 'retention.ms', configOperation: OPERATION.set, value: '7' }]
  const resource = { resourceType: TOPIC, resourceName: 't', configs }
  const { responses } = await connection.send(incrementalAlterConfigs, {
    resources: [resource, resource],
    validateOnly: false,
  })
  expect(responses.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.INVALID_REQUEST, ErrorCode.INVALID_REQUEST])
  expect(await config(connection, 't', 'retention.ms')).toMatchObject({ value: '1000' })
})

it('takes away what was set, whether or not it could be set today', async () => {
  const connection = await connected()
  expect(await alter(connection, '1', [['num.partitions', 'delete', null]], BROKER)).toMatchObject({ errorCode: 0 })
  expect(await alter(connection, 't', [['no.such', 'delete', null]])).toMatchObject({ errorCode: 0 })
})

it('takes no keys for all keys', async () => {
  const connection = await connected()
  expect((await describe(connection, 't', [])).configs.length).toBeGreaterThan(30)
})
