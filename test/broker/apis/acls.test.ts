// CreateAcls, DescribeAcls, DeleteAcls.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Connection } from '../../../src/client/connection.ts'
import { encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { deleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { describeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { describeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import type { RequestInput } from '../../../src/protocol/schema.ts'
import { embeddedCluster } from '../embedded-cluster.ts'
import { rawConnection } from '../raw-connection.ts'

const TOPIC = 2
const CLUSTER = 4
const ANY = 1
const MATCH = 2
const LITERAL = 3
const PREFIXED = 4
const READ = 3
const WRITE = 4
const DENY = 2
const ALLOW = 3

const AUTHORIZED = {
  'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
  'super.users': 'User:ANONYMOUS',
}

type Creation = RequestInput<typeof createAcls>['creations'][number]
type Filter = RequestInput<typeof deleteAcls>['filters'][number]

function rule(resourceName: string, words: Partial<Creation> = {}): Creation {
  const read = { operation: READ, permissionType: ALLOW }
  const who = { principal: 'User:alice', host: '*' }
  return { resourceType: TOPIC, resourcePatternType: LITERAL, resourceName, ...who, ...read, ...words }
}

function filter(words: Partial<Filter> = {}): Filter {
  return {
    resourceTypeFilter: ANY,
    resourceNameFilter: null,
    patternTypeFilter: ANY,
    principalFilter: null,
    hostFilter: null,
    operation: ANY,
    permissionType: ANY,
    ...words,
  }
}

async function create(connection: Connection, ...creations: Creation[]): Promise<number[]> {
  const { results } = await connection.send(createAcls, { creations })
  return results.map(({ errorCode }) => errorCode)
}

/** What a filter finds, as `type name pattern principal operation permission`. */
async function found(connection: Connection, words: Partial<Filter> = {}): Promise<string[]> {
  const { errorCode, resources } = await connection.send(describeAcls, filter(words))
  expect(errorCode).toBe(ErrorCode.NONE)
  const lines = resources.flatMap(({ resourceName, patternType, acls }) =>
    acls.map(({ principal, operation, permissionType }) => {
      const pattern = patternType === PREFIXED ? `${resourceName}…` : resourceName
      return `${permissionType === DENY ? 'deny' : 'allow'} ${principal} ${operation} on ${pattern}`
    }),
  )
  return lines.sort()
}

async function connected(): Promise<Connection> {
  return (await embeddedCluster({ config: AUTHORIZED })).connect()
}

it('answers SECURITY_DISABLED without an authorizer', async () => {
  const connection = await (await embeddedCluster()).connect()
  expect(await create(connection, rule('a'), rule('b'))).toEqual([54, 54])
  expect((await connection.send(describeAcls, filter())).errorCode).toBe(ErrorCode.SECURITY_DISABLED)
  const { filterResults } = await connection.send(deleteAcls, { filters: [filter()] })
  expect(filterResults.map(({ errorCode }) => errorCode)).toEqual([ErrorCode.SECURITY_DISABLED])
})

it('finds rules by every part of a filter, and by what holds for a name', async () => {
  const connection = await connected()
  expect(
    await create(
      connection,
      rule('orders'),
      rule('orders', { operation: WRITE, permissionType: DENY, principal: 'User:bob' }),
      rule('ord', { resourcePatternType: PREFIXED }),
      rule('*', { principal: 'User:*' }),
      rule('kafka-cluster', { resourceType: CLUSTER, host: '10.0.0.1' }),
    ),
  ).toEqual([0, 0, 0, 0, 0])
  expect(await found(connection)).toHaveLength(5)
  const named = { resourceTypeFilter: TOPIC, resourceNameFilter: 'orders' }
  const literal = ['allow User:alice 3 on orders', 'deny User:bob 4 on orders']
  expect(await found(connection, { ...named, patternTypeFilter: LITERAL })).toEqual(literal)
  expect(await found(connection, { ...named, patternTypeFilter: ANY })).toEqual(literal)
  expect(await found(connection, { ...named, patternTypeFilter: MATCH })).toEqual(
    ['allow User:* 3 on *', 'allow User:alice 3 on ord…', ...literal].sort(),
  )
  expect(await found(connection, { ...named, patternTypeFilter: PREFIXED })).toEqual([])
  expect(await found(connection, { patternTypeFilter: PREFIXED })).toEqual(['allow User:alice 3 on ord…'])
  expect(await found(connection, { principalFilter: 'User:bob' })).toEqual(['deny User:bob 4 on orders'])
  expect(await found(connection, { hostFilter: '10.0.0.1' })).toEqual(['allow User:alice 3 on kafka-cluster'])
  expect(await found(connection, { operation: WRITE })).toEqual(['deny User:bob 4 on orders'])
  expect(await found(connection, { permissionType: DENY })).toEqual(['deny User:bob 4 on orders'])
  expect(await found(connection, { resourceTypeFilter: 99 })).toEqual([])
})

it('keeps a rule once, however often it is created', async () => {
  const connection = await connected()
  expect(await create(connection, rule('t'), rule('t'))).toEqual([0, 0])
  expect(await create(connection, rule('t'))).toEqual([0])
  expect(await found(connection)).toEqual(['allow User:alice 3 on t'])
})

it('refuses a rule that cannot be, and only that', async () => {
  const connection = await connected()
  const { results } = await connection.send(createAcls, {
    creations: [
      rule('t', { resourceType: 99 }),
      rule('t', { resourcePatternType: 99 }),
      rule('t', { operation: 99 }),
      rule('t', { permissionType: 99 }),
      rule(''),
      rule('t', { resourceType: CLUSTER }),
      rule('t', { principal: 'alice' }),
      rule('fine'),
    ],
  })
  expect(results.map(({ errorCode }) => errorCode)).toEqual([42, 42, 42, 42, 42, 42, 42, 0])
  expect(results.map(({ errorMessage }) => errorMessage)).toEqual([
    'Invalid resourceType UNKNOWN',
    'Invalid patternType UNKNOWN',
    'Invalid operation UNKNOWN',
    'Invalid permissionType UNKNOWN',
    'Invalid empty resource name',
    'The only valid name for the CLUSTER resource is kafka-cluster',
    'Could not parse principal from `alice` (no colon is present separating the principal type from the principal name)',
    '',
  ])
  expect(await found(connection)).toEqual(['allow User:alice 3 on fine'])
})

it('stumbles over a rule that is meant as a filter, as Kafka does', async () => {
  const connection = await connected()
  const anys = [{ resourceType: ANY }, { resourcePatternType: MATCH }, { operation: ANY }, { permissionType: ANY }]
  for (const any of anys) expect(await create(connection, rule('t', any), rule('fine'))).toEqual([-1, -1])
  expect(await found(connection)).toEqual([])
})

it('closes a connection that asks for a type of 0, as a parser does that does not know it', async () => {
  const cluster = await embeddedCluster({ config: AUTHORIZED })
  const header = { correlationId: 1, clientId: null }
  for (const frame of [
    encodeRequest(createAcls, 2, header, { creations: [rule('t', { operation: 0 })] }),
    encodeRequest(deleteAcls, 2, header, { filters: [filter({ permissionType: 0 })] }),
    encodeRequest(describeAcls, 2, header, filter({ resourceTypeFilter: 0 })),
  ]) {
    const raw = await rawConnection(cluster)
    raw.socket.write(Buffer.concat(frame))
    await raw.closed
  }
})

it('deletes what each filter finds, and tells it', async () => {
  const connection = await connected()
  await create(connection, rule('a'), rule('b'), rule('b', { operation: WRITE }), rule('c'))
  const filters = [
    filter({ resourceTypeFilter: TOPIC, resourceNameFilter: 'a', patternTypeFilter: LITERAL }),
    filter({ operation: READ, resourceNameFilter: 'b' }),
    filter({ resourceNameFilter: 'b' }),
    filter({ resourceNameFilter: 'nothing' }),
    filter({ operation: 99 }),
  ]
  const { filterResults } = await connection.send(deleteAcls, { filters })
  const told = filterResults.map(({ errorCode, matchingAcls }) => [
    errorCode,
    ...matchingAcls.map(({ resourceName, operation }) => `${resourceName} ${operation}`),
  ])
  expect(told).toEqual([[0, 'a 3'], [0, 'b 3'], [0, 'b 3', 'b 4'], [0], [ErrorCode.INVALID_REQUEST]])
  expect(await found(connection)).toEqual(['allow User:alice 3 on c'])
})

it.each([
  ['', {}],
  [' with a snapshot', { 'metadata.log.max.record.bytes.between.snapshots': 1 }],
])('keeps the rules over a restart%s, and judges by them', async (_, how) => {
  const data = mkdtempSync(join(tmpdir(), 'heliostat-acls-'))
  onTestFinished(() => rmSync(data, { recursive: true, force: true }))
  const before = await embeddedCluster({ data, config: AUTHORIZED })
  const connection = await before.connect()
  const everybody = { principal: 'User:*', operation: 8 }
  await create(connection, rule('kafka-cluster', { resourceType: CLUSTER, ...everybody }), rule('gone'), rule('stays'))
  await connection.send(deleteAcls, { filters: [filter({ resourceNameFilter: 'gone' })] })
  await before.stop()
  await (await embeddedCluster({ data, config: { ...AUTHORIZED, ...how } })).stop()
  const after = await embeddedCluster({ data, config: { ...AUTHORIZED, ...how, 'super.users': '' } })
  const again = await after.connect()
  // Whoever may DESCRIBE the cluster sees the rules; to change them takes ALTER.
  expect(await found(again)).toEqual(['allow User:* 8 on kafka-cluster', 'allow User:alice 3 on stays'])
  expect(await create(again, rule('more'))).toEqual([ErrorCode.CLUSTER_AUTHORIZATION_FAILED])
})

it('takes ten thousand rules in one request, no more, and judges among them', { timeout: 30_000 }, async () => {
  const connection = await connected()
  const rules = (count: number) => Array.from({ length: count }, (_, i) => rule(`${'long-name-'.repeat(10)}${i}`))
  const tooMany = await create(connection, ...rules(10_001))
  expect(new Set(tooMany)).toEqual(new Set([ErrorCode.POLICY_VIOLATION]))
  const tooLong = Array.from({ length: 300 }, (_, i) => rule(`${'x'.repeat(30_000)}${i}`))
  expect(new Set(await create(connection, ...tooLong))).toEqual(new Set([ErrorCode.POLICY_VIOLATION]))
  expect(new Set(await create(connection, ...rules(10_000)))).toEqual(new Set([ErrorCode.NONE]))
  expect(await found(connection)).toHaveLength(10_000)
  const { filterResults } = await connection.send(deleteAcls, { filters: [filter()] })
  expect(filterResults[0]!.matchingAcls).toHaveLength(10_000)
  expect(await found(connection)).toEqual([])
})

it('refuses to start with another authorizer, or with a super user who is none', async () => {
  const other = { 'authorizer.class.name': 'com.example.Mine' }
  await expect(embeddedCluster({ config: other })).rejects.toThrow(/only authorizer here is .*StandardAuthorizer/)
  await expect(embeddedCluster({ config: { 'super.users': 'alice' } })).rejects.toThrow(/principalType:principalName/)
})

it('notes in the log who had which right not', async () => {
  const cluster = await embeddedCluster({ config: { ...AUTHORIZED, 'super.users': '' } })
  const connection = await cluster.connect()
  expect(await create(connection, rule('t'))).toEqual([ErrorCode.CLUSTER_AUTHORIZATION_FAILED])
  expect(cluster.logged.find(({ event }) => event === 'broker.denied')).toMatchObject({
    level: 'debug',
    msg: 'User:ANONYMOUS has no right ALTER',
    api: 'CreateAcls',
    resource: 'CLUSTER',
    name: 'kafka-cluster',
  })
})

it('shows the authorizer among the configs of the broker', async () => {
  const connection = await connected()
  const asked = { resourceType: 4, resourceName: '1', configurationKeys: ['authorizer.class.name', 'super.users'] }
  const { results } = await connection.send(describeConfigs, { resources: [asked] })
  const values = Object.fromEntries(results[0]!.configs.map(({ name, value }) => [name, value]))
  expect(values).toEqual(AUTHORIZED)
})
