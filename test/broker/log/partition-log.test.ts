import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodeDisk } from '../../../src/platform/node-disk.ts'
import type { Disk } from '../../../src/platform/platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { append, batchOf, filler, NOW, openLog, readAll, testClock, values } from './log-fixture.ts'

let temporary: string
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'heliostat-log-'))
})
afterEach(() => {
  rmSync(temporary, { recursive: true, force: true })
})

const disks: [string, () => { disk: Disk; directory: string }][] = [
  ['memory', () => ({ disk: memoryDisk(), directory: 'data/orders-0' })],
  ['node', () => ({ disk: nodeDisk(), directory: join(temporary, 'orders-0') })],
]

describe.each(disks)('a log on the %s disk', (_, place) => {
  it('gives offsets from 0 on and reads back what was appended', () => {
    const log = openLog(place())
    expect(append(log, batchOf(['a', 'b']))).toMatchObject({ baseOffset: 0, lastOffset: 1, logAppendTime: -1 })
    expect(append(log, batchOf(['c']))).toMatchObject({ baseOffset: 2, lastOffset: 2 })
    expect(values(readAll(log))).toEqual(['a', 'b', 'c'])
    expect(values(readAll(log, 1))).toEqual(['b', 'c'])
    expect(log.logEndOffset).toBe(3)
  })

  it('goes on after a restart where it was, cleanly stopped or not', () => {
    const where = place()
    const first = openLog(where)
    append(first, batchOf(['a', 'b']))
    const crashed = openLog(where)
    expect(crashed.logEndOffset).toBe(2)
    append(crashed, batchOf(['c']))
    crashed.close()
    const clean = openLog({ ...where, state: { cleanShutdown: true, highWatermark: 3 } })
    expect(values(readAll(clean))).toEqual(['a', 'b', 'c'])
    expect(append(clean, batchOf(['d'])).baseOffset).toBe(3)
  })

  it('keeps offsets when all segments have gone, over restarts too', () => {
    const where = place()
    const clock = testClock()
    const log = openLog({ ...where, clock })
    append(log, batchOf(['a', 'b']))
    expect(log.enforceRetention(clock.time + 8 * 86_400_000)).toBe(1)
    expect(log).toMatchObject({ logStartOffset: 2, logEndOffset: 2, sizeInBytes: 0 })
    expect(openLog(where)).toMatchObject({ logStartOffset: 2, logEndOffset: 2 })
  })
})

