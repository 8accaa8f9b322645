// `delivery: transactional`: records and progress in one transaction, so that whoever reads committed data sees each record once, whatever
// dies when, also where others write to the same topics.
import '../support/least-rights.ts'
import { afterEach, describe, expect, test } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { type Flow, Mirror } from '../../src/mirror/mirror.ts'
import { ProgressReader } from '../../src/mirror/progress-reader.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { eastAndWest } from '../support/east-west.ts'
import { appendBatch, clientOf, makeTopic, readAll, testPlatform, until } from '../support/log-content.ts'

const transactional = { commitIntervalMs: 60 }

const { source, target, east, west } = await eastAndWest()
let running: Mirror[] = []

afterEach(async () => {
  await Promise.all(running.map((mirror) => mirror.stop()))
  running = []
})

async function mirrored(topic: string, flow: Partial<Flow> = { transactional }): Promise<Mirror> {
  const mirror = new Mirror(testPlatform, {
    flow: {
      name: `${topic}->west`,
      source: topic,
      target: 'west',
      topics: { include: [topic], exclude: [] },
      refreshMs: 50,
      ...flow,
    },
    source: clientOf(source.bootstrap),
    target: clientOf(target.bootstrap),
    limits: { lookAgainMs: 100, settleMs: 50 },
    slots: 2,
  })
  running.push(mirror)
  await mirror.start()
  return mirror
}

let number = 0
function write(client: ClusterClient, topic: string, partition: number, count: number): Promise<number> {
  const records = Array.from({ length: count }, () => {
    const value = `${topic} ${number++}`
    return { timestamp: testPlatform.clock.now(), key: value, value }
  })
  return appendBatch(client, topic, partition, buildBatch(records))
}

type Records = Awaited<ReturnType<typeof readAll>>
const linesOf = (records: Records) => records.map(({ timestamp, key, value }) => `${timestamp} ${key} ${value}`)
const ofTopic = (lines: string[], others: ReadonlySet<string>) => lines.filter((line) => !others.has(line))

/** Who reads committed data finds the source's records, in order, and each once; and the map knows where. */
async function expectCopied(
  topic: string,
  partitions: number,
  mirror?: Mirror,
  others: ReadonlySet<string> = new Set(),
) {
  const remote = `${topic}.${topic}`
  for (let partition = 0; partition < partitions; partition++) {
    const original = await readAll(east, topic, partition)
    let copy: Records = []
    await until(
      async () => {
        await west.refresh()
        if (west.leaderOf(remote, partition)) copy = await readAll(west, remote, partition)
        return ofTopic(linesOf(copy), others).length >= original.length
      },
      () =>
        `${copy.length} of ${original.length}: ${JSON.stringify(mirror?.status().topics)} ${JSON.stringify(mirror?.status().errors)}`,
    )
    expect(ofTopic(linesOf(copy), others)).toEqual(linesOf(original))
    if (!mirror) continue
    const places = copy.filter((record) => !others.has(linesOf([record])[0]!)).map(({ offset }) => offset)
    const translated = () => original.map(({ offset }) => mirror.translate(topic, partition, offset))
    await until(
      () => JSON.stringify(translated()) === JSON.stringify(places),
      () => `${translated()} is ${places}`,
    )
    for (const [index, place] of places.entries())
      expect(mirror.translate(remote, partition, place, { reverse: true })).toBe(original[index]!.offset)
  }
}

describe('a transactional mirror', () => {
  test('copies each record once, knows where, and goes on after a stop where it was', async () => {
    await makeTopic(east, 'plain', 3)
    const first = await mirrored('plain')
    for (let round = 0; round < 30; round++) await write(east, 'plain', round % 3, 1 + (round % 7))
    await expectCopied('plain', 3, first)
    await first.stop()
    for (let round = 0; round < 12; round++) await write(east, 'plain', round % 3, 3)
    const second = await mirrored('plain')
    await expectCopied('plain', 3, second)
    expect(second.gaps()).toEqual([])
    expect(second.status().errors).toEqual({})
    await second.stop()
    // What the progress topic says is the same, asked without the mirror.
    const progress = new ProgressReader(testPlatform, clientOf(target.bootstrap), second.policy.progressTopic)
    const view = await progress.partition('plain', 0)
    const copy = await readAll(west, 'plain.plain', 0)
    for (const [index, { offset }] of (await readAll(east, 'plain', 0)).entries())
      expect(view?.map?.translate(offset)).toBe(copy[index]!.offset)
  })

  test('shares its topics with other writers, and still knows which records are whose', async () => {
    await makeTopic(east, 'shared', 1)
    const mirror = await mirrored('shared')
    await write(east, 'shared', 0, 2)
    await expectCopied('shared', 1, mirror)
    const others = new Set<string>()
    for (let round = 0; round < 25; round++) {
      await write(east, 'shared', 0, 2)
      const value = `not ours ${round}`
      const timestamp = testPlatform.clock.now()
      others.add(`${timestamp} ${value} ${value}`)
      await appendBatch(west, 'shared.shared', 0, buildBatch([{ timestamp, key: value, value }]))
    }
    await expectCopied('shared', 1, mirror, others)
    expect(mirror.gaps()).toEqual([])
    await mirror.stop()
    await write(east, 'shared', 0, 4)
    await expectCopied('shared', 1, await mirrored('shared'), others)
  })

  test('takes over from a mirror without transactions, and does not give back', async () => {
    await makeTopic(east, 'grown', 1)
    const before = await mirrored('grown', {})
    await write(east, 'grown', 0, 5)
    await expectCopied('grown', 1, before)
    await before.stop()
    await write(east, 'grown', 0, 5)
    const after = await mirrored('grown')
    await expectCopied('grown', 1, after)
    await write(east, 'grown', 0, 5)
    await expectCopied('grown', 1, after)
    await after.stop()
    const back = await mirrored('grown', {})
    await until(
      () => back.status().errors['HEL_DELIVERY'] !== undefined,
      () => JSON.stringify(back.status()),
    )
  })

  test('whose progress is lost doubles nothing: it stops, also where others have written since, and says what helps', async () => {
    await makeTopic(east, 'lost', 1)
    const first = await mirrored('lost')
    await write(east, 'lost', 0, 3)
    await expectCopied('lost', 1, first)
    await first.stop()
    await appendBatch(west, 'lost.lost', 0, buildBatch([{ timestamp: 1, key: 'x', value: 'x' }]))
    await (await west.controller()).send(deleteTopics, {
      topics: [{ name: first.policy.progressTopic, topicId: ZERO_UUID }],
      topicNames: [first.policy.progressTopic],
      timeoutMs: 5_000,
    })
    const second = await mirrored('lost')
    const statusOf = () => second.status().topics[0]?.partitions[0]
    await until(
      () => statusOf()?.state === 'stopped',
      () => JSON.stringify(second.status()),
    )
    expect(statusOf()!.reason).toContain('there is no progress that says how they came there')
    expect(await readAll(west, 'lost.lost', 0)).toHaveLength(4)
  })
})
