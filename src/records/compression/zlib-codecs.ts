import { constants, gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { corrupt, RecordsError } from '../records-error.ts'

/**
 * gzip and zstd, which Node has built in. Kafka reads members and frames that follow each other as one stream; Node does so
 * for gzip, but stops after the first zstd frame without a word, so those are walked here.
 */
const ZSTD_MAGIC = 0xfd2fb528
const SKIPPABLE_MAGIC = 0x184d2a50
const SKIPPABLE_MASK = 0xfffffff0

export function compressGzip(buffer: Buffer, level?: number): Buffer {
  return level === undefined ? gzipSync(buffer) : gzipSync(buffer, { level })
}

export function decompressGzip(buffer: Buffer, maxBytes: number): Buffer {
  return inflate(gunzipSync, 'gzip', buffer, maxBytes)
}

export function compressZstd(buffer: Buffer, level?: number): Buffer {
  if (level === undefined) return zstdCompressSync(buffer)
  return zstdCompressSync(buffer, { params: { [constants.ZSTD_c_compressionLevel]: level } })
}

export function decompressZstd(buffer: Buffer, maxBytes: number): Buffer {
  const end = zstdFrameEnd(buffer, 0)
  if (end === buffer.length && !isSkippable(buffer, 0)) return inflate(zstdDecompressSync, 'zstd', buffer, maxBytes)
  const parts: Buffer[] = []
  let size = 0
  for (let at = 0; at < buffer.length; ) {
    const frameEnd = zstdFrameEnd(buffer, at)
    if (!isSkippable(buffer, at)) {
      const part = inflate(zstdDecompressSync, 'zstd', buffer.subarray(at, frameEnd), maxBytes - size)
      parts.push(part)
      size += part.length
    }
    at = frameEnd
  }
  return Buffer.concat(parts, size)
}

function isSkippable(buffer: Buffer, at: number): boolean {
  return (buffer.readUInt32LE(at) & SKIPPABLE_MASK) === SKIPPABLE_MAGIC
}

/** Where the frame at `at` ends, by its header and the headers of its blocks. */
function zstdFrameEnd(buffer: Buffer, at: number): number {
  if (buffer.length - at < 8) throw corrupt('zstd frame ends in its header')
  if (isSkippable(buffer, at)) return within(buffer, at + 8 + buffer.readUInt32LE(at + 4))
  if (buffer.readUInt32LE(at) !== ZSTD_MAGIC) throw corrupt('not a zstd frame')
  const descriptor = buffer[at + 4]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const contentSizeBytes = [isSingleSegment ? 1 : 0, 2, 4, 8][descriptor >>> 6]!
  const dictionaryIdBytes = [0, 1, 2, 4][descriptor & 3]!
  const checksumBytes = descriptor & 0x04 ? 4 : 0
  let position = at + 5 + (isSingleSegment ? 0 : 1) + dictionaryIdBytes + contentSizeBytes
  for (;;) {
    const header = buffer.readUIntLE(within(buffer, position + 3) - 3, 3)
    const isRepeatedByte = ((header >>> 1) & 3) === 1
    position = within(buffer, position + 3 + (isRepeatedByte ? 1 : header >>> 3))
    if (header & 1) return within(buffer, position + checksumBytes)
  }
}

function within(buffer: Buffer, position: number): number {
  if (position > buffer.length) throw corrupt('zstd frame is cut short')
  return position
}

type Inflate = (buffer: Buffer, options: { maxOutputLength: number }) => Buffer

function inflate(call: Inflate, codec: string, buffer: Buffer, maxBytes: number): Buffer {
  const tooLarge = () =>
    new RecordsError('too-large', `${codec} batch of ${buffer.length} bytes inflates beyond its limit`)
  let output: Buffer
  try {
    // Zlib knows no limit of zero.
    output = call(buffer, { maxOutputLength: Math.max(maxBytes, 1) })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge()
    throw corrupt(`${codec} batch of ${buffer.length} bytes does not inflate: ${(error as Error).message}`)
  }
  if (output.length > maxBytes) throw tooLarge()
  return output
}
