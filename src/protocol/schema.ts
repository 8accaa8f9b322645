// Kafka messages as values: each field says its type, the versions that carry it, since when it may be null, its tag and its
// default. One shape serves all versions. The TypeScript types of a message are inferred from the same expression, and
// `codec.ts` compiles it to a program per version, so a message is written down exactly once.

/** The wire types. `timestamp` is an int64 that saturates; `records` is the payload that passes through uncopied. */
type Kind =
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'uint32'
  | 'float64'
  | 'bool'
  | 'string'
  | 'bytes'
  | 'uuid'
  | 'timestamp'
  | 'records'
  | 'array'
  | 'struct'

export interface FieldSpec {
  readonly kind: Kind
  /** First and last message version that carries the field. */
  readonly since: number
  readonly until: number
  /** First version in which null may be sent; Infinity: never. */
  readonly nullableSince: number
  /** Tagged fields stand in the tail of a flexible version and are left out when they hold their default. */
  readonly tag: number | undefined
  readonly default: unknown
  /** Whether a value may be dropped silently when the version cannot carry it. */
  readonly ignorable: boolean
  /** Arrays of scalars. */
  readonly element: AnyField | undefined
  /** Structs and arrays of structs. */
  readonly fields: Fields | undefined
}

export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * One field. `Out` is what decoding gives, `In` what encoding takes; an `Optional` field may be left out of the input. The
 * modifiers return a new field, so a declaration can be shared between messages.
 */
export class Field<Out, In = Out, Optional extends boolean = false> {
  /** Only in the types: what inference reads. */
  declare readonly out: Out
  declare readonly in: In
  declare readonly optional: Optional
  readonly spec: FieldSpec

  constructor(spec: FieldSpec) {
    this.spec = spec
  }

  /** The first version that has the field. */
  since(version: number): Field<Out, In, true> {
    return new Field({ ...this.spec, since: version })
  }

  /** The last version that has the field. */
  until(version: number): Field<Out, In, true> {
    return new Field({ ...this.spec, until: version })
  }

  nullable(sinceVersion = 0): Field<Out | null, In | null, Optional> {
    return new Field({ ...this.spec, nullableSince: sinceVersion })
  }

  /** The value that stands for an absent field; Kafka's implicit default (0, '', false, [], zero uuid) unless said here. */
  default(value: In): Field<Out, In, true> {
    return new Field({ ...this.spec, default: value })
  }

  /** A tagged field (KIP-482), present from `sinceVersion` on. */
  tag(tagNumber: number, sinceVersion = 0): Field<Out, In, true> {
    return new Field({ ...this.spec, tag: tagNumber, since: sinceVersion })
  }