describe('reading', () => {
  it('returns whole batches up to maxBytes, the first even when it is larger', () => {
    const log = openLog()
    for (let index = 0; index < 20; index++) append(log, filler(3, 200))
    const size = filler(3, 200).sizeInBytes
    const read = (maxBytes: number, minOneMessage = true) => {
      const result = log.read(6, maxBytes, { isolation: 'read_uncommitted', minOneMessage })
      return 'batches' in result ? Buffer.concat(result.batches).length : -1
    }
    expect(read(size * 4)).toBe(size * 4)
    expect(read(size * 4 - 1)).toBe(size * 3)
    expect(read(10)).toBe(size)
    expect(read(10, false)).toBe(0)
    expect(read(1 << 20)).toBe(size * 18)
  })

  it('gives the batch that holds the offset, though it begins before it', () => {
    const log = openLog()
    append(log, batchOf(['a', 'b', 'c']))
    const result = log.read(2, 1000, { isolation: 'read_uncommitted', minOneMessage: true })
    expect('batches' in result && new RecordBatch(result.batches[0]!).baseOffset).toBe(0)
  })

  it('never passes the high watermark, except for followers', () => {
    const log = openLog()
    for (const value of ['a', 'b', 'c']) append(log, batchOf([value]))
    log.highWatermark = 2
    expect(values(readAll(log))).toEqual(['a', 'b'])
    expect(values(readAll(log, 0, 'log_end'))).toEqual(['a', 'b', 'c'])
    expect(readAll(log, 3)).toEqual([])
  })

  it('refuses offsets before the start and after the end', () => {
    const log = openLog()
    append(log, batchOf(['a', 'b', 'c']))
    log.deleteRecordsBefore(2)
    const errorAt = (offset: number) => log.read(offset, 1000, { isolation: 'log_end', minOneMessage: true }).error
    expect(errorAt(1)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(errorAt(2)).toBe(0)
    expect(errorAt(3)).toBe(0)
    expect(errorAt(4)).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
  })

  it('crosses segments', () => {
    const log = openLog({ config: { segmentBytes: 1000 } })
    for (let index = 0; index < 50; index++) append(log, batchOf([`value ${index}`]))
    expect(log.segments.length).toBeGreaterThan(3)
    expect(readAll(log, 0, 'read_uncommitted', 1)).toHaveLength(50)
    for (let from = 0; from <= 50; from++) expect(readAll(log, from)).toHaveLength(50 - from)
  })

  it('takes one call of the disk for a megabyte that follows another', () => {
    const disk = memoryDisk()
    let reads = 0
    const counting: Disk = {
      ...bound(disk),
      open: (path, options) => {
        const file = disk.open(path, options)
        return {
          ...bound(file),
          read: (into, position) => {
            reads++
            return file.read(into, position)
          },
        }
      },
    }
    const log = openLog({ disk: counting })
    for (let index = 0; index < 300; index++) append(log, filler(10, 1000))
    const first = log.read(0, 1 << 20, { isolation: 'log_end', minOneMessage: true })
    if (!('batches' in first)) throw new Error('no batches')
    const records = Math.floor((1 << 20) / filler(10, 1000).sizeInBytes) * 10
    reads = 0
    log.read(records, 1 << 20, { isolation: 'log_end', minOneMessage: true })
    expect(reads).toBe(1)
  })
})

describe('a follower', () => {
  it('reads what it was given after a truncation, where something else lay before', () => {
    const log = openLog()
    for (let index = 0; index < 6; index++) append(log, filler(1, 50))
    const read = (offset: number) => log.read(offset, 1, { isolation: 'log_end', minOneMessage: true })
    for (let offset = 0; offset < 6; offset++) read(offset)
    log.truncateTo(2)
    for (let index = 0; index < 6; index++) append(log, filler(1, 10))
    for (let offset = 7; offset >= 0; offset--) {
      const result = read(offset)
      if (!('batches' in result)) throw new Error(`at ${offset}: ${result.error}`)
      expect(new RecordBatch(result.batches[0]!).baseOffset).toBe(offset)
    }
  })

  it('begins with the batch that holds the first offset it was given, though that begins before it', () => {
    const log = openLog({ state: { logStartOffset: 7 } })
    const copy = (baseOffset: number, values: string[]) =>
      log.append([batchOf(values, { baseOffset, partitionLeaderEpoch: 3 })], { leaderEpoch: 3, origin: 'replication' })
    expect(log.logEndOffset).toBe(7)
    expect(copy(5, ['a', 'b']).error).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(copy(5, ['a', 'b', 'c', 'd'])).toMatchObject({ error: 0, baseOffset: 5 })
    expect(log).toMatchObject({ logStartOffset: 5, logEndOffset: 9 })
    expect(copy(8, ['e']).error).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(copy(12, ['e']).error).toBe(0)
    expect(readAll(log, 7, 'log_end').map((record) => record.offset)).toEqual([7, 8, 12])
  })

  it('cuts its tail, whole batches at a time, and goes on elsewhere when its leader has moved on', () => {
    const log = openLog({ config: { segmentBytes: 300 } })
    for (let index = 0; index < 10; index++) append(log, batchOf([`a${index}`, `b${index}`]), Math.floor(index / 4))
    expect(log.truncateTo(30)).toBe(false)
    expect(log.truncateTo(13)).toBe(true)
    expect(log).toMatchObject({ logEndOffset: 13, highWatermark: 13 })
    expect(readAll(log).at(-1)!.offset).toBe(11)
    expect(log.endOffsetForEpoch(1)).toEqual({ leaderEpoch: 1, endOffset: 13 })
    expect(log.endOffsetForEpoch(2)).toEqual({ leaderEpoch: -1, endOffset: -1 })
    log.truncateFullyAndStartAt(100)
    expect(log).toMatchObject({ logStartOffset: 100, logEndOffset: 100, highWatermark: 100, sizeInBytes: 0 })
    expect(append(log, batchOf(['x']), 5)).toMatchObject({ baseOffset: 100 })
    expect(log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 100 })
  })
})

