import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'
import { nodeClock } from '../../src/platform/node-clock.ts'
import { nodeRandom } from '../../src/platform/node-random.ts'
import { sleep } from '../../src/platform/platform.ts'

const clock = nodeClock()

describe('the clock', () => {
  it('runs timers in the order of their delays and never one that was cancelled', async () => {
    const ran: string[] = []
    const done = new Promise<void>((resolve) => {
      clock.setTimer(30, () => {
        ran.push('late')
        resolve()
      })
    })
    clock.setTimer(-5, () => ran.push('overdue'))
    clock.setTimer(10, () => ran.push('cancelled')).cancel()
    // A pending timer keeps no process alive, so something else has to.
    const keep = setInterval(() => {}, 1000)
    await done
    clearInterval(keep)
    expect(ran).toEqual(['overdue', 'late'])
  })

  it('does not fire a timer of a hundred days at once', async () => {
    let fired = false
    const timer = clock.setTimer(100 * 86_400_000, () => {
      fired = true
    })
    await sleep(clock, 20)
    timer.cancel()
    expect(fired).toBe(false)
  })

  it('defers behind the promises that are ready and measures time forwards', async () => {
    const order: string[] = []
    const deferred = new Promise<void>((resolve) => clock.defer(() => resolve(void order.push('deferred'))))
    await Promise.resolve().then(() => order.push('promise'))
    const before = clock.monotonic()
    await deferred
    expect(order).toEqual(['promise', 'deferred'])
    expect(clock.monotonic()).toBeGreaterThanOrEqual(before)
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000)
  })

  it('lets the process end while a timer is pending', () => {
    const clockUrl = new URL('../../src/platform/node-clock.ts', import.meta.url).href
    const program = `import { nodeClock } from '${clockUrl}'; nodeClock().setTimer(60_000, () => {})`
    const run = spawnSync(process.execPath, ['--input-type=module', '-e', program], { timeout: 15_000 })
    expect(run.status).toBe(0)
  })
})

describe('chance', () => {
  it('gives bytes of the wanted length and fractions below one', () => {
    const random = nodeRandom()
    expect(random.bytes(16)).toHaveLength(16)
    expect(random.bytes(16).equals(random.bytes(16))).toBe(false)
    const fraction = random.fraction()
    expect(fraction).toBeGreaterThanOrEqual(0)
    expect(fraction).toBeLessThan(1)
  })
})
