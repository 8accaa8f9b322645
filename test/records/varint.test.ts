import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { RecordsError } from '../../src/records/records-error.ts'
import {
  readVarint,
  readVarlong,
  sizeAt,
  sizeOfShort,
  valueOfShort,
  valueOfSize,
  varintEnd,
  varintSize,
  varlongSize,
  writeVarint,
  writeVarlong,
} from '../../src/records/varint.ts'

const int32 = fc.oneof(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }), fc.integer({ min: -70, max: 70 }))
const int53 = fc.oneof(
  fc.maxSafeInteger(),
  int32,
  fc.constantFrom(2 ** 48, -(2 ** 48), 2 ** 48 - 1, 2 ** 31, -(2 ** 31)),
)

describe('varints', () => {
  it.each([
    [0, '00'],
    [-1, '01'],
    [1, '02'],
    [63, '7e'],
    [-64, '7f'],
    [64, '8001'],
    [8191, 'fe7f'],
    [8192, '808001'],
    [2147483647, 'feffffff0f'],
    [-2147483648, 'ffffffff0f'],
  ])('of %i are %s', (value, hex) => {
    const bytes = Buffer.alloc(5)
    expect(bytes.subarray(0, writeVarint(bytes, value, 0)).toString('hex')).toBe(hex)
  })

  it('of 32 bits are read back, and are as long as foretold', () => {
    fc.assert(
      fc.property(int32, (value) => {
        const bytes = Buffer.alloc(8)
        const end = writeVarint(bytes, value, 1)
        expect(end - 1).toBe(varintSize(value))
        expect(readVarint(bytes, 1, end)).toBe(value)
        expect(varintEnd).toBe(end)
        expect(sizeAt(bytes, 1, end)).toBe(end - 1)
        expect(valueOfSize(bytes, 1, end - 1)).toBe(value)
        expect(() => readVarint(bytes, 1, end - 1)).toThrow(RecordsError)
        expect(() => sizeAt(bytes, 1, end - 1)).toThrow(RecordsError)
      }),
    )
  })

  it('of 64 bits are read back as far as numbers are exact', () => {
    fc.assert(
      fc.property(int53, (value) => {
        const bytes = Buffer.alloc(12)
        const end = writeVarlong(bytes, value, 1)
        expect(end - 1).toBe(varlongSize(value))
        expect(readVarlong(bytes, 1, end)).toBe(value)
        expect(valueOfSize(bytes, 1, sizeAt(bytes, 1, end))).toBe(value)
        expect(() => readVarlong(bytes, 1, end - 1)).toThrow(RecordsError)
      }),
    )
  })

  it('of up to three bytes are read by the short cut, longer ones never mistaken for them', () => {
    fc.assert(
      fc.property(fc.oneof(int32, fc.integer({ min: -(2 ** 22), max: 2 ** 22 })), (value) => {
        const bytes = Buffer.alloc(8)
        const size = writeVarint(bytes, value, 0)
        expect(valueOfShort(bytes, 0)).toBe(size <= 3 ? value : -(2 ** 31))
        expect(sizeOfShort(bytes, 0)).toBe(Math.min(size, 3))
      }),
    )
  })

  it('longer than their type are refused', () => {
    const endless = Buffer.alloc(20, 0xff)
    expect(() => readVarint(endless, 0, 20)).toThrow('longer than 5')
    expect(() => readVarlong(endless, 0, 20)).toThrow('longer than 10')
  })

  it('reads the extremes of 64 bits as the nearest number', () => {
    expect(readVarlong(Buffer.from('feffffffffffffffff01', 'hex'), 0, 10)).toBe(2 ** 63)
    expect(readVarlong(Buffer.from('ffffffffffffffffff01', 'hex'), 0, 10)).toBe(-(2 ** 63))
  })
})
