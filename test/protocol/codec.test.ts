import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { codecOf, DecodeError, encodeStruct } from '../../src/protocol/codec.ts'
import { apis } from '../../src/protocol/messages/index.ts'
import { Reader } from '../../src/protocol/reader.ts'
import type { Fields, Message } from '../../src/protocol/schema.ts'
import { interpretDecode, interpretEncode } from './interpreter.ts'
import { randomValue } from './random-message.ts'

const messages: Message[] = apis.flatMap((api) => [api.request, api.response])
const versionsOf = ({ versions: [min, max] }: Message) =>
  Array.from({ length: max - min + 1 }, (_, index) => min + index)

/** Decodes from inside a larger buffer, as a frame does; gives the value and the bytes taken. */
function decode(message: Message, version: number, bytes: Buffer): { value: unknown; length: number } {
  const codec = codecOf(message, version)
  const reader = new Reader(bytes, 0, codec.what)
  return { value: codec.decode(reader), length: reader.offset }
}

const encode = (message: Message, version: number, value: unknown) =>
  encodeStruct(message, version, value as Record<string, never>)

describe.each(messages.map((message) => ({ name: message.name, message })))('$name', ({ message }) => {
  test('writes and reads what the interpreter does, in every version', () => {
    for (const version of versionsOf(message)) {
      fc.assert(
        fc.property(randomValue(message, version), (value) => {
          const bytes = encode(message, version, value)
          expect(bytes.equals(interpretEncode(message, version, value))).toBe(true)
          const decoded = decode(message, version, bytes)
          expect(decoded).toEqual(interpretDecode(message, version, bytes))
          expect(decoded).toEqual({ value, length: bytes.length })
        }),
        { numRuns: 8 },
      )
    }
  })

  test('cut anywhere, it is refused', () => {
    for (const version of versionsOf(message)) {
      fc.assert(
        fc.property(randomValue(message, version), (value) => {
          const bytes = encode(message, version, value)
          const step = Math.max(1, Math.floor(bytes.length / 60))
          for (let length = 0; length < bytes.length; length += step) {
            expect(() => decode(message, version, bytes.subarray(0, length))).toThrow(DecodeError)
          }
        }),
        { numRuns: 2 },
      )
    }
  })

  test('any bytes are a value or a DecodeError', () => {
    for (const version of versionsOf(message)) {
      fc.assert(
        fc.property(
          randomValue(message, version),
          fc.array(mutation, { minLength: 1, maxLength: 4 }),
          (value, changes) => {
            const bytes = encode(message, version, value)
            for (const { at, byte } of changes) bytes[Math.floor(at * bytes.length)] = byte
            try {
              decode(message, version, bytes)
            } catch (error) {
              expect(error).toBeInstanceOf(DecodeError)
            }
          },
        ),
        { numRuns: 5 },
      )
    }
  })
})

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  byte: fc.oneof(fc.constantFrom(0, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
})

describe('every message', () => {
  test('shows the program of a version', () => {
    const { decode, encode } = codecOf(messages[0]!, messages[0]!.versions[1]).source()
    expect(decode).toContain('return {')
    expect(encode).toContain('w.offset = o')
  })

  test('has no version outside its range', () => {
    for (const message of messages) {
      for (const version of [message.versions[0] - 1, message.versions[1] + 1, 0.5]) {
        expect(() => codecOf(message, version)).toThrow(RangeError)
      }
    }
  })

  test('gives each tag and each name once', () => {
    const check = (fields: Fields) => {
      const tags = Object.values(fields).flatMap(({ spec }) => (spec.tag === undefined ? [] : [spec.tag]))
      expect(new Set(tags).size).toBe(tags.length)
      for (const { spec } of Object.values(fields)) if (spec.fields) check(spec.fields)
    }
    for (const message of messages) check(message.fields)
    expect(new Set(apis.map((api) => api.key)).size).toBe(apis.length)
  })
})
