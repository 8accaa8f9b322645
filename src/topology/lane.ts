import type { Way } from './way.ts'

/** A connection has the wire for so long ahead of time, so that a timer that is late leaves no gap on it. */
const AHEAD_MS = 5

interface Waiting {
  bytes: Uint8Array
  readonly notBefore: number
}

interface Underway {
  readonly bytes: Uint8Array
  readonly arrival: number
}

/** Stands for the end of the stream, and travels like a byte. */
const END = new Uint8Array(0)

/**
 * One direction of one connection on its way: what waits for the wire and what is under way. It holds time and chance as
 * arguments, and bytes that it does not copy.
 *
 * 1. Bytes arrive in the order in which they were pushed, the end after all of them.
 * 2. While it is held, nothing sets out and nothing arrives; what was under way sets out again afterwards, as TCP sends again.
 * 3. `heldBytes` is the sum of all that was pushed and has not arrived.
 */
export class Lane {
  /** This connection carries nothing, whatever the way does. */
  isStalled = false
  readonly way: Way
  #waiting: Waiting[] = []
  #underway: Underway[] = []
  #heldBytes = 0
  #leavesAt = 0
  #notBefore = 0
  #hasEnded = false

  constructor(way: Way) {
    this.way = way
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  get isHeld(): boolean {
    return this.isStalled || this.way.isCut
  }

  /** Whether what is pushed now may as well be delivered at once. */
  isClear(nowMs: number): boolean {
    if (!this.way.isDirect || this.isHeld || this.#notBefore > nowMs) return false
    return this.#waiting.length === 0 && this.#underway.length === 0
  }

  /** The end has arrived. */
  get hasEnded(): boolean {
    return this.#hasEnded
  }

  push(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    this.#heldBytes += bytes.length
    this.#waiting.push({ bytes, notBefore: this.#notBefore })
  }

  end(): void {
    this.#waiting.push({ bytes: END, notBefore: this.#notBefore })
  }

  /** What is pushed from now on sets out at that time at the earliest. */
  delay(untilMs: number): void {
    this.#notBefore = Math.max(this.#notBefore, untilMs)
  }

  /** Puts on the wire what has its turn by now. */
  setOut(nowMs: number, fraction: () => number): void {
    if (this.isHeld) return
    const turnBytes = this.way.turnBytes
    let next = 0
    for (; next < this.#waiting.length; next++) {
      const first = this.#waiting[next]!
      if (first.notBefore > nowMs) break
      while (first.bytes.length > turnBytes && this.#leavesAt <= nowMs + AHEAD_MS) {
        this.#send(first.bytes.subarray(0, turnBytes), nowMs, fraction())
        first.bytes = first.bytes.subarray(turnBytes)
      }
      if (this.#leavesAt > nowMs + AHEAD_MS) break
      this.#send(first.bytes, nowMs, fraction())
    }
    if (next > 0) this.#waiting.splice(0, next)
  }

  /** Takes what is there by now; a piece that is early waits for those before it. */
  arrived(nowMs: number): Uint8Array[] {
    if (this.isHeld) return []
    let count = 0
    while (count < this.#underway.length && this.#underway[count]!.arrival <= nowMs) count++
    if (count === 0) return []
    const pieces: Uint8Array[] = []
    for (const { bytes } of this.#underway.splice(0, count)) {
      this.#heldBytes -= bytes.length
      if (bytes === END) this.#hasEnded = true
      else pieces.push(bytes)
    }
    return pieces
  }

  /** When there is something to do again; undefined: not before something is pushed or the way is free again. */
  get nextAt(): number | undefined {
    if (this.isHeld) return undefined
    const arrival = this.#underway[0]?.arrival
    const first = this.#waiting[0]
    if (first === undefined) return arrival
    const turn = Math.max(first.notBefore, this.#leavesAt - AHEAD_MS)
    return arrival === undefined ? turn : Math.min(arrival, turn)
  }

  /** Invariant 2: the way was cut, or this connection stalls. */
  interrupt(): void {
    const again = this.#underway.map(({ bytes }) => ({ bytes, notBefore: 0 }))
    this.#waiting = [...again, ...this.#waiting]
    this.#underway = []
    this.#leavesAt = 0
  }

  /** The way's speed has changed: what waits is not bound to the turns of before. */
  quicken(): void {
    this.#leavesAt = 0
  }

  /** There is nobody to arrive at any more. */
  clear(): void {
    this.#waiting = []
    this.#underway = []
    this.#heldBytes = 0
  }

  #send(bytes: Uint8Array, nowMs: number, fraction: number): void {
    this.#leavesAt = this.way.send(bytes.length, nowMs)
    this.#underway.push({ bytes, arrival: this.#leavesAt + this.way.travelMs(fraction) })
  }
}
