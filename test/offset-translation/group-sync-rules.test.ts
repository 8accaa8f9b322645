import { describe, expect, test } from 'vitest'
import type { Checkpoint } from '../../src/offset-translation/checkpoint.ts'
import {
  decideCommit,
  isNewsWorthy,
  translatePosition,
  untouchable,
} from '../../src/offset-translation/group-sync-rules.ts'
import { OffsetMap } from '../../src/offset-translation/offset-map.ts'

describe('the position of a group on the target', () => {
  const map = new OffsetMap({ start: { upstream: 50, downstream: 0 } })
  map.observe(50, 0, 10)
  map.observe(65, 10, 10)

  test('is the record it would read next', () => {
    expect(translatePosition(map, 52)).toEqual({ downstream: 2, exact: true })
    expect(translatePosition(map, 62)).toEqual({ downstream: 10, exact: true })
  })

  test('is the end when it has read everything', () => {
    expect(translatePosition(map, 75)).toEqual({ downstream: 20, exact: true })
  })

  test('is the end as well when the group is further than the mirror, and says by how much', () => {
    expect(translatePosition(map, 90)).toEqual({ downstream: 20, exact: false, behind: 15 })
  })

  test('is unknown before the start of mirroring', () => {
    expect(translatePosition(map, 49)).toBeUndefined()
  })

  test('of an empty partition is its start', () => {
    expect(translatePosition(new OffsetMap(), 0)).toEqual({ downstream: 0, exact: true })
  })
})

describe('a checkpoint is written', () => {
  const at = (upstreamOffset: number, downstreamOffset: number): Checkpoint => ({
    group: 'g',
    topic: 't',
    partition: 0,
    upstreamOffset,
    downstreamOffset,
    metadata: '',
  })

  test.each([
    ['for the first position', undefined, at(5, 5), true],
    ['when the target position advanced', at(5, 5), at(6, 6), true],
    ['when the group went back on the source', at(5, 5), at(3, 3), true],
    ['not for the same position', at(5, 5), at(5, 5), false],
    ['not when only a hole was crossed', at(5, 5), at(6, 5), false],
    ['not when the target position alone fell', at(5, 5), at(5, 4), false],
    ['when the mirror caught up with a group ahead of it', at(9, 5), at(9, 6), true],
  ])('%s', (_, last, next, expected) => {
    expect(isNewsWorthy(last, next)).toBe(expected)
  })
})

describe('a group on the target', () => {
  test.each([undefined, 'Empty', 'Dead'])('may be written when its state is %s', (state) => {
    expect(untouchable({ known: true, state })).toBeUndefined()
  })

  test.each(['Stable', 'PreparingRebalance', 'CompletingRebalance', 'Assigning', 'Reconciling', 'Unknown', 'NotReady'])(
    'is left alone when it is %s',
    (state) => {
      expect(untouchable({ known: true, state })).toContain(state)
    },
  )

  test('is left alone when nobody could say', () => {
    expect(untouchable({ known: false })).toContain('not known')
  })
})

describe('an offset for the group on the target', () => {
  const range = { logStartOffset: 10, endOffset: 100 }

  test.each([
    ['is committed when there is none', 50, undefined, range, { do: 'commit', offset: 50 }],
    ['is committed over a null offset', 50, -1, range, { do: 'commit', offset: 50 }],
    ['advances', 50, 49, range, { do: 'commit', offset: 50 }],
    ['is not written again', 50, 50, range, { do: 'nothing' }],
    ['never rewinds', 50, 70, range, { do: 'nothing' }],
    ['may be the very end', 100, 70, range, { do: 'commit', offset: 100 }],
    ['of an empty partition is 0', 0, undefined, { logStartOffset: 0, endOffset: 0 }, { do: 'commit', offset: 0 }],
    ['is lifted to the start of the log', 3, undefined, range, { do: 'commit', offset: 10 }],
    ['is not lifted over a better one', 3, 10, range, { do: 'nothing' }],
  ] as const)('%s', (_, downstream, committed, log, expected) => {
    expect(decideCommit(downstream, committed, log)).toEqual(expected)
  })

  test('never lies past the end', () => {
    expect(decideCommit(101, undefined, range)).toMatchObject({ do: 'blocked', reason: expect.stringContaining('100') })
  })

  test('waits while the log cannot be asked', () => {
    expect(decideCommit(50, undefined, undefined)).toMatchObject({ do: 'blocked' })
  })
})
