// Writes the JavaScript that decodes one version of a message. Runs of fixed-size fields share one bounds check and are read
// straight from the buffer; nested structs and arrays are inlined, so a message is one function with one object literal each.
//
// In the written code: `r` the Reader, `b` its buffer, `o` the offset, `e` the end, `K` the constants, `vN` values.

import { carries, type FieldSpec, type Fields, type Message } from './schema.ts'

export interface Program {
  readonly source: string
  /** What the source cannot spell: default values that are objects. */
  readonly constants: readonly unknown[]
}

/** Bytes on the wire of the kinds whose size never varies. */
export const FIXED_BYTES: Readonly<Partial<Record<FieldSpec['kind'], number>>> = {
  int8: 1,
  bool: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  timestamp: 8,
  float64: 8,
  uuid: 16,
}

export function decoderSource(message: Message, version: number): Program {
  const writer = new DecoderSource(version, version >= message.flexible)
  const value = writer.struct(message.fields)
  const source = [
    'let b = r.buffer, o = r.offset, n = 0',
    'const e = r.end',
    ...writer.lines,
    'r.offset = o',
    `return ${value}`,
  ].join('\n')
  return { source, constants: writer.constants }
}

class DecoderSource {
  readonly lines: string[] = []
  readonly constants: unknown[] = []
  readonly #version: number
  readonly #flexible: boolean
  #names = 0

  constructor(version: number, flexible: boolean) {
    this.#version = version
    this.#flexible = flexible
  }

