// The header of a record batch (magic 2) at a position of a buffer, read without making a view: a read of 1 MiB may walk
// thousands of them.

import { HEADER } from '../../records/record-batch.ts'

export const BATCH_HEADER_BYTES = HEADER.records
/** Offset and length: what a batch has before the bytes that its length counts. */
const PREFIX_BYTES = 12
const MAGIC = 2

/** Unlike records/int64, no error for what is beyond 2^53: these bytes may be garbage, and the caller is about to find out. */
export function int64At(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}

export function sizeAt(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at + HEADER.batchLength) + PREFIX_BYTES
}

export function baseOffsetAt(buffer: Buffer, at: number): number {
  return int64At(buffer, at)
}

export function lastOffsetAt(buffer: Buffer, at: number): number {
  return int64At(buffer, at) + buffer.readInt32BE(at + HEADER.lastOffsetDelta)
}

/** Whether these 61 bytes can be the header of the batch that is the next at or after `minOffset`. */
export function isSound(buffer: Buffer, at: number, minOffset: number): boolean {
  return (
    sizeAt(buffer, at) >= BATCH_HEADER_BYTES &&
    buffer[at + HEADER.magic] === MAGIC &&
    baseOffsetAt(buffer, at) >= minOffset &&
    buffer.readInt32BE(at + HEADER.lastOffsetDelta) >= 0 &&
    Number.isSafeInteger(lastOffsetAt(buffer, at))
  )
}
