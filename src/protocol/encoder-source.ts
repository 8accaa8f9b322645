// Writes the JavaScript that encodes one version of a message: the counterpart of decoder-source.ts.
//
// In the written code: `w` the Writer, `b` its buffer, `o` the offset, `K` the constants, `vN` values. Calls into the writer
// hand the offset over and take it back, since it may have moved to a larger buffer.

import { FIXED_BYTES, type Program } from './decoder-source.ts'
import { carries, type FieldSpec, type Fields, isDefault, type Message } from './schema.ts'

export function encoderSource(message: Message, version: number): Program {
  const writer = new EncoderSource(version, version >= message.flexible)
  writer.struct(message.fields, 'x', '')
  return {
    source: ['let b = w.buffer, o = w.offset', ...writer.lines, 'w.offset = o'].join('\n'),
    constants: writer.constants,
  }
}

class EncoderSource {
  readonly lines: string[] = []
  readonly constants: unknown[] = []
  readonly #version: number
  readonly #flexible: boolean
  #names = 0

  constructor(version: number, flexible: boolean) {
    this.#version = version
    this.#flexible = flexible
  }

  /** Writes all fields of the object that the expression `from` names; `path` says in errors where it stands. */
  struct(fields: Fields, from: string, path: string): void {
    let run: [path: string, spec: FieldSpec, value: string][] = []
    const endRun = () => {
      this.#fixedRun(run)
      run = []
    }
    for (const [name, { spec }] of Object.entries(fields)) {
      const where = path ? `${path}.${name}` : name
      if (!carries(spec, this.#version)) this.#refuseUnlessDefault(where, spec, `${from}.${name}`)
      else if (spec.tag === undefined) {
        const value = this.#take(spec, `${from}.${name}`)
        if (FIXED_BYTES[spec.kind]) run.push([where, spec, value])
        else {
          endRun()
          this.#value(where, spec, value)
        }
      }
    }
    endRun()
    if (this.#flexible) this.#tags(fields, from, path)
  }

  /** The value, or the default where it was left out. */
  #take(spec: FieldSpec, from: string): string {
    const value = this.#name()
    this.lines.push(`let ${value} = ${from}`, `if (${value} === undefined) ${value} = ${this.#constant(spec.default)}`)
    return value
  }

  #refuseUnlessDefault(where: string, spec: FieldSpec, from: string): void {
    if (!spec.ignorable) this.lines.push(`if (${this.#isSet(spec, from)}) w.cannotCarry('${where}')`)
  }

  /** An expression: whether a value was given that is not the default. */
  #isSet(spec: FieldSpec, from: string): string {
    if (typeof spec.default !== 'object' && spec.kind !== 'bytes') {
      return `${from} !== undefined && ${from} !== ${JSON.stringify(spec.default)}`
    }
    const test = (value: unknown) => !isDefault(spec, value)
    return `${from} !== undefined && ${this.#constant(test)}(${from})`
  }

  #fixedRun(run: readonly [path: string, spec: FieldSpec, value: string][]): void {
    let bytes = 0
    const writes: string[] = []
    for (const [where, spec, value] of run) {
      writes.push(...this.#fixed(where, spec.kind, value, bytes))
      bytes += FIXED_BYTES[spec.kind]!
    }
    if (bytes === 0) return
    this.lines.push(`if (o + ${bytes} > b.length) { w.offset = o; w.grow(${bytes}); b = w.buffer; o = w.offset }`)
    this.lines.push(...writes, `o += ${bytes}`)
  }