  /** Writes the reading of all fields; returns the object literal that holds them. */
  struct(fields: Fields): string {
    const values = new Map<string, string>()
    let run: [string, FieldSpec][] = []
    const endRun = () => {
      this.#fixedRun(run, values)
      run = []
    }
    for (const [name, { spec }] of Object.entries(fields)) {
      if (!carries(spec, this.#version) || spec.tag !== undefined) continue
      if (FIXED_BYTES[spec.kind]) run.push([name, spec])
      else {
        endRun()
        values.set(name, this.#value(name, spec))
      }
    }
    endRun()
    if (this.#flexible) this.#tags(fields, values)
    const entries = Object.entries(fields).map(
      ([name, { spec }]) => `${name}: ${values.get(name) ?? this.#constant(spec.default)}`,
    )
    return `{ ${entries.join(', ')} }`
  }

  #fixedRun(run: readonly [string, FieldSpec][], values: Map<string, string>): void {
    let bytes = 0
    const reads: string[] = []
    for (const [name, spec] of run) {
      const value = this.#name()
      values.set(name, value)
      reads.push(...this.#fixed(spec.kind, value, bytes))
      bytes += FIXED_BYTES[spec.kind]!
    }
    if (bytes > 0) this.lines.push(`if (o + ${bytes} > e) r.short(o, ${bytes})`, ...reads, `o += ${bytes}`)
  }

  /** Reads a fixed-size value that stands `at` bytes behind `o` into the variable `into`. */
  #fixed(kind: FieldSpec['kind'], into: string, at: number): string[] {
    const byte = (index: number) => `b[o + ${at + index}]`
    const int32 = (first: number) =>
      `(${byte(first)} << 24 | ${byte(first + 1)} << 16 | ${byte(first + 2)} << 8 | ${byte(first + 3)})`
    const int64 = `${int32(0)} * 4294967296 + (${int32(4)} >>> 0)`
    switch (kind) {
      case 'int8':
        return [`const ${into} = ${byte(0)} << 24 >> 24`]
      case 'bool':
        return [`const ${into} = ${byte(0)} !== 0`]
      case 'int16':
        return [`const ${into} = (${byte(0)} << 24 | ${byte(1)} << 16) >> 16`]
      case 'uint16':
        return [`const ${into} = ${byte(0)} << 8 | ${byte(1)}`]
      case 'int32':
        return [`const ${into} = ${int32(0)}`]
      case 'uint32':
        return [`const ${into} = ${int32(0)} >>> 0`]
      case 'int64':
        return [
          `const ${into} = ${int64}`,
          `if (${into} > 9007199254740991 || ${into} < -9007199254740991) r.malformed(o + ${at}, 'an int64 beyond 2^53')`,
        ]
      case 'timestamp':
        return [
          `let ${into} = ${int64}`,
          `if (${into} > 9007199254740991) ${into} = 9007199254740991`,
          `else if (${into} < -9007199254740991) ${into} = -9007199254740991`,
        ]
      case 'float64':
        return [`const ${into} = b.readDoubleBE(o + ${at})`]
      case 'uuid':
        return [`const ${into} = r.uuid(o + ${at})`]
      default:
        throw new Error(`${kind} has no fixed size`)
    }
  }

  /** Reads any value at `o`; returns the expression that holds it. */
  #value(name: string, spec: FieldSpec): string {
    if (FIXED_BYTES[spec.kind]) {
      const values = new Map<string, string>()
      this.#fixedRun([[name, spec]], values)
      return values.get(name)!
    }
    if (spec.kind === 'array') return this.#array(name, spec)
    if (spec.kind === 'struct') return this.#struct(name, spec)
    return this.#slice(name, spec)
  }

  #slice(name: string, spec: FieldSpec): string {
    const into = this.#name()
    this.lines.push(`let ${into} = null`)
    this.#length(spec.kind === 'string' ? 2 : 4)
    this.#unlessNull(name, spec, () => {
      this.lines.push('if (n > e - o) r.short(o, n)')
      if (spec.kind === 'string') {
        this.lines.push(
          `if (n > 32767) r.malformed(o, 'a ${name} of more than 32767 bytes')`,
          `${into} = n === 0 ? '' : r.text(o, n)`,
        )
      } else {
        const slice = 'b.subarray(o, o + n)'
        this.lines.push(`${into} = ${spec.kind === 'records' ? `n === 0 ? [] : [${slice}]` : slice}`)
      }
      this.lines.push('o += n')
    })
    return into
  }

  #array(name: string, spec: FieldSpec): string {
    const [into, count, index] = [this.#name(), this.#name(), this.#name()]
    this.lines.push(`let ${into} = null`)
    this.#length(4)
    this.#unlessNull(name, spec, () => {
      // Before anything is allocated: so many elements could not be in the bytes that are left.
      const least = Math.max(1, spec.fields ? this.#leastBytes(spec.fields) : this.#leastOf(spec.element!.spec))
      this.lines.push(
        `if (n * ${least} > e - o) r.short(o, n * ${least})`,
        `const ${count} = n`,
        `${into} = new Array(${count})`,
        `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`,
      )
      const value = spec.fields ? this.struct(spec.fields) : this.#value(name, spec.element!.spec)
      this.lines.push(`${into}[${index}] = ${value}`, '}')
    })
    return into
  }

  #struct(name: string, spec: FieldSpec): string {
    if (spec.nullableSince > this.#version) return this.struct(spec.fields!)
    const into = this.#name()
    // A byte before it: −1 for null, but 0 in the tail, where it is a varint.
    const marker = spec.tag === undefined ? 'n = b[o++] << 24 >> 24' : 'n = b[o++] - 1'
    this.lines.push(`let ${into} = null`, 'if (o >= e) r.short(o, 1)', marker)
    this.#unlessNull(name, spec, () => {
      this.lines.push(`${into} = ${this.struct(spec.fields!)}`)
    })
    return into
  }

  /** Reads a length into `n`; negative when null. */
  #length(classicBytes: 2 | 4): void {
    if (this.#flexible) {
      this.#varint('n')
      this.lines.push('n--')
    } else if (classicBytes === 2) {
      this.lines.push('if (o + 2 > e) r.short(o, 2)', 'n = (b[o] << 24 | b[o + 1] << 16) >> 16', 'o += 2')
    } else {
      this.lines.push(
        'if (o + 4 > e) r.short(o, 4)',
        'n = b[o] << 24 | b[o + 1] << 16 | b[o + 2] << 8 | b[o + 3]',
        'o += 4',
      )
    }
  }

  /** Only −1 means null; Kafka takes any negative length for it, and so do we. */
  #unlessNull(name: string, spec: FieldSpec, otherwise: () => void): void {
    const nullable = this.#version >= spec.nullableSince || spec.kind === 'records'
    if (!nullable) this.lines.push(`if (n < 0) r.malformed(o, '${name} is null')`, '{')
    else this.lines.push('if (n >= 0) {')
    otherwise()
    this.lines.push('}')
  }

  #varint(into: string): void {
    this.lines.push(
      'if (o >= e) r.short(o, 1)',
      `${into} = b[o++]`,
      `if (${into} > 127) { ${into} = r.varint(o - 1); o = r.offset }`,
    )
  }

  #tags(fields: Fields, values: Map<string, string>): void {
    const [left, tag, end] = [this.#name(), this.#name(), this.#name()]
    const known = Object.entries(fields).filter(([, f]) => f.spec.tag !== undefined && carries(f.spec, this.#version))
    for (const [name, { spec }] of known) {
      const into = this.#name()
      values.set(name, into)
      this.lines.push(`let ${into} = ${this.#constant(spec.default)}`)
    }
    this.lines.push(`let ${left}`)
    this.#varint(left)
    this.lines.push(`for (; ${left} > 0; ${left}--) {`, `let ${tag}`)
    this.#varint(tag)
    this.#varint('n')
    this.lines.push('if (n > e - o) r.short(o, n)', `const ${end} = o + n`, `switch (${tag}) {`)
    for (const [name, { spec }] of known) {
      this.lines.push(`case ${spec.tag}: {`)
      this.lines.push(`${values.get(name)} = ${this.#value(name, spec)}`)
      this.lines.push(`if (o !== ${end}) r.malformed(o, 'tagged field ${name} of another size')`, 'break', '}')
    }
    this.lines.push(`default: o = ${end}`, '}', '}')
  }

  /** The fewest bytes that a struct can take in this version. */
  #leastBytes(fields: Fields): number {
    let least = this.#flexible ? 1 : 0
    for (const { spec } of Object.values(fields)) {
      if (carries(spec, this.#version) && spec.tag === undefined) least += this.#leastOf(spec)
    }
    return least
  }

  #leastOf(spec: FieldSpec): number {
    const fixed = FIXED_BYTES[spec.kind]
    if (fixed) return fixed
    if (spec.kind === 'struct') return this.#version >= spec.nullableSince ? 1 : this.#leastBytes(spec.fields!)
    if (this.#flexible) return 1
    return spec.kind === 'string' ? 2 : 4
  }

  #constant(value: unknown): string {
    if (typeof value !== 'object' || value === null) return JSON.stringify(value)
    const at = this.constants.indexOf(value)
    return `K[${at >= 0 ? at : this.constants.push(value) - 1}]`
  }

  #name(): string {
    return `v${++this.#names}`
  }
}
