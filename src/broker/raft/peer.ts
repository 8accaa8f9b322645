import { Connection, type ConnectionOptions } from '../../client/connection.ts'
import { HeliostatError } from '../../platform/errors.ts'
import type { Address, Platform } from '../../platform/platform.ts'
import type { Api, RequestInput, Response } from '../../protocol/schema.ts'

/** How a node proves to the others who it is. */
export type PeerSecurity = Pick<ConnectionOptions, 'tls' | 'sasl'>

/**
 * Another node of the quorum, and the one connection to it, dialled when there is something to say.
 *
 * 1. Every request is answered or fails within the request time-out, even while nothing answers the dialling.
 */
export class Peer {
  readonly #platform: Platform
  readonly #options: ConnectionOptions
  readonly #timeoutMs: number
  #connection: Connection | undefined
  #dialling: Promise<Connection> | undefined
  #isClosed = false

  constructor(
    platform: Platform,
    { nodeId, host, port }: Address & { readonly nodeId: number },
    { clientId, timeoutMs, security }: { clientId: string; timeoutMs: number; security: PeerSecurity },
  ) {
    this.#platform = platform
    this.#timeoutMs = timeoutMs
    this.#options = { host, port, nodeId, clientId, requestTimeoutMs: timeoutMs, ...security }
  }

  isAt({ host, port }: Address): boolean {
    return this.#options.host === host && this.#options.port === port
  }

  async ask<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> {
    const connection = this.#connection?.isOpen ? this.#connection : await this.#dialled()
    return connection.send(api, request)
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.close()
  }

  /** The dialling itself goes on beyond the time-out: whoever asks next may find it done. */
  #dialled(): Promise<Connection> {
    this.#dialling ??= this.#dial()
    const { host, port } = this.#options
    const dialling = this.#dialling
    return new Promise((resolve, reject) => {
      const timer = this.#platform.clock.setTimer(this.#timeoutMs, () => {
        const message = `${host}:${port} did not take a connection within ${this.#timeoutMs} ms`
        reject(new HeliostatError('HEL_UNREACHABLE', message, { retriable: true, where: { host, port } }))
      })
      dialling.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  async #dial(): Promise<Connection> {
    try {
      const connection = await Connection.open(this.#platform, this.#options)
      if (this.#isClosed) connection.close()
      this.#connection = connection
      return connection
    } finally {
      this.#dialling = undefined
    }
  }
}
