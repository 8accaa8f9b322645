// Copies that MirrorMaker 2 made, with what it leaves behind: duplicates of its restarts, aborted data, markers of its own transactions. They
// are gone on with at the very record where they end, or are left alone with a sentence.
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { readLog } from '../../src/client/log-reader.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { loadConfig } from '../../src/config/config.ts'
import { planFlow } from '../../src/daemon-plan.ts'
import { ClusterAliases } from '../../src/mirror/cluster-aliases.ts'
import { type Flow, Mirror } from '../../src/mirror/mirror.ts'
import { RemoteNames } from '../../src/mirror/remote-names.ts'
import type { PartitionStatus } from '../../src/mirror/status.ts'
import { encodeOffsetSync } from '../../src/offset-translation/offset-sync.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import type { Record as LogRecord } from '../../src/records/record.ts'
import { batchOf } from '../broker/requests.ts'
import { TransactionalProducer } from '../broker/transactional-producer.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, clientOf, endOffset, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'
import { MirrorProcess } from '../support/mirror-process.ts'

const AT_SOURCE = 'mm2-offset-syncs.west.internal'
const AT_TARGET = 'mm2-offset-syncs.east.internal'

const { source, target, east, west } = await eastAndWest()
let running: Mirror[] = []

beforeAll(async () => {
  await Promise.all([makeTopic(east, AT_SOURCE, 1), makeTopic(west, AT_TARGET, 1)])
})

afterEach(async () => {
  await Promise.all(running.map((mirror) => mirror.stop()))
  running = []
})

/** Going on with the copy of one topic; each with a progress of its own. */
async function goneOn(topic: string, flow: Partial<Flow> = {}): Promise<Mirror> {
  const mirror = new Mirror(testPlatform, {
    flow: {
      name: `${topic}->west`,
      source: 'east',
      target: 'west',
      progress: topic,
      topics: { include: [topic], exclude: [] },
      takeOver: 'mirrormaker',
      refreshMs: 50,
      ...flow,
    },
    source: clientOf(source.bootstrap),
    target: clientOf(target.bootstrap),
    limits: { lookAgainMs: 100, settleMs: 50 },
    slots: 1,
  })
  running.push(mirror)
  await mirror.start()
  return mirror
}

const statusOf = (mirror: Mirror): PartitionStatus | undefined => mirror.status().topics[0]?.partitions[0]
const seen = (mirror: Mirror) => () => JSON.stringify(mirror.status(), null, 1)

let clock = 1_700_000_000_000

/** Values, with times that ascend; or records. */
function write(topic: string, ...values: string[]): Promise<number> {
  return appendBatch(east, topic, 0, buildBatch(values.map((value) => ({ timestamp: clock++, key: value, value }))))
}

/** Every record of the source, whether or not its transaction was committed: as MirrorMaker reads by default. */
async function uncommitted(topic: string): Promise<LogRecord[]> {
  const records: LogRecord[] = []
  const to = await endOffset(east, topic, 0)
  for await (const batch of readLog(east, TopicPartition.of(topic, 0), { from: 0, to }))
    if (!batch.isControl) records.push(...batch.records())
  return records
}

/** One life of MirrorMaker: copies these, with a sync for the first, behind a gap, and for each that is `lagMax` behind the last. */
async function life(topic: string, records: readonly LogRecord[], { lagMax = 3, syncs = AT_SOURCE } = {}) {
  let last: { upstream: number; downstream: number } | undefined
  let before = -1
  for (const record of records) {
    const { offset: upstream, ...content } = record
    const downstream = await appendBatch(west, `east.${topic}`, 0, buildBatch([{ ...content, offset: 0 }]))
    if (!last || downstream - (last.downstream + 1) >= lagMax || upstream !== before + 1) {
      last = { upstream, downstream }
      const sync = encodeOffsetSync({ topic, partition: 0, upstreamOffset: upstream, downstreamOffset: downstream })
      const client = syncs === AT_SOURCE ? east : west
      await appendBatch(client, syncs, 0, buildBatch([{ timestamp: clock, ...sync }]))
    }
    before = upstream
  }
}

