import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { checkCopy, checkTranslation } from '../../oracle/copies.ts'
import { compactedLog, plainLog, transactionalLog } from '../../support/source-logs.ts'
import { PartitionWorld } from './partition-world.ts'

/** A machine that has much else to do takes long. */
const timeout = 120_000
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
  ])('is copied exactly: %s', { timeout }, (_, log, size) => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const world = new PartitionWorld(seed, log(seed, size), { contentMayChange: false })
        play(world, 600)
        const { map } = world.mirror
        const compared = { where: 'target', original: world.source.records(), copy: world.target.records }
        expect(checkCopy(compared)).toEqual([])
        const translate = (offset: number) => map.translate(offset)
        const reverse = (offset: number) => map.reverse(offset)
        expect(checkTranslation({ ...compared, translate, reverse })).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })

  test('while the source is being compacted: what is left is there, once, in order, and every offset is known', {
    timeout,
  }, () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 31 }), (seed) => {
        const log = plainLog(seed, 60)
        const world = new PartitionWorld(seed, log, { contentMayChange: true })
        const original = world.source.records()
        play(world, 600)
        const copy = world.target.records
        // What was compacted away meanwhile may have been copied before, or not.
        const { map } = world.mirror
        const copied = new Set(copy.map(({ offset }) => map.reverse(offset)))
        const left = new Set(world.source.records().map(({ offset }) => offset))
        const owed = original.filter(({ offset }) => copied.has(offset) || left.has(offset))
        const compared = { where: 'target', original: owed, copy }
        expect(checkCopy(compared)).toEqual([])
        const translate = (offset: number) => map.translate(offset)
        expect(checkTranslation({ ...compared, translate, reverse: (offset) => map.reverse(offset) })).toEqual([])
      }),
      { numRuns: RUNS },
    )
  })
})
