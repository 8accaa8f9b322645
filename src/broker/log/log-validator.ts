// What a broker checks before it stores a batch, as Kafka's LogValidator does, and what it corrects in place.
//
// From a client: exactly one batch, of magic 2, base offset 0, as many records as its offsets span, no control bit, a sequence
// when it has a producer id. Every record is walked (inflated if need be): well-formed, offsets 0, 1, 2 …, timestamps within the
// topic's limits, a key where the topic is compacted. A coordinator's batches pass the same walk, less the client's limits.
// Corrected: a wrong maximum timestamp, the timestamp type, attribute bits that have no meaning, another codec than the topic's.
import { ErrorCode } from '../../protocol/errors.ts'
import { buildBatch } from '../../records/batch-builder.ts'
import { crc32c } from '../../records/crc32c.ts'
import { INFLATED_BYTES_MAX } from '../../records/record.ts'
import { ATTRIBUTE, HEADER, RecordBatch } from '../../records/record-batch.ts'
import { RecordsError } from '../../records/records-error.ts'
import type { LogConfig } from './log-config.ts'
import { RecordCursor } from './record-cursor.ts'

export interface AppendError {
  readonly error: number
  readonly message: string
  /** Which records are at fault, for ProduceResponse; at most RECORD_ERRORS_MAX of them. */
  readonly recordErrors?: readonly RecordError[]
}

interface RecordError {
  readonly batchIndex: number
  readonly message: string
}

const RECORD_ERRORS_MAX = 3
const NO_TIMESTAMP = -1
const KNOWN_ATTRIBUTES =
  ATTRIBUTE.codecMask | ATTRIBUTE.logAppendTime | ATTRIBUTE.transactional | ATTRIBUTE.control | ATTRIBUTE.deleteHorizon

/** A batch ready to be stored but for its offset and epoch: the same one, or a new one when its codec had to change. */
export function validate(
  batches: readonly RecordBatch[],
  origin: 'client' | 'coordinator',
  config: LogConfig,
  now: number,
): readonly RecordBatch[] | AppendError {
  if (origin === 'client' && batches.length !== 1) {
    return invalid(`A produce request carries exactly one batch per partition, not ${batches.length}`)
  }
  const ready: RecordBatch[] = []
  try {
    for (const batch of batches) {
      const refusal = checkHeader(batch, origin, config)
      if (refusal !== undefined) return refusal
      const checked = checkRecords(batch, origin, config, now)
      if ('error' in checked) return checked
      ready.push(checked)
    }
  } catch (error) {
    if (!(error instanceof RecordsError)) throw error
    return error.fault === 'unsupported'
      ? { error: ErrorCode.UNSUPPORTED_COMPRESSION_TYPE, message: error.message }
      : { error: ErrorCode.CORRUPT_MESSAGE, message: error.message }
  }
  return ready
}

function checkHeader(batch: RecordBatch, origin: 'client' | 'coordinator', config: LogConfig): AppendError | undefined {
  if (batch.magic !== 2) return invalid(`The batch has magic ${batch.magic}; only 2 is stored`)
  if (origin === 'client' && batch.baseOffset !== 0) {
    return invalid(`The base offset of a produced batch is 0, not ${batch.baseOffset}`)
  }
  if (batch.sizeInBytes > config.maxMessageBytes) {
    const message = `The batch has ${batch.sizeInBytes} bytes, the topic takes ${config.maxMessageBytes} (max.message.bytes)`
    return { error: ErrorCode.MESSAGE_TOO_LARGE, message }
  }
  if (!batch.crcIsValid()) return { error: ErrorCode.CORRUPT_MESSAGE, message: 'The batch does not match its CRC' }
  if (batch.count <= 0 || !batch.isDense) {
    return invalid(`The batch spans ${batch.lastOffsetDelta + 1} offsets and announces ${batch.count} records`)
  }
  if (origin === 'coordinator') return undefined
  if (batch.isControl) return invalid('Clients are not allowed to write control records')
  if (batch.producerId >= 0 && batch.baseSequence < 0) {
    return invalid(`The batch has producer id ${batch.producerId} and sequence ${batch.baseSequence}`)
  }
  return undefined
}

function checkRecords(
  batch: RecordBatch,
  origin: 'client' | 'coordinator',
  config: LogConfig,
  now: number,
): RecordBatch | AppendError {
  const walk = new RecordWalk(batch, config, now)
  walk.run()
  if (walk.fault !== undefined) return invalid(walk.fault)
  if (walk.recordErrors.length > 0) {
    const error = walk.timestampError ? ErrorCode.INVALID_TIMESTAMP : ErrorCode.INVALID_RECORD
    return { error, message: walk.recordErrors[0]!.message, recordErrors: walk.recordErrors }
  }
  correct(batch, config, walk.maxTimestamp, now)
  return origin === 'client' ? withCodec(batch, config) : batch
}