async function both(topic: string): Promise<void> {
  await makeTopic(east, topic, 1)
  await makeTopic(west, `east.${topic}`, 1)
}

async function copied(topic: string): Promise<string[]> {
  return (await readAll(west, `east.${topic}`, 0)).map(({ value }) => String(value))
}

const names = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => `v${from + at}`)

async function refusalOf(mirror: Mirror): Promise<string> {
  await until(() => statusOf(mirror)?.state === 'stopped', seen(mirror))
  return statusOf(mirror)!.reason!
}

describe('the copy', () => {
  test('is gone on with at the next record, without a gap and without a duplicate, also after restarts', async () => {
    const topic = 'orders'
    await both(topic)
    await write(topic, ...names(0, 40))
    await life(topic, (await uncommitted(topic)).slice(0, 30))
    const first = await goneOn(topic)
    await until(async () => (await copied(topic)).length === 40, seen(first))
    expect(await copied(topic)).toEqual(names(0, 40))
    expect(statusOf(first)).toMatchObject({ records: 10, gaps: [] })
    for (const at of [0, 17, 29, 30, 40]) expect(first.translate(topic, 0, at)).toBe(at)
    await first.stop()
    await write(topic, ...names(40, 45))
    const second = await goneOn(topic)
    await until(async () => (await copied(topic)).length === 45, seen(second))
    expect(await copied(topic)).toEqual(names(0, 45))
    for (const at of [0, 29, 30, 44]) expect(second.translate(topic, 0, at)).toBe(at)
  })

  test('that has all there is, is gone on with by whoever comes next, too', async () => {
    const topic = 'complete'
    await both(topic)
    await write(topic, ...names(0, 10))
    await life(topic, await uncommitted(topic))
    const first = await goneOn(topic)
    await until(() => statusOf(first)?.state === 'running', seen(first))
    await first.stop()
    const second = await goneOn(topic, { takeOver: undefined })
    await write(topic, ...names(10, 12))
    await until(async () => (await copied(topic)).length === 12, seen(second))
    expect(await copied(topic)).toEqual(names(0, 12))
    expect(second.translate(topic, 0, 4)).toBe(4)
  })

  test('with the duplicates of a restart keeps them, and no record is copied once more', async () => {
    const topic = 'restarted'
    await both(topic)
    await write(topic, ...names(0, 30))
    const all = await uncommitted(topic)
    await life(topic, all.slice(0, 20))
    await life(topic, all.slice(12, 25))
    const mirror = await goneOn(topic)
    const expected = [...names(0, 20), ...names(12, 25), ...names(25, 30)]
    await until(async () => (await copied(topic)).length === expected.length, seen(mirror))
    expect(await copied(topic)).toEqual(expected)
    // A group that is told a place among them reads each record that it has not read.
    expect(mirror.translate(topic, 0, 12)).toBe(20)
    expect(mirror.translate(topic, 0, 25)).toBe(33)
  })

  test('of equal records at equal times is told by the syncs alone', async () => {
    const topic = 'equal'
    await both(topic)
    const same = { timestamp: clock, key: 'k', value: 'v' }
    await appendBatch(east, topic, 0, buildBatch(Array.from({ length: 20 }, () => same)))
    await life(topic, (await uncommitted(topic)).slice(0, 13))
    const mirror = await goneOn(topic)
    await until(async () => (await copied(topic)).length === 20, seen(mirror))
    expect(mirror.translate(topic, 0, 13)).toBe(13)
    await until(() => statusOf(mirror)?.state === 'running', seen(mirror))
    expect(await endOffset(west, `east.${topic}`, 0)).toBe(20)
  })

  test('with what transactions aborted, or without it, is told from its content', async () => {
    for (const reads of ['everything', 'committed'] as const) {
      const topic = `aborted-${reads}`
      await both(topic)
      const connection = await east.node(east.leaderOf(topic, 0)!.nodeId)
      const producer = await TransactionalProducer.begin(connection, topic)
      for (const [round, isCommitted] of [true, false, true, false, true].entries()) {
        await producer.add(topic)
        await producer.produce(topic, names(round * 4, round * 4 + 4))
        await producer.end(isCommitted)
      }
      await write(topic, ...names(20, 30))
      const records = reads === 'everything' ? await uncommitted(topic) : [...(await readAll(east, topic, 0))]
      const before = records.slice(0, -6).map(({ value }) => String(value))
      await life(topic, records.slice(0, -6))
      const mirror = await goneOn(topic)
      await until(async () => (await copied(topic)).length === records.length, seen(mirror))
      expect(await copied(topic)).toEqual([...before, ...names(24, 30)])
      for (const { offset } of records)
        expect(mirror.translate(topic, 0, offset)).toBe(records.findIndex((one) => one.offset === offset))
    }
  })

  test.each([undefined, { commitIntervalMs: 50 }])(
    'that transactions of MirrorMaker wrote, with markers and aborted batches among its records (%o)',
    async (transactional) => {
      const topic = transactional ? 'eos-transactional' : 'eos'
      await both(topic)
      for (const [from, to] of [
        [0, 4],
        [4, 9],
        [9, 12],
      ] as const)
        await appendBatch(east, topic, 0, batchOf(names(from, to)))
      const connection = await west.node(west.leaderOf(`east.${topic}`, 0)!.nodeId)
      const producer = await TransactionalProducer.begin(connection, topic)
      const sync = async (upstreamOffset: number, downstreamOffset: number) => {
        const record = encodeOffsetSync({ topic, partition: 0, upstreamOffset, downstreamOffset })
        await appendBatch(east, AT_SOURCE, 0, buildBatch([{ timestamp: clock, ...record }]))
      }
      const commit = async (from: number, to: number, isCommitted: boolean) => {
        await producer.add(`east.${topic}`)
        const { baseOffset } = await producer.produce(`east.${topic}`, names(from, to))
        await sync(from, baseOffset)
        await producer.end(isCommitted)
      }
      await commit(0, 4, true)
      await commit(4, 6, false)
      await commit(4, 9, true)
      const mirror = await goneOn(topic, { transactional })
      await until(async () => (await copied(topic)).length === 12, seen(mirror))
      expect(await copied(topic)).toEqual(names(0, 12))
      const copies = await readAll(west, `east.${topic}`, 0)
      // The syncs of what was aborted lead to nothing; from the last one on all is known.
      for (let at = 4; at < 12; at++) expect(mirror.translate(topic, 0, at)).toBe(copies[at]!.offset)
      await mirror.stop()
      await write(topic, 'v12')
      const second = await goneOn(topic, { transactional })
      await until(async () => (await copied(topic)).length === 13, seen(second))
      expect(await copied(topic)).toEqual(names(0, 13))
    },
  )

  test('whose syncs are kept at the target', async () => {
    const topic = 'located'
    await both(topic)
    await write(topic, ...names(0, 10))
    await life(topic, (await uncommitted(topic)).slice(0, 8), { syncs: AT_TARGET })
    const mirror = await goneOn(topic)
    await until(async () => (await copied(topic)).length === 10, seen(mirror))
    expect(await copied(topic)).toEqual(names(0, 10))
  })

  test('beside syncs of a mirror the other way, whose topics have the same names', async () => {
    const topic = 'crossed'
    await both(topic)
    await write(topic, ...names(0, 30))
    const all = await uncommitted(topic)
    const other = async (upstreamOffset: number, downstreamOffset: number) => {
      const sync = encodeOffsetSync({ topic, partition: 0, upstreamOffset, downstreamOffset })
      for (const [client, syncs] of [
        [east, AT_SOURCE],
        [west, AT_TARGET],
      ] as const)
        await appendBatch(client, syncs, 0, buildBatch([{ timestamp: clock, ...sync }]))
    }
    await other(3, 1)
    await life(topic, all.slice(0, 20))
    await other(11, 12)
    await other(20, 3)
    await other(25, 19)
    const mirror = await goneOn(topic)
    await until(async () => (await copied(topic)).length === 30, seen(mirror))
    expect(await copied(topic)).toEqual(names(0, 30))
    for (const at of [0, 12, 19, 20, 29]) expect(mirror.translate(topic, 0, at)).toBe(at)
  })

  test('of a source that holds nothing any more is gone on with at its end', async () => {
    const topic = 'expired'
    await both(topic)
    await write(topic, ...names(0, 10))
    await life(topic, (await uncommitted(topic)).slice(0, 8))
    await deleteBelow(topic, 10)
    const mirror = await goneOn(topic)
    await until(() => statusOf(mirror)?.state === 'running', seen(mirror))
    await write(topic, 'v10')
    await until(async () => (await copied(topic)).length === 9, seen(mirror))
    expect(await copied(topic)).toEqual([...names(0, 8), 'v10'])
    expect(statusOf(mirror)!.gaps).toEqual([])
  })
})

