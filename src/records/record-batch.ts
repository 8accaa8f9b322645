import { CODECS, type Codec, decompress } from './compression/index.ts'
import { crc32c, linearCrc32c, shiftOverZeros } from './crc32c.ts'
import { readInt64, readTimestamp, writeInt64 } from './int64.ts'
import {
  legacyCrc,
  legacyIsLogAppendTime,
  legacySizeMin,
  legacyTimestamp,
  readLegacyRecords,
} from './legacy-message-set.ts'
import { INFLATED_BYTES_MAX, type ReadLimits, type Record } from './record.ts'
import { readControlType, readRecords } from './record-reader.ts'
import { corrupt, RecordsError } from './records-error.ts'

export type { Record } from './record.ts'

export type TimestampType = 'CreateTime' | 'LogAppendTime'

/** What can change in place. Only these, since everything else is tied to the payload. */
export interface BatchHeaderPatch {
  baseOffset?: number
  partitionLeaderEpoch?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  transactional?: boolean
  deleteHorizon?: boolean
  timestampType?: TimestampType
  maxTimestamp?: number
}

/** Where the fields of magic 2 lie; the first three and the magic lie there in every magic. */
export const HEADER = {
  baseOffset: 0,
  batchLength: 8,
  partitionLeaderEpoch: 12,
  magic: 16,
  crc: 17,
  attributes: 21,
  lastOffsetDelta: 23,
  baseTimestamp: 27,
  maxTimestamp: 35,
  producerId: 43,
  producerEpoch: 51,
  baseSequence: 53,
  count: 57,
  records: 61,
} as const

export const ATTRIBUTE = {
  codecMask: 0x07,
  logAppendTime: 0x08,
  transactional: 0x10,
  control: 0x20,
  deleteHorizon: 0x40,
} as const

/** Offset and size precede every batch and are not counted in the size. */
const SIZE_PREFIX = 12
const LEGACY_CRC_AT = 12
const LEGACY_ATTRIBUTES_AT = 17
/** The last byte that a patch may change, plus one. */
const PATCHED_END = HEADER.count

/**
 * One record batch as it lies in a fetch response, a produce request or a segment.
 *
 * 1. It is a view: it owns no bytes, copies none, and keeps the frame they lie in alive.
 * 2. `bytes` is exactly one batch: the size field matches its length, the magic is 0, 1 or 2, and a whole header is there.
 * 3. Getters read the bytes each time, so a patch is seen at once and through every view of the same bytes.
 * 4. `patch` changes bytes 0–56 only and reads nothing behind them. If the CRC was right before, it is right after; if it
 *    was wrong, it stays wrong, so damage done before us is still seen after us.
 * 5. Reading never trusts a count or a length before comparing it with the bytes present; failure is a RecordsError.
 * 6. `isDense` speaks of the header; whether the records agree with it shows when they are read.
 *
 * Below magic 2 a batch is one message or one compressed wrapper; base offset and count of a wrapper cost an inflation.
 */
export class RecordBatch {
  readonly bytes: Buffer
  #legacySpan: { baseOffset: number; count: number } | undefined

  constructor(bytes: Buffer) {
    const size = sizeOfFirstBatch(bytes)
    if (size !== bytes.length) throw corrupt(`a batch of ${size} bytes in a buffer of ${bytes.length}`)
    this.bytes = bytes
  }

  get magic(): number {
    return this.bytes[HEADER.magic]!
  }

  get sizeInBytes(): number {
    return this.bytes.length
  }

  get baseOffset(): number {
    return this.magic < 2 ? this.#legacy().baseOffset : readInt64(this.bytes, HEADER.baseOffset)
  }

  get lastOffset(): number {
    const offset = readInt64(this.bytes, HEADER.baseOffset)
    return this.magic < 2 ? offset : offset + this.bytes.readInt32BE(HEADER.lastOffsetDelta)
  }

  get nextOffset(): number {
    return this.lastOffset + 1
  }

  get lastOffsetDelta(): number {
    return this.magic < 2 ? this.lastOffset - this.baseOffset : this.bytes.readInt32BE(HEADER.lastOffsetDelta)
  }