describe('epochs', () => {
  it('answer for epochs known, between, before and after', () => {
    const log = openLog()
    for (const epoch of [2, 2, 5, 9]) append(log, batchOf(['x']), epoch)
    const ends = Object.fromEntries([1, 2, 3, 5, 9, 10, -1].map((epoch) => [epoch, log.endOffsetForEpoch(epoch)]))
    expect(ends).toEqual({
      1: { leaderEpoch: 1, endOffset: 0 },
      2: { leaderEpoch: 2, endOffset: 2 },
      3: { leaderEpoch: 2, endOffset: 2 },
      5: { leaderEpoch: 5, endOffset: 3 },
      9: { leaderEpoch: 9, endOffset: 4 },
      10: { leaderEpoch: -1, endOffset: -1 },
      '-1': { leaderEpoch: -1, endOffset: -1 },
    })
    expect(log.earliestOffset()).toEqual({ offset: 0, leaderEpoch: 2 })
    log.deleteRecordsBefore(3)
    expect(log.earliestOffset()).toEqual({ offset: 3, leaderEpoch: 9 })
    expect(log.latestOffset('log_end')).toEqual({ offset: 4, leaderEpoch: 9 })
  })
})

describe('looking up times', () => {
  const at = (timestamp: number) => ({ value: 'x', timestamp })

  it('finds the first record not earlier, within batches, over segments, compressed or not', () => {
    for (const compression of ['none', 'gzip'] as const) {
      const log = openLog({ config: { segmentBytes: 400, indexIntervalBytes: 0 } })
      for (let index = 0; index < 20; index++)
        append(log, batchOf([at(NOW + index * 10), at(NOW + index * 10 + 5)], { compression }))
      for (let offset = 0; offset < 40; offset++) {
        expect(log.offsetForTimestamp(NOW + offset * 5)).toMatchObject({
          offset,
          timestamp: NOW + offset * 5,
          leaderEpoch: 0,
        })
        expect(log.offsetForTimestamp(NOW + offset * 5 - 4)).toMatchObject({ offset })
      }
      expect(log.offsetForTimestamp(NOW + 196)).toBeUndefined()
      log.deleteRecordsBefore(11)
      expect(log.offsetForTimestamp(NOW)).toMatchObject({ offset: 11 })
    }
  })

  it('finds an early offset though later records are older', () => {
    const log = openLog({ config: { indexIntervalBytes: 0 } })
    for (const age of [50, 10, 40, 5, 60]) append(log, batchOf([at(NOW - age)]))
    expect(log.offsetForTimestamp(NOW - 20)).toMatchObject({ offset: 1 })
    expect(log.offsetForTimestamp(NOW - 7)).toMatchObject({ offset: 3 })
    expect(log.offsetOfMaxTimestamp()).toMatchObject({ offset: 3, timestamp: NOW - 5 })
  })

  it('never answers with what the reader may not see', () => {
    const log = openLog()
    append(log, batchOf([at(NOW - 2)]))
    append(log, batchOf([at(NOW)]))
    log.highWatermark = 1
    expect(log.offsetForTimestamp(NOW - 1)).toBeUndefined()
    expect(log.offsetOfMaxTimestamp()).toBeUndefined()
    expect(log.offsetForTimestamp(NOW - 1, 'log_end')).toMatchObject({ offset: 1 })
    expect(log.latestOffset('read_uncommitted').offset).toBe(1)
    expect(openLog().offsetOfMaxTimestamp()).toBeUndefined()
  })
})

