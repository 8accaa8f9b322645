import { crc32 } from 'node:zlib'
import { HeliostatError } from '../platform/errors.ts'
import type { Address, Listener, Network, Socket, SocketHandler } from '../platform/platform.ts'
import type { SimMachine, SimProcess } from './sim-machine.ts'
import type { Simulation } from './simulation.ts'

/** One direction between two datacenters. */
export interface Path {
  latencyMs: number
  /** Up to so much is added, drawn for each piece of data. */
  jitterMs: number
  bytesPerMs: number
  /** Nothing arrives until it is healed; connections stall, as TCP's do. */
  isCut: boolean
}

const WITHIN: Readonly<Path> = { latencyMs: 0.2, jitterMs: 0.1, bytesPerMs: 1_000_000, isCut: false }
const BETWEEN: Readonly<Path> = { latencyMs: 20, jitterMs: 2, bytesPerMs: 100_000, isCut: false }
const DIAL_TIMEOUT_MS = 10_000
/** What a connection holds on its way and unread, before its sender must wait. */
const WINDOW_BYTES = 256 * 1024
const FIRST_FREE_PORT = 10_000

interface Listening {
  readonly machine: SimMachine
  readonly life: SimProcess
  readonly accept: (socket: Socket) => SocketHandler
}

/**
 * Hosts are machines by name. Streams arrive in order or not at all, cut into pieces of any size.
 *
 * 1. Nothing is delivered to a process that is dead; a paused one gets it when it goes on.
 * 2. Of one direction of a connection nothing overtakes.
 */
export class SimNetwork {
  readonly #simulation: Simulation
  /** By where from, then where to. */
  readonly #paths = new Map<string, Map<string, Path>>()
  readonly #listening = new Map<string, Listening>()
  readonly #connections = new Set<Connection>()
  #nextPort = FIRST_FREE_PORT

  constructor(simulation: Simulation) {
    this.#simulation = simulation
  }

  /** The way from one datacenter to another; what is changed in it holds for what is sent from then on. */
  path(from: string, to: string): Path {
    let ways = this.#paths.get(from)
    if (!ways) {
      ways = new Map()
      this.#paths.set(from, ways)
    }
    let path = ways.get(to)
    if (!path) {
      path = { ...(from === to ? WITHIN : BETWEEN) }
      ways.set(to, path)
    }
    return path
  }

  /** Nothing passes in either direction, or only in the first. */
  cut(from: string, to: string, direction: 'both' | 'one-way' = 'both'): void {
    this.path(from, to).isCut = true
    if (direction === 'both') this.path(to, from).isCut = true
  }

