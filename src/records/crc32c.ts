import { createRequire } from 'node:module'
import { slicingTables, updateRegister } from './crc-slicing.ts'

/**
 * CRC-32C, which covers record batches of magic 2 from the attributes to the end. The optional native module is five
 * times as fast on large batches; without it, or where it cannot load, everything works in JavaScript. It is loaded when the
 * first large batch comes: a broker that only waits does not pay its three megabytes.
 */
type Crc32c = (buffer: Uint8Array, seed?: number) => number

/** Below this size, entering native code costs more than it saves. */
const NATIVE_FROM_BYTES = 256

const tables = slicingTables(0x82f63b78)
let native: Crc32c | undefined

/** `seed` is the checksum of the bytes before, so a sum can go on over several buffers. */
export function crc32c(buffer: Uint8Array, seed = 0): number {
  if (buffer.length < NATIVE_FROM_BYTES) return crc32cInJavaScript(buffer, seed)
  native ??= loadNative()
  return native(buffer, seed)
}

export function crc32cInJavaScript(buffer: Uint8Array, seed = 0): number {
  return ~updateRegister(tables, ~seed, buffer, 0, buffer.length) >>> 0
}

/** The register after these bytes when it starts at zero and is not inverted: linear in the bytes, unlike the checksum. */
export function linearCrc32c(buffer: Uint8Array, from: number, to: number): number {
  return updateRegister(tables, 0, buffer, from, to)
}

/**
 * What a register becomes when `byteCount` zero bytes follow. Feeding zeros is a linear map of 32 bits; the map for each
 * power of two is kept as four tables of 256, so any length costs at most 31 steps of four look-ups.
 */
export function shiftOverZeros(register: number, byteCount: number): number {
  let shifted = register
  for (let power = 0, rest = byteCount; rest !== 0; power++, rest >>>= 1) {
    if (rest & 1) shifted = applyOperator(zeroOperators[power] ?? makeZeroOperators(power), shifted)
  }
  return shifted
}

const zeroOperators: Int32Array[] = []

function applyOperator(operator: Int32Array, r: number): number {
  return (
    operator[r & 255]! ^
    operator[256 + ((r >>> 8) & 255)]! ^
    operator[512 + ((r >>> 16) & 255)]! ^
    operator[768 + (r >>> 24)]!
  )
}

function makeZeroOperators(upTo: number): Int32Array {
  for (let power = zeroOperators.length; power <= upTo; power++) {
    const half = zeroOperators[power - 1]
    zeroOperators.push(
      half === undefined
        ? operatorOf((r) => (r >>> 8) ^ tables[r & 255]!)
        : operatorOf((r) => applyOperator(half, applyOperator(half, r))),
    )
  }
  return zeroOperators[upTo]!
}

/** A linear map is known by what it does to single bits; every byte value is a XOR of those. */
function operatorOf(map: (register: number) => number): Int32Array {
  const operator = new Int32Array(4 * 256)
  for (let at = 0; at < operator.length; at++) {
    const byte = at & 255
    if (byte === 0) continue
    const lowestBit = byte & -byte
    operator[at] = operator[at ^ lowestBit]! ^ map(lowestBit << (8 * (at >>> 8)))
  }
  return operator
}

function loadNative(): Crc32c {
  try {
    const { crc32c } = createRequire(import.meta.url)('@node-rs/crc32') as typeof import('@node-rs/crc32')
    return crc32c
  } catch {
    // Absent by choice, or no binary for this platform: JavaScript gives the same sums.
    return crc32cInJavaScript
  }
}
