import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameReader } from '../../src/protocol/frame.ts'
import type { DecodeError } from '../../src/protocol/reader.ts'

const LIMIT = 100_000

/** Hands `bytes` to a reader as a socket does, at most as much as there is room for; returns what came out. */
function feed(
  bytes: Buffer,
  chunkSizes: readonly number[],
): { frames: Buffer[]; errors: DecodeError[]; rooms: number[] } {
  const frames: Buffer[] = []
  const errors: DecodeError[] = []
  const rooms: number[] = []
  const reader = new FrameReader(
    LIMIT,
    (frame) => frames.push(frame),
    (error) => errors.push(error),
  )
  for (let at = 0, turn = 0; at < bytes.length; turn++) {
    const room = reader.readInto()
    rooms.push(room.length)
    const length = Math.min(room.length, chunkSizes[turn % chunkSizes.length]!, bytes.length - at)
    room.set(bytes.subarray(at, at + length))
    at += length
    reader.didRead(length)
  }
  return { frames, errors, rooms }
}

function framed(contents: readonly Buffer[]): Buffer {
  return Buffer.concat(contents.flatMap((content) => [size(content.length), content]))
}

function size(length: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(length)
  return bytes
}

const content = fc
  .oneof(
    fc.integer({ min: 0, max: 50 }),
    fc.integer({ min: 0, max: 20_000 }),
    fc.constantFrom(8192, 8193, 16380, 16384, LIMIT),
  )
  .chain((length) => fc.integer({ min: 0, max: 255 }).map((byte) => Buffer.alloc(length, byte)))
const chunkSizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 70_000 })), {
  minLength: 1,
  maxLength: 6,
})

describe('FrameReader', () => {
  test('gives the same frames however the bytes arrive', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 8 }), chunkSizes, (contents, chunks) => {
        const { frames, errors, rooms } = feed(framed(contents), chunks)
        expect(errors).toEqual([])
        expect(frames.length).toBe(contents.length)
        expect(frames.every((frame, index) => frame.equals(contents[index]!))).toBe(true)
        expect(rooms.every((room) => room > 0)).toBe(true)
      }),
      { numRuns: 60 },
    )
  })

  test('gives frames that keep their bytes while others arrive', () => {
    const contents = Array.from({ length: 50 }, (_, index) => Buffer.alloc(1000 + index * 300, index))
    const { frames } = feed(framed(contents), [5000])
    expect(frames.every((frame, index) => frame.equals(contents[index]!))).toBe(true)
  })

  test('fills a large frame in place, in a buffer of its size', () => {
    const frames: Buffer[] = []
    const reader = new FrameReader(LIMIT, (frame) => frames.push(frame))
    reader.readInto().set(size(50_000))
    reader.didRead(4)
    const room = reader.readInto()
    expect([room.length, room.buffer.byteLength]).toEqual([50_000, 50_000])
    room.fill(7)
    reader.didRead(50_000)
    expect(frames[0]!.buffer).toBe(room.buffer)
  })

  test.each([
    ['one byte over the limit', LIMIT + 1],
    ['the largest size', 0x7fffffff],
    ['a negative size', -1],
    ['the most negative size', -0x80000000],
  ])('refuses %s before it allocates, and gives no frame afterwards', (_, length) => {
    const good = framed([Buffer.from('good')])
    const { frames, errors, rooms } = feed(Buffer.concat([good, size(length), good, good]), [3])
    expect(frames.map(String)).toEqual(['good'])
    expect(errors.map((error) => error.name)).toEqual(['DecodeError'])
    expect(Math.max(...rooms)).toBeLessThanOrEqual(16 * 1024)
  })

  test('throws the error when nobody listens for it', () => {
    const reader = new FrameReader(10, () => {})
    reader.readInto().set(size(11))
    expect(() => reader.didRead(4)).toThrow('a frame of 11 bytes, the limit is 10')
  })

  test('goes on with the next frame when the receiver of one throws', () => {
    const frames: string[] = []
    const reader = new FrameReader(LIMIT, (frame) => {
      if (frame.toString() === 'bad') throw new Error('receiver')
      frames.push(frame.toString())
    })
    const bytes = framed(['one', 'bad', 'two'].map((text) => Buffer.from(text)))
    reader.readInto().set(bytes)
    expect(() => reader.didRead(bytes.length)).toThrow('receiver')
    reader.didRead(0)
    expect(frames).toEqual(['one', 'two'])
  })
})
