// The daemon with exactly the rights that `heliostat acls` prints, between embedded clusters that refuse everything else: it does
// all it promises, and without one of the rights it stops what that right carries, says so, and goes on with the rest.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { OPERATION, type Operation, RESOURCE, type Resource } from '../../src/broker/security/authorizer.ts'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { createAcls } from '../../src/protocol/messages/create-acls.ts'
import { createPartitions } from '../../src/protocol/messages/create-partitions.ts'
import { describeConfigs } from '../../src/protocol/messages/describe-configs.ts'
import { incrementalAlterConfigs } from '../../src/protocol/messages/incremental-alter-configs.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { batchOf } from '../broker/requests.ts'
import { AUTHORIZER } from '../broker/security/rights-ground.ts'
import { eventually } from '../compatibility/gathering.ts'
import { appendBatch, endOffset, makeTopic } from '../support/log-content.ts'

const RETENTION = '123456789'
const TOLD_SHOWN = 3_000
const secured = {
  listeners: 'SASL_PLAINTEXT://:0',
  'sasl.enabled.mechanisms': 'PLAIN',
  'listener.name.sasl_plaintext.plain.sasl.jaas.config':
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_root="secret" user_mirror="secret";',
  'authorizer.class.name': AUTHORIZER,
  'super.users': 'User:root',
}

interface Right {
  readonly side: 'source' | 'target'
  readonly operation: Operation
  readonly resource: Resource
  readonly name: string
  readonly prefixed: boolean
}

/** What `heliostat acls` prints for the flow, line by line: nothing more is granted below. */
const RIGHTS: readonly Right[] = printedRights(yamlOf('east:1', 'west:1'))

function printedRights(yaml: string): Right[] {
  const folder = mkdtempSync(join(tmpdir(), 'heliostat-rights-'))
  const file = join(folder, 'heliostat.yaml')
  writeFileSync(file, yaml)
  const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
  const printed = execFileSync(process.execPath, [main, 'acls', file], { encoding: 'utf8' })
  rmSync(folder, { recursive: true })
  const lines = printed.split('\n').filter((line) => line.startsWith('kafka-acls '))
  return lines.flatMap((line) => {
    const words = line.match(/'[^']*'|\S+/g)!.map((word) => word.replaceAll("'", ''))
    const after = (option: string) => words.flatMap((word, at) => (word === option ? [words[at + 1]!] : []))
    expect(after('--allow-principal')).toEqual(['User:mirror'])
    const side = after('--bootstrap-server')[0] === 'east:1' ? 'source' : 'target'
    const option = ['--topic', '--group', '--transactional-id'].find((word) => words.includes(word))!
    const resource = option.slice(2).replace('-', '_').toUpperCase() as Resource
    const name = after(option)[0]!
    const prefixed = after('--resource-pattern-type')[0] === 'prefixed'
    const operations = after('--operation').map(
      (word) => word.replace(/(?<=[a-z])(?=[A-Z])/g, '_').toUpperCase() as Operation,
    )
    return operations.map((operation): Right => ({ side, operation, resource, name, prefixed }))
  })
}

/** What the daemon does, as somebody sees it who looks at the target. */
const FEATURES = {
  /** Transactions end with a marker. */
  copies: async ({ west }) => (await endOffset(west, 'east.orders', 0)) >= 3,
  'creates topics': async ({ west }) => west.topics().has('east.orders'),
  'copies configs': async ({ west }) => (await retentionOf(west, 'east.orders')) === RETENTION,
  'brings groups': async ({ west }) => (await committed(west)) === 2,
  shares: async ({ daemon }) => ['running', 'catching-up'].includes(daemon.flows.get('east->west')!.status().state),
  'tells checkpoints': async ({ west }) => (await endOffset(west, 'east.checkpoints.internal', 0)) > 0,
  'tells offset syncs': async ({ west }) => (await endOffset(west, 'mm2-offset-syncs.east.internal', 0)) > 0,
  'carries heartbeats': async ({ west }) => (await endOffset(west, 'east.heartbeats', 0)) > 0,
  'hears commits': async ({ daemon }) => daemon.flows.get('east->west')!.groupOffsets.mode === 'followed',
  'sends heartbeats': async ({ west }) => (await endOffset(west, 'heartbeats', 0)) > 0,
} as const satisfies Record<string, (scene: Scene) => Promise<boolean>>

