import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib'
import { corrupt, RecordsError } from '../records-error.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'

/** The codecs of record batches, in the order of their numbers in the attributes. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof CODECS)[number]

export function compress(codec: Codec, buffer: Buffer): Buffer {
  switch (codec) {
    case 'none':
      return buffer
    case 'gzip':
      return gzipSync(buffer)
    case 'zstd':
      return zstdCompressSync(buffer)
    case 'snappy':
      return compressSnappy(buffer)
    case 'lz4':
      return compressLz4(buffer)
  }
}

/** Never holds more than `maxBytes` of output: a small batch that inflates without end is refused, not stored. */
export function decompress(codec: Codec, buffer: Buffer, maxBytes: number): Buffer {
  switch (codec) {
    case 'none':
      if (buffer.length > maxBytes) throw new RecordsError('too-large', `${buffer.length} bytes, over ${maxBytes}`)
      return buffer
    case 'gzip':
      return inflateWith(gunzipSync, codec, buffer, maxBytes)
    case 'zstd':
      return inflateWith(zstdDecompressSync, codec, buffer, maxBytes)
    case 'snappy':
      return decompressSnappy(buffer, maxBytes)
    case 'lz4':
      return decompressLz4(buffer, maxBytes)
  }
}

type ZlibInflate = (buffer: Buffer, options: { maxOutputLength: number }) => Buffer

function inflateWith(inflate: ZlibInflate, codec: Codec, buffer: Buffer, maxBytes: number): Buffer {
  try {
    return inflate(buffer, { maxOutputLength: maxBytes })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw new RecordsError('too-large', `${codec} batch of ${buffer.length} bytes inflates beyond ${maxBytes} bytes`)
    }
    throw corrupt(`${codec} batch of ${buffer.length} bytes does not inflate: ${(error as Error).message}`)
  }
}
