// Kafka's `.snapshot` file: the producers of a partition as of the offset in the file's name.
//
//   version int16 = 1 · crc uint32 (CRC-32C of all that follows) · entries: count int32, then per entry
//   producerId int64 · epoch int16 · lastSequence int32 · lastOffset int64 · offsetDelta int32 · timestamp int64 ·
//   coordinatorEpoch int32 · currentTxnFirstOffset int64
//
// Kafka keeps only the newest batch of each producer there, so after its restart a retry of an older one is out of order. Ours
// adds, after what Kafka's readers read, the older batches of each entry in the same order: count int8, then per batch
// lastSequence int32 · lastOffset int64 · offsetDelta int32 · timestamp int64.
import { crc32c } from '../../records/crc32c.ts'
import { writeInt64 } from '../../records/int64.ts'
import { int64At } from './batch-header.ts'
import { type BatchMetadata, ProducerEntry } from './producer-entry.ts'

const VERSION = 1
const HEADER_BYTES = 10
const CRC_FROM = 6
const ENTRY_BYTES = 46
const OLDER_BATCH_BYTES = 24

export function encodeSnapshot(entries: readonly ProducerEntry[]): Buffer {
  const older = entries.reduce((sum, entry) => sum + 1 + olderBatches(entry).length * OLDER_BATCH_BYTES, 0)
  const content = Buffer.alloc(HEADER_BYTES + entries.length * ENTRY_BYTES + older)
  content.writeInt16BE(VERSION, 0)
  content.writeInt32BE(entries.length, CRC_FROM)
  let at = HEADER_BYTES
  for (const entry of entries) at = writeEntry(content, entry, at)
  for (const entry of entries) {
    const batches = olderBatches(entry)
    at = content.writeInt8(batches.length, at)
    for (const batch of batches) at = writeBatch(content, batch, at)
  }
  content.writeUInt32BE(crc32c(content.subarray(CRC_FROM)), 2)
  return content
}

/** The entries, or undefined when the file is damaged. */
export function decodeSnapshot(content: Buffer): ProducerEntry[] | undefined {
  if (content.length < HEADER_BYTES || content.readInt16BE(0) !== VERSION) return undefined
  if (content.readUInt32BE(2) !== crc32c(content.subarray(CRC_FROM))) return undefined
  const count = content.readInt32BE(CRC_FROM)
  const entries: ProducerEntry[] = []
  for (let slot = 0; slot < count; slot++) entries.push(readEntry(content, HEADER_BYTES + slot * ENTRY_BYTES))
  readOlderBatches(content, entries)
  return entries
}

function olderBatches(entry: ProducerEntry): readonly BatchMetadata[] {
  return entry.batches.slice(0, -1)
}

function writeEntry(content: Buffer, entry: ProducerEntry, at: number): number {
  const newest = entry.batches.at(-1)
  writeInt64(content, entry.producerId, at)
  content.writeInt16BE(entry.epoch, at + 8)
  content.writeInt32BE(entry.lastSequence, at + 10)
  writeInt64(content, entry.lastDataOffset, at + 14)
  content.writeInt32BE(newest?.offsetDelta ?? 0, at + 22)
  writeInt64(content, entry.lastTimestamp, at + 26)
  content.writeInt32BE(entry.coordinatorEpoch, at + 34)
  writeInt64(content, entry.txnFirstOffset, at + 38)
  return at + ENTRY_BYTES
}

function readEntry(content: Buffer, at: number): ProducerEntry {
  const entry = new ProducerEntry(int64At(content, at))
  entry.epoch = content.readInt16BE(at + 8)
  entry.lastTimestamp = int64At(content, at + 26)
  entry.coordinatorEpoch = content.readInt32BE(at + 34)
  entry.txnFirstOffset = int64At(content, at + 38)
  const lastOffset = int64At(content, at + 14)
  if (lastOffset >= 0) {
    const lastSequence = content.readInt32BE(at + 10)
    const offsetDelta = content.readInt32BE(at + 22)
    entry.batches.push({ lastSequence, lastOffset, offsetDelta, timestamp: entry.lastTimestamp })
  }
  return entry
}

function writeBatch(content: Buffer, batch: BatchMetadata, at: number): number {
  content.writeInt32BE(batch.lastSequence, at)
  writeInt64(content, batch.lastOffset, at + 4)
  content.writeInt32BE(batch.offsetDelta, at + 12)
  writeInt64(content, batch.timestamp, at + 16)
  return at + OLDER_BATCH_BYTES
}

/** A file that Kafka wrote ends before these. */
function readOlderBatches(content: Buffer, entries: readonly ProducerEntry[]): void {
  let at = HEADER_BYTES + entries.length * ENTRY_BYTES
  for (const entry of entries) {
    if (at >= content.length) return
    const older: BatchMetadata[] = []
    for (let rest = content.readInt8(at++); rest > 0; rest--, at += OLDER_BATCH_BYTES) {
      older.push({
        lastSequence: content.readInt32BE(at),
        lastOffset: int64At(content, at + 4),
        offsetDelta: content.readInt32BE(at + 12),
        timestamp: int64At(content, at + 16),
      })
    }
    entry.batches.unshift(...older)
  }
}
