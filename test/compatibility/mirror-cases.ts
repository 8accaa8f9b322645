// What is written to the source before it is mirrored: one topic a case, each with its own difficulty.
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { buildBatch, type RecordInput } from '../../src/records/batch-builder.ts'
import { CODECS } from '../../src/records/compression/index.ts'
import { appendBatch, readAll, until } from '../support/log-content.ts'

export interface MirrorCase {
  readonly topic: string
  readonly says: string
  readonly partitions: number
  readonly configs?: Readonly<Record<string, string>>
  /** Written by test/compatibility/java/WriteCases.java under this name. */
  readonly java?: string
  write?(client: ClusterClient, topic: string): Promise<void>
}

/** Recent, so that retention leaves the records alone; the same within a run. */
const startTime = Date.now() - 3_600_000
const recordsPerBatch = 25

const numbered = (from: number, count: number): RecordInput[] =>
  Array.from({ length: count }, (_, index) => ({
    timestamp: startTime + from + index,
    key: `key-${(from + index) % 17}`,
    value: `value ${from + index} ${'filler '.repeat((from + index) % 23)}`,
  }))

function codecCase(codec: (typeof CODECS)[number]): MirrorCase {
  return {
    topic: `ours-${codec}`,
    says: `batches compressed with ${codec}, without a producer id`,
    partitions: 2,
    write: async (client, topic) => {
      for (let batch = 0; batch < 20; batch++) {
        const records = numbered(batch * recordsPerBatch, recordsPerBatch)
        await appendBatch(client, topic, batch % 2, buildBatch(records, { compression: codec }))
      }
    },
  }
}

const javaCase = (name: string, says: string): MirrorCase => ({
  topic: `java-${name}`,
  says,
  partitions: 2,
  java: name,
})

export const mirrorCases: readonly MirrorCase[] = [
  ...CODECS.map(codecCase),
  ...CODECS.map((codec) => javaCase(codec, `an idempotent Java producer, ${codec}`)),
  javaCase('plain', 'a Java producer that is not idempotent'),
  javaCase('transactions', 'overlapping transactions, committed and aborted'),
  {
    topic: 'idempotent',
    says: 'batches of one idempotent producer, with its sequences',
    partitions: 1,
    write: async (client, topic) => {
      for (let batch = 0; batch < 20; batch++) {
        const baseSequence = batch * recordsPerBatch
        const records = numbered(baseSequence, recordsPerBatch)
        await appendBatch(client, topic, 0, buildBatch(records, { producerId: 4711, producerEpoch: 0, baseSequence }))
      }
    },
  },
  {
    topic: 'headers-and-nulls',
    says: 'headers, null and empty keys and values, and times out of order',
    partitions: 1,
    write: async (client, topic) => {
      const repeated = [
        { key: 'trace', value: Buffer.from('a') },
        { key: 'trace', value: Buffer.from('b') },
        { key: '', value: null },
        { key: 'empty', value: Buffer.alloc(0) },
        { key: 'ünïcode', value: Buffer.from([0, 255, 128]) },
      ]
      const records: RecordInput[] = [
        { timestamp: startTime + 5, key: null, value: null },
        { timestamp: startTime, key: '', value: '' },
        { timestamp: startTime + 9, key: 'key', value: null, headers: repeated },
        { timestamp: startTime + 1, key: null, value: 'value', headers: repeated.slice(0, 1) },
      ]
      for (const compression of ['none', 'gzip'] as const)
        await appendBatch(client, topic, 0, buildBatch(records, { compression }))
    },
  },
  {
    topic: 'single-records',
    says: 'batches of one record',
    partitions: 2,
    write: async (client, topic) => {
      for (let record = 0; record < 300; record++)
        await appendBatch(client, topic, record % 2, buildBatch(numbered(record, 1)))
    },
  },
  {
    topic: 'large-batches',
    says: 'batches of 1 MiB, of many records and of one',
    partitions: 1,
    write: async (client, topic) => {
      // max.message.bytes is 1,048,588; headers and varints must fit beside the values.
      const many = Array.from({ length: 1000 }, (_, index) => ({
        timestamp: startTime + index,
        key: null,
        value: `${index}`.padEnd(1030, '.'),
      }))
      const one = [{ timestamp: startTime, key: 'one', value: 'x'.repeat(1_048_000) }]
      for (const records of [many, one, many, numbered(0, 3), many])
        await appendBatch(client, topic, 0, buildBatch(records))
    },
  },
  {
    topic: 'many-partitions',
    says: '64 partitions',
    partitions: 64,
    write: async (client, topic) => {
      const write = async (partition: number) => {
        for (let batch = 0; batch < 3; batch++) {
          await appendBatch(
            client,
            topic,
            partition,
            buildBatch(numbered(partition * 1000 + batch * 5, 1 + (partition % 5))),
          )
        }
      }
      await Promise.all(Array.from({ length: 64 }, (_, partition) => write(partition)))
    },
  },
  {
    topic: 'append-times',
    says: 'LogAppendTime',
    partitions: 1,
    configs: { 'message.timestamp.type': 'LogAppendTime' },
    write: async (client, topic) => {
      for (let batch = 0; batch < 12; batch++) {
        const compression = CODECS[batch % CODECS.length]!
        await appendBatch(client, topic, 0, buildBatch(numbered(batch * 10, 10), { compression }))
      }
    },
  },
  {
    topic: 'compacted',
    says: 'a compacted topic with holes',
    partitions: 1,
    configs: {
      'cleanup.policy': 'compact',
      'segment.ms': '100',
      'min.cleanable.dirty.ratio': '0.01',
      'delete.retention.ms': '86400000',
    },
    write: writeUntilCompacted,
  },
]

/** Goes on writing the same keys, since a segment is rolled and compacted only when something follows it. */
async function writeUntilCompacted(client: ClusterClient, topic: string): Promise<void> {
  let written = 0
  const append = async () => {
    const compression = CODECS[Math.floor(written / 20) % CODECS.length]!
    const records = numbered(written, 20).map((record, index) => ({
      ...record,
      value: index % 7 === 3 ? null : record.value!,
    }))
    await appendBatch(client, topic, 0, buildBatch(records, { compression }))
    written += records.length
  }
  while (written < 400) await append()
  let left = written
  await until(
    async () => {
      await append()
      left = (await readAll(client, topic, 0)).length
      return left < written - 300
    },
    () => `${left} of ${written} records are left`,
    60_000,
  )
}
