import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AbortedFilter, type AbortedTransaction, type FilteredBatch } from '../../src/source/aborted-filter.ts'

function data(offset: number, producerId: number, isTransactional = true): FilteredBatch {
  return { lastOffset: offset, producerId, isControl: false, isTransactional, controlType: () => undefined }
}

function marker(offset: number, producerId: number, type: 'commit' | 'abort'): FilteredBatch {
  return { lastOffset: offset, producerId, isControl: true, isTransactional: true, controlType: () => type }
}

describe('the filter of aborted transactions', () => {
  test('keeps what is committed and what is in no transaction', () => {
    const filter = new AbortedFilter(null)
    expect([data(0, 1), data(1, -1, false), marker(2, 1, 'commit')].map((batch) => filter.verdict(batch))).toEqual([
      'keep',
      'keep',
      'control',
    ])
  })

  test('drops an aborted transaction from its first offset to its marker, and nothing of the same producer after it', () => {
    const filter = new AbortedFilter([{ producerId: 1, firstOffset: 0 }])
    const batches = [data(0, 1), data(1, 2), data(2, 1, false), marker(3, 1, 'abort'), data(4, 1)]
    expect(batches.map((batch) => filter.verdict(batch))).toEqual(['aborted', 'keep', 'keep', 'control', 'keep'])
  })

  test('does not depend on the order of the list', () => {
    const filter = new AbortedFilter([
      { producerId: 1, firstOffset: 4 },
      { producerId: 1, firstOffset: 0 },
    ])
    const batches = [data(0, 1), marker(1, 1, 'abort'), data(2, 1), marker(3, 1, 'commit'), data(4, 1)]
    expect(batches.map((batch) => filter.verdict(batch))).toEqual(['aborted', 'control', 'keep', 'control', 'aborted'])
  })

  test('keeps exactly the records of transactions that were committed, however they interleave', () => {
    const step = fc.record({
      producerId: fc.integer({ min: 1, max: 4 }),
      act: fc.constantFrom('write', 'commit', 'abort'),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat({ max: 30 }), (steps, from) => {
        const open = new Map<number, number[]>()
        const aborted: AbortedTransaction[] = []
        const dropped = new Set<number>()
        const log: FilteredBatch[] = []
        for (const { producerId, act } of steps) {
          const written = open.get(producerId) ?? []
          if (act === 'write') open.set(producerId, [...written, log.length])
          else if (written.length === 0) continue
          else {
            open.delete(producerId)
            if (act === 'abort') aborted.push({ producerId, firstOffset: written[0]! })
            if (act === 'abort') for (const offset of written) dropped.add(offset)
          }
          log.push(act === 'write' ? data(log.length, producerId) : marker(log.length, producerId, act as 'commit'))
        }
        // Transactions that are open at the end lie above the last stable offset and are not served.
        const stable = Math.min(log.length, ...[...open.values()].map(([first]) => first!))
        const filter = new AbortedFilter(aborted)
        for (const batch of log.slice(from, stable)) {
          const expected = batch.isControl ? 'control' : dropped.has(batch.lastOffset) ? 'aborted' : 'keep'
          expect(filter.verdict(batch)).toBe(expected)
        }
      }),
    )
  })
})