  get count(): number {
    return this.magic < 2 ? this.#legacy().count : this.bytes.readInt32BE(HEADER.count)
  }

  /** Whether every offset of the span has its record, which is what a broker takes from a producer. */
  get isDense(): boolean {
    return this.count === this.lastOffsetDelta + 1
  }

  get partitionLeaderEpoch(): number {
    return this.magic < 2 ? -1 : this.bytes.readInt32BE(HEADER.partitionLeaderEpoch)
  }

  get crc(): number {
    return this.bytes.readUInt32BE(this.magic < 2 ? LEGACY_CRC_AT : HEADER.crc)
  }

  get attributes(): number {
    return this.magic < 2 ? this.bytes[LEGACY_ATTRIBUTES_AT]! : this.bytes.readInt16BE(HEADER.attributes)
  }

  get compression(): Codec {
    const number = this.attributes & ATTRIBUTE.codecMask
    const codec = CODECS[number]
    if (codec === undefined) throw new RecordsError('unsupported', `compression type ${number}`)
    return codec
  }

  get timestampType(): TimestampType {
    const logAppendTime =
      this.magic < 2 ? legacyIsLogAppendTime(this.bytes) : (this.attributes & ATTRIBUTE.logAppendTime) !== 0
    return logAppendTime ? 'LogAppendTime' : 'CreateTime'
  }

  get isTransactional(): boolean {
    return this.magic === 2 && (this.attributes & ATTRIBUTE.transactional) !== 0
  }

  get isControl(): boolean {
    return this.magic === 2 && (this.attributes & ATTRIBUTE.control) !== 0
  }

  /** When set, the base timestamp is the time from which tombstones may go; record times still count from it. */
  get hasDeleteHorizon(): boolean {
    return this.magic === 2 && (this.attributes & ATTRIBUTE.deleteHorizon) !== 0
  }

  get baseTimestamp(): number {
    return this.magic < 2 ? legacyTimestamp(this.bytes) : readTimestamp(this.bytes, HEADER.baseTimestamp)
  }

  get maxTimestamp(): number {
    return this.magic < 2 ? legacyTimestamp(this.bytes) : readTimestamp(this.bytes, HEADER.maxTimestamp)
  }

  get producerId(): number {
    return this.magic < 2 ? -1 : readInt64(this.bytes, HEADER.producerId)
  }

  get producerEpoch(): number {
    return this.magic < 2 ? -1 : this.bytes.readInt16BE(HEADER.producerEpoch)
  }

  get baseSequence(): number {
    return this.magic < 2 ? -1 : this.bytes.readInt32BE(HEADER.baseSequence)
  }

  patch(header: BatchHeaderPatch): void {
    const { bytes } = this
    if (bytes[HEADER.magic] !== 2) throw new TypeError('only a batch of magic 2 can be patched; rewrite older ones')
    if (header.baseOffset !== undefined) writeInt64(bytes, header.baseOffset, HEADER.baseOffset)
    if (header.partitionLeaderEpoch !== undefined) {
      bytes.writeInt32BE(header.partitionLeaderEpoch, HEADER.partitionLeaderEpoch)
    }
    const before = linearCrc32c(bytes, HEADER.attributes, PATCHED_END)
    patchSummedFields(bytes, header)
    const difference = before ^ linearCrc32c(bytes, HEADER.attributes, PATCHED_END)
    if (difference === 0) return
    // The sum is linear: it changes by the sum of what changed, followed by as many zeros as bytes that did not.
    const correction = shiftOverZeros(difference, bytes.length - PATCHED_END)
    bytes.writeInt32BE(bytes.readInt32BE(HEADER.crc) ^ correction, HEADER.crc)
  }

  crcIsValid(): boolean {
    const { bytes } = this
    const sum = this.magic < 2 ? legacyCrc(bytes) : crc32c(bytes.subarray(HEADER.attributes))
    return sum === this.crc
  }

