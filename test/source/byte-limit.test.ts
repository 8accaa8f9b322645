import { expect, test } from 'vitest'
import { ByteLimit, SharedLimits } from '../../src/source/byte-limit.ts'

test('what was taken is paid at the rate, and an idle time earns nothing', () => {
  const limit = new ByteLimit(1_000)
  expect(limit.waitMs(0)).toBe(0)
  limit.take(500, 0)
  expect(limit.waitMs(0)).toBe(500)
  expect(limit.waitMs(400)).toBe(100)
  expect(limit.waitMs(10_000)).toBe(0)
  limit.take(2_000, 10_000)
  expect(limit.waitMs(10_000)).toBe(2_000)
})

test('over any length of time no more passes than the rate, and one answer', () => {
  const limit = new ByteLimit(1_000)
  let passed = 0
  for (let now = 0; now <= 10_000; now += 7) {
    if (limit.waitMs(now) > 0) continue
    limit.take(300, now)
    passed += 300
  }
  expect(passed).toBeLessThanOrEqual(10_000 + 300)
  expect(passed).toBeGreaterThan(9_000)
})

test('the slowest of several limits counts, and an instance takes its share', () => {
  const [flow, cluster] = [new ByteLimit(1_000), new ByteLimit(500)]
  const half = new SharedLimits([flow, cluster], () => 0.5)
  half.take(100, 0)
  expect(half.waitMs(0)).toBe(400)
  expect(half.fetchBytes(8_000_000)).toBe(250)
  expect(half.fetchBytes(100)).toBe(100)
})