type Feature = keyof typeof FEATURES
const ALL = Object.keys(FEATURES) as Feature[]
/** What needs copied records. */
const COPIES: Feature[] = ['copies', 'brings groups', 'tells checkpoints', 'tells offset syncs']
/** What needs a place to keep places. */
const KEPT: Feature[] = ['carries heartbeats']
const DATA: Feature[] = [...COPIES, 'creates topics', 'copies configs']
/** Those that some case goes without. */
const played = new Set<Right>()
const without = (which: (right: Right) => boolean): Right[] => {
  const found = RIGHTS.filter(which)
  for (const right of found) played.add(right)
  return found
}

interface Scene {
  readonly east: ClusterClient
  readonly west: ClusterClient
  readonly daemon: Daemon
  /** What people are told: the log, and the status of the flow and its groups. */
  told(): string
  /** The daemon anew, after it was stopped. */
  restart(): Promise<Scene>
}

async function play(missing: readonly Right[], more = ''): Promise<Scene> {
  const log: string[] = []
  const platform = nodePlatform({ log: { level: 'warn', pretty: false, write: (line) => log.push(line) } })
  const [source, target] = await Promise.all(['east', 'west'].map((name) => secure(name)))
  const [east, west] = [root(source!), root(target!)]
  await Promise.all([east.refresh(), west.refresh()])
  const rights = more === '' ? RIGHTS : printedRights(yamlOf('east:1', 'west:1', more))
  const granted = rights.filter((right) => !missing.includes(right))
  await grant(
    east,
    granted.filter(({ side }) => side === 'source'),
  )
  await grant(
    west,
    granted.filter(({ side }) => side === 'target'),
  )
  await makeTopic(east, 'orders', 1, { 'retention.ms': RETENTION })
  await appendBatch(east, 'orders', 0, batchOf(['a', 'b', 'c']))
  await makeTopic(east, 'heartbeats', 1, { 'retention.ms': RETENTION })
  await appendBatch(east, 'heartbeats', 0, batchOf(['beat']))
  const partitions = [{ partitionIndex: 0, committedOffset: 2, committedMetadata: '' }]
  const commit = { groupId: 'billing', memberId: '', topics: [{ name: 'orders', partitions }] }
  await (await east.coordinator('group', 'billing')).send(offsetCommit, commit, { version: 9 })
  const begin = async (): Promise<Scene> => {
    const daemon = await startDaemon(platform, configOf(source!, target!, more), { version: 'test', directory: '.' })
    onTestFinished(() => daemon.stop())
    const flow = daemon.flows.get('east->west')!
    const told = () => log.join('') + JSON.stringify([flow.status(), flow.groups()])
    return { east, west, daemon, told, restart: begin }
  }
  return begin()
}

async function secure(name: string): Promise<Cluster> {
  const cluster = await startCluster(nodePlatform({ log: { level: 'silent' } }), { name, config: secured })
  onTestFinished(() => cluster.stop())
  return cluster
}

function root(cluster: Cluster): ClusterClient {
  const [host, port] = cluster.bootstrap.split(':')
  const client = new ClusterClient(nodePlatform({ log: { level: 'silent' } }), {
    bootstrap: [{ host: host!, port: Number(port) }],
    clientId: 'root',
    refreshIntervalMs: 10,
    sasl: { mechanism: 'plain', username: 'root', password: 'secret' },
  })
  onTestFinished(() => client.close())
  return client
}

function yamlOf(source: string, target: string, more = ''): string {
  const login = 'sasl: { mechanism: plain, username: mirror, password: secret }'
  return `
version: 1
clusters:
  east: { bootstrap: ["${source}"], ${login} }
  west: { bootstrap: ["${target}"], ${login} }
mirrors:
  - from: east
    to: west
    topics: { include: ["orders.*"] }
    groups: { include: [billing] }
    refresh: 200ms
    sync: { topicConfigs: { every: 200ms } }
    ${more}
server: { listen: 127.0.0.1:0 }
`
}

function configOf(source: Cluster, target: Cluster, more: string) {
  return loadConfig(yamlOf(source.bootstrap, target.bootstrap, more), 'test.yaml', {}).config
}

async function grant(client: ClusterClient, rights: readonly Right[]): Promise<void> {
  const creations = rights.map(({ operation, resource, name, prefixed }) => ({
    resourceType: RESOURCE[resource],
    resourceName: name,
    resourcePatternType: prefixed ? 4 : 3,
    principal: 'User:mirror',
    host: '*',
    operation: OPERATION[operation],
    permissionType: 3,
  }))
  await client.send(createAcls, { creations })
}