  records(limits: ReadLimits = {}): Record[] {
    const maxBytes = limits.maxBytes ?? INFLATED_BYTES_MAX
    if (this.magic < 2) return readLegacyRecords(this.bytes, maxBytes)
    return readRecords(this.recordSection(maxBytes), {
      baseOffset: this.baseOffset,
      baseTimestamp: this.baseTimestamp,
      logAppendTime: this.timestampType === 'LogAppendTime' ? this.maxTimestamp : undefined,
      count: this.count,
    })
  }

  /** The records of magic 2 without header and compression; uncompressed ones are not copied. */
  recordSection(maxBytes: number): Buffer {
    const section = this.bytes.subarray(HEADER.records)
    const codec = this.compression
    return codec === 'none' ? section : decompress(codec, section, maxBytes)
  }

  /** What a transaction marker says; undefined for other control batches and for data. */
  controlType(): 'commit' | 'abort' | undefined {
    if (!this.isControl || this.count < 1) return undefined
    return readControlType(this.recordSection(INFLATED_BYTES_MAX))
  }

  #legacy(): { baseOffset: number; count: number } {
    if (this.#legacySpan === undefined) {
      const records = readLegacyRecords(this.bytes, INFLATED_BYTES_MAX)
      this.#legacySpan = { baseOffset: records[0]!.offset, count: records.length }
    }
    return this.#legacySpan
  }
}

/** Cuts fetched bytes into batches by their sizes alone. The last one may be cut off by the fetch limit and is left out. */
export function splitBatches(bytes: Buffer): { batches: RecordBatch[]; incompleteBytes: number } {
  const batches: RecordBatch[] = []
  let at = 0
  while (at < bytes.length) {
    const rest = at === 0 ? bytes : bytes.subarray(at)
    const size = sizeOfFirstBatch(rest)
    if (size > rest.length) break
    batches.push(new RecordBatch(size === bytes.length ? bytes : bytes.subarray(at, at + size)))
    at += size
  }
  return { batches, incompleteBytes: bytes.length - at }
}

/** The size by the header, checked against what the magic needs at least; Infinity when not even that can be read. */
function sizeOfFirstBatch(bytes: Buffer): number {
  if (bytes.length < SIZE_PREFIX) return Number.POSITIVE_INFINITY
  const size = bytes.readInt32BE(HEADER.batchLength)
  if (size < legacySizeMin(0)) throw corrupt(`a batch announces ${size} bytes`)
  if (bytes.length <= HEADER.magic) return SIZE_PREFIX + size
  const magic = bytes[HEADER.magic]!
  if (magic > 2) throw new RecordsError('unsupported', `a batch of magic ${magic}`)
  const sizeMin = magic === 2 ? HEADER.records - SIZE_PREFIX : legacySizeMin(magic)
  if (size < sizeMin) throw corrupt(`a batch of magic ${magic} announces ${size} bytes, fewer than ${sizeMin}`)
  return SIZE_PREFIX + size
}

function patchSummedFields(bytes: Buffer, header: BatchHeaderPatch): void {
  let attributes = bytes.readInt16BE(HEADER.attributes)
  if (header.transactional !== undefined) {
    attributes = withBit(attributes, ATTRIBUTE.transactional, header.transactional)
  }
  if (header.deleteHorizon !== undefined) {
    attributes = withBit(attributes, ATTRIBUTE.deleteHorizon, header.deleteHorizon)
  }
  if (header.timestampType !== undefined) {
    attributes = withBit(attributes, ATTRIBUTE.logAppendTime, header.timestampType === 'LogAppendTime')
  }
  bytes.writeInt16BE(attributes, HEADER.attributes)
  if (header.maxTimestamp !== undefined) writeInt64(bytes, header.maxTimestamp, HEADER.maxTimestamp)
  if (header.producerId !== undefined) writeInt64(bytes, header.producerId, HEADER.producerId)
  if (header.producerEpoch !== undefined) bytes.writeInt16BE(header.producerEpoch, HEADER.producerEpoch)
  if (header.baseSequence !== undefined) bytes.writeInt32BE(header.baseSequence, HEADER.baseSequence)
}

function withBit(attributes: number, bit: number, on: boolean): number {
  return on ? attributes | bit : attributes & ~bit
}