describe('retention', () => {
  const config = { segmentBytes: 1000 }

  it('by size lets the oldest go while the rest is at least retention.bytes', () => {
    const log = openLog({ config: { ...config, retentionBytes: 2000 } })
    for (let index = 0; index < 50; index++) append(log, filler(1, 100))
    const sizes = log.segments.map((segment) => segment.size)
    log.enforceRetention(NOW)
    const total = (list: number[]) => list.reduce((sum, size) => sum + size, 0)
    let kept = sizes
    while (total(kept) - kept[0]! >= 2000) kept = kept.slice(1)
    expect(log.segments.map((segment) => segment.size)).toEqual(kept)
    expect(readAll(log)[0]!.offset).toBe(log.logStartOffset)
    for (const [retentionBytes, gone] of [
      [total(kept) - kept[0]! + 1, 0],
      [total(kept) - kept[0]!, 1],
    ] as const) {
      log.config = { ...log.config, retentionBytes }
      expect(log.enforceRetention(NOW)).toBe(gone)
    }
  })

  it('by time goes by the latest record of a segment, and stops at the first that is young', () => {
    const log = openLog({ config: { ...config, retentionMs: 1000 } })
    const fill = (timestamp: number) => {
      append(log, batchOf([{ value: 'x', timestamp }]))
      log.roll()
    }
    for (const age of [5000, 3000, 500, 4000]) fill(NOW - age)
    expect(log.enforceRetention(NOW)).toBe(2)
    expect(log.logStartOffset).toBe(2)
  })

  it('keeps a record a week unless it is told otherwise', () => {
    const log = openLog()
    append(log, batchOf(['a']))
    log.roll()
    append(log, batchOf([{ value: 'b', timestamp: NOW + 1000 }]))
    const week = 7 * 86_400_000
    expect(log.enforceRetention(NOW + week)).toBe(0)
    expect(log.enforceRetention(NOW + week + 1)).toBe(1)
    log.config = { ...log.config, retentionMs: -1 }
    expect(log.enforceRetention(NOW + 100 * week)).toBe(0)
    expect(values(readAll(log))).toEqual(['b'])
  })

  it('never takes what is not on all replicas, nor anything from a topic that only compacts', () => {
    const log = openLog({ config: { ...config, retentionMs: 1000 } })
    for (let index = 0; index < 30; index++) append(log, filler(1, 100))
    const held = openLog({ config: { ...config, retentionMs: 1000 } })
    for (let index = 0; index < 30; index++) held.append([filler(1, 100)], { leaderEpoch: 0, origin: 'client' })
    held.highWatermark = held.segments[2]!.baseOffset
    held.enforceRetention(NOW + 2000)
    expect(held.logStartOffset).toBe(held.highWatermark)
    const compacted = openLog({ config: { ...config, compact: true, delete: false, retentionMs: 1 } })
    for (let index = 0; index < 30; index++) append(compacted, batchOf([{ key: `${index}`, value: 'x'.repeat(100) }]))
    expect(compacted.enforceRetention(NOW + 2000)).toBe(0)
    compacted.deleteRecordsBefore(20)
    expect(compacted.enforceRetention(NOW + 2000)).toBeGreaterThan(1)
    expect(readAll(compacted)).toHaveLength(10)
  })

  it('refuses to delete records beyond the high watermark, and takes −1 for it', () => {
    const log = openLog()
    append(log, batchOf(['a', 'b', 'c']))
    log.highWatermark = 2
    expect(log.deleteRecordsBefore(3).error).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(log.deleteRecordsBefore(-2).error).toBe(ErrorCode.OFFSET_OUT_OF_RANGE)
    expect(log.deleteRecordsBefore(-1)).toEqual({ error: 0, logStartOffset: 2 })
    expect(log.deleteRecordsBefore(1)).toEqual({ error: 0, logStartOffset: 2 })
  })
})

describe('listeners', () => {
  it('hear each append and each move of the high watermark, until they stop listening', () => {
    const log = openLog()
    const heard: string[] = []
    const stop = log.onAppend(() => heard.push(`append ${log.logEndOffset}`))
    log.onHighWatermark(() => heard.push(`high watermark ${log.highWatermark}`))
    append(log, batchOf(['a', 'b']))
    log.highWatermark = 2
    stop()
    append(log, batchOf(['c']))
    log.append([batchOf(['x']), batchOf(['y'])], { leaderEpoch: 0, origin: 'client' })
    expect(heard).toEqual(['append 2', 'high watermark 2', 'high watermark 3'])
  })
})

