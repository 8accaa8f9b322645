import { corrupt, RecordsError } from '../records-error.ts'
import { claimMatchTable, copyBytes, copyMatch, matchTable, slotOf, viewOf } from './match-table.ts'

/**
 * Snappy as Kafka clients write it: Java's put blocks into the xerial framing, others send one bare block. Both are read,
 * the framing is written.
 *
 *   framing: magic (8 bytes) · version int32 · compatible version int32 · (block length int32 · block)*
 *   block:   uncompressed length varint · (literal | copy)*
 */
const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0x00])
const XERIAL_HEADER_BYTES = 16
const XERIAL_VERSION = 1
/** Java's default. Distances stay below 2^15, so two bytes always hold them. */
const BLOCK_BYTES = 32 * 1024
/** A copy of three bytes makes 64 at most, so no block grows by more. */
const GROWTH_MAX = 22

const COPY_MAX = 64
/** Too near the end to be worth searching. */
const TAIL_BYTES = 15

export function compressSnappy(input: Uint8Array): Buffer {
  const blockCount = Math.ceil(input.length / BLOCK_BYTES)
  const output = Buffer.allocUnsafe(
    XERIAL_HEADER_BYTES + blockCount * (4 + blockBound(Math.min(input.length, BLOCK_BYTES))),
  )
  XERIAL_MAGIC.copy(output)
  output.writeInt32BE(XERIAL_VERSION, 8)
  output.writeInt32BE(XERIAL_VERSION, 12)
  const view = viewOf(input)
  const base = claimMatchTable(input.length)
  let at = XERIAL_HEADER_BYTES
  for (let from = 0; from < input.length; from += BLOCK_BYTES) {
    const end = compressBlock(input, view, base, from, Math.min(from + BLOCK_BYTES, input.length), output, at + 4)
    output.writeInt32BE(end - at - 4, at)
    at = end
  }
  return output.subarray(0, at)
}

export function decompressSnappy(input: Buffer, maxBytes: number): Buffer {
  const framed = startsWithMagic(input, 0)
  const size = framed ? framedSize(input, maxBytes) : blockSize(input, 0, input.length)
  if (size > maxBytes) throw new RecordsError('too-large', `snappy batch inflates to ${size} bytes, over ${maxBytes}`)
  const output = Buffer.allocUnsafe(size)
  if (!framed) {
    decompressBlock(input, 0, input.length, output, 0)
    return output
  }
  let filled = 0
  for (let at = XERIAL_HEADER_BYTES; at < input.length; ) {
    if (startsWithMagic(input, at)) {
      at += XERIAL_HEADER_BYTES
      continue
    }
    const end = at + 4 + input.readInt32BE(at)
    filled = decompressBlock(input, at + 4, end, output, filled)
    at = end
  }
  return output
}

/** Walks the framing before anything is allocated: what the blocks announce together, checked against their bytes. */
function framedSize(input: Buffer, maxBytes: number): number {
  if (input.length < XERIAL_HEADER_BYTES) throw corrupt('snappy framing ends in its header')
  let size = 0
  for (let at = XERIAL_HEADER_BYTES; at < input.length && size <= maxBytes; ) {
    // Streams that were joined repeat the header.
    if (startsWithMagic(input, at)) {
      at += XERIAL_HEADER_BYTES
      if (at > input.length) throw corrupt('snappy framing ends in its header')
      continue
    }
    if (at + 4 > input.length) throw corrupt('snappy framing ends in a block length')
    const length = input.readInt32BE(at)
    if (length < 1 || length > input.length - at - 4) {
      throw corrupt(`snappy block announces ${length} bytes, ${input.length - at - 4} are left`)
    }
    size += blockSize(input, at + 4, at + 4 + length)
    at += 4 + length
  }
  return size
}

function startsWithMagic(input: Buffer, at: number): boolean {
  return (
    input.length - at >= XERIAL_MAGIC.length &&
    input.compare(XERIAL_MAGIC, 0, XERIAL_MAGIC.length, at, at + XERIAL_MAGIC.length) === 0
  )
}

/** The length a block announces, refused when its bytes could never make it. */
function blockSize(input: Uint8Array, from: number, to: number): number {
  let size = 0
  for (let at = from, scale = 1; at < Math.min(from + 5, to); at++, scale *= 128) {
    const byte = input[at]!
    size += (byte & 0x7f) * scale
    if (byte >= 0x80) continue
    if (size > (to - from) * GROWTH_MAX) throw corrupt(`snappy block of ${to - from} bytes announces ${size}`)
    return size
  }
  throw corrupt('snappy block without its length')
}

