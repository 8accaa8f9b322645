import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { defaultLogConfig } from '../../../src/broker/log/log-config.ts'
import { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { nodeDisk } from '../../../src/platform/node-disk.ts'
import type { Disk } from '../../../src/platform/platform.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import {
  append,
  batchOf,
  contents,
  filler,
  marker,
  NOW,
  openLog,
  quiet,
  readAll,
  testClock,
  values,
} from './log-fixture.ts'

const FOLDER = 'data/orders-0'
const small = { segmentBytes: 1000, indexIntervalBytes: 100 }

function bytesOf(disk: Disk, name: string): Buffer {
  return disk.read(`${FOLDER}/${name}`)
}

/** A copy of the folder as it is now, as a crash would leave it. */
function copyOf(disk: Disk): Disk {
  const copy = memoryDisk()
  copy.makeDirectory(FOLDER)
  for (const name of disk.list(FOLDER)) copy.replace(`${FOLDER}/${name}`, bytesOf(disk, name))
  return copy
}

function logFiles(disk: Disk): string[] {
  return disk.list(FOLDER).filter((name) => name.endsWith('.log'))
}

describe('after a crash', () => {
  it('ends at the last whole batch, wherever the tail is torn, and a second opening changes nothing', () => {
    const disk = memoryDisk()
    const log = openLog({ disk })
    const ends = [0]
    for (const value of ['a', 'bb', 'ccc']) {
      append(log, batchOf([value]))
      ends.push(log.sizeInBytes)
    }
    const name = logFiles(disk)[0]!
    const whole = bytesOf(disk, name)
    for (let length = 0; length <= whole.length; length++) {
      const torn = copyOf(disk)
      torn.replace(`${FOLDER}/${name}`, whole.subarray(0, length))
      const batches = ends.filter((end) => end <= length).length - 1
      const reopened = openLog({ disk: torn })
      expect(reopened.logEndOffset).toBe(batches)
      expect(reopened.sizeInBytes).toBe(ends[batches])
      const after = contents(torn)
      expect(openLog({ disk: torn }).logEndOffset).toBe(batches)
      expect(contents(torn)).toEqual(after)
    }
  })

  it('cuts from the batch on in which any byte of the tail is garbled', () => {
    const disk = memoryDisk()
    const log = openLog({ disk })
    append(log, batchOf(['a']))
    const start = log.sizeInBytes
    append(log, batchOf(['b']))
    const name = logFiles(disk)[0]!
    const whole = bytesOf(disk, name)
    for (let at = start; at < whole.length; at++) {
      const garbled = Buffer.from(whole)
      garbled[at] = garbled[at]! ^ 0x55
      const torn = copyOf(disk)
      torn.replace(`${FOLDER}/${name}`, garbled)
      const reopened = openLog({ disk: torn })
      // The leader epoch and, but for its order, the base offset lie outside of the CRC.
      const isCovered = at - start >= 16 || at - start < 12
      if (isCovered && at - start >= 8) expect(reopened.logEndOffset).toBe(1)
      expect(values(readAll(reopened, 0, 'log_end'))[0]).toBe('a')
    }
  })

  it('forgets an epoch whose only batches were torn off', () => {
    const disk = memoryDisk()
    const log = openLog({ disk })
    append(log, batchOf(['a']), 1)
    const start = log.sizeInBytes
    append(log, batchOf(['b']), 2)
    const name = logFiles(disk)[0]!
    disk.replace(`${FOLDER}/${name}`, bytesOf(disk, name).subarray(0, start + 30))
    const reopened = openLog({ disk })
    expect(reopened.latestOffset('log_end')).toEqual({ offset: 1, leaderEpoch: 1 })
    expect(reopened.endOffsetForEpoch(2)).toEqual({ leaderEpoch: -1, endOffset: -1 })
  })

  it('drops the segments behind a cut, so that no offset is missing in the middle', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: small })
    for (let index = 0; index < 30; index++) append(log, filler(1, 100))
    const files = logFiles(disk)
    expect(files.length).toBeGreaterThan(3)
    const damaged = bytesOf(disk, files[1]!)
    damaged[damaged.length - 1]! ^= 1
    disk.replace(`${FOLDER}/${files[1]}`, damaged)
    const reopened = openLog({ disk, config: small, state: { recoveryPoint: 0 } })
    expect(logFiles(disk)).toEqual(files.slice(0, 2))
    const records = readAll(reopened, 0, 'log_end')
    expect(records.map((record) => record.offset)).toEqual(records.map((_, index) => index))
    expect(append(reopened, batchOf(['next'])).baseOffset).toBe(records.length)
  })

  it('answers CORRUPT for rot in an old segment, keeps it, and serves all around it', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: small })
    for (let index = 0; index < 30; index++) append(log, filler(1, 100))
    const files = logFiles(disk)
    const damaged = bytesOf(disk, files[1]!)
    const batchBytes = filler(1, 100).sizeInBytes
    damaged[batchBytes * 2 + 80]! ^= 1
    disk.replace(`${FOLDER}/${files[1]}`, damaged)
    const reopened = openLog({ disk, config: small, state: { highWatermark: 30 } })
    const bad = log.segments[1]!.baseOffset + 2
    expect(reopened.logEndOffset).toBe(30)
    expect(bytesOf(disk, files[1]!)).toEqual(damaged)
    const read = (offset: number) => reopened.read(offset, 1 << 20, { isolation: 'log_end', minOneMessage: true })
    expect(read(bad).error).toBe(ErrorCode.CORRUPT_MESSAGE)
    expect(read(bad - 1).error).toBe(0)
    expect(readAll(reopened, bad + 1)).toHaveLength(30 - bad - 1)
  })

  it('leaves rot in what was synced of the last segment too, and goes on behind it', () => {
    for (const cleanShutdown of [true, false]) {
      const disk = memoryDisk()
      const log = openLog({ disk })
      for (let index = 0; index < 9; index++) append(log, batchOf([`value ${index}`]))
      const state = { recoveryPoint: 9, highWatermark: 9, cleanShutdown }
      log.close()
      const name = logFiles(disk)[0]!
      const damaged = bytesOf(disk, name)
      damaged.writeInt32BE(7, (damaged.length / 9) * 4 + 8)
      disk.replace(`${FOLDER}/${name}`, damaged)
      const reopened = openLog({ disk, state })
      expect(reopened.logEndOffset).toBe(9)
      expect(bytesOf(disk, name)).toEqual(damaged)
      expect(append(reopened, batchOf(['next'])).baseOffset).toBe(9)
      const read = (offset: number) => reopened.read(offset, 1, { isolation: 'log_end', minOneMessage: true }).error
      expect([0, 1, 2, 3, 4, 5, 8, 9].map(read)).toEqual([0, 0, 0, 0, 2, 2, 2, 0])
      const again = openLog({ disk, state: { ...state, cleanShutdown: false } })
      expect(again.logEndOffset).toBe(10)
    }
  })

  it('never skips a batch silently, whichever byte of an old segment rots', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: { segmentBytes: 400, indexIntervalBytes: 100 } })
    for (let index = 0; index < 12; index++) append(log, batchOf([`value ${index}`]))
    const name = logFiles(disk)[1]!
    const first = log.segments[1]!.baseOffset
    const end = log.segments[2]!.baseOffset
    const whole = bytesOf(disk, name)
    for (let at = 0; at < whole.length; at++) {
      const rotten = copyOf(disk)
      const bytes = Buffer.from(whole)
      bytes[at]! ^= 0xff
      rotten.replace(`${FOLDER}/${name}`, bytes)
      const reopened = openLog({
        disk: rotten,
        config: { segmentBytes: 400, indexIntervalBytes: 100 },
        state: { highWatermark: 12 },
      })
      let outcome = 0
      for (let offset = first; offset < end; ) {
        const result = reopened.read(offset, 1, { isolation: 'log_end', minOneMessage: true })
        outcome = result.error
        if (!('batches' in result)) break
        expect([at, result.batches.length]).toEqual([at, 1])
        offset++
      }
      // Only the leader epoch lies outside of what a check covers.
      const isEpoch = at % (whole.length / (end - first)) >= 12 && at % (whole.length / (end - first)) < 16
      if (!isEpoch) expect([at, outcome]).toEqual([at, ErrorCode.CORRUPT_MESSAGE])
    }
  })

  it('finds its producers again: from a snapshot, from the batches, or from both', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: small })
    const batch = (sequence: number) => filler(2, 100, { producerId: 5, producerEpoch: 1, baseSequence: sequence })
    for (let sequence = 0; sequence < 40; sequence += 2) append(log, batch(sequence))
    log.close()
    for (const lose of [/never/, /\.snapshot$/, /^0*40\.snapshot$/]) {
      const copy = copyOf(disk)
      for (const name of copy.list(FOLDER)) if (lose.test(name)) copy.remove(`${FOLDER}/${name}`)
      const reopened = openLog({ disk: copy, config: small, state: { cleanShutdown: true } })
      const send = (sequence: number) => reopened.append([batch(sequence)], { leaderEpoch: 0, origin: 'client' })
      expect(reopened.describeProducers()).toMatchObject([{ producerId: 5, producerEpoch: 1, lastSequence: 39 }])
      for (const sequence of [30, 34, 38]) {
        expect(send(sequence)).toMatchObject({ error: 0, duplicate: true, baseOffset: sequence })
      }
      expect(send(42).error).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
      expect(send(40)).toMatchObject({ error: 0, duplicate: false, baseOffset: 40 })
    }
  })
})

