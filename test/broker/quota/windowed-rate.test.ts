import { expect, it } from 'vitest'
import { TokenBucket } from '../../../src/broker/quota/token-bucket.ts'
import { WindowedRate } from '../../../src/broker/quota/windowed-rate.ts'

// Kafka's defaults: ten whole seconds and the one under way.
const window = { samples: 11, sampleMs: 1000 }

function rateOf(...records: [atMs: number, value: number][]): WindowedRate {
  const rate = new WindowedRate(window)
  for (const [atMs, value] of records) rate.record(value, atMs)
  return rate
}

it('takes the first records for what came of ten seconds, so that a client may begin with a burst', () => {
  const rate = rateOf([0, 1000])
  expect(rate.measure(0)).toBe(100)
  expect(rate.excessMs(100, 0)).toBe(0)
  // (200 − 100) / 100 of the ten seconds.
  expect(rateOf([0, 2000]).excessMs(100, 0)).toBe(10_000)
})

it('is within the limit again exactly after the pause', () => {
  const rate = rateOf([0, 1500])
  const pauseMs = rate.excessMs(100, 0)
  expect(pauseMs).toBe(5000)
  // Ten stretches are looked back on in any case; from then on each millisecond counts.
  const busy = rateOf(...Array.from({ length: 11 }, (_, second): [number, number] => [second * 1000, 200]))
  const pause = busy.excessMs(100, 10_000)
  expect(pause).toBeGreaterThan(0)
  expect(busy.excessMs(100, 10_000 + pause)).toBe(0)
})

it('forgets what is older than the window, stretch by stretch', () => {
  const rate = rateOf([0, 500], [5000, 500])
  expect(rate.measure(10_000)).toBe(100)
  expect(rate.measure(11_000)).toBe(50)
  expect(rate.measure(16_000)).toBe(0)
})

it('keeps a stretch that reaches into the window, with the time since it began', () => {
  const rate = rateOf([0, 100], [900, 100])
  expect(rate.measure(11_500)).toBeCloseTo((200 / 11_500) * 1000)
})

it('takes back what was not used after all', () => {
  const rate = rateOf([0, 300], [10, -300])
  expect(rate.measure(10)).toBe(0)
})

it('keeps no more than a stretch for each second, however often it is asked', () => {
  const rate = rateOf(...Array.from({ length: 100_000 }, (_, ms): [number, number] => [ms, 1]))
  expect(rate.measure(99_999)).toBeCloseTo(1000, -1)
})

it('fills a bucket at its rate up to the burst, from full', () => {
  const bucket = new TokenBucket()
  expect(bucket.tokens(2, 20, 0)).toBe(20)
  bucket.take(25, 2, 20, 0)
  expect(bucket.tokens(2, 20, 0)).toBe(-5)
  expect(bucket.tokens(2, 20, 2500)).toBe(0)
  expect(bucket.tokens(2, 20, 3000)).toBe(1)
  expect(bucket.tokens(2, 20, 3_600_000)).toBe(20)
})
