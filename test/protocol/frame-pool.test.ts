import { describe, expect, test } from 'vitest'
import { FramePool } from '../../src/protocol/frame-pool.ts'

const KIB = 1024

describe('the frame pool', () => {
  test('hands the memory of a large frame out again when it was given back, and not before', () => {
    const pool = new FramePool({ freeBytesMax: 1024 * KIB })
    const first = pool.take(100 * KIB)
    const second = pool.take(100 * KIB)
    expect(second.buffer).not.toBe(first.buffer)
    pool.give(first.subarray(10, 20))
    const third = pool.take(90 * KIB)
    expect(third.buffer).toBe(first.buffer)
    expect(third.length).toBe(90 * KIB)
  })

  test('takes a frame back once, and foreign memory never', () => {
    const pool = new FramePool({ freeBytesMax: 1024 * KIB })
    const frame = pool.take(100 * KIB)
    pool.give(frame)
    const free = pool.freeBytes
    pool.give(frame)
    pool.give(Buffer.alloc(100 * KIB))
    expect(pool.freeBytes).toBe(free)
  })

  test('keeps no more than its limit, and does not spend a huge buffer on a small frame', () => {
    const pool = new FramePool({ freeBytesMax: 1024 * KIB })
    for (const frame of [100, 900, 300].map((size) => pool.take(size * KIB))) pool.give(frame)
    expect(pool.freeBytes).toBeLessThanOrEqual(1024 * KIB)
    const large = new FramePool({ freeBytesMax: 4096 * KIB })
    const huge = large.take(2048 * KIB)
    large.give(huge)
    expect(large.take(100 * KIB).buffer).not.toBe(huge.buffer)
  })
})