describe('segments', () => {
  it('rolls by size, by time between records, and when an index is full', () => {
    const bySize = openLog({ config: { segmentBytes: 2000 } })
    for (let index = 0; index < 10; index++) append(bySize, filler(5, 100))
    expect(bySize.segments.every((segment) => segment.size <= 2000)).toBe(true)

    const byTime = openLog({ config: { segmentMs: 1000 } })
    append(byTime, batchOf([{ value: 'a', timestamp: NOW - 5000 }]))
    append(byTime, batchOf([{ value: 'b', timestamp: NOW - 4000 }]))
    append(byTime, batchOf([{ value: 'c', timestamp: NOW - 3999 }]))
    expect(byTime.segments.map((segment) => segment.baseOffset)).toEqual([0, 2])

    const byIndex = openLog({ config: { indexIntervalBytes: 0, segmentIndexBytes: 24 } })
    for (let index = 0; index < 6; index++) append(byIndex, batchOf([{ value: 'x', timestamp: NOW + index }]))
    expect(byIndex.segments.length).toBeGreaterThan(2)
  })

  it('rolls sooner by a share of segment.jitter.ms that is drawn for each segment', () => {
    const shares = [0, 0.5, 0.999]
    const random = { fraction: () => shares.shift() ?? 0 }
    const log = openLog({ config: { segmentMs: 1000, segmentJitterMs: 400 }, random })
    for (let age = 3000; age >= 0; age -= 100) append(log, batchOf([{ value: 'x', timestamp: NOW - age }]))
    const ends = log.segments.slice(1).map((segment) => (segment.baseOffset - 1) * 100)
    expect(ends.map((end, index) => end - (ends[index - 1] ?? -100))).toEqual([1100, 900, 700])
  })

  it('of a compacted topic are closed in time for max.compaction.lag.ms', () => {
    const config = { compact: true, segmentMs: 10_000, maxCompactionLagMs: 1000 }
    const log = openLog({ config })
    for (const age of [3000, 2500, 1999]) append(log, batchOf([{ key: 'k', value: 'v', timestamp: NOW - age }]))
    expect(log.segments.map((segment) => segment.baseOffset)).toEqual([0, 2])
    const plain = openLog({ config: { ...config, compact: false } })
    for (const age of [3000, 2500, 1999]) append(plain, batchOf([{ key: 'k', value: 'v', timestamp: NOW - age }]))
    expect(plain.segments).toHaveLength(1)
  })

  it('are synced after flush.messages records, and not before', () => {
    const log = openLog({ config: { flushMessages: 3 } })
    append(log, batchOf(['a', 'b']))
    expect(log.recoveryPoint).toBe(0)
    append(log, batchOf(['c', 'd']))
    expect(log.recoveryPoint).toBe(4)
  })

  it('get an index entry for each index.interval.bytes', () => {
    const entries = (indexIntervalBytes: number) => {
      const log = openLog({ config: { indexIntervalBytes } })
      for (let index = 0; index < 20; index++) append(log, filler(1, 100))
      return log.segments[0]!.offsetIndex.entries.count
    }
    expect(entries(0)).toBe(19)
    expect(entries(500)).toBeLessThan(7)
    expect(entries(4096)).toBe(0)
  })

  it('refuses what no segment can hold', () => {
    const log = openLog({ config: { segmentBytes: 500 } })
    const result = log.append([filler(10, 100)], { leaderEpoch: 0, origin: 'client' })
    expect(result.error).toBe(ErrorCode.RECORD_LIST_TOO_LARGE)
    expect(log.logEndOffset).toBe(0)
  })

  it('stamps the leader epoch and base offset, and leaves the CRC right', () => {
    const log = openLog()
    append(log, batchOf(['a']), 4)
    append(log, batchOf(['b']), 5)
    const result = log.read(1, 1000, { isolation: 'log_end', minOneMessage: true })
    const batch = new RecordBatch(('batches' in result && result.batches[0]) as Buffer)
    expect(batch).toMatchObject({ baseOffset: 1, partitionLeaderEpoch: 5 })
    expect(batch.crcIsValid()).toBe(true)
    expect(log.endOffsetForEpoch(4)).toEqual({ leaderEpoch: 4, endOffset: 1 })
  })
})

function bound<Thing extends object>(thing: Thing): Thing {
  const copy: Record<string, unknown> = {}
  for (let level = thing; level !== Object.prototype; level = Object.getPrototypeOf(level)) {
    for (const name of Object.getOwnPropertyNames(level)) {
      const member = (thing as Record<string, unknown>)[name]
      if (name !== 'constructor' && typeof member === 'function') copy[name] = member.bind(thing)
    }
  }
  return copy as Thing
}
