import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compactedLog, plainLog, transactionalLog } from '../support/source-logs.ts'
import { PartitionWorld } from './partition-world.ts'

const RUNS = Number(process.env['HELIOSTAT_RUNS'] ?? 150)

function play(world: PartitionWorld, disturbedSteps: number): void {
  for (let step = 0; step < disturbedSteps; step++) world.step(false)
  for (let step = 0; step < 200_000 && !world.isDone; step++) world.step(true)
  expect(world.mirror.reason).toBeUndefined()
  expect(world.isDone).toBe(true)
  expect(world.budget.bytes, 'frames that nobody let go').toBeGreaterThanOrEqual(0)
}

describe('one partition, whatever crashes, is cut, or comes late', () => {
  test.each([
    ['plain', plainLog, 60],
    ['transactional', transactionalLog, 120],
    ['compacted long ago', compactedLog, 60],
  ])('is copied exactly: %s', (_, log, size) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const world = new PartitionWorld(seed, log(seed, size), { contentMayChange: false })
        play(world, 600)
        const records = world.source.records()
        expect(world.target.lines).toEqual(records.map(({ line }) => line))
        for (const [at, { offset }] of records.entries()) {
          expect(world.mirror.map.translate(offset)).toBe(at)
          expect(world.mirror.map.reverse(at)).toBe(offset)
        }
      }),
      { numRuns: RUNS },
    )
  })

  test('while the source is being compacted: what is left is there, once, in order, and every offset is known', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const log = plainLog(seed, 60)
        const world = new PartitionWorld(seed, log, { contentMayChange: true })
        const original = new Map(world.source.records().map(({ offset, line }) => [offset, line]))
        play(world, 600)
        const copied = world.target.lines.map((_, at) => world.mirror.map.reverse(at)!)
        expect(world.target.lines).toEqual(copied.map((offset) => original.get(offset)))
        expect(copied).toEqual([...new Set(copied)].sort((a, b) => a - b))
        const there = new Set(copied)
        expect(world.source.records().filter(({ offset }) => !there.has(offset))).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})
