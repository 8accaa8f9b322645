// What one machine offers. Everything outside `platform/node-*.ts` reaches time, sockets, files and chance through these
// interfaces, so that the same code runs on Node and on a simulated machine whose seed replays it.

/** One machine: the only things of it that heliostat touches. */
export interface Platform {
  readonly clock: Clock
  readonly network: Network
  readonly disk: Disk
  readonly random: Random
  readonly log: Logger
  /** Absent: it has no other threads than this one. */
  readonly threads?: Threads
}

export interface Threads {
  /** As many as may run at once. */
  readonly cores: number
  /** Runs a program of this package on a thread of its own. What is posted is cloned, so it must be plain data. */
  start(program: URL, listener: ThreadListener): Thread
}

export interface Thread {
  post(message: unknown): void
  /** Ends it where it stands; `ended` follows. */
  stop(): Promise<void>
}

export interface ThreadListener {
  posted(message: unknown): void
  /** The last call, exactly once; with the error that ended it, if one did. */
  ended(error: Error | undefined): void
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch. May jump; good for timestamps in records, wrong for durations. */
  now(): number
  /** Milliseconds since an arbitrary start, with fractions; never goes back. */
  monotonic(): number
  /** Calls back once after `delayMs`. A pending timer does not keep the process alive. */
  setTimer(delayMs: number, callback: () => void): Timer
  /** Calls back after the events that are waiting now: the moment to send what they have gathered. */
  defer(callback: () => void): void
}

export interface Timer {
  cancel(): void
}

export interface TlsOptions {
  /** PEM. Absent: the machine's own trust store. */
  ca?: string | Buffer
  cert?: string | Buffer
  key?: string | Buffer
  /** The name that the certificate must carry; by default the host that is dialled. */
  serverName?: string
  /** Listeners only: ask clients for a certificate. One that `ca` did not sign is refused; so is none, where one is required. */
  clientCertificate?: 'requested' | 'required'
  /** TLS 1.2 and whatever is newer, unless these say otherwise. */
  minVersion?: 'TLSv1.2' | 'TLSv1.3'
  maxVersion?: 'TLSv1.2' | 'TLSv1.3'
}

/** Fixed, or asked anew for every connection, so that certificates can be rotated: the same object as long as they are the same. */
export type TlsSource = TlsOptions | (() => TlsOptions)

export function tlsNow(source: TlsSource | undefined): TlsOptions | undefined {
  return typeof source === 'function' ? source() : source
}

export interface Network {
  /** Dials. The handler hears `opened` when the way is free (TLS included), and `closed` at the end, whether it opened or not. */
  connect(address: Address, handler: SocketHandler, tls?: TlsOptions): Socket
  /** Listens; port 0 takes a free one. Resolves when connections are accepted, rejects when the address is taken. */
  listen(address: Address, accept: (socket: Socket) => SocketHandler, tls?: TlsSource): Promise<Listener>
}

export interface Address {
  readonly host: string
  readonly port: number
}

export interface Listener {
  readonly address: Address
  /** Accepts no more; connections that are open stay open. */
  close(): Promise<void>
}

/** One end of an established or arising connection; bytes arrive in order or not at all. */
export interface Socket {
  readonly remote: Address
  /** DER of the certificate that the dialling side of an accepted socket has proved to own; absent without one. */
  readonly peerCertificate?: Buffer | undefined
  /** Bytes handed to `write` that the machine has not taken yet. */
  readonly bytesQueued: number
  /** Sends the buffers in order, without copying them: they must not change until `drained`, or until the peer answers. */
  write(buffers: readonly Uint8Array[]): void
  /** Stops reading, so that the peer feels back-pressure; what the machine has read already may still come. */
  pause(): void
  resume(): void
  /** Sends what is queued, then closes; meanwhile the handler still hears what the peer sends. */
  end(): void
  /** Closes now; what is queued is dropped. */
  destroy(error?: Error): void
  /** As `destroy`, and the peer hears of a failure rather than of an end, before what it was sent: TCP's RST. */
  reset(): void
}

/**
 * What happens to a socket. Reading is by pull: the machine asks `readInto` for room and puts bytes at its start, so a large
 * frame is filled in place.
 */
export interface SocketHandler {
  /** Only of sockets that were dialled: one that was accepted is open from the start. */
  opened?(): void
  /** Room for the next bytes; never empty. */
  readInto(): Uint8Array
  /** `length` bytes now stand at the start of the room that `readInto` gave last. */
  didRead(length: number): void
  /** All that was written has been taken by the machine. */
  drained?(): void
  /** The last call, exactly once; with the error when it was not a clean end. */
  closed(error: Error | undefined): void
}

/**
 * Files, synchronous: they are small or in the page cache, and a simulated disk must not depend on a thread pool.
 * Every method throws the machine's error with its `code` (ENOENT, ENOSPC, EIO …).
 */
export interface Disk {
  /** Opens for reading and writing; made if it is not there, unless `create` is false. */
  open(path: string, options?: { create?: boolean }): File
  read(path: string): Buffer
  /** Replaces the file's whole content so that a crash leaves the old or the new, never a mixture; durable when it returns. */
  replace(path: string, content: Uint8Array): void
  /** As `replace`, but for a loss of power, which may leave the old content, an empty file or none: for what can be had again. */
  put(path: string, content: Uint8Array): void
  exists(path: string): boolean
  /** Names in the directory, sorted; empty when there is no such directory. */
  list(path: string): string[]
  /** With its parents. It becomes durable with the first file in it that does. */
  makeDirectory(path: string): void
  rename(from: string, to: string): void
  /** Removes a file or a whole directory; nothing happens when it is not there. */
  remove(path: string): void
  /** Of the disk that holds the path. Absent: it has no end that anybody knows. */
  space?(path: string): { readonly totalBytes: number; readonly usableBytes: number }
  /** Takes the file for this process; undefined when another process has it. */
  lock(path: string): FileLock | undefined
}

export interface FileLock {
  release(): void
}

export interface File {
  size(): number
  /** Fills `into` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(into: Uint8Array, position: number): number
  /** Writes all the buffers one after the other at `position`. */
  write(buffers: readonly Uint8Array[], position: number): void
  truncate(size: number): void
  /** Returns when what was written would survive a loss of power. */
  sync(): void
  close(): void
}

export interface Random {
  /** Fit for secrets on a real machine. */
  bytes(length: number): Buffer
  /** 0 ≤ x < 1. */
  fraction(): number
}

export interface Logger {
  /** `event` is a stable dotted id (`broker.started`); `fields` say where and what. */
  debug(event: string, message: string, fields?: LogFields): void
  info(event: string, message: string, fields?: LogFields): void
  warn(event: string, message: string, fields?: LogFields): void
  error(event: string, message: string, fields?: LogFields): void
  /** The least that it writes; absent: it writes everything, or nothing whatever is asked. */
  readonly level?: LogLevel
  /** A logger that adds these fields to each line, and writes from `level` on rather than from where its parent does. */
  child(fields: LogFields, level?: LogLevel): Logger
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

export type LogFields = Readonly<Record<string, unknown>>

/** Resolves after `delayMs`, or at once when the signal is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      timer.cancel()
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimer(delayMs, done)
    signal?.addEventListener('abort', done)
  })
}
