// TCP and TLS of this machine. A dialled socket is read by the kernel straight into the handler's room; an accepted one hands
// over chunks that are copied once, as Node has no such option for servers. Writes leave as one writev, uncopied.
import { createServer, isIP, connect as netConnect, type Server, type Socket as TcpSocket } from 'node:net'
import type { ConnectionOptions, TLSSocket, Server as TlsServer } from 'node:tls'
import { HeliostatError } from './errors.ts'
import {
  type Address,
  type Listener,
  type Logger,
  type Network,
  type Socket,
  type SocketHandler,
  type TlsOptions,
  type TlsSource,
  tlsNow,
} from './platform.ts'

export interface NodeNetworkOptions {
  log?: Logger
  /** From dialling to the end of the TLS handshake. */
  connectTimeoutMs?: number
  /** How long a socket that we ended waits for the peer to end too. */
  lingerMs?: number
}

/** Loaded when it is first needed: a broker of a test that speaks no TLS does not pay its five megabytes. */
const tlsModule = () => process.getBuiltinModule('node:tls')

const KEEP_ALIVE_MS = 60_000

export function nodeNetwork(options: NodeNetworkOptions = {}): Network {
  const connectTimeoutMs = options.connectTimeoutMs ?? 10_000
  const lingerMs = options.lingerMs ?? 5_000
  return {
    connect: (address, handler, tls) => dial(address, handler, tls, connectTimeoutMs, lingerMs),
    listen: (address, accept, tls) => listen(address, accept, tls, lingerMs, options.log),
  }
}

/**
 * Invariants:
 * 1. `closed` is the handler's last call and comes exactly once, never from within `connect` or `destroy`.
 * 2. After `destroy` the handler hears nothing but `closed`.
 */
class NodeSocket implements Socket {
  readonly remote: Address
  readonly peerCertificate: Buffer | undefined
  readonly #socket: TcpSocket
  readonly #lingerMs: number
  readonly #taken: () => void

  constructor(socket: TcpSocket, remote: Address, lingerMs: number, handler: SocketHandler) {
    this.remote = remote
    this.peerCertificate = provenCertificate(socket)
    this.#socket = socket
    this.#lingerMs = lingerMs
    this.#taken = () => {
      if (socket.writableLength === 0 && !socket.destroyed) handler.drained?.()
    }
  }

  get bytesQueued(): number {
    return this.#socket.writableLength
  }

  write(buffers: readonly Uint8Array[]): void {
    // A socket that is closing says so through `closed`; what is written meanwhile is lost like what was queued.
    if (!this.#socket.writable || buffers.length === 0) return
    const last = buffers.length - 1
    this.#socket.cork()
    for (let index = 0; index < last; index++) this.#socket.write(buffers[index]!)
    this.#socket.write(buffers[last]!, this.#taken)
    this.#socket.uncork()
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    this.#socket.end(() => {
      // A peer that never ends its side must not hold the descriptor for ever.
      const linger = setTimeout(() => this.#socket.destroy(), this.#lingerMs).unref()
      this.#socket.once('close', () => clearTimeout(linger))
    })
  }

  destroy(error?: Error): void {
    this.#socket.destroy(error)
  }

  reset(): void {
    // TLS has no such thing.
    if (isTls(this.#socket)) this.#socket.destroy()
    else this.#socket.resetAndDestroy()
  }
}

function dial(
  address: Address,
  handler: SocketHandler,
  tls: TlsOptions | undefined,
  timeoutMs: number,
  lingerMs: number,
): Socket {
  const onread = {
    buffer: () => handler.readInto(),
    callback: (length: number) => {
      if (!socket.destroyed) handler.didRead(length)
      return true
    },
  }
  const common = { host: address.host, port: dialablePort(address.port), onread }
  const socket = tls ? tlsModule().connect({ ...common, ...tlsDialOptions(tls, address.host) }) : netConnect(common)
  socket.setNoDelay(true)
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  let phase: Phase = 'dialling'
  const timeout = setTimeout(() => socket.destroy(new DialTimeout(timeoutMs)), timeoutMs)
  socket.once(tls ? 'secureConnect' : 'connect', () => {
    clearTimeout(timeout)
    phase = 'open'
    handler.opened?.()
  })
  reportClose(
    socket,
    handler,
    (error) => networkError(error, phase, address),
    () => clearTimeout(timeout),
  )
  if (common.port !== address.port) socket.destroy(new Error(`port ${address.port} is not a port`))
  return new NodeSocket(socket, address, lingerMs, handler)
}

type Phase = 'dialling' | 'open'

/** A port that a broker advertises may be any number; Node throws for those that are none, and `closed` should say it instead. */
function dialablePort(port: number): number {
  return Number.isInteger(port) && port > 0 && port < 65536 ? port : 1
}

function tlsDialOptions(tls: TlsOptions, host: string): ConnectionOptions {
  const name = tls.serverName ?? host
  return {
    ca: tls.ca,
    cert: tls.cert,
    key: tls.key,
    minVersion: tls.minVersion ?? 'TLSv1.2',
    maxVersion: tls.maxVersion,
    // SNI carries names only; an address is checked against the certificate all the same.
    ...(isIP(name) ? {} : { servername: name }),
    checkServerIdentity: (_, certificate) => tlsModule().checkServerIdentity(name, certificate),
  }
}

function reportClose(
  socket: TcpSocket,
  handler: SocketHandler,
  describeError: (error: Error) => Error,
  beforehand?: () => void,
): void {
  let failure: Error | undefined
  socket.on('error', (error) => {
    failure = describeError(error)
  })
  socket.once('close', () => {
    beforehand?.()
    handler.closed(failure)
  })
}

function listen(
  address: Address,
  accept: (socket: Socket) => SocketHandler,
  tls: TlsSource | undefined,
  lingerMs: number,
  log: Logger | undefined,
): Promise<Listener> {
  const server = tls ? tlsServer(tls, log) : createServer({ noDelay: true })
  const handshakes = tls ? handshakesOf(server) : undefined
  server.on(tls ? 'secureConnection' : 'connection', (socket: TcpSocket) => {
    if (!showsBadCertificate(socket)) return welcome(socket, accept, lingerMs)
    log?.warn('network.tls.refused', 'the certificate of the client is not trusted', { remote: socket.remoteAddress })
    socket.on('error', () => {})
    socket.destroy()
  })
  server.on('tlsClientError', (error: Error, socket: TcpSocket) => {
    log?.info('network.tls.refused', `TLS handshake failed: ${error.message}`, { remote: socket.remoteAddress })
  })
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(listenError(error, address)))
    server.listen({ host: address.host, port: address.port }, () => {
      server.removeAllListeners('error')
      // Out of descriptors: the connection that could not be accepted is lost, the listener goes on.
      server.on('error', (error) => log?.warn('network.accept.failed', error.message, { ...address }))
      resolve(nodeListener(server, address.host, handshakes))
    })
  })
}

