import { saturate } from './int64.ts'
import { NO_HEADERS, type Record, type RecordHeader } from './record.ts'
import { corrupt } from './records-error.ts'
import { readVarint, readVarlong, skipTo, varintEnd } from './varint.ts'

/** The smallest record of magic 2: length, attributes, two deltas, two absent fields, no headers, one byte each. */
export const RECORD_BYTES_MIN = 7
/** The smallest header: an empty key and an absent value. */
const HEADER_BYTES_MIN = 2

export interface RecordsContext {
  baseOffset: number
  baseTimestamp: number
  /** When the broker's clock rules, every record shows this time. */
  logAppendTime: number | undefined
  count: number
}

/** Reads the inflated record section of a batch of magic 2. Counts and lengths are checked before they size anything. */
export function readRecords(section: Buffer, context: RecordsContext): Record[] {
  const { count } = context
  if (count < 0 || count * RECORD_BYTES_MIN > section.length) {
    throw corrupt(`${count} records cannot fit in ${section.length} bytes`)
  }
  const records: Record[] = []
  let at = 0
  for (let index = 0; index < count; index++) {
    const length = readVarint(section, at, section.length)
    const start = varintEnd
    if (length < RECORD_BYTES_MIN - 1 || start + length > section.length) {
      throw corrupt(`record ${index} of ${count} announces ${length} bytes, ${section.length - start} are left`)
    }
    at = start + length
    records.push(readRecord(section, start, at, context))
  }
  if (at !== section.length) throw corrupt(`${section.length - at} bytes follow the last of ${count} records`)
  return records
}

function readRecord(section: Buffer, start: number, end: number, context: RecordsContext): Record {
  const timestampDelta = readVarlong(section, start + 1, end)
  const offsetDelta = readVarint(section, varintEnd, end)
  const key = readField(section, varintEnd, end)
  const value = readField(section, varintEnd, end)
  const headers = readHeaders(section, varintEnd, end)
  if (varintEnd !== end) throw corrupt(`${end - varintEnd} bytes follow the last field of a record`)
  return {
    offset: context.baseOffset + offsetDelta,
    timestamp: context.logAppendTime ?? saturate(context.baseTimestamp + timestampDelta),
    key,
    value,
    headers,
  }
}

/** Reads a nullable byte field and leaves `varintEnd` behind it. */
function readField(section: Buffer, at: number, end: number): Buffer | null {
  const start = fieldStart(section, at, end)
  return start < 0 ? null : section.subarray(start, varintEnd)
}

function readHeaders(section: Buffer, at: number, end: number): readonly RecordHeader[] {
  const count = readVarint(section, at, end)
  if (count === 0) return NO_HEADERS
  if (count < 0 || count * HEADER_BYTES_MIN > end - varintEnd) throw corrupt(`${count} headers cannot fit in a record`)
  const headers: RecordHeader[] = []
  for (let index = 0; index < count; index++) {
    const start = fieldStart(section, varintEnd, end)
    if (start < 0) throw corrupt('a header without a key')
    const key = section.toString('utf8', start, varintEnd)
    headers.push({ key, value: readField(section, varintEnd, end) })
  }
  return headers
}

/** The type in a control record's key: 0 aborts, 1 commits, others belong to KRaft. */
export function readControlType(section: Buffer): 'commit' | 'abort' | undefined {
  const length = readVarint(section, 0, section.length)
  const end = varintEnd + length
  if (length < 0 || end > section.length) throw corrupt('a control record runs past its batch')
  readVarlong(section, varintEnd + 1, end)
  readVarint(section, varintEnd, end)
  const key = readField(section, varintEnd, end)
  if (key === null || key.length < 4) throw corrupt('a control record without its type')
  const type = key.readInt16BE(2)
  return type === 1 ? 'commit' : type === 0 ? 'abort' : undefined
}

/** Returns where a length-prefixed field starts, or -1 for null, and leaves `varintEnd` at its end. */
function fieldStart(section: Buffer, at: number, end: number): number {
  const length = readVarint(section, at, end)
  if (length < -1 || length > end - varintEnd)
    throw corrupt(`a field announces ${length} bytes, ${end - varintEnd} are left`)
  if (length === -1) return -1
  const start = varintEnd
  skipTo(start + length)
  return start
}
