// One connection to one broker: requests leave in order, several at a time, and a Kafka broker answers them in that order.
//
// Invariants:
// 1. Answers come in the order of the requests. The n-th frame answers the n-th request that wants an answer, or the
//    connection is closed: after one answer in the wrong place nothing that follows can be trusted.
// 2. Every exchange hears exactly one thing: its answer, or why there is none.
// 3. A request that is not answered in time closes the connection (its answer would be taken for another's). The time begins anew with
//    every byte that comes: answers keep their order, so any byte is of the one that all others wait for, and over a thin wire a
//    large one takes as long as it takes.
// 4. After the close nothing is sent and no answer is delivered.
// 5. While a login is renewed nothing else is sent (the broker would take it for a part of the login): it waits, in its order. What was sent
//    before is answered before. Who sends much has a window of bytes, so what waits is bounded by that.
import { HeliostatError } from '../platform/errors.ts'
import {
  type Address,
  type Platform,
  type Socket,
  type SocketHandler,
  type Timer,
  type TlsSource,
  tlsNow,
} from '../platform/platform.ts'
import { decodeResponse, encodeRequest } from '../protocol/codec.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { FrameReader } from '../protocol/frame.ts'
import type { FramePool } from '../protocol/frame-pool.ts'
import { apiVersions } from '../protocol/messages/api-versions.ts'
import { produce } from '../protocol/messages/produce.ts'
import type { Api, RequestInput, Response } from '../protocol/schema.ts'
import { authenticate, type LoginChannel, type SaslOptions } from './sasl/sasl.ts'
import { askVersions, type VersionTable } from './version-table.ts'

export interface ConnectionOptions {
  readonly host: string
  readonly port: number
  readonly tls?: TlsSource
  readonly sasl?: SaslOptions
  readonly clientId: string
  /** The node that is expected there, when known. */
  readonly nodeId?: number
  readonly requestTimeoutMs?: number
  /** Larger answers close the connection before anything is allocated for them. */
  readonly maxFrameBytes?: number
  /** Where the memory of large answers comes from. */
  readonly frames?: FramePool
}

export interface ExchangeOptions {
  readonly timeoutMs?: number
}

export interface SendOptions extends ExchangeOptions {
  readonly version?: number
}

interface Pending {
  readonly api: Api
  readonly version: number
  readonly correlationId: number
  readonly deadline: number
  readonly timeoutMs: number
  readonly bytes: number
  readonly onResponse: (error: HeliostatError | undefined, response?: unknown) => void
}

const REQUEST_TIMEOUT_MS = 30_000
// A broker answers a Fetch with up to fetch.max.bytes and one batch over it; its own default limit is 100 MiB.
const FRAME_BYTES_MAX = 128 * 1024 * 1024
/** Of the time that a login holds: where in it Kafka's clients renew it, each somewhere else. */
const RENEW_FROM = 0.85
const RENEW_TO = 0.95
/** Brokers refuse to renew a login within a second; one that holds for no more ends with its connection, and another is dialled. */
const RENEW_MIN_MS = 1_100
/** How soon to try again where there was no token to renew it with. */
const RENEW_AGAIN_MS = 1_000

export class Connection {
  readonly remote: Address
  /** Unknown on a bootstrap connection until the metadata tells whose address it is. */
  nodeId: number | undefined
  /** Resolves when the connection is closed, for whatever reason. */
  readonly closed: Promise<void>
  readonly #platform: Platform
  readonly #clientId: string
  readonly #requestTimeoutMs: number
  readonly #socket: Socket
  #versions: VersionTable | undefined
  #pending: Pending[] = []
  #bytesInFlight = 0
  #nextCorrelationId = 0
  #timer: Timer | undefined
  /** When #timer fires; it is moved forward only, so that a request costs no timer. */
  #timerAt = Number.POSITIVE_INFINITY
  #heardAt = 0
  #closeReason: HeliostatError | undefined
  #closeWhenAnswered = false
  #listeners: ((reason: HeliostatError) => void)[] = []
  #renewal: Timer | undefined
  #loginEndsAt = 0
  /** What waits until the login is renewed (invariant 5). */
  #held: (() => void)[] | undefined

