import { gzipSync, zstdCompressSync } from 'node:zlib'
import fc from 'fast-check'
import lz4js from 'lz4js'
import snappyjs from 'snappyjs'
import { describe, expect, it } from 'vitest'
import { CODECS, compress, decompress } from '../../src/records/compression/index.ts'
import { xxh32 } from '../../src/records/compression/xxh32.ts'
import { RecordsError } from '../../src/records/records-error.ts'

const MIB = 1 << 20
const packing = CODECS.filter((codec) => codec !== 'none')

/** Bytes as batches hold them: noise, runs, repeated words, and mixtures, over block borders too. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.tuple(fc.nat(255), fc.nat(5000)).map(([byte, length]) => Buffer.alloc(length, byte)),
  fc
    .tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), fc.nat(3000))
    .map(([word, times]) => Buffer.alloc(word.length * times, Buffer.from(word))),
)
const inputs = fc.array(piece, { maxLength: 8 }).map((pieces) => Buffer.concat(pieces))

/** Repeatable noise without a random source. */
function noise(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  let state = 1
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0
    bytes[at] = state >>> 16
  }
  return bytes
}

describe.each(packing)('%s', (codec) => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(decompress(codec, compress(codec, input), input.length + 1).equals(input)).toBe(true)
      }),
      { numRuns: 200 },
    )
  })

  it.each([0, 1, 4, 12, 13, 15, 16, 32_767, 32_768, 32_769, 65_535, 65_536, 65_537, 300_000])(
    'carries %i bytes of noise and as many of one byte',
    (length) => {
      for (const input of [noise(length), Buffer.alloc(length, 'a')]) {
        expect(decompress(codec, compress(codec, input), MIB).equals(input)).toBe(true)
      }
    },
  )

  it('does not disturb one output with the next call', () => {
    const first = compress(codec, Buffer.alloc(1000, 'abc'))
    const kept = Buffer.from(first)
    const inflated = decompress(codec, first, MIB)
    compress(codec, noise(1000))
    decompress(codec, compress(codec, noise(1000)), MIB)
    expect(first.equals(kept)).toBe(true)
    expect(inflated.equals(Buffer.alloc(1000, 'abc'))).toBe(true)
  })

  it('refuses to inflate beyond the limit, and takes exactly the limit', () => {
    const packed = compress(codec, Buffer.alloc(200_000))
    expect(decompress(codec, packed, 200_000).length).toBe(200_000)
    expect(fault(() => decompress(codec, packed, 199_999))).toBe('too-large')
    expect(fault(() => decompress(codec, packed, 1))).toBe('too-large')
  })

  it('refuses a bomb without holding it', () => {
    const bomb = compress(codec, Buffer.alloc(64 * MIB))
    const before = process.memoryUsage().arrayBuffers
    expect(fault(() => decompress(codec, bomb, MIB))).toBe('too-large')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB)
  })

  it('refuses every truncation', () => {
    const input = Buffer.concat([noise(200), Buffer.alloc(500, 'xyz'), noise(100)])
    const packed = compress(codec, input)
    for (let length = 0; length < packed.length; length++) {
      // A shorter xerial stream may end between blocks, but this input is a single one.
      if (codec === 'snappy' && length === 16) continue
      expect(
        fault(() => decompress(codec, packed.subarray(0, length), MIB)),
        `${length} bytes`,
      ).toBe('corrupt')
    }
  })

  it('survives every changed byte: an error of its own or an output within the limit', () => {
    fc.assert(
      fc.property(
        inputs,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (input, changes) => {
          const packed = Buffer.from(compress(codec, input))
          for (const [at, byte] of changes) packed[at % packed.length] = byte
          const reason = fault(() => expect(decompress(codec, packed, 50_000).length).toBeLessThanOrEqual(50_000))
          expect([undefined, 'corrupt', 'too-large', 'unsupported']).toContain(reason)
        },
      ),
      { numRuns: 500 },
    )
  })

  it('survives noise', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const reason = fault(() => decompress(codec, Buffer.from(bytes), 50_000))
        expect([undefined, 'corrupt', 'too-large', 'unsupported']).toContain(reason)
      }),
      { numRuns: 500 },
    )
  })
})

/** Undefined when the call succeeds; an error that is not of this room fails the test. */
function fault(call: () => unknown): string | undefined {
  try {
    call()
    return undefined
  } catch (error) {
    if (error instanceof RecordsError) return error.fault
    throw error
  }
}

const XERIAL_HEADER = Buffer.from('82534e41505059000000000100000001', 'hex')

