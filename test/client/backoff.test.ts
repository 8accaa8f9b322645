import { describe, expect, it } from 'vitest'
import { Backoff, retry } from '../../src/client/backoff.ts'
import { HeliostatError } from '../../src/platform/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

const middle = { bytes: (length: number) => Buffer.alloc(length), fraction: () => 0.5 }
const transient = () => new HeliostatError('HEL_UNREACHABLE', 'not now', { retriable: true })

describe('a back-off', () => {
  it('doubles up to its maximum and begins anew after reset', () => {
    const backoff = new Backoff(middle, { initialMs: 50, maxMs: 300 })
    expect([1, 2, 3, 4, 5].map(() => backoff.next())).toEqual([50, 100, 200, 300, 300])
    backoff.reset()
    expect(backoff.next()).toBe(50)
  })

  it('varies by its jitter and no more', () => {
    const at = (fraction: number) =>
      new Backoff({ ...middle, fraction: () => fraction }, { initialMs: 100, maxMs: 100, jitter: 0.2 }).next()
    expect(at(0)).toBeCloseTo(80)
    expect(at(0.999)).toBeLessThan(120)
  })
})

describe('retry', () => {
  const options = { initialMs: 100, maxMs: 1_000, timeoutMs: 1_000 }

  it('tries again while the error is retriable and resolves to the first success', async () => {
    const clock = new FakeClock()
    let attempts = 0
    const result = retry(clock, middle, options, async () => {
      if (++attempts < 3) throw transient()
      return attempts
    })
    await clock.advance(99)
    expect(attempts).toBe(1)
    await clock.advance(1)
    expect(attempts).toBe(2)
    await clock.advance(200)
    expect(await result).toBe(3)
  })

  it.each([
    ['an error that is not retriable', new HeliostatError('HEL_AUTHENTICATION', 'no')],
    ['an error that is not ours', new TypeError('bug')],
  ])('throws %s at once', async (_, error) => {
    let attempts = 0
    const attempt = async () => {
      attempts++
      throw error
    }
    await expect(retry(new FakeClock(), middle, options, attempt)).rejects.toBe(error)
    expect(attempts).toBe(1)
  })

  it('throws the last error when time is up', async () => {
    const clock = new FakeClock()
    let attempts = 0
    const outcome = retry(clock, middle, options, async () => {
      attempts++
      throw new HeliostatError('HEL_X', `attempt ${attempts}`, { retriable: true })
    }).catch((error) => error.message)
    await clock.advance(5_000)
    // Waits of 100, 200 and 400 ms; the next, 800 ms, would end behind the limit.
    expect(await outcome).toBe('attempt 4')
  })

  it('stops when it is told to, also in the middle of a wait', async () => {
    const clock = new FakeClock()
    const stop = new AbortController()
    let attempts = 0
    const outcome = retry(clock, middle, { ...options, signal: stop.signal }, async () => {
      attempts++
      throw transient()
    }).catch((error) => error.code)
    await clock.advance(50)
    stop.abort()
    expect(await outcome).toBe('HEL_UNREACHABLE')
    expect(attempts).toBe(2)
  })
})
