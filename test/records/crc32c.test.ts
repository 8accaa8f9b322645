import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { crc32c, crc32cInJavaScript, linearCrc32c, shiftOverZeros } from '../../src/records/crc32c.ts'

describe('crc32c', () => {
  // RFC 3720 B.4, and the check value of the CRC catalogue.
  it.each([
    ['32 zeros', Buffer.alloc(32), 0x8a9136aa],
    ['32 ones', Buffer.alloc(32, 0xff), 0x62a8ab43],
    ['ascending bytes', Buffer.from(Array.from({ length: 32 }, (_, index) => index)), 0x46dd794e],
    ['digits', Buffer.from('123456789'), 0xe3069283],
    ['nothing', Buffer.alloc(0), 0],
  ])('of %s', (_title, bytes, sum) => {
    expect(crc32c(bytes)).toBe(sum)
    expect(crc32cInJavaScript(bytes)).toBe(sum)
  })

  it('is the same natively and in JavaScript, whole and in parts', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.nat(2000), (bytes, cut) => {
        const whole = crc32cInJavaScript(bytes)
        expect(crc32c(bytes)).toBe(whole)
        expect(crc32c(bytes.subarray(cut), crc32c(bytes.subarray(0, cut)))).toBe(whole)
        expect(crc32cInJavaScript(bytes.subarray(cut), crc32cInJavaScript(bytes.subarray(0, cut)))).toBe(whole)
      }),
    )
  })

  it('agrees on sizes where native code takes over', () => {
    for (const length of [255, 256, 257, 4096, 100_000]) {
      const bytes = Buffer.alloc(length, 'some text')
      expect(crc32c(bytes)).toBe(crc32cInJavaScript(bytes))
    }
  })
})

describe('shiftOverZeros', () => {
  it('does what that many zero bytes do', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(70_000), (bytes, zeros) => {
        const padded = Buffer.concat([bytes, Buffer.alloc(zeros)])
        const shifted = shiftOverZeros(linearCrc32c(bytes, 0, bytes.length), zeros)
        expect(shifted).toBe(linearCrc32c(padded, 0, padded.length))
      }),
    )
  })

  it('adds up over lengths beyond any batch', () => {
    const far = 2 ** 31 - 1
    expect(shiftOverZeros(shiftOverZeros(0x1234567, far - 1000), 1000)).toBe(shiftOverZeros(0x1234567, far))
  })
})
