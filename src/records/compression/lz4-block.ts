import { corrupt } from '../records-error.ts'
import { copyBytes, copyMatch, matchTable, slotOf } from './match-table.ts'

/** LZ4 blocks: (token · literal length · literals · distance uint16 · match length)*, ending with literals. */
const MATCH_MIN = 4
/** The format wants the last five bytes as literals, and no match that starts in the last twelve. */
const LAST_LITERALS = 5
const MATCH_START_MARGIN = 12
const DISTANCE_MAX = 65535
const NIBBLE_MAX = 15

export function lz4BlockBound(length: number): number {
  return length + Math.ceil(length / 255) + 16
}

export function compressLz4Block(
  input: Uint8Array,
  view: DataView,
  base: number,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
): number {
  const matchEnd = to - LAST_LITERALS
  let out = start
  let pending = from
  let misses = 64
  for (let at = from; at <= to - MATCH_START_MARGIN; ) {
    const four = view.getInt32(at, true)
    const slot = slotOf(four)
    let candidate = matchTable[slot]! - base
    matchTable[slot] = base + at
    if (candidate < from || at - candidate > DISTANCE_MAX || view.getInt32(candidate, true) !== four) {
      // The longer nothing matches, the wider the steps: incompressible bytes pass quickly.
      at += misses++ >>> 6
      continue
    }
    misses = 64
    const distance = at - candidate
    let end = at + MATCH_MIN
    while (end < matchEnd && input[end] === input[end - distance]) end++
    while (at > pending && candidate > from && input[at - 1] === input[candidate - 1]) {
      at--
      candidate--
    }
    out = writeSequence(input, pending, at, distance, end - at, output, out)
    pending = end
    at = end
  }
  return writeSequence(input, pending, to, 0, 0, output, out)
}

/** A match length of zero ends the block. */
function writeSequence(
  input: Uint8Array,
  from: number,
  to: number,
  distance: number,
  matchLength: number,
  output: Uint8Array,
  tokenAt: number,
): number {
  const literals = to - from
  const extra = matchLength === 0 ? 0 : matchLength - MATCH_MIN
  output[tokenAt] = (Math.min(literals, NIBBLE_MAX) << 4) | Math.min(extra, NIBBLE_MAX)
  let at = tokenAt + 1
  if (literals >= NIBBLE_MAX) at = writeLengthRest(output, at, literals - NIBBLE_MAX)
  copyBytes(input, from, literals, output, at)
  at += literals
  if (matchLength === 0) return at
  output[at++] = distance & 0xff
  output[at++] = distance >>> 8
  return extra >= NIBBLE_MAX ? writeLengthRest(output, at, extra - NIBBLE_MAX) : at
}

function writeLengthRest(output: Uint8Array, start: number, length: number): number {
  let at = start
  let rest = length
  for (; rest >= 255; rest -= 255) output[at++] = 255
  output[at++] = rest
  return at
}

/**
 * Decompresses input[from, to) behind output[start) and returns the new end, or -1 when it passes `outputEnd`. Matches may
 * reach back to `historyStart`.
 */
export function decompressLz4Block(
  input: Uint8Array,
  from: number,
  to: number,
  output: Uint8Array,
  start: number,
  outputEnd: number,
  historyStart: number,
): number {
  let at = from
  let filled = start
  while (at < to) {
    const token = input[at++]!
    let literals = token >>> 4
    if (literals === NIBBLE_MAX) {
      let byte: number
      do {
        if (at >= to) throw corrupt('lz4 literal length runs past its block')
        byte = input[at++]!
        literals += byte
      } while (byte === 255)
    }
    if (literals > to - at) throw corrupt(`lz4 literals of ${literals} bytes, ${to - at} are left`)
    if (literals > outputEnd - filled) return -1
    copyBytes(input, at, literals, output, filled)
    at += literals
    filled += literals
    if (at === to) return filled
    if (at + 2 > to) throw corrupt('lz4 match without its distance')
    const distance = input[at]! | (input[at + 1]! << 8)
    at += 2
    if (distance === 0 || distance > filled - historyStart)
      throw corrupt(`lz4 match from ${distance} bytes before the start`)
    let length = (token & NIBBLE_MAX) + MATCH_MIN
    if ((token & NIBBLE_MAX) === NIBBLE_MAX) {
      let byte: number
      do {
        if (at >= to) throw corrupt('lz4 match length runs past its block')
        byte = input[at++]!
        length += byte
      } while (byte === 255)
    }
    if (length > outputEnd - filled) return -1
    copyMatch(output, filled, distance, length)
    filled += length
  }
  throw corrupt('lz4 block does not end with literals')
}
