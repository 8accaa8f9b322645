// One direction between two datacenters: how fast it is, whether anything passes, and when bytes that set out now arrive.

/** What a direction makes of bytes. */
export interface Speed {
  /** How long a byte is on its way. */
  readonly latencyMs: number
  /** The latency is off by up to so much, earlier or later, drawn for each piece. */
  readonly jitterMs: number
  /** What all connections together get through; Infinity: no limit. */
  readonly bitsPerSecond: number
}

export const UNLIMITED: Speed = { latencyMs: 0, jitterMs: 0, bitsPerSecond: Number.POSITIVE_INFINITY }

const BITS_PER_MS_OF_BYTES = 8_000
/** Bytes take turns on a thin wire: one connection has it for so long, then the next. */
const TURN_MS = 4
const TURN_BYTES_MIN = 256
const TURN_BYTES_MAX = 64 * 1024
const WINDOW_BYTES_MIN = 256 * 1024
const WINDOW_BYTES_DIRECT = 1024 * 1024
const WINDOW_BYTES_MAX = 16 * 1024 * 1024

/**
 * The wire from one datacenter to another, shared by all connections that take it.
 *
 * 1. Bytes leave one after another, whosesoever they are: what is sent now leaves when all that was sent before has left.
 */
export class Way {
  readonly from: string
  readonly to: string
  /** What it has when nothing is wrong with it. */
  readonly planned: Speed
  /** Nothing passes until it is healed. */
  isCut = false
  /** That were put on it so far. */
  bytes = 0
  #speed: Speed
  #freeAt = 0

  constructor(from: string, to: string, planned: Speed = UNLIMITED) {
    this.from = from
    this.to = to
    this.planned = planned
    this.#speed = planned
  }

  get speed(): Speed {
    return this.#speed
  }

  /** Holds for what is sent from then on. */
  set speed(speed: Speed) {
    this.#speed = speed
    // What waited for a thin wire does not wait for a thick one.
    this.#freeAt = 0
  }

  /** Whether a byte arrives at once. */
  get isDirect(): boolean {
    const { latencyMs, jitterMs, bitsPerSecond } = this.#speed
    return latencyMs === 0 && jitterMs === 0 && bitsPerSecond === Number.POSITIVE_INFINITY
  }

  /** The most that is put on the wire at once. */
  get turnBytes(): number {
    return within(TURN_BYTES_MIN, this.#bytesPerMs * TURN_MS, TURN_BYTES_MAX)
  }

  /** What one connection may have on its way and waiting: enough to fill the wire, as TCP's own window would. */
  get windowBytes(): number {
    if (this.isDirect) return WINDOW_BYTES_DIRECT
    const { latencyMs, jitterMs } = this.#speed
    return within(WINDOW_BYTES_MIN, 2 * this.#bytesPerMs * (latencyMs + jitterMs + TURN_MS), WINDOW_BYTES_MAX)
  }

  /** Puts bytes on the wire; when the last of them has left this end. */
  send(bytes: number, nowMs: number): number {
    this.bytes += bytes
    this.#freeAt = Math.max(this.#freeAt, nowMs) + bytes / this.#bytesPerMs
    return this.#freeAt
  }

  /** How long a piece is under way; `fraction` is drawn for it, 0 ≤ x < 1. */
  travelMs(fraction: number): number {
    const { latencyMs, jitterMs } = this.#speed
    return Math.max(0, latencyMs + (2 * fraction - 1) * jitterMs)
  }

  get #bytesPerMs(): number {
    return this.#speed.bitsPerSecond / BITS_PER_MS_OF_BYTES
  }
}

function within(least: number, value: number, most: number): number {
  return Math.floor(Math.min(Math.max(value, least), most))
}
