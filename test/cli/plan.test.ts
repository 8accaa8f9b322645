// Commands that tell before anything is done: plan, check, explain, schema. The clusters note every request that would change them.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { check } from '../../src/cli/check.ts'
import { explain } from '../../src/cli/explain.ts'
import type { Format } from '../../src/cli/output.ts'
import { plan } from '../../src/cli/plan.ts'
import { schema } from '../../src/cli/schema.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { startDaemon } from '../../src/daemon.ts'
import type { FlowPlan } from '../../src/daemon-plan.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import type { NameExplanation } from '../../src/server/flow-view.ts'
import { batchOf } from '../broker/requests.ts'
import { runExternal } from '../support/external-process.ts'
import { appendBatch, clientOf, endOffset, makeTopic, testPlatform, until } from '../support/log-content.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts')
const folder = mkdtempSync(join(tmpdir(), 'heliostat-plan-'))
/** As a process, or, since that costs half a second, as the function behind it. */
const heliostat = (...args: string[]) => runExternal(process.execPath, [main, ...args])
async function said(run: () => number | Promise<number>): Promise<{ code: number; stdout: string; stderr: string }> {
  const kept = { stdout: '', stderr: '' }
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      kept[stream] += String(chunk)
      return true
    }),
  )
  try {
    return { code: await run(), ...kept }
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
const explainedBy = (name: string, where: { file?: string; url?: string }, output: Format = 'json') =>
  said(() => explain(name, where.file, { url: where.url ?? '', output }))
const WRITES = [
  ...[
    'Produce',
    'CreateTopics',
    'CreatePartitions',
    'DeleteTopics',
    'DeleteRecords',
    'AlterConfigs',
    'IncrementalAlterConfigs',
  ],
  ...['CreateAcls', 'DeleteAcls', 'InitProducerId', 'OffsetCommit', 'OffsetDelete', 'JoinGroup', 'DeleteGroups'],
]

let source: Cluster
let target: Cluster
let east: ClusterClient
let west: ClusterClient
let file: string
let text: string

const configOf = (more: string, bootstraps = [source.bootstrap, target.bootstrap]) => `version: 1
clusters:
  east: { bootstrap: ["${bootstraps[0]}"] }
  west: { bootstrap: ["${bootstraps[1]}"] }
mirrors: [{ from: east, to: west, refresh: 50ms, ${more} }]
server: { listen: "127.0.0.1:0" }
compat: { mm2Topics: false }
`

beforeAll(async () => {
  ;[source, target] = (await Promise.all(['east', 'west'].map((name) => startCluster(testPlatform, { name })))) as [
    Cluster,
    Cluster,
  ]
  east = clientOf(source.bootstrap)
  west = clientOf(target.bootstrap)
  await makeTopic(east, 'orders', 3, { 'retention.ms': '7654321' })
  await makeTopic(east, 'grown', 2)
  await makeTopic(east, 'tmp-x', 1)
  await makeTopic(west, 'east.grown', 1, { 'retention.ms': '1' })
  text = configOf(
    "topics: { include: ['orders', 'gr.*', 'heart.*'], exclude: ['tmp-.*'] }, groups: { exclude: ['secret-.*'] }, sync: { topicConfigs: { every: 50ms } }",
  )
  file = join(folder, 'plan.yaml')
  writeFileSync(file, text)
})

afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  east.close()
  west.close()
  await Promise.all([source.stop(), target.stop()])
})

/** Runs it while both clusters refuse every request that would change anything; how many of those there were. */
async function withoutWrites<T>(run: () => Promise<T>): Promise<{ answer: T; writes: number }> {
  const faults = [source, target].map(({ faults }) => faults.add({ api: WRITES, close: 'before' }))
  try {
    return { answer: await run(), writes: faults.reduce((sum, { hits }) => sum + hits, 0) }
  } finally {
    for (const fault of faults) fault.remove()
  }
}

