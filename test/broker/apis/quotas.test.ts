// AlterClientQuotas, DescribeClientQuotas, and what quotas do to the clients they concern.
import { expect, it } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode, type ErrorName } from '../../../src/protocol/errors.ts'
import { alterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { createPartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { describeClientQuotas } from '../../../src/protocol/messages/describe-client-quotas.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { ZERO_UUID } from '../../../src/protocol/schema.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection } from '../raw-connection.ts'
import { batchOf, fetchOf, makeTopic, produceOf } from '../requests.ts'

type Entity = Readonly<Record<string, string | null>>
type Op = [key: string, value: number | null]

const entityOf = (entity: Entity) =>
  Object.entries(entity).map(([entityType, entityName]) => ({ entityType, entityName }))

async function alter(connection: Connection, entity: Entity, ops: Op[], validateOnly = false) {
  const entry = {
    entity: entityOf(entity),
    ops: ops.map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
  }
  return (await connection.send(alterClientQuotas, { entries: [entry], validateOnly })).entries[0]!
}

const EXACT = 0
const DEFAULT = 1
const ANY = 2

async function describe(connection: Connection, filter: [string, number, string | null][] = [], strict = false) {
  const components = filter.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
  return await connection.send(describeClientQuotas, { components, strict })
}

const connected = async () => (await embeddedCluster()).connect()

it('sets, replaces and removes quotas, and tells them by filter', async () => {
  const connection = await connected()
  await alter(connection, { user: 'alice' }, [
    ['producer_byte_rate', 100],
    ['request_percentage', 12.5],
  ])
  await alter(connection, { user: 'alice', 'client-id': 'app' }, [['consumer_byte_rate', 7]])
  await alter(connection, { user: null }, [['producer_byte_rate', 5]])
  await alter(connection, { ip: '10.0.0.1' }, [['connection_creation_rate', 3]])
  await alter(connection, { user: 'alice' }, [
    ['producer_byte_rate', 200],
    ['request_percentage', null],
  ])
  await alter(connection, { user: 'bob' }, [['producer_byte_rate', 1]], true)
  const names = async (...filter: Parameters<typeof describe> extends [unknown, ...infer Rest] ? Rest : never) =>
    (await describe(connection, ...filter)).entries!.map(({ entity }) => entity.map(({ entityName }) => entityName))
  expect((await describe(connection)).entries).toEqual([
    { entity: entityOf({ user: 'alice' }), values: [{ key: 'producer_byte_rate', value: 200 }] },
    { entity: entityOf({ user: 'alice', 'client-id': 'app' }), values: [{ key: 'consumer_byte_rate', value: 7 }] },
    { entity: entityOf({ user: null }), values: [{ key: 'producer_byte_rate', value: 5 }] },
    { entity: entityOf({ ip: '10.0.0.1' }), values: [{ key: 'connection_creation_rate', value: 3 }] },
  ])
  expect(await names([['user', EXACT, 'alice']])).toEqual([['alice'], ['alice', 'app']])
  expect(await names([['user', EXACT, 'alice']], true)).toEqual([['alice']])
  expect(await names([['user', DEFAULT, null]])).toEqual([[null]])
  expect(await names([['user', ANY, null]])).toEqual([['alice'], ['alice', 'app'], [null]])
  expect(
    await names([
      ['user', ANY, null],
      ['client-id', ANY, null],
    ]),
  ).toEqual([['alice', 'app']])
})

const REFUSED: readonly [string, Entity, Op[]][] = [
  ['nobody', {}, [['producer_byte_rate', 1]]],
  ['an unknown kind of entity', { zone: 'a' }, [['producer_byte_rate', 1]]],
  ['an empty name', { user: '' }, [['producer_byte_rate', 1]]],
  ['an address and a user', { ip: '10.0.0.1', user: 'a' }, [['connection_creation_rate', 1]]],
  ['what is no address', { ip: 'no address' }, [['connection_creation_rate', 1]]],
  ['an unknown key', { user: 'a' }, [['producer_rate', 1]]],
  ['a key of clients for an address', { ip: '10.0.0.1' }, [['producer_byte_rate', 1]]],
  ['a quota of nothing', { user: 'a' }, [['producer_byte_rate', 0]]],
  ['a fraction of a byte', { user: 'a' }, [['producer_byte_rate', 1.5]]],
  ['more than an INT', { ip: '10.0.0.1' }, [['connection_creation_rate', 3e9]]],
  ['more than a LONG', { user: 'a' }, [['producer_byte_rate', 1e19]]],
  [
    'a key twice',
    { user: 'a' },
    [
      ['producer_byte_rate', 1],
      ['producer_byte_rate', 2],
    ],
  ],
]

it.each(REFUSED)('refuses a quota with %s, and sets nothing', async (_what, entity, ops) => {
  const connection = await connected()
  const answer = await alter(connection, entity, ops)
  expect(answer.errorCode).toBe(ErrorCode.INVALID_REQUEST)
  expect(answer.errorMessage).toBeTruthy()
  expect((await describe(connection)).entries).toEqual([])
})

const BAD_FILTERS: readonly [string, [string, number, string | null][], ErrorName][] = [
  [
    'a type twice',
    [
      ['user', ANY, null],
      ['user', DEFAULT, null],
    ],
    'INVALID_REQUEST',
  ],
  ['an unknown type', [['zone', ANY, null]], 'UNSUPPORTED_VERSION'],
  ['no name to match', [['user', EXACT, null]], 'INVALID_REQUEST'],
  ['a name beside the default', [['user', DEFAULT, 'a']], 'INVALID_REQUEST'],
  ['an unknown match', [['user', 7, null]], 'INVALID_REQUEST'],
  [
    'an address beside a user',
    [
      ['ip', ANY, null],
      ['user', ANY, null],
    ],
    'INVALID_REQUEST',
  ],
]

it.each(BAD_FILTERS)('refuses a filter with %s', async (_what, filter, error) => {
  expect(await describe(await connected(), filter)).toMatchObject({ errorCode: ErrorCode[error], entries: null })
})

it('pauses a producer that sends more than it may: the answer says for how long, and nothing more is served until then', async () => {
  const cluster = await embeddedCluster()
  const admin = await cluster.connect('admin')
  await makeTopic(admin, 't')
  await alter(admin, { 'client-id': 'fast' }, [['producer_byte_rate', 1000]])
  const raw = await rawConnection(cluster)
  const header = (correlationId: number) => ({ correlationId, clientId: 'fast' })
  const topicData = [{ name: 't', partitionData: [{ index: 0, records: [batchOf(['x'.repeat(11_000)])] }] }]
  const send = encodeRequest(produce, 7, header(1), { acks: -1, timeoutMs: 1000, topicData })
  const ask = encodeRequest(metadata, 1, header(2), { topics: [] })
  const started = cluster.platform.clock.monotonic()
  raw.socket.write(Buffer.concat([...send, ...ask]))
  const answer = await raw.next()
  const throttleTimeMs = answer.readInt32BE(answer.length - 4)
  expect(throttleTimeMs).toBeGreaterThan(900)
  expect(throttleTimeMs).toBeLessThan(3000)
  expect((await raw.next()).readInt32BE(0)).toBe(2)
  expect(cluster.platform.clock.monotonic() - started).toBeGreaterThanOrEqual(throttleTimeMs - 1)
  // Others are not held up.
  expect(await produceOf(admin, 't', batchOf(['x'.repeat(11_000)]))).toMatchObject({ errorCode: 0 })
})

it('gives a consumer that has read more than it may an empty answer, and the records after its pause', async () => {
  const cluster = await embeddedCluster()
  const admin = await cluster.connect('admin')
  await makeTopic(admin, 't')
  await produceOf(admin, 't', batchOf(['x'.repeat(6000)]))
  await alter(admin, { 'client-id': 'fast' }, [['consumer_byte_rate', 1000]])
  const fast = await cluster.connect('fast')
  const read = async () => {
    const answer = await fast.send(fetch, fetchOf('t', { sessionEpoch: 0 }), { version: 11 })
    const bytes = answer.responses[0]?.partitions[0]?.records?.reduce((sum, one) => sum + one.length, 0) ?? 0
    return { ...answer, bytes }
  }
  expect(await read()).toMatchObject({ throttleTimeMs: 0 })
  const second = await read()
  expect(second).toMatchObject({ errorCode: 0, responses: [], sessionId: 0 })
  expect(second.throttleTimeMs).toBeGreaterThan(500)
  const another = await (await cluster.connect('slow')).send(fetch, fetchOf('t'), { version: 11 })
  expect(another.throttleTimeMs).toBe(0)
})

it('pauses a client that keeps the broker busy for longer than its share', async () => {
  const cluster = await embeddedCluster()
  const connection = await cluster.connect('busy')
  await alter(connection, { user: 'ANONYMOUS' }, [['request_percentage', 0.000_01]])
  const { throttleTimeMs } = await connection.send(metadata, { topics: [] })
  expect(throttleTimeMs).toBe(1000)
})

it('refuses to create and delete more partitions than the quota has, in versions that know the error', async () => {
  const cluster = await embeddedCluster({ config: { 'controller.quota.window.num': 1 } })
  const admin = await cluster.connect('admin')
  await alter(admin, { 'client-id': 'maker' }, [['controller_mutation_rate', 2]])
  const maker = await cluster.connect('maker')
  const shape = { replicationFactor: 1, assignments: [], configs: [] }
  const wanted = (...names: string[]) => ({ topics: names.map((name) => ({ name, numPartitions: 4, ...shape })) })
  const first = await maker.send(createTopics, wanted('a', 'b'))
  expect(first.topics.map(({ errorCode }) => errorCode)).toEqual([0, ErrorCode.THROTTLING_QUOTA_EXCEEDED])
  expect(first.topics[1]!.errorMessage).toBe('The throttling quota has been exceeded.')
  // 2 tokens less 4: a second until there are none missing.
  expect(first.throttleTimeMs).toBeGreaterThan(900)
  expect(first.throttleTimeMs).toBeLessThanOrEqual(1000)
  const old = await maker.send(createTopics, wanted('c'), { version: 5 })
  expect(old.topics[0]!.errorCode).toBe(0)
  expect(old.throttleTimeMs).toBeGreaterThan(900)
  const grown = await (await cluster.connect('maker')).send(createPartitions, {
    topics: [{ name: 'a', count: 5, assignments: null }],
    timeoutMs: 1000,
    validateOnly: false,
  })
  expect(grown.results[0]!.errorCode).toBe(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  const deleted = await (await cluster.connect('maker')).send(deleteTopics, {
    topics: [{ name: 'a', topicId: ZERO_UUID }],
    timeoutMs: 1000,
  })
  expect(deleted.responses[0]!.errorCode).toBe(ErrorCode.THROTTLING_QUOTA_EXCEEDED)
  expect((await admin.send(metadata, { topics: null })).topics.map(({ name }) => name)).toEqual(['a', 'c'])
})

it('closes connections beyond the limit of their address, and lets those beyond the limit of all wait', async () => {
  const perAddress = await embeddedCluster({ config: { 'max.connections.per.ip': 1 } })
  const first = await perAddress.connect()
  await (await rawConnection(perAddress)).closed
  expect((await first.send(metadata, { topics: [] })).brokers).toHaveLength(1)
  const allowed = { 'max.connections.per.ip': 1, 'max.connections.per.ip.overrides': '127.0.0.1:2' }
  const overridden = await embeddedCluster({ config: allowed })
  await overridden.connect()
  expect((await (await overridden.connect()).send(metadata, { topics: [] })).brokers).toHaveLength(1)

  const limited = await embeddedCluster({ config: { 'max.connections': 1 } })
  const holder = await limited.connect()
  await holder.send(metadata, { topics: [] })
  const waiting = await rawConnection(limited)
  const question = Buffer.concat(encodeRequest(metadata, 1, { correlationId: 4, clientId: null }, { topics: [] }))
  waiting.socket.write(question)
  let answered = false
  const answer = waiting.next().then((frame) => {
    answered = true
    return frame
  })
  for (let asked = 0; asked < 3; asked++) await holder.send(metadata, { topics: [] })
  expect(answered).toBe(false)
  holder.close()
  expect((await answer).readInt32BE(0)).toBe(4)
})

it('keeps connections of an address that come too fast waiting, and closes them', async () => {
  const cluster = await embeddedCluster({ config: { 'quota.window.num': 2 } })
  const connection = await cluster.connect()
  await alter(connection, { ip: '127.0.0.1' }, [['connection_creation_rate', 1]])
  await cluster.connect()
  const refused = await rawConnection(cluster)
  const started = cluster.platform.clock.monotonic()
  await refused.closed
  expect(cluster.platform.clock.monotonic() - started).toBeGreaterThan(500)
})
