// What a follower checks of the batches that it copies from its leader: they are stored as they are, offsets included.
import { ErrorCode } from '../../protocol/errors.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import type { AppendError } from './log-validator.ts'

/** The batches, or why they do not go on where the log ends. */
export function checkCopied(
  batches: readonly RecordBatch[],
  log: { readonly logStartOffset: number; readonly logEndOffset: number },
): readonly RecordBatch[] | AppendError {
  const isEmpty = log.logStartOffset === log.logEndOffset
  let nextOffset = log.logEndOffset
  for (const batch of batches) {
    if (batch.magic !== 2) return { error: ErrorCode.INVALID_RECORD, message: `The batch has magic ${batch.magic}` }
    if (!batch.crcIsValid()) return { error: ErrorCode.CORRUPT_MESSAGE, message: 'The batch does not match its CRC' }
    // Fetched from its middle, since the leader's log starts there: an empty log can still begin with it.
    const isFirstOfAll = isEmpty && batch === batches[0] && batch.lastOffset >= nextOffset
    if (batch.baseOffset < nextOffset && !isFirstOfAll) {
      const message = `A copied batch begins at ${batch.baseOffset}, below the log's end ${nextOffset}`
      return { error: ErrorCode.OFFSET_OUT_OF_RANGE, message }
    }
    nextOffset = batch.nextOffset
  }
  return batches
}
