import { describe, expect, expectTypeOf, test } from 'vitest'
import { DecodeError, decodeStruct, EncodeError, encodeStruct } from '../../src/protocol/codec.ts'
import {
  api,
  array,
  bool,
  bytes,
  type Fields,
  float64,
  type Input,
  int8,
  int16,
  int32,
  int64,
  message,
  type Request,
  type RequestInput,
  type Response,
  type ResponseInput,
  records,
  string,
  struct,
  timestamp,
  uint16,
  uint32,
  uuid,
  type Value,
  ZERO_UUID,
} from '../../src/protocol/schema.ts'

/** A message of versions 0–3, flexible from 2. */
const shaped = <F extends Fields>(fields: F) => message({ name: 'Shaped', versions: [0, 3], flexible: 2, fields })

describe('fields that a version lacks', () => {
  const shape = shaped({
    always: int32,
    later: int32.since(1).default(-1),
    gone: string.until(0),
    dropped: string.since(1).nullable().default(null).ignorable(),
  })

  test('are filled with their defaults when decoding', () => {
    expect(decodeStruct(shape, 0, Buffer.from('00000007000161', 'hex'))).toEqual({
      always: 7,
      later: -1,
      gone: 'a',
      dropped: null,
    })
  })

  test('must hold their defaults, or nothing, when encoding', () => {
    expect(encodeStruct(shape, 0, { always: 7, later: -1, gone: 'a' }).toString('hex')).toBe('00000007000161')
    expect(encodeStruct(shape, 0, { always: 7, gone: 'a' }).toString('hex')).toBe('00000007000161')
    expect(() => encodeStruct(shape, 0, { always: 7, later: 5 })).toThrow('Shaped v0: this version has no later')
    expect(() => encodeStruct(shape, 1, { always: 7, gone: 'a' })).toThrow(EncodeError)
  })

  test('may be lost when they are ignorable', () => {
    expect(encodeStruct(shape, 0, { always: 7, dropped: 'x' }).toString('hex')).toBe('000000070000')
  })
})

describe('defaults', () => {
  const shape = shaped({
    number: int16,
    text: string,
    flag: bool,
    list: array(int32),
    id: uuid,
    blob: bytes,
    inner: struct({ a: int32.default(-1), b: string.nullable().default(null) }),
    said: int64.default(-1),
  })

  test('are Kafka’s implicit ones, unless said', () => {
    const empty = encodeStruct(shape, 0, {} as Input<typeof shape>)
    expect(decodeStruct(shape, 0, empty)).toEqual({
      number: 0,
      text: '',
      flag: false,
      list: [],
      id: ZERO_UUID,
      blob: Buffer.alloc(0),
      inner: { a: -1, b: null },
      said: -1,
    })
  })
})

describe('null', () => {
  const shape = shaped({ text: string.nullable(1), list: array(int8).nullable(1), blob: bytes.nullable(1) })
  const nulls = { text: null, list: null, blob: null }

  test('goes and comes where the version allows it', () => {
    expect(encodeStruct(shape, 1, nulls).toString('hex')).toBe('ffffffffffffffffffff')
    expect(encodeStruct(shape, 2, nulls).toString('hex')).toBe('00000000')
    expect(decodeStruct(shape, 1, Buffer.from('ffffffffffffffffffff', 'hex'))).toEqual(nulls)
    expect(decodeStruct(shape, 2, Buffer.from('00000000', 'hex'))).toEqual(nulls)
  })

  test('is refused where it does not', () => {
    expect(() => encodeStruct(shape, 0, nulls)).toThrow('Shaped v0: text cannot be null')
    expect(() => decodeStruct(shape, 0, Buffer.from('ffffffffffffffffffff', 'hex'))).toThrow('text is null')
  })

  test('of a struct is one byte', () => {
    const shape = shaped({ cursor: struct({ at: int8 }).nullable().default(null) })
    expect(encodeStruct(shape, 0, {}).toString('hex')).toBe('ff')
    expect(encodeStruct(shape, 0, { cursor: { at: 5 } }).toString('hex')).toBe('0105')
    expect(decodeStruct(shape, 0, Buffer.from('ff', 'hex'))).toEqual({ cursor: null })
    expect(decodeStruct(shape, 0, Buffer.from('0105', 'hex'))).toEqual({ cursor: { at: 5 } })
  })

  test('of a tagged struct is a varint, and no default unless that is said', () => {
    const shape = shaped({ cursor: struct({ at: int8 }).nullable().tag(0, 2) })
    for (const [hex, value] of [
      ['00', { at: 0 }],
      ['01000100', null],
      ['0100030105' + '00', { at: 5 }],
    ] as const) {
      expect(encodeStruct(shape, 2, { cursor: value }).toString('hex')).toBe(hex)
      expect(decodeStruct(shape, 2, Buffer.from(hex, 'hex'))).toEqual({ cursor: value })
    }
  })
})

