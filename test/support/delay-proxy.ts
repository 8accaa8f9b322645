// A proxy between clients and one broker that knows where requests begin and end. It can hold back requests, outlive the client
// that sent them, and hand them to the broker later: what a network, or the broker's own queue, does to a dead process's
// last words. It can also cut connections.
import { createServer, type Server, Socket } from 'node:net'

export interface DelayProxyOptions {
  readonly host: string
  readonly port: number
  /** Called with each request frame, size included; true holds it back, and everything after it on that connection. */
  readonly holds?: (frame: Buffer) => boolean
}

const PRODUCE = 0
const HEADER_BYTES = 128

/** Whether a frame is a Produce request to this topic: its name comes early, before any record that may speak of it. */
export function isProduceTo(frame: Buffer, topic: string): boolean {
  return frame.readInt16BE(4) === PRODUCE && frame.subarray(0, HEADER_BYTES).includes(topic)
}

interface Link {
  readonly client: Socket
  readonly broker: Socket
  buffered: Buffer
  held: Buffer[]
  isHolding: boolean
  clientIsGone: boolean
}

export class DelayProxy {
  readonly #server: Server
  readonly #options: DelayProxyOptions
  readonly #links = new Set<Link>()
  /** Requests handed to the broker after they were held. */
  released = 0

  private constructor(options: DelayProxyOptions) {
    this.#options = options
    this.#server = createServer((client) => this.#accept(client))
  }

  static async start(options: DelayProxyOptions): Promise<DelayProxy> {
    const proxy = new DelayProxy(options)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  get address(): string {
    return `127.0.0.1:${(this.#server.address() as { port: number }).port}`
  }

  get heldRequests(): number {
    return [...this.#links].reduce((sum, link) => sum + link.held.length, 0)
  }

  /** Hands the oldest `requests` of each connection to the broker; by default all. */
  release(requests = Number.POSITIVE_INFINITY): void {
    for (const link of this.#links) {
      const some = link.held.splice(0, requests)
      this.released += some.length
      for (const frame of some) link.broker.write(frame)
      if (link.held.length === 0) link.isHolding = false
      if (link.held.length === 0 && link.clientIsGone) link.broker.end()
    }
  }

  /** Breaks every connection, in the middle of whatever it is doing. */
  cut(): void {
    for (const { client, broker } of this.#links) {
      client.destroy()
      broker.destroy()
    }
    this.#links.clear()
  }

  async stop(): Promise<void> {
    this.cut()
    await new Promise<void>((resolve) => this.#server.close(() => resolve()))
  }

  #accept(client: Socket): void {
    const broker = new Socket()
    broker.connect(this.#options.port, this.#options.host)
    const link: Link = { client, broker, buffered: Buffer.alloc(0), held: [], isHolding: false, clientIsGone: false }
    this.#links.add(link)
    client.setNoDelay(true)
    broker.setNoDelay(true)
    client.on('data', (bytes: Buffer) => this.#forward(link, bytes))
    broker.on('data', (bytes: Buffer) => {
      if (!link.clientIsGone) client.write(bytes)
    })
    client.on('error', () => client.destroy())
    broker.on('error', () => broker.destroy())
    client.on('close', () => {
      link.clientIsGone = true
      // Held requests keep their way to the broker open.
      if (link.held.length === 0) broker.end()
    })
    broker.on('close', () => {
      client.destroy()
      this.#links.delete(link)
    })
  }

  #forward(link: Link, bytes: Buffer): void {
    link.buffered = link.buffered.length === 0 ? bytes : Buffer.concat([link.buffered, bytes])
    while (link.buffered.length >= 4) {
      const end = 4 + link.buffered.readInt32BE(0)
      if (link.buffered.length < end) return
      const frame = link.buffered.subarray(0, end)
      link.buffered = link.buffered.subarray(end)
      if (!link.isHolding && this.#options.holds?.(frame)) link.isHolding = true
      if (link.isHolding) link.held.push(frame)
      else link.broker.write(frame)
    }
  }
}