test('whoever dies at whatever step of it, the next one goes on at the same record', { timeout: 60_000 }, async () => {
  const topic = 'killed'
  await both(topic)
  await write(topic, ...names(0, 50))
  await life(topic, (await uncommitted(topic)).slice(0, 30))
  const flow: Partial<Flow> = { takeOver: 'mirrormaker', progress: topic, topics: { include: [topic], exclude: [] } }
  for (const step of ['topics-created', 'partition-recorded', 'position-read', 'fetch-answered', 'produce-sent']) {
    const options = { source: source.bootstrap, target: target.bootstrap, flow }
    const child = new MirrorProcess(options, `${step}:kill:1`)
    await until(
      () => child.isOver,
      () => `${step} was not reached`,
    )
  }
  const mirror = await goneOn(topic)
  await until(async () => (await copied(topic)).length >= 50, seen(mirror))
  await until(() => statusOf(mirror)?.state === 'running', seen(mirror))
  expect(await copied(topic)).toEqual(names(0, 50))
  for (const at of [0, 29, 30, 49]) expect(mirror.translate(topic, 0, at)).toBe(at)
})

test('a plan tells beforehand what would be gone on with and where, and what would not', async () => {
  for (const topic of ['planned-good', 'planned-bad']) {
    await both(topic)
    await write(topic, ...names(0, 9))
  }
  await life('planned-good', (await uncommitted('planned-good')).slice(0, 6))
  await appendBatch(west, 'east.planned-bad', 0, batchOf(['of others']))
  const planned = async (takeOver: string) => {
    const yaml = `{ version: 1, clusters: { east: { bootstrap: [a:1] }, west: { bootstrap: [b:1] } },
      mirrors: [{ from: east, to: west, topics: { include: [planned-.*] }, progress: planned ${takeOver} }] }`
    const [job] = loadConfig(yaml, 'test.yaml', {}).config.mirrors
    const [clientEast, clientWest] = [clientOf(source.bootstrap), clientOf(target.bootstrap)]
    const aliases = new ClusterAliases(['east', 'west'])
    const plan = await planFlow(testPlatform, {
      ...{
        job: job!,
        source: clientEast,
        target: clientWest,
        aliases,
        remoteNames: new RemoteNames(),
        planned: new Set(),
        mm2Topics: true,
      },
    })
    clientEast.close()
    clientWest.close()
    return plan
  }
  const plan = await planned(', takeOver: mirrormaker')
  expect(plan.changes).toContainEqual({
    ...{ action: 'take-over', cluster: 'west', resource: 'east.planned-good-0' },
    ...{ detail: 'from source offset 6 on', rule: 'takeOver: mirrormaker' },
  })
  expect(plan.problems.join()).toMatch(/^The copy .* no offset sync of MirrorMaker speaks of planned-bad-0/)
  expect((await planned('')).problems.toSorted()).toEqual([
    expect.stringContaining('east.planned-bad-0 holds records that heliostat did not write'),
    expect.stringContaining('east.planned-good-0 holds records that heliostat did not write'),
  ])
})

