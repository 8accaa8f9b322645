import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Lane } from '../../src/topology/lane.ts'
import { type Speed, UNLIMITED, Way } from '../../src/topology/way.ts'

const MBIT = 1_000_000
const wayOf = (speed: Partial<Speed>) => new Way('virginia', 'oregon', { ...UNLIMITED, ...speed })

interface Arrival {
  readonly at: number
  readonly bytes: number
  readonly lane: number
}

/** Runs lanes from one time to another as their timers would; what arrived, and when. */
function run(lanes: readonly Lane[], from: number, until: number, fraction = () => 0.5): Arrival[] {
  const arrivals: Arrival[] = []
  for (let now = from; now <= until; ) {
    for (const lane of lanes) lane.setOut(now, fraction)
    lanes.forEach((lane, index) => {
      for (const { length } of lane.arrived(now)) arrivals.push({ at: now, bytes: length, lane: index })
      lane.setOut(now, fraction)
    })
    const next = Math.min(...lanes.map((lane) => lane.nextAt ?? Number.POSITIVE_INFINITY))
    if (next === Number.POSITIVE_INFINITY) break
    now = Math.max(next, now)
  }
  return arrivals
}

const sum = (arrivals: readonly Arrival[]) => arrivals.reduce((total, { bytes }) => total + bytes, 0)