function framed(...blocks: Uint8Array[]): Buffer {
  return Buffer.concat([XERIAL_HEADER, ...blocks.flatMap((block) => [int32(block.length), block])])
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value)
  return bytes
}

describe('snappy framing', () => {
  it('reads the blocks of another implementation, bare and framed', () => {
    fc.assert(
      fc.property(inputs, inputs, (one, other) => {
        const blocks = [one, other].map((input) => snappyjs.compress(input))
        expect(decompress('snappy', Buffer.from(blocks[0]!), MIB).equals(one)).toBe(true)
        expect(decompress('snappy', framed(...blocks), MIB).equals(Buffer.concat([one, other]))).toBe(true)
      }),
    )
  })

  it('writes blocks that another implementation reads, behind the header of Java clients', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const packed = compress('snappy', input)
        expect(packed.subarray(0, 16).equals(XERIAL_HEADER)).toBe(true)
        const blocks: Uint8Array[] = []
        for (let at = 16; at < packed.length; at += 4 + packed.readInt32BE(at)) {
          blocks.push(snappyjs.uncompress(packed.subarray(at + 4, at + 4 + packed.readInt32BE(at))))
        }
        expect(blocks.every((block) => block.length <= 32_768)).toBe(true)
        expect(Buffer.concat(blocks).equals(input)).toBe(true)
      }),
    )
  })

  it('reads streams that were joined with their headers', () => {
    const joined = Buffer.concat([compress('snappy', Buffer.from('first ')), compress('snappy', Buffer.from('second'))])
    expect(decompress('snappy', joined, MIB).toString()).toBe('first second')
  })

  it('does not believe a block that announces more than its bytes can make', () => {
    const announced = Buffer.from([0xff, 0xff, 0xff, 0x7f, 0x00, 0x41])
    expect(fault(() => decompress('snappy', announced, 2 ** 31))).toBe('corrupt')
    expect(fault(() => decompress('snappy', framed(announced), 2 ** 31))).toBe('corrupt')
  })

  it.each([
    ['a copy from before its block', '080c616263640105'],
    ['a copy from nowhere', '080c616263640100'],
    ['a copy past its end', '060c616263640104'],
    ['fewer bytes than announced', '080c61626364'],
  ])('refuses %s', (_title, hex) => {
    expect(fault(() => decompress('snappy', Buffer.from(hex, 'hex'), MIB))).toBe('corrupt')
    const block = Buffer.from(hex, 'hex')
    const whole = Buffer.from(snappyjs.compress(Buffer.from('what lies before a block is not its own')))
    expect(fault(() => decompress('snappy', framed(whole, block), MIB))).toBe('corrupt')
  })

  it.each([0, -1, 2_147_483_647])('refuses a block length of %i', (length) => {
    expect(fault(() => decompress('snappy', Buffer.concat([XERIAL_HEADER, int32(length), noise(20)]), MIB))).toBe(
      'corrupt',
    )
  })
})

