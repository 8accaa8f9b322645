import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compactionDue } from '../../../src/broker/log/compaction.ts'
import type { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { type RecordBatch, splitBatches } from '../../../src/records/record-batch.ts'
import { append, batchOf, contents, marker, NOW, openLog, readAll, type SeenRecord, testClock } from './log-fixture.ts'

const compacted = { compact: true, delete: false, segmentBytes: 600, indexIntervalBytes: 50 }

function put(log: PartitionLog, key: string, value: string | null): void {
  append(log, batchOf([{ key, value }]))
}

function batchesOf(log: PartitionLog): RecordBatch[] {
  const batches: RecordBatch[] = []
  let offset = log.logStartOffset
  for (;;) {
    const result = log.read(offset, 1 << 20, { isolation: 'log_end', minOneMessage: true })
    if (!('batches' in result)) throw new Error(`read: ${result.error}`)
    const found = result.batches.flatMap((bytes) => splitBatches(bytes).batches)
    if (found.length === 0) return batches
    batches.push(...found)
    offset = found.at(-1)!.nextOffset
  }
}

describe('compaction', () => {
  it('keeps the newest record of each key at its offset, and never touches the segment that grows', () => {
    const log = openLog({ config: compacted })
    for (let index = 0; index < 60; index++) put(log, `k${index % 3}`, `v${index}`)
    const active = log.segments.at(-1)!.baseOffset
    log.compact(NOW)
    const seen = readAll(log)
    const closed = seen.filter((record) => record.offset < active)
    expect(closed.map((record) => record.value)).toEqual([0, 1, 2].map((age) => `v${active - 3 + age}`))
    expect(seen.slice(closed.length).map((record) => record.offset)).toEqual(
      Array.from({ length: 60 - active }, (_, index) => active + index),
    )
    expect(log.logEndOffset).toBe(60)
    expect(log.cleanedOffset).toBe(active)
  })

  it('answers a read in a hole with the next record there is', () => {
    const log = openLog({ config: compacted })
    for (let index = 0; index < 60; index++) put(log, 'same', `v${index}`)
    const active = log.segments.at(-1)!.baseOffset
    log.compact(NOW)
    for (let from = 0; from < active; from++) expect(readAll(log, from)[0]!.offset).toBe(active - 1)
  })

  it('keeps a tombstone until its horizon, set by the first compaction that sees it', () => {
    const log = openLog({ config: { ...compacted, deleteRetentionMs: 1000 } })
    put(log, 'gone', 'once')
    put(log, 'gone', null)
    while (log.segments.length < 2) put(log, 'filler', 'x'.repeat(100))
    log.compact(NOW)
    const tombstone = () => readAll(log).filter((record) => record.key === 'gone')
    expect(tombstone()).toEqual([{ offset: 1, key: 'gone', value: null }])
    const [batch] = batchesOf(log)
    expect(batch).toMatchObject({ hasDeleteHorizon: true, baseTimestamp: NOW + 1000, baseOffset: 1 })
    expect(batch!.crcIsValid()).toBe(true)
    expect(batch!.records()[0]!.timestamp).toBe(NOW)
    log.compact(NOW + 999)
    expect(tombstone()).toHaveLength(1)
    log.compact(NOW + 1000)
    expect(tombstone()).toHaveLength(0)
  })

  it('keeps batches compressed, and the rest of a batch that lost records readable', () => {
    const log = openLog({ config: { ...compacted, segmentBytes: 300 } })
    append(
      log,
      batchOf(
        ['a', 'b', 'c'].map((key, index) => ({ key, value: `${key}0`, timestamp: NOW + index })),
        { compression: 'gzip' },
      ),
    )
    append(log, batchOf([{ key: 'b', value: 'b1' }], { compression: 'gzip' }))
    log.roll()
    put(log, 'z', 'z')
    log.compact(NOW)
    const [first] = batchesOf(log)
    expect(first).toMatchObject({
      compression: 'gzip',
      count: 2,
      lastOffsetDelta: 2,
      baseOffset: 0,
      maxTimestamp: NOW + 2,
    })
    expect(first!.crcIsValid()).toBe(true)
    expect(first!.records().map((record) => [record.offset, record.timestamp])).toEqual([
      [0, NOW],
      [2, NOW + 2],
    ])
  })

  it('leaves an empty batch that carries the last sequence of a producer', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: compacted })
    append(log, batchOf([{ key: 'k', value: '0' }], { producerId: 7, producerEpoch: 0, baseSequence: 0 }))
    append(log, batchOf([{ key: 'k', value: '1' }], { producerId: 7, producerEpoch: 0, baseSequence: 1 }))
    put(log, 'k', '2')
    log.roll()
    put(log, 'z', 'z')
    log.compact(NOW)
    const kept = batchesOf(log).filter((batch) => batch.producerId === 7)
    expect(kept.map((batch) => [batch.baseOffset, batch.count, batch.baseSequence])).toEqual([[1, 0, 1]])
    // With the snapshots lost, the batch alone must tell what comes next.
    for (const name of disk.list('data/orders-0')) if (name.endsWith('.snapshot')) disk.remove(`data/orders-0/${name}`)
    const again = openLog({ disk, config: compacted, state: { recoveryPoint: 0 } })
    const next = (baseSequence: number) =>
      again.append([batchOf([{ key: 'k', value: '3' }], { producerId: 7, producerEpoch: 0, baseSequence })], {
        leaderEpoch: 0,
        origin: 'client',
      }).error
    expect(next(4)).toBe(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    expect(next(2)).toBe(0)
  })

  it('leaves alone what is younger than min.compaction.lag.ms', () => {
    const clock = testClock()
    const log = openLog({ clock, config: { ...compacted, minCompactionLagMs: 10_000 } })
    for (let index = 0; index < 40; index++) {
      append(log, batchOf([{ key: 'same', value: `v${index}`, timestamp: NOW - 40_000 + index * 1000 }]))
    }
    const young = log.segments.find((segment) => segment.largestTimestamp > NOW - 10_000)!
    log.compact(NOW)
    const offsets = readAll(log).map((record) => record.offset)
    expect(offsets[0]).toBe(young.baseOffset - 1)
    expect(offsets.slice(1)).toEqual(
      Array.from({ length: 40 - young.baseOffset }, (_, index) => young.baseOffset + index),
    )
  })

  it('is due when enough is dirty, or when the dirty part has waited too long', () => {
    const log = openLog({ config: { ...compacted, maxCompactionLagMs: 5000 } })
    expect(compactionDue(log, NOW)).toBeUndefined()
    for (let index = 0; index < 60; index++) put(log, `k${index}`, `v${index}`)
    expect(compactionDue(log, NOW)).toBe(1)
    log.compact(NOW)
    expect(compactionDue(log, NOW)).toBeUndefined()
    while (log.segments.at(-1)!.baseOffset === log.cleanedOffset) put(log, 'more', 'x')
    expect(compactionDue(log, NOW)).toBeUndefined()
    expect(compactionDue(log, NOW + 5001)).toBeGreaterThan(0)
  })

  it('compacts and deletes where the policy says both', () => {
    const log = openLog({ config: { ...compacted, delete: true, retentionMs: 1000 } })
    for (let index = 0; index < 30; index++) put(log, `k${index}`, 'v')
    log.compact(NOW)
    expect(readAll(log)).toHaveLength(30)
    expect(log.enforceRetention(NOW + 1001)).toBeGreaterThan(0)
    expect(readAll(log)).toHaveLength(0)
  })

  it('drops aborted records, and markers once nothing is left to mark', () => {
    const log = openLog({ config: { ...compacted, deleteRetentionMs: 1000 } })
    const producer = { producerId: 9, producerEpoch: 0, transactional: true }
    append(log, batchOf([{ key: 'only here', value: 'aborted' }], { ...producer, baseSequence: 0 }))
    marker(log, 'abort', 9)
    append(log, batchOf([{ key: 'a', value: 'committed' }], { ...producer, baseSequence: 1 }))
    marker(log, 'commit', 9)
    log.roll()
    put(log, 'z', 'z')
    log.compact(NOW)
    expect(readAll(log, 0, 'read_committed').map((record) => record.value)).toEqual(['committed', 'z'])
    expect(readAll(log).map((record) => record.value)).toEqual(['committed', 'z'])
    // The abort marker speaks of nothing any more: it gets its horizon, and then goes.
    const offsets = () => batchesOf(log).map((batch) => batch.baseOffset)
    log.compact(NOW)
    expect(offsets()).toEqual([1, 2, 3, 4])
    log.compact(NOW + 1000)
    expect(offsets()).toEqual([2, 3, 4])
  })

  it('lets no open transaction take the place of what is committed', () => {
    const log = openLog({ config: compacted })
    put(log, 'k', 'committed')
    log.roll()
    append(
      log,
      batchOf([{ key: 'k', value: 'open' }], { producerId: 9, producerEpoch: 0, transactional: true, baseSequence: 0 }),
    )
    log.roll()
    put(log, 'z', 'z')
    log.compact(NOW)
    expect(readAll(log)[0]).toEqual({ offset: 0, key: 'k', value: 'committed' })
    marker(log, 'abort', 9)
    log.roll()
    put(log, 'z', 'z')
    log.compact(NOW)
    expect(readAll(log)[0]).toEqual({ offset: 0, key: 'k', value: 'committed' })
  })

  it('never loses the last offset of what it went through, though nothing is left there', () => {
    const log = openLog({ config: { ...compacted, deleteRetentionMs: 1000, producerIdExpirationMs: 0 } })
    put(log, 'a', 'a')
    append(
      log,
      batchOf([{ key: 'b', value: 'aborted' }], {
        producerId: 9,
        producerEpoch: 0,
        transactional: true,
        baseSequence: 0,
      }),
    )
    marker(log, 'abort', 9)
    log.roll()
    put(log, 'z', 'z')
    log.expireProducers()
    const spans = () => batchesOf(log).map((batch) => [batch.baseOffset, batch.lastOffset, batch.count])
    log.compact(NOW)
    log.compact(NOW)
    expect(spans()).toEqual([
      [0, 0, 1],
      [2, 2, 1],
      [3, 3, 1],
    ])
    log.compact(NOW + 1000)
    expect(spans()).toEqual([
      [0, 0, 1],
      [2, 2, 0],
      [3, 3, 1],
    ])
  })

  it('goes on in a later round when the keys of one do not fit', () => {
    const log = openLog({ config: compacted })
    for (let index = 0; index < 60; index++) put(log, `k${index % 20}`, `v${index}`)
    const active = log.segments.at(-1)!.baseOffset
    let rounds = 0
    for (; log.cleanedOffset < active; rounds++) {
      const run = log.compaction(NOW, 5)
      while (run.step());
    }
    expect(rounds).toBeGreaterThan(2)
    expect(latest(readAll(log))).toEqual(
      latest(Array.from({ length: 60 }, (_, index) => seen(index, `k${index % 20}`, `v${index}`))),
    )
  })

  it('gives up, leaving no file, when its segments go while it runs', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: compacted })
    for (let index = 0; index < 60; index++) put(log, 'same', `v${index}`)
    const run = log.compaction(NOW)
    for (let step = 0; step < 8; step++) run.step()
    log.truncateTo(3)
    expect(run.step()).toBe(false)
    expect(disk.list('data/orders-0').filter((name) => /cleaned|swap/.test(name))).toEqual([])
    expect(readAll(log).map((record) => record.offset)).toEqual([0, 1, 2])
  })

  it('changes nothing for a reader who folds records by key, whatever is appended and whenever it runs', () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          keys: fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 4 }),
          tombstone: fc.boolean(),
        }),
      },
      { weight: 1, arbitrary: fc.constant('compact' as const) },
      { weight: 1, arbitrary: fc.constant('roll' as const) },
      { weight: 1, arbitrary: fc.constant('reopen' as const) },
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const disk = memoryDisk()
        const config = { ...compacted, segmentBytes: 400, deleteRetentionMs: Number.MAX_SAFE_INTEGER - NOW * 2 }
        let log = openLog({ disk, config })
        const model: SeenRecord[] = []
        let active = 0
        for (const each of steps) {
          if (each === 'compact') {
            active = log.segments.at(-1)!.baseOffset
            log.compact(NOW)
            checkCompacted(readAll(log), model, active)
          } else if (each === 'roll') log.roll()
          else if (each === 'reopen') {
            log = openLog({
              disk,
              config,
              state: { cleanedOffset: log.cleanedOffset, highWatermark: log.logEndOffset },
            })
          } else {
            const records = each.keys.map((key) => ({
              key: `k${key}`,
              value: each.tombstone ? null : `v${model.length}`,
            }))
            append(log, batchOf(records))
            for (const record of records) model.push({ offset: model.length, ...record })
          }
          expect(log.logEndOffset).toBe(model.length)
        }
        expect(latest(readAll(log))).toEqual(latest(model))
      }),
      { numRuns: 150 },
    )
  })

  it('joins segments that have shrunk, and then has nothing left to change', () => {
    const disk = memoryDisk()
    const log = openLog({ disk, config: compacted })
    for (let index = 0; index < 60; index++) put(log, `k${index % 7}`, `v${index}`)
    const closed = log.segments.length - 1
    log.compact(NOW)
    log.compact(NOW)
    expect(closed).toBeGreaterThan(3)
    expect(log.segments.length).toBe(2)
    const twice = contents(disk)
    log.compact(NOW)
    expect(contents(disk)).toEqual(twice)
  })
})

/** Of the closed segments exactly the newest records of their keys are left; all others are there. */
function checkCompacted(seenNow: SeenRecord[], model: SeenRecord[], active: number): void {
  const closed = model.filter((record) => record.offset < active)
  const newest = new Map(closed.map((record) => [record.key, record.offset]))
  const expected = model.filter((record) => record.offset >= active || newest.get(record.key) === record.offset)
  expect(seenNow).toEqual(expected)
}

function seen(offset: number, key: string, value: string): SeenRecord {
  return { offset, key, value }
}

function latest(records: readonly SeenRecord[]): Map<string | null, string | null> {
  return new Map(
    [...records].sort((one, other) => one.offset - other.offset).map((record) => [record.key, record.value]),
  )
}
