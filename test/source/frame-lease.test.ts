import { describe, expect, test } from 'vitest'
import { FrameBudget } from '../../src/source/frame-lease.ts'

describe('the frame budget', () => {
  test('counts a frame until its last holder lets go', () => {
    const budget = new FrameBudget(100, 1, () => {})
    const lease = budget.lease(60)
    lease.hold()
    lease.release()
    expect(budget.bytes).toBe(60)
    lease.release()
    expect(budget.bytes).toBe(0)
  })

  test('says once that there is room again, when it was full', () => {
    let rooms = 0
    const budget = new FrameBudget(100, 30, () => rooms++)
    const [large, small] = [budget.lease(60), budget.lease(20)]
    expect(budget.isFull).toBe(true)
    small.release()
    expect([rooms, budget.isFull]).toEqual([1, false])
    large.release()
    expect(rooms).toBe(1)
  })

  test('lets one answer in when nothing is held, whatever its size', () => {
    const budget = new FrameBudget(100, 300, () => {})
    expect(budget.isFull).toBe(false)
    budget.lease(1)
    expect(budget.isFull).toBe(true)
  })

  test('refuses to be released or held once it is gone', () => {
    const lease = new FrameBudget(100, 1, () => {}).lease(1)
    lease.release()
    expect(() => lease.release()).toThrow('invariant 2')
    expect(() => lease.hold()).toThrow('invariant 2')
  })
})
