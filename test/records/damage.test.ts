import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { CODECS, compress } from '../../src/records/compression/index.ts'
import { RecordBatch, splitBatches } from '../../src/records/record-batch.ts'
import { RecordsError } from '../../src/records/records-error.ts'
import { isJoinable, joinBatches, rewriteDense } from '../../src/records/rewrite.ts'
import { batchVectors, bytesOf, titledVectors } from './vectors.ts'

const LIMIT = 1 << 20

/** Does all that can be done with a batch. Only errors of this room may come out, and nothing beyond the limit. */
function useFully(bytes: Buffer): void {
  tolerating(() => {
    for (const batch of splitBatches(bytes).batches) {
      tolerating(() => batch.records({ maxBytes: LIMIT }))
      tolerating(() => batch.controlType())
      tolerating(() => JSON.stringify(getters(batch)))
      if (batch.isControl) continue
      tolerating(() => rewriteDense(batch, { maxBytes: 500, fromOffset: 1_234_570 }))
      tolerating(() => rewriteDense(batch, { maxBytes: LIMIT, keepLogAppendTime: true }))
      tolerating(() => isJoinable(batch) && batch.baseOffset >= 0 && joinBatches([batch], LIMIT))
    }
  })
}

function getters(batch: RecordBatch): unknown[] {
  return [batch.baseOffset, batch.lastOffset, batch.count, batch.isDense, batch.compression, batch.producerId]
}

function tolerating(call: () => unknown): void {
  try {
    call()
  } catch (error) {
    if (!(error instanceof RecordsError)) throw error
  }
}

describe.each(titledVectors)('%s', (_title, vector) => {
  const bytes = bytesOf(vector)
  const summedFrom = vector.magic === 2 ? 17 : 12

  it('is known to be damaged wherever a bit flips under the CRC', () => {
    for (let at = summedFrom; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes)
      damaged[at]! ^= 1 << (at % 8)
      if (at === 16) continue
      expect(new RecordBatch(damaged).crcIsValid(), `byte ${at}`).toBe(false)
    }
  })

  it('ends in a clear error or in records when any byte is damaged', () => {
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0xff, 0x80, 0x01]) {
        const damaged = Buffer.from(bytes)
        damaged[at]! ^= mask
        useFully(damaged)
      }
    }
  })
})

describe('damaged batches', () => {
  it('never crash whatever bytes are overwritten', () => {
    const all = batchVectors.map(bytesOf)
    fc.assert(
      fc.property(
        fc.constantFrom(...all),
        fc.array(fc.tuple(fc.nat(), fc.uint8Array({ minLength: 1, maxLength: 8 })), { minLength: 1, maxLength: 5 }),
        (bytes, changes) => {
          const damaged = Buffer.from(bytes)
          for (const [at, change] of changes)
            damaged.set(change.subarray(0, damaged.length - (at % damaged.length)), at % damaged.length)
          // The size stays right half of the time, or little else would be reached.
          if (changes.length % 2) damaged.writeInt32BE(damaged.length - 12, 8)
          useFully(damaged)
        },
      ),
      { numRuns: 2000 },
    )
  })

  it('never crash when the section is sound to its codec but not to its reader', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...CODECS),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (compression, changes) => {
          const records = [0, 1, 2].map((index) => ({
            timestamp: index,
            key: 'k',
            value: 'value',
            headers: [{ key: 'h', value: null }],
          }))
          const plain = buildBatch(records)
          for (const [at, byte] of changes) plain[61 + (at % (plain.length - 61))] = byte
          const section = compress(compression, plain.subarray(61))
          const bytes = Buffer.concat([plain.subarray(0, 61), section])
          bytes.writeInt32BE(bytes.length - 12, 8)
          bytes[22] = CODECS.indexOf(compression)
          useFully(bytes)
        },
      ),
      { numRuns: 1000 },
    )
  })

  it.each([2_147_483_647, -1, 100_000])('do not size anything by a count of %i', (count) => {
    for (const compression of CODECS) {
      const bytes = buildBatch([{ timestamp: 1, key: null, value: 'v' }], { compression })
      bytes.writeInt32BE(count, 57)
      expect(() => new RecordBatch(bytes).records()).toThrow(RecordsError)
      bytes.writeInt32BE(count - 1, 23)
      expect(() => rewriteDense(new RecordBatch(bytes), { maxBytes: LIMIT })).toThrow(RecordsError)
    }
  })

  it('refuse offsets beyond what numbers hold, and saturate timestamps', () => {
    const bytes = buildBatch([{ timestamp: 1, key: null, value: 'v' }])
    const batch = new RecordBatch(bytes)
    bytes.writeBigInt64BE(2n ** 60n, 0)
    expect(() => batch.baseOffset).toThrow(RecordsError)
    bytes.writeBigInt64BE(0n, 0)
    bytes.writeBigInt64BE(2n ** 63n - 1n, 27)
    expect(batch.baseTimestamp).toBe(Number.MAX_SAFE_INTEGER)
    expect(batch.records()[0]!.timestamp).toBe(Number.MAX_SAFE_INTEGER)
    bytes.writeBigInt64BE(-(2n ** 63n), 27)
    expect(batch.baseTimestamp).toBe(Number.MIN_SAFE_INTEGER)
  })

  it('are refused when the buffer holds more or less than one batch', () => {
    const bytes = bytesOf(batchVectors[0]!)
    expect(() => new RecordBatch(bytes.subarray(0, -1))).toThrow(RecordsError)
    expect(() => new RecordBatch(Buffer.concat([bytes, Buffer.from([0])]))).toThrow(RecordsError)
    expect(() => new RecordBatch(Buffer.alloc(0))).toThrow(RecordsError)
  })

  it('with a codec that Kafka never had are refused by name', () => {
    const bytes = buildBatch([{ timestamp: 1, key: null, value: 'v' }])
    bytes[22] = 5
    expect(() => new RecordBatch(bytes).records()).toThrow('compression type 5')
  })
})
