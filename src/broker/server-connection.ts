import type { Logger, Socket, SocketHandler, Timer } from '../platform/platform.ts'
import { FrameReader } from '../protocol/frame.ts'
import { produce } from '../protocol/messages/produce.ts'
import type { Broker } from './broker.ts'
import { CLOSE, type Dispatched, type Dispatcher, type Session } from './dispatcher.ts'
import type { ListenerPlan } from './listeners/listener-plan.ts'
import type { Arrival } from './quota/connection-gate.ts'
import { ANONYMOUS, type Principal } from './security/authorizer.ts'
import { subjectOf } from './security/distinguished-name.ts'
import { hostAddress } from './security/host-address.ts'
import { type Admission, LoginGate } from './security/login-gate.ts'

/** Requests that are not answered yet and answers that are not sent yet; above either, the socket is not read. */
const IN_FLIGHT_BYTES_MAX = 128 * 1024 * 1024
const IN_FLIGHT_REQUESTS_MAX = 1000

interface Slot {
  readonly requestBytes: number
  answer: Dispatched | typeof PENDING
}
const PENDING: unique symbol = Symbol('pending')

/**
 * One client's connection. Handlers may work side by side, the answers leave in the order of the requests.
 *
 * 1. `#slots` holds every request that is not answered, oldest first.
 * 2. The socket is paused exactly while too much is in flight, so that one client cannot fill the memory, or while the client
 *    is muted or not admitted.
 * 3. After `close` nothing is sent.
 * 4. Before `admit` and while the client is muted nothing is served: `#heldBack` has the frames that were read already, oldest first.
 * 5. Memory goes back to the broker's buffers once nobody reads it: that of an answer when the socket has taken all, that of a Produce
 *    request when it is answered, as by then its records are in the log. Other requests are left to the collector: groups keep parts.
 */
export class ServerConnection implements SocketHandler, Arrival {
  readonly #broker: Broker
  readonly #dispatcher: Dispatcher
  readonly #socket: Socket
  readonly #log: Logger
  readonly #plan: ListenerPlan
  /** Only on SASL listeners. */
  readonly #gate: LoginGate | undefined
  #session: Session
  readonly #frames: FrameReader
  readonly #slots: Slot[] = []
  readonly #heldBack: Buffer[] = []
  readonly #onClosed: () => void
  /** Handed to the socket, which may not have taken it yet. */
  #sent: Buffer[] = []
  #requestBytes = 0
  #reading = false
  #paused = false
  #closed = false
  /** After a request or a login that was refused nothing more is heard, nor carried out. */
  #refused = false
  #refusalTimer: Timer | undefined
  #lastRequestAt: number
  #idleTimer: Timer | undefined
  #mutedUntil = 0
  #muteTimer: Timer | undefined
  #isAdmitted = false