describe('a lane', () => {
  it('delivers at once where the way is direct', () => {
    const lane = new Lane(wayOf({}))
    expect(lane.isClear(0)).toBe(true)
    lane.push(Buffer.alloc(100))
    expect(run([lane], 7, 7)).toEqual([{ at: 7, bytes: 100, lane: 0 }])
    expect(lane.heldBytes).toBe(0)
  })

  it('keeps bytes on their way for the latency, off by at most the jitter', () => {
    const way = wayOf({ latencyMs: 35, jitterMs: 2 })
    for (const [fraction, at] of [
      [0, 33],
      [0.5, 35],
      [0.999, 36.996],
    ] as const) {
      const lane = new Lane(way)
      lane.push(Buffer.alloc(10))
      expect(run([lane], 0, 100, () => fraction)[0]!.at).toBeCloseTo(at, 5)
    }
  })

  it('takes as long for many bytes as the bandwidth says', () => {
    const lane = new Lane(wayOf({ latencyMs: 10, bitsPerSecond: 8 * MBIT }))
    for (let index = 0; index < 10; index++) lane.push(Buffer.alloc(10_000))
    const arrivals = run([lane], 0, 1_000)
    expect(sum(arrivals)).toBe(100_000)
    // A thousand bytes a millisecond, then the latency; not in one lump.
    expect(arrivals.at(-1)!.at).toBeCloseTo(110, 5)
    expect(sum(arrivals.filter(({ at }) => at <= 60))).toBeGreaterThan(45_000)
  })

  it('shares the wire: a small message waits for turns, not for all that another connection has queued', () => {
    const way = wayOf({ bitsPerSecond: MBIT })
    const [bulk, small] = [new Lane(way), new Lane(way)]
    for (let index = 0; index < 4; index++) bulk.push(Buffer.alloc(64 * 1024))
    const before = run([bulk], 0, 100)
    small.push(Buffer.alloc(100))
    const arrivals = run([bulk, small], 100, 5_000)
    const mine = arrivals.find(({ lane }) => lane === 1)!
    expect(mine.at).toBeLessThan(120)
    expect(sum(before) + sum(arrivals)).toBe(4 * 64 * 1024 + 100)
  })

  it('carries nothing while it is cut or stalled, and all of it afterwards, in order', () => {
    for (const hold of ['cut', 'stall'] as const) {
      const way = wayOf({ latencyMs: 20 })
      const lane = new Lane(way)
      const set = (isHeld: boolean) => {
        if (hold === 'cut') way.isCut = isHeld
        else lane.isStalled = isHeld
      }
      lane.push(Buffer.from('under way'))
      lane.setOut(0, () => 0.5)
      set(true)
      lane.interrupt()
      lane.push(Buffer.from(', waiting'))
      lane.end()
      expect(run([lane], 10, 1_000)).toEqual([])
      expect([lane.heldBytes, lane.nextAt]).toEqual([18, undefined])
      set(false)
      const arrivals = run([lane], 1_000, 2_000)
      expect(arrivals.map(({ at, bytes }) => [at, bytes])).toEqual([
        [1_020, 9],
        [1_020, 9],
      ])
      expect([lane.heldBytes, lane.hasEnded]).toEqual([0, true])
    }
  })

  it('holds back what comes after a delay, and nothing that came before', () => {
    const lane = new Lane(wayOf({}))
    lane.push(Buffer.alloc(1))
    lane.delay(50)
    lane.push(Buffer.alloc(2))
    expect(lane.isClear(10)).toBe(false)
    expect(run([lane], 0, 100)).toEqual([
      { at: 0, bytes: 1, lane: 0 },
      { at: 50, bytes: 2, lane: 0 },
    ])
    expect(lane.isClear(50)).toBe(true)
  })

  it('takes a new speed at once, and order stays', () => {
    const way = wayOf({ latencyMs: 100, bitsPerSecond: MBIT })
    const lane = new Lane(way)
    lane.push(Buffer.alloc(60_000))
    expect(sum(run([lane], 0, 110))).toBeLessThan(3_000)
    way.speed = UNLIMITED
    lane.quicken()
    const rest = run([lane], 111, 500)
    expect(rest.at(-1)!.at).toBeLessThan(220)
    expect(lane.heldBytes).toBe(0)
  })

  it('delivers every byte once and in order, whatever happens to it', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('push' as const), length: fc.integer({ min: 1, max: 3_000 }) }),
      fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({ do: fc.constantFrom('cut', 'stall', 'heal') }),
      fc.record({ do: fc.constant('delay' as const), ms: fc.integer({ min: 0, max: 50 }) }),
      fc.record({
        do: fc.constant('speed' as const),
        latencyMs: fc.integer({ min: 0, max: 40 }),
        jitterMs: fc.integer({ min: 0, max: 40 }),
      }),
    )
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 40 }),
        fc.infiniteStream(fc.double({ min: 0, max: 0.999, noNaN: true })),
        (steps, chance) => {
          const fraction = () => chance.next().value as number
          const way = wayOf({ latencyMs: 5, jitterMs: 5, bitsPerSecond: MBIT })
          const lane = new Lane(way)
          let now = 0
          let written = 0
          const arrived: number[] = []
          const advance = (until: number) => {
            for (let at = now; at <= until; at = Math.max(at, lane.nextAt ?? Number.POSITIVE_INFINITY)) {
              lane.setOut(at, fraction)
              for (const piece of lane.arrived(at)) arrived.push(...piece)
              lane.setOut(at, fraction)
            }
            now = until
          }
          for (const one of steps) {
            if (one.do === 'push') {
              lane.push(Uint8Array.from({ length: one.length }, () => written++ % 251))
            } else if (one.do === 'wait') advance(now + one.ms)
            else if (one.do === 'delay') lane.delay(now + one.ms)
            else if (one.do === 'speed') {
              way.speed = { ...way.speed, latencyMs: one.latencyMs, jitterMs: one.jitterMs }
              lane.quicken()
            } else if (one.do === 'heal') {
              way.isCut = false
              lane.isStalled = false
            } else {
              if (one.do === 'cut') way.isCut = true
              else lane.isStalled = true
              lane.interrupt()
            }
            expect(lane.heldBytes).toBe(written - arrived.length)
          }
          way.isCut = false
          lane.isStalled = false
          lane.end()
          advance(now + 10_000)
          expect([lane.hasEnded, lane.heldBytes, arrived.length]).toEqual([true, 0, written])
          expect(arrived.every((byte, index) => byte === index % 251)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })
})

describe('a way', () => {
  it('lets a connection have on its way what fills the wire, within bounds', () => {
    expect(wayOf({}).windowBytes).toBe(1024 * 1024)
    expect(wayOf({ latencyMs: 50, bitsPerSecond: 64_000 }).windowBytes).toBe(256 * 1024)
    expect(wayOf({ latencyMs: 35, jitterMs: 2, bitsPerSecond: 1_000 * MBIT }).windowBytes).toBe(10_250_000)
    expect(wayOf({ latencyMs: 1_000 }).windowBytes).toBe(16 * 1024 * 1024)
  })
})
