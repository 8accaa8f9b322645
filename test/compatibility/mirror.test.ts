// The mirror between real clusters: copies are compared with their sources record by record, and the translation of every
// offset with the truth, which the two contents tell: the n-th record of a partition is the n-th of its copy.
import '../support/least-rights.ts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { checkCopy, checkTranslation } from '../oracle/copies.ts'
import type { SeenRecord } from '../oracle/seen-record.ts'
import { unavailable } from '../support/apache-kafka.ts'
import { appendBatch, clientOf, makeTopic, testPlatform, until } from '../support/log-content.ts'
import { apache, embedded, type RunningGround, title } from './ground.ts'
import { type MirrorCase, mirrorCases } from './mirror-cases.ts'
import { readTopics, runJava, type SeenTopics } from './record-reader.ts'

const pairs = [
  { from: apache, to: apache },
  { from: embedded, to: embedded },
  { from: embedded, to: apache },
  { from: apache, to: embedded },
]

/** The source compacts at once, so that there are holes; the target does not, so that it stays as it was written. */
const sourceConfig = { 'log.cleaner.backoff.ms': 100 }
const targetConfig = { 'log.cleaner.backoff.ms': 3_600_000 }
const startMs = 180_000
const caughtUpMs = 60_000

describe.each(pairs)('$from.name -> $to.name', ({ from, to }) => {
  const reason = from.reason ?? to.reason
  describe.skipIf(reason)(title(`mirroring from ${from.name} to ${to.name}`, reason), () => {
    let source: RunningGround
    let target: RunningGround
    let east: ClusterClient
    let west: ClusterClient
    let mirror: Mirror
    let originals: SeenTopics
    let copies: SeenTopics

    /** Why a case has no ground here. */
    const lacking = ({ java }: MirrorCase) => (java ? unavailable() : undefined)
    const cases = mirrorCases.filter((one) => lacking(one) === undefined)

    beforeAll(async () => {
      ;[source, target] = await Promise.all([from.start(sourceConfig), to.start(targetConfig)])
      east = clientOf(source.bootstrap, testPlatform, 'east')
      west = clientOf(target.bootstrap, testPlatform, 'west')
      await Promise.all([east.refresh(), west.refresh()])
      for (const { topic, partitions, configs } of cases) await makeTopic(east, topic, partitions, configs)
      for (const one of cases) await one.write?.(east, one.topic)
      const java = cases.filter((one) => one.java)
      if (java.length > 0)
        await runJava('WriteCases', [source.bootstrap, ...java.map((one) => `${one.java}=${one.topic}`)])
      mirror = startMirror(source, target)
      await mirror.start()
      await caughtUp(mirror, new Map(cases.map(({ topic, partitions }) => [topic, partitions])))
      originals = await readTopics(
        east,
        source.bootstrap,
        cases.map(({ topic }) => topic),
      )
      copies = await readTopics(
        west,
        target.bootstrap,
        cases.map(({ topic }) => `east.${topic}`),
      )
    }, startMs)

    afterAll(async () => {
      await mirror?.stop()
      east?.close()
      west?.close()
      await Promise.all([source?.stop(), target?.stop()])
    })

    for (const one of mirrorCases) {
      const { topic, partitions, says } = one
      const why = lacking(one)
      it.skipIf(why)(
        `${says}: every record is copied and every offset translated${why ? ` (skipped: ${why})` : ''}`,
        () => {
          const counts = Array.from({ length: partitions }, (_, partition) => {
            const original = originals.get(`${topic}-${partition}`) ?? []
            const copy = copies.get(`east.${topic}-${partition}`) ?? []
            expectMirrored(mirror, topic, partition, original, copy)
            return original.length
          })
          expect(Math.min(...counts)).toBeGreaterThan(0)
        },
      )
    }

    it('meets the difficulties that the cases are named after', () => {
      const offsets = (topic: string) => (originals.get(`${topic}-0`) ?? []).map(({ offset }) => offset)
      const holes = (topic: string) => offsets(topic).at(-1)! + 1 - offsets(topic).length
      expect(holes('compacted')).toBeGreaterThan(100)
      if (cases.some(({ topic }) => topic === 'java-transactions'))
        expect(holes('java-transactions')).toBeGreaterThan(40)
    })

    it('mirrors topics that are made, and partitions that are added, while it runs', async () => {
      await makeTopic(east, 'later', 1)
      await appendBatch(east, 'later', 0, buildBatch([{ timestamp: Date.now(), key: 'a', value: 'first' }]))
      await caughtUp(mirror, new Map([['later', 1]]))
      await source.addPartitions('later', 3)
      await until(
        async () => {
          await east.refresh()
          return east.leaderOf('later', 2) !== undefined
        },
        () => 'no third partition',
      )
      await appendBatch(east, 'later', 2, buildBatch([{ timestamp: Date.now(), key: 'b', value: 'second' }]))
      await caughtUp(mirror, new Map([['later', 3]]))
      const seen = await readTopics(west, target.bootstrap, ['east.later'])
      expect([...seen.keys()].sort()).toEqual(['east.later-0', 'east.later-2'])
    })

    it(
      'goes on after a stop where it was, and still knows where every offset went',
      async () => {
        await mirror.stop()
        for (const topic of ['ours-none', 'ours-zstd', 'compacted']) {
          const records = Array.from({ length: 30 }, (_, index) => ({
            timestamp: Date.now(),
            key: `new-${index}`,
            value: `after ${index}`,
          }))
          await appendBatch(east, topic, 0, buildBatch(records))
        }
        mirror = startMirror(source, target)
        await mirror.start()
        await caughtUp(mirror, new Map(cases.map(({ topic, partitions }) => [topic, partitions])))
        const topics = cases.map(({ topic }) => topic)
        const before = originals
        copies = await readTopics(
          west,
          target.bootstrap,
          topics.map((topic) => `east.${topic}`),
        )
        originals = await readTopics(east, source.bootstrap, topics)
        for (const { topic, partitions } of cases) {
          // What the source compacts away behind the mirror stays on the target: its records are those that once were there.
          if (topic === 'compacted') continue
          for (let partition = 0; partition < partitions; partition++) {
            const original = originals.get(`${topic}-${partition}`) ?? []
            const copy = copies.get(`east.${topic}-${partition}`) ?? []
            expectMirrored(mirror, topic, partition, original, copy)
          }
        }
        const compacted = copies.get('east.compacted-0')!
        const original = [...before.get('compacted-0')!, ...originals.get('compacted-0')!.slice(-30)]
        expect(checkCopy({ where: 'east.compacted-0', original, copy: compacted })).toEqual([])
      },
      startMs,
    )
  })
})

