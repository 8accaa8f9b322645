// The slow side of decoding: what compiled decoders call when a value is not a run of fixed-size fields, and every way in
// which bytes can be wrong. Nothing here trusts a length before comparing it with the bytes that are left.

import { ZERO_UUID } from './schema.ts'

/** The bytes are not a message of this shape. The connection they came from cannot be trusted further. */
export class DecodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'DecodeError'
  }
}

export class Reader {
  readonly buffer: Buffer
  readonly end: number
  /** Where the next byte is read. A compiled decoder keeps its own copy and writes it back. */
  offset: number
  /** Named in errors: `Fetch response v12`. */
  readonly what: string

  constructor(buffer: Buffer, offset: number, what: string) {
    this.buffer = buffer
    this.end = buffer.length
    this.offset = offset
    this.what = what
  }

  /** An unsigned varint at `offset`; leaves the reader's offset behind it. At most 32 bits in at most 5 bytes. */
  varint(offset: number): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      if (offset >= this.end) this.short(offset, 1)
      const byte = this.buffer[offset++]!
      if (shift === 28 && byte > 15) break
      value += (byte & 127) * 2 ** shift
      if (byte < 128) {
        this.offset = offset
        return value
      }
    }
    return this.malformed(offset, 'a varint of more than 32 bits')
  }

  text(offset: number, length: number): string {
    return this.buffer.toString('utf8', offset, offset + length)
  }

  uuid(offset: number): string {
    const { buffer } = this
    let at = offset
    while (at < offset + 16 && buffer[at] === 0) at++
    return at === offset + 16 ? ZERO_UUID : buffer.toString('base64url', offset, offset + 16)
  }

  short(offset: number, wanted: number): never {
    throw new DecodeError(`${this.what}: ${wanted} bytes wanted at byte ${offset}, ${this.end - offset} left`)
  }

  malformed(offset: number, problem: string): never {
    throw new DecodeError(`${this.what}: ${problem} at byte ${offset}`)
  }
}
