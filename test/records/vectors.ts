import { readFileSync } from 'node:fs'
import type { Record } from '../../src/records/record-batch.ts'

/** One line of the vectors that Kafka's own classes wrote, `what: batch`. */
export interface BatchVector {
  what: string
  name: string
  baseOffset: number
  lastOffset: number
  magic: number
  crc: number
  compression: 'none' | 'gzip' | 'snappy' | 'lz4' | 'zstd'
  timestampType: 'CreateTime' | 'LogAppendTime'
  baseTimestamp?: number
  maxTimestamp: number
  producerId: number
  producerEpoch: number
  baseSequence: number
  transactional: boolean
  control: boolean
  partitionLeaderEpoch: number
  records: VectorRecord[]
  hex: string
}

export interface VectorRecord {
  offset: number
  timestamp: number
  key: string | null
  value: string | null
  /** Key and value. */
  headers: [string, string | null][]
}

export const batchVectors: readonly BatchVector[] = readFileSync(
  new URL('../wire/records-4.3.1.jsonl', import.meta.url),
  'utf8',
)
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as BatchVector)
  .filter((vector) => vector.what === 'batch')

/** Distinct titles, since magic 1 without compression is one vector per message. */
export const titledVectors = batchVectors.map((vector) => [`${vector.name} at ${vector.baseOffset}`, vector] as const)

export function bytesOf(vector: BatchVector): Buffer {
  return Buffer.from(vector.hex, 'hex')
}

export function inHex(records: readonly Record[]): VectorRecord[] {
  return records.map(({ offset, timestamp, key, value, headers }) => ({
    offset,
    timestamp,
    key: hex(key),
    value: hex(value),
    headers: headers.map((header) => [header.key, hex(header.value)]),
  }))
}

function hex(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString('hex')
}