/** One pass over the records of a batch. */
class RecordWalk {
  readonly #batch: RecordBatch
  readonly #config: LogConfig
  readonly #now: number
  readonly recordErrors: RecordError[] = []
  timestampError = false
  /** What is wrong with the batch as a whole. */
  fault: string | undefined
  maxTimestamp = NO_TIMESTAMP

  constructor(batch: RecordBatch, config: LogConfig, now: number) {
    this.#batch = batch
    this.#config = config
    this.#now = now
  }

  run(): void {
    const cursor = new RecordCursor(this.#batch.recordSection(INFLATED_BYTES_MAX))
    const { baseTimestamp, count } = this.#batch
    const isLogAppendTime = this.#batch.timestampType === 'LogAppendTime'
    const needsKey = this.#config.compact && !this.#batch.isControl
    let index = 0
    for (; cursor.next(); index++) {
      if (cursor.offsetDelta !== index) {
        this.fault = `Record ${index} has offset delta ${cursor.offsetDelta}`
        return
      }
      const timestamp = isLogAppendTime ? this.#batch.maxTimestamp : baseTimestamp + cursor.timestampDelta
      if (needsKey && cursor.keyLength < 0) this.#note(index, 'A compacted topic takes no record without a key')
      else this.#checkTimestamp(index, timestamp, isLogAppendTime)
      if (timestamp > this.maxTimestamp) this.maxTimestamp = timestamp
    }
    if (!cursor.isWhole || index !== count) this.fault = `The batch announces ${count} records; ${index} can be read`
  }

  #checkTimestamp(index: number, timestamp: number, isLogAppendTime: boolean): void {
    const { messageTimestampType, messageTimestampBeforeMaxMs, messageTimestampAfterMaxMs } = this.#config
    if (messageTimestampType === 'CreateTime' && timestamp !== NO_TIMESTAMP) {
      const age = this.#now - timestamp
      if (age <= messageTimestampBeforeMaxMs && -age <= messageTimestampAfterMaxMs) return
      const from = this.#now - messageTimestampBeforeMaxMs
      const to = this.#now + messageTimestampAfterMaxMs
      this.#note(index, `Timestamp ${timestamp} is out of range; the topic takes ${from} to ${to}`)
      this.timestampError = true
    } else if (isLogAppendTime) {
      this.#note(index, 'Producers must not set the timestamp type to LogAppendTime')
      this.timestampError = true
    }
  }

  #note(batchIndex: number, message: string): void {
    if (this.recordErrors.length < RECORD_ERRORS_MAX) this.recordErrors.push({ batchIndex, message })
  }
}

/** Sets what the log knows better than the producer. */
function correct(batch: RecordBatch, config: LogConfig, recordsMax: number, now: number): void {
  const timestampType = config.messageTimestampType
  const maxTimestamp = timestampType === 'LogAppendTime' ? now : recordsMax
  if (batch.timestampType !== timestampType || batch.maxTimestamp !== maxTimestamp) {
    batch.patch({ timestampType, maxTimestamp })
  }
  if ((batch.attributes & ~KNOWN_ATTRIBUTES) !== 0) {
    batch.bytes.writeInt16BE(batch.attributes & KNOWN_ATTRIBUTES, HEADER.attributes)
    batch.bytes.writeUInt32BE(crc32c(batch.bytes.subarray(HEADER.attributes)), HEADER.crc)
  }
}

/** Recompresses when the topic says which codec it stores. */
function withCodec(batch: RecordBatch, config: LogConfig): RecordBatch | AppendError {
  const codec = config.compressionType === 'uncompressed' ? 'none' : config.compressionType
  if (codec === 'producer' || codec === batch.compression) return batch
  const bytes = buildBatch(batch.records(), {
    baseOffset: 0,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    transactional: batch.isTransactional,
    compression: codec,
    compressionLevel: codec === 'gzip' || codec === 'zstd' ? config.compressionLevels[codec] : undefined,
  })
  const rebuilt = new RecordBatch(bytes)
  if (batch.timestampType === 'LogAppendTime') {
    rebuilt.patch({ timestampType: 'LogAppendTime', maxTimestamp: batch.maxTimestamp })
  }
  if (bytes.length <= config.maxMessageBytes) return rebuilt
  const message = `The batch has ${bytes.length} bytes as ${codec}, the topic takes ${config.maxMessageBytes} (max.message.bytes)`
  return { error: ErrorCode.MESSAGE_TOO_LARGE, message }
}

function invalid(message: string): AppendError {
  return { error: ErrorCode.INVALID_RECORD, message }
}
