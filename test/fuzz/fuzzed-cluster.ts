// A whole cluster in memory for fuzzing: no socket, no time but what is given, chance from a seed. Frames go straight into the
// broker's connections, so a run is as fast as the broker, and a seed replays it.
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { memoryDisk } from '../../src/platform/memory-disk.ts'
import type { Address, Disk, Logger, Network, Platform, Socket, SocketHandler } from '../../src/platform/platform.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { SeededRandom } from './seeded-random.ts'

export interface LoggedLine {
  readonly level: 'warn' | 'error'
  readonly event: string
  readonly text: string
}

const ADDRESS: Address = { host: '127.0.0.1', port: 9092 }
const DIRECTORY = '/data'
const CLIENT: Address = { host: '127.0.0.1', port: 50_000 }

export class FuzzedCluster {
  readonly clock: FakeClock
  /** Warnings and errors. */
  readonly logged: LoggedLine[] = []
  readonly #platform: Platform
  readonly #config: Readonly<Record<string, unknown>>
  /** In the order of the listeners. */
  #accepts: ((socket: Socket) => SocketHandler)[] = []
  #cluster: Cluster | undefined

  private constructor(seed: string, config: Readonly<Record<string, unknown>>, disk: Disk) {
    this.clock = new FakeClock()
    this.#config = config
    const network: Network = {
      connect: () => {
        throw new Error('a broker under fuzz dials nobody')
      },
      listen: async (_address, accept) => {
        this.#accepts.push(accept)
        return { address: ADDRESS, close: async () => {} }
      },
    }
    this.#platform = { clock: this.clock, network, disk, random: new SeededRandom(seed), log: this.#log() }
  }

  static async start(seed: string, config: Readonly<Record<string, unknown>> = {}): Promise<FuzzedCluster> {
    const world = new FuzzedCluster(seed, config, memoryDisk())
    await world.#start()
    return world
  }

  get listenerCount(): number {
    return this.#accepts.length
  }

  connect(listener = 0): FuzzedConnection {
    return new FuzzedConnection(this.#accepts[listener]!)
  }

  async stop(): Promise<void> {
    await this.#cluster?.stop()
    this.#cluster = undefined
  }

  /** Stops, and starts on the same disk: as after an orderly end, or scanning its logs as after a crash. */
  async reopen(end: 'orderly' | 'crash'): Promise<void> {
    await this.stop()
    if (end === 'crash') this.#platform.disk.remove(`${DIRECTORY}/1/.kafka_cleanshutdown`)
    await this.#start()
  }

  async #start(): Promise<void> {
    this.#accepts = []
    this.#cluster = await startCluster(this.#platform, { name: 'fuzz', data: DIRECTORY, config: this.#config })
  }

  #log(): Logger {
    const take = (level: LoggedLine['level']) => (event: string, message: string, fields?: object) =>
      void this.logged.push({ level, event, text: `${message} ${JSON.stringify(fields ?? {})}` })
    const log: Logger = { debug() {}, info() {}, warn: take('warn'), error: take('error'), child: () => log }
    return log
  }
}

/** What a connection that nobody reads may hold; the broker's own limit lies below. */
const UNREAD_BYTES_MAX = 512 * 1024 * 1024

/**
 * The client's end of a connection to the broker.
 *
 * 1. What is written reaches the broker at once, or when it reads again after a pause.
 * 2. While `isReading` is false what the broker sends counts as queued, and is not heard.
 */
export class FuzzedConnection {
  readonly #handler: SocketHandler
  readonly #unread: Uint8Array[] = []
  readonly #waiting: Buffer[] = []
  readonly #received: Buffer[] = []
  #bytesQueued = 0
  #isPaused = false
  #isReading = true
  /** The broker ended or destroyed the connection. */
  isClosed = false

  constructor(accept: (socket: Socket) => SocketHandler) {
    this.#handler = accept(this.#socket())
  }

  get bytesQueued(): number {
    return this.#bytesQueued
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  write(bytes: Buffer): void {
    if (this.isClosed) return
    this.#waiting.push(bytes)
    this.#pour()
  }

  stopReading(): void {
    this.#isReading = false
  }

  startReading(): void {
    this.#isReading = true
    for (const bytes of this.#unread.splice(0)) this.#received.push(Buffer.from(bytes))
    this.#bytesQueued = 0
    if (!this.isClosed) this.#handler.drained?.()
  }

  /** What came since the last call. */
  take(): Buffer {
    return Buffer.concat(this.#received.splice(0))
  }

  /** The client goes away. */
  close(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#handler.closed(undefined)
  }

  #pour(): void {
    while (!this.#isPaused && !this.isClosed && this.#waiting.length > 0) {
      const bytes = this.#waiting[0]!
      const room = this.#handler.readInto()
      if (room.length === 0) throw new Error('the broker reads into no room')
      const length = Math.min(room.length, bytes.length)
      room.set(bytes.subarray(0, length))
      if (length === bytes.length) this.#waiting.shift()
      else this.#waiting[0] = bytes.subarray(length)
      this.#handler.didRead(length)
    }
  }

  #ended(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#waiting.length = 0
    // As a machine tells it: not from within the call.
    queueMicrotask(() => this.#handler.closed(undefined))
  }

  #socket(): Socket {
    const connection = this
    return {
      remote: CLIENT,
      get bytesQueued() {
        return connection.#bytesQueued
      },
      write: (buffers) => {
        if (this.isClosed) return
        if (this.#isReading) {
          for (const buffer of buffers) this.#received.push(Buffer.from(buffer))
          return
        }
        for (const buffer of buffers) {
          this.#unread.push(buffer)
          this.#bytesQueued += buffer.length
        }
        if (this.#bytesQueued > UNREAD_BYTES_MAX)
          throw new Error(`${this.#bytesQueued} bytes wait for a client that does not read`)
      },
      pause: () => {
        this.#isPaused = true
      },
      resume: () => {
        this.#isPaused = false
        queueMicrotask(() => this.#pour())
      },
      end: () => this.#ended(),
      destroy: () => this.#ended(),
      reset: () => this.#ended(),
    }
  }
}
