// Kill -9 at every step, again and again, while the source is being written: the copy is complete, in order, and has nothing twice.
import { describe, expect, test } from 'vitest'
import type { Step } from '../../src/mirror/mirror.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { expectCopied } from '../support/copied.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'
import type { MirrorChildOptions } from '../support/mirror-child.ts'
import { MirrorProcess } from '../support/mirror-process.ts'
import { seededCluster } from '../support/seeded-cluster.ts'
import { compactedLog, transactionalLog } from '../support/source-logs.ts'

const newPartitionSteps: Step[] = ['topics-created', 'partition-recorded', 'plan-sent', 'plan-durable']
const topics: string[] = []

/** step:action:nth, each a life of the process. */
const plainLives = [
  ...['topics-created:kill:1', 'partition-recorded:kill:1', 'plan-sent:kill:1', 'plan-durable:kill:1'],
  ...['progress-read:kill:1', 'progress-read:kill:4', 'position-read:kill:1', 'position-read:kill:3'],
  ...['fetch-answered:kill:1', 'fetch-answered:kill:10', 'batches-accepted:kill:1', 'batches-accepted:kill:10'],
  ...['produce-sent:kill:1', 'produce-sent:kill:2', 'produce-sent:kill:10', 'produce-sent:kill:25'],
  ...['produce-answered:kill:1', 'produce-answered:kill:2', 'produce-answered:kill:10', 'produce-answered:kill:25'],
]

const holeLives = [
  ...['plan-sent:kill:1', 'plan-sent:kill:2', 'plan-sent:kill:5', 'plan-durable:kill:1', 'plan-durable:kill:3'],
  ...['produce-sent:kill:1', 'produce-sent:kill:2', 'produce-sent:kill:7', 'produce-answered:kill:1'],
  ...['produce-answered:kill:4', 'fetch-answered:kill:6', 'batches-accepted:kill:3', 'position-read:kill:2'],
]

const transactionalLives = [
  'partition-recorded:kill:1',
  ...['progress-read:kill:2', 'position-read:kill:1', 'fetch-answered:kill:3', 'batches-accepted:kill:4'],
  ...['produce-sent:kill:1', 'produce-sent:kill:6', 'produce-answered:kill:1', 'produce-answered:kill:9'],
  ...['commit-begun:kill:6', 'commit-begun:kill:12', 'commit-sent:kill:6', 'commit-sent:kill:9', 'commit-sent:kill:13'],
  ...['committed:kill:6', 'committed:kill:11'],
]

const { source, target, east, west } = await eastAndWest()

/** Writes batches of 1 to 40 records to every partition until told to stop. */
class Load {
  #next = 0
  #running = true
  readonly #over: Promise<void>

  constructor(
    topic: string,
    partitions: number,
    append: (topic: string, partition: number, round: number) => Promise<void>,
  ) {
    this.#over = (async () => {
      while (this.#running) {
        const round = this.#next++
        for (let partition = 0; partition < partitions; partition++) await append(topic, partition, round)
        await new Promise<void>((resolve) => testPlatform.clock.setTimer(4, resolve))
      }
    })()
  }

  get rounds(): number {
    return this.#next
  }

  stop(): Promise<void> {
    this.#running = false
    return this.#over
  }
}

async function appendPlain(topic: string, partition: number, round: number): Promise<void> {
  const compression = (['none', 'gzip', 'zstd', 'none', 'snappy', 'lz4'] as const)[round % 6]!
  const records = Array.from({ length: 1 + ((round * 7) % 40) }, (_, at) => ({
    timestamp: testPlatform.clock.now(),
    key: `${partition}-${round}`,
    value: `${at} `.repeat(1 + ((round * 31) % 200)),
    headers: [{ key: 'round', value: Buffer.from(String(round)) }],
  }))
  await appendBatch(east, topic, partition, buildBatch(records, { compression }))
}

async function expectSameContent(topic: string, partitions: number): Promise<void> {
  for (let partition = 0; partition < partitions; partition++)
    await expectCopied({ client: east, topic, partition }, { client: west, topic: `east.${topic}`, partition })
}