  /** What was cut in one direction passes again. */
  mend(from: string, to: string): void {
    this.path(from, to).isCut = false
    for (const connection of this.#connections) connection.goOn()
  }

  heal(): void {
    for (const ways of this.#paths.values()) for (const path of ways.values()) path.isCut = false
    for (const connection of this.#connections) connection.goOn()
  }

  /** Breaks what is open between two datacenters; both ends hear of it. */
  resetBetween(one: string, other: string): number {
    const broken = [...this.#connections].filter(({ ends }) => {
      const [from, to] = ends.map(({ machine }) => machine.datacenter)
      return (from === one && to === other) || (from === other && to === one)
    })
    for (const connection of broken) connection.reset()
    return broken.length
  }

  /** What the open connections of two machines carry is held up for a while, new ones are not: as by a switch that is busy. */
  hold(one: string, other: string, ms: number): number {
    const held = this.#of(one).filter(({ ends }) => ends.some(({ machine }) => machine.name === other))
    for (const connection of held) connection.hold(ms)
    return held.length
  }

  /** The machine's process is gone; its kernel still sends what it was given, however late that arrives, and closes. */
  abandon(machine: string): void {
    this.#forget(machine)
    for (const connection of this.#of(machine)) connection.abandon(machine)
  }

  /** The machine is gone without a word. */
  vanish(machine: string): void {
    this.#forget(machine)
    for (const connection of this.#of(machine)) connection.stall()
  }

  of(machine: SimMachine, life: SimProcess): Network {
    return {
      connect: (address, handler) => this.#connect(machine, life, address, handler),
      listen: (address, accept) => this.#listen({ machine, life, accept }, address),
    }
  }

  ended(connection: Connection): void {
    this.#connections.delete(connection)
  }

  #of(machine: string): Connection[] {
    return [...this.#connections].filter(({ ends }) => ends.some((end) => end.machine.name === machine))
  }

  #forget(machine: string): void {
    for (const [key, listening] of this.#listening) if (listening.machine.name === machine) this.#listening.delete(key)
  }

  #listen(listening: Listening, address: Address): Promise<Listener> {
    const port = address.port === 0 ? this.#nextPort++ : address.port
    const key = `${listening.machine.name}:${port}`
    if (this.#listening.has(key)) {
      return Promise.reject(new HeliostatError('HEL_LISTEN', `cannot listen on ${key}: the address is in use`))
    }
    this.#listening.set(key, listening)
    const close = () => {
      if (this.#listening.get(key) === listening) this.#listening.delete(key)
      return Promise.resolve()
    }
    return Promise.resolve({ address: { host: listening.machine.name, port }, close })
  }

  #connect(machine: SimMachine, life: SimProcess, address: Address, handler: SocketHandler): Socket {
    const simulation = this.#simulation
    const at = `${address.host}:${address.port}`
    const target = simulation.machines.get(address.host)
    const connection = new Connection(this, simulation, { machine, life, handler, address })
    const refuse = (why: string) => {
      const where = { host: address.host, port: address.port }
      connection.fail(new HeliostatError('HEL_UNREACHABLE', `cannot reach ${at}: ${why}`, { retriable: true, where }))
    }
    simulation.after(DIAL_TIMEOUT_MS, `${machine.name} gives up ${at}`, () => {
      if (!connection.isOpen && !connection.isOver) refuse(`no answer within ${DIAL_TIMEOUT_MS} ms`)
    })
    if (!target) {
      simulation.after(1, `${machine.name} does not know ${at}`, () => refuse('host name not found'))
      return connection.ends[0]!
    }
    const there = this.path(machine.datacenter, target.datacenter)
    const back = this.path(target.datacenter, machine.datacenter)
    if (there.isCut) return connection.ends[0]!
    simulation.after(there.latencyMs, `${machine.name} dials ${at}`, () => {
      const listening = this.#listening.get(at)
      if (connection.isOver || back.isCut || !target.hasPower) return
      if (!listening) return void simulation.after(back.latencyMs, `${at} refuses`, () => refuse('connection refused'))
      this.#connections.add(connection)
      connection.accepted(listening)
      simulation.after(back.latencyMs, `${machine.name} reaches ${at}`, () => connection.opened())
    })
    return connection.ends[0]!
  }

  pathOf(from: End, to: End): Path {
    return this.path(from.machine.datacenter, to.machine.datacenter)
  }
}

interface Dialled {
  readonly machine: SimMachine
  readonly life: SimProcess
  readonly handler: SocketHandler
  readonly address: Address
}

function lost(end: End, why: string): HeliostatError {
  const at = `${end.remote.host}:${end.remote.port}`
  return new HeliostatError('HEL_CONNECTION_LOST', `connection to ${at} was lost: ${why}`, { retriable: true })
}

/** Two ends, and what is on its way between them. */
class Connection {
  readonly ends: End[] = []
  readonly network: SimNetwork
  readonly simulation: Simulation
  isOpen = false
  isOver = false
  heldUntil = 0
  #isDoomed = false

  constructor(network: SimNetwork, simulation: Simulation, dialled: Dialled) {
    this.network = network
    this.simulation = simulation
    const dialler = new End(this, dialled.machine, dialled.life, dialled.address)
    dialler.handler = dialled.handler
    this.ends.push(dialler)
  }

  accepted({ machine, life, accept }: Listening): void {
    const dialler = this.ends[0]!
    const end = new End(this, machine, life, { host: dialler.machine.name, port: 0 })
    this.ends.push(end)
    life.run(() => {
      end.handler = accept(end)
    })
  }

  opened(): void {
    const dialler = this.ends[0]!
    if (this.isOver || this.#isDoomed || dialler.isClosed) return
    this.isOpen = true
    dialler.life.run(() => {
      if (!dialler.isClosed) dialler.handler?.opened?.()
      dialler.transmit()
    })
  }

  /** It never came to be. */
  fail(error: Error): void {
    if (this.isOver || this.isOpen) return
    this.#end()
    this.ends[0]!.close(error)
  }

  abandon(machine: string): void {
    if (!this.isOpen) this.fail(lost(this.ends[0]!, 'refused'))
    else for (const end of this.ends) if (end.machine.name === machine) end.end()
  }

  /** A machine fell silent: what is sent to it is never taken, and a dial that it had half answered is never answered. */
  stall(): void {
    this.network.ended(this)
    if (this.isOpen) this.isOver = true
    else this.#isDoomed = true
  }

  reset(): void {
    if (this.isOver) return
    this.#end()
    for (const end of this.ends) end.close(lost(end, 'reset'))
  }

  /** One end has closed; the other hears it after what was sent before. */
  closedBy(end: End): void {
    if (this.isOver) return
    const peer = this.peerOf(end)
    if (!peer || peer.isClosed) {
      this.#end()
      return
    }
    peer.endsAfterData = true
    peer.arrive()
  }

  hold(ms: number): void {
    this.heldUntil = this.simulation.now + ms
    this.simulation.at(this.heldUntil, 'held no more', () => this.goOn())
  }

  /** Whether nothing passes from one end to the other now. */
  isBlocked(from: End, to: End): boolean {
    return this.simulation.now < this.heldUntil || this.network.pathOf(from, to).isCut
  }

  /** The way is free again. */
  goOn(): void {
    for (const end of this.ends) {
      end.deliver()
      end.transmit()
    }
  }

  peerOf(end: End): End | undefined {
    return this.ends.find((other) => other !== end)
  }

  #end(): void {
    this.isOver = true
    this.network.ended(this)
  }
}

/**
 * One end of a connection: a socket, and what is under way to it.
 *
 * 1. `#queue` is what its program wrote and the network has not taken; it is not copied before that.
 * 2. `#transit` is what is on its way here, in order; `#arrived` what is here and was not read. Together they stay within the window.
 */
class End implements Socket {
  readonly remote: Address
  readonly peerCertificate = undefined
  readonly machine: SimMachine
  readonly life: SimProcess
  handler: SocketHandler | undefined
  isClosed = false
  /** The peer has ended: `closed` follows the last byte. */
  endsAfterData = false
  readonly #connection: Connection
  readonly #queue: Uint8Array[] = []
  readonly #transit: { readonly piece: Buffer; readonly arrival: number }[] = []
  readonly #arrived: Buffer[] = []
  #queued = 0
  #underway = 0
  #unread = 0
  #paused = false
  #endsWhenSent = false
  #lastArrival = 0

  constructor(connection: Connection, machine: SimMachine, life: SimProcess, remote: Address) {
    this.#connection = connection
    this.machine = machine
    this.life = life
    this.remote = remote
  }

  get bytesQueued(): number {
    return this.#queued
  }

  write(buffers: readonly Uint8Array[]): void {
    if (this.isClosed || this.#endsWhenSent || this.life.isDead) return
    for (const buffer of buffers) {
      if (buffer.length === 0) continue
      this.#queue.push(buffer)
      this.#queued += buffer.length
    }
    this.#connection.simulation.after(0, `${this.machine.name} writes`, () => this.transmit())
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#connection.simulation.after(0, `${this.machine.name} reads on`, () => this.arrive())
  }

  end(): void {
    if (this.isClosed) return
    this.#endsWhenSent = true
    this.#connection.simulation.after(0, `${this.machine.name} ends`, () => this.transmit())
  }

  destroy(error?: Error): void {
    if (this.isClosed || this.life.isDead) return
    this.close(error)
    const { simulation } = this.#connection
    const peer = this.#connection.peerOf(this)
    const path = peer && this.#connection.network.pathOf(this, peer)
    simulation.after(path?.latencyMs ?? 0, `${this.machine.name} hangs up`, () => this.#connection.closedBy(this))
  }

  reset(): void {
    this.#connection.reset()
  }

  close(error: Error | undefined): void {
    if (this.isClosed) return
    this.isClosed = true
    this.#queue.length = 0
    this.#queued = 0
    this.#connection.simulation.after(0, `${this.machine.name} closed`, () =>
      this.life.run(() => this.handler?.closed(error)),
    )
  }

  /** Sends what the window takes. */
  transmit(): void {
    const peer = this.#connection.peerOf(this)
    if (!peer || this.#connection.isOver || this.isClosed || !this.#connection.isOpen) return
    const { network, simulation } = this.#connection
    const path = network.pathOf(this, peer)
    if (this.#connection.isBlocked(this, peer)) return
    const { random } = simulation
    while (this.#queue.length > 0 && peer.#underway + peer.#unread < WINDOW_BYTES) {
      const first = this.#queue.shift()!
      const most = Math.min(first.length, WINDOW_BYTES - peer.#underway - peer.#unread)
      const length = random.chance(0.1) ? 1 + random.below(most) : most
      const piece = Buffer.from(first.subarray(0, length))
      if (length < first.length) this.#queue.unshift(first.subarray(length))
      this.#queued -= length
      peer.#underway += length
      const travel = path.latencyMs + random.fraction() * path.jitterMs + length / path.bytesPerMs
      const arrival = Math.max(peer.#lastArrival, simulation.now + travel)
      peer.#lastArrival = arrival
      const label = `${this.machine.name} to ${peer.machine.name} ${length}`
      // Two runs of a seed send the same bytes, not just as many.
      simulation.witness(crc32(piece))
      peer.#transit.push({ piece, arrival })
      simulation.at(arrival, label, () => peer.deliver())
    }
    if (this.#queue.length > 0) return
    if (this.#endsWhenSent) this.#sayGoodbye(peer)
    else
      this.life.run(() => {
        if (!this.isClosed) this.handler?.drained?.()
      })
  }

  /** Takes what has come to the end of its way; a cut holds it up, as TCP sends it again until it is through. */
  deliver(): void {
    const peer = this.#connection.peerOf(this)
    if (!peer || this.#connection.isOver || this.isClosed) return
    const { simulation } = this.#connection
    if (this.#connection.isBlocked(peer, this)) return
    for (
      let first = this.#transit[0];
      first !== undefined && first.arrival <= simulation.now;
      first = this.#transit[0]
    ) {
      this.#transit.shift()
      this.#underway -= first.piece.length
      this.#unread += first.piece.length
      this.#arrived.push(first.piece)
    }
    this.arrive()
  }

  /** Hands over what has arrived, as far as the program takes it. */
  arrive(): void {
    this.life.run(() => {
      while (this.#arrived.length > 0 && !this.#paused && !this.isClosed && this.handler) {
        const piece = this.#arrived[0]!
        const room = this.handler.readInto()
        const length = Math.min(room.length, piece.length)
        room.set(piece.subarray(0, length))
        this.#unread -= length
        if (length === piece.length) this.#arrived.shift()
        else this.#arrived[0] = piece.subarray(length)
        this.handler.didRead(length)
      }
      if (this.#arrived.length === 0 && this.#underway === 0 && this.endsAfterData && !this.isClosed) {
        this.close(undefined)
        this.#connection.closedBy(this)
      } else {
        this.#connection.peerOf(this)?.transmit()
      }
    })
  }

  #sayGoodbye(peer: End): void {
    const { network, simulation } = this.#connection
    const delay = Math.max(peer.#lastArrival - simulation.now, network.pathOf(this, peer).latencyMs)
    this.close(undefined)
    simulation.after(delay, `${this.machine.name} ended`, () => this.#connection.closedBy(this))
  }
}
