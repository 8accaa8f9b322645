/**
 * Where four bytes were last seen, shared by the codecs of our own: they run one at a time, and clearing 64 KiB for every
 * small batch would cost more than compressing it.
 *
 * 1. Entries hold `base + position`; `base` grows past all entries of earlier calls, so a stale entry is below it.
 * 2. No entry passes 2^31 − 1; before that the table is cleared and `base` starts over.
 */
const BITS = 14
const ENTRY_MAX = 0x7fffffff

export const matchTable = new Int32Array(1 << BITS)
let nextBase = 1

/** Returns the base for positions 0 to `length` of a new input. */
export function claimMatchTable(length: number): number {
  if (nextBase + length > ENTRY_MAX) {
    matchTable.fill(0)
    nextBase = 1
  }
  const base = nextBase
  nextBase += length + 1
  return base
}

/** The table's slot for four bytes read as an integer. */
export function slotOf(fourBytes: number): number {
  return Math.imul(fourBytes, 0x9e3779b1) >>> (32 - BITS)
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

/** From this length the engine's own copy beats a loop, which has no call to pay for. */
const LONG_COPY = 48

export function copyBytes(source: Uint8Array, from: number, length: number, target: Uint8Array, to: number): void {
  if (length >= LONG_COPY) {
    target.set(source.subarray(from, from + length), to)
    return
  }
  for (let at = 0; at < length; at++) target[to + at] = source[from + at]!
}

/** Repeats what lies `distance` before `to`; when it overlaps itself the bytes must be copied in order. */
export function copyMatch(bytes: Uint8Array, to: number, distance: number, length: number): void {
  const from = to - distance
  if (length >= LONG_COPY && distance >= length) {
    bytes.copyWithin(to, from, from + length)
    return
  }
  for (let at = 0; at < length; at++) bytes[to + at] = bytes[from + at]!
}
