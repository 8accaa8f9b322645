import { crc32 } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { CODECS, type Codec, compress } from '../../src/records/compression/index.ts'
import { RecordBatch, splitBatches } from '../../src/records/record-batch.ts'
import { RecordsError } from '../../src/records/records-error.ts'
import { rewriteDense } from '../../src/records/rewrite.ts'
import { inHex } from './vectors.ts'

interface Message {
  magic: 0 | 1
  offset: number
  timestamp?: number
  codec?: Codec
  logAppendTime?: boolean
  key?: Buffer | null
  value: Buffer | null
}

function message({ magic, offset, timestamp = 0, codec = 'none', logAppendTime, key = null, value }: Message): Buffer {
  const body = Buffer.concat([
    Buffer.from([magic, CODECS.indexOf(codec) | (logAppendTime ? 8 : 0)]),
    magic === 1 ? int64(timestamp) : Buffer.alloc(0),
    ...[key, value].flatMap((field) => [int32(field === null ? -1 : field.length), field ?? Buffer.alloc(0)]),
  ])
  return Buffer.concat([int64(offset), int32(4 + body.length), int32(crc32(body) | 0), body])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

function int64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}

function inner(magic: 0 | 1, offsets: readonly number[]): Buffer {
  return Buffer.concat(
    offsets.map((offset) =>
      message({ magic, offset, timestamp: 1000 + offset, value: Buffer.from(`value ${offset}`) }),
    ),
  )
}

const packing = CODECS.filter((codec) => codec !== 'none' && codec !== 'zstd')

describe('a message of magic 0', () => {
  it('has no timestamp, and the rest', () => {
    const batch = new RecordBatch(message({ magic: 0, offset: 9, key: Buffer.from('k'), value: null }))
    expect(batch).toMatchObject({ magic: 0, baseOffset: 9, lastOffset: 9, count: 1, maxTimestamp: -1, isDense: true })
    expect(batch.crcIsValid()).toBe(true)
    expect(inHex(batch.records())).toEqual([{ offset: 9, timestamp: -1, key: '6b', value: null, headers: [] }])
  })
})

describe.each(packing)('a set compressed with %s', (codec) => {
  const offsets = (batch: RecordBatch) => batch.records().map(({ offset }) => offset)

  it('of magic 1 counts inner offsets from its start', () => {
    const batch = new RecordBatch(message({ magic: 1, offset: 42, codec, value: compress(codec, inner(1, [0, 1, 2])) }))
    expect(offsets(batch)).toEqual([40, 41, 42])
    expect(batch).toMatchObject({ baseOffset: 40, lastOffset: 42, lastOffsetDelta: 2, count: 3, isDense: true })
  })

  it('of magic 1 keeps the holes of compaction', () => {
    const batch = new RecordBatch(message({ magic: 1, offset: 42, codec, value: compress(codec, inner(1, [1, 5])) }))
    expect(offsets(batch)).toEqual([38, 42])
    expect(batch.isDense).toBe(false)
  })

  it('of magic 1 may hold absolute offsets', () => {
    const batch = new RecordBatch(message({ magic: 1, offset: 42, codec, value: compress(codec, inner(1, [40, 42])) }))
    expect(offsets(batch)).toEqual([40, 42])
  })

  it('of magic 0 holds absolute offsets', () => {
    const batch = new RecordBatch(
      message({ magic: 0, offset: 42, codec, value: compress(codec, inner(0, [40, 41, 42])) }),
    )
    expect(offsets(batch)).toEqual([40, 41, 42])
    expect(batch.baseOffset).toBe(40)
  })

  it('shows the append time of its wrapper, when the broker stamped it', () => {
    const value = compress(codec, inner(1, [0, 1]))
    const stamped = new RecordBatch(message({ magic: 1, offset: 1, timestamp: 77, logAppendTime: true, codec, value }))
    expect(stamped.timestampType).toBe('LogAppendTime')
    expect(stamped.records().map(({ timestamp }) => timestamp)).toEqual([77, 77])
    const created = new RecordBatch(message({ magic: 1, offset: 1, timestamp: 1001, codec, value }))
    expect(created.records().map(({ timestamp }) => timestamp)).toEqual([1000, 1001])
  })

  it('is raised to magic 2 from any offset on, in its codec', () => {
    const value = compress(codec, inner(1, [0, 1, 4]))
    const batch = new RecordBatch(message({ magic: 1, offset: 104, codec, value }))
    const [only] = rewriteDense(batch, { fromOffset: 101, maxBytes: 10_000 })
    expect(only!.runs).toEqual([
      { upstream: 101, count: 1 },
      { upstream: 104, count: 1 },
    ])
    const raised = new RecordBatch(only!.bytes)
    expect(raised).toMatchObject({ magic: 2, compression: codec, isDense: true, maxTimestamp: 1004 })
    expect(raised.records().map(({ timestamp, value }) => [timestamp, value!.toString()])).toEqual([
      [1001, 'value 1'],
      [1004, 'value 4'],
    ])
  })

  it.each([
    ['without a value', null],
    ['without messages', compress(codec, Buffer.alloc(0))],
    ['inside another', compress(codec, message({ magic: 1, offset: 0, codec, value: compress(codec, inner(1, [0])) }))],
    ['holding another magic', compress(codec, inner(0, [0]))],
    ['whose offsets descend', compress(codec, inner(1, [1, 0]))],
    ['that is cut short', compress(codec, inner(1, [0, 1]).subarray(0, -3))],
    ['whose sizes make no progress', compress(codec, Buffer.alloc(100))],
  ])('is refused %s', (_title, value) => {
    const batch = new RecordBatch(message({ magic: 1, offset: 5, codec, value }))
    expect(() => batch.records()).toThrow(RecordsError)
    expect(() => batch.count).toThrow(RecordsError)
  })
})

describe('splitBatches', () => {
  it('walks messages of all magics in one log', () => {
    const set = [
      message({ magic: 0, offset: 0, value: Buffer.from('a') }),
      message({ magic: 1, offset: 3, codec: 'gzip', value: compress('gzip', inner(1, [0, 1, 2])) }),
      message({ magic: 1, offset: 4, value: null }),
    ]
    const { batches, incompleteBytes } = splitBatches(Buffer.concat([...set, set[0]!.subarray(0, 20)]))
    expect(batches.map(({ magic, baseOffset, nextOffset }) => [magic, baseOffset, nextOffset])).toEqual([
      [0, 0, 1],
      [1, 1, 4],
      [1, 4, 5],
    ])
    expect(incompleteBytes).toBe(20)
  })
})