/** Starts a mirror that is to kill itself; whether it did. */
async function lifeUntil(failpoint: string, options: Partial<MirrorChildOptions> = {}): Promise<boolean> {
  const mirror = new MirrorProcess({ source: source.bootstrap, target: target.bootstrap, ...options }, failpoint)
  const bit = await until(
    () => mirror.isOver,
    () => failpoint,
    30_000,
  ).then(
    () => true,
    () => false,
  )
  await mirror.kill()
  return bit
}

describe('a mirror that is killed', () => {
  test('at each step loses, doubles and swaps nothing', { timeout: 400_000 }, async () => {
    const partitions = 3
    await makeTopic(east, 'orders', partitions)
    const load = new Load('orders', partitions, appendPlain)
    const missed: string[] = []
    for (const failpoint of plainLives) {
      const [step] = failpoint.split(':') as [Step]
      // Some steps come only while a partition is new.
      if (newPartitionSteps.includes(step)) {
        const topic = `new-${failpoint.replaceAll(':', '-')}`
        await makeTopic(east, topic, 1)
        await appendPlain(topic, 0, 1)
        topics.push(topic)
      }
      if (!(await lifeUntil(failpoint))) missed.push(failpoint)
    }
    await load.stop()
    expect(missed, 'a failpoint that does not bite proves nothing').toEqual([])
    const last = new MirrorProcess({ source: source.bootstrap, target: target.bootstrap })
    await expectSameContent('orders', partitions)
    for (const topic of topics) await expectSameContent(topic, 1)
    expect((await last.kill('SIGTERM')).code).toBe(0)
    expect(await endOffset(west, 'east.orders', 0)).toBe(await endOffset(east, 'orders', 0))
  })
})

describe.each([
  ['compacted', 'compact', compactedLog],
  ['transactional', 'delete', transactionalLog],
] as const)('a mirror of a %s topic that is killed', (kind, policy, log) => {
  test('closes the holes, and loses, doubles and swaps nothing', { timeout: 400_000 }, async () => {
    const seeded = await seededCluster('east', [
      { name: kind, configs: { 'cleanup.policy': policy }, logs: [log(1, 400), log(2, 400)] },
    ])
    const reader = clientOf(seeded.bootstrap)
    await reader.refresh()
    const options = {
      source: seeded.bootstrap,
      limits: { fetchPartitionBytes: 2_000, fetchBytes: 4_000, settleMs: 100 },
      flow: { source: kind },
    }
    const missed: string[] = []
    for (const failpoint of holeLives) if (!(await lifeUntil(failpoint, options))) missed.push(failpoint)
    expect(missed, 'a failpoint that does not bite proves nothing').toEqual([])
    const last = new MirrorProcess({ ...options, target: target.bootstrap })
    for (let partition = 0; partition < 2; partition++) {
      const target = { client: west, topic: `${kind}.${kind}`, partition }
      const original = await expectCopied({ client: reader, topic: kind, partition }, target)
      expect(original.length).toBeGreaterThan(500)
    }
    expect((await last.kill('SIGTERM')).code).toBe(0)
    reader.close()
    await seeded.stop()
  })
})

describe('a transactional mirror that is killed', () => {
  test('at each step shows each record once to who reads committed data', { timeout: 400_000 }, async () => {
    await makeTopic(east, 'ledger', 2)
    const load = new Load('ledger', 2, appendPlain)
    const flow = {
      name: 'ledger->west',
      source: 'ledger',
      topics: { include: ['ledger'], exclude: [] },
      transactional: { commitIntervalMs: 30 },
    }
    const missed: string[] = []
    for (const failpoint of transactionalLives) if (!(await lifeUntil(failpoint, { flow }))) missed.push(failpoint)
    await load.stop()
    expect(missed, 'a failpoint that does not bite proves nothing').toEqual([])
    const last = new MirrorProcess({ source: source.bootstrap, target: target.bootstrap, flow })
    for (let partition = 0; partition < 2; partition++) {
      const remote = 'ledger.ledger'
      const { length } = await readAll(east, 'ledger', partition)
      await west.refresh()
      await until(
        async () => (await readAll(west, remote, partition)).length >= length,
        () => `${remote}-${partition} has fewer than ${length}`,
      )
      const copy = { client: west, topic: remote, partition }
      expect((await expectCopied({ client: east, topic: 'ledger', partition }, copy)).length).toBeGreaterThan(100)
    }
    expect((await last.kill('SIGTERM')).code).toBe(0)
  })
})
