import { dirname } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defaultLogConfig, type LogConfig } from '../../../src/broker/log/log-config.ts'
import { PartitionLog } from '../../../src/broker/log/partition-log.ts'
import type { LogState } from '../../../src/broker/log/recovery.ts'
import { memoryDisk } from '../../../src/platform/memory-disk.ts'
import type { Disk } from '../../../src/platform/platform.ts'
import { append, batchOf, NOW, openLog, quiet, readAll, type SeenRecord, testClock } from './log-fixture.ts'

const FOLDER = 'data/orders-0'

/**
 * A disk and what would be left of it if the power went now: only what was synced, by name and content. What was merely written
 * is gone wholly, the worst that a machine may do.
 */
function mortalDisk(put: 'lost' | 'emptied'): { disk: Disk; durable: Disk } {
  const disk = memoryDisk()
  const durable = memoryDisk()
  const watched: Disk = {
    open: (path, options) => {
      const file = disk.open(path, options)
      return {
        size: () => file.size(),
        read: (into, position) => file.read(into, position),
        write: (buffers, position) => file.write(buffers, position),
        truncate: (size) => file.truncate(size),
        sync: () => {
          durable.makeDirectory(dirname(path))
          const content = Buffer.alloc(file.size())
          file.read(content, 0)
          durable.replace(path, content)
        },
        close: () => file.close(),
      }
    },
    read: (path) => disk.read(path),
    replace: (path, content) => {
      disk.replace(path, content)
      durable.makeDirectory(dirname(path))
      durable.replace(path, content)
    },
    put: (path, content) => {
      disk.put(path, content)
      if (put === 'lost' || !durable.exists(dirname(path))) return
      durable.replace(path, Buffer.alloc(0))
    },
    exists: (path) => disk.exists(path),
    list: (path) => disk.list(path),
    makeDirectory: (path) => disk.makeDirectory(path),
    rename: (from, to) => {
      disk.rename(from, to)
      if (!durable.exists(from)) return
      durable.makeDirectory(dirname(to))
      durable.rename(from, to)
    },
    remove: (path) => {
      disk.remove(path)
      durable.remove(path)
    },
    lock: (path) => disk.lock(path),
  }
  return { disk: watched, durable }
}

function afterPowerCut(durable: Disk, config: Partial<LogConfig>, state: LogState): PartitionLog {
  const copy = memoryDisk()
  if (durable.exists(FOLDER)) copy.makeDirectory(FOLDER)
  for (const name of durable.list(FOLDER)) copy.replace(`${FOLDER}/${name}`, durable.read(`${FOLDER}/${name}`))
  return openLog({ disk: copy, config, state })
}

const kinds = [
  'append',
  'append',
  'append',
  'roll',
  'flush',
  'flush-closed',
  'save',
  'retain',
  'delete',
  'truncate',
  'compact',
] as const

describe('when the power goes', () => {
  it.each([
    ['delete', 'lost'],
    ['delete', 'emptied'],
    ['compact', 'lost'],
    ['compact', 'emptied'],
  ] as const)(
    'everything below the recovery point is kept, whatever came before (%s, unsynced files %s)',
    (policy, put) => {
      const config = {
        segmentBytes: 400,
        indexIntervalBytes: 100,
        compact: policy === 'compact',
        delete: policy === 'delete',
      }
      const step = fc.record({ kind: fc.constantFrom(...kinds), amount: fc.double({ min: 0, max: 1, noNaN: true }) })
      let kept = 0
      fc.assert(
        fc.property(fc.array(step, { minLength: 30, maxLength: 60 }), (steps) => {
          const { disk, durable } = mortalDisk(put)
          let saved: LogState = {}
          let changed = false
          const log: PartitionLog = PartitionLog.open(disk, FOLDER, {
            clock: testClock(),
            config: { ...defaultLogConfig, ...config },
            log: quiet,
            onStateChange: () => (changed = true),
          })
          const save = () => {
            saved = {
              recoveryPoint: log.recoveryPoint,
              logStartOffset: log.logStartOffset,
              cleanedOffset: log.cleanedOffset,
            }
          }
          let model: SeenRecord[] = []
          let epochs: number[] = []
          let epoch = 0
          const check = (again: PartitionLog, state: LogState): number => {
            const synced = Math.min(state.recoveryPoint ?? 0, log.recoveryPoint)
            expect(again.logEndOffset).toBeGreaterThanOrEqual(synced)
            const records = readAll(again, again.logStartOffset, 'log_end')
            // A cut-off tail that was synced once may come back: replicas part ways by leader epochs, not by truncation alone.
            for (const record of records.filter(({ offset }) => offset < synced))
              expect(record).toEqual(model[record.offset])
            const newest = new Map(
              model.filter(({ offset }) => offset < again.logEndOffset).map((record) => [record.key, record.offset]),
            )
            const expected = model.filter(({ key, offset }) => {
              if (offset < log.logStartOffset || offset >= synced) return false
              return policy === 'delete' || newest.get(key) === offset
            })
            const seen = new Set(records.map(({ offset }) => offset))
            for (const { offset } of expected) expect(seen.has(offset), `offset ${offset} of ${synced}`).toBe(true)
            for (const { offset } of expected) expect(again.epochs.epochFor(offset)).toBe(epochs[offset])
            return expected.length
          }
          for (const { kind, amount } of steps) {
            if (kind === 'append') {
              const record = { key: `k${Math.floor(amount * 30)}`, value: `v${model.length}` }
              if (amount > 0.8) epoch++
              append(log, batchOf([record]), epoch)
              epochs.push(epoch)
              model.push({ offset: model.length, ...record })
            } else if (kind === 'roll') log.roll()
            else if (kind === 'flush') log.flush()
            else if (kind === 'flush-closed') log.flushClosedSegments()
            else if (kind === 'save') save()
            else if (kind === 'compact' && policy === 'compact') log.compact(NOW)
            else if (kind === 'retain' && policy === 'delete') {
              log.config = { ...log.config, retentionBytes: Math.floor(amount * 1500) }
              log.enforceRetention(NOW)
            } else if (kind === 'delete')
              log.deleteRecordsBefore(Math.floor(log.logStartOffset + amount * 3) % (log.logEndOffset + 1))
            else if (kind === 'truncate' && policy === 'delete' && amount > 0.7) {
              const target = Math.max(log.logStartOffset, log.logEndOffset - 4)
              log.truncateTo(target)
              model = model.slice(0, target)
              epochs = epochs.slice(0, target)
            }
            // The data directory writes its checkpoints a moment later: the power may go before that, or after.
            kept += check(afterPowerCut(durable, config, saved), saved)
            if (changed) save()
            changed = false
            check(afterPowerCut(durable, config, saved), saved)
          }
        }),
        { numRuns: 75 },
      )
      expect(kept).toBeGreaterThan(500)
    },
  )

  it('an epoch is known as long as its records are synced', () => {
    const { disk, durable } = mortalDisk('lost')
    const log = openLog({ disk, directory: FOLDER })
    for (const epoch of [0, 1, 2]) {
      append(log, batchOf(['a', 'b']), epoch)
      log.flush()
      log.roll()
    }
    const again = afterPowerCut(durable, {}, { recoveryPoint: log.recoveryPoint })
    expect(again.epochs.entries).toEqual([0, 1, 2].map((epoch) => ({ epoch, startOffset: epoch * 2 })))
  })
})