  /** Dials, asks for the broker's versions, logs in. */
  static async open(platform: Platform, options: ConnectionOptions): Promise<Connection> {
    const dialled = Promise.withResolvers<void>()
    const connection = new Connection(platform, options, dialled.resolve)
    connection.onClose(dialled.reject)
    await dialled.promise
    try {
      connection.#versions = await askVersions(connection)
      if (options.sasl) await connection.#login(options.sasl, connection)
      return connection
    } catch (error) {
      connection.close(error instanceof HeliostatError ? error : undefined)
      throw error
    }
  }

  private constructor(platform: Platform, options: ConnectionOptions, opened: () => void) {
    const { host, port, tls, maxFrameBytes = FRAME_BYTES_MAX } = options
    this.remote = { host, port }
    this.nodeId = options.nodeId
    this.#platform = platform
    this.#clientId = options.clientId
    this.#requestTimeoutMs = options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS
    this.closed = new Promise((resolve) => this.onClose(() => resolve()))
    const reader = new FrameReader(
      maxFrameBytes,
      (frame) => this.#answered(frame),
      (error) => this.#distrust(`sent ${error.message}`),
      options.frames && ((bytes) => options.frames!.take(bytes)),
    )
    const handler: SocketHandler = {
      opened,
      readInto: () => reader.readInto(),
      didRead: (length) => {
        this.#heardAt = platform.clock.monotonic()
        reader.didRead(length)
      },
      closed: (error) => this.#end(this.#lost(error)),
    }
    this.#socket = platform.network.connect({ host, port }, handler, tlsNow(tls))
  }