async function retentionOf(client: ClusterClient, topic: string): Promise<string | null | undefined> {
  const resources = [{ resourceType: 2, resourceName: topic, configurationKeys: ['retention.ms'] }]
  const { results } = await client.send(describeConfigs, { resources })
  return results[0]!.configs[0]?.value
}

async function committed(client: ClusterClient): Promise<number> {
  const connection = await client.coordinator('group', 'billing')
  const groups = [{ groupId: 'billing', topics: [{ name: 'east.orders', partitionIndexes: [0] }] }]
  const answer = await connection.send(offsetFetch, { groups }, { version: 9 })
  return answer.groups[0]!.topics[0]?.partitions[0]?.committedOffset ?? -1
}

async function expectFeatures(scene: Scene, features: readonly Feature[]): Promise<void> {
  await eventually(async () => {
    await scene.west.refresh()
    const seen = await Promise.all(features.map((feature) => FEATURES[feature](scene)))
    expect(
      features.filter((_, index) => !seen[index]),
      scene.told().slice(-TOLD_SHOWN),
    ).toEqual([])
  })
}

async function grow(scene: Scene): Promise<void> {
  const topics = ['orders', 'heartbeats'].map((name) => ({ name, count: 2, assignments: null }))
  await (await scene.east.controller()).send(createPartitions, { topics, timeoutMs: 5000, validateOnly: false })
}

test('does all it promises with these rights', { timeout: 30_000 }, async () => {
  const scene = await play([])
  await expectFeatures(scene, ALL)
  await grow(scene)
  await eventually(async () => {
    await scene.west.refresh()
    for (const topic of ['east.orders', 'east.heartbeats'])
      expect(scene.west.topics().get(topic)!.partitions).toHaveLength(2)
  })
})

test('does the same in transactions with the rights that those need', { timeout: 30_000 }, async () => {
  await expectFeatures(await play([], 'delivery: transactional'), ALL)
})

/** What stops without a right, and what people are told; `undefined`: nothing, as what nobody may see looks as if it were not there. */
const WITHOUT: readonly [string, Feature[], RegExp | undefined][] = [
  ['source READ orders', DATA, undefined],
  ['source DESCRIBE_CONFIGS orders, source DESCRIBE_CONFIGS heartbeats', ['copies configs'], undefined],
  ['source DESCRIBE group billing', ['brings groups', 'tells checkpoints'], undefined],
  ['target READ east.orders', ['brings groups'], /the target refuses the offset: TOPIC_AUTHORIZATION_FAILED/],
  ['target WRITE east.orders', COPIES, /We have no right to write to the topic on the target/],
  ['target CREATE east.orders', DATA, /east\.orders cannot be created on the target: TOPIC_AUTHORIZATION_FAILED/],
  [
    'target READ heliostat.east.',
    [...DATA, ...KEPT, 'shares'],
    /progress\.internal-\d+ cannot be read at 0: TOPIC_AUTHORIZATION_FAILED/,
  ],
  [
    'target WRITE heliostat.east.',
    [...DATA, ...KEPT, 'shares'],
    /progress cannot be written: TOPIC_AUTHORIZATION_FAILED/,
  ],
  [
    'target CREATE heliostat.east.',
    [...DATA, ...KEPT, 'shares'],
    /progress\.internal cannot be created on the target: TOPIC_AUTH/,
  ],
  [
    'target READ group billing',
    ['brings groups'],
    /its offsets on the target cannot be read: GROUP_AUTHORIZATION_FAILED/,
  ],
  [
    'target READ group heliostat.east->west',
    ['shares'],
    /cannot stay in group heliostat\.east->west.*is there a right Read on the group/,
  ],
  ['target WRITE heartbeats', ['sends heartbeats'], /topic heartbeats cannot be found: TOPIC_AUTHORIZATION_FAILED/],
  ['target CREATE heartbeats', ['sends heartbeats'], /topic heartbeats cannot be created: TOPIC_AUTHORIZATION_FAILED/],
  [
    'target WRITE mm2-offset-syncs.east.internal',
    ['tells offset syncs'],
    /mm2-offset-syncs\.east\.internal cannot be found: TOPIC_AUTHORIZATION_FAILED/,
  ],
  // Several at once, where each stops something of its own.
  [
    'source READ __consumer_offsets, source READ heartbeats, target CREATE mm2-offset-syncs.east.internal, target WRITE east.checkpoints.internal',
    ['hears commits', 'carries heartbeats', 'tells offset syncs', 'tells checkpoints'],
    /east\.checkpoints\.internal cannot be found: TOPIC_AUTHORIZATION_FAILED/,
  ],
  [
    'target CREATE east.heartbeats, target CREATE east.checkpoints.internal',
    ['carries heartbeats', 'tells checkpoints'],
    /east\.heartbeats cannot be created on the target: TOPIC_AUTHORIZATION_FAILED/,
  ],
  ['target WRITE east.heartbeats', ['carries heartbeats'], /We have no right to write to the topic on the target/],
]

