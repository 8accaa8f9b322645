// Durations of the last half to whole minute: the last, least, greatest and mean, as Java's metrics show them. Two windows take turns, so
// that it costs a few numbers however much is observed.

export interface TimesSeen {
  readonly last: number
  readonly avg: number
  readonly min: number
  readonly max: number
}

interface Window {
  count: number
  sum: number
  min: number
  max: number
}

const WINDOW_MS = 30_000
const NOTHING: Readonly<Window> = { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: 0 }

export class RecentTimes {
  #now: Window = { ...NOTHING }
  #before: Readonly<Window> = NOTHING
  #beganMs = Number.NEGATIVE_INFINITY
  #last = 0

  /** A time below zero is one that two clocks disagree about. */
  observe(ms: number, nowMs: number): void {
    this.#turn(nowMs)
    this.#last = Math.max(0, ms)
    this.#now.count++
    this.#now.sum += this.#last
    this.#now.min = Math.min(this.#now.min, this.#last)
    this.#now.max = Math.max(this.#now.max, this.#last)
  }

  /** Undefined when nothing was observed lately. */
  seen(nowMs: number): TimesSeen | undefined {
    this.#turn(nowMs)
    const count = this.#now.count + this.#before.count
    if (count === 0) return undefined
    return {
      last: this.#last,
      avg: (this.#now.sum + this.#before.sum) / count,
      min: Math.min(this.#now.min, this.#before.min),
      max: Math.max(this.#now.max, this.#before.max),
    }
  }

  #turn(nowMs: number): void {
    const passed = nowMs - this.#beganMs
    if (passed < WINDOW_MS) return
    this.#before = passed < 2 * WINDOW_MS ? this.#now : NOTHING
    this.#now = { ...NOTHING }
    this.#beganMs = nowMs
  }
}