  ignorable(): Field<Out, In, Optional> {
    return new Field({ ...this.spec, ignorable: true })
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the one place where a field of any type must fit
export type AnyField = Field<any, any, boolean>
export type Fields = { readonly [name: string]: AnyField }

/** What decoding gives: every field is there, whatever the version. */
export type Decoded<F extends Fields> = { readonly [K in keyof F]: F[K]['out'] }

/** What encoding takes: fields with a default, and fields that some version lacks, may be left out. */
export type Encodable<F extends Fields> = Flat<
  { [K in keyof F as F[K]['optional'] extends true ? never : K]: F[K]['in'] } & {
    [K in keyof F as F[K]['optional'] extends true ? K : never]?: F[K]['in']
  }
>
type Flat<T> = { [K in keyof T]: T[K] }

function scalar<Out, In = Out>(kind: Kind, implicitDefault: unknown): Field<Out, In> {
  return new Field(spec(kind, implicitDefault, {}))
}

function spec(
  kind: Kind,
  implicitDefault: unknown,
  content: Pick<Partial<FieldSpec>, 'element' | 'fields'>,
): FieldSpec {
  return {
    kind,
    since: 0,
    until: Infinity,
    nullableSince: Infinity,
    tag: undefined,
    default: implicitDefault,
    ignorable: false,
    element: content.element,
    fields: content.fields,
  }
}

// Shared by every message that lacks the field, so they must not be changed.
const NO_ELEMENTS: readonly never[] = Object.freeze([])
const NO_BYTES = Buffer.alloc(0)

export const int8 = scalar<number>('int8', 0)
export const int16 = scalar<number>('int16', 0)
export const int32 = scalar<number>('int32', 0)
/** A JavaScript number: a value beyond 2⁵³ is refused, never rounded. */
export const int64 = scalar<number>('int64', 0)
export const uint16 = scalar<number>('uint16', 0)
export const uint32 = scalar<number>('uint32', 0)
export const float64 = scalar<number>('float64', 0)
export const bool = scalar<boolean>('bool', false)
export const string = scalar<string>('string', '')
export const bytes = scalar<Buffer, Uint8Array>('bytes', NO_BYTES)
/** Kafka's 22-character text of the 16 bytes. */
export const uuid = scalar<string>('uuid', ZERO_UUID)
/** An int64 that saturates at the safe range: some producers write nonsense, and a batch must not be lost for it. */
export const timestamp = scalar<number>('timestamp', 0)
/** Record batches: encoded from slices and decoded as one slice of the frame, never copied. */
export const records = scalar<readonly Buffer[] | null, readonly Uint8Array[] | null>('records', null)

export function array<Out, In>(element: Field<Out, In, boolean>): Field<readonly Out[], readonly In[]>
export function array<F extends Fields>(fields: F): Field<readonly Decoded<F>[], readonly Encodable<F>[]>
export function array(content: AnyField | Fields): AnyField {
  const inner = content instanceof Field ? { element: content } : { fields: content }
  return new Field(spec('array', NO_ELEMENTS, inner))
}

export function struct<F extends Fields>(fields: F): Field<Decoded<F>, Encodable<F>> {
  return new Field(spec('struct', defaultsOf(fields), { fields }))
}

/** The value of a struct in which nothing is said. */
function defaultsOf(fields: Fields): Readonly<Record<string, unknown>> {
  return Object.freeze(Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, field.spec.default])))
}

/** First and last version. */
type Versions = readonly [min: number, max: number]

/** A body that can be encoded alone: half an API, or a record of an internal topic. */
export interface Message<F extends Fields = Fields> {
  readonly name: string
  readonly versions: Versions
  /** First version with compact lengths and tagged fields (KIP-482); Infinity: none. */
  readonly flexible: number
  readonly fields: F
}

export interface Api<Q extends Fields = Fields, S extends Fields = Fields> {
  readonly key: number
  readonly name: string
  readonly versions: Versions
  readonly flexible: number
  readonly request: Message<Q>
  readonly response: Message<S>
}

export interface ApiDeclaration<Q extends Fields, S extends Fields> {
  key: number
  name: string
  versions: Versions
  flexible: number
  request: Q
  response: S
}

export function api<Q extends Fields, S extends Fields>(declared: ApiDeclaration<Q, S>): Api<Q, S> {
  const { key, name, versions, flexible } = declared
  return Object.freeze({
    key,
    name,
    versions,
    flexible,
    request: message({ name: `${name} request`, versions, flexible, fields: declared.request }),
    response: message({ name: `${name} response`, versions, flexible, fields: declared.response }),
  })
}

export function message<F extends Fields>(declared: Message<F>): Message<F> {
  return Object.freeze({ ...declared })
}

export type Value<M extends Message> = Decoded<M['fields']>
export type Input<M extends Message> = Encodable<M['fields']>
export type Request<A extends Api> = Decoded<A['request']['fields']>
export type Response<A extends Api> = Decoded<A['response']['fields']>
export type RequestInput<A extends Api> = Encodable<A['request']['fields']>
export type ResponseInput<A extends Api> = Encodable<A['response']['fields']>

/** Whether this version of a message has the field. */
export function carries(field: FieldSpec, version: number): boolean {
  return version >= field.since && version <= field.until
}

/** Whether a value equals the field's default, down through structs. Fields left out count as default. */
export function isDefault(field: FieldSpec, value: unknown): boolean {
  if (value === undefined || value === field.default) return true
  if (value === null || field.default === null) return false
  if (field.kind === 'struct') {
    return Object.entries(field.fields!).every(([name, inner]) =>
      isDefault(inner.spec, (value as Record<string, unknown>)[name]),
    )
  }
  if (field.kind === 'array' || field.kind === 'bytes' || field.kind === 'records') {
    // Defaults of these kinds are null or empty; no message of Kafka's has another.
    return (value as { length: number }).length === 0
  }
  return false
}