function startMirror(source: RunningGround, target: RunningGround): Mirror {
  return new Mirror(testPlatform, {
    flow: {
      name: 'east->west',
      source: 'east',
      target: 'west',
      topics: { include: ['.*'], exclude: [] },
      refreshMs: 500,
    },
    source: clientOf(source.bootstrap, testPlatform, 'east'),
    target: clientOf(target.bootstrap, testPlatform, 'west'),
  })
}

/** Resolves when all partitions of these topics hold all that a reader of committed data sees at the source. */
function caughtUp(mirror: Mirror, topics: ReadonlyMap<string, number>): Promise<void> {
  const behind = () => {
    const status = mirror.status()
    return [...topics].flatMap(([name, count]) => {
      const partitions = status.topics.find(({ topic }) => topic === name)?.partitions ?? []
      if (partitions.length < count) return [`${name}: ${partitions.length} of ${count} partitions`]
      return partitions
        .filter(({ sourceEnd, lagRecords, state }) => sourceEnd === undefined || lagRecords > 0 || state !== 'running')
        .map(
          ({ partition, state, reason, lagRecords }) =>
            `${name}-${partition}: ${state} ${reason ?? ''} lag ${lagRecords}`,
        )
    })
  }
  return until(
    () => behind().length === 0,
    () => behind().slice(0, 20).join('\n'),
    caughtUpMs,
  )
}

/** Every record once, in order and unchanged; and every offset has its place, there and back. */
function expectMirrored(
  mirror: Mirror,
  topic: string,
  partition: number,
  original: readonly SeenRecord[],
  copy: readonly SeenRecord[],
) {
  const remote = `east.${topic}`
  const compared = { where: `${remote}-${partition}`, original, copy }
  expect(checkCopy(compared)).toEqual([])
  const translate = (offset: number) => mirror.translate(topic, partition, offset)
  const reverse = (offset: number) => mirror.translate(remote, partition, offset, { reverse: true })
  expect(checkTranslation({ ...compared, from: 0, translate, reverse })).toEqual([])
}
