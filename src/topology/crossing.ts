// One connection of a client in one datacenter to a broker in another: two sockets, and between them what their link makes of bytes.

import type { Address, Platform, Socket, SocketHandler, Timer } from '../platform/platform.ts'
import { correlationIdOf, FrameWalk, type RequestHead, requestHead } from './frame-walk.ts'
import type { Fate, LinkFaults } from './link-faults.ts'
import type { RoomPool } from './rooms.ts'
import { type MessageReader, Stream } from './stream.ts'
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
