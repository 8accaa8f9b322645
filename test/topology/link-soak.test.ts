// A link on a simulated machine, under virtual time: it keeps time exactly, and whatever is done to it, no byte is lost, doubled or swapped.
import { expect, it } from 'vitest'
import type { Address, Socket, SocketHandler } from '../../src/platform/platform.ts'
import type { SeededRandom } from '../../src/simulation/seeded-random.ts'
import { Simulation } from '../../src/simulation/simulation.ts'
import { TwoWayLink } from '../../src/topology/link.ts'
import { type Speed, UNLIMITED } from '../../src/topology/way.ts'

const PORT = 7
const SEEDS = 8
const BYTES = 500_000

/** The byte that stands there in every stream. */
const byteAt = (index: number) => (index * 31 + (index >> 8)) & 0xff

/** Sends a stream in writes of any size, and checks the one that comes. */
class Peer implements SocketHandler {
  socket: Socket | undefined
  received = 0
  wrong = 0
  isClosed = false
  isPaused = false
  #sent = 0
  readonly #random: SeededRandom
  readonly #toSend: number
  readonly #room: Buffer

  constructor(random: SeededRandom, toSend: number) {
    this.#random = random
    this.#toSend = toSend
    this.#room = Buffer.alloc(1 + random.below(70_000))
  }

  opened(): void {
    this.send()
  }

  readInto(): Uint8Array {
    return this.#room
  }

  didRead(length: number): void {
    for (let index = 0; index < length; index++) {
      if (this.#room[index] !== byteAt(this.received + index)) this.wrong++
    }
    this.received += length
    // As servers do, it speaks when it is spoken to.
    if (this.#sent === 0) this.send()
  }

  drained(): void {
    this.send()
  }

  closed(): void {
    this.isClosed = true
  }

  send(): void {
    if (this.#sent === this.#toSend || !this.socket) return
    const length = Math.min(this.#toSend - this.#sent, 1 + this.#random.below(this.#random.chance(0.5) ? 100 : 90_000))
    const from = this.#sent
    this.#sent += length
    this.socket.write([Buffer.from(Array.from({ length }, (_, index) => byteAt(from + index)))])
  }

  toggle(): void {
    this.isPaused = !this.isPaused
    if (this.isPaused) this.socket?.pause()
    else this.socket?.resume()
  }
}

async function world(seed: number, speed: Partial<Speed>) {
  const simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
  const [client, door, broker] = ['client', 'door', 'broker'].map((name) => {
    return simulation.machine(name, { datacenter: 'one-room' }).boot()
  })
  // What the machines themselves are apart.
  for (const key of ['latencyMs', 'jitterMs'] as const) simulation.network.path('one-room', 'one-room')[key] = 0
  const planned = { ...UNLIMITED, ...speed }
  const link = new TwoWayLink(door!, { ends: ['oregon', 'virginia'], speeds: [planned, planned], clusters: [] })
  const target: Address = { host: 'broker', port: PORT }
  await door!.network.listen({ host: 'door', port: PORT }, (socket) =>
    link.cross(socket, 'oregon', { cluster: 'east', target, isEncrypted: false }),
  )
  return { simulation, link, client: client!, broker: broker! }
}

it('keeps time exactly: one round trip to connect, half of one for each message', async () => {
  const { simulation, link, client, broker } = await world(1, { latencyMs: 35 })
  const heard: [who: string, at: number][] = []
  const ear = (who: string, answer?: () => void): SocketHandler => ({
    readInto: () => Buffer.alloc(100),
    didRead: () => {
      // The network may cut any message into pieces.
      if (heard.some(([one]) => one === who)) return
      heard.push([who, Math.round(simulation.now)])
      answer?.()
    },
    closed: () => heard.push([`${who} closed`, Math.round(simulation.now)]),
  })
  await broker.network.listen({ host: 'broker', port: PORT }, (socket) =>
    ear('broker', () => socket.write([Buffer.from('pong')])),
  )
  const socket = client.network.connect({ host: 'door', port: PORT }, ear('client'))
  socket.write([Buffer.from('ping')])
  await simulation.pass(200)
  expect(heard).toEqual([
    ['broker', 105],
    ['client', 140],
  ])
  link.seenFrom('oregon').slow({ latencyMs: 100 })
  socket.end()
  await simulation.pass(200)
  expect(heard.slice(2)).toEqual([
    ['client closed', 200],
    ['broker closed', 300],
  ])
  expect(link.status().connections).toBe(0)
})

async function soak(seed: number): Promise<string> {
  const { simulation, link, client, broker } = await world(seed, {
    latencyMs: 5,
    jitterMs: 5,
    bitsPerSecond: 80_000_000,
  })
  const { random } = simulation
  const far = new Peer(random, BYTES)
  const near = new Peer(random, BYTES)
  await broker.network.listen({ host: 'broker', port: PORT }, (socket) => {
    far.socket = socket
    return far
  })
  near.socket = client.network.connect({ host: 'door', port: PORT }, near)
  const seen = [link.seenFrom('oregon'), link.seenFrom('virginia')]
  const deeds = [
    () => random.pick(seen).cut(random.pick(['both', 'one-way'])),
    () => random.pick(seen).stall(random.pick(['both', 'one-way'])),
    () => random.pick(seen).heal(),
    () => random.pick(seen).heal(),
    () => random.pick([near, far]).toggle(),
    () => {
      const speed = {
        latencyMs: random.below(60),
        jitterMs: random.below(20),
        bitsPerSecond: 2 ** (20 + random.below(12)),
      }
      random
        .pick(seen)
        .slow(random.chance(0.3) ? { bitsPerSecond: Number.POSITIVE_INFINITY, latencyMs: 0, jitterMs: 0 } : speed)
    },
  ]
  for (let count = 0; count < 60; count++) {
    await simulation.pass(random.below(40))
    random.pick(deeds)()
    for (const { bytesHeld } of link.status().ways) expect(bytesHeld).toBeLessThanOrEqual(16 * 1024 * 1024)
  }
  link.seenFrom('oregon').heal()
  for (const peer of [near, far]) if (peer.isPaused) peer.toggle()
  expect(await simulation.until(() => near.received === BYTES && far.received === BYTES, 600_000)).toBe(true)
  expect([near.wrong, far.wrong]).toEqual([0, 0])
  near.socket.end()
  await simulation.until(() => near.isClosed && far.isClosed, 10_000)
  await simulation.pass(100)
  expect(link.status()).toMatchObject({ connections: 0, ways: [{ bytesHeld: 0 }, { bytesHeld: 0 }] })
  return simulation.trace.hash
}

it('loses, doubles and swaps no byte, whatever is done to it, and a seed replays that', async () => {
  for (let seed = 1; seed <= SEEDS; seed++) await soak(seed)
  expect(await soak(1)).toBe(await soak(1))
})
