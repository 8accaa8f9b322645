// One direction of a connection over a link, from socket to socket.

import type { Platform, Socket, Timer } from '../platform/platform.ts'
import type { FrameWalk } from './frame-walk.ts'
import { Lane } from './lane.ts'
import type { Fate } from './link-faults.ts'
import { type RoomPool, Rooms } from './rooms.ts'
import type { Way } from './way.ts'

/** What looks at the messages of a stream. */
export interface MessageReader {
  /** Absent: they cannot be told from one another. */
  readonly walk: FrameWalk | undefined
  readonly judge: (head: Buffer) => Fate
  /** Carries out that the connection is broken. */
  readonly break: () => void
}

/**
 * One direction of a crossing: from one socket, over its lane, to the other.
 *
 * 1. What it holds, with what its sink has not taken, stays within the way's window and one read: above, its source is not read.
 * 2. Its rooms are released as far as its sink has taken their bytes.
 */
export class Stream {
  readonly lane: Lane
  source: Socket | undefined
  sink: Socket | undefined
  readonly #platform: Platform
  readonly #way: Way
  readonly #rooms: Rooms
  readonly #reader: MessageReader
  /** Nothing that comes arrives any more. */
  #isMute = false
  #isPaused = false
  #handedOver = 0
  #released = 0
  #timer: Timer | undefined
  #timerAt = Number.POSITIVE_INFINITY

  constructor(platform: Platform, way: Way, rooms: RoomPool, reader: MessageReader) {
    this.lane = new Lane(way)
    this.#platform = platform
    this.#way = way
    this.#rooms = new Rooms(rooms)
    this.#reader = reader
  }

  readInto(): Uint8Array {
    return this.#rooms.readInto()
  }

  didRead(length: number): void {
    if (this.#isMute) return
    // Nothing is handed over before all is judged: what a sink has taken makes room for the next read.
    const { end, fate, delays } = this.#judge(length)
    const bytes = this.#rooms.keep(end)
    let from = 0
    for (const { start, delayMs } of delays) {
      this.#take(bytes.subarray(from, start))
      this.lane.delay(this.#now + delayMs)
      from = start
    }
    this.#take(bytes.subarray(from))
    if (fate === 'drop') this.#isMute = true
    if (fate === 'close') this.#reader.break()
    else this.goOn()
  }

  /** The source is closed: what it sent still arrives, and then its end. */
  sourceClosed(): void {
    this.source = undefined
    this.lane.end()
    this.goOn()
  }

  sinkClosed(): void {
    this.sink = undefined
    this.#isMute = true
    this.#cancel()
    this.lane.clear()
    // Its peer must not wait for somebody who is gone, but hear that.
    if (this.#isPaused) this.source?.resume()
    this.#isPaused = false
  }

  sinkDrained(): void {
    this.#release()
    this.#applyPressure()
  }

  /** The way was cut: nothing arrives until it is healed. */
  interrupt(): void {
    this.lane.interrupt()
    this.#cancel()
  }

  /** As if the way were cut for this connection alone. */
  stall(): void {
    this.lane.isStalled = true
    this.interrupt()
  }

  /** Delivers what is due, and looks again when there is more. */
  goOn(): void {
    const { sink } = this
    if (sink) {
      const now = this.#now
      this.lane.setOut(now, () => this.#platform.random.fraction())
      this.#deliver(sink, this.lane.arrived(now))
      this.#wakeAt(this.lane.nextAt)
      if (this.lane.hasEnded) sink.end()
    }
    this.#applyPressure()
  }

  close(): void {
    this.#cancel()
    this.#rooms.close()
  }

  get #now(): number {
    return this.#platform.clock.monotonic()
  }

  /** What becomes of the bytes that were read: how many go on their way, later or not, and what ends that. */
  #judge(length: number): { end: number; fate: Fate; delays: { start: number; delayMs: number }[] } {
    const judged = { end: length, fate: 0 as Fate, delays: [] as { start: number; delayMs: number }[] }
    this.#reader.walk?.over(this.#rooms.look(length), (head, start) => {
      const fate = this.#reader.judge(head)
      if (typeof fate === 'number') {
        if (fate > 0) judged.delays.push({ start, delayMs: fate })
        return true
      }
      judged.end = start
      judged.fate = fate
      return false
    })
    return judged
  }

  #take(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    if (this.sink && this.lane.isClear(this.#now)) {
      this.#way.bytes += bytes.length
      this.#deliver(this.sink, [bytes])
    } else this.lane.push(bytes)
  }

  #deliver(sink: Socket, pieces: readonly Uint8Array[]): void {
    if (pieces.length === 0) return
    for (const { length } of pieces) this.#handedOver += length
    sink.write(pieces)
    this.#release()
  }

  #release(): void {
    const taken = this.#handedOver - (this.sink?.bytesQueued ?? 0)
    if (taken > this.#released) this.#rooms.release(taken - this.#released)
    this.#released = Math.max(this.#released, taken)
  }

  #applyPressure(): void {
    const held = this.lane.heldBytes + (this.sink?.bytesQueued ?? 0)
    const waits = this.#isPaused ? held > this.#way.windowBytes / 2 : held >= this.#way.windowBytes
    if (waits === this.#isPaused) return
    this.#isPaused = waits
    if (waits) this.source?.pause()
    else this.source?.resume()
  }

  #wakeAt(at: number | undefined): void {
    if (at === this.#timerAt) return
    this.#cancel()
    if (at === undefined) return
    this.#timerAt = at
    this.#timer = this.#platform.clock.setTimer(Math.max(0, Math.ceil(at - this.#now)), () => {
      this.#timerAt = Number.POSITIVE_INFINITY
      this.goOn()
    })
  }

  #cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#timerAt = Number.POSITIVE_INFINITY
  }
}