describe('before anything was mirrored', () => {
  test('plan tells what would be created, grown and altered, each with its rule, and touches nothing', async () => {
    const { answer, writes } = await withoutWrites(() => heliostat('plan', file, '-o', 'json', '--detailed-exitcode'))
    expect(writes).toBe(0)
    expect(answer.code).toBe(2)
    const { formatVersion, flows } = JSON.parse(answer.stdout) as { formatVersion: number; flows: FlowPlan[] }
    expect(formatVersion).toBe(1)
    const rule = (include: string) => `include "${include}"; naming prefix east.`
    expect(flows).toEqual([
      {
        flow: 'east->west',
        changes: [
          ...['heliostat.east.progress.internal', 'heliostat.east.gaps.internal'].map((resource) => ({
            action: 'create-topic',
            cluster: 'west',
            resource,
            detail: 'cleanup.policy=compact',
            rule: 'heliostat keeps its progress on the target',
          })),
          {
            action: 'create-topic',
            cluster: 'west',
            resource: 'east.orders',
            detail: '3 partitions, replication factor 1, retention.ms=7654321',
            rule: `include "orders", by its exact name; naming prefix east.`,
          },
          {
            action: 'add-partitions',
            cluster: 'west',
            resource: 'east.grown',
            detail: '1 to 2 partitions, as grown has',
            rule: rule('gr.*'),
          },
          {
            action: 'alter-config',
            cluster: 'west',
            resource: 'east.grown',
            detail: "retention.ms: the target's default",
            rule: 'sync.topicConfigs',
          },
        ],
        notMirrored: [{ topic: 'tmp-x', rule: 'exclude "tmp-.*"' }],
        problems: ['no topic of east matches include "heart.*"'],
      },
    ])
    await west.refresh()
    expect([...west.topics().keys()]).toEqual(['east.grown'])
  })

  test('plan as a table says it in lines, and exits 0 unless told otherwise', async () => {
    const { code, stdout, stderr } = await said(() => plan(file, { output: 'table', detailedExitcode: false }))
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^~ add partitions +west +east\.grown +1 to 2 partitions, as grown has +include "gr\.\*"; naming/m,
    )
    expect(stderr).toContain('east->west: 5 changes; 1 topics stay where they are')
  })

  test('topics of its own are told once, whichever flows would make them, and where', async () => {
    const two = join(folder, 'two-flows.yaml')
    const another = '{ from: east, to: west, name: more, progress: more, topics: { include: [grown] } }, '
    const flows = configOf('heartbeats: both, topics: { exclude: [grown] }').replace('mirrors: [', `$&${another}`)
    writeFileSync(two, flows.replace(/^compat.*$/m, ''))
    const { stdout } = await said(() => plan(two, { output: 'json', detailedExitcode: false }))
    const plans = (JSON.parse(stdout) as { flows: FlowPlan[] }).flows
    const own = plans.map(({ changes }) =>
      changes
        .filter(({ detail }) => detail === 'cleanup.policy=compact')
        .map(({ cluster, resource }) => `${cluster}: ${resource}`),
    )
    expect(own).toEqual([
      [
        'west: heliostat.east.more.progress.internal',
        'west: heliostat.east.gaps.internal',
        'west: east.checkpoints.internal',
        'west: mm2-offset-syncs.east.internal',
      ],
      ['west: heliostat.east.progress.internal', 'west: heartbeats', 'east: heartbeats'],
    ])
  })

  test('explain names every rule, from the clusters alone', async () => {
    const { answer, writes } = await withoutWrites(async () => [
      (await heliostat('explain', 'tmp-x', file)).stdout,
      (await explainedBy('grown', { file }, 'table')).stdout,
    ])
    expect(writes).toBe(0)
    expect(answer).toMatchInlineSnapshot(`
      [
        "east->west: topic tmp-x is not mirrored
        - east has this topic
        - its name does not say that it came from "west"
        - no include is exactly its name
        - it is no internal topic
        - exclude "tmp-.*"
      ",
        "east->west: topic grown is not mirrored yet
        - east has this topic
        - its name does not say that it came from "west"
        - no include is exactly its name
        - it is no internal topic
        - no exclude pattern matches
        - include "gr.*"
        - its name on west is east.grown
        - nothing was mirrored between these clusters yet
      ",
      ]
    `)
  })

  test('check finds clusters that do not answer, and those with two names', async () => {
    const well = await said(() => check(file, { output: 'json' }))
    expect(well.code).toBe(0)
    expect(JSON.parse(well.stdout)).toHaveLength(6)
    const two = join(folder, 'two.yaml')
    writeFileSync(two, configOf('', [source.bootstrap, source.bootstrap.replace('127.0.0.1', 'localhost')]))
    const doubled = await said(() => check(two, { output: 'table' }))
    expect(doubled.code).toBe(1)
    expect(doubled.stdout).toMatch(/^west +one name +FAILED +east and west are one cluster, .{22}: name it once$/m)
    const dark = join(folder, 'dark.yaml')
    writeFileSync(dark, configOf('', [source.bootstrap, '127.0.0.1:1']))
    const unreachable = await heliostat('check', dark)
    expect(unreachable.code).toBe(4)
    expect(unreachable.stdout).toMatch(/^west +reachable +FAILED +no node of west can be used/m)
  })

  test('schema is one that knows the fields', async () => {
    const { code, stdout } = await said(schema)
    expect(code).toBe(0)
    const { properties } = JSON.parse(stdout)
    expect(Object.keys(properties)).toEqual(
      expect.arrayContaining(['version', 'clusters', 'mirrors', 'server', 'compat']),
    )
    expect(properties.mirrors.items.properties.topics.properties.include.description).toContain('Java')
  })
})

