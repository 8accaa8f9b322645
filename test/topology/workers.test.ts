// Records that pass through threads of their own: the copy, the groups and what is told are those of one thread, whatever becomes of a
// thread.
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../src/config/config.ts'
import { type Daemon, startDaemon } from '../../src/daemon.ts'
import { type Platform, sleep, type Thread } from '../../src/platform/platform.ts'
import type { FlowView } from '../../src/server/flow-view.ts'
import { batchOf } from '../broker/requests.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import * as logs from '../support/log-content.ts'
import { appendBatch, endOffset, makeTopic, readAll, testPlatform } from '../support/log-content.ts'

const PARTITIONS = 8
/** Two threads are to be started, on a machine that may have none to spare. */
const timeoutMs = 60_000
const until = (holds: () => boolean | Promise<boolean>, what: () => string) => logs.until(holds, what, timeoutMs)

const { source, target, east, west } = await eastAndWest()

interface Started {
  readonly daemon: Daemon
  readonly flow: FlowView
  readonly threads: readonly Thread[]
  readonly change: (workers: string) => void
}

async function started(mirror: string, workers = '2'): Promise<Started> {
  const load = () =>
    loadConfig(
      `version: 1
clusters:
  east: { bootstrap: ["${source.bootstrap}"] }
  west: { bootstrap: ["${target.bootstrap}"] }
mirrors: [{ from: east, to: west, refresh: 100ms, ${mirror} }]
server: { listen: "127.0.0.1:0" }
compat: { mm2Topics: false }
workers: ${workers}
`,
      'workers.yaml',
      {},
    ).config
  const threads: Thread[] = []
  const { cores, start } = testPlatform.threads!
  const platform: Platform = {
    ...testPlatform,
    log: silence,
    threads: {
      cores,
      start: (program, listener) => {
        const thread = start(program, listener)
        threads.push(thread)
        return thread
      },
    },
  }
  const daemon = await startDaemon(platform, load(), { version: 'test', directory: '/nowhere', load })
  onTestFinished(() => daemon.stop())
  const change = (count: string) => {
    workers = count
  }
  return { daemon, flow: daemon.flows.get('east->west')!, threads, change }
}

const silence = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => silence }

const append = (topic: string, round: number) =>
  Promise.all(
    Array.from({ length: PARTITIONS }, (_, partition) =>
      appendBatch(east, topic, partition, batchOf([`${partition}/${round}/0`, `${partition}/${round}/1`])),
    ),
  )

const expectAllCopied = async (topic: string, { flow }: Started) => {
  for (let partition = 0; partition < PARTITIONS; partition++)
    await expectCopied(
      { client: east, topic, partition },
      { client: west, topic: `east.${topic}`, partition },
      { what: () => JSON.stringify(flow.status()), timeoutMs },
    )
}

const isTold = (flow: FlowView, topic: string, each: number) => () => {
  const partitions = flow.status().topics.find((one) => one.topic === topic)?.partitions ?? []
  return (
    partitions.length === PARTITIONS &&
    partitions.every(({ upstream, state }) => upstream === each && state === 'running')
  )
}

test('two threads copy what one would, and the main one tells of both', { timeout: 2 * timeoutMs }, async () => {
  await makeTopic(east, 'both', PARTITIONS)
  for (let round = 0; round < 3; round++) await append('both', round)
  const run = await started("topics: { include: ['both'] }")
  const { flow, daemon, threads } = run
  await expectAllCopied('both', run)
  expect(threads).toHaveLength(2)
  await until(isTold(flow, 'both', 6), () => JSON.stringify(flow.status()))
  const { state, topics, latency, rpoRecords } = flow.status()
  expect([state, rpoRecords]).toEqual(['running', 0])
  expect(topics[0]!.partitions.map(({ partition, records }) => [partition, records])).toEqual(
    Array.from({ length: PARTITIONS }, (_, partition) => [partition, 6]),
  )
  expect(latency.counts.reduce((sum, count) => sum + count)).toBeGreaterThanOrEqual(PARTITIONS)
  const metrics = await (await fetch(`${daemon.url}/metrics`)).text()
  expect(metrics).toMatch(/^heliostat_\w*records\w*\{.*topic="both".*\} \d+$/m)
  for (let partition = 0; partition < PARTITIONS; partition++) {
    expect(flow.translate({ topic: 'both', partition, offset: 4, reverse: false }).offset).toBe(4)
    expect(flow.translate({ topic: 'east.both', partition, offset: 3, reverse: true }).offset).toBe(3)
  }
  flow.pause('both')
  await until(
    () => flow.status().topics[0]!.partitions.every(({ state: of }) => of === 'paused'),
    () => JSON.stringify(flow.status()),
  )
  await append('both', 3)
  flow.resume('both')
  await expectAllCopied('both', run)
})

