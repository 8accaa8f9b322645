import { corrupt } from './records-error.ts'

/**
 * Kafka's zigzag varints. Reading returns the value and leaves the next position in `varintEnd`: a second return value
 * without an object, since these run several times a record.
 */
export let varintEnd = 0

/** For fields that follow a length: moves the position behind them. */
export function skipTo(position: number): void {
  varintEnd = position
}

/** Reads an int32 varint (lengths, offset deltas); `limit` is the first byte that may not be read. */
export function readVarint(bytes: Uint8Array, at: number, limit: number): number {
  let raw = 0
  let position = at
  for (let shift = 0; shift < 35; shift += 7) {
    if (position >= limit) throw corrupt(`varint at byte ${at} runs past the end`)
    const byte = bytes[position++]!
    raw |= (byte & 0x7f) << shift
    if (byte < 0x80) {
      varintEnd = position
      return (raw >>> 1) ^ -(raw & 1)
    }
  }
  throw corrupt(`varint at byte ${at} is longer than 5 bytes`)
}

/** Reads an int64 varint (timestamp deltas). Up to seven bytes stay exact in a double; longer ones take the slow road. */
export function readVarlong(bytes: Uint8Array, at: number, limit: number): number {
  let raw = 0
  let scale = 1
  let position = at
  for (let length = 0; length < 7; length++) {
    if (position >= limit) throw corrupt(`varlong at byte ${at} runs past the end`)
    const byte = bytes[position++]!
    raw += (byte & 0x7f) * scale
    if (byte < 0x80) {
      varintEnd = position
      return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2
    }
    scale *= 128
  }
  return readLongVarlong(bytes, at, limit)
}

function readLongVarlong(bytes: Uint8Array, at: number, limit: number): number {
  let raw = 0n
  for (let length = 0; length < 10; length++) {
    if (at + length >= limit) throw corrupt(`varlong at byte ${at} runs past the end`)
    const byte = bytes[at + length]!
    raw |= BigInt(byte & 0x7f) << BigInt(7 * length)
    if (byte < 0x80) {
      varintEnd = at + length + 1
      const unsigned = BigInt.asUintN(64, raw)
      return Number((unsigned >> 1n) ^ -(unsigned & 1n))
    }
  }
  throw corrupt(`varlong at byte ${at} is longer than 10 bytes`)
}

export function varintSize(value: number): number {
  const raw = ((value << 1) ^ (value >> 31)) >>> 0
  return raw < 0x80 ? 1 : raw < 0x4000 ? 2 : raw < 0x200000 ? 3 : raw < 0x10000000 ? 4 : 5
}

/** Writes an int32 and returns the next position; the caller has made room. */
export function writeVarint(bytes: Uint8Array, value: number, at: number): number {
  let raw = ((value << 1) ^ (value >> 31)) >>> 0
  let position = at
  while (raw >= 0x80) {
    bytes[position++] = (raw & 0x7f) | 0x80
    raw >>>= 7
  }
  bytes[position++] = raw
  return position
}

const INT32_MAX = 0x7fffffff

export function varlongSize(value: number): number {
  if (value <= INT32_MAX && value >= -INT32_MAX) return varintSize(value)
  let rest = zigzag(value)
  let size = 1
  for (; rest >= 128n; rest >>= 7n) size++
  return size
}

export function writeVarlong(bytes: Uint8Array, value: number, at: number): number {
  if (value <= INT32_MAX && value >= -INT32_MAX) return writeVarint(bytes, value, at)
  let position = at
  let rest = zigzag(value)
  for (; rest >= 128n; rest >>= 7n) bytes[position++] = Number(rest & 127n) | 0x80
  bytes[position++] = Number(rest)
  return position
}

/**
 * How long the varint at `at` is, for loops that cannot afford the shared `varintEnd`; `valueOfSize` then decodes it. Of a
 * varint of three bytes or more the size is found by reading it, with all its checks.
 */
export function sizeAt(bytes: Uint8Array, at: number, limit: number): number {
  if (at + 2 <= limit) {
    if (bytes[at]! < 0x80) return 1
    if (bytes[at + 1]! < 0x80) return 2
  }
  readVarlong(bytes, at, limit)
  return varintEnd - at
}

export function valueOfSize(bytes: Uint8Array, at: number, size: number): number {
  const raw = size === 1 ? bytes[at]! : (bytes[at]! & 0x7f) | (bytes[at + 1]! << 7)
  if (size > 2) return readVarlong(bytes, at, at + size)
  return (raw >>> 1) ^ -(raw & 1)
}

/** What `valueOfShort` says of a varint of more than three bytes: below all that fit, also after adding up to 2^30. */
const NOT_SHORT = -0x80000000

/** Size and value of a varint of up to three bytes, for the hottest loop, which leaves longer ones to the others. */
export function sizeOfShort(bytes: Uint8Array, at: number): number {
  return bytes[at]! < 0x80 ? 1 : bytes[at + 1]! < 0x80 ? 2 : 3
}

export function valueOfShort(bytes: Uint8Array, at: number): number {
  let raw = bytes[at]!
  if (raw >= 0x80) {
    raw = (raw & 0x7f) | (bytes[at + 1]! << 7)
    if (raw >= 0x4000) raw = (raw & 0x3fff) | (bytes[at + 2]! << 14)
    if (raw >= 0x200000) return NOT_SHORT
  }
  return (raw >>> 1) ^ -(raw & 1)
}

function zigzag(value: number): bigint {
  const long = BigInt(value)
  return BigInt.asUintN(64, (long << 1n) ^ (long >> 63n))
}