const CASES = WITHOUT.map(([which, stops, says]) => {
  const names = which.split(', ')
  const missing = without(({ side, operation, resource, name }) => {
    const kind = resource === 'GROUP' ? 'group ' : ''
    return names.includes(`${side} ${operation} ${kind}${name}`)
  })
  return [which, stops, says, names.length, missing] as const
})

test.each(CASES)('without %s it stops %s alone', { timeout: 30_000 }, async (_, stops, says, count, missing) => {
  expect(missing).toHaveLength(count)
  const scene = await play(missing)
  await expectFeatures(
    scene,
    ALL.filter((feature) => !stops.includes(feature)),
  )
  if (says) await eventually(async () => expect(scene.told()).toMatch(says))
  for (const feature of stops) expect([feature, await FEATURES[feature](scene)]).toEqual([feature, false])
})

const ALTER = without(({ operation }) => operation === 'ALTER')
const ALTER_CONFIGS = without(({ operation }) => operation === 'ALTER_CONFIGS')
const READ_COPIES = without(
  ({ side, operation, name }) => `${side} ${operation}` === 'target READ' && name.startsWith('east.'),
)

test('without ALTER on its copies it stops growing them, and goes on with the rest', { timeout: 30_000 }, async () => {
  const scene = await play(ALTER)
  await expectFeatures(scene, ALL)
  await grow(scene)
  for (const topic of ['orders', 'heartbeats']) {
    const refusal = `east.${topic} cannot be given partitions on the target: TOPIC_AUTHORIZATION_FAILED`
    await eventually(async () => expect(scene.told()).toContain(refusal))
  }
  await appendBatch(scene.east, 'orders', 0, batchOf(['d']))
  await eventually(async () => expect(await endOffset(scene.west, 'east.orders', 0)).toBe(4))
})

test('without ALTER_CONFIGS on its copies configs are given once and do not follow, and it says so', {
  timeout: 30_000,
}, async () => {
  for (const missing of [[], ALTER_CONFIGS]) {
    const scene = await play(missing)
    await expectFeatures(scene, ['copies', 'copies configs'])
    const configs = [{ name: 'retention.ms', configOperation: 0, value: '55555' }]
    const resources = [{ resourceType: 2, resourceName: 'orders', configs }]
    await scene.east.send(incrementalAlterConfigs, { resources, validateOnly: false })
    const flow = scene.daemon.flows.get('east->west')!
    if (missing.length === 0) {
      await eventually(async () => expect(await retentionOf(scene.west, 'east.orders')).toBe('55555'))
    } else {
      // Who may not alter may not describe either, and so cannot tell what differs.
      await eventually(async () =>
        expect(flow.jobs().find(({ name }) => name.endsWith('topic-configs'))!.lastMessage).toMatch(/may not be read/),
      )
      expect(await retentionOf(scene.west, 'east.orders')).toBe(RETENTION)
    }
  }
})

test('without READ on its copies it cannot find its place after a restart, and says so', {
  timeout: 30_000,
}, async () => {
  const before = await play(READ_COPIES)
  await expectFeatures(before, ['copies'])
  await before.daemon.stop()
  const after = await before.restart()
  await eventually(async () =>
    expect(after.told()).toMatch(/the tail of east\.orders-0 cannot be read: TOPIC_AUTHORIZATION/),
  )
  expect(after.told()).toContain('HEL_STOPPED_not-authorized')
})

test('has no right that nothing needs', () => {
  expect(RIGHTS.filter((right) => !played.has(right))).toEqual([])
})
