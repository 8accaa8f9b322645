import { afterEach, describe, expect, it } from 'vitest'
import { HeliostatError } from '../../src/platform/errors.ts'
import { nodeNetwork } from '../../src/platform/node-network.ts'
import type { Address, Listener, Socket, SocketHandler, TlsOptions } from '../../src/platform/platform.ts'
import { makeCertificates } from '../support/certificate.ts'

const certificates = makeCertificates()
const serverTls: TlsOptions = { ...certificates.server }
const network = nodeNetwork({ connectTimeoutMs: 5_000, lingerMs: 200 })
const listeners: Listener[] = []

afterEach(async () => {
  for (const listener of listeners.splice(0)) await listener.close()
})

/** One end that keeps what it reads and lets a test wait for a condition on it. */
class Peer implements SocketHandler {
  socket!: Socket
  chunks: Buffer[] = []
  received = 0
  reads = 0
  openedTimes = 0
  drains = 0
  closings: (Error | undefined)[] = []
  #room = Buffer.alloc(0)
  #waiting: { until: () => boolean; resolve: () => void }[] = []

  readonly roomBytes: number

  constructor(roomBytes = 64 * 1024) {
    this.roomBytes = roomBytes
  }

  opened(): void {
    this.openedTimes++
    this.#check()
  }
  readInto(): Uint8Array {
    this.#room = Buffer.alloc(this.roomBytes)
    return this.#room
  }
  didRead(length: number): void {
    this.reads++
    this.received += length
    this.chunks.push(this.#room.subarray(0, length))
    this.#check()
  }
  drained(): void {
    this.drains++
    this.#check()
  }
  closed(error: Error | undefined): void {
    this.closings.push(error)
    this.#check()
  }

  get bytes(): Buffer {
    return Buffer.concat(this.chunks)
  }
  until(condition: () => boolean): Promise<void> {
    if (condition()) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ until: condition, resolve }))
  }
  close(): Promise<void> {
    return this.until(() => this.closings.length > 0)
  }
  #check(): void {
    const ready = this.#waiting.filter((waiter) => waiter.until())
    this.#waiting = this.#waiting.filter((waiter) => !ready.includes(waiter))
    for (const waiter of ready) waiter.resolve()
  }
}

async function listen(accept: (socket: Socket) => SocketHandler, tls?: TlsOptions): Promise<Address> {
  const listener = await network.listen({ host: '127.0.0.1', port: 0 }, accept, tls)
  listeners.push(listener)
  return listener.address
}

async function pair(tls?: boolean, roomBytes?: number): Promise<{ client: Peer; server: Peer }> {
  const server = new Peer(roomBytes)
  const client = new Peer(roomBytes)
  let accepted = () => {}
  const arrival = new Promise<void>((resolve) => {
    accepted = resolve
  })
  const address = await listen(
    (socket) => {
      server.socket = socket
      accepted()
      return server
    },
    tls ? serverTls : undefined,
  )
  client.socket = network.connect(address, client, tls ? { ca: certificates.ca } : undefined)
  await Promise.all([arrival, client.until(() => client.openedTimes > 0)])
  return { client, server }
}

