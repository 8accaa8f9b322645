// Key and value of MirrorMaker's internal records. All are structs of the old, non-flexible protocol: big-endian, strings with
// an int16 length. Readers are tolerant as a reader of a shared topic must be: what is not understood is no record, not a failure.
import { DecodeError, decodeStruct, encodeStruct } from '../protocol/codec.ts'
import { type Fields, type Input, type Message, message, type Value } from '../protocol/schema.ts'

export interface KeyValue {
  readonly key: Buffer
  readonly value: Buffer
}

/** What readers of internal topics get: a record of the log, of which only these two are read. */
export interface MaybeKeyValue {
  readonly key: Buffer | null
  readonly value: Buffer | null
}

export interface InternalRecord<K extends Fields, V extends Fields> {
  encode(key: Input<Message<K>>, value: Input<Message<V>>): KeyValue
  /** Undefined: a tombstone, a malformed record, or one of another version. */
  decode(record: MaybeKeyValue): { key: Value<Message<K>>; value: Value<Message<V>> } | undefined
}

/** Versioned layouts start with an int16 field `version` that is 0; any other version may mean anything, so it is left. */
export function internalRecord<K extends Fields, V extends Fields>(
  name: string,
  key: K,
  value: V,
): InternalRecord<K, V> {
  const keyMessage = message({ name: `${name} key`, versions: [0, 0], flexible: Infinity, fields: key })
  const valueMessage = message({ name: `${name} value`, versions: [0, 0], flexible: Infinity, fields: value })
  return {
    encode: (keyInput, valueInput) => ({
      key: encodeStruct(keyMessage, 0, keyInput),
      value: encodeStruct(valueMessage, 0, valueInput),
    }),
    decode(record) {
      if (record.key === null || record.value === null) return undefined
      try {
        const decoded: Record<string, unknown> = decodeStruct(valueMessage, 0, record.value)
        if (decoded['version'] !== undefined && decoded['version'] !== 0) return undefined
        return { key: decodeStruct(keyMessage, 0, record.key), value: decoded as Value<Message<V>> }
      } catch (error) {
        if (error instanceof DecodeError) return undefined
        throw error
      }
    },
  }
}