test('a thread that ends is started again, and no record is lost or doubled', { timeout: 2 * timeoutMs }, async () => {
  await makeTopic(east, 'killed', PARTITIONS)
  const run = await started("topics: { include: ['killed'] }")
  const { flow, threads } = run
  let isWriting = true
  const writing = (async () => {
    for (let round = 0; isWriting; round++) {
      await append('killed', round)
      await sleep(testPlatform.clock, 20)
    }
  })()
  onTestFinished(async () => {
    isWriting = false
    await writing
  })
  await until(
    async () => (await endOffset(west, 'east.killed', 0)) > 10 && (await endOffset(west, 'east.killed', 7)) > 10,
    () => JSON.stringify(flow.status()),
  )
  await threads[0]!.stop()
  await until(
    () => threads.length === 3 && flow.status().errors['HEL_WORKER_ENDED'] === 1,
    () => JSON.stringify(flow.status().errors),
  )
  await threads[1]!.stop()
  await until(
    () => threads.length === 4,
    () => JSON.stringify(flow.status().errors),
  )
  isWriting = false
  await writing
  await expectAllCopied('killed', run)
  const rounds = await endOffset(east, 'killed', 0)
  await until(isTold(flow, 'killed', rounds), () => JSON.stringify(flow.status()))
  expect(flow.translate({ topic: 'killed', partition: 5, offset: 7, reverse: false }).offset).toBe(7)
})

test('transactions pass through threads as well, and a stop says goodbye to every slot', {
  timeout: 2 * timeoutMs,
}, async () => {
  await makeTopic(east, 'committed', PARTITIONS)
  await append('committed', 0)
  const run = await started(
    "topics: { include: ['committed'] }, delivery: { transactional: { commitInterval: 50ms } }, naming: identity, progress: exact",
  )
  const names = Array.from({ length: PARTITIONS }, (_, partition) => partition)
  const committed = async (partition: number) =>
    (await endOffset(west, 'committed', partition)) > 0 && (await readAll(west, 'committed', partition)).length === 2
  await until(
    async () => (await Promise.all(names.map(committed))).every((isThere) => isThere),
    () => JSON.stringify(run.flow.status()),
  )
  for (const partition of names)
    await expectCopied({ client: east, topic: 'committed', partition }, { client: west, topic: 'committed', partition })
  await run.daemon.stop()
  const said = new Map<number, string | undefined>()
  await west.refresh()
  const slots = west.topics().get('heliostat.east.exact.progress.internal')!.partitions.length
  for (let slot = 0; slot < slots; slot++) {
    const owner = (await readAll(west, 'heliostat.east.exact.progress.internal', slot)).findLast(
      ({ key }) => key?.toString() === '["owner"]',
    )
    said.set(slot, owner && JSON.parse(owner.value!.toString()).state)
  }
  expect([...said.values()]).toEqual(Array.from({ length: slots }, () => 'closed'))
})

test('a reload changes the number of threads, and what was mirrored goes on', { timeout: 2 * timeoutMs }, async () => {
  await makeTopic(east, 'reloaded', PARTITIONS)
  await append('reloaded', 0)
  const run = await started("topics: { include: ['reloaded'] }, progress: reloaded", '1')
  await expectAllCopied('reloaded', run)
  expect(run.threads).toHaveLength(0)
  run.change('2')
  expect((await run.daemon.reload()).restarted).toEqual([
    { flow: 'east->west', changes: [{ setting: 'workers', before: 1, after: 2 }] },
  ])
  await append('reloaded', 1)
  await expectAllCopied('reloaded', { ...run, flow: run.daemon.flows.get('east->west')! })
  expect(run.threads).toHaveLength(2)
  run.change('1')
  await run.daemon.reload()
  await append('reloaded', 2)
  await expectAllCopied('reloaded', run)
})