describe('side files', () => {
  /** A log with several segments, transactions and epochs, and the same answers asked of any copy of it. */
  function story(): Disk {
    const disk = memoryDisk()
    const log = openLog({ disk, config: small })
    const producer = { producerId: 3, producerEpoch: 0, transactional: true }
    for (let index = 0; index < 30; index++) {
      append(
        log,
        batchOf([{ value: `v${index}`.padEnd(60, '.'), timestamp: NOW + index * 10 }]),
        Math.floor(index / 10),
      )
      if (index % 7 === 3)
        append(
          log,
          batchOf([{ value: 'tx', timestamp: NOW + index * 10 }], { ...producer, baseSequence: Math.floor(index / 7) }),
          Math.floor(index / 10),
        )
      if (index % 7 === 5) marker(log, index === 5 ? 'commit' : 'abort', 3, Math.floor(index / 10))
    }
    log.close()
    return disk
  }

  function answers(disk: Disk, cleanShutdown: boolean) {
    const log = openLog({
      disk,
      config: small,
      state: { cleanShutdown, highWatermark: 1000, recoveryPoint: cleanShutdown ? 1000 : 0 },
    })
    const aborted: unknown[] = []
    for (let offset = 0; offset < log.logEndOffset; offset += 5) {
      const result = log.read(offset, 400, { isolation: 'read_committed', minOneMessage: true })
      if ('batches' in result) aborted.push([offset, result.abortedTransactions?.map(({ firstOffset }) => firstOffset)])
    }
    return {
      records: readAll(log),
      times: Array.from({ length: 32 }, (_, index) => log.offsetForTimestamp(NOW + index * 10 - 5)),
      epochs: [0, 1, 2].map((epoch) => log.endOffsetForEpoch(epoch)),
      aborted,
      stable: log.lastStableOffset,
      producers: log.describeProducers(),
    }
  }

  const original = story()
  const expected = answers(copyOf(original), true)
  const side = original.list(FOLDER).filter((name) => !name.endsWith('.log'))

  it('make up a story with every kind of them', () => {
    const suffixes = new Set(side.map((name) => name.slice(name.indexOf('.'))))
    expect([...suffixes].sort()).toEqual(
      ['.index', '.snapshot', '.timeindex', '.txnindex', 'leader-epoch-checkpoint'.slice(-1)].sort(),
    )
    expect(expected.aborted.flat(2).length).toBeGreaterThan(10)
    expect(expected.records.length).toBe(34)
  })

  it.each([true, false])(
    'can be lost, each of them and all of them, with the same answers (clean stop: %s)',
    (clean) => {
      for (const name of [...side, 'all']) {
        const copy = copyOf(original)
        for (const lost of name === 'all' ? side : [name]) copy.remove(`${FOLDER}/${lost}`)
        expect([name, answers(copy, clean)]).toEqual([name, expected])
      }
    },
  )

  it('can be cut anywhere or filled with rubbish, with the same answers', () => {
    for (const name of side) {
      const content = bytesOf(original, name)
      const damages = [
        content.subarray(0, Math.floor(content.length / 2)),
        content.subarray(0, -1),
        Buffer.alloc(content.length, 0xa5),
        Buffer.from('rubbish'),
      ]
      for (const damage of damages) {
        const copy = copyOf(original)
        copy.replace(`${FOLDER}/${name}`, damage)
        // A time or transaction index that ends between two entries looks like a whole one, as it does to Kafka.
        const entryBytes = name.endsWith('.timeindex') ? 12 : name.endsWith('.txnindex') ? 34 : 0
        if (entryBytes > 0 && damage.length % entryBytes === 0 && damage.length < content.length) continue
        expect([name, answers(copy, true)]).toEqual([name, expected])
      }
    }
  })
})