  /** The highest version of the API that both sides know. */
  versionOf(api: Api): number {
    if (!this.#versions) throw new Error('no version is known before ApiVersions is answered')
    return this.#versions.highestCommon(api, this.remote)
  }

  /** Request bytes that are not answered yet. */
  get bytesInFlight(): number {
    return this.#bytesInFlight
  }

  get isOpen(): boolean {
    return this.#closeReason === undefined
  }

  /** When the last byte came, monotonic. */
  get heardAt(): number {
    return this.#heardAt
  }

  /** Asks and resolves to the answer; rejects with a HeliostatError. */
  send<A extends Api>(api: A, request: RequestInput<A>, options: SendOptions = {}): Promise<Response<A>> {
    return this.#promised(api, options, (version, settle) => this.exchange(api, version, request, settle, options))
  }

  /** As `send`, past those who wait for the login. */
  #sendNow<A extends Api>(api: A, request: RequestInput<A>, options: SendOptions = {}): Promise<Response<A>> {
    return this.#promised(api, options, (version, settle) => {
      if (this.#closeReason) settle(this.#closeReason)
      else this.#exchange(api, version, request, settle, options)
    })
  }

  #promised<A extends Api>(
    api: A,
    options: SendOptions,
    ask: (version: number, settle: (error: HeliostatError | undefined, response?: Response<A>) => void) => void,
  ): Promise<Response<A>> {
    return new Promise((resolve, reject) => {
      ask(options.version ?? this.versionOf(api), (error, response) => {
        if (error) reject(error)
        else resolve(response!)
      })
    })
  }

  /**
   * Asks without a promise. `onResponse` is never called from within this call. A Produce with `acks` 0 has no answer: it hears
   * `(undefined, undefined)` once the request is handed to the socket.
   */
  exchange<A extends Api>(
    api: A,
    version: number,
    request: RequestInput<A>,
    onResponse: (error: HeliostatError | undefined, response?: Response<A>) => void,
    options: ExchangeOptions = {},
  ): void {
    const reason = this.#closeReason
    if (reason) {
      queueMicrotask(() => onResponse(reason))
      return
    }
    if (this.#held) {
      this.#held.push(() => this.exchange(api, version, request, onResponse, options))
      return
    }
    this.#exchange(api, version, request, onResponse, options)
  }

  #exchange<A extends Api>(
    api: A,
    version: number,
    request: RequestInput<A>,
    onResponse: (error: HeliostatError | undefined, response?: Response<A>) => void,
    options: ExchangeOptions,
  ): void {
    const correlationId = this.#nextCorrelationId
    this.#nextCorrelationId = (correlationId + 1) & 0x7fffffff
    const frame = encodeRequest(api, version, { correlationId, clientId: this.#clientId }, request)
    this.#socket.write(frame)
    if (isUnanswered(api, request)) queueMicrotask(() => onResponse(undefined))
    else this.#await(api, version, correlationId, sizeOf(frame), onResponse as Pending['onResponse'], options)
  }

  #await(
    api: Api,
    version: number,
    correlationId: number,
    bytes: number,
    onResponse: Pending['onResponse'],
    options: ExchangeOptions,
  ): void {
    const timeoutMs = options.timeoutMs ?? this.#requestTimeoutMs
    const deadline = this.#platform.clock.monotonic() + timeoutMs
    this.#pending.push({ api, version, correlationId, deadline, timeoutMs, bytes, onResponse })
    this.#bytesInFlight += bytes
    this.#expireAt(deadline)
  }

  async #login(sasl: SaslOptions, channel: LoginChannel, begins?: () => void): Promise<void> {
    const { clock, random } = this.#platform
    let begunAt = 0
    const lifetimeMs = await authenticate(channel, random, sasl, () => {
      begunAt = clock.monotonic()
      begins?.()
    })
    const afterMs = lifetimeMs * (RENEW_FROM + (RENEW_TO - RENEW_FROM) * random.fraction())
    this.#loginEndsAt = begunAt + lifetimeMs
    this.#renewAt(begunAt + Math.max(RENEW_MIN_MS, afterMs), sasl)
  }

  /** Not when the login has ended by then; one that holds for ever ends, by these numbers, when it begins. */
  #renewAt(at: number, sasl: SaslOptions): void {
    const { clock } = this.#platform
    if (this.#closeReason || at >= this.#loginEndsAt) return
    this.#renewal = clock.setTimer(at - clock.monotonic(), () => void this.#renew(sasl))
  }

  /** Logs in again before the login ends (KIP-368), with what is the password or token by now. */
  async #renew(sasl: SaslOptions): Promise<void> {
    const { clock, log } = this.#platform
    try {
      await this.#login(
        sasl,
        { remote: this.remote, send: (api, request, options) => this.#sendNow(api, request, options) },
        () => {
          this.#held = []
        },
      )
      log.debug('connection.renewed', `the login at ${this.#at} was renewed`, { ...this.remote })
    } catch (error) {
      if (this.#closeReason) return
      const reason = error as HeliostatError
      // Before the exchange began the old login still holds.
      if (this.#held) this.close(reason)
      else this.#renewAt(clock.monotonic() + RENEW_AGAIN_MS, sasl)
      log.warn('connection.not-renewed', reason.message, { ...this.remote, code: reason.code })
    } finally {
      this.#release()
    }
  }

  #release(): void {
    const held = this.#held
    this.#held = undefined
    if (!held) return
    for (const send of held) send()
    this.#endIfDone()
  }

  /** Closes now; what is unanswered fails with the reason. */
  close(reason?: HeliostatError): void {
    this.#end(reason ?? new HeliostatError('HEL_CLOSED', `connection to ${this.#at} was closed on this side`))
  }

  /** Closes as soon as all that was asked is answered. */
  closeWhenAnswered(): void {
    this.#closeWhenAnswered = true
    this.#endIfDone()
  }

  #endIfDone(): void {
    if (this.#closeWhenAnswered && this.#pending.length === 0 && !this.#held) this.#end(this.#retired())
  }

  /** Called once with the reason; at once when the connection is closed already. */
  onClose(listener: (reason: HeliostatError) => void): void {
    if (this.#closeReason) listener(this.#closeReason)
    else this.#listeners.push(listener)
  }

  #answered(frame: Buffer): void {
    if (this.#closeReason) return // invariant 4
    const pending = this.#pending[0]
    const response = this.#read(pending, frame)
    if (pending === undefined || response === undefined) return
    this.#pending.shift()
    this.#bytesInFlight -= pending.bytes
    pending.onResponse(undefined, response)
    this.#endIfDone()
  }

  /** The answer in the frame; undefined when it cannot be trusted, and then the connection is closed (invariant 1). */
  #read(pending: Pending | undefined, frame: Buffer): unknown {
    if (!pending) return this.#distrust('answered a request that was never sent')
    const correlationId = frame.length < 4 ? undefined : frame.readInt32BE(0)
    if (correlationId !== pending.correlationId) {
      return this.#distrust(`answered request ${correlationId} where ${pending.correlationId} was next`)
    }
    try {
      return decodeResponse(pending.api, answeredVersion(pending, frame), frame)
    } catch (error) {
      return this.#distrust(`sent an answer that cannot be read: ${(error as Error).message}`, error)
    }
  }

  #expireAt(deadline: number): void {
    if (deadline >= this.#timerAt) return
    this.#timer?.cancel()
    this.#timerAt = deadline
    const { clock } = this.#platform
    // A process that was held up finds the answers in its sockets: they are read before anyone is accused of being late.
    this.#timer = clock.setTimer(deadline - clock.monotonic(), () => clock.defer(() => this.#expire()))
  }

  #expire(): void {
    this.#timerAt = Number.POSITIVE_INFINITY
    const now = this.#platform.clock.monotonic()
    const endOf = ({ deadline, timeoutMs }: Pending) => Math.max(deadline, this.#heardAt + timeoutMs)
    const overdue = this.#pending.find((pending) => endOf(pending) <= now)
    if (overdue)
      this.#end(this.#timedOut(overdue)) // invariant 3
    else for (const pending of this.#pending) this.#expireAt(endOf(pending))
  }

  #end(reason: HeliostatError): void {
    if (this.#closeReason) return
    this.#closeReason = reason
    this.#timer?.cancel()
    this.#renewal?.cancel()
    this.#socket.destroy()
    const unanswered = this.#pending
    this.#pending = []
    this.#bytesInFlight = 0
    for (const { onResponse } of unanswered) onResponse(reason)
    this.#release()
    const listeners = this.#listeners
    this.#listeners = []
    for (const listener of listeners) listener(reason)
  }

  #distrust(what: string, cause?: unknown): undefined {
    const message = `${this.#at} ${what}; the connection was closed`
    this.#platform.log.warn('connection.distrusted', message, { ...this.remote, nodeId: this.nodeId })
    this.#end(new HeliostatError('HEL_PROTOCOL', message, { retriable: true, cause, where: { ...this.remote } }))
  }

  #lost(error: Error | undefined): HeliostatError {
    if (error instanceof HeliostatError) return error
    const message = error ? `connection to ${this.#at} was lost: ${error.message}` : `${this.#at} closed the connection`
    return new HeliostatError('HEL_CONNECTION_LOST', message, {
      retriable: true,
      cause: error,
      where: { ...this.remote },
    })
  }

  #timedOut({ api, timeoutMs }: Pending): HeliostatError {
    const message = `${api.name} was not answered by ${this.#at} within ${timeoutMs} ms`
    return new HeliostatError('HEL_REQUEST_TIMEOUT', message, { retriable: true, where: { ...this.remote } })
  }

  #retired(): HeliostatError {
    const message = `connection to ${this.#at} was replaced`
    return new HeliostatError('HEL_CLOSED', message, { retriable: true, where: { ...this.remote } })
  }

  get #at(): string {
    return `${this.remote.host}:${this.remote.port}`
  }
}

function isUnanswered(api: Api, request: object): boolean {
  return api.key === produce.key && (request as { acks?: number }).acks === 0
}

/** A broker that does not have our version of ApiVersions answers in version 0, with this error (KIP-511). */
function answeredVersion({ api, version }: Pending, frame: Buffer): number {
  if (api.key !== apiVersions.key || frame.length < 6) return version
  return frame.readInt16BE(4) === ErrorCode.UNSUPPORTED_VERSION ? 0 : version
}

function sizeOf(buffers: readonly Uint8Array[]): number {
  let bytes = 0
  for (const buffer of buffers) bytes += buffer.length
  return bytes
}
