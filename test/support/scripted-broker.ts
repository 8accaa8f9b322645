// A broker that says what a test wants, over real loopback sockets and the real codec: one function per API.
import { nodeNetwork } from '../../src/platform/node-network.ts'
import type { Address, Listener, Socket, SocketHandler, TlsOptions } from '../../src/platform/platform.ts'
import { decodeRequest, decodeRequestHeader, encodeResponse } from '../../src/protocol/codec.ts'
import { FrameReader } from '../../src/protocol/frame.ts'
import { apiVersions } from '../../src/protocol/messages/api-versions.ts'
import { apiByKey } from '../../src/protocol/messages/index.ts'
import type { Api, Request, ResponseInput } from '../../src/protocol/schema.ts'

/** The request stays without an answer. */
export const SILENCE = Symbol('silence')

export interface Call {
  readonly api: Api
  readonly version: number
  readonly correlationId: number
  readonly clientId: string | null
  readonly request: unknown
  readonly connection: number
  /** Sends these bytes in place of an answer. */
  raw(bytes: Uint8Array): typeof SILENCE
  /** Closes the connection in place of an answer. */
  close(): typeof SILENCE
}

type Answer<A extends Api> = ResponseInput<A> | typeof SILENCE
type Script<A extends Api> = (request: Request<A>, call: Call) => Answer<A> | Promise<Answer<A>>

export class ScriptedBroker {
  readonly calls: Call[] = []
  /** Connections accepted, ever. */
  accepted = 0
  #listener!: Listener
  readonly #open = new Set<Socket>()
  readonly #scripts = new Map<number, { script: Script<Api>; versions: readonly [number, number] }>()
  #waiting: { until: () => boolean; resolve: () => void }[] = []

  static async start(options: { port?: number; tls?: TlsOptions } = {}): Promise<ScriptedBroker> {
    const broker = new ScriptedBroker()
    broker.on(apiVersions, () => ({ errorCode: 0, apiKeys: broker.apiKeys() }))
    const address = { host: '127.0.0.1', port: options.port ?? 0 }
    broker.#listener = await nodeNetwork().listen(address, (socket) => broker.#accept(socket), options.tls)
    return broker
  }

  get address(): Address {
    return this.#listener.address
  }

  /** Sockets that are open now. */
  get openConnections(): number {
    return this.#open.size
  }

  /** Serves the API, in these versions or in all that there are. */
  on<A extends Api>(api: A, script: Script<A>, versions: readonly [number, number] = api.versions): this {
    this.#scripts.set(api.key, { script: script as unknown as Script<Api>, versions })
    return this
  }

  apiKeys(): { apiKey: number; minVersion: number; maxVersion: number }[] {
    const scripts = [...this.#scripts]
    return scripts.map(([apiKey, { versions }]) => ({ apiKey, minVersion: versions[0], maxVersion: versions[1] }))
  }

  callsOf(api: Api): Call[] {
    return this.calls.filter((call) => call.api.key === api.key)
  }

  /** Resolves when the condition holds; it is looked at after every call, answer and close. */
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }))
  }

  dropConnections(): void {
    for (const socket of this.#open) socket.destroy()
  }

  async stop(): Promise<void> {
    await this.#listener.close()
    this.dropConnections()
  }

  #accept(socket: Socket): SocketHandler {
    const connection = this.accepted++
    this.#open.add(socket)
    // Answers keep the order of the requests, however long a script takes.
    let turn: Promise<void> = Promise.resolve()
    const reader = new FrameReader(64 * 1024 * 1024, (frame) => {
      const before = turn
      turn = this.#serve(frame, socket, connection, before)
      // A script that fails fails the test that wrote it, at once: its client must not wait for an answer.
      turn.catch(() => socket.destroy())
    })
    return {
      readInto: () => reader.readInto(),
      didRead: (length) => reader.didRead(length),
      closed: () => {
        this.#open.delete(socket)
        this.#check()
      },
    }
  }

  async #serve(frame: Buffer, socket: Socket, connection: number, before: Promise<void>): Promise<void> {
    const header = decodeRequestHeader(frame)
    const api = apiByKey(header.apiKey)!
    const { correlationId, clientId } = header
    const version = Math.min(header.apiVersion, api.versions[1])
    const request = decodeRequest(api, version, frame, header.bodyOffset)
    const send = (buffers: readonly Uint8Array[]): typeof SILENCE => {
      void before.then(() => socket.write(buffers))
      return SILENCE
    }
    const call: Call = {
      api,
      version: header.apiVersion,
      correlationId,
      clientId,
      request,
      connection,
      raw: (bytes) => send([bytes]),
      close: () => {
        void before.then(() => socket.end())
        return SILENCE
      },
    }
    this.calls.push(call)
    this.#check()
    const { script } = this.#scripts.get(api.key) ?? { script: () => call.close() }
    const answer = await script(request as Request<Api>, call)
    await before
    if (answer !== SILENCE) socket.write(encodeResponse(api, version, correlationId, answer as ResponseInput<Api>))
    this.#check()
  }

  #check(): void {
    const ready = this.#waiting.filter((waiter) => waiter.until())
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter))
    for (const waiter of ready) waiter.resolve()
  }
}

/** A whole answer frame, with its size, for tests that cut it or spoil it. */
export function answerFrame<A extends Api>(call: Call, api: A, response: ResponseInput<A>): Buffer {
  return Buffer.concat(encodeResponse(api, call.version, call.correlationId, response))
}
