// The simulated machine itself: time, network and disk do what programs may rely on, and no more.
import { describe, expect, test } from 'vitest'
import type { Platform, Socket, SocketHandler } from '../../src/platform/platform.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { Simulation } from '../../src/simulation/simulation.ts'

const PORT = 7

const simulationOf = (seed = 1) =>
  new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })

/** Keeps what it hears. */
class Ear implements SocketHandler {
  heard = ''
  events: string[] = []
  readonly #room = Buffer.alloc(10)
  opened(): void {
    this.events.push('opened')
  }
  readInto(): Uint8Array {
    return this.#room
  }
  didRead(length: number): void {
    this.heard += this.#room.toString('latin1', 0, length)
  }
  closed(error: Error | undefined): void {
    this.events.push(error ? `closed: ${(error as { code?: string }).code}` : 'closed')
  }
}

/** A client in one datacenter, connected to a server in the other. */
async function connected(simulation: Simulation) {
  const near = simulation.machine('near', { datacenter: 'virginia' })
  const far = simulation.machine('far', { datacenter: 'oregon' })
  const [nearPlatform, farPlatform] = [near.boot(), far.boot()]
  const server = new Ear()
  const client = new Ear()
  let accepted: Socket | undefined
  await farPlatform.network.listen({ host: 'far', port: PORT }, (socket) => {
    accepted = socket
    return server
  })
  const socket = nearPlatform.network.connect({ host: 'far', port: PORT }, client)
  await simulation.pass(100)
  return { near, far, nearPlatform, socket, client, server, accepted: accepted! }
}

const text = (bytes: string) => [Buffer.from(bytes, 'latin1')]
const alphabet = 'abcdefghijklmnopqrstuvwxyz'.repeat(40_000)

describe('time', () => {
  test('passes from event to event, at once and in order', async () => {
    const simulation = simulationOf()
    const { clock } = simulation.machine('one').boot()
    const seen: string[] = []
    clock.setTimer(3_600_000, () => seen.push(`hour ${clock.monotonic()}`))
    clock.setTimer(10, () => {
      seen.push(`ten ${clock.monotonic()}`)
      clock.defer(() => seen.push(`then ${clock.monotonic()}`))
    })
    clock.setTimer(5, () => seen.push('never')).cancel()
    await simulation.pass(7_200_000)
    expect(seen).toEqual(['ten 10', 'then 10', 'hour 3600000'])
  })

  test('goes on for a paused process only when it resumes, and never again for a dead one', async () => {
    const simulation = simulationOf()
    const machine = simulation.machine('one')
    const { clock } = machine.boot()
    const seen: number[] = []
    clock.setTimer(10, () => seen.push(clock.monotonic()))
    clock.setTimer(1_000, () => seen.push(clock.monotonic()))
    machine.pause()
    await simulation.pass(500)
    expect(seen).toEqual([])
    machine.resume()
    await simulation.pass(1)
    expect(seen).toEqual([500])
    machine.kill()
    await simulation.pass(5_000)
    expect(seen).toEqual([500])
  })
})

describe('the network', () => {
  test('brings a stream whole and in order, in pieces, after the latency of its way', async () => {
    const simulation = simulationOf(3)
    const { socket, server, client } = await connected(simulation)
    expect(client.events).toEqual(['opened'])
    socket.write(text(alphabet))
    await simulation.pass(10)
    expect(server.heard).toBe('')
    await simulation.pass(5_000)
    expect(server.heard).toBe(alphabet)
    expect(socket.bytesQueued).toBe(0)
  })

  test('holds a stream up while it is cut, and brings the rest when it is healed', async () => {
    const simulation = simulationOf(4)
    const { socket, server, accepted, client } = await connected(simulation)
    socket.write(text('before '))
    await simulation.pass(100)
    socket.write(text('under way '))
    await simulation.pass(1)
    simulation.network.cut('virginia', 'oregon', 'one-way')
    socket.write(text('after'))
    accepted.write(text('the other way'))
    await simulation.pass(60_000)
    expect(server.heard).toBe('before ')
    expect(client.heard).toBe('the other way')
    simulation.network.heal()
    await simulation.pass(1_000)
    expect(server.heard).toBe('before under way after')
  })

  test('lets a slow reader hold up its writer', async () => {
    const simulation = simulationOf(5)
    const { socket, server, accepted } = await connected(simulation)
    accepted.pause()
    socket.write(text(alphabet))
    await simulation.pass(60_000)
    expect(server.heard).toBe('')
    expect(socket.bytesQueued).toBeGreaterThan(alphabet.length / 2)
    accepted.resume()
    await simulation.pass(60_000)
    expect(server.heard).toBe(alphabet)
  })

  test('tells both ends of a reset, and the peers of a process that was killed', async () => {
    const simulation = simulationOf(6)
    const one = await connected(simulation)
    expect(simulation.network.resetBetween('oregon', 'virginia')).toBe(1)
    await simulation.pass(1)
    expect(one.client.events).toEqual(['opened', 'closed: HEL_CONNECTION_LOST'])
    expect(one.server.events).toEqual(['closed: HEL_CONNECTION_LOST'])
    const again = new Ear()
    one.nearPlatform.network.connect({ host: 'far', port: PORT }, again)
    await simulation.pass(100)
    one.far.kill()
    await simulation.pass(100)
    expect(again.events).toEqual(['opened', 'closed'])
  })

  test('still brings what a process had sent when it died, however late', async () => {
    const simulation = simulationOf(9)
    const { near, socket, server } = await connected(simulation)
    simulation.network.cut('virginia', 'oregon')
    socket.write(text('last words'))
    await simulation.pass(10)
    near.kill()
    await simulation.pass(60_000)
    expect(server.heard).toBe('')
    simulation.network.heal()
    await simulation.pass(1_000)
    expect(server.heard).toBe('last words')
    expect(server.events).toEqual(['closed'])
  })

  test('refuses where nobody listens, and is silent where there is no power', async () => {
    const simulation = simulationOf(7)
    const { far, nearPlatform, client } = await connected(simulation)
    const refused = new Ear()
    nearPlatform.network.connect({ host: 'far', port: PORT + 1 }, refused)
    await simulation.pass(100)
    expect(refused.events).toEqual(['closed: HEL_UNREACHABLE'])
    far.cutPower()
    const silent = new Ear()
    nearPlatform.network.connect({ host: 'far', port: PORT }, silent)
    await simulation.pass(9_000)
    expect(silent.events).toEqual([])
    expect(client.events).toEqual(['opened'])
    await simulation.pass(2_000)
    expect(silent.events).toEqual(['closed: HEL_UNREACHABLE'])
  })

  test('closes the other end after the last byte', async () => {
    const simulation = simulationOf(8)
    const { socket, server, client } = await connected(simulation)
    socket.write(text(alphabet))
    socket.end()
    await simulation.pass(60_000)
    expect(server.heard).toBe(alphabet)
    expect(server.events).toEqual(['closed'])
    expect(client.events).toEqual(['opened', 'closed'])
  })
})

