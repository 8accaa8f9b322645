import fc from 'fast-check'
import type { FieldSpec, Fields, Message } from '../../src/protocol/schema.ts'

// Random values of any message in any version: exactly the fields that the version carries, null where null may be.

export function randomValue(message: Message, version: number): fc.Arbitrary<Record<string, unknown>> {
  return randomStruct(message.fields, version)
}

function randomStruct(fields: Fields, version: number): fc.Arbitrary<Record<string, unknown>> {
  const entries = Object.entries(fields).map(([name, { spec }]): [string, fc.Arbitrary<unknown>] => {
    const carried = version >= spec.since && version <= spec.until
    return [name, carried ? randomField(spec, version) : fc.constant(spec.default)]
  })
  return fc.record(Object.fromEntries(entries))
}

function randomField(spec: FieldSpec, version: number): fc.Arbitrary<unknown> {
  const value = randomContent(spec, version)
  const choices = [{ arbitrary: value, weight: 6 }]
  if (version >= spec.nullableSince || spec.kind === 'records')
    choices.push({ arbitrary: fc.constant(null), weight: 2 })
  // Tagged fields must be seen both at their default and not.
  if (spec.tag !== undefined) choices.push({ arbitrary: fc.constant(spec.default), weight: 3 })
  return fc.oneof(...choices)
}

function randomContent(spec: FieldSpec, version: number): fc.Arbitrary<unknown> {
  const whole = (bits: number) => fc.integer({ min: -(2 ** (bits - 1)), max: 2 ** (bits - 1) - 1 })
  switch (spec.kind) {
    case 'int8':
      return whole(8)
    case 'int16':
      return whole(16)
    case 'int32':
      return whole(32)
    case 'uint16':
      return fc.integer({ min: 0, max: 0xffff })
    case 'uint32':
      return fc.integer({ min: 0, max: 0xffffffff })
    case 'int64':
    case 'timestamp':
      return fc.maxSafeInteger().map((value) => value + 0)
    case 'float64':
      return fc.double({ noNaN: true })
    case 'bool':
      return fc.boolean()
    case 'string':
      return fc.oneof(
        fc.string({ unit: 'grapheme', maxLength: 20 }),
        fc.constant(''),
        fc.integer({ min: 100, max: 400 }).map((length) => 'n'.repeat(length)),
      )
    case 'bytes':
      return randomBytes(40)
    case 'records':
      return fc.oneof(
        fc.constant([]),
        randomBytes(200).map((bytes) => (bytes.length === 0 ? [] : [bytes])),
      )
    case 'uuid':
      return fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => Buffer.from(bytes).toString('base64url'))
    case 'struct':
      return randomStruct(spec.fields!, version)
    case 'array': {
      const item = spec.fields ? randomStruct(spec.fields, version) : randomContent(spec.element!.spec, version)
      return fc.array(item, { maxLength: 3 })
    }
  }
}

function randomBytes(maxLength: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))
}
