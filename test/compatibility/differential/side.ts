// One of the two brokers that are asked the same: what it answered, and by which names the ids that it made up are called in both.
import type { Socket } from 'node:net'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import type { Api, RequestInput } from '../../../src/protocol/schema.ts'
import { type RawConnection, rawConnection } from '../../broker/raw-connection.ts'

const answerMs = 8_000
const silenceMs = 150

/** What became of a request: an answer's body, or nothing, or the end of the connection. */
export type Outcome = { readonly answer: unknown } | 'closed' | 'silent'

export class Side {
  readonly bootstrap: string
  /** The topics' ids, for requests that name topics by them. */
  readonly topicIds = new Map<string, string>()
  readonly #names = new Map<string, string>()
  readonly #counts = new Map<string, number>()
  #connection: RawConnection | undefined
  #closed = false
  #correlationId = 0

  constructor(bootstrap: string) {
    this.bootstrap = bootstrap
  }

  async ask<A extends Api>(
    api: A,
    version: number,
    request: RequestInput<A>,
    { clientId = 'differential' as string | null, silence = false } = {},
  ): Promise<Outcome> {
    const correlationId = this.#correlationId++
    const frame = Buffer.concat(encodeRequest(api, version, { correlationId, clientId }, request))
    const outcome = await this.send(frame, silence)
    if (typeof outcome === 'string') return outcome
    return { answer: decodeResponse(api, version, outcome) }
  }

  /** Sends a frame with its size; the frame that comes back, without its size. */
  async send(frame: Buffer, silence = false): Promise<Buffer | 'closed' | 'silent'> {
    const connection = await this.#open()
    connection.socket.write(frame)
    const waited = silence ? silenceMs : answerMs
    let timer: NodeJS.Timeout | undefined
    const outcome = await Promise.race([
      connection.next(),
      connection.closed.then(() => 'closed' as const),
      new Promise<'silent'>((resolve) => {
        timer = setTimeout(() => resolve('silent'), waited)
      }),
    ])
    clearTimeout(timer)
    // What comes later would be taken for the answer of the next request.
    if (outcome === 'silent') this.close()
    return outcome
  }

  close(): void {
    ;(this.#connection?.socket as Socket | undefined)?.destroy()
    this.#connection = undefined
  }

  /** The name that stands for what this broker made up: the first of its kind is `<kind 1>` in both. */
  nameOf(kind: string, made: string | number): string {
    const known = this.#names.get(`${kind} ${made}`)
    if (known !== undefined) return known
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    const name = `<${kind} ${count}>`
    this.#names.set(`${kind} ${made}`, name)
    return name
  }

  async #open(): Promise<RawConnection> {
    if (this.#connection && !this.#closed) return this.#connection
    this.#closed = false
    const connection = await rawConnection({ bootstrap: this.bootstrap })
    void connection.closed.then(() => {
      if (this.#connection === connection) this.#closed = true
    })
    this.#connection = connection
    return connection
  }
}
