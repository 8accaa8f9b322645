// Connections of one cluster client: one for each address and purpose, dialled when first wanted and again after a loss, with
// a growing wait between failures.
//
// Invariants:
// 1. For an address and purpose there is at most one connection, and at most one dial under way that all callers wait for.
// 2. After `close` no connection is open and none is dialled.
import { HeliostatError } from '../platform/errors.ts'
import { type Address, type Platform, sleep } from '../platform/platform.ts'
import { Backoff } from './backoff.ts'
import { Connection, type ConnectionOptions } from './connection.ts'

/** Streams of a different kind do not share a connection: a long poll would hold up what is pipelined behind it. */
export type Purpose = 'fetch' | 'produce' | 'commits' | 'control'

interface Slot {
  readonly address: Address
  readonly backoff: Backoff
  /** Not before this moment of the monotonic clock. */
  dialAt: number
  dial: Promise<Connection> | undefined
  connection: Connection | undefined
}

export class ConnectionPool {
  readonly #platform: Platform
  readonly #options: Omit<ConnectionOptions, 'host' | 'port' | 'nodeId'>
  readonly #slots = new Map<string, Slot>()
  readonly #closing = new AbortController()

  constructor(platform: Platform, options: Omit<ConnectionOptions, 'host' | 'port' | 'nodeId'>) {
    this.#platform = platform
    this.#options = options
  }

  async get(address: Address, purpose: Purpose, nodeId?: number): Promise<Connection> {
    const slot = this.#slot(address, purpose)
    const connection = slot.connection?.isOpen ? slot.connection : await this.#dialOnce(slot, nodeId)
    connection.nodeId ??= nodeId
    return connection
  }

  /** The connection, if it is open. */
  peek(address: Address, purpose: Purpose): Connection | undefined {
    const connection = this.#slots.get(keyOf(address, purpose))?.connection
    return connection?.isOpen ? connection : undefined
  }

  /** How long until this address may be dialled; 0 when it may be now, or is connected. */
  waitMs(address: Address, purpose: Purpose): number {
    const slot = this.#slots.get(keyOf(address, purpose))
    if (!slot || slot.connection?.isOpen) return 0
    return Math.max(0, slot.dialAt - this.#platform.clock.monotonic())
  }

  /** Lets go of addresses that no node has any more, once their last answers are in. */
  keepOnly(addresses: Iterable<Address>): void {
    const kept = new Set([...addresses].map(({ host, port }) => `${host}:${port}`))
    for (const [key, { address, connection, dial }] of this.#slots) {
      if (kept.has(`${address.host}:${address.port}`) || dial) continue
      this.#slots.delete(key)
      connection?.closeWhenAnswered()
    }
  }

  close(): void {
    this.#closing.abort()
    for (const { connection } of this.#slots.values()) connection?.close()
    this.#slots.clear()
  }

  #slot(address: Address, purpose: Purpose): Slot {
    const key = keyOf(address, purpose)
    let slot = this.#slots.get(key)
    if (!slot) {
      const backoff = new Backoff(this.#platform.random, { initialMs: 50, maxMs: 1_000 })
      slot = { address, backoff, dialAt: 0, dial: undefined, connection: undefined }
      this.#slots.set(key, slot)
    }
    return slot
  }

  /** Joins the dial that is under way (invariant 1). */
  #dialOnce(slot: Slot, nodeId: number | undefined): Promise<Connection> {
    slot.dial ??= this.#dial(slot, nodeId).finally(() => {
      slot.dial = undefined
    })
    return slot.dial
  }

  async #dial(slot: Slot, nodeId: number | undefined): Promise<Connection> {
    const { clock, log } = this.#platform
    const { host, port } = slot.address
    const { signal } = this.#closing
    const waitMs = slot.dialAt - clock.monotonic()
    if (waitMs > 0) await sleep(clock, waitMs, signal)
    this.#throwIfClosed(slot.address)
    try {
      const connection = await Connection.open(this.#platform, { ...this.#options, host, port, nodeId })
      if (signal.aborted) connection.close()
      this.#throwIfClosed(slot.address)
      slot.connection = connection
      slot.backoff.reset()
      slot.dialAt = 0
      connection.onClose((reason) => log.debug('connection.closed', reason.message, { host, port, nodeId }))
      return connection
    } catch (error) {
      slot.dialAt = clock.monotonic() + slot.backoff.next()
      throw error
    }
  }

  #throwIfClosed({ host, port }: Address): void {
    if (!this.#closing.signal.aborted) return
    throw new HeliostatError('HEL_CLOSED', `the client is closed; ${host}:${port} is not dialled`)
  }
}

function keyOf({ host, port }: Address, purpose: Purpose): string {
  return `${purpose} ${host}:${port}`
}