  #fixed(where: string, kind: FieldSpec['kind'], value: string, at: number): string[] {
    const refuse = `w.refuse('${where}', ${value})`
    // A byte array keeps the low eight bits of what it is given.
    const int = (bytes: number, from: string, first: number) =>
      Array.from({ length: bytes }, (_, index) => {
        const shift = 8 * (bytes - 1 - index)
        return `b[o + ${at + first + index}] = ${shift ? `${from} >>> ${shift}` : from}`
      }).join('; ')
    switch (kind) {
      case 'int8':
        return [`if (${value} << 24 >> 24 !== ${value}) ${refuse}`, int(1, value, 0)]
      case 'bool':
        return [`if (typeof ${value} !== 'boolean') ${refuse}`, `b[o + ${at}] = ${value} ? 1 : 0`]
      case 'int16':
        return [`if (${value} << 16 >> 16 !== ${value}) ${refuse}`, int(2, value, 0)]
      case 'uint16':
        return [`if ((${value} & 65535) !== ${value}) ${refuse}`, int(2, value, 0)]
      case 'int32':
        return [`if ((${value} | 0) !== ${value}) ${refuse}`, int(4, value, 0)]
      case 'uint32':
        return [`if (${value} >>> 0 !== ${value}) ${refuse}`, int(4, value, 0)]
      case 'int64':
      case 'timestamp': {
        const [high, low] = [this.#name(), this.#name()]
        return [
          `if (!Number.isSafeInteger(${value})) ${refuse}`,
          `const ${high} = Math.floor(${value} / 4294967296), ${low} = ${value} >>> 0`,
          int(4, high, 0),
          int(4, low, 4),
        ]
      }
      case 'float64':
        return [`if (typeof ${value} !== 'number') ${refuse}`, `b.writeDoubleBE(${value}, o + ${at})`]
      case 'uuid':
        return [`w.uuid('${where}', ${value}, o + ${at})`]
      default:
        throw new Error(`${kind} has no fixed size`)
    }
  }

  #value(where: string, spec: FieldSpec, value: string): void {
    if (FIXED_BYTES[spec.kind]) {
      this.#fixedRun([[where, spec, value]])
      return
    }
    const nullable = this.#version >= spec.nullableSince || spec.kind === 'records'
    this.lines.push(`if (${value} === null) {`)
    if (nullable) this.#null(spec)
    else this.lines.push(`w.refuse('${where}', null)`)
    this.lines.push('} else {')
    if (spec.kind === 'struct') {
      if (nullable) this.#call('w.int8(1)')
      this.struct(spec.fields!, value, where)
    } else if (spec.kind === 'array') this.#array(where, spec, value)
    else if (spec.kind === 'records') this.#call(`w.records(${value}, ${this.#flexible})`)
    else this.#call(`w.${spec.kind}('${where}', ${value}, ${this.#flexible})`)
    this.lines.push('}')
  }

  #null(spec: FieldSpec): void {
    if (spec.kind === 'struct') this.#call(spec.tag === undefined ? 'w.int8(-1)' : 'w.varint(0)')
    else if (this.#flexible) this.#call('w.varint(0)')
    else this.#call(spec.kind === 'string' ? 'w.int16(-1)' : 'w.int32(-1)')
  }

  #array(where: string, spec: FieldSpec, value: string): void {
    const [index, item] = [this.#name(), this.#name()]
    this.lines.push(`if (!Array.isArray(${value})) w.refuse('${where}', ${value})`)
    this.#call(this.#flexible ? `w.varint(${value}.length + 1)` : `w.int32(${value}.length)`)
    this.lines.push(`for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {`)
    this.lines.push(`const ${item} = ${value}[${index}]`)
    if (spec.fields) this.struct(spec.fields, item, where)
    else this.#value(where, spec.element!.spec, item)
    this.lines.push('}')
  }

  #tags(fields: Fields, from: string, path: string): void {
    const known = Object.entries(fields)
      .filter(([, f]) => f.spec.tag !== undefined && carries(f.spec, this.#version))
      .sort(([, f], [, g]) => f.spec.tag! - g.spec.tag!)
      .map(([name, { spec }]) => ({ where: path ? `${path}.${name}` : name, spec, from: `${from}.${name}` }))
    const set = known.map(({ spec, from }) => {
      const isSet = this.#name()
      this.lines.push(`const ${isSet} = ${this.#isSet(spec, from)}`)
      return isSet
    })
    this.#call(`w.varint(${set.length ? set.map((isSet) => `(${isSet} ? 1 : 0)`).join(' + ') : 0})`)
    known.forEach(({ where, spec, from }, index) => {
      const mark = this.#name()
      this.lines.push(`if (${set[index]}) {`)
      this.#call(`w.varint(${spec.tag})`)
      this.lines.push(`const ${mark} = w.beginTag(); b = w.buffer; o = w.offset`)
      this.#value(where, spec, from)
      this.#call(`w.endTag(${mark})`)
      this.lines.push('}')
    })
  }

  #call(call: string): void {
    this.lines.push(`w.offset = o; ${call}; b = w.buffer; o = w.offset`)
  }

  #constant(value: unknown): string {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return JSON.stringify(value)
    const at = this.constants.indexOf(value)
    return `K[${at >= 0 ? at : this.constants.push(value) - 1}]`
  }

  #name(): string {
    return `v${++this.#names}`
  }
}
