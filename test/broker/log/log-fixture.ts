// What the tests of the log share: batches, a clock that stands still, and reading a log back as plain values.

import { defaultLogConfig, type LogConfig } from '../../../src/broker/log/log-config.ts'
import { type AppendResult, type Isolation, PartitionLog } from '../../../src/broker/log/partition-log.ts'
import type { LogState } from '../../../src/broker/log/recovery.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import type { Disk, Logger } from '../../../src/platform/platform.ts'
import { type BatchOptions, buildBatch, controlBatch } from '../../../src/records/batch-builder.ts'
import { RecordBatch, splitBatches } from '../../../src/records/record-batch.ts'

export const NOW = 1_700_000_000_000

export const quiet: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => quiet,
}

export interface TestClock {
  time: number
  now(): number
}

export function testClock(time = NOW): TestClock {
  return {
    time,
    now() {
      return this.time
    },
  }
}

export interface OpenOptions {
  disk?: Disk
  directory?: string
  clock?: TestClock
  config?: Partial<LogConfig>
  state?: LogState
  random?: { fraction(): number }
}

export function openLog(options: OpenOptions = {}): PartitionLog {
  return PartitionLog.open(options.disk ?? memoryDisk(), options.directory ?? 'data/orders-0', {
    clock: options.clock ?? testClock(),
    config: { ...defaultLogConfig, ...options.config },
    log: quiet,
    ...(options.state ? { state: options.state } : {}),
    ...(options.random ? { random: options.random } : {}),
  })
}

export interface TestRecord {
  key?: string | null
  value?: string | null
  timestamp?: number
}

export function batchOf(records: readonly (TestRecord | string)[], options: BatchOptions = {}): RecordBatch {
  const inputs = records.map((record) => {
    const { key = null, value = null, timestamp = NOW } = typeof record === 'string' ? { value: record } : record
    return { key, value, timestamp }
  })
  return new RecordBatch(buildBatch(inputs, options))
}

/** `count` records of about `bytes` bytes each. */
export function filler(count: number, bytes = 100, options: BatchOptions = {}): RecordBatch {
  return batchOf(
    Array.from({ length: count }, (_, index) => String(index).padEnd(bytes, '.')),
    options,
  )
}

/** Appends as a leader of one replica does: the high watermark follows at once. */
export function append(log: PartitionLog, batch: RecordBatch, leaderEpoch = 0): AppendResult {
  const result = log.append([batch], { leaderEpoch, origin: 'client' })
  if (result.error !== 0) throw new Error(`refused: ${result.error} ${'message' in result ? result.message : ''}`)
  log.highWatermark = log.logEndOffset
  return result as AppendResult
}

export function marker(log: PartitionLog, type: 'commit' | 'abort', producerId: number, leaderEpoch = 0): void {
  const bytes = controlBatch({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestamp: NOW })
  const result = log.append([new RecordBatch(bytes)], { leaderEpoch, origin: 'coordinator' })
  if (result.error !== 0) throw new Error(`refused: ${result.error}`)
  log.highWatermark = log.logEndOffset
}

export interface SeenRecord {
  offset: number
  key: string | null
  value: string | null
}

/** All that a reader sees from `from` on, in reads of `maxBytes`. */
export function readAll(
  log: PartitionLog,
  from = log.logStartOffset,
  isolation: Isolation = 'read_uncommitted',
  maxBytes = 1 << 20,
): SeenRecord[] {
  const seen: SeenRecord[] = []
  let offset = from
  for (;;) {
    const result = log.read(offset, maxBytes, { isolation, minOneMessage: true })
    if (result.error !== 0 || !('batches' in result)) throw new Error(`read at ${offset}: ${result.error}`)
    const batches = result.batches.flatMap((bytes) => splitBatches(bytes).batches)
    if (batches.length === 0) return seen
    for (const batch of batches) {
      for (const record of batch.isControl ? [] : batch.records()) {
        if (record.offset < offset) continue
        seen.push({ offset: record.offset, key: text(record.key), value: text(record.value) })
      }
    }
    offset = batches.at(-1)!.nextOffset
  }
}

export function values(records: readonly SeenRecord[]): (string | null)[] {
  return records.map((record) => record.value)
}

function text(bytes: Buffer | null): string | null {
  return bytes === null ? null : bytes.toString()
}

/** Every file of the folder with its content, to tell whether anything changed. */
export function contents(disk: Disk, directory = 'data/orders-0'): Map<string, string> {
  return new Map(disk.list(directory).map((name) => [name, disk.read(`${directory}/${name}`).toString('hex')]))
}
