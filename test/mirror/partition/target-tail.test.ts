import { describe, expect, test } from 'vitest'
import { judgeTail, lossesOf, surveyTail } from '../../../src/mirror/partition/target-tail.ts'
import type { BatchHeader } from '../../../src/sink/tail-reader.ts'

const producer = { id: 7, epoch: 0 }

/** `ours` stands at an offset with a sequence of its own; `others` only at an offset. */
const ours = (baseOffset: number, baseSequence: number, count: number): BatchHeader => ({
  ...{ baseOffset, baseSequence, lastOffset: baseOffset + count - 1, lastOffsetDelta: count - 1 },
  ...{ producerId: producer.id, producerEpoch: producer.epoch, crc: 0, isControl: false },
})
const others = (baseOffset: number, count: number): BatchHeader => ({ ...ours(baseOffset, -1, count), producerId: -1 })

describe('the end of the target’s log', () => {
  const expected = { producer, start: 0, joint: undefined, acknowledged: 10 }

  test.each([
    ['ours, in its place', { end: 20, batch: ours(15, 15, 5) }, 'ours'],
    ['ours, but moved', { end: 20, batch: ours(15, 12, 5) }, 'foreign'],
    ['by another producer', { end: 20, batch: others(15, 5) }, 'foreign'],
    ['by another epoch of ours', { end: 20, batch: { ...ours(15, 15, 5), producerEpoch: 1 } }, 'foreign'],
    ['below what was acknowledged', { end: 9, batch: ours(4, 4, 5) }, { wentBackFrom: 10 }],
  ])('%s', (_, tail, verdict) => {
    expect(judgeTail(tail, expected)).toEqual(verdict)
  })

  test('is taken as it is where it was looked into, and not beyond', () => {
    const joint = { downstream: 20, mapped: 15, upstream: 15, lag: 5 }
    expect(judgeTail({ end: 20, batch: others(15, 5) }, { ...expected, joint })).toBe('ours')
    expect(judgeTail({ end: 22, batch: ours(20, 15, 2) }, { ...expected, joint })).toBe('ours')
    expect(judgeTail({ end: 22, batch: ours(20, 20, 2) }, { ...expected, joint })).toBe('foreign')
    expect(judgeTail({ end: 19, batch: others(15, 4) }, { ...expected, joint })).toEqual({ wentBackFrom: 20 })
  })

  test('sequences go round', () => {
    const end = 2 ** 31 + 3
    expect(judgeTail({ end, batch: ours(end - 5, 2 ** 31 - 2, 5) }, expected)).toBe('ours')
  })
})

describe('a survey of the tail', () => {
  const survey = (from: number, end: number, batches: BatchHeader[], lag = 0) =>
    surveyTail(batches, { from, end, producer, lag })

  test('finds what others wrote between our batches and behind them', () => {
    const batches = [
      ours(10, 10, 5),
      others(15, 2),
      others(17, 1),
      ours(18, 15, 4),
      others(22, 1),
      ours(23, 19, 1),
      others(24, 6),
    ]
    expect(survey(10, 30, batches)).toEqual({
      foreign: [
        { from: 15, to: 18 },
        { from: 22, to: 23 },
        { from: 24, to: 30 },
      ],
      displaced: [
        { at: 15, by: 3 },
        { at: 22, by: 1 },
      ],
      plannedEnd: 20,
      mappedEnd: 24,
      lag: 10,
    })
  })

  test('counts on from what was found before', () => {
    expect(survey(30, 33, [ours(30, 20, 1), others(31, 1), ours(32, 21, 1)], 10)).toMatchObject({
      displaced: [{ at: 31, by: 1 }],
      lag: 11,
    })
  })

  test('tells what others wrote from what was compacted away of ours', () => {
    expect(survey(0, 20, [ours(3, 3, 1), ours(19, 19, 1)])).toMatchObject({ foreign: [], displaced: [], lag: 0 })
    expect(survey(0, 20, [ours(3, 3, 1), ours(19, 17, 1)])).toMatchObject({ foreign: [{ from: 4, to: 19 }], lag: 2 })
  })

  test('gives up when our own batches contradict each other', () => {
    expect(survey(0, 20, [ours(3, 1, 1), ours(5, 5, 1)])).toBeUndefined()
  })

  test('names what the target lost first, and then what others wrote', () => {
    const found = survey(10, 30, [ours(10, 10, 5), others(15, 2), ours(17, 15, 1), others(18, 12)])!
    const at = { acknowledged: 20, at: 70, lostFrom: 66, plannedAt: (downstream: number) => downstream + 50 }
    expect(lossesOf(found, at)).toEqual([
      { from: 66, to: 70, reason: 'target-truncated', downstream: { from: 16, to: 20 } },
      { from: 70, to: 70, reason: 'foreign-write', downstream: { from: 15, to: 17 } },
      { from: 70, to: 70, reason: 'foreign-write', downstream: { from: 18, to: 30 } },
    ])
    // Where nothing is lost they are told with what was planned for their place, whoever meets them.
    expect(lossesOf(found, { ...at, acknowledged: 16 })).toEqual([
      { from: 65, to: 65, reason: 'foreign-write', downstream: { from: 15, to: 17 } },
      { from: 66, to: 66, reason: 'foreign-write', downstream: { from: 18, to: 30 } },
    ])
  })
})