describe('a crash in the middle of a change', () => {
  it('leaves one valid log: at every write, rename, cut or removal of a busy life', () => {
    let operations = Number.POSITIVE_INFINITY
    for (let crashAt = 0; crashAt < operations; crashAt++) {
      const { disk, count, appended } = live(crashAt)
      operations = Math.min(operations, crashAt === 0 ? Number.POSITIVE_INFINITY : operations)
      if (count < crashAt) operations = crashAt
      const log = openLog({ disk, config: busy, state: { recoveryPoint: 0 } })
      const offsets = readAll(log, log.logStartOffset, 'log_end').map((record) => record.offset)
      expect([crashAt, log.logEndOffset >= appended]).toEqual([crashAt, true])
      expect(offsets).toEqual([...offsets].sort((one, other) => one - other))
      expect(new Set(offsets).size).toBe(offsets.length)
      const newest = new Map(readAll(log, log.logStartOffset, 'log_end').map((record) => [record.key, record.value]))
      for (const [key, value] of newest)
        expect([crashAt, key, value]).toEqual([crashAt, key, expectedNewest(log.logEndOffset, key!)])
      const keys = new Set(Array.from({ length: Math.min(log.logEndOffset, RECORDS) }, (_, index) => keyOf(index)))
      expect([crashAt, newest.size]).toEqual([crashAt, keys.size])
      log.segments.forEach((segment, index) => {
        const end = log.segments[index + 1]?.baseOffset ?? log.logEndOffset
        segment.walk(0, (batch) => {
          expect([crashAt, batch.lastOffset < end]).toEqual([crashAt, true])
          return true
        })
      })
      const left = disk.list(FOLDER).filter((name) => /cleaned|swap|deleted/.test(name))
      expect(left).toEqual([])
      expect(append(log, batchOf([{ key: 'k', value: 'v' }])).baseOffset).toBeGreaterThanOrEqual(appended)
    }
    expect(operations).toBeGreaterThan(100)
  })

  const busy = { compact: true, delete: false, segmentBytes: 500, indexIntervalBytes: 100 }
  const RECORDS = 30
  /** Some keys come once, so that every segment holds something that must not be lost. */
  const keyOf = (index: number) => (index % 3 === 0 ? `once ${index}` : `k${index % 4}`)

  function expectedNewest(end: number, key: string): string {
    const last = Array.from({ length: Math.min(end, RECORDS) }, (_, index) => index)
      .filter((index) => keyOf(index) === key)
      .at(-1)
    return `v${last}`
  }

  /** Lives until the `crashAt`-th change of the disk, which and all later ones do not happen. */
  function live(crashAt: number): { disk: Disk; count: number; appended: number } {
    const disk = memoryDisk()
    let count = 0
    const change = <Result>(work: () => Result): Result => {
      if (count++ >= crashAt) throw Object.assign(new Error('crash'), { code: 'CRASH' })
      return work()
    }
    const crashing: Disk = {
      open: (path, options) => {
        const file = disk.exists(path) ? disk.open(path, options) : change(() => disk.open(path, options))
        return {
          size: () => file.size(),
          read: (into, position) => file.read(into, position),
          write: (buffers, position) => change(() => file.write(buffers, position)),
          truncate: (size) => change(() => file.truncate(size)),
          sync: () => file.sync(),
          close: () => file.close(),
        }
      },
      read: (path) => disk.read(path),
      replace: (path, content) => change(() => disk.replace(path, content)),
      put: (path, content) => change(() => disk.put(path, content)),
      exists: (path) => disk.exists(path),
      list: (path) => disk.list(path),
      makeDirectory: (path) => change(() => disk.makeDirectory(path)),
      rename: (from, to) => change(() => disk.rename(from, to)),
      remove: (path) => change(() => disk.remove(path)),
      lock: (path) => disk.lock(path),
    }
    let appended = 0
    try {
      const log = PartitionLog.open(crashing, FOLDER, {
        clock: testClock(),
        config: { ...defaultLogConfig, ...busy },
        log: quiet,
      })
      for (let index = 0; index < RECORDS; index++) {
        append(log, batchOf([{ key: keyOf(index), value: `v${index}` }]))
        appended = log.logEndOffset
        // The second run joins what the first has shrunk.
        if (index === 15 || index === 29) for (const run of [1, 2]) log.compact(NOW + run)
      }
      log.close()
    } catch (error) {
      if (!/crash|refused: 56/.test(String((error as Error).cause ?? error))) throw error
    }
    return { disk, count, appended }
  }
})

