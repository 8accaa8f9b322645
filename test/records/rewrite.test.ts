import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch, controlBatch, type RecordInput } from '../../src/records/batch-builder.ts'
import { CODECS, type Codec } from '../../src/records/compression/index.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { isJoinable, joinBatches, type RewrittenBatch, rewriteDense } from '../../src/records/rewrite.ts'
import { batchVectors, bytesOf, inHex, type VectorRecord } from './vectors.ts'

const NO_LIMIT = 1 << 30

/** Reads what was rewritten back to upstream offsets, checking on the way all that a broker would check. */
function upstreamOf(rewritten: readonly RewrittenBatch[]): VectorRecord[] {
  return rewritten.flatMap(({ bytes, runs }) => {
    const batch = new RecordBatch(bytes)
    expect(batch).toMatchObject({ baseOffset: 0, isDense: true, producerId: -1, baseSequence: -1, isControl: false })
    expect(batch.crcIsValid()).toBe(true)
    const records = batch.records()
    expect(records.map(({ offset }) => offset)).toEqual(records.map((_, index) => index))
    expect(batch.maxTimestamp).toBe(records.reduce((max, { timestamp }) => Math.max(max, timestamp), -Infinity))
    const upstream = runs.flatMap((run) => Array.from({ length: run.count }, (_, index) => run.upstream + index))
    expect(upstream.length).toBe(records.length)
    return inHex(records).map((record, index) => ({ ...record, offset: upstream[index]! }))
  })
}

function expectMaximalRuns({ runs }: RewrittenBatch): void {
  for (let at = 1; at < runs.length; at++) {
    expect(runs[at]!.upstream).toBeGreaterThan(runs[at - 1]!.upstream + runs[at - 1]!.count)
  }
}

const field = fc.option(
  fc.uint8Array({ maxLength: 150 }).map((bytes) => Buffer.from(bytes)),
  { nil: null },
)
const gap = fc.oneof({ weight: 5, arbitrary: fc.constant(1) }, fc.integer({ min: 1, max: 20_000 }))
const timestamp = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_000_200 }),
  fc.integer({ min: -1, max: 2 ** 47 }),
)
const headers = fc.array(fc.record({ key: fc.string({ maxLength: 5 }), value: field }), { maxLength: 3 })

/** Records with random holes; batches over 64 and over 8,192 records come from the examples below. */
function recordsFrom(first: number, gaps: fc.Arbitrary<number>, maxLength = 200): fc.Arbitrary<RecordInput[]> {
  return fc.array(fc.tuple(gaps, timestamp, field, field, headers), { minLength: 1, maxLength }).map((rows) => {
    let offset = first - 1
    return rows.map(([step, time, key, value, all]) => {
      offset += step
      return { offset, timestamp: time, key, value, headers: all }
    })
  })
}

const base = fc.integer({ min: 0, max: 2 ** 40 })
const codec: fc.Arbitrary<Codec> = fc.constantFrom(...CODECS)

