import type { FieldSpec, Fields, Message } from '../../src/protocol/schema.ts'

// The oracle: reads and writes a message by walking its schema, value by value, as plainly as the protocol guide says it. Slow,
// and shares nothing with the compiled codecs but the schema, so that a mistake must be made twice to go unseen.

type Struct = Record<string, unknown>

export function interpretEncode(message: Message, version: number, value: unknown): Buffer {
  const parts: Buffer[] = []
  writeStruct(parts, message.fields, version, version >= message.flexible, value as Struct)
  return Buffer.concat(parts)
}

/** The value and how many bytes it took. */
export function interpretDecode(message: Message, version: number, bytes: Buffer): { value: Struct; length: number } {
  const input = { bytes, at: 0 }
  const value = readStruct(input, message.fields, version, version >= message.flexible)
  return { value, length: input.at }
}

interface BytesInput {
  bytes: Buffer
  at: number
}

function present(spec: FieldSpec, version: number): boolean {
  return spec.since <= version && version <= spec.until
}

function writeStruct(parts: Buffer[], fields: Fields, version: number, flexible: boolean, value: Struct): void {
  const tagged: { tag: number; content: Buffer }[] = []
  for (const [name, { spec }] of Object.entries(fields)) {
    if (!present(spec, version)) continue
    if (spec.tag === undefined) writeValue(parts, spec, version, flexible, value[name])
    else if (JSON.stringify(value[name]) !== JSON.stringify(spec.default)) {
      const content: Buffer[] = []
      writeValue(content, spec, version, flexible, value[name])
      tagged.push({ tag: spec.tag, content: Buffer.concat(content) })
    }
  }
  if (!flexible) return
  parts.push(varint(tagged.length))
  for (const { tag, content } of tagged.sort((a, b) => a.tag - b.tag)) {
    parts.push(varint(tag), varint(content.length), content)
  }
}

function writeValue(parts: Buffer[], spec: FieldSpec, version: number, flexible: boolean, value: unknown): void {
  if (spec.kind === 'struct') {
    if (version >= spec.nullableSince)
      parts.push(Buffer.from([value === null ? (spec.tag === undefined ? 0xff : 0) : 1]))
    if (value !== null) writeStruct(parts, spec.fields!, version, flexible, value as Struct)
  } else if (spec.kind === 'array') {
    const items = value as unknown[] | null
    parts.push(lengthOf(items, 4, flexible))
    for (const item of items ?? []) {
      if (spec.fields) writeStruct(parts, spec.fields, version, flexible, item as Struct)
      else writeValue(parts, spec.element!.spec, version, flexible, item)
    }
  } else if (spec.kind === 'string') {
    const text = value === null ? null : Buffer.from(value as string)
    parts.push(lengthOf(text, 2, flexible), text ?? Buffer.alloc(0))
  } else if (spec.kind === 'bytes') {
    parts.push(lengthOf(value as Buffer | null, 4, flexible), (value as Buffer | null) ?? Buffer.alloc(0))
  } else if (spec.kind === 'records') {
    const all = value === null ? null : Buffer.concat(value as Buffer[])
    parts.push(lengthOf(all, 4, flexible), all ?? Buffer.alloc(0))
  } else parts.push(fixed(spec, value))
}

function fixed(spec: FieldSpec, value: unknown): Buffer {
  const bytes = Buffer.alloc(8)
  switch (spec.kind) {
    case 'int8':
      return bytes.subarray(0, bytes.writeInt8(value as number))
    case 'bool':
      return bytes.subarray(0, bytes.writeInt8(value ? 1 : 0))
    case 'int16':
      return bytes.subarray(0, bytes.writeInt16BE(value as number))
    case 'uint16':
      return bytes.subarray(0, bytes.writeUInt16BE(value as number))
    case 'int32':
      return bytes.subarray(0, bytes.writeInt32BE(value as number))
    case 'uint32':
      return bytes.subarray(0, bytes.writeUInt32BE(value as number))
    case 'int64':
    case 'timestamp':
      return bytes.subarray(0, bytes.writeBigInt64BE(BigInt(value as number)))
    case 'float64':
      return bytes.subarray(0, bytes.writeDoubleBE(value as number))
    case 'uuid':
      return Buffer.from(value as string, 'base64url')
    default:
      throw new Error(`${spec.kind} is not of fixed size`)
  }
}

