import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { type BatchHeaderPatch, RecordBatch, splitBatches } from '../../src/records/record-batch.ts'
import { RecordsError } from '../../src/records/records-error.ts'
import { batchVectors, bytesOf, inHex, titledVectors } from './vectors.ts'

describe.each(titledVectors)('vector %s', (_title, vector) => {
  const batch = new RecordBatch(bytesOf(vector))

  it('has the header that Kafka reads', () => {
    expect(batch).toMatchObject({
      baseOffset: vector.baseOffset,
      lastOffset: vector.lastOffset,
      nextOffset: vector.lastOffset + 1,
      magic: vector.magic,
      crc: vector.crc,
      compression: vector.compression,
      timestampType: vector.timestampType,
      maxTimestamp: vector.maxTimestamp,
      producerId: vector.producerId,
      producerEpoch: vector.producerEpoch,
      baseSequence: vector.baseSequence,
      isTransactional: vector.transactional,
      isControl: vector.control,
      partitionLeaderEpoch: vector.partitionLeaderEpoch,
      count: vector.records.length,
      isDense: vector.records.length === vector.lastOffset - vector.baseOffset + 1,
    })
    if (vector.baseTimestamp !== undefined) expect(batch.baseTimestamp).toBe(vector.baseTimestamp)
  })

  it('has a valid CRC', () => expect(batch.crcIsValid()).toBe(true))

  it('has the records that Kafka reads', () => {
    expect(inHex(batch.records())).toEqual(vector.records)
  })
})

const int16 = fc.integer({ min: -32768, max: 32767 })
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })
const patches: fc.Arbitrary<BatchHeaderPatch> = fc.record(
  {
    baseOffset: fc.maxSafeNat(),
    partitionLeaderEpoch: int32,
    producerId: fc.maxSafeInteger(),
    producerEpoch: int16,
    baseSequence: int32,
    transactional: fc.boolean(),
    deleteHorizon: fc.boolean(),
    timestampType: fc.constantFrom('CreateTime', 'LogAppendTime'),
    maxTimestamp: fc.maxSafeInteger(),
  },
  { requiredKeys: [] },
)

function batchOf(payload: Uint8Array): Buffer {
  return buildBatch([{ timestamp: 1_700_000_000_000, key: null, value: Buffer.from(payload) }])
}

describe('patch', () => {
  it('corrects the CRC as a full recomputation would, for any header and length', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.array(patches, { maxLength: 4 }), (payload, headers) => {
        const bytes = batchOf(payload)
        const behind = Buffer.from(bytes.subarray(57))
        const batch = new RecordBatch(bytes)
        for (const header of headers) batch.patch(header)
        expect(batch.crcIsValid()).toBe(true)
        expect(bytes.subarray(57)).toEqual(behind)
      }),
    )
  })

  it('shows what was patched and leaves the other fields', () => {
    fc.assert(
      fc.property(patches, ({ transactional, deleteHorizon, ...fields }) => {
        const batch = new RecordBatch(batchOf(Buffer.from('value')))
        const others = { count: batch.count, baseTimestamp: batch.baseTimestamp, compression: batch.compression }
        batch.patch({ ...fields, transactional, deleteHorizon })
        expect(batch).toMatchObject({
          ...others,
          ...fields,
          isTransactional: transactional ?? false,
          hasDeleteHorizon: deleteHorizon ?? false,
        })
      }),
    )
  })

  it('never reads the payload: damage done before is still seen after', () => {
    const bytes = batchOf(Buffer.alloc(500, 7))
    bytes[300]! ^= 1
    const batch = new RecordBatch(bytes)
    batch.patch({ producerId: 77, baseSequence: 3 })
    expect(batch.crcIsValid()).toBe(false)
    bytes[300]! ^= 1
    expect(batch.crcIsValid()).toBe(true)
  })

  it('refuses batches from before magic 2', () => {
    const legacy = batchVectors.find((vector) => vector.magic === 1)!
    expect(() => new RecordBatch(bytesOf(legacy)).patch({ baseOffset: 0 })).toThrow(TypeError)
  })
})

describe('splitBatches', () => {
  const all = batchVectors.map(bytesOf)
  const bytes = Buffer.concat(all)

  it('finds whole batches whatever the cut, and counts what is left over', () => {
    fc.assert(
      fc.property(fc.nat({ max: bytes.length }), (cut) => {
        const { batches, incompleteBytes } = splitBatches(bytes.subarray(0, cut))
        let whole = 0
        let end = 0
        while (whole < all.length && end + all[whole]!.length <= cut) end += all[whole++]!.length
        expect(batches.map((batch) => batch.sizeInBytes)).toEqual(all.slice(0, whole).map((each) => each.length))
        expect(incompleteBytes).toBe(cut - end)
      }),
    )
  })

  it('copies nothing', () => {
    const { batches } = splitBatches(bytes)
    expect(batches.every((batch) => batch.bytes.buffer === bytes.buffer)).toBe(true)
  })

  it.each([0, 13, -1, -2147483648])('refuses a size of %i instead of walking on', (size) => {
    const broken = Buffer.from(all[0]!)
    broken.writeInt32BE(size, 8)
    expect(() => splitBatches(broken)).toThrow(RecordsError)
  })

  it('takes a size beyond the bytes for a batch that the fetch cut off', () => {
    const cut = Buffer.from(all[0]!)
    cut.writeInt32BE(2147483647, 8)
    expect(splitBatches(cut)).toEqual({ batches: [], incompleteBytes: cut.length })
  })

  it('refuses an unknown magic', () => {
    const broken = Buffer.from(all[0]!)
    broken[16] = 3
    expect(() => splitBatches(broken)).toThrow('magic 3')
  })
})
