// Durations of the last half to whole minute: the last, least, greatest and mean, as Java's metrics show them. Two windows take turns, so
// that it costs a few numbers however much is observed.

export interface TimesSeen {
  readonly last: number
  readonly avg: number
  readonly min: number
  readonly max: number
}

const WINDOW_MS = 30_000

/**
 * A window as the doubles count, sum, least, greatest. Not as an object: once a sum outgrows a small integer V8 gives such objects a new
 * shape, and each window that is then copied from an empty one of the old shape has the code that uses it compiled without end.
 */
type Window = Float64Array
const COUNT = 0
const SUM = 1
const MIN = 2
const MAX = 3

const emptyWindow = (): Window => Float64Array.of(0, 0, Number.POSITIVE_INFINITY, 0)

export class RecentTimes {
  #now = emptyWindow()
  #before = emptyWindow()
  #beganMs = Number.NEGATIVE_INFINITY
  #last = 0

  /** A time below zero is one that two clocks disagree about. */
  observe(ms: number, nowMs: number): void {
    this.#turn(nowMs)
    const window = this.#now
    this.#last = Math.max(0, ms)
    window[COUNT]!++
    window[SUM]! += this.#last
    window[MIN] = Math.min(window[MIN]!, this.#last)
    window[MAX] = Math.max(window[MAX]!, this.#last)
  }

  /** Undefined when nothing was observed lately. */
  seen(nowMs: number): TimesSeen | undefined {
    this.#turn(nowMs)
    const [now, before] = [this.#now, this.#before]
    const count = now[COUNT]! + before[COUNT]!
    if (count === 0) return undefined
    return {
      last: this.#last,
      avg: (now[SUM]! + before[SUM]!) / count,
      min: Math.min(now[MIN]!, before[MIN]!),
      max: Math.max(now[MAX]!, before[MAX]!),
    }
  }

  #turn(nowMs: number): void {
    const passed = nowMs - this.#beganMs
    if (passed < WINDOW_MS) return
    this.#before = passed < 2 * WINDOW_MS ? this.#now : emptyWindow()
    this.#now = emptyWindow()
    this.#beganMs = nowMs
  }
}