/** A frame by hand: flags, block size code, blocks as stored bytes. */
function lz4Frame(
  flags: number,
  options: { brokenChecksum?: boolean; contentSize?: number; content: Buffer[] },
): Buffer {
  const start = Buffer.from('04224d18', 'hex')
  const size = Buffer.alloc(options.contentSize === undefined ? 0 : 8)
  if (options.contentSize !== undefined) size.writeBigUInt64LE(BigInt(options.contentSize))
  const descriptor = Buffer.concat([Buffer.from([flags, 0x40]), size])
  const summed = options.brokenChecksum ? Buffer.concat([start, descriptor]) : descriptor
  const checksum = Buffer.from([(xxh32(summed) >>> 8) & 0xff])
  const blocks = options.content.flatMap((block) => [
    uint32(block.length + 0x80000000),
    block,
    flags & 0x10 ? uint32(xxh32(block)) : Buffer.alloc(0),
  ])
  const trailer = flags & 0x04 ? uint32(xxh32(Buffer.concat(options.content))) : Buffer.alloc(0)
  return Buffer.concat([start, descriptor, checksum, ...blocks, uint32(0), trailer])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

describe('lz4 frame', () => {
  it('reads the frames of another implementation, whose blocks are large', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        expect(decompress('lz4', Buffer.from(lz4js.compress(input)), MIB).equals(input)).toBe(true)
      }),
    )
  })

  it('writes frames that another implementation reads, behind the header of Java clients', () => {
    fc.assert(
      fc.property(inputs, (input) => {
        const packed = compress('lz4', input)
        expect(packed.subarray(0, 7).toString('hex')).toBe('04224d18604082')
        expect(Buffer.from(lz4js.decompress(packed)).equals(input)).toBe(true)
      }),
    )
  })

  const content = [Buffer.from('some '), Buffer.from('content')]

  it.each([
    ['no checksums', 0x60],
    ['block checksums', 0x70],
    ['a content checksum', 0x64],
    ['linked blocks', 0x40],
    ['all checksums', 0x74],
  ])('reads %s', (_title, flags) => {
    expect(decompress('lz4', lz4Frame(flags, { content }), MIB).toString()).toBe('some content')
  })

  it('accepts the header checksum that clients of magic 0 got wrong', () => {
    expect(decompress('lz4', lz4Frame(0x60, { content, brokenChecksum: true }), MIB).toString()).toBe('some content')
  })

  it('checks the content size', () => {
    expect(decompress('lz4', lz4Frame(0x68, { content, contentSize: 12 }), MIB).toString()).toBe('some content')
    expect(fault(() => decompress('lz4', lz4Frame(0x68, { content, contentSize: 13 }), MIB))).toBe('corrupt')
  })

  it('lets linked blocks look back over their border, and independent ones not', () => {
    // Four bytes and a match ten back: the second block repeats what the first one stored.
    const repeat = Buffer.from([0x04, 10, 0, 0x50, 1, 2, 3, 4, 5])
    const frame = (flags: number) => {
      const stored = lz4Frame(flags, { content: [Buffer.from('0123456789')] })
      return Buffer.concat([stored.subarray(0, -4), uint32(repeat.length), repeat, uint32(0)])
    }
    expect(decompress('lz4', frame(0x40), MIB).toString('latin1')).toBe('012345678901234567\x01\x02\x03\x04\x05')
    expect(fault(() => decompress('lz4', frame(0x60), MIB))).toBe('corrupt')
  })

  it.each([
    ['a wrong header checksum', (frame: Buffer) => frame.fill(frame[6]! ^ 1, 6, 7)],
    ['a wrong block checksum', (frame: Buffer) => frame.fill(frame[11]! ^ 1, 11, 12)],
    ['bytes behind its end', (frame: Buffer) => Buffer.concat([frame, Buffer.from('x')])],
    ['a second frame behind it', (frame: Buffer) => Buffer.concat([frame, frame])],
  ])('refuses %s', (_title, damage) => {
    expect(fault(() => decompress('lz4', damage(lz4Frame(0x74, { content })), MIB))).toBe('corrupt')
  })

  it('refuses dictionaries and other versions by name', () => {
    expect(fault(() => decompress('lz4', lz4Frame(0x61, { content }), MIB))).toBe('unsupported')
    expect(fault(() => decompress('lz4', lz4Frame(0xa0, { content }), MIB))).toBe('unsupported')
  })
})

describe('gzip and zstd', () => {
  it('read members and frames that were joined, as Kafka does', () => {
    const parts = [Buffer.from('first '), Buffer.from('second')]
    expect(decompress('gzip', Buffer.concat(parts.map((part) => gzipSync(part))), MIB).toString()).toBe('first second')
    expect(decompress('zstd', Buffer.concat(parts.map((part) => zstdCompressSync(part))), MIB).toString()).toBe(
      'first second',
    )
  })
})

describe('zstd frames that were joined', () => {
  it('share one limit', () => {
    const frame = zstdCompressSync(Buffer.alloc(600))
    expect(decompress('zstd', Buffer.concat([frame, frame]), 1200).length).toBe(1200)
    expect(fault(() => decompress('zstd', Buffer.concat([frame, frame]), 1000))).toBe('too-large')
  })

  it('may be skippable ones', () => {
    const skippable = Buffer.from('502a4d1803000000aabbcc', 'hex')
    const packed = Buffer.concat([skippable, zstdCompressSync(Buffer.from('records')), skippable])
    expect(decompress('zstd', packed, MIB).toString()).toBe('records')
  })
})

describe('xxh32', () => {
  // From the reference implementation's own sanity checks.
  it.each([
    ['', 0, 0x02cc5d05],
    ['', 0x9e3779b1, 0x36b78ae7],
    ['a', 0, 0x550d7456],
    ['abc', 0, 0x32d153ff],
    ['Nobody inspects the spammish repetition', 0, 0xe2293b2f],
  ])('of %j with seed %i', (text, seed, hash) => {
    expect(xxh32(Buffer.from(text), 0, undefined, seed)).toBe(hash)
  })
})