describe('numbers', () => {
  test('outside their type are refused, never wrapped', () => {
    const wrong: [Parameters<typeof shaped>[0][string], unknown[]][] = [
      [int8, [128, -129, 0.5]],
      [int16, [32768, -32769, 0.5]],
      [uint16, [-1, 65536]],
      [int32, [2 ** 31, -(2 ** 31) - 1, 1.5, Number.NaN, '7', null]],
      [uint32, [-1, 2 ** 32]],
      [int64, [2 ** 53, -(2 ** 53), 0.5, Number.NaN, 7n]],
      [bool, [1, 'true']],
      [float64, ['1.5']],
      [uuid, ['', 'short', 'AAAAAAAAAAAAAAAAAAAAA!']],
    ]
    for (const [field, values] of wrong) {
      for (const value of values)
        expect(() => encodeStruct(shaped({ field }), 0, { field: value })).toThrow(EncodeError)
    }
  })

  test('of 64 bits that a double cannot hold are refused when decoding', () => {
    const shape = shaped({ offset: int64 })
    const decode = (hex: string) => decodeStruct(shape, 0, Buffer.from(hex, 'hex')).offset
    expect(decode('001fffffffffffff')).toBe(Number.MAX_SAFE_INTEGER)
    expect(decode('ffe0000000000001')).toBe(Number.MIN_SAFE_INTEGER)
    for (const hex of ['0020000000000000', 'ffe0000000000000', '7fffffffffffffff', '8000000000000000']) {
      expect(() => decode(hex)).toThrow(DecodeError)
    }
  })

  test('of 64 bits saturate when they are timestamps', () => {
    const shape = shaped({ at: timestamp })
    const decode = (hex: string) => decodeStruct(shape, 0, Buffer.from(hex, 'hex')).at
    expect(decode('7fffffffffffffff')).toBe(Number.MAX_SAFE_INTEGER)
    expect(decode('8000000000000000')).toBe(Number.MIN_SAFE_INTEGER)
    expect(decode('ffffffffffffffff')).toBe(-1)
  })
})

describe('strings', () => {
  const shape = shaped({ text: string })

  test('hold 32767 bytes and not one more', () => {
    const longest = `${'é'.repeat(16383)}e`
    for (const version of [0, 2]) {
      expect(decodeStruct(shape, version, encodeStruct(shape, version, { text: longest })).text).toBe(longest)
      expect(() => encodeStruct(shape, version, { text: `${longest}e` })).toThrow('text has 32768 bytes')
    }
    const tooLong = Buffer.concat([Buffer.from('818002', 'hex'), Buffer.alloc(32769)])
    expect(() => decodeStruct(shape, 2, tooLong)).toThrow(DecodeError)
  })
})

describe('tagged fields', () => {
  const shape = shaped({
    plain: int8,
    first: int32.tag(0, 2).default(-1),
    second: string.tag(1, 2).nullable().default(null),
    third: struct({ a: int32.default(-1), b: int32.default(-1) }).tag(2, 3),
  })

  test('are left out at their default, a struct too', () => {
    const value = { plain: 1, first: -1, third: { a: -1 } }
    expect(encodeStruct(shape, 3, value).toString('hex')).toBe('0100')
    expect(decodeStruct(shape, 3, Buffer.from('0100', 'hex'))).toEqual({
      plain: 1,
      first: -1,
      second: null,
      third: { a: -1, b: -1 },
    })
  })

  test('that are unknown are skipped', () => {
    const bytes = Buffer.from('01' + '03' + '000400000007' + '0502ffff' + '8f010101', 'hex')
    expect(decodeStruct(shape, 3, bytes)).toMatchObject({ plain: 1, first: 7, second: null })
  })

  test('of another size than said, or beyond the end, are refused', () => {
    expect(() => decodeStruct(shape, 3, Buffer.from('01' + '01' + '00050000000700', 'hex'))).toThrow('another size')
    expect(() => decodeStruct(shape, 3, Buffer.from('01' + '01' + '00030000000700', 'hex'))).toThrow('another size')
    expect(() => decodeStruct(shape, 3, Buffer.from('01' + '01' + '0909ffff', 'hex'))).toThrow('9 bytes wanted')
  })

  test('grow to any size', () => {
    for (const length of [1, 126, 127, 128, 200, 300, 16380, 16390, 32767]) {
      const value = { plain: 1, first: 5, second: 'x'.repeat(length) }
      expect(decodeStruct(shape, 2, encodeStruct(shape, 2, value))).toMatchObject(value)
    }
  })

  test('go out by rising tag, however they are declared', () => {
    const turned = shaped({ late: int8.tag(7, 2), early: int8.tag(3, 2) })
    expect(encodeStruct(turned, 2, { late: 1, early: 2 }).toString('hex')).toBe('02' + '030102' + '070101')
  })

  test('tell null from empty', () => {
    const either = shaped({
      nothing: array(int8).tag(0, 2).nullable().default(null),
      few: array(int8).tag(1, 2).nullable(),
      cursor: struct({ at: int8 }).tag(2, 2).nullable().default(null),
    })
    for (const [value, hex] of [
      [{}, '00'],
      [{ nothing: null, few: [], cursor: null }, '00'],
      [{ nothing: [], few: null, cursor: { at: 0 } }, '03' + '000101' + '010100' + '0203010000'],
    ] as const) {
      expect(encodeStruct(either, 2, value).toString('hex')).toBe(hex)
      const full = { nothing: null, few: [], cursor: null, ...value }
      expect(decodeStruct(either, 2, Buffer.from(hex, 'hex'))).toEqual(full)
    }
  })

  test('need a version that has them', () => {
    expect(() => encodeStruct(shape, 1, { plain: 1, first: 5 })).toThrow('no first')
    expect(() => encodeStruct(shape, 2, { plain: 1, third: { a: 1 } })).toThrow('no third')
  })
})

