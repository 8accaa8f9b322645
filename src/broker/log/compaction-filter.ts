// Decides, batch by batch, what compaction keeps, and writes what is left of a batch.
//
// A batch keeps its base offset, last offset, sequence and producer, whatever it loses, so that offsets never move and the
// last sequence of a producer stays known. A batch that loses nothing is copied as it is; one that loses records keeps the bytes of the
// others; one that first holds a tombstone (or a marker with nothing left to mark) gets its delete horizon (KIP-534): the base
// timestamp field then says from when these may go.
import { writeHeader } from '../../records/batch-builder.ts'
import { compress } from '../../records/compression/index.ts'
import { INFLATED_BYTES_MAX } from '../../records/record.ts'
import { ATTRIBUTE, HEADER, RecordBatch } from '../../records/record-batch.ts'
import { varintSize, varlongSize, writeVarint, writeVarlong } from '../../records/varint.ts'
import type { CleanedTransactions } from './cleaned-transactions.ts'
import type { KeyMap } from './key-map.ts'
import { RecordCursor } from './record-cursor.ts'

export interface LastRecord {
  /** −1: only markers of this producer are left. */
  readonly lastDataOffset: number
  readonly epoch: number
}

export interface CompactionRound {
  readonly keys: KeyMap
  /** The first offset that this round leaves alone. */
  readonly endOffset: number
  readonly lastRecords: ReadonlyMap<number, LastRecord>
  readonly now: number
  readonly deleteRetentionMs: number
}

interface Kept {
  readonly parts: Buffer[]
  count: number
  total: number
  maxTimestamp: number
  hasTombstone: boolean
}

const NO_TIMESTAMP = -1

/** What is left of the batch; undefined when nothing is. */
export function compactBatch(
  batch: RecordBatch,
  transactions: CleanedTransactions,
  round: CompactionRound,
): RecordBatch | undefined {
  const mayDiscard = transactions.mayDiscard(batch)
  const horizonPassed = batch.hasDeleteHorizon && batch.baseTimestamp <= round.now
  const discards = mayDiscard && (!batch.isControl || horizonPassed)
  const mustStay = isLastOfProducer(batch, round.lastRecords) || batch.nextOffset === round.endOffset
  if (discards) return mustStay ? emptyBatch(batch) : undefined
  const kept = keptRecords(batch, round, horizonPassed)
  if (kept.count === 0) return mustStay ? emptyBatch(batch) : undefined
  const isMarkerOfNothing = mayDiscard && batch.isControl
  const getsHorizon = (kept.hasTombstone || isMarkerOfNothing) && !batch.hasDeleteHorizon
  if (kept.count === kept.total && !getsHorizon) return batch
  return rebuilt(batch, kept, getsHorizon ? round.now + round.deleteRetentionMs : undefined)
}

function isLastOfProducer(batch: RecordBatch, lastRecords: ReadonlyMap<number, LastRecord>): boolean {
  const last = batch.producerId < 0 ? undefined : lastRecords.get(batch.producerId)
  if (last === undefined) return false
  if (last.lastDataOffset >= 0) return batch.lastOffset === last.lastDataOffset
  return batch.isControl && batch.producerEpoch === last.epoch
}

function keptRecords(batch: RecordBatch, round: CompactionRound, horizonPassed: boolean): Kept {
  const kept: Kept = { parts: [], count: 0, total: 0, maxTimestamp: NO_TIMESTAMP, hasTombstone: false }
  const section = batch.recordSection(INFLATED_BYTES_MAX)
  const cursor = new RecordCursor(section)
  const { baseOffset, baseTimestamp, isControl } = batch
  while (cursor.next()) {
    kept.total++
    if (!isControl && !isKept(cursor, section, baseOffset + cursor.offsetDelta, round.keys, horizonPassed)) continue
    kept.parts.push(section.subarray(cursor.start, cursor.end))
    kept.count++
    kept.maxTimestamp = Math.max(kept.maxTimestamp, baseTimestamp + cursor.timestampDelta)
    kept.hasTombstone ||= cursor.valueLength < 0
  }
  return kept
}

function isKept(cursor: RecordCursor, section: Buffer, offset: number, keys: KeyMap, horizonPassed: boolean): boolean {
  if (offset > keys.latestOffset) return true
  // Without a key there is nothing to compact by; Kafka drops such records, and only a topic that was not compacted has them.
  if (cursor.keyLength < 0) return false
  const latest = keys.get(section.subarray(cursor.keyStart, cursor.keyStart + cursor.keyLength))
  const isTombstone = cursor.valueLength < 0
  return offset >= latest && !(isTombstone && horizonPassed)
}

function rebuilt(batch: RecordBatch, kept: Kept, horizon: number | undefined): RecordBatch {
  const shift = horizon === undefined ? 0 : batch.baseTimestamp - horizon
  const records = horizon === undefined ? kept.parts : kept.parts.map((record) => withTimestampShifted(record, shift))
  const section = compress(batch.compression, Buffer.concat(records))
  const bytes = Buffer.allocUnsafe(HEADER.records + section.length)
  section.copy(bytes, HEADER.records)
  writeHeader(bytes, {
    ...headerOf(batch),
    attributes: batch.attributes | (horizon === undefined ? 0 : ATTRIBUTE.deleteHorizon),
    baseTimestamp: horizon ?? batch.baseTimestamp,
    maxTimestamp: batch.timestampType === 'LogAppendTime' ? batch.maxTimestamp : kept.maxTimestamp,
    count: kept.count,
  })
  return new RecordBatch(bytes)
}

/** Holds only what the log must not forget: offsets, producer, sequence. */
function emptyBatch(batch: RecordBatch): RecordBatch {
  const bytes = Buffer.allocUnsafe(HEADER.records)
  const kept = ATTRIBUTE.logAppendTime | ATTRIBUTE.transactional | ATTRIBUTE.control
  writeHeader(bytes, {
    ...headerOf(batch),
    attributes: batch.attributes & kept,
    baseTimestamp: NO_TIMESTAMP,
    maxTimestamp: batch.maxTimestamp,
    count: 0,
  })
  return new RecordBatch(bytes)
}

function headerOf(batch: RecordBatch) {
  const { baseOffset, partitionLeaderEpoch, lastOffsetDelta, producerId, producerEpoch, baseSequence } = batch
  return { baseOffset, partitionLeaderEpoch, lastOffsetDelta, producerId, producerEpoch, baseSequence }
}

/** Times count from the base timestamp, so when that becomes the horizon each delta changes; nothing else of a record does. */
function withTimestampShifted(record: Buffer, shift: number): Buffer {
  const cursor = new RecordCursor(record)
  cursor.next()
  const delta = cursor.timestampDelta + shift
  const rest = record.subarray(cursor.afterTimestamp)
  const length = 1 + varlongSize(delta) + rest.length
  const shifted = Buffer.allocUnsafe(varintSize(length) + length)
  let at = writeVarint(shifted, length, 0)
  shifted[at++] = record[cursor.bodyStart]!
  at = writeVarlong(shifted, delta, at)
  rest.copy(shifted, at)
  return shifted
}
