/** xxHash of 32 bits, which LZ4 frames use for their header, their blocks and their content. */
const PRIME1 = 0x9e3779b1
const PRIME2 = 0x85ebca77
const PRIME3 = 0xc2b2ae3d
const PRIME4 = 0x27d4eb2f
const PRIME5 = 0x165667b1

export function xxh32(bytes: Uint8Array, from = 0, to = bytes.length, seed = 0): number {
  const length = to - from
  let at = from
  let hash: number
  if (length >= 16) {
    let v1 = (seed + PRIME1 + PRIME2) | 0
    let v2 = (seed + PRIME2) | 0
    let v3 = seed | 0
    let v4 = (seed - PRIME1) | 0
    for (const wide = to - 15; at < wide; at += 16) {
      v1 = round(v1, readUint32(bytes, at))
      v2 = round(v2, readUint32(bytes, at + 4))
      v3 = round(v3, readUint32(bytes, at + 8))
      v4 = round(v4, readUint32(bytes, at + 12))
    }
    hash = (rotate(v1, 1) + rotate(v2, 7) + rotate(v3, 12) + rotate(v4, 18)) | 0
  } else {
    hash = (seed + PRIME5) | 0
  }
  hash = (hash + length) | 0
  for (; at + 4 <= to; at += 4) {
    hash = Math.imul(rotate((hash + Math.imul(readUint32(bytes, at), PRIME3)) | 0, 17), PRIME4)
  }
  for (; at < to; at++) hash = Math.imul(rotate((hash + Math.imul(bytes[at]!, PRIME5)) | 0, 11), PRIME1)
  return avalanche(hash)
}

function round(accumulator: number, lane: number): number {
  return Math.imul(rotate((accumulator + Math.imul(lane, PRIME2)) | 0, 13), PRIME1)
}

function avalanche(start: number): number {
  let hash = Math.imul(start ^ (start >>> 15), PRIME2)
  hash = Math.imul(hash ^ (hash >>> 13), PRIME3)
  return (hash ^ (hash >>> 16)) >>> 0
}

function rotate(value: number, by: number): number {
  return (value << by) | (value >>> (32 - by))
}

function readUint32(bytes: Uint8Array, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
}