describe('rewriteDense', () => {
  it('keeps the wanted records exactly and closes their holes, like the naive model', () => {
    fc.assert(
      fc.property(
        base.chain((first) => recordsFrom(first, gap)),
        codec,
        fc.option(fc.integer({ min: -5, max: 300 }), { nil: undefined }),
        fc.option(fc.integer({ min: -5, max: 300 }), { nil: undefined }),
        fc.oneof(fc.constant(NO_LIMIT), fc.integer({ min: 100, max: 5000 })),
        (records, compression, fromIndex, toIndex, maxBytes) => {
          const batch = new RecordBatch(buildBatch(records, { compression, transactional: true, producerId: 7 }))
          const before = Buffer.from(batch.bytes)
          const fromOffset = fromIndex === undefined ? undefined : batch.baseOffset + fromIndex
          const toOffset = toIndex === undefined ? undefined : batch.baseOffset + toIndex
          const rewritten = rewriteDense(batch, { fromOffset, toOffset, maxBytes })
          const wanted = inHex(batch.records()).filter(
            ({ offset }) => offset >= (fromOffset ?? 0) && offset <= (toOffset ?? Infinity),
          )
          expect(upstreamOf(rewritten)).toEqual(wanted)
          expect(batch.bytes).toEqual(before)
          for (const piece of rewritten) {
            expectMaximalRuns(piece)
            const parsed = new RecordBatch(piece.bytes)
            expect(parsed).toMatchObject({ compression, isTransactional: false, timestampType: 'CreateTime' })
            expect(piece.tooLarge === undefined).toBe(piece.bytes.length <= maxBytes)
            if (piece.tooLarge) {
              expect(parsed.count).toBe(1)
              expect(piece.tooLarge).toEqual({ offset: piece.runs[0]!.upstream, sizeInBytes: piece.bytes.length })
            }
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  it.each(CODECS)('grows deltas past every varint width, with %s', (compression) => {
    const records = Array.from({ length: 20_000 }, (_, index) => ({
      offset: 1000 + index * 3 + (index % 7 === 0 ? 1 : 0),
      timestamp: 1_700_000_000_000 + ((index * 7919) % 100_000),
      key: `key-${index}`,
      value: index % 11 === 0 ? null : `value ${index}`.repeat(index % 5),
    }))
    const batch = new RecordBatch(buildBatch(records, { compression }))
    const rewritten = rewriteDense(batch, { maxBytes: 100_000 })
    expect(rewritten.every(({ bytes, tooLarge }) => bytes.length <= 100_000 && tooLarge === undefined)).toBe(true)
    expect(upstreamOf(rewritten)).toEqual(inHex(batch.records()))
  })

  it('closes the holes that compaction left in a batch written by Kafka', () => {
    const vector = batchVectors.find(({ name }) => name === 'compacted-with-holes')!
    const [only, ...rest] = rewriteDense(new RecordBatch(bytesOf(vector)), { maxBytes: NO_LIMIT })
    expect(rest).toEqual([])
    expect(only!.runs).toEqual([
      { upstream: 500, count: 1 },
      { upstream: 507, count: 1 },
      { upstream: 519, count: 1 },
    ])
    expect(upstreamOf([only!])).toEqual(vector.records)
  })

  it.each(
    batchVectors.filter(({ magic }) => magic < 2).map((vector) => [`${vector.name} at ${vector.baseOffset}`, vector]),
  )('raises %s to magic 2', (_title, vector) => {
    const rewritten = rewriteDense(new RecordBatch(bytesOf(vector as (typeof batchVectors)[0])), { maxBytes: NO_LIMIT })
    expect(upstreamOf(rewritten)).toEqual((vector as (typeof batchVectors)[0]).records)
  })

  it('gives each record the visible append time when asked, else the time it was created', () => {
    const vector = batchVectors.find(({ name }) => name === 'log-append-time')!
    const batch = new RecordBatch(bytesOf(vector))
    const kept = rewriteDense(batch, { maxBytes: NO_LIMIT, keepLogAppendTime: true })
    expect(upstreamOf(kept)).toEqual(vector.records)
    const plain = batchVectors.find(({ name }) => name === 'plain-none')!
    const created = upstreamOf(rewriteDense(batch, { maxBytes: NO_LIMIT }))
    expect(created.map(({ timestamp }) => timestamp)).toEqual(plain.records.map(({ timestamp }) => timestamp))
  })

  it('leaves CreateTime alone when append times are to be kept', () => {
    const plain = batchVectors.find(({ name }) => name === 'plain-zstd')!
    const rewritten = rewriteDense(new RecordBatch(bytesOf(plain)), { maxBytes: NO_LIMIT, keepLogAppendTime: true })
    expect(upstreamOf(rewritten)).toEqual(plain.records)
  })

  it('keeps timestamps beyond 2^53 byte for byte', () => {
    const bytes = buildBatch([{ offset: 5, timestamp: 1, key: null, value: 'x' }])
    bytes.writeBigInt64BE(0x7ffffffffffffff0n, 27)
    const [only] = rewriteDense(new RecordBatch(bytes), { maxBytes: NO_LIMIT })
    expect(only!.bytes.readBigInt64BE(27)).toBe(0x7ffffffffffffff0n)
  })

  it('reports a record that cannot fit and goes on with the next', () => {
    const records = [10, 3000, 10].map((size, index) => ({
      offset: index * 2,
      timestamp: 1,
      key: null,
      value: Buffer.alloc(size),
    }))
    const rewritten = rewriteDense(new RecordBatch(buildBatch(records)), { maxBytes: 500 })
    expect(rewritten.map(({ tooLarge }) => tooLarge?.offset)).toEqual([undefined, 2, undefined])
    expect(rewritten[1]!.tooLarge!.sizeInBytes).toBeGreaterThan(3000)
  })

  it('returns nothing for a batch whose records compaction removed, or when none is wanted', () => {
    const empty = new RecordBatch(buildBatch([], { baseOffset: 10, lastOffset: 20 }))
    expect(rewriteDense(empty, { maxBytes: NO_LIMIT })).toEqual([])
    const one = new RecordBatch(buildBatch([{ offset: 3, timestamp: 1, key: null, value: null }]))
    expect(rewriteDense(one, { maxBytes: NO_LIMIT, fromOffset: 4 })).toEqual([])
  })

  it('refuses control batches', () => {
    const marker = controlBatch({ type: 'abort', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 })
    expect(() => rewriteDense(new RecordBatch(marker), { maxBytes: NO_LIMIT })).toThrow(TypeError)
  })

  it('refuses records whose offsets contradict the header', () => {
    const bytes = buildBatch([0, 4, 9].map((offset) => ({ offset, timestamp: 1, key: null, value: 'v' })))
    bytes.writeInt32BE(2, 23)
    expect(() => rewriteDense(new RecordBatch(bytes), { maxBytes: NO_LIMIT })).toThrow('offset delta 4')
  })
})

describe('contradicting offsets', () => {
  const many = Array.from({ length: 100 }, (_, index) => ({
    offset: index * 2,
    timestamp: 1,
    key: null,
    value: 'value',
  }))

  it('are refused in a batch whose header was made to look dense', () => {
    const bytes = buildBatch(many)
    bytes.writeInt32BE(99, 23)
    const batch = new RecordBatch(bytes)
    expect(() => rewriteDense(batch, { maxBytes: NO_LIMIT })).toThrow('offset delta')
    expect(() => joinBatches([batch], NO_LIMIT)).toThrow('offset delta')
  })

  it('are refused in the middle of a batch that is dense by its header', () => {
    const bytes = buildBatch(many.map((record, index) => ({ ...record, offset: index })))
    const recordBytes = 12
    const deltaAt = 61 + 10 * recordBytes + 3
    expect(bytes[deltaAt]).toBe(20)
    bytes[deltaAt] = 22
    expect(() => joinBatches([new RecordBatch(bytes)], NO_LIMIT)).toThrow('offset delta 11 after 11')
  })

  it('are refused when they descend', () => {
    const bytes = buildBatch([0, 5, 7].map((offset) => ({ offset, timestamp: 1, key: null, value: 'v' })))
    const lastDeltaAt = bytes.lastIndexOf(14)
    bytes[lastDeltaAt] = 6
    expect(() => rewriteDense(new RecordBatch(bytes), { maxBytes: NO_LIMIT })).toThrow('offset delta 3 after 5')
  })
})

describe('joinBatches', () => {
  const one = fc.constant(1)

  it('holds all records of its batches, in order, in batches up to the limit', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), recordsFrom(0, one, 90)), { minLength: 1, maxLength: 8 }),
        fc.oneof(fc.constant(NO_LIMIT), fc.integer({ min: 600, max: 20_000 })),
        (groups, maxBytes) => {
          let next = 0
          const batches = groups.map(([skip, records]) => {
            const start = next + skip
            next = start + records.length
            return new RecordBatch(buildBatch(records.map((record, index) => ({ ...record, offset: start + index }))))
          })
          const before = batches.map(({ bytes }) => Buffer.from(bytes))
          const joined = joinBatches(batches, maxBytes)
          expect(upstreamOf(joined)).toEqual(batches.flatMap((batch) => inHex(batch.records())))
          expect(batches.map(({ bytes }) => bytes)).toEqual(before)
          for (const piece of joined) {
            expectMaximalRuns(piece)
            expect(piece.tooLarge === undefined).toBe(piece.bytes.length <= maxBytes)
            if (piece.tooLarge) expect(new RecordBatch(piece.bytes).count).toBe(1)
          }
        },
      ),
      { numRuns: 200 },
    )
  })

  it('makes one run and one batch of many small neighbours', () => {
    const batches = Array.from(
      { length: 300 },
      (_, group) =>
        new RecordBatch(
          buildBatch(
            Array.from({ length: 100 }, (_, index) => ({
              offset: group * 100 + index,
              timestamp: 1_700_000_000_000 + group * 977 + index,
              key: null,
              value: Buffer.alloc(60, index),
            })),
          ),
        ),
    )
    const joined = joinBatches(batches, NO_LIMIT)
    expect(joined.map(({ runs }) => runs)).toEqual([[{ upstream: 0, count: 30_000 }]])
    expect(upstreamOf(joined)).toEqual(batches.flatMap((batch) => inHex(batch.records())))
  })

  it('keeps records of every size and distance in time', () => {
    const sizes = [0, 1, 60, 8_000, 70_000, 1_040_000, 1_060_000, 2_500_000, 5, 66_000, 3]
    const distances = [
      0,
      64,
      8192,
      2 ** 20 - 1,
      2 ** 20,
      2 ** 20 + 1,
      2 ** 22,
      2 ** 28,
      2 ** 31,
      2 ** 40,
      -(2 ** 20),
      -(2 ** 27),
    ]
    const batches = distances.flatMap((distance, group) => {
      const records = sizes.map((size, index) => ({
        offset: group * sizes.length + index,
        timestamp: 1_700_000_000_000 + distance + distances[index]!,
        key: null,
        value: Buffer.alloc(group === index || size < 1000 ? size : 10, group + 1),
      }))
      return [new RecordBatch(buildBatch(records))]
    })
    const joined = joinBatches(batches, NO_LIMIT)
    expect(joined.map(({ runs }) => runs)).toEqual([[{ upstream: 0, count: sizes.length * distances.length }]])
    expect(upstreamOf(joined)).toEqual(batches.flatMap((batch) => inHex(batch.records())))
  })

  it('keeps records that cross the chunks in which they are moved', () => {
    const sizes = [10, 70_000, 30_000, 30_000, 30_000, 5, 1_040_000, 1_060_000, 64_000, 64_000, 2_500_000, 1]
    const records = sizes.map((size, index) => ({ timestamp: index, key: null, value: Buffer.alloc(size, index + 1) }))
    const batches = [0, 1, 2].map((group) => new RecordBatch(buildBatch(records, { baseOffset: group * sizes.length })))
    const joined = joinBatches(batches, NO_LIMIT)
    expect(joined.length).toBe(1)
    const read = new RecordBatch(joined[0]!.bytes).records()
    expect(read.length).toBe(3 * sizes.length)
    expect(read.every(({ value }, index) => value!.equals(records[index % sizes.length]!.value))).toBe(true)
  })

  it.each([100_000, 2 ** 31])('keeps the smallest records when each grows, %i ms apart', (apart) => {
    const batches = [0, 1].map(
      (group) =>
        new RecordBatch(
          buildBatch(
            Array.from({ length: 20_000 }, (_, index) => ({
              offset: group * 20_000 + index,
              timestamp: 1_700_000_000_000 + group * apart + (index & 7),
              key: null,
              value: index % 3 === 0 ? Buffer.from([index & 255]) : null,
            })),
          ),
        ),
    )
    const joined = joinBatches(batches, NO_LIMIT)
    expect(joined.length).toBe(1)
    expect(upstreamOf(joined)).toEqual(batches.flatMap((batch) => inHex(batch.records())))
  })

  it('keeps times whose distance no number holds, in batches of their own', () => {
    const batches = [-(2 ** 52) - 1, 2 ** 52].map(
      (timestamp, offset) => new RecordBatch(buildBatch([{ offset, timestamp, key: null, value: null }])),
    )
    const joined = joinBatches(batches, NO_LIMIT)
    expect(joined.length).toBe(2)
    expect(upstreamOf(joined)).toEqual(batches.flatMap((batch) => inHex(batch.records())))
  })

  it('does not join batches whose times a number cannot tell apart', () => {
    const far = buildBatch([{ offset: 1, timestamp: 1, key: null, value: null }])
    far.writeBigInt64BE(0x7ffffffffffffff0n, 27)
    const farther = buildBatch([{ offset: 2, timestamp: 1, key: null, value: null }])
    farther.writeBigInt64BE(0x7ffffffffffffff1n, 27)
    const joined = joinBatches([new RecordBatch(far), new RecordBatch(farther)], NO_LIMIT)
    expect(joined.map(({ bytes }) => bytes.readBigInt64BE(27))).toEqual([0x7ffffffffffffff0n, 0x7ffffffffffffff1n])
  })

  it('refuses batches that overlap, whose runs would be wrong', () => {
    const batch = new RecordBatch(buildBatch([{ offset: 4, timestamp: 1, key: null, value: 'v' }]))
    expect(() => joinBatches([batch, batch], NO_LIMIT)).toThrow(TypeError)
  })

  it('takes only what it can join', () => {
    const record = { offset: 1, timestamp: 1, key: null, value: 'v' }
    expect(isJoinable(new RecordBatch(buildBatch([record])))).toBe(true)
    const others = [
      buildBatch([record], { compression: 'lz4' }),
      buildBatch([record], { lastOffset: 3 }),
      controlBatch({ type: 'commit', producerId: 1, producerEpoch: 0, coordinatorEpoch: 0, timestamp: 1 }),
      bytesOf(batchVectors.find(({ magic }) => magic === 1)!),
    ]
    for (const bytes of others) {
      expect(isJoinable(new RecordBatch(bytes))).toBe(false)
      expect(() => joinBatches([new RecordBatch(bytes)], NO_LIMIT)).toThrow(TypeError)
    }
  })
})