describe('what cannot be proved is left alone, with a sentence', () => {
  test('a copy that nobody asked to be gone on with', async () => {
    const topic = 'unasked'
    await both(topic)
    await write(topic, 'v0')
    await life(topic, await uncommitted(topic))
    const mirror = await goneOn(topic, { takeOver: undefined })
    expect(await refusalOf(mirror)).toContain('there is no progress that says how they came there')
    expect(await copied(topic)).toEqual(['v0'])
  })

  test('a copy of which MirrorMaker said nothing', async () => {
    const topic = 'silent'
    await both(topic)
    await write(topic, ...names(0, 3))
    await appendBatch(west, `east.${topic}`, 0, buildBatch([{ timestamp: 1, key: null, value: 'v0' }]))
    const mirror = await goneOn(topic)
    expect(await refusalOf(mirror)).toContain(`no offset sync of MirrorMaker speaks of ${topic}-0`)
    expect(await copied(topic)).toEqual(['v0'])
  })

  test('another record at the end than the source has; once it is deleted the copy is made anew', async () => {
    const topic = 'changed'
    await both(topic)
    await write(topic, ...names(0, 12))
    const records = await uncommitted(topic)
    const other: LogRecord = { ...records[9]!, value: Buffer.from('other') }
    await life(topic, [...records.slice(0, 9), other])
    const mirror = await goneOn(topic)
    expect(await refusalOf(mirror)).toContain(`at 9 of east.${topic}-0 stands another record than at 9 of ${topic}-0`)
    expect(await endOffset(west, `east.${topic}`, 0)).toBe(10)
    const controller = await west.controller()
    await controller.send(deleteTopics, {
      topics: [{ name: `east.${topic}`, topicId: ZERO_UUID }],
      topicNames: [`east.${topic}`],
      timeoutMs: 5_000,
    })
    await until(async () => (await endOffset(west, `east.${topic}`, 0).catch(() => 0)) === 12, seen(mirror))
    await west.refresh()
    expect(await copied(topic)).toEqual(names(0, 12))
  })

  test('a last life that has not come as far as the one before', async () => {
    const topic = 'behind'
    await both(topic)
    await write(topic, ...names(0, 30))
    const all = await uncommitted(topic)
    await life(topic, all.slice(0, 20))
    await life(topic, all.slice(8, 14))
    const mirror = await goneOn(topic)
    expect(await refusalOf(mirror)).toContain(`the record at 14 of ${topic}-0, which would come next, stands at 14`)
    expect(await endOffset(west, `east.${topic}`, 0)).toBe(26)
  })

  test('equal records at equal times, of which some were copied twice', async () => {
    const topic = 'equal-twice'
    await both(topic)
    const same = { timestamp: clock, key: 'k', value: 'v' }
    await appendBatch(east, topic, 0, buildBatch(Array.from({ length: 20 }, () => same)))
    const all = await uncommitted(topic)
    await life(topic, all.slice(0, 13))
    await life(topic, all.slice(8, 15))
    // Twenty records here and there, and yet five are missing.
    expect(await refusalOf(await goneOn(topic))).toContain(`the record at 15 of ${topic}-0, which would come next`)
    expect(await endOffset(west, `east.${topic}`, 0)).toBe(20)
  })

  test('records that neither side keeps any more', async () => {
    const topic = 'gone'
    await both(topic)
    await write(topic, ...names(0, 10))
    await life(topic, (await uncommitted(topic)).slice(0, 8))
    await deleteBelow(topic, 9)
    const mirror = await goneOn(topic)
    expect(await refusalOf(mirror)).toContain(`neither ${topic}-0 nor east.${topic}-0 keeps the records any more`)
  })
})

async function deleteBelow(topic: string, offset: number): Promise<void> {
  const connection = await east.node(east.leaderOf(topic, 0)!.nodeId)
  const topics = [{ name: topic, partitions: [{ partitionIndex: 0, offset }] }]
  const answer = await connection.send(deleteRecords, { topics, timeoutMs: 5_000 })
  expect(answer.topics[0]!.partitions[0]!.errorCode).toBe(0)
}
