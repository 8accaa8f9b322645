import { describe, expect, test } from 'vitest'
import { resumePoint } from '../../../src/mirror/partition/resume-point.ts'

const progress = {
  sourceTopicId: 'source',
  remoteTopic: 'east.orders',
  targetTopicId: 'target',
  start: { upstream: 0, downstream: 0 },
  epochs: [],
}
const joint = { downstream: 120, mapped: 100, upstream: 700, lag: 20 }

describe('a partition goes on', () => {
  test('where its target ends, with what the map says', () => {
    expect(resumePoint(progress, { targetEnd: 50, plannedDownstream: 60 })).toEqual({ end: 50 })
  })

  test('behind source records that were given up', () => {
    const point = resumePoint({ ...progress, resumeAt: 900 }, { targetEnd: 50, plannedDownstream: 60 })
    expect(point).toEqual({ end: 50, upstream: 900 })
  })

  test('as the joint says, as long as nothing was written behind it', () => {
    const at = (targetEnd: number) => resumePoint({ ...progress, joint }, { targetEnd, plannedDownstream: 100 })
    expect(at(120)).toEqual({ end: 120, upstream: 700, mapped: 100 })
    expect(at(121)).toEqual({ end: 121 })
  })

  test('in transactions as the joint says until the map goes on, wherever others bring the end', () => {
    const at = (plannedDownstream: number) =>
      resumePoint({ ...progress, joint, isTransactional: true }, { targetEnd: 500, plannedDownstream })
    expect(at(100)).toEqual({ end: 120, upstream: 700, mapped: 100 })
    expect(at(130)).toEqual({ end: 500 })
  })

  test('behind what was given up after the joint', () => {
    const given = { ...progress, joint, resumeAt: 800 }
    expect(resumePoint(given, { targetEnd: 120, plannedDownstream: 100 }).upstream).toBe(800)
  })
})