function lengthOf(content: { length: number } | null, classicBytes: 2 | 4, flexible: boolean): Buffer {
  if (flexible) return varint(content === null ? 0 : content.length + 1)
  const bytes = Buffer.alloc(classicBytes)
  bytes.writeIntBE(content === null ? -1 : content.length, 0, classicBytes)
  return bytes
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) + 128)
  return Buffer.from([...bytes, rest])
}

function take(input: BytesInput, length: number): Buffer {
  if (input.at + length > input.bytes.length) throw new Error(`${length} bytes wanted at ${input.at}`)
  input.at += length
  return input.bytes.subarray(input.at - length, input.at)
}

function readVarint(input: BytesInput): number {
  let value = 0
  for (let power = 1; ; power *= 128) {
    const byte = take(input, 1)[0]!
    value += (byte % 128) * power
    if (byte < 128) return value
  }
}

function readLength(input: BytesInput, classicBytes: 2 | 4, flexible: boolean): number {
  return flexible ? readVarint(input) - 1 : take(input, classicBytes).readIntBE(0, classicBytes)
}

function readStruct(input: BytesInput, fields: Fields, version: number, flexible: boolean): Struct {
  const value: Struct = {}
  for (const [name, { spec }] of Object.entries(fields)) {
    const untagged = present(spec, version) && spec.tag === undefined
    value[name] = untagged ? readValue(input, spec, version, flexible) : spec.default
  }
  if (!flexible) return value
  for (let left = readVarint(input); left > 0; left--) {
    const tag = readVarint(input)
    const content = { bytes: take(input, readVarint(input)), at: 0 }
    const known = Object.entries(fields).find(([, { spec }]) => spec.tag === tag && present(spec, version))
    if (known) value[known[0]] = readValue(content, known[1].spec, version, flexible)
  }
  return value
}

function readValue(input: BytesInput, spec: FieldSpec, version: number, flexible: boolean): unknown {
  if (spec.kind === 'struct') {
    const isNull = version >= spec.nullableSince && take(input, 1).readInt8() < (spec.tag === undefined ? 0 : 1)
    return isNull ? null : readStruct(input, spec.fields!, version, flexible)
  }
  if (spec.kind === 'array') {
    const count = readLength(input, 4, flexible)
    const item = () =>
      spec.fields
        ? readStruct(input, spec.fields, version, flexible)
        : readValue(input, spec.element!.spec, version, flexible)
    return count < 0 ? null : Array.from({ length: count }, item)
  }
  if (spec.kind === 'string' || spec.kind === 'bytes' || spec.kind === 'records') {
    const length = readLength(input, spec.kind === 'string' ? 2 : 4, flexible)
    if (length < 0) return null
    const content = take(input, length)
    if (spec.kind === 'string') return content.toString()
    return spec.kind === 'bytes' ? content : length === 0 ? [] : [content]
  }
  return readFixed(input, spec)
}

function readFixed(input: BytesInput, spec: FieldSpec): unknown {
  switch (spec.kind) {
    case 'int8':
      return take(input, 1).readInt8()
    case 'bool':
      return take(input, 1)[0] !== 0
    case 'int16':
      return take(input, 2).readInt16BE()
    case 'uint16':
      return take(input, 2).readUInt16BE()
    case 'int32':
      return take(input, 4).readInt32BE()
    case 'uint32':
      return take(input, 4).readUInt32BE()
    case 'int64':
    case 'timestamp':
      return Number(take(input, 8).readBigInt64BE())
    case 'float64':
      return take(input, 8).readDoubleBE()
    case 'uuid':
      return take(input, 16).toString('base64url')
    default:
      throw new Error(`${spec.kind} is not of fixed size`)
  }
}
