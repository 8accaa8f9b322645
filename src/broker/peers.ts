import { Connection, type ConnectionOptions } from '../client/connection.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import type { FramePool } from '../protocol/frame-pool.ts'
import type { Api, RequestInput, Response } from '../protocol/schema.ts'

export interface PeersOptions {
  readonly platform: Platform
  /** Of this broker. */
  readonly nodeId: number
  /** Where another broker is reached by its like; undefined: nobody knows. */
  readonly endpointOf: (nodeId: number) => Pick<ConnectionOptions, 'host' | 'port' | 'tls' | 'sasl'> | undefined
}

/** The error of a broker that nobody knows, or that does not answer: the caller tries again, perhaps elsewhere. */
function unreachable(nodeId: number): HeliostatError {
  return new HeliostatError('HEL_UNREACHABLE', `nobody knows where broker ${nodeId} is`, { retriable: true })
}

/**
 * The other brokers of the cluster, as this one reaches them: over the network, like any client.
 *
 * 1. What is asked now and then shares one connection for each broker, dialled when first wanted and again after a loss. Whoever waits for
 *    long in an answer has a connection of its own.
 */
export class Peers {
  readonly #options: PeersOptions
  readonly #shared = new Map<number, Promise<Connection>>()
  readonly #open = new Set<Connection>()
  #closed = false

  constructor(options: PeersOptions) {
    this.#options = options
  }

  /** A connection of the caller's own; `frames`: where the memory of its answers comes from, for who gives it back. */
  async dial(nodeId: number, purpose: string, frames?: FramePool): Promise<Connection> {
    const { platform, nodeId: own, endpointOf } = this.#options
    const endpoint = endpointOf(nodeId)
    if (!endpoint) throw unreachable(nodeId)
    const connection = await Connection.open(platform, {
      ...endpoint,
      nodeId,
      clientId: `broker-${own}-${purpose}`,
      ...(frames && { frames }),
    })
    if (this.#closed) connection.close()
    this.#open.add(connection)
    connection.onClose(() => this.#open.delete(connection))
    return connection
  }

  /** Asks over the shared connection; rejects with a HeliostatError. */
  async send<A extends Api>(
    nodeId: number,
    api: A,
    request: RequestInput<A>,
    options: { readonly version?: number; readonly timeoutMs?: number } = {},
  ): Promise<Response<A>> {
    const connection = await this.#connection(nodeId)
    return connection.send(api, request, options)
  }

  close(): void {
    this.#closed = true
    for (const connection of this.#open) connection.close()
  }

  #connection(nodeId: number): Promise<Connection> {
    const shared = this.#shared.get(nodeId)
    if (shared) return shared
    const dialled = this.dial(nodeId, 'control')
    this.#shared.set(nodeId, dialled)
    const forget = () => {
      if (this.#shared.get(nodeId) === dialled) this.#shared.delete(nodeId)
    }
    dialled.then((connection) => connection.onClose(forget), forget)
    return dialled
  }
}
