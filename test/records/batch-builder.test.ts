import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { BatchBuilder, buildBatch, controlBatch, type RecordInput } from '../../src/records/batch-builder.ts'
import { CODECS } from '../../src/records/compression/index.ts'
import { RecordBatch } from '../../src/records/record-batch.ts'
import { type BatchVector, batchVectors, bytesOf, inHex, titledVectors } from './vectors.ts'

function rebuilt(vector: BatchVector): Buffer {
  const batch = new RecordBatch(bytesOf(vector))
  const appendTime = batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : undefined
  // Under LogAppendTime records show the append time; the times they were created come to light without the bit.
  batch.patch({ timestampType: 'CreateTime' })
  const bytes = buildBatch(batch.records(), {
    baseOffset: vector.baseOffset,
    lastOffset: vector.lastOffset,
    partitionLeaderEpoch: vector.partitionLeaderEpoch,
    producerId: vector.producerId,
    producerEpoch: vector.producerEpoch,
    baseSequence: vector.baseSequence,
    transactional: vector.transactional,
    control: vector.control,
    compression: vector.compression,
  })
  if (appendTime !== undefined) {
    new RecordBatch(bytes).patch({ timestampType: 'LogAppendTime', maxTimestamp: appendTime })
  }
  return bytes
}

const current = titledVectors.filter(([, vector]) => vector.magic === 2)

describe('buildBatch', () => {
  it.each(current.filter(([, vector]) => vector.compression === 'none'))('writes the bytes of %s', (_title, vector) => {
    expect(rebuilt(vector).toString('hex')).toBe(vector.hex)
  })

  it.each(current.filter(([, vector]) => vector.compression !== 'none'))(
    'writes the records of %s',
    (_title, vector) => {
      const batch = new RecordBatch(rebuilt(vector))
      expect(inHex(batch.records())).toEqual(vector.records)
      expect(batch).toMatchObject({ compression: vector.compression, baseSequence: vector.baseSequence })
      expect(batch.crcIsValid()).toBe(true)
    },
  )

  const field = fc.option(
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
    { nil: null },
  )
  const records: fc.Arbitrary<RecordInput[]> = fc
    .array(
      fc.record({
        step: fc.integer({ min: 1, max: 100_000 }),
        timestamp: fc.oneof(fc.integer({ min: -1, max: 2 ** 45 }), fc.maxSafeNat()),
        key: field,
        value: field,
        headers: fc.array(fc.record({ key: fc.string({ unit: 'binary', maxLength: 9 }), value: field }), {
          maxLength: 4,
        }),
      }),
      { minLength: 1, maxLength: 60 },
    )
    .map((rows) => {
      let offset = 2 ** 33
      return rows.map(({ step, ...record }) => {
        offset += step
        return { offset, ...record }
      })
    })

  it('is read back record by record, whatever they hold', () => {
    fc.assert(
      fc.property(records, fc.constantFrom(...CODECS), (input, compression) => {
        const batch = new RecordBatch(buildBatch(input, { compression }))
        expect(batch.records()).toEqual(input)
        expect(batch.crcIsValid()).toBe(true)
        expect(batch).toMatchObject({
          baseOffset: input[0]!.offset,
          lastOffset: input.at(-1)!.offset,
          baseTimestamp: input[0]!.timestamp,
          maxTimestamp: Math.max(...input.map(({ timestamp }) => timestamp)),
          count: input.length,
          compression,
        })
      }),
    )
  })

  it('numbers records that carry no offset', () => {
    const record = { timestamp: 1, key: 'k', value: 'v' }
    const offsets = (bytes: Buffer) => new RecordBatch(bytes).records().map(({ offset }) => offset)
    expect(offsets(buildBatch([record, record, record]))).toEqual([0, 1, 2])
    expect(offsets(buildBatch([record, { ...record, offset: 9 }, record], { baseOffset: 5 }))).toEqual([5, 9, 10])
  })

  it('says its size before it is built', () => {
    const builder = new BatchBuilder()
    for (let index = 0; index < 500; index++) builder.append({ timestamp: index, key: null, value: 'v'.repeat(index) })
    expect(builder.count).toBe(500)
    expect(builder.build().length).toBe(builder.sizeInBytes)
  })

  it('keeps the span of a batch without records', () => {
    const batch = new RecordBatch(buildBatch([], { baseOffset: 40, lastOffset: 49 }))
    expect(batch).toMatchObject({ baseOffset: 40, lastOffset: 49, count: 0, isDense: false })
    expect(batch.records()).toEqual([])
    expect(batch.crcIsValid()).toBe(true)
  })

  it('refuses offsets that do not ascend, and stays as it was', () => {
    const builder = new BatchBuilder({ baseOffset: 5 })
    builder.append({ offset: 7, timestamp: 1, key: null, value: null })
    const size = builder.sizeInBytes
    for (const offset of [4, 6, 7, 5 + 2 ** 31]) {
      expect(() => builder.append({ offset, timestamp: 1, key: null, value: null })).toThrow(RangeError)
    }
    expect(builder.sizeInBytes).toBe(size)
    expect(new RecordBatch(builder.build()).records().map(({ offset }) => offset)).toEqual([7])
  })
})

describe('controlBatch', () => {
  it.each(['commit', 'abort'] as const)('writes the bytes of the %s marker', (type) => {
    const vector = batchVectors.find(({ name }) => name === `${type}-marker`)!
    const bytes = controlBatch({
      type,
      producerId: vector.producerId,
      producerEpoch: vector.producerEpoch,
      coordinatorEpoch: 12,
      timestamp: vector.baseTimestamp!,
      baseOffset: vector.baseOffset,
      partitionLeaderEpoch: vector.partitionLeaderEpoch,
    })
    expect(bytes.toString('hex')).toBe(vector.hex)
    expect(new RecordBatch(bytes).controlType()).toBe(type)
  })

  it('is not what other batches are', () => {
    const data = buildBatch([{ timestamp: 1, key: Buffer.from([0, 0, 0, 1]), value: null }])
    expect(new RecordBatch(data).controlType()).toBeUndefined()
    const leaderChange = buildBatch([{ timestamp: 1, key: Buffer.from([0, 0, 0, 2]), value: null }], { control: true })
    expect(new RecordBatch(leaderChange).controlType()).toBeUndefined()
  })
})
