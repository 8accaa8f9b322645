// A socket of the platform in the shape that kafkajs wants, so that its connections go wherever the platform leads them: over
// this machine's network, or over a simulated one.
import type { Address, Network, Socket, SocketHandler, TlsOptions } from '../platform/platform.ts'

type Listener = (value?: unknown) => void

const ROOM_BYTES = 64 * 1024

export class KafkajsSocket implements SocketHandler {
  readonly #socket: Socket
  readonly #onConnect: () => void
  readonly #listeners = new Map<string, Listener>()
  readonly #room = Buffer.allocUnsafeSlow(ROOM_BYTES)

  constructor(network: Network, address: Address, tls: TlsOptions | undefined, onConnect: () => void) {
    this.#onConnect = onConnect
    this.#socket = network.connect(address, this, tls)
  }

  /** kafkajs listens once to each of `data`, `end`, `error` and `timeout`; the last never comes. */
  on(event: string, listener: Listener): this {
    this.#listeners.set(event, listener)
    return this
  }

  write(bytes: Uint8Array): void {
    this.#socket.write([bytes])
  }

  end(): void {
    this.#socket.end()
  }

  unref(): void {
    // Called by kafkajs after `end`, when the platform closes the socket in its own time.
  }

  opened(): void {
    this.#onConnect()
  }

  readInto(): Uint8Array {
    return this.#room
  }

  didRead(length: number): void {
    // kafkajs keeps the chunks until a response is whole.
    this.#listeners.get('data')?.(Buffer.from(this.#room.subarray(0, length)))
  }

  closed(error: Error | undefined): void {
    if (error) this.#listeners.get('error')?.(error)
    else this.#listeners.get('end')?.()
  }
}
