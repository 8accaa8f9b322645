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