/** Only of TLS sockets: known without loading TLS. */
function isTls(socket: TcpSocket): socket is TLSSocket {
  return 'encrypted' in socket
}

function tlsServer(source: TlsSource, log: Logger | undefined): Server {
  const tls = tlsNow(source)!
  const server = tlsModule().createServer({
    ...contextOf(tls),
    requestCert: tls.clientCertificate !== undefined,
    rejectUnauthorized: tls.clientCertificate === 'required',
  })
  server.on('secureConnection', (socket) => socket.setNoDelay(true))
  if (typeof source === 'function') followCertificates(server, source, tls, log)
  return server
}

const contextOf = ({ ca, cert, key, minVersion = 'TLSv1.2', maxVersion }: TlsOptions) => ({
  ca,
  cert,
  key,
  minVersion,
  maxVersion,
})

/** Before Node begins the handshake of a connection; connections that are open stay as they are. */
function followCertificates(server: TlsServer, source: () => TlsOptions, first: TlsOptions, log?: Logger): void {
  let last = first
  server.prependListener('connection', () => {
    const now = source()
    if (now === last) return
    last = now
    try {
      server.setSecureContext(contextOf(now))
    } catch (error) {
      log?.warn('network.tls.kept', `what was read anew is not fit for TLS: ${(error as Error).message}`)
    }
  })
}

/** Connections that have not finished their handshake, by who dialled: nobody but Node knows of them, and Node lets them take two minutes. */
function handshakesOf(server: Server): ReadonlyMap<string, TcpSocket> {
  const handshakes = new Map<string, TcpSocket>()
  const dialler = ({ remoteAddress, remotePort }: TcpSocket) => `${remoteAddress} ${remotePort}`
  server.on('connection', (socket: TcpSocket) => {
    const key = dialler(socket)
    handshakes.set(key, socket)
    socket.once('close', () => handshakes.delete(key))
  })
  server.on('secureConnection', (socket: TcpSocket) => handshakes.delete(dialler(socket)))
  return handshakes
}

function nodeListener(server: Server, host: string, handshakes?: ReadonlyMap<string, TcpSocket>): Listener {
  const bound = server.address()
  const port = bound !== null && typeof bound === 'object' ? bound.port : 0
  return {
    address: { host, port },
    close: () => {
      // Node calls back only when the last connection has ended; the port is free one turn after.
      if (server.listening) server.close()
      for (const socket of handshakes?.values() ?? []) socket.destroy()
      return new Promise((resolve) => setImmediate(resolve))
    },
  }
}

