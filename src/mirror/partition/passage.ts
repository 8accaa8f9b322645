// How a fetched batch may cross: as it is, joined with its neighbours, or written anew, and why. Pure.
import type { RecordBatch } from '../../records/record-batch.ts'
import { isJoinable, joinBatches, type RewrittenBatch, rewriteDense } from '../../records/rewrite.ts'
import type { RewriteReason } from '../status.ts'
import { corrupt, type StopReason } from '../stop-reason.ts'

/** What the target topic wants, and how it is written. */
export interface PassageRules {
  /** Its max.message.bytes. */
  readonly batchBytesMax: number
  /** Records of a LogAppendTime source keep the time they were appended there, unless the target stamps its own. */
  readonly keepLogAppendTime: boolean
  /** Batches belong to a transaction. */
  readonly isTransactional: boolean
}

/**
 * Neighbours below this size are joined when a fetch brings several: then the partition is behind. Joining copies and sums every
 * byte: at 16 KiB it cost 1.46 CPU-s/GB where passing cost 1.16, and spared the target nothing that could be measured.
 */
const JOIN_BELOW_BYTES = 8 * 1024
/** Of tiny records a batch costs the target so much that sparing it batches is worth our own work up to this size. */
const TINY_RECORD_BYTES = 256
const JOIN_TINY_BELOW_BYTES = 32 * 1024
/**
 * A request belongs to one transaction, so it holds batches of its slot's partitions alone, and what each request costs either side is more
 * than what joining does: 16 KiB batches one by one took twice the CPU, here and at the target.
 */
const JOIN_TRANSACTIONAL_BELOW_BYTES = 64 * 1024
const JOINED_BYTES_MAX = 256 * 1024

/** Whether it is better joined with such neighbours. `from`: the source offset that is wanted next. */
export function isWorthJoining(batch: RecordBatch, from: number, rules: PassageRules): boolean {
  return isJoinable(batch) && isSmall(batch, rules) && batch.baseOffset >= from && batch.timestampType === 'CreateTime'
}

function isSmall({ sizeInBytes, count }: RecordBatch, rules: PassageRules): boolean {
  return sizeInBytes < Math.min(joinBelow(sizeInBytes / count, rules), rules.batchBytesMax)
}

function joinBelow(recordBytes: number, { isTransactional }: PassageRules): number {
  if (isTransactional) return JOIN_TRANSACTIONAL_BELOW_BYTES
  return recordBytes < TINY_RECORD_BYTES ? JOIN_TINY_BELOW_BYTES : JOIN_BELOW_BYTES
}

/** Compaction left nothing else of it. */
export function isHeaderOnly(batch: RecordBatch): boolean {
  return batch.magic === 2 && batch.count === 0
}

/** Undefined: it passes as it is. */
export function rewriteReason(batch: RecordBatch, from: number, rules: PassageRules): RewriteReason | undefined {
  if (batch.magic < 2) return 'magic'
  if (!batch.isDense) return 'holes'
  if (batch.baseOffset < from) return 'trim'
  if (batch.sizeInBytes > rules.batchBytesMax) return 'oversize'
  if (batch.timestampType === 'LogAppendTime' && rules.keepLogAppendTime) return 'logAppendTime'
  return undefined
}

/** Its records from `from` on, in batches that the target takes. */
export function rewritten(
  batch: RecordBatch,
  from: number,
  { batchBytesMax: maxBytes, keepLogAppendTime }: PassageRules,
): readonly RewrittenBatch[] | StopReason {
  if (!batch.crcIsValid()) return damaged(batch, from)
  const wanted = { fromOffset: from, maxBytes, keepLogAppendTime }
  return unlessContradicting(placeOf(batch, from), () => rewriteDense(batch, wanted))
}

/** Of sound ones. */
export function joined(
  batches: readonly RecordBatch[],
  { batchBytesMax }: PassageRules,
  allocate: ((bytes: number) => Buffer) | undefined,
): readonly RewrittenBatch[] | StopReason {
  const maxBytes = Math.min(JOINED_BYTES_MAX, batchBytesMax)
  return unlessContradicting(batches[0]!.baseOffset, () => joinBatches(batches, maxBytes, allocate))
}

/** The sum may be right of what contradicts itself. */
function unlessContradicting(at: number, made: () => RewrittenBatch[]): readonly RewrittenBatch[] | StopReason {
  try {
    return made()
  } catch (error) {
    return corrupt(at, (error as Error).message)
  }
}

/** What is written anew is summed anew, so damage done before us must be seen now. */
export function damaged(batch: RecordBatch, from: number): StopReason {
  return corrupt(placeOf(batch, from), 'its checksum is wrong at the source')
}

/** Where a compressed set of old messages begins is within it. */
function placeOf(batch: RecordBatch, from: number): number {
  return batch.magic === 2 ? batch.baseOffset : from
}