const disks = [
  { name: 'memory', make: memoryDisk, runs: 200 },
  { name: 'node', make: nodeDisk, runs: 10 },
]

describe.each(disks)('a log against a plain array, on the $name disk', ({ make, runs }) => {
  let home: string
  beforeEach(() => {
    home = mkdtempSync(join(tmpdir(), 'heliostat-array-'))
  })
  afterEach(() => {
    rmSync(home, { recursive: true, force: true })
  })

  it('holds what the array holds, through appends, reads, rolls, retention, truncation and reopening', () => {
    let folders = 0
    const step = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({
          kind: fc.constant('append' as const),
          count: fc.integer({ min: 1, max: 5 }),
          size: fc.integer({ min: 0, max: 120 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('roll' as const) }) },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('retain' as const), bytes: fc.integer({ min: 0, max: 3000 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ kind: fc.constant('delete' as const), at: fc.double({ min: 0, max: 1, noNaN: true }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          kind: fc.constant('truncate' as const),
          at: fc.double({ min: 0, max: 1, noNaN: true }),
        }),
      },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('reopen' as const), clean: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('release' as const) }) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 2000 }), (steps, maxBytes) => {
        const disk = make()
        const directory = `${home}/${folders++}`
        let log = openLog({ disk, directory, config: small })
        let model: (string | null)[] = []
        let start = 0
        /** Offsets at which batches begin: truncation drops whole batches. */
        let batchStarts: number[] = []
        for (const each of steps) {
          if (each.kind === 'append') {
            batchStarts.push(log.logEndOffset)
            const texts = Array.from({ length: each.count }, (_, index) =>
              `${model.length + index}`.padEnd(each.size, '.'),
            )
            append(log, batchOf(texts))
            model.push(...texts)
          } else if (each.kind === 'roll') log.roll()
          else if (each.kind === 'retain') {
            log.config = { ...log.config, retentionBytes: each.bytes }
            log.enforceRetention(NOW)
            log.config = { ...log.config, retentionBytes: -1 }
            expect(
              log.logStartOffset === start ||
                batchStarts.includes(log.logStartOffset) ||
                log.logStartOffset === model.length,
            ).toBe(true)
            start = log.logStartOffset
          } else if (each.kind === 'delete') {
            start = Math.max(start, Math.floor(each.at * model.length))
            expect(log.deleteRecordsBefore(start).error).toBe(0)
          } else if (each.kind === 'truncate') {
            const to = start + Math.floor(each.at * (model.length - start))
            const kept = batchStarts.filter((base) => base < to)
            const holder = kept.at(-1) ?? 0
            const isBoundary = batchStarts.includes(to) || to === model.length
            const target = isBoundary ? to : Math.max(holder, start)
            log.truncateTo(target)
            model = model.slice(0, target)
            batchStarts = batchStarts.filter((base) => base < target)
            if (start > target) start = target
          } else if (each.kind === 'reopen') {
            if (each.clean) log.close()
            const state = {
              logStartOffset: log.logStartOffset,
              highWatermark: log.highWatermark,
              recoveryPoint: log.recoveryPoint,
              cleanShutdown: each.clean,
            }
            log = openLog({ disk, directory, config: small, state })
          } else log.release()
          expect(log.logEndOffset).toBe(model.length)
          expect(log.logStartOffset).toBe(start)
        }
        for (let from = start; from <= model.length; from += 3) {
          expect(values(readAll(log, from, 'read_uncommitted', maxBytes))).toEqual(model.slice(from))
        }
      }),
      { numRuns: runs },
    )
  })
})