  constructor(broker: Broker, dispatcher: Dispatcher, socket: Socket, plan: ListenerPlan, onClosed: () => void) {
    this.#broker = broker
    this.#dispatcher = dispatcher
    this.#socket = socket
    this.#onClosed = onClosed
    this.#plan = plan
    this.#log = broker.log.child({ client: `${socket.remote.host}:${socket.remote.port}` })
    this.#gate = plan.sasl && new LoginGate(plan.sasl.mechanisms, broker.platform.clock)
    this.#session = this.#sessionOf(ANONYMOUS)
    this.#frames = new FrameReader(
      this.#frameBytesMax,
      (frame) => this.#onFrame(frame),
      (error) => this.#onBadFrame(error),
      (bytes) => broker.partitions.buffers.take(bytes),
    )
    this.#lastRequestAt = broker.platform.clock.monotonic()
    this.#watchIdle()
    if (!plan.sasl) this.#recognize(socket.peerCertificate)
  }

  readInto(): Uint8Array {
    return this.#frames.readInto()
  }

  didRead(length: number): void {
    if (this.#closed) return
    this.#reading = true
    this.#frames.didRead(length)
    this.#reading = false
    this.#flush()
  }

  drained(): void {
    for (const buffer of this.#sent) this.#broker.partitions.buffers.give(buffer)
    this.#sent = []
    this.#applyPressure()
  }

  closed(error: Error | undefined): void {
    this.#closed = true
    this.#idleTimer?.cancel()
    this.#refusalTimer?.cancel()
    this.#muteTimer?.cancel()
    if (error) this.#log.debug('broker.connection-lost', 'a client connection broke', { error: error.message })
    this.#onClosed()
  }

  close(): void {
    if (this.#closed) return
    this.#closed = true
    this.#socket.destroy()
  }

  get ip(): string {
    return this.#session.caller.host
  }

  admit(): void {
    this.#isAdmitted = true
    this.#serveHeldBack()
  }

  #mute(ms: number): void {
    const { clock } = this.#broker.platform
    const until = clock.monotonic() + ms
    if (this.#closed || until <= this.#mutedUntil) return
    this.#mutedUntil = until
    this.#muteTimer?.cancel()
    this.#muteTimer = clock.setTimer(ms, () => {
      this.#muteTimer = undefined
      this.#serveHeldBack()
    })
    this.#applyPressure()
  }

  get #isServed(): boolean {
    return this.#isAdmitted && !this.#muteTimer && !this.#refused
  }

  #serveHeldBack(): void {
    // Each of them may mute the client again.
    while (this.#heldBack.length > 0 && this.#isServed && !this.#closed) this.#serve(this.#heldBack.shift()!)
    this.#flush()
    this.#applyPressure()
  }

  #onFrame(frame: Buffer): void {
    if (this.#closed || this.#refused) return
    if (this.#isServed) this.#serve(frame)
    else this.#heldBack.push(frame)
  }

  #serve(frame: Buffer): void {
    this.#lastRequestAt = this.#broker.platform.clock.monotonic()
    const slot: Slot = { requestBytes: frame.length, answer: PENDING }
    this.#slots.push(slot)
    this.#requestBytes += frame.length
    const admission = this.#gate?.admit(frame)
    if (admission && admission.verdict !== 'pass') {
      this.#obey(admission, slot)
      return
    }
    const dispatched = this.#dispatcher.dispatch(this.#broker, this.#log, this.#session, frame, (ms) => this.#mute(ms))
    if (!(dispatched instanceof Promise)) {
      this.#releaseRequest(frame)
      this.#settle(slot, dispatched)
      return
    }
    void dispatched.then((answer) => {
      this.#releaseRequest(frame)
      this.#settle(slot, answer)
      this.#flush()
    })
  }

  /** Ends the connection as a refused request does: after the answers to what came before. */
  #onBadFrame(error: Error): void {
    if (this.#closed || this.#refused) return
    this.#log.warn('broker.bad-frame', 'no frame of Kafka; the connection is closed', { error: error.message })
    this.#slots.push({ requestBytes: 0, answer: CLOSE })
    this.#refused = true
  }

  /** Invariant 5. */
  #releaseRequest(frame: Buffer): void {
    if (frame.length > 2 && frame.readInt16BE(0) === produce.key) this.#broker.partitions.buffers.give(frame)
  }

  #settle(slot: Slot, answer: Dispatched): void {
    slot.answer = answer
    if (answer === CLOSE) this.#refused = true
  }

  #obey(admission: Exclude<Admission, { verdict: 'pass' }>, slot: Slot): void {
    if (admission.verdict === 'answer') {
      slot.answer = admission.answer
      this.#session = this.#sessionOf(this.#gate!.principal ?? ANONYMOUS)
      this.#frames.maxFrameBytes = this.#frameBytesMax
      return
    }
    this.#log.warn('broker.login-refused', 'a login was refused; the connection is closed', {
      reason: admission.reason,
    })
    if (admission.verdict === 'close') {
      this.#settle(slot, CLOSE)
      return
    }
    this.#refused = true
    this.#applyPressure()
    this.#refusalTimer = this.#broker.platform.clock.setTimer(this.#plan.sasl!.failedLoginDelayMs, () => {
      slot.answer = admission.answer
      this.#slots.push({ requestBytes: 0, answer: CLOSE })
      this.#flush()
    })
  }

  /** On a TLS listener without SASL the certificate says who it is. */
  #recognize(certificate: Buffer | undefined): void {
    if (!certificate) return
    try {
      const subject = subjectOf(certificate)
      const name = this.#plan.userOfSubject(subject)
      if (name === undefined) throw new Error(`no rule of ssl.principal.mapping.rules takes ${subject}`)
      this.#session = this.#sessionOf({ type: 'User', name })
    } catch (error) {
      const reason = (error as Error).message
      this.#log.warn('broker.login-refused', 'a certificate was refused; the connection is closed', { reason })
      this.close()
    }
  }

  #sessionOf(principal: Principal): Session {
    const host = hostAddress(this.#socket.remote.host)
    const { endpoint, isInternal = false } = this.#plan
    return { caller: { principal, host }, listener: endpoint.listener, isInternal }
  }

  /** A stranger gets little memory. */
  get #frameBytesMax(): number {
    const afterLogin = this.#broker.config.number('socket.request.max.bytes')
    return this.#plan.sasl && !this.#gate!.isOpen ? Math.min(this.#plan.sasl.maxReceiveBytes, afterLogin) : afterLogin
  }

  /** Sends the answers that are ready, as far as no older one is missing, in one write. */
  #flush() {
    if (this.#reading || this.#closed) return
    const buffers: Buffer[] = []
    let answered = 0
    for (; answered < this.#slots.length; answered++) {
      const { answer, requestBytes } = this.#slots[answered]!
      if (answer === PENDING) break
      this.#requestBytes -= requestBytes
      if (answer === CLOSE) return this.#endAfter(buffers)
      if (answer) for (const buffer of answer) buffers.push(buffer)
    }
    if (answered > 0) this.#slots.splice(0, answered)
    if (buffers.length > 0) {
      for (const buffer of buffers) this.#sent.push(buffer)
      this.#socket.write(buffers)
    }
    this.#applyPressure()
  }

  /** Older answers still leave; what came after the refused request is dropped, as Kafka does. */
  #endAfter(buffers: readonly Buffer[]): void {
    this.#closed = true
    if (buffers.length > 0) this.#socket.write(buffers)
    this.#socket.end()
  }

  /** Invariant 2. */
  #applyPressure(): void {
    const inFlight = this.#requestBytes + this.#socket.bytesQueued
    const full = inFlight > IN_FLIGHT_BYTES_MAX || this.#slots.length >= IN_FLIGHT_REQUESTS_MAX
    const waits = full || !this.#isServed
    if (waits === this.#paused || this.#closed) return
    this.#paused = waits
    if (waits) this.#socket.pause()
    else this.#socket.resume()
  }

  #watchIdle(): void {
    const limitMs = this.#broker.config.number('connections.max.idle.ms')
    if (limitMs < 0) return
    const idleMs = this.#broker.platform.clock.monotonic() - this.#lastRequestAt
    this.#idleTimer = this.#broker.platform.clock.setTimer(Math.max(limitMs - idleMs, 1), () => {
      const silentMs = this.#broker.platform.clock.monotonic() - this.#lastRequestAt
      if (silentMs >= limitMs && this.#slots.length === 0 && !this.#muteTimer) this.close()
      else this.#watchIdle()
    })
  }
}
