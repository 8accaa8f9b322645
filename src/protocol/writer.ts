// The growing side of encoding: a list of buffers, so that record batches stand in the message as the slices they are.
//
// Invariants:
// 1. `chunks` followed by `buffer[start, offset)` is what has been written, in order.
// 2. Bytes before `start` belong to a chunk that was handed out and never move again.

/** The value cannot be sent in this version: a mistake of the caller, never of the peer. */
export class EncodeError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EncodeError'
  }
}

const FIRST_BYTES = 256
const STRING_BYTES_MAX = 0x7fff

export class Writer {
  buffer: Buffer = Buffer.allocUnsafe(FIRST_BYTES)
  /** Where the next byte is written. A compiled encoder keeps its own copy and writes it back. */
  offset = 0
  /** Named in errors: `Fetch request v12`. */
  readonly what: string
  #start = 0
  readonly #chunks: Uint8Array[] = []
  #chunkBytes = 0

  constructor(what: string) {
    this.what = what
  }

  /** Makes room for `length` bytes more; `buffer` and `offset` may be others afterwards. */
  grow(length: number): void {
    const written = this.offset - this.#start
    if (this.offset + length <= this.buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(2 * written, written + length, FIRST_BYTES))
    this.buffer.copy(larger, 0, this.#start, this.offset)
    this.buffer = larger
    this.offset = written
    this.#start = 0
  }

  int32(value: number): void {
    this.grow(4)
    this.offset = this.buffer.writeInt32BE(value, this.offset)
  }

  int16(value: number): void {
    this.grow(2)
    this.offset = this.buffer.writeInt16BE(value, this.offset)
  }

  int8(value: number): void {
    this.grow(1)
    this.offset = this.buffer.writeInt8(value, this.offset)
  }

  /** An unsigned varint of 32 bits. */
  varint(value: number): void {
    this.grow(5)
    let rest = value
    while (rest > 127) {
      this.buffer[this.offset++] = (rest & 127) | 128
      rest >>>= 7
    }
    this.buffer[this.offset++] = rest
  }

  string(name: string, value: string, compact: boolean): void {
    if (typeof value !== 'string') this.refuse(name, value)
    const bytes = Buffer.byteLength(value)
    if (bytes > STRING_BYTES_MAX) {
      throw new EncodeError(`${this.what}: ${name} has ${bytes} bytes, a string holds ${STRING_BYTES_MAX}`)
    }
    if (compact) this.varint(bytes + 1)
    else this.int16(bytes)
    this.grow(bytes)
    if (bytes === value.length && bytes < 16) {
      for (let at = 0; at < bytes; at++) this.buffer[this.offset++] = value.charCodeAt(at)
    } else {
      this.offset += this.buffer.write(value, this.offset, 'utf8')
    }
  }

  bytes(name: string, value: Uint8Array, compact: boolean): void {
    if (!(value instanceof Uint8Array)) this.refuse(name, value)
    this.#length(value.length, compact)
    this.grow(value.length)
    this.buffer.set(value, this.offset)
    this.offset += value.length
  }

  /** The slices go out as they are: they must not change until the message has been sent. */
  records(slices: readonly Uint8Array[], compact: boolean): void {
    let total = 0
    for (const slice of slices) total += slice.length
    this.#length(total, compact)
    if (total === 0) return
    this.#cut()
    for (const slice of slices) this.#chunks.push(slice)
    this.#chunkBytes += total
  }

  uuid(name: string, value: string, offset: number): void {
    if (typeof value !== 'string' || value.length !== 22 || this.buffer.write(value, offset, 16, 'base64url') !== 16) {
      this.refuse(name, value)
    }
  }

  #length(length: number, compact: boolean): void {
    if (compact) this.varint(length + 1)
    else this.int32(length)
  }

  /** Leaves one byte for the size of a tagged field; returns the mark that `endTag` wants. */
  beginTag(): number {
    this.grow(1)
    this.offset++
    return this.offset - this.#start
  }

  /** Writes the size of what came since the mark; a size of more than one byte moves the content. */
  endTag(mark: number): void {
    const size = this.offset - this.#start - mark
    if (size < 128) {
      this.buffer[this.#start + mark - 1] = size
      return
    }
    let extra = 0
    for (let rest = size >>> 7; rest > 0; rest >>>= 7) extra++
    this.grow(extra)
    const content = this.#start + mark
    this.buffer.copyWithin(content + extra, content, content + size)
    this.offset = content - 1
    this.varint(size)
    this.offset += size
  }

  #cut(): void {
    if (this.offset === this.#start) return
    const chunk = this.buffer.subarray(this.#start, this.offset)
    this.#chunks.push(chunk)
    this.#chunkBytes += chunk.length
    this.#start = this.offset
  }

  get bytesWritten(): number {
    return this.#chunkBytes + this.offset - this.#start
  }

  finish(): Buffer[] {
    this.#cut()
    return this.#chunks as Buffer[]
  }

  refuse(name: string, value: unknown): never {
    throw new EncodeError(
      `${this.what}: ${name} cannot be ${value === null ? 'null' : `${typeof value} ${String(value)}`}`,
    )
  }

  cannotCarry(name: string): never {
    throw new EncodeError(`${this.what}: this version has no ${name}`)
  }
}
