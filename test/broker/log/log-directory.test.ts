import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultLogConfig, type LogConfig } from '../../../src/broker/log/log-config.ts'
import { LogDirectory } from '../../../src/broker/log/log-directory.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodeDisk } from '../../../src/platform/node-disk.ts'
import type { Disk, Random } from '../../../src/platform/platform.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { append, batchOf, filler, NOW, quiet, readAll, values } from './log-fixture.ts'

const ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const OTHER_ID = 'AAAAAAAAAAAAAAAAAAAABg'
let count = 0
const random: Random = {
  bytes: (length) => Buffer.alloc(length, ++count),
  fraction: () => 0.5,
}

function open(disk: Disk, path = 'data', config: Partial<LogConfig> = {}, clock = new FakeClock()): LogDirectory {
  return LogDirectory.open({ disk, clock, random, log: quiet }, path, {
    configOf: () => ({ ...defaultLogConfig, ...config }),
  })
}

let temporary: string
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'heliostat-data-'))
})
afterEach(() => {
  rmSync(temporary, { recursive: true, force: true })
})

describe.each([
  ['memory', () => ({ disk: memoryDisk(), path: 'data' })],
  ['node', () => ({ disk: nodeDisk(), path: join(temporary, 'data') })],
] as const)('a data directory on the %s disk', (_, place) => {
  it('brings all logs back after a clean stop, with start offsets and high watermarks', () => {
    const { disk, path } = place()
    const first = open(disk, path)
    for (const partition of [0, 1, 2]) append(first.getOrCreate('orders', partition, ID), filler(partition + 2))
    first.get('orders', 2)!.deleteRecordsBefore(1)
    first.get('orders', 1)!.highWatermark = 2
    first.close()
    const second = open(disk, path)
    expect([...second.logs].map(({ topic, partition, log }) => [topic, partition, log.topicId])).toEqual(
      [0, 1, 2].map((partition) => ['orders', partition, ID]),
    )
    expect(second.get('orders', 1)).toMatchObject({ logEndOffset: 3, highWatermark: 2 })
    expect(second.get('orders', 2)).toMatchObject({ logStartOffset: 1, logEndOffset: 4 })
    expect(readAll(second.get('orders', 0)!)).toHaveLength(2)
    second.close()
  })

  it('refuses a second use while the first lasts, and lets go at its end', () => {
    const { disk, path } = place()
    const first = open(disk, path)
    expect(() => open(disk, path)).toThrow(expect.objectContaining({ code: 'HEL_DATA_IN_USE' }))
    first.close()
    open(disk, path).close()
  })

  it('deletes a log at once by name, and its files a moment later; a topic made anew starts empty', async () => {
    const { disk, path } = place()
    const clock = new FakeClock()
    const directory = open(disk, path, {}, clock)
    append(directory.getOrCreate('orders.eu-west', 3, ID), filler(5))
    directory.delete('orders.eu-west', 3)
    expect(directory.get('orders.eu-west', 3)).toBeUndefined()
    expect(directory.getOrCreate('orders.eu-west', 3, OTHER_ID).logEndOffset).toBe(0)
    expect(disk.list(path).some((name) => /^orders\.eu-west-3\.[0-9a-f]{32}-delete$/.test(name))).toBe(true)
    await clock.advance(1)
    expect(disk.list(path).some((name) => name.endsWith('-delete'))).toBe(false)
    expect(directory.get('orders.eu-west', 3)!.topicId).toBe(OTHER_ID)
    directory.close()
  })
})

