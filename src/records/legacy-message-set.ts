import { CODECS, type Codec, decompress } from './compression/index.ts'
import { slicingTables, updateRegister } from './crc-slicing.ts'
import { readInt64, readTimestamp } from './int64.ts'
import { NO_HEADERS, type Record } from './record.ts'
import { corrupt, RecordsError } from './records-error.ts'

/**
 * Messages of magic 0 and 1, from before Kafka 0.11. Each stands alone, or is a wrapper whose value is a compressed message
 * set and whose offset is that of its last message. Inside a wrapper, magic 1 counts offsets from the wrapper's start; sets
 * that keep absolute offsets read right too, since only the distance to the last one is used.
 *
 *   offset int64 · size int32 · crc int32 · magic int8 · attributes int8 · timestamp int64 (magic 1) · key · value
 */
const MAGIC_AT = 16
const ATTRIBUTES_AT = 17
const TIMESTAMP_AT = 18
const CODEC_MASK = 0x07
const LOG_APPEND_TIME_BIT = 0x08
const NO_TIMESTAMP = -1
const SIZE_PREFIX = 12
const OFFSET_DELTA_MAX = 0x7fffffff

const tables = slicingTables(0xedb88320)

/** The smallest message after offset and size, by magic. */
export function legacySizeMin(magic: number): number {
  return magic === 0 ? 14 : 22
}

export function legacyCrc(bytes: Buffer): number {
  return ~updateRegister(tables, -1, bytes, MAGIC_AT, bytes.length) >>> 0
}

export function legacyTimestamp(bytes: Buffer): number {
  return bytes[MAGIC_AT] === 0 ? NO_TIMESTAMP : readTimestamp(bytes, TIMESTAMP_AT)
}

export function legacyIsLogAppendTime(bytes: Buffer): boolean {
  return bytes[MAGIC_AT] === 1 && (bytes[ATTRIBUTES_AT]! & LOG_APPEND_TIME_BIT) !== 0
}

/** Reads one message or one wrapper with all inside it. */
export function readLegacyRecords(bytes: Buffer, maxBytes: number): Record[] {
  const codec = legacyCodec(bytes)
  if (codec === 'none') return [readMessage(bytes)]
  const wrapper = readMessage(bytes)
  if (wrapper.value === null) throw corrupt('a compressed message set without a value')
  const inner = readInnerMessages(decompress(codec, wrapper.value, maxBytes), bytes[MAGIC_AT]!)
  const last = inner.at(-1)
  if (last === undefined) throw corrupt('a compressed message set without messages')
  const shift = bytes[MAGIC_AT] === 1 ? wrapper.offset - last.offset : 0
  const appendTime = legacyIsLogAppendTime(bytes) ? wrapper.timestamp : undefined
  checkAscending(inner)
  return inner.map((record) => ({
    ...record,
    offset: record.offset + shift,
    timestamp: appendTime ?? record.timestamp,
  }))
}

function readInnerMessages(set: Buffer, magic: number): Record[] {
  const records: Record[] = []
  for (let at = 0; at < set.length; ) {
    if (set.length - at < SIZE_PREFIX) throw corrupt('a message in a compressed set is cut short')
    const size = set.readInt32BE(at + 8)
    if (size < legacySizeMin(magic) || size > set.length - at - SIZE_PREFIX) {
      throw corrupt(`a message in a compressed set announces ${size} bytes, ${set.length - at - SIZE_PREFIX} are left`)
    }
    const message = set.subarray(at, at + SIZE_PREFIX + size)
    if (message[MAGIC_AT] !== magic) throw corrupt(`magic ${message[MAGIC_AT]} inside a set of magic ${magic}`)
    if (legacyCodec(message) !== 'none') throw corrupt('a compressed message set inside another')
    records.push(readMessage(message))
    at += message.length
  }
  return records
}

/** Later steps rest on it: offsets become deltas of an int32. */
function checkAscending(inner: readonly Record[]): void {
  const first = inner[0]!.offset
  let last = first - 1
  for (const { offset } of inner) {
    if (offset <= last || offset - first > OFFSET_DELTA_MAX)
      throw corrupt(`offset ${offset} after ${last} in a compressed set`)
    last = offset
  }
}

function readMessage(bytes: Buffer): Record {
  const keyAt = bytes[MAGIC_AT] === 0 ? TIMESTAMP_AT : TIMESTAMP_AT + 8
  const key = readField(bytes, keyAt)
  const valueAt = keyAt + 4 + (key?.length ?? 0)
  const value = readField(bytes, valueAt)
  const end = valueAt + 4 + (value?.length ?? 0)
  if (end !== bytes.length) throw corrupt(`${bytes.length - end} bytes follow the value of a message`)
  return { offset: readInt64(bytes, 0), timestamp: legacyTimestamp(bytes), key, value, headers: NO_HEADERS }
}

function readField(bytes: Buffer, at: number): Buffer | null {
  if (at + 4 > bytes.length) throw corrupt('a message ends before its fields')
  const length = bytes.readInt32BE(at)
  if (length === -1) return null
  if (length < 0 || length > bytes.length - at - 4) {
    throw corrupt(`a message field announces ${length} bytes, ${bytes.length - at - 4} are left`)
  }
  return bytes.subarray(at + 4, at + 4 + length)
}

function legacyCodec(bytes: Buffer): Codec {
  const codec = CODECS[bytes[ATTRIBUTES_AT]! & CODEC_MASK]
  if (codec === undefined)
    throw new RecordsError('unsupported', `compression type ${bytes[ATTRIBUTES_AT]! & CODEC_MASK}`)
  return codec
}
