import { describe, expect, test } from 'vitest'
import { sourceChange } from '../../../src/mirror/partition/source-change.ts'

const seen = {
  topicId: 'a',
  foundTopicId: 'a',
  partedAt: undefined,
  nextUpstream: 80,
  sourceEnd: 100,
  isEmpty: false,
}

describe('a source that is not what was read', () => {
  test('is none while topic and history are the same', () => {
    expect(sourceChange(seen)).toBeUndefined()
    expect(sourceChange({ ...seen, partedAt: 80 })).toBeUndefined()
  })

  test('may have lost all that was known to follow when it was made anew', () => {
    const loss = { from: 80, to: 100, reason: 'recreated' }
    expect(sourceChange({ ...seen, foundTopicId: 'b' })).toEqual({ kind: 'recreated', loss })
    // Where it ended is not known: the range is empty, and is told all the same.
    const unknown = sourceChange({ ...seen, foundTopicId: 'b', sourceEnd: undefined })
    expect(unknown).toEqual({ kind: 'recreated', loss: { ...loss, to: 80 } })
  })

  test('has lost nothing when it was made anew and nothing was ever in it', () => {
    const empty = { ...seen, foundTopicId: 'b', nextUpstream: 0, sourceEnd: 0, isEmpty: true }
    expect(sourceChange(empty)).toEqual({ kind: 'recreated' })
  })

  test('has lost what was read behind the place where the histories part', () => {
    const loss = { from: 70, to: 80, reason: 'truncation' }
    expect(sourceChange({ ...seen, partedAt: 70 })).toEqual({ kind: 'truncated', partedAt: 70, loss })
  })
})
