import { CODECS, type Codec, compress } from './compression/index.ts'
import { crc32c } from './crc32c.ts'
import { writeInt64 } from './int64.ts'
import { NO_HEADERS, type RecordHeader } from './record.ts'
import { ATTRIBUTE, HEADER, type TimestampType } from './record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from './varint.ts'

export interface BatchOptions {
  /** Absent: the offset of the first record, or 0 when records carry none. */
  baseOffset?: number
  /** Absent: the last record's. Compaction keeps the span of a batch whose last records are gone. */
  lastOffset?: number
  partitionLeaderEpoch?: number
  producerId?: number
  producerEpoch?: number
  baseSequence?: number
  transactional?: boolean
  control?: boolean
  compression?: Codec
  /** Absent: the codec's own default; only gzip and zstd know levels. */
  compressionLevel?: number | undefined
  timestampType?: TimestampType
}

export interface RecordInput {
  /** Absent: the one after the record before. */
  offset?: number
  timestamp: number
  key: Buffer | string | null
  value: Buffer | string | null
  headers?: readonly RecordHeader[]
}

const FIRST_CAPACITY = 1024
/** An int32 length, the attributes, and two deltas never take more. */
const RECORD_PREFIX_MAX = 5 + 1 + 10 + 5

/**
 * Builds one batch of magic 2, as a Java producer lays it out.
 *
 * 1. Offsets ascend; each record's offset is at least the base offset.
 * 2. The first record's timestamp is the base timestamp; the largest seen is the maximum.
 * 3. `#buffer` holds the records of `#count` whole appends in its first `#length` bytes; a refused append changes nothing.
 */
export class BatchBuilder {
  readonly #options: BatchOptions
  #buffer = Buffer.allocUnsafe(FIRST_CAPACITY)
  #length = 0
  #count = 0
  #baseOffset: number | undefined
  #lastOffset = -1
  #baseTimestamp = -1
  #maxTimestamp = -1

  constructor(options: BatchOptions = {}) {
    this.#options = options
    this.#baseOffset = options.baseOffset
  }

  get count(): number {
    return this.#count
  }

  /** Before compression, header included. */
  get sizeInBytes(): number {
    return HEADER.records + this.#length
  }

