// One connection of a client in one datacenter to a broker in another: two sockets, and between them what their link makes of bytes.

import type { Address, Platform, Socket, SocketHandler, Timer } from '../platform/platform.ts'
import { correlationIdOf, FrameWalk, type RequestHead, requestHead } from './frame-walk.ts'
import { Lane } from './lane.ts'
import type { Fate, LinkFaults } from './link-faults.ts'
import { type RoomPool, Rooms } from './rooms.ts'
import type { Way } from './way.ts'

export interface CrossingOptions {
  readonly platform: Platform
  /** From the client to the broker. */
  readonly there: Way
  readonly back: Way
  readonly faults: LinkFaults
  readonly rooms: RoomPool
  /** The broker's. */
  readonly cluster: string
  readonly target: Address
  /** What passes cannot be read, so no fault meets any message. */
  readonly isEncrypted: boolean
  /** Called once, when both ends are closed. */
  readonly onOver: (crossing: Crossing) => void
}

/** Requests whose answers are looked out for; of more, the oldest are forgotten, as those that want no answer are. */
const UNANSWERED_MAX = 10_000

/**
 * 1. It dials the broker one round trip after the client has come, and only while nothing is cut, as a connection is made of messages
 *    both ways.
 * 2. An end that closes is closed at the other side once all that it sent has arrived there.
 */
export class Crossing {
  readonly there: Stream
  readonly back: Stream
  readonly #options: CrossingOptions
  readonly #client: Socket
  #broker: Socket | undefined
  #dialTimer: Timer | undefined
  #dialAt: number
  #isClientOpen = true
  #isBrokerOpen = false
  /** Requests that are under way or at the broker, oldest first. */
  readonly #unanswered: RequestHead[] = []

  constructor(client: Socket, options: CrossingOptions) {
    const { platform, there, back, rooms, isEncrypted } = options
    this.#options = options
    this.#client = client
    const asIs: MessageReader = { walk: undefined, judge: () => 0, break: () => this.reset() }
    const requests = { ...asIs, walk: FrameWalk.ofRequests(), judge: (head: Buffer) => this.#onRequest(head) }
    const answers = { ...asIs, walk: FrameWalk.ofAnswers(), judge: (head: Buffer) => this.#onAnswer(head) }
    this.there = new Stream(platform, there, rooms, isEncrypted ? asIs : requests)
    this.back = new Stream(platform, back, rooms, isEncrypted ? asIs : answers)
    this.there.source = client
    this.back.sink = client
    this.#dialAt = platform.clock.monotonic() + there.speed.latencyMs + back.speed.latencyMs
    this.#dial()
  }

  /** What the client's socket does. */
  get handler(): SocketHandler {
    const { there, back } = this
    return {
      readInto: () => there.readInto(),
      didRead: (length) => there.didRead(length),
      drained: () => back.sinkDrained(),
      closed: () => {
        this.#isClientOpen = false
        back.sinkClosed()
        if (this.#broker) there.sourceClosed()
        else this.#dialTimer?.cancel()
        this.#checkOver()
      },
    }
  }

  /** The link has changed: a cut is healed, the speed is another. */
  goOn(): void {
    this.#dial()
    for (const stream of [this.there, this.back]) {
      stream.lane.quicken()
      stream.goOn()
    }
  }

  /** Breaks it for both ends. */
  reset(): void {
    this.#dialTimer?.cancel()
    this.there.sinkClosed()
    this.back.sinkClosed()
    this.#client.reset()
    this.#broker?.reset()
  }

  #dial(): void {
    const { platform } = this.#options
    if (this.#broker || !this.#isClientOpen || this.there.lane.isHeld || this.back.lane.isHeld) return
    this.#dialTimer?.cancel()
    this.#dialTimer = undefined
    const waitMs = this.#dialAt - platform.clock.monotonic()
    if (waitMs > 0) {
      this.#dialTimer = platform.clock.setTimer(waitMs, () => this.#dial())
      return
    }
    this.#isBrokerOpen = true
    this.#broker = platform.network.connect(this.#options.target, this.#brokerHandler())
    this.back.source = this.#broker
  }

  #brokerHandler(): SocketHandler {
    const { there, back } = this
    return {
      opened: () => {
        there.sink = this.#broker
        there.goOn()
      },
      readInto: () => back.readInto(),
      didRead: (length) => back.didRead(length),
      drained: () => there.sinkDrained(),
      closed: () => {
        this.#isBrokerOpen = false
        there.sinkClosed()
        back.sourceClosed()
        this.#checkOver()
      },
    }
  }

  #onRequest(bytes: Buffer): Fate {
    const head = requestHead(bytes)
    if (!head) return 0
    this.#unanswered.push(head)
    if (this.#unanswered.length > UNANSWERED_MAX) this.#unanswered.splice(0, UNANSWERED_MAX / 2)
    const { faults, cluster } = this.#options
    return faults.judge({ ...head, cluster, direction: 'request' })
  }

  /** Answers come in the order of the requests; those before it wanted none. */
  #onAnswer(bytes: Buffer): Fate {
    const correlationId = correlationIdOf(bytes)
    const index = this.#unanswered.findIndex((head) => head.correlationId === correlationId)
    if (index < 0) return 0
    const head = this.#unanswered[index]!
    this.#unanswered.splice(0, index + 1)
    const { faults, cluster } = this.#options
    return faults.judge({ ...head, cluster, direction: 'answer' })
  }

  #checkOver(): void {
    if (this.#isClientOpen || this.#isBrokerOpen) return
    this.there.close()
    this.back.close()
    this.#options.onOver(this)
  }
}

/** What looks at the messages of a stream. */
interface MessageReader {
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
class Stream {
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
