/**
 * Reflected 32-bit CRCs, eight bytes a step. The functions work on the bare register: the caller does the inversion before
 * and after, because header patching needs the register without it.
 */
export type CrcTables = Int32Array

export function slicingTables(reflectedPolynomial: number): CrcTables {
  const tables = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let register = byte
    for (let bit = 0; bit < 8; bit++) register = (register >>> 1) ^ (register & 1 ? reflectedPolynomial : 0)
    tables[byte] = register
  }
  for (let at = 256; at < tables.length; at++) {
    const previous = tables[at - 256]!
    tables[at] = (previous >>> 8) ^ tables[previous & 255]!
  }
  return tables
}

export function updateRegister(t: CrcTables, start: number, bytes: Uint8Array, from: number, to: number): number {
  let register = start
  let at = from
  for (const wide = to - 7; at < wide; at += 8) {
    const low = register ^ (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
    register =
      t[1792 + (low & 255)]! ^
      t[1536 + ((low >>> 8) & 255)]! ^
      t[1280 + ((low >>> 16) & 255)]! ^
      t[1024 + (low >>> 24)]! ^
      t[768 + bytes[at + 4]!]! ^
      t[512 + bytes[at + 5]!]! ^
      t[256 + bytes[at + 6]!]! ^
      t[bytes[at + 7]!]!
  }
  for (; at < to; at++) register = (register >>> 8) ^ t[(register ^ bytes[at]!) & 255]!
  return register
}
