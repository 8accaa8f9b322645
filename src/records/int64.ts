import { corrupt } from './records-error.ts'

const TWO_32 = 4294967296

/** Offsets and producer ids beyond 2^53 cannot come from a sane broker, so they are refused rather than rounded. */
export function readInt64(bytes: Buffer, at: number): number {
  const value = bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4)
  if (!Number.isSafeInteger(value)) throw corrupt(`int64 at byte ${at} is beyond 2^53: ${bytes.readBigInt64BE(at)}`)
  return value
}

/** Timestamps come from users' clocks and may be anything, so they saturate: a strange one must not stop a partition. */
export function readTimestamp(bytes: Buffer, at: number): number {
  return saturate(bytes.readInt32BE(at) * TWO_32 + bytes.readUInt32BE(at + 4))
}

export function saturate(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) return Number.MAX_SAFE_INTEGER
  return value < Number.MIN_SAFE_INTEGER ? Number.MIN_SAFE_INTEGER : value
}

export function writeInt64(bytes: Buffer, value: number, at: number): void {
  if (!Number.isSafeInteger(value)) throw new RangeError(`not an integer below 2^53: ${value}`)
  const high = Math.floor(value / TWO_32)
  bytes.writeInt32BE(high, at)
  bytes.writeUInt32BE(value - high * TWO_32, at + 4)
}