describe('lengths and counts that lie', () => {
  const shape = shaped({ items: array({ a: int32, b: int32 }), text: string })

  test('are compared with the bytes that are left before anything is allocated', () => {
    for (const hex of ['7fffffff', '00ffffff', '0000000200000001000000010000']) {
      expect(() => decodeStruct(shape, 0, Buffer.from(hex, 'hex'))).toThrow(DecodeError)
    }
    expect(() => decodeStruct(shape, 2, Buffer.from(`ffffffff0f${'00'.repeat(40)}`, 'hex'))).toThrow('bytes wanted')
  })

  test('are judged by the fewest bytes that so many elements take', () => {
    const bytes = Buffer.concat([Buffer.from('000003e8', 'hex'), Buffer.alloc(1000)])
    expect(() => decodeStruct(shape, 0, bytes)).toThrow('8000 bytes wanted at byte 4, 1000 left')
    const flexible = Buffer.concat([Buffer.from('e907', 'hex'), Buffer.alloc(1000)])
    expect(() => decodeStruct(shape, 2, flexible)).toThrow('9000 bytes wanted at byte 2, 1000 left')
  })

  test('of more than 32 bits are refused', () => {
    for (const varint of ['ffffffff10', 'ffffffffff01', '808080808000', 'ffffffffffffffffff01']) {
      expect(() => decodeStruct(shape, 2, Buffer.from(varint + '00'.repeat(40), 'hex'))).toThrow('more than 32 bits')
    }
    // A small number in more bytes than needed is only clumsy.
    expect(decodeStruct(shape, 2, Buffer.from('8180800001' + '00', 'hex'))).toEqual({ items: [], text: '' })
  })

  test('of an element that takes no bytes are still bound by the frame', () => {
    const hollow = shaped({ items: array({ later: int32.since(1) }) })
    expect(() => decodeStruct(hollow, 0, Buffer.from(`7fffffff${'00'.repeat(8)}`, 'hex'))).toThrow(DecodeError)
  })
})

describe('what an API declares is what TypeScript knows', () => {
  const sample = api({
    key: 9999,
    name: 'Sample',
    versions: [0, 3],
    flexible: 2,
    request: {
      group: string,
      member: string.since(1).nullable().default(null),
      topics: array({ name: string, partitions: array(int32), epoch: int32.default(-1) }).nullable(2),
      payload: records,
      blob: bytes,
    },
    response: { errorCode: int16, node: struct({ host: string, port: int32.since(1) }).tag(0, 2), ok: bool },
  })
  type A = typeof sample

  test('decoded values have every field', () => {
    expectTypeOf<Request<A>['member']>().toEqualTypeOf<string | null>()
    expectTypeOf<Request<A>['topics']>().toEqualTypeOf<
      readonly { readonly name: string; readonly partitions: readonly number[]; readonly epoch: number }[] | null
    >()
    expectTypeOf<Request<A>['payload']>().toEqualTypeOf<readonly Buffer[] | null>()
    expectTypeOf<Request<A>['blob']>().toEqualTypeOf<Buffer>()
    expectTypeOf<Response<A>>().toEqualTypeOf<{
      readonly errorCode: number
      readonly node: { readonly host: string; readonly port: number }
      readonly ok: boolean
    }>()
  })

  test('values to encode may leave out what has a default or is not in all versions', () => {
    expectTypeOf<{ group: string; topics: null; payload: Uint8Array[]; blob: Uint8Array }>().toExtend<RequestInput<A>>()
    expectTypeOf<{ errorCode: number; ok: boolean }>().toExtend<ResponseInput<A>>()
    expectTypeOf<{ errorCode: number }>().not.toExtend<ResponseInput<A>>()
    expectTypeOf<{ errorCode: string; ok: boolean }>().not.toExtend<ResponseInput<A>>()
    expectTypeOf<Response<A>>().toExtend<ResponseInput<A>>()
    expectTypeOf<Request<A>>().toExtend<RequestInput<A>>()
    expectTypeOf<Value<A['response']>>().toEqualTypeOf<Response<A>>()
  })
})