  append(record: RecordInput): void {
    const first = this.#count === 0
    const offset = record.offset ?? (first ? (this.#baseOffset ?? 0) : this.#lastOffset + 1)
    const baseOffset = this.#baseOffset ?? offset
    if (offset < baseOffset || (!first && offset <= this.#lastOffset) || offset - baseOffset > 0x7fffffff) {
      throw new RangeError(`offset ${offset} does not follow ${first ? baseOffset - 1 : this.#lastOffset}`)
    }
    const baseTimestamp = first ? record.timestamp : this.#baseTimestamp
    this.#write(record, record.timestamp - baseTimestamp, offset - baseOffset)
    this.#baseOffset = baseOffset
    this.#lastOffset = offset
    this.#baseTimestamp = baseTimestamp
    this.#maxTimestamp = first ? record.timestamp : Math.max(this.#maxTimestamp, record.timestamp)
    this.#count++
  }

  build(): Buffer {
    const options = this.#options
    const codec = options.compression ?? 'none'
    const section = compress(codec, this.#buffer.subarray(0, this.#length), options.compressionLevel)
    const bytes = Buffer.allocUnsafe(HEADER.records + section.length)
    section.copy(bytes, HEADER.records)
    const baseOffset = this.#baseOffset ?? 0
    const lastOffset = options.lastOffset ?? Math.max(this.#lastOffset, baseOffset)
    if (lastOffset < this.#lastOffset) throw new RangeError(`last offset ${lastOffset} is below ${this.#lastOffset}`)
    let attributes: number = CODECS.indexOf(codec)
    if (options.timestampType === 'LogAppendTime') attributes |= ATTRIBUTE.logAppendTime
    if (options.transactional) attributes |= ATTRIBUTE.transactional
    if (options.control) attributes |= ATTRIBUTE.control
    writeHeader(bytes, {
      baseOffset,
      partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
      attributes,
      lastOffsetDelta: lastOffset - baseOffset,
      baseTimestamp: this.#baseTimestamp,
      maxTimestamp: this.#maxTimestamp,
      producerId: options.producerId ?? -1,
      producerEpoch: options.producerEpoch ?? -1,
      baseSequence: options.baseSequence ?? -1,
      count: this.#count,
    })
    return bytes
  }

  #write(record: RecordInput, timestampDelta: number, offsetDelta: number): void {
    const key = asBytes(record.key)
    const value = asBytes(record.value)
    const headers = record.headers ?? NO_HEADERS
    const bodySize = 1 + varlongSize(timestampDelta) + varintSize(offsetDelta) + tailSize(key, value, headers)
    this.#reserve(RECORD_PREFIX_MAX + bodySize)
    const buffer = this.#buffer
    let at = writeVarint(buffer, bodySize, this.#length)
    buffer[at++] = 0
    at = writeVarlong(buffer, timestampDelta, at)
    at = writeVarint(buffer, offsetDelta, at)
    at = writeField(buffer, key, at)
    at = writeField(buffer, value, at)
    at = writeVarint(buffer, headers.length, at)
    for (const header of headers) {
      at = writeField(buffer, Buffer.from(header.key), at)
      at = writeField(buffer, header.value, at)
    }
    this.#length = at
  }

  #reserve(byteCount: number): void {
    const needed = this.#length + byteCount
    if (needed <= this.#buffer.length) return
    const grown = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(grown, 0, 0, this.#length)
    this.#buffer = grown
  }
}

export function buildBatch(records: Iterable<RecordInput>, options: BatchOptions = {}): Buffer {
  const builder = new BatchBuilder(options)
  for (const record of records) builder.append(record)
  return builder.build()
}

/** A transaction marker: control record version 0, as the transaction coordinator has them written. */
export function controlBatch(marker: {
  type: 'commit' | 'abort'
  producerId: number
  producerEpoch: number
  coordinatorEpoch: number
  timestamp: number
  baseOffset?: number
  partitionLeaderEpoch?: number
}): Buffer {
  const key = Buffer.alloc(4)
  key.writeInt16BE(marker.type === 'commit' ? 1 : 0, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(marker.coordinatorEpoch, 2)
  return buildBatch([{ timestamp: marker.timestamp, key, value }], {
    baseOffset: marker.baseOffset ?? 0,
    partitionLeaderEpoch: marker.partitionLeaderEpoch ?? -1,
    producerId: marker.producerId,
    producerEpoch: marker.producerEpoch,
    transactional: true,
    control: true,
  })
}

export interface BatchHeader {
  baseOffset: number
  partitionLeaderEpoch: number
  attributes: number
  lastOffsetDelta: number
  /** Bytes when it is copied from another batch. */
  baseTimestamp: number | Buffer
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  count: number
}

/** Fills the 61 bytes before the records, which must be in place already since the CRC covers them. */
export function writeHeader(bytes: Buffer, header: BatchHeader): void {
  writeInt64(bytes, header.baseOffset, HEADER.baseOffset)
  bytes.writeInt32BE(bytes.length - HEADER.partitionLeaderEpoch, HEADER.batchLength)
  bytes.writeInt32BE(header.partitionLeaderEpoch, HEADER.partitionLeaderEpoch)
  bytes[HEADER.magic] = 2
  bytes.writeInt16BE(header.attributes, HEADER.attributes)
  bytes.writeInt32BE(header.lastOffsetDelta, HEADER.lastOffsetDelta)
  if (typeof header.baseTimestamp === 'number') writeInt64(bytes, header.baseTimestamp, HEADER.baseTimestamp)
  else header.baseTimestamp.copy(bytes, HEADER.baseTimestamp)
  writeInt64(bytes, header.maxTimestamp, HEADER.maxTimestamp)
  writeInt64(bytes, header.producerId, HEADER.producerId)
  bytes.writeInt16BE(header.producerEpoch, HEADER.producerEpoch)
  bytes.writeInt32BE(header.baseSequence, HEADER.baseSequence)
  bytes.writeInt32BE(header.count, HEADER.count)
  bytes.writeUInt32BE(crc32c(bytes.subarray(HEADER.attributes)), HEADER.crc)
}

function asBytes(field: Buffer | string | null): Buffer | null {
  return typeof field === 'string' ? Buffer.from(field) : field
}

function tailSize(key: Buffer | null, value: Buffer | null, headers: readonly RecordHeader[]): number {
  let size = fieldSize(key) + fieldSize(value) + varintSize(headers.length)
  for (const header of headers) {
    const keySize = Buffer.byteLength(header.key)
    size += varintSize(keySize) + keySize + fieldSize(header.value)
  }
  return size
}

function fieldSize(field: Buffer | null): number {
  return field === null ? 1 : varintSize(field.length) + field.length
}

function writeField(buffer: Buffer, field: Buffer | null, at: number): number {
  if (field === null) return writeVarint(buffer, -1, at)
  const start = writeVarint(buffer, field.length, at)
  // `set` takes any Uint8Array and is bounded by the room that was reserved.
  buffer.set(field, start)
  return start + field.length
}
