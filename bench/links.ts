// What does a link between datacenters cost that neither delays nor limits, beside Node's own way to pass a stream on? And how well does
// one that delays keep to what was said? Sender, receiver and what is between them share this process.
import { connect, createServer, type Server, type Socket } from 'node:net'
import { nodePlatform } from '../src/platform/node-platform.ts'
import { TwoWayLink } from '../src/topology/link.ts'
import { type Speed, UNLIMITED } from '../src/topology/way.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'

const platform = nodePlatform()
const HOST = '127.0.0.1'
const bytesTotal = 4e9
const frameBytes = 16 * 1024
const pings = 400
const pauseMs = 5

interface Passage {
  readonly name: string
  readonly settings: string
  /** Stands between a client and the port; resolves to the port for the client, and how to end it. */
  open(port: number): Promise<{ port: number; close: () => void }>
}

const direct: Passage = { name: 'direct', settings: '', open: async (port) => ({ port, close: () => {} }) }

const pipe: Passage = {
  name: 'pipe',
  settings: 'socket.pipe(socket) both ways',
  open: async (target) => {
    const { server, port } = await serve((client) => {
      const broker = connect(target, HOST)
      client.pipe(broker).pipe(client)
    })
    return { port, close: () => server.close() }
  },
}

const link = (name: string, speed: Partial<Speed>): Passage => ({
  name,
  settings: JSON.stringify(speed),
  open: async (port) => {
    const both = { ...UNLIMITED, ...speed }
    const way = new TwoWayLink(platform, { ends: ['a', 'b'], speeds: [both, both], clusters: [] })
    const entrance = { cluster: '', target: { host: HOST, port }, isEncrypted: false }
    const door = await platform.network.listen({ host: HOST, port: 0 }, (client) => way.cross(client, 'a', entrance))
    const close = () => {
      way.close()
      void door.close()
    }
    return { port: door.address.port, close }
  },
})

export const links: Question = {
  name: 'links',
  asks: 'what a link without delay and limit costs, and how well one of 35 ± 2 ms keeps time',
  run: async ({ repeats, scale }) => {
    const passages = [direct, pipe, link('link', {}), link('35 ms, 1 Gbit/s', { latencyMs: 35, bitsPerSecond: 1e9 })]
    const cost = await inTurns({ repeats, contestants: passages }, (passage) => stream(passage, bytesTotal * scale))
    report('links: requests of 16 KiB through one connection', cost)
    const far = [
      link('35 ± 2 ms', { latencyMs: 35, jitterMs: 2 }),
      link('1 Gbit/s too', { latencyMs: 35, jitterMs: 2, bitsPerSecond: 1e9 }),
    ]
    const kept = await inTurns({ repeats, contestants: far }, (passage) => echo(passage, Math.ceil(pings * scale)))
    report('links: one small message after another and back, half the time that it takes', kept)
  },
}

async function stream(passage: Passage, bytes: number): Promise<Figures> {
  const received = Promise.withResolvers<void>()
  let left = bytes
  const { server, port } = await serve((socket) =>
    socket.on('data', (chunk: Buffer) => {
      left -= chunk.length
      if (left <= 0) received.resolve()
    }),
  )
  const way = await passage.open(port)
  const client = connect(way.port, HOST)
  const frame = Buffer.alloc(frameBytes)
  frame.writeInt32BE(frameBytes - 4, 0)
  const burst = Buffer.concat(Array.from({ length: 8 }, () => frame))
  const startedAt = performance.now()
  const cpuBefore = process.cpuUsage()
  const send = () => {
    while (left > 0 && client.write(burst));
  }
  client.on('drain', send)
  send()
  await received.promise
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  client.destroy()
  way.close()
  server.close()
  return { 'MB/s': bytes / 1e6 / seconds, 'CPU s per GB': (user + system) / 1e6 / (bytes / 1e9) }
}

async function echo(passage: Passage, count: number): Promise<Figures> {
  const { server, port } = await serve((socket) => socket.on('data', (chunk: Buffer) => socket.write(chunk)))
  const way = await passage.open(port)
  const client = connect(way.port, HOST)
  client.setNoDelay(true)
  const halves: number[] = []
  // The first finds the way: to connect takes a round trip of its own.
  for (let index = -1; index < count; index++) {
    const answered = new Promise((resolve) => client.once('data', resolve))
    const sentAt = performance.now()
    client.write('ping')
    await answered
    if (index >= 0) halves.push((performance.now() - sentAt) / 2)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  client.destroy()
  way.close()
  server.close()
  halves.sort((a, b) => a - b)
  const at = (share: number) => halves[Math.floor((count - 1) * share)]!
  return { 'min ms': at(0), 'p50 ms': at(0.5), 'p99 ms': at(0.99), 'max ms': at(1) }
}

function serve(accept: (socket: Socket) => void): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    const server = createServer({ noDelay: true }, (socket) => {
      socket.on('error', () => socket.destroy())
      accept(socket)
    })
    server.listen(0, HOST, () => resolve({ server, port: (server.address() as { port: number }).port }))
  })
}
