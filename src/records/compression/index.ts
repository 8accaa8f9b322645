import { RecordsError } from '../records-error.ts'
import { compressLz4, decompressLz4 } from './lz4.ts'
import { compressSnappy, decompressSnappy } from './snappy.ts'
import { compressGzip, compressZstd, decompressGzip, decompressZstd } from './zlib-codecs.ts'

/** The codecs of record batches, in the order of their numbers in the attributes. */
export const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
export type Codec = (typeof CODECS)[number]

/** `level` is for gzip and zstd, which have a default of their own. */
export function compress(codec: Codec, buffer: Buffer, level?: number): Buffer {
  switch (codec) {
    case 'none':
      return buffer
    case 'gzip':
      return compressGzip(buffer, level)
    case 'zstd':
      return compressZstd(buffer, level)
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
      return decompressGzip(buffer, maxBytes)
    case 'zstd':
      return decompressZstd(buffer, maxBytes)
    case 'snappy':
      return decompressSnappy(buffer, maxBytes)
    case 'lz4':
      return decompressLz4(buffer, maxBytes)
  }
}