describe.each([
  ['plain', false],
  ['TLS', true],
])('a %s connection', (_, tls) => {
  it('carries bytes both ways in order, whatever the room offered', async () => {
    const { client, server } = await pair(tls, 7)
    client.socket.write([Buffer.from('hello '), Buffer.from(''), Buffer.from('from the client')])
    server.socket.write([Buffer.from('and from the server')])
    await server.until(() => server.received === 21)
    await client.until(() => client.received === 19)
    expect(server.bytes.toString()).toBe('hello from the client')
    expect(client.bytes.toString()).toBe('and from the server')
    expect(server.reads).toBeGreaterThan(2)
    client.socket.destroy()
    await Promise.all([client.close(), server.close()])
  })

  it('carries 32 MiB in 3,000 buffers in one write and reports draining and an empty queue', async () => {
    const { client, server } = await pair(tls, 256 * 1024)
    const buffers = Array.from({ length: 3000 }, (_, index) => Buffer.alloc(11_184, index % 251))
    server.socket.write(buffers)
    await client.until(() => client.received === 3000 * 11_184)
    expect(client.bytes.equals(Buffer.concat(buffers))).toBe(true)
    await server.until(() => server.drains > 0)
    expect(server.socket.bytesQueued).toBe(0)
    client.socket.destroy()
    await server.close()
  })

  it('lets a paused reader hold the writer back, and loses nothing when it reads on', async () => {
    const { client, server } = await pair(tls)
    client.socket.pause()
    const block = Buffer.alloc(1024 * 1024, 1)
    for (let index = 0; index < 24; index++) server.socket.write([block])
    // The kernel's buffers take some; a reader that does not read cannot have taken all.
    await new Promise((resolve) => setTimeout(resolve, 100))
    const heldBack = server.socket.bytesQueued
    const before = client.received
    expect(heldBack).toBeGreaterThan(0)
    expect(before).toBeLessThan(24 * 1024 * 1024)
    client.socket.resume()
    await client.until(() => client.received === 24 * 1024 * 1024)
    client.socket.destroy()
    await server.close()
  })

  it('delivers all that was written before end, then closes both ends cleanly', async () => {
    const { client, server } = await pair(tls)
    server.socket.write([Buffer.alloc(5_000_000, 9)])
    server.socket.end()
    await Promise.all([client.close(), server.close()])
    expect(client.received).toBe(5_000_000)
    expect(client.closings).toEqual([undefined])
    expect(server.closings).toEqual([undefined])
  })

  it('calls closed once, with the error that destroy was given, and nothing after', async () => {
    const { client, server } = await pair(tls)
    const reason = new HeliostatError('HEL_TEST', 'because')
    client.socket.destroy(reason)
    client.socket.destroy(new Error('later'))
    expect(client.closings).toEqual([])
    client.socket.write([Buffer.from('lost')])
    client.socket.end()
    await Promise.all([client.close(), server.close()])
    await new Promise((resolve) => setImmediate(resolve))
    expect(client.closings).toEqual([reason])
    expect(server.closings).toHaveLength(1)
  })
})

describe('a connection', () => {
  it('does not wait for ever for a peer that never ends its side', async () => {
    const { client, server } = await pair()
    server.socket.pause()
    server.socket.resume()
    client.socket.pause()
    server.socket.write([Buffer.alloc(64)])
    server.socket.end()
    await server.close()
    client.socket.destroy()
    await client.close()
  })

  it('that is reset says so with the address', async () => {
    const { client, server } = await pair()
    server.socket.pause()
    client.socket.write([Buffer.alloc(1024 * 1024)])
    await client.until(() => true)
    server.socket.destroy()
    await client.close()
    const { code, message } = client.closings[0] as HeliostatError
    expect(code).toBe('HEL_CONNECTION_LOST')
    expect(message).toContain(`${client.socket.remote.host}:${client.socket.remote.port}`)
  })

  it('to a port where nobody listens is refused by name and port, retriable', async () => {
    const listener = await network.listen({ host: '127.0.0.1', port: 0 }, () => new Peer())
    await listener.close()
    const peer = new Peer()
    network.connect(listener.address, peer)
    await peer.close()
    const error = peer.closings[0] as HeliostatError
    expect(error.message).toBe(`cannot reach 127.0.0.1:${listener.address.port}: connection refused`)
    expect([error.code, error.retriable, peer.openedTimes]).toEqual(['HEL_UNREACHABLE', true, 0])
  })

  it('that is not answered in time is given up', async () => {
    const address = await listen(() => new Peer())
    const peer = new Peer()
    // The listener speaks no TLS, so the handshake never ends.
    nodeNetwork({ connectTimeoutMs: 50 }).connect(address, peer, { ca: certificates.ca })
    await peer.close()
    expect((peer.closings[0] as Error).message).toMatch(/^cannot reach 127.0.0.1:\d+: no answer within 50 ms$/)
  })

  it.each([0, -1, 70_000, 1.5])('to port %s fails like any unreachable address', async (port) => {
    const peer = new Peer()
    network.connect({ host: '127.0.0.1', port }, peer)
    await peer.close()
    expect((peer.closings[0] as HeliostatError).code).toBe('HEL_UNREACHABLE')
    expect((peer.closings[0] as Error).message).toContain(`port ${port} is not a port`)
  })

  it('to an unknown host says that the name was not found', async () => {
    const peer = new Peer()
    network.connect({ host: 'no-such-host.invalid', port: 9092 }, peer)
    await peer.close()
    expect((peer.closings[0] as Error).message).toMatch(/cannot reach no-such-host.invalid:9092: /)
  })
})

