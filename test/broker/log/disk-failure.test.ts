import { describe, expect, it } from 'vitest'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import type { Disk } from '../../../src/platform/platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { batchOf, NOW, openLog, readAll, type SeenRecord } from './log-fixture.ts'

type Operation =
  | 'open'
  | 'read'
  | 'write'
  | 'short-write'
  | 'truncate'
  | 'sync'
  | 'rename'
  | 'remove'
  | 'replace'
  | 'put'

interface Faults {
  /** The call of that kind that fails, counted from 0; later ones fail too when `forGood`. */
  operation: Operation
  at: number
  forGood: boolean
  code: string
  seen: number
  armed: boolean
}

/** A disk whose n-th operation of one kind fails. A short write leaves half of the bytes behind. */
function faulty(disk: Disk, faults: Faults): Disk {
  const isDue = (operation: Operation): boolean => {
    if (!faults.armed || operation !== faults.operation) return false
    const call = faults.seen++
    return call === faults.at || (faults.forGood && call > faults.at)
  }
  const check = (operation: Operation) => {
    if (isDue(operation)) throw Object.assign(new Error(`${faults.code}: ${operation}`), { code: faults.code })
  }
  return {
    open: (path, options) => {
      check('open')
      const file = disk.open(path, options)
      return {
        size: () => file.size(),
        read: (into, position) => {
          check('read')
          return file.read(into, position)
        },
        write: (buffers, position) => {
          check('write')
          if (isDue('short-write')) {
            const bytes = Buffer.concat(buffers)
            file.write([bytes.subarray(0, Math.floor(bytes.length / 2))], position)
            throw Object.assign(new Error(`${faults.code}: short write`), { code: faults.code })
          }
          file.write(buffers, position)
        },
        truncate: (size) => {
          check('truncate')
          file.truncate(size)
        },
        sync: () => check('sync'),
        close: () => file.close(),
      }
    },
    read: (path) => {
      check('read')
      return disk.read(path)
    },
    replace: (path, content) => {
      check('replace')
      disk.replace(path, content)
    },
    put: (path, content) => {
      check('put')
      disk.put(path, content)
    },
    exists: (path) => disk.exists(path),
    list: (path) => disk.list(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => {
      check('rename')
      disk.rename(from, to)
    },
    remove: (path) => {
      check('remove')
      disk.remove(path)
    },
    lock: (path) => disk.lock(path),
  }
}

const config = { compact: true, delete: false, segmentBytes: 400, indexIntervalBytes: 100 }

/** A busy life on a disk that fails: what was acknowledged must be there, then and after a restart on a sound disk. */
function live(faults: Faults): number {
  const disk = memoryDisk()
  const log = openLog({ disk: faulty(disk, faults), config })
  const acknowledged: SeenRecord[] = []
  faults.armed = true
  for (let index = 0; index < 24; index++) {
    // Some keys come once, so that every segment holds something that must not be lost.
    const record = { key: index % 2 ? `k${index % 3}` : `once ${index}`, value: `v${index}` }
    const result = log.append([batchOf([record])], { leaderEpoch: Math.floor(index / 8), origin: 'client' })
    if (result.error === 0) {
      acknowledged.push({ offset: log.logEndOffset - 1, ...record })
      log.highWatermark = log.logEndOffset
    } else expect(result.error).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    if (index % 9 === 8) attempt(() => log.compact(NOW))
    if (index % 5 === 4) attempt(() => log.flush())
    if (index === 12) attempt(() => log.release())
    const read = log.read(log.logStartOffset, 1 << 20, { isolation: 'log_end', minOneMessage: true })
    expect([0, ErrorCode.KAFKA_STORAGE_ERROR]).toContain(read.error)
  }
  attempt(() => log.close())
  faults.armed = false
  const again = openLog({ disk, config, state: { recoveryPoint: 0 } })
  const kept = newest(readAll(again, again.logStartOffset, 'log_end'))
  // What was refused may still be there if the log could not even be cut back; nothing acknowledged may be missing.
  for (const [key, { offset, value }] of newest(acknowledged)) {
    const found = kept.get(key)
    expect(found, `key ${key}`).toBeDefined()
    expect(found!.offset).toBeGreaterThanOrEqual(offset)
    if (found!.offset === offset) expect(found!.value).toBe(value)
  }
  expect(again.logEndOffset).toBeGreaterThanOrEqual((acknowledged.at(-1)?.offset ?? -1) + 1)
  return faults.seen
}

function attempt(work: () => unknown): void {
  try {
    work()
  } catch (error) {
    expect(error).toMatchObject({ code: 'HEL_STORAGE' })
  }
}

function newest(records: readonly SeenRecord[]): Map<string | null, SeenRecord> {
  return new Map(records.map((record) => [record.key, record]))
}

describe('when the disk fails', () => {
  const operations: Operation[] = [
    'open',
    'read',
    'write',
    'short-write',
    'truncate',
    'sync',
    'rename',
    'remove',
    'replace',
    'put',
  ]
  it.each(operations)('at any %s, once or for good, nothing that was acknowledged is lost', (operation) => {
    let reached = 0
    for (const forGood of [false, true]) {
      for (let at = 0; ; at++) {
        const faults = { operation, at, forGood, code: 'EIO', seen: 0, armed: false }
        if (live(faults) <= at) break
        reached++
      }
    }
    expect(reached).toBeGreaterThan(['rename', 'replace', 'put'].includes(operation) ? 4 : 10)
  })

  it('an append that finds the disk full leaves the log as it was, and the next one succeeds', () => {
    const disk = memoryDisk()
    const faults: Faults = { operation: 'short-write', at: 0, forGood: false, code: 'ENOSPC', seen: 0, armed: false }
    const log = openLog({ disk: faulty(disk, faults) })
    const send = (value: string) => log.append([batchOf([value])], { leaderEpoch: 0, origin: 'client' })
    send('a')
    const size = log.sizeInBytes
    faults.armed = true
    expect(send('b').error).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(log).toMatchObject({ logEndOffset: 1, sizeInBytes: size, failure: undefined })
    expect(disk.read('data/orders-0/00000000000000000000.log')).toHaveLength(size)
    expect(send('c')).toMatchObject({ error: 0, baseOffset: 1 })
    expect(readAll(log, 0, 'log_end').map((record) => record.value)).toEqual(['a', 'c'])
  })

  it('in a sync, the log is closed to all use: nobody knows what was kept', () => {
    const faults: Faults = { operation: 'sync', at: 0, forGood: false, code: 'EIO', seen: 0, armed: false }
    const log = openLog({ disk: faulty(memoryDisk(), faults) })
    faults.armed = true
    log.append([batchOf(['a'])], { leaderEpoch: 0, origin: 'client' })
    expect(() => log.flush()).toThrow('EIO')
    expect(log.append([batchOf(['b'])], { leaderEpoch: 0, origin: 'client' }).error).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
    expect(log.read(0, 10, { isolation: 'log_end', minOneMessage: true }).error).toBe(ErrorCode.KAFKA_STORAGE_ERROR)
  })
})
