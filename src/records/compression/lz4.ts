import { corrupt, RecordsError } from '../records-error.ts'
import { compressLz4Block, decompressLz4Block, lz4BlockBound } from './lz4-block.ts'
import { claimMatchTable, viewOf } from './match-table.ts'
import { xxh32 } from './xxh32.ts'

/**
 * The LZ4 frame, as Java clients write it: independent blocks of 64 KiB, no checksums but the header's. Read as well are
 * linked blocks, larger ones, checksums of blocks and content, the content size. Dictionaries are refused.
 *
 *   magic · flags · block size code · [content size int64] · header checksum · (block size int32 · block · [xxh32])* · 0 · [xxh32]
 */
const MAGIC = 0x184d2204
const VERSION_MASK = 0xc0
const VERSION = 0x40
const INDEPENDENT = 0x20
const BLOCK_CHECKSUM = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01
const STORED = 0x80000000
const BLOCK_CODE = 4
const BLOCK_BYTES = 64 * 1024
const HEADER_BYTES = 7
/** No block can grow by more: a match length gains 255 bytes from each byte. */
const GROWTH_MAX = 255

interface FrameHeader {
  flags: number
  blockBytesMax: number
  blocksAt: number
}

export function compressLz4(input: Buffer): Buffer {
  const blockCount = Math.ceil(input.length / BLOCK_BYTES)
  const blockBound = 4 + lz4BlockBound(Math.min(input.length, BLOCK_BYTES))
  const output = Buffer.allocUnsafe(HEADER_BYTES + blockCount * blockBound + 4)
  output.writeUInt32LE(MAGIC, 0)
  output[4] = VERSION | INDEPENDENT
  output[5] = BLOCK_CODE << 4
  output[6] = headerChecksum(output, 4, 6)
  const view = viewOf(input)
  const base = claimMatchTable(input.length)
  let at = HEADER_BYTES
  for (let from = 0; from < input.length; from += BLOCK_BYTES) {
    const to = Math.min(from + BLOCK_BYTES, input.length)
    let end = compressLz4Block(input, view, base, from, to, output, at + 4)
    if (end - at - 4 < to - from) {
      output.writeUInt32LE(end - at - 4, at)
    } else {
      output.writeUInt32LE(STORED + to - from, at)
      end = at + 4 + input.copy(output, at + 4, from, to)
    }
    at = end
  }
  output.writeUInt32LE(0, at)
  return output.subarray(0, at + 4)
}

export function decompressLz4(input: Buffer, maxBytes: number): Buffer {
  const header = readHeader(input)
  const bound = outputBound(input, header)
  const output = Buffer.allocUnsafe(Math.min(bound, maxBytes))
  const blockTrailer = header.flags & BLOCK_CHECKSUM ? 4 : 0
  let filled = 0
  let at = header.blocksAt
  for (;;) {
    const word = input.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const size = word % STORED
    if (blockTrailer > 0 && input.readUInt32LE(at + size) !== xxh32(input, at, at + size)) {
      throw corrupt('lz4 block does not match its checksum')
    }
    const blockEnd = Math.min(filled + header.blockBytesMax, output.length)
    const historyStart = header.flags & INDEPENDENT ? filled : 0
    const end =
      word >= STORED
        ? copyStored(input, at, size, output, filled)
        : decompressLz4Block(input, at, at + size, output, filled, blockEnd, historyStart)
    if (end < 0) throw tooLargeOrCorrupt(bound, maxBytes, blockEnd === output.length)
    filled = end
    at += size + blockTrailer
  }
  checkTrailer(input, at, header, output.subarray(0, filled))
  return output.subarray(0, filled)
}

/** Returns the new end of the output, or -1 when the block does not fit. */
function copyStored(input: Buffer, at: number, size: number, output: Buffer, filled: number): number {
  if (size > output.length - filled) return -1
  input.copy(output, filled, at, at + size)
  return filled + size
}

function tooLargeOrCorrupt(bound: number, maxBytes: number, outputIsFull: boolean): RecordsError {
  if (outputIsFull && bound > maxBytes)
    return new RecordsError('too-large', `lz4 batch inflates beyond ${maxBytes} bytes`)
  return corrupt('lz4 block holds more than a block may')
}

function readHeader(input: Buffer): FrameHeader {
  if (input.length < HEADER_BYTES || input.readUInt32LE(0) !== MAGIC) throw corrupt('not an lz4 frame')
  const flags = input[4]!
  if ((flags & VERSION_MASK) !== VERSION) throw new RecordsError('unsupported', 'lz4 frame of another version')
  if (flags & DICTIONARY) throw new RecordsError('unsupported', 'lz4 frame with a dictionary')
  const code = (input[5]! >>> 4) & 7
  if (code < BLOCK_CODE) throw corrupt(`lz4 block size code ${code}`)
  const checksumAt = 6 + (flags & CONTENT_SIZE ? 8 : 0)
  if (checksumAt >= input.length) throw corrupt('lz4 frame ends in its header')
  const checksum = input[checksumAt]
  // Clients of magic 0 summed from the frame's magic on, a bug that their brokers and consumers had to share.
  if (checksum !== headerChecksum(input, 4, checksumAt) && checksum !== headerChecksum(input, 0, checksumAt)) {
    throw corrupt('lz4 frame header does not match its checksum')
  }
  return { flags, blockBytesMax: BLOCK_BYTES << (2 * (code - BLOCK_CODE)), blocksAt: checksumAt + 1 }
}

/** Walks the block sizes to the end mark: afterwards all blocks are known to be there, and how much they can make. */
function outputBound(input: Buffer, header: FrameHeader): number {
  const trailer = header.flags & BLOCK_CHECKSUM ? 4 : 0
  let bound = 0
  let at = header.blocksAt
  for (;;) {
    if (at + 4 > input.length) throw corrupt('lz4 frame without its end mark')
    const word = input.readUInt32LE(at)
    if (word === 0) return bound
    const size = word % STORED
    if (size > header.blockBytesMax || size + trailer > input.length - at - 4) {
      throw corrupt(`lz4 block announces ${size} bytes, ${input.length - at - 4} are left`)
    }
    bound += word >= STORED ? size : Math.min(header.blockBytesMax, size * GROWTH_MAX)
    at += 4 + size + trailer
  }
}

function checkTrailer(input: Buffer, at: number, header: FrameHeader, output: Buffer): void {
  let end = at
  if (header.flags & CONTENT_CHECKSUM) {
    end += 4
    if (end > input.length) throw corrupt('lz4 frame without its content checksum')
    if (input.readUInt32LE(at) !== xxh32(output)) throw corrupt('lz4 content does not match its checksum')
  }
  if (header.flags & CONTENT_SIZE && input.readBigUInt64LE(6) !== BigInt(output.length)) {
    throw corrupt(`lz4 content of ${output.length} bytes, ${input.readBigUInt64LE(6)} announced`)
  }
  // Java stops at the first frame, so records in a second one would be lost to it.
  if (end !== input.length) throw corrupt(`${input.length - end} bytes follow an lz4 frame`)
}

function headerChecksum(input: Uint8Array, from: number, to: number): number {
  return (xxh32(input, from, to) >>> 8) & 0xff
}