describe('TLS', () => {
  async function refusal(tls: TlsOptions, host = '127.0.0.1'): Promise<HeliostatError> {
    const { port } = await listen(() => new Peer(), serverTls)
    const peer = new Peer()
    network.connect({ host, port }, peer, tls)
    await peer.close()
    expect(peer.openedTimes).toBe(0)
    return peer.closings[0] as HeliostatError
  }

  it('refuses a certificate that the given authority did not sign', async () => {
    const error = await refusal({ ca: makeCertificates().ca })
    expect([error.code, error.retriable]).toEqual(['HEL_TLS', false])
  })

  it('refuses a certificate for another name', async () => {
    const error = await refusal({ ca: certificates.ca, serverName: 'kafka.example' })
    expect(error.code).toBe('HEL_TLS')
    expect(error.message).toContain('kafka.example')
  })

  it('checks an address against the certificate too', async () => {
    const error = await refusal({ ca: certificates.ca, serverName: '127.0.0.2' })
    expect(error.message).toContain('127.0.0.2')
  })

  it('says so when the other side speaks no TLS', async () => {
    const address = await listen((socket) => {
      const server = new Peer()
      server.didRead = () => socket.write([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])
      return server
    })
    const peer = new Peer()
    network.connect(address, peer, { ca: certificates.ca })
    await peer.close()
    expect((peer.closings[0] as Error).message).toContain('does not speak TLS')
  })

  it('with client certificates accepts a signed one and refuses none', async () => {
    const accepted: Peer[] = []
    const accept = (socket: Socket) => {
      const server = new Peer()
      server.socket = socket
      accepted.push(server)
      socket.write([Buffer.from('welcome')])
      return server
    }
    const address = await listen(accept, { ...serverTls, ca: certificates.ca, clientCertificate: 'required' })
    const stranger = new Peer()
    network.connect(address, stranger, { ca: certificates.ca })
    await stranger.close()
    expect([stranger.received, accepted.length]).toEqual([0, 0])
    const known = new Peer()
    const socket = network.connect(address, known, { ca: certificates.ca, ...certificates.client })
    await known.until(() => known.received === 7)
    socket.destroy()
    await known.close()
  })
})

describe('a listener', () => {
  it('refuses an address that is taken, by name', async () => {
    const address = await listen(() => new Peer())
    await expect(network.listen(address, () => new Peer())).rejects.toMatchObject({
      code: 'HEL_LISTEN',
      message: `cannot listen on 127.0.0.1:${address.port}: the address is in use`,
    })
  })

  it('that is closed lets go of those who have not finished their handshake, and keeps those who have', async () => {
    const accepted: Peer[] = []
    const accept = (socket: Socket) => {
      const server = new Peer()
      server.socket = socket
      accepted.push(server)
      return server
    }
    const address = await listen(accept, serverTls)
    const known = new Peer()
    known.socket = network.connect(address, known, { ca: certificates.ca })
    await known.until(() => known.openedTimes > 0)
    const silent = new Peer()
    silent.socket = network.connect(address, silent)
    await silent.until(() => silent.openedTimes > 0)
    // The listener has seen whoever came before somebody whom it has welcomed.
    const later = new Peer()
    later.socket = network.connect(address, later, { ca: certificates.ca })
    await later.until(() => later.openedTimes > 0)
    await listeners.pop()!.close()
    await silent.close()
    known.socket.write([Buffer.from('still here')])
    await accepted[0]!.until(() => accepted[0]!.received === 10)
    known.socket.destroy()
    later.socket.destroy()
    await Promise.all([known.close(), later.close()])
  })

  it('that is closed frees its port and leaves its connections open', async () => {
    const { client, server } = await pair()
    const listener = listeners.pop()!
    await listener.close()
    const again = await network.listen(listener.address, () => new Peer())
    listeners.push(again)
    client.socket.write([Buffer.from('still here')])
    await server.until(() => server.received === 10)
    client.socket.destroy()
    await server.close()
  })
})
