import { Connection, type ConnectionOptions } from '../../client/connection.ts'
import { HeliostatError } from '../../platform/errors.ts'
import type { Address, Platform } from '../../platform/platform.ts'
import type { Api, RequestInput, Response } from '../../protocol/schema.ts'

/** How a node proves to the others who it is. */
export type PeerSecurity = Pick<ConnectionOptions, 'tls' | 'sasl'>

interface PeerOptions {
  readonly nodeId: number
  /** Where it may be, best first. */
  readonly addresses: () => readonly Address[]
  readonly clientId: string
  readonly timeoutMs: number
  readonly security: PeerSecurity
}

/**
 * Another node of the quorum, and the one connection to it, dialled when there is something to say.
 *
 * 1. Every request is answered or fails within the request time-out, even while nothing answers the dialling.
 * 2. Where it is not found, or somebody else is, the next address is tried, and round again.
 */
export class Peer {
  readonly #platform: Platform
  readonly #options: PeerOptions
  #connection: Connection | undefined
  #dialling: Promise<Connection> | undefined
  /** Counts the addresses that were tried in vain: it is looked for first where it was found last. */
  #tried = 0
  #isClosed = false

  constructor(platform: Platform, options: PeerOptions) {
    this.#platform = platform
    this.#options = options
  }

  /** Where it is connected; undefined: nowhere. */
  get at(): Address | undefined {
    return this.#connection?.isOpen ? this.#connection.remote : undefined
  }

  async ask<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> {
    const { at } = this
    if (at && !this.#mayBeAt(at)) this.#connection!.close()
    const connection = this.#connection?.isOpen ? this.#connection : await this.#dialled()
    return connection.send(api, request)
  }

  /** Whoever answered is somebody else. */
  isAstray(): void {
    this.#connection?.close()
    this.#tried++
  }

  close(): void {
    this.#isClosed = true
    this.#connection?.close()
  }

  #mayBeAt(at: Address): boolean {
    return this.#options.addresses().some(({ host, port }) => host === at.host && port === at.port)
  }

  #dialled(): Promise<Connection> {
    const { nodeId, timeoutMs } = this.#options
    const dialling = this.#dialling ?? this.#dial()
    this.#dialling = dialling
    return new Promise((resolve, reject) => {
      const timer = this.#platform.clock.setTimer(timeoutMs, () => {
        this.#gaveUp(dialling)
        const message = `node ${nodeId} did not take a connection within ${timeoutMs} ms`
        reject(new HeliostatError('HEL_UNREACHABLE', message, { retriable: true, where: { node: nodeId } }))
      })
      dialling.then(resolve, reject).finally(() => timer.cancel())
    })
  }

  /** The dialling itself goes on where there is no other address: whoever asks next may find it done. */
  #gaveUp(dialling: Promise<Connection>): void {
    if (this.#dialling !== dialling || this.#options.addresses().length < 2) return
    this.#dialling = undefined
    this.#tried++
  }

  #dial(): Promise<Connection> {
    const { nodeId, addresses, clientId, timeoutMs, security } = this.#options
    const known = addresses()
    const address = known[this.#tried % known.length]
    if (!address) {
      throw new HeliostatError('HEL_UNREACHABLE', `nobody knows where node ${nodeId} is`, { retriable: true })
    }
    const options = { ...address, nodeId, clientId, requestTimeoutMs: timeoutMs, ...security }
    const dialling = Connection.open(this.#platform, options).then(
      (connection) => {
        if (this.#isClosed || this.#dialling !== dialling) connection.close()
        else this.#found(connection)
        return connection
      },
      (error) => {
        if (this.#dialling === dialling) {
          this.#dialling = undefined
          this.#tried++
        }
        throw error
      },
    )
    return dialling
  }

  #found(connection: Connection): void {
    this.#connection = connection
    this.#dialling = undefined
  }
}