describe('the disk', () => {
  const FILE = '/data/log'

  async function written(seed: number, use: (platform: Platform) => void, end: (machine: SimMachine) => void) {
    const machine = simulationOf(seed).machine('one')
    const platform = machine.boot()
    platform.disk.makeDirectory('/data')
    use(platform)
    end(machine)
    return machine.boot().disk
  }

  test('keeps what was written over the death of a process, and gives its locks back', async () => {
    const disk = await written(
      1,
      ({ disk: own }) => {
        own.open(FILE).write(text('hello'), 0)
        own.lock('/data/.lock')
      },
      (machine) => machine.kill(),
    )
    expect(disk.read(FILE).toString()).toBe('hello')
    expect(disk.lock('/data/.lock')).toBeDefined()
  })

  test('loses, tears or keeps with the power what was not synced, and nothing that was', async () => {
    const left = new Set<string>()
    for (let seed = 1; seed <= 60; seed++) {
      const disk = await written(
        seed,
        ({ disk: own }) => {
          const file = own.open(FILE)
          file.write(text('synced '), 0)
          file.sync()
          file.write(text('perhaps '), 7)
          file.write(text('or not'), 15)
        },
        (machine) => machine.cutPower(),
      )
      left.add(disk.read(FILE).toString())
    }
    for (const content of left) expect('synced perhaps or not').toContain(content)
    for (const content of left) expect(content.startsWith('synced ')).toBe(true)
    expect(left).toContain('synced ')
    expect(left).toContain('synced perhaps or not')
    expect(left.size).toBeGreaterThan(4)
  })

  test('keeps what was synced bit by bit, under the name that the file has in the end', async () => {
    const disk = await written(
      1,
      ({ disk: own }) => {
        own.replace(FILE, Buffer.from('what was there before'))
        const file = own.open('/data/new')
        file.write(text('one two three'), 0)
        file.sync()
        file.truncate(8)
        file.write(text('four'), 8)
        file.sync()
        own.rename('/data/new', FILE)
      },
      (machine) => machine.cutPower(),
    )
    expect(disk.read(FILE).toString()).toBe('one two four')
    expect(disk.list('/data')).toEqual(['log'])
  })

  test('takes nothing more from a process that is dead', async () => {
    const machine = simulationOf().machine('one')
    const { disk } = machine.boot()
    disk.makeDirectory('/data')
    const file = disk.open(FILE)
    file.write(text('alive'), 0)
    machine.kill()
    file.write(text('ghost'), 0)
    disk.replace('/data/other', Buffer.from('ghost'))
    const next = machine.boot().disk
    expect(next.read(FILE).toString()).toBe('alive')
    expect(next.exists('/data/other')).toBe(false)
  })
})

test('a seed replays a run, and another seed is another run', async () => {
  const run = async (seed: number) => {
    const simulation = simulationOf(seed)
    const { socket } = await connected(simulation)
    socket.write(text(alphabet))
    await simulation.pass(60_000)
    return simulation.trace
  }
  expect(await run(1)).toEqual(await run(1))
  expect((await run(2)).hash).not.toBe((await run(1)).hash)
})