describe('a data directory', () => {
  it('scans after a crash and not after a clean stop', () => {
    const disk = memoryDisk()
    let reads = 0
    const counting: Disk = Object.assign(Object.create(disk), {
      open: (name: string, options?: { create?: boolean }) => {
        const file = disk.open(name, options)
        return Object.assign(Object.create(file), {
          size: () => file.size(),
          write: file.write.bind(file),
          truncate: file.truncate.bind(file),
          sync: () => {},
          close: () => {},
          read: (into: Uint8Array, position: number) => {
            const count = file.read(into, position)
            reads += count
            return count
          },
        })
      },
    })
    for (const method of [
      'read',
      'replace',
      'put',
      'exists',
      'list',
      'makeDirectory',
      'rename',
      'remove',
      'lock',
    ] as const) {
      Object.assign(counting, { [method]: (disk[method] as (...args: unknown[]) => unknown).bind(disk) })
    }
    const first = open(counting)
    const log = first.getOrCreate('orders', 0, ID)
    for (let index = 0; index < 100; index++) append(log, filler(10, 1000))
    first.close()
    reads = 0
    const second = open(counting)
    expect(reads).toBeLessThan(20_000)
    expect(second.get('orders', 0)!.logEndOffset).toBe(1000)
    // Crashed: the lock dies with its process, so a copy of the files stands for the machine after it.
    const after = memoryDisk()
    copyTree(disk, after, 'data')
    expect(after.exists('data/.kafka_cleanshutdown')).toBe(false)
    expect(open(after).get('orders', 0)!.logEndOffset).toBe(1000)
  })

  it('remembers a start offset that was set just before a crash', async () => {
    const disk = memoryDisk()
    const clock = new FakeClock()
    const directory = open(disk, 'data', {}, clock)
    append(directory.getOrCreate('orders', 0, ID), batchOf(['a', 'b', 'c']))
    directory.get('orders', 0)!.deleteRecordsBefore(2)
    await clock.advance(1)
    const after = memoryDisk()
    copyTree(disk, after, 'data')
    expect(open(after).get('orders', 0)).toMatchObject({ logStartOffset: 2, logEndOffset: 3 })
  })

  it('finishes at opening a deletion that a crash cut short', () => {
    const disk = memoryDisk()
    const directory = open(disk)
    append(directory.getOrCreate('orders', 0, ID), filler(5))
    directory.delete('orders', 0)
    directory.close()
    expect(disk.list('data').some((name) => name.endsWith('-delete'))).toBe(true)
    const again = open(disk)
    expect([...again.logs]).toEqual([])
    expect(disk.list('data').some((name) => name.endsWith('-delete'))).toBe(false)
  })

  it('lets old segments go by the clock', async () => {
    const clock = new FakeClock(NOW)
    const directory = open(memoryDisk(), 'data', { retentionMs: 600_000, segmentBytes: 1000 }, clock)
    const log = directory.getOrCreate('orders', 0, ID)
    for (let index = 0; index < 10; index++) append(log, filler(5, 100))
    await clock.advance(600_000)
    expect(log.logStartOffset).toBe(0)
    await clock.advance(300_000)
    expect(log).toMatchObject({ logStartOffset: 50, sizeInBytes: 0 })
    directory.close()
    expect(clock.timers).toBe(0)
  })

  it('compacts what is due by the clock, one log after the other', async () => {
    const clock = new FakeClock(NOW)
    const directory = open(memoryDisk(), 'data', { compact: true, delete: false, segmentBytes: 1000 }, clock)
    const logs = [0, 1, 2].map((partition) => directory.getOrCreate('state', partition, ID))
    for (const log of logs) {
      for (let index = 0; index < 50; index++) append(log, batchOf([{ key: 'same', value: `v${index}`.padEnd(100) }]))
    }
    await clock.advance(15_000)
    for (const log of logs) {
      expect(log.cleanedOffset).toBe(log.segments.at(-1)!.baseOffset)
      expect(readAll(log)[0]!.offset).toBe(log.cleanedOffset - 1)
    }
    directory.close()
  })

  it('leaves a log with rot to its readers, and compacts the others', async () => {
    const disk = memoryDisk()
    const clock = new FakeClock(NOW)
    const directory = open(disk, 'data', { compact: true, delete: false, segmentBytes: 1000 }, clock)
    const logs = [0, 1].map((partition) => directory.getOrCreate('state', partition, ID))
    for (const log of logs) {
      for (let index = 0; index < 50; index++) append(log, batchOf([{ key: 'same', value: `v${index}`.padEnd(100) }]))
    }
    const file = disk.open('data/state-0/00000000000000000000.log')
    file.write([Buffer.from('rot')], 100)
    await clock.advance(60_000)
    expect(logs[0]!.cleanedOffset).toBe(0)
    expect(logs[0]!.failure).toBeUndefined()
    expect(logs[1]!.cleanedOffset).toBeGreaterThan(0)
    expect(disk.list('data/state-0').filter((name) => name.includes('cleaned'))).toEqual([])
    directory.close()
  })

  it('drops a compaction that is under way when its log is deleted or the directory closed', () => {
    const disk = memoryDisk()
    const deferred: (() => void)[] = []
    const clock = Object.assign(new FakeClock(NOW), { defer: (work: () => void) => deferred.push(work) })
    const directory = open(disk, 'data', { compact: true, delete: false, segmentBytes: 1000 }, clock)
    const fill = (partition: number) => {
      const log = directory.getOrCreate('state', partition, ID)
      for (let index = 0; index < 50; index++) append(log, batchOf([{ key: 'same', value: `v${index}`.padEnd(100) }]))
      return log
    }
    const unfinished = (partition: number) =>
      disk.list(`data/state-${partition}`).filter((name) => name.includes('cleaned'))
    fill(0)
    directory.compactDirtiest()
    while (unfinished(0).length === 0) deferred.shift()!()
    directory.delete('state', 0)
    const doomed = disk.list('data').find((name) => name.endsWith('-delete'))!
    expect(disk.list(`data/${doomed}`).filter((name) => name.includes('cleaned'))).toEqual([])
    const other = fill(1)
    directory.compactDirtiest()
    while (unfinished(1).length === 0) deferred.shift()!()
    directory.close()
    expect(unfinished(1)).toEqual([])
    expect(other.cleanedOffset).toBe(0)
    for (const work of deferred) work()
    expect(disk.list('data').some((name) => name.endsWith('-delete'))).toBe(false)
  })

  it('adopts a folder whose metadata a crash forgot', () => {
    const disk = memoryDisk()
    disk.makeDirectory('data/orders-0')
    const directory = open(disk)
    expect(directory.get('orders', 0)!.topicId).toBeUndefined()
    const log = directory.getOrCreate('orders', 0, ID)
    expect(directory.getOrCreate('orders', 0, ID)).toBe(log)
    directory.close()
    expect(open(disk).get('orders', 0)!.topicId).toBe(ID)
  })

  it('keeps nothing on the disk of a log that never had a record, and gives it a folder with the first', () => {
    const disk = memoryDisk()
    const directory = open(disk)
    const log = directory.getOrCreate('orders', 0, ID)
    directory.getOrCreate('quiet', 0, ID)
    expect(log).toMatchObject({ logStartOffset: 0, logEndOffset: 0, sizeInBytes: 0 })
    expect(log.read(0, 100, { isolation: 'log_end', minOneMessage: true })).toMatchObject({ error: 0, batches: [] })
    log.roll()
    log.enforceRetention(NOW)
    expect(log.truncateTo(0)).toBe(false)
    expect(disk.list('data').filter((name) => name.includes('-0'))).toEqual([])
    append(log, batchOf(['a']))
    directory.delete('quiet', 0)
    directory.close()
    expect(disk.list('data').filter((name) => name.includes('-0'))).toEqual(['orders-0'])
    const again = open(disk)
    expect(values(readAll(again.getOrCreate('orders', 0, ID)))).toEqual(['a'])
  })

  it('sets a log aside under a name that no partition has, with all that is in it', () => {
    const disk = memoryDisk()
    const directory = open(disk)
    append(directory.getOrCreate('orders', 0, ID), batchOf(['a']))
    directory.setAside('orders', 0)
    expect(directory.getOrCreate('orders', 0, OTHER_ID).logEndOffset).toBe(0)
    directory.close()
    const name = disk.list('data').find((candidate) => /^orders-0\.[0-9a-f]{32}-stray$/.test(candidate))!
    expect(disk.exists(`data/${name}/00000000000000000000.log`)).toBe(true)
    expect([...open(disk).logs]).toEqual([])
  })

  it('reads all of a log that no checkpoint knows yet: nobody has synced it', () => {
    const disk = memoryDisk()
    const directory = open(disk, 'data', { segmentBytes: 1000 })
    const log = directory.getOrCreate('orders', 0, ID)
    for (let index = 0; index < 10; index++) append(log, filler(5, 100))
    const torn = log.segments[1]!.baseOffset
    const after = memoryDisk()
    copyTree(disk, after, 'data')
    const path = `data/orders-0/${String(torn).padStart(20, '0')}.log`
    after.replace(path, after.read(path).subarray(0, -20))
    expect(open(after, 'data', { segmentBytes: 1000 }).get('orders', 0)!.logEndOffset).toBe(torn)
  })

  it('syncs by flush.ms, and closed segments sooner or later anyway', async () => {
    const clock = new FakeClock(NOW)
    const directory = open(memoryDisk(), 'data', { flushMs: 5000 }, clock)
    const log = directory.getOrCreate('orders', 0, ID)
    append(log, filler(3))
    await clock.advance(4000)
    expect(log.recoveryPoint).toBe(0)
    await clock.advance(2000)
    expect(log.recoveryPoint).toBe(3)
    directory.close()

    const lazy = open(memoryDisk(), 'data', { segmentBytes: 1000 }, clock)
    const other = lazy.getOrCreate('orders', 0, ID)
    for (let index = 0; index < 10; index++) append(other, filler(5, 100))
    await clock.advance(60_000)
    expect(other.recoveryPoint).toBe(other.segments.at(-1)!.baseOffset)
    lazy.close()
  })

  it('keeps few files open, however many logs are in use', () => {
    const disk = nodeDisk()
    const path = join(temporary, 'data')
    const clock = new FakeClock()
    const directory = LogDirectory.open({ disk, clock, random, log: quiet }, path, { openFilesMax: 8 })
    for (let round = 0; round < 3; round++) {
      for (let partition = 0; partition < 30; partition++) {
        append(directory.getOrCreate('orders', partition, ID), batchOf([`round ${round}`]))
      }
      expect(directory.openFiles).toBeLessThanOrEqual(8)
    }
    for (const { log } of directory.logs) expect(values(readAll(log))).toEqual(['round 0', 'round 1', 'round 2'])
    directory.close()
    expect(directory.openFiles).toBe(0)
  })

  it('says which folder is damaged when it cannot tell whose it is', () => {
    const disk = memoryDisk()
    const directory = open(disk)
    append(directory.getOrCreate('orders', 0, ID), batchOf(['a']))
    directory.close()
    disk.replace('data/orders-0/partition.metadata', Buffer.from('version: 0\n'))
    expect(() => open(disk)).toThrow(/orders-0\/partition\.metadata is damaged/)
    disk.replace('data/orders-0/partition.metadata', Buffer.from(`version: 0\ntopic_id: ${ID}\n`))
    open(disk).close()
  })
})

function copyTree(from: Disk, to: Disk, path: string): void {
  to.makeDirectory(path)
  for (const name of from.list(path)) {
    try {
      to.replace(`${path}/${name}`, from.read(`${path}/${name}`))
    } catch {
      copyTree(from, to, `${path}/${name}`)
    }
  }
}