function decompressBlock(input: Uint8Array, from: number, to: number, output: Uint8Array, start: number): number {
  const end = start + blockSize(input, from, to)
  let at = from
  while (input[at]! >= 0x80) at++
  at++
  let filled = start
  while (at < to) {
    const tag = input[at++]!
    const kind = tag & 3
    let length = (tag >>> 2) + 1
    if (kind === 0) {
      if (length > 60) {
        const lengthBytes = length - 60
        if (at + lengthBytes > to) throw corrupt('snappy literal without its length')
        length = readLittleEndian(input, at, lengthBytes) + 1
        at += lengthBytes
      }
      if (length > to - at || length > end - filled)
        throw corrupt(`snappy literal of ${length} bytes runs past its block`)
      copyBytes(input, at, length, output, filled)
      at += length
    } else {
      const distanceBytes = kind === 3 ? 4 : kind
      if (at + distanceBytes > to) throw corrupt('snappy copy without its distance')
      let distance = readLittleEndian(input, at, distanceBytes)
      at += distanceBytes
      if (kind === 1) {
        length = ((tag >>> 2) & 7) + 4
        distance += (tag >>> 5) << 8
      }
      if (distance === 0 || distance > filled - start)
        throw corrupt(`snappy copy from ${distance} bytes before its block`)
      if (length > end - filled) throw corrupt(`snappy copy of ${length} bytes runs past its block`)
      copyMatch(output, filled, distance, length)
    }
    filled += length
  }
  if (filled !== end) throw corrupt(`snappy block announces ${end - start} bytes and holds ${filled - start}`)
  return end
}

function readLittleEndian(input: Uint8Array, at: number, byteCount: number): number {
  let value = input[at]!
  if (byteCount > 1) value += input[at + 1]! * 0x100
  if (byteCount > 2) value += input[at + 2]! * 0x10000
  if (byteCount > 3) value += input[at + 3]! * 0x1000000
  return value
}

function blockBound(length: number): number {
  return 32 + length + Math.ceil(length / 6)
}

function compressBlock(
  input: Uint8Array,
  view: DataView,
  base: number,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
): number {
  let out = writeLength(output, start, to - from)
  let pending = from
  let misses = 32
  for (let at = from; at < to - TAIL_BYTES; ) {
    const four = view.getInt32(at, true)
    const slot = slotOf(four)
    const candidate = matchTable[slot]! - base
    matchTable[slot] = base + at
    if (candidate < from || view.getInt32(candidate, true) !== four) {
      // The longer nothing matches, the wider the steps: incompressible bytes pass quickly.
      at += misses++ >>> 5
      continue
    }
    misses = 32
    let end = at + 4
    for (let seen = candidate + 4; end < to && input[end] === input[seen]; end++) seen++
    out = writeLiteral(input, pending, at, output, out)
    out = writeCopy(output, out, at - candidate, end - at)
    pending = end
    at = end
  }
  return writeLiteral(input, pending, to, output, out)
}

function writeLength(output: Uint8Array, start: number, length: number): number {
  let at = start
  let rest = length
  for (; rest >= 0x80; rest >>>= 7) output[at++] = (rest & 0x7f) | 0x80
  output[at++] = rest
  return at
}

function writeLiteral(input: Uint8Array, from: number, to: number, output: Uint8Array, start: number): number {
  const length = to - from
  if (length === 0) return start
  let at = start
  const last = length - 1
  if (last < 60) {
    output[at++] = last << 2
  } else if (last < 256) {
    output[at++] = 60 << 2
    output[at++] = last
  } else {
    output[at++] = 61 << 2
    output[at++] = last & 0xff
    output[at++] = last >>> 8
  }
  copyBytes(input, from, length, output, at)
  return at + length
}

function writeCopy(output: Uint8Array, start: number, distance: number, length: number): number {
  let at = start
  let rest = length
  // A last piece shorter than four could not use the short form, so the one before leaves enough.
  for (; rest > COPY_MAX + 3; rest -= COPY_MAX) at = writeLongCopy(output, at, distance, COPY_MAX)
  if (rest > COPY_MAX) {
    at = writeLongCopy(output, at, distance, 60)
    rest -= 60
  }
  if (rest > 11 || distance >= 2048) return writeLongCopy(output, at, distance, rest)
  output[at++] = 1 | ((rest - 4) << 2) | ((distance >>> 8) << 5)
  output[at++] = distance & 0xff
  return at
}

function writeLongCopy(output: Uint8Array, at: number, distance: number, length: number): number {
  output[at] = 2 | ((length - 1) << 2)
  output[at + 1] = distance & 0xff
  output[at + 2] = distance >>> 8
  return at + 3
}