// Who may not see a topic cannot tell that a group committed in it.
test.skipIf(process.env['HELIOSTAT_LEAST_RIGHTS'])(
  'when everything is mirrored there is nothing to plan, and explain tells where topics and groups stand',
  async () => {
    await appendBatch(east, 'orders', 0, batchOf(['a', 'b', 'c']))
    await appendBatch(east, 'tmp-x', 0, batchOf(['a']))
    const commit = async (group: string, topic: string, committedOffset: number) => {
      const connection = await east.coordinator('group', group)
      const partitions = [{ partitionIndex: 0, committedOffset, committedMetadata: '' }]
      await connection.send(
        offsetCommit,
        { groupId: group, memberId: '', topics: [{ name: topic, partitions }] },
        { version: 8 },
      )
    }
    await commit('billing', 'orders', 2)
    await commit('mixed', 'orders', 1)
    await commit('mixed', 'tmp-x', 1)
    await commit('secret-a', 'orders', 1)
    const daemon = await startDaemon(testPlatform, loadConfig(text, 'plan.yaml', {}).config, {
      version: 'test',
      directory: '.',
    })
    await until(
      async () => {
        await west.refresh()
        return (await endOffset(west, 'east.orders', 0)) === 3
      },
      () => 'nothing is mirrored',
    )
    const names = ['orders', 'east.orders', 'billing', 'mixed', 'secret-a', 'nothing']
    const explained = async (where: { file?: string; url?: string }) => {
      const answers: { verdict: string; steps: readonly string[] }[] = []
      for (const name of names) {
        const [only, ...others] = JSON.parse((await explainedBy(name, where)).stdout) as NameExplanation[]
        expect([name, others]).toEqual([name, []])
        answers.push({ verdict: only!.verdict, steps: only!.steps })
      }
      return answers
    }
    try {
      const running = await explained({ url: daemon.url })
      expect(running.map(({ verdict }) => verdict)).toEqual([
        'mirrored',
        'mirrored',
        'translated',
        'translated in part',
        'not translated',
        'not mirrored',
      ])
      expect(running[3]!.steps.slice(-2)).toEqual([
        'tmp-x-0 at 1: the topic is not mirrored: exclude "tmp-.*"',
        'on west nobody uses the group: translations are written to it',
      ])
      expect(running[4]!.steps.at(-1)).toBe('exclude "secret-.*"')
      const planned = () => said(() => plan(file, { output: 'table', detailedExitcode: true }))
      await until(
        async () => (await planned()).code === 0,
        () => 'there is still something to change',
      )
      await daemon.stop()
      const alone = await explained({ file })
      expect(alone.map(({ verdict }) => verdict)).toEqual(running.map(({ verdict }) => verdict))
      expect(alone[2]!.steps.at(-2)).toBe('orders-0 at 2: is 2 in east.orders')
      expect(alone[0]!.steps.at(-1)).toBe('partition 2: is mirrored up to source offset 0')
      const { answer, writes } = await withoutWrites(planned)
      expect(answer).toMatchObject({ code: 0, stdout: '', stderr: expect.stringContaining('nothing to change') })
      expect(writes).toBe(0)
    } finally {
      await daemon.stop()
    }
  },
)