/** What an accepted socket's peer has shown; Node has checked it by then, or says that it was not good. */
function provenCertificate(socket: TcpSocket): Buffer | undefined {
  return isTls(socket) && socket.authorized ? socket.getPeerX509Certificate()?.raw : undefined
}

/** A certificate was not required, but one was shown, and it is not signed by whom we trust. */
function showsBadCertificate(socket: TcpSocket): boolean {
  return isTls(socket) && !socket.authorized && socket.getPeerX509Certificate() !== undefined
}

function welcome(socket: TcpSocket, accept: (socket: Socket) => SocketHandler, lingerMs: number): void {
  const remote = { host: socket.remoteAddress ?? 'unknown', port: socket.remotePort ?? 0 }
  // The accepting side gets its socket before it can give us its handler.
  let handler: SocketHandler | undefined
  const deferred: SocketHandler = {
    readInto: () => handler!.readInto(),
    didRead: (length) => handler!.didRead(length),
    drained: () => handler?.drained?.(),
    closed: (error) => handler!.closed(error),
  }
  socket.setKeepAlive(true, KEEP_ALIVE_MS)
  reportClose(socket, deferred, (error) => networkError(error, 'open', remote))
  handler = accept(new NodeSocket(socket, remote, lingerMs, deferred))
  socket.on('data', (chunk: Buffer) => pour(chunk, socket, deferred))
}

/** Copies a chunk into the handler's room, as many rooms as it takes, until the handler gives the socket up. */
function pour(chunk: Buffer, socket: TcpSocket, handler: SocketHandler): void {
  let poured = 0
  while (poured < chunk.length && !socket.destroyed) {
    const room = handler.readInto()
    const length = Math.min(room.length, chunk.length - poured)
    room.set(chunk.subarray(poured, poured + length))
    poured += length
    handler.didRead(length)
  }
}

class DialTimeout extends Error {
  constructor(timeoutMs: number) {
    super(`no answer within ${timeoutMs} ms`)
  }
}

/** An error with a person as its reader: which address, what happened. What `destroy` was given passes through. */
export function networkError(error: Error, phase: Phase, address: Address): Error {
  if (error instanceof HeliostatError) return error
  const where = { host: address.host, port: address.port }
  const at = `${address.host}:${address.port}`
  const cause = firstCause(error)
  if (isTlsFailure(cause)) {
    return new HeliostatError('HEL_TLS', `TLS with ${at} failed: ${tlsReason(cause)}`, { cause: error, where })
  }
  if (phase === 'dialling') {
    const message = `cannot reach ${at}: ${dialReason(cause)}`
    return new HeliostatError('HEL_UNREACHABLE', message, { retriable: true, cause: error, where })
  }
  const message = `connection to ${at} was lost: ${cause.message}`
  return new HeliostatError('HEL_CONNECTION_LOST', message, { retriable: true, cause: error, where })
}

type CodedError = Error & { code?: string; errors?: readonly CodedError[]; reason?: string }

/** A name with several addresses fails with all their errors; the first is the one of the preferred address. */
function firstCause(error: CodedError): CodedError {
  return error.errors?.[0] ?? error
}

function dialReason(error: CodedError): string {
  if (error.code === 'ECONNREFUSED') return 'connection refused'
  if (error.code === 'ENOTFOUND' || error.code === 'EAI_AGAIN') return 'host name not found'
  if (error.code === 'ETIMEDOUT') return 'no answer'
  if (error.code === 'EHOSTUNREACH' || error.code === 'ENETUNREACH') return 'no route to host'
  return error.message
}

function isTlsFailure(error: CodedError): boolean {
  return /^(ERR_TLS|ERR_SSL|ERR_OSSL|EPROTO|CERT_|UNABLE_TO_)|SELF_SIGNED|SIGNATURE_FAILURE/.test(error.code ?? '')
}

function tlsReason(error: CodedError): string {
  if (error.code === 'ERR_SSL_WRONG_VERSION_NUMBER' || /wrong version number/.test(error.message)) {
    return 'the other side does not speak TLS'
  }
  return error.reason ?? error.message
}

function listenError(error: CodedError, address: Address): HeliostatError {
  const at = `${address.host}:${address.port}`
  const reason = error.code === 'EADDRINUSE' ? 'the address is in use' : error.message
  return new HeliostatError('HEL_LISTEN', `cannot listen on ${at}: ${reason}`, { cause: error, where: { ...address } })
}
