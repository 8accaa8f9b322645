// What a partition is to those who use it: a log of their records, in order, that reading does not change.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import type { Connection } from '../../src/client/connection.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { listOffsets } from '../../src/protocol/messages/list-offsets.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { batchOf, fetchOf, makeTopic, produceOf, TIME } from './requests.ts'

function dataDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'heliostat-commit-log-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** All bytes of a partition, as fetches give them, from an offset on. */
async function bytesOf(connection: Connection, topic: string, partition = 0, from = 0): Promise<Buffer> {
  const parts: Buffer[] = []
  for (let offset = from; ; ) {
    const answer = await connection.send(fetch, fetchOf(topic, { partition, offset }), { version: 12 })
    const read = answer.responses[0]!.partitions[0]!
    expect(read.errorCode).toBe(0)
    const bytes = Buffer.concat(read.records ?? [])
    const last = splitBatches(bytes).batches.at(-1)
    if (last === undefined) return Buffer.concat(parts)
    parts.push(bytes)
    offset = last.nextOffset
  }
}

async function recordsOf(connection: Connection, topic: string, partition = 0, from = 0) {
  return splitBatches(await bytesOf(connection, topic, partition, from))
    .batches.flatMap((batch) => batch.records())
    .filter(({ offset }) => offset >= from)
    .map(({ offset, value }) => `${offset} ${value}`)
}

it('counts the offsets of each partition by itself: the same offset is another record elsewhere', async () => {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't', { partitions: 2 })
  for (const partition of [0, 1]) {
    for (const value of ['a', 'b']) await produceOf(connection, 't', batchOf([`${value}${partition}`]), { partition })
  }
  expect(await recordsOf(connection, 't', 0)).toEqual(['0 a0', '1 b0'])
  expect(await recordsOf(connection, 't', 1)).toEqual(['0 a1', '1 b1'])
})

it('keeps the order of each partition; what went to another one earlier may be read later', async () => {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't', { partitions: 2 })
  for (const [partition, value] of [
    [1, 'first'],
    [0, 'second'],
    [1, 'third'],
    [0, 'fourth'],
  ] as const) {
    await produceOf(connection, 't', batchOf([value]), { partition })
  }
  const fetchBoth = { ...fetchOf('t'), topics: [{ topic: 't', partitions: [0, 1].map(asked) }] }
  const { responses } = await connection.send(fetch, fetchBoth, { version: 12 })
  const read = responses[0]!.partitions.map(({ records }) =>
    splitBatches(Buffer.concat(records!)).batches.flatMap((batch) => batch.records().map(({ value }) => String(value))),
  )
  expect(read).toEqual([
    ['second', 'fourth'],
    ['first', 'third'],
  ])

  function asked(partition: number) {
    return { ...fetchOf('t').topics![0]!.partitions![0]!, partition }
  }
})

it('is not changed by being read; only DeleteRecords, retention and compaction take anything away', async () => {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 't')
  await produceOf(connection, 't', batchOf(['a', 'b', 'c']))
  const first = await bytesOf(connection, 't')
  for (const _again of [1, 2, 3]) expect((await bytesOf(connection, 't')).equals(first)).toBe(true)
  const topics = [{ name: 't', partitions: [{ partitionIndex: 0, offset: 2 }] }]
  await connection.send(deleteRecords, { topics, timeoutMs: 1000 })
  expect(await recordsOf(connection, 't', 0, 2)).toEqual(['2 c'])
  const gone = await connection.send(fetch, fetchOf('t', { offset: 1 }), { version: 12 })
  expect(gone.responses[0]!.partitions[0]!.errorCode).toBe(1)
})

it('is the same byte for byte after a stop, and after a crash', async () => {
  const data = dataDirectory()
  const first = await embeddedCluster({ data })
  const writer = await first.connect()
  await makeTopic(writer, 't', { partitions: 3, configs: { 'internal.segment.bytes': '2000' } })
  for (let round = 0; round < 20; round++) {
    for (const partition of [0, 1, 2]) {
      const values = Array.from({ length: 1 + ((round * 7 + partition) % 5) }, (_, i) => `${round} ${i}`.padEnd(40))
      const compression = (['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const)[round % 5]!
      await produceOf(writer, 't', batchOf(values, { compression }), { partition })
    }
  }
  const all = (connection: Connection) =>
    Promise.all([0, 1, 2].map(async (partition) => (await bytesOf(connection, 't', partition)).toString('hex')))
  const before = await all(writer)
  // What a machine finds whose broker died: the files as they are in the middle of its life.
  const crashed = dataDirectory()
  cpSync(data, crashed, { recursive: true })
  await first.stop()
  for (const directory of [data, crashed]) {
    const again = await embeddedCluster({ data: directory })
    expect(await all(await again.connect())).toEqual(before)
  }
})

it('can be replayed from any moment in the past', async () => {
  const connection = await (await embeddedCluster()).connect()
  await makeTopic(connection, 'timed')
  await produceOf(connection, 'timed', batchOf(Array.from({ length: 100 }, (_, i) => `v${i}`)))
  const partitions = [{ partitionIndex: 0, timestamp: TIME + 60 }]
  const answer = await connection.send(listOffsets, { replicaId: -1, topics: [{ name: 'timed', partitions }] })
  const { offset } = answer.topics[0]!.partitions[0]!
  expect((await recordsOf(connection, 'timed', 0, offset))[0]).toBe('60 v60')
})
