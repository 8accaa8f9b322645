import { describe, expect, test } from 'vitest'
import { commonEnd, type EpochEnd, type EpochStart } from '../../src/source/divergence.ts'

/** A leader's answers, from where its epochs begin and its log ends, by Kafka's rules. */
function leader(epochs: readonly EpochStart[], end: number): (epoch: number) => Promise<EpochEnd> {
  return async (asked) => {
    const higher = epochs.find(({ epoch }) => epoch > asked)
    const floor = epochs.findLast(({ epoch }) => epoch <= asked)
    if (asked === epochs.at(-1)!.epoch) return { leaderEpoch: asked, endOffset: end }
    if (!higher) return { leaderEpoch: -1, endOffset: -1 }
    return { leaderEpoch: floor?.epoch ?? asked, endOffset: higher.upstream }
  }
}

const epochs = (...starts: [epoch: number, upstream: number][]): EpochStart[] =>
  starts.map(([epoch, upstream]) => ({ epoch, upstream }))

describe('the common end of two histories', () => {
  test.each([
    ['the same history, gone on', epochs([0, 0], [1, 50]), 80, epochs([0, 0], [1, 50], [2, 100]), 120, 80],
    ['a tail of our last epoch that was lost', epochs([0, 0]), 100, epochs([0, 0], [1, 60]), 150, 60],
    ['a log that is only shorter', epochs([0, 0]), 100, epochs([0, 0]), 60, 60],
    ['a whole epoch of ours that was lost', epochs([0, 0], [1, 50]), 100, epochs([0, 0], [2, 50]), 300, 50],
    ['an epoch that we never read between', epochs([0, 0], [2, 50]), 100, epochs([0, 0], [1, 40], [3, 70]), 200, 40],
    [
      'an epoch of ours that it does not know, and no later one',
      epochs([0, 0], [5, 50]),
      100,
      epochs([0, 0], [3, 45]),
      90,
      45,
    ],
    ['nothing in common', epochs([4, 0]), 100, epochs([2, 0], [6, 0]), 200, 0],
  ])('%s', async (_, ours, at, theirs, end, common) => {
    expect(await commonEnd(ours, at, leader(theirs, end))).toBe(common)
  })

  test('without epochs nothing can be told', async () => {
    expect(await commonEnd([], 100, leader(epochs([0, 0]), 50))).toBe(100)
  })
})
