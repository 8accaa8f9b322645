// Records what real clients send, for the seed corpus: runs a broker until SIGINT and writes each connection as a session.
//
//   node test/fuzz/record.ts --port 9099 --name java-producer     → test/fuzz/corpus/java-producer-1.txt …
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { startCluster } from '../../src/broker/cluster.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Network, SocketHandler } from '../../src/platform/platform.ts'
import { formatSession } from './corpus.ts'

const { values } = parseArgs({
  options: { port: { type: 'string', default: '9099' }, name: { type: 'string', default: 'client' } },
})
const SESSION_BYTES_MAX = 8 * 1024
const recorded: Buffer[][] = []

/** Keeps a copy of what comes in, in whole frames. */
function recording(handler: SocketHandler): SocketHandler {
  const frames: Buffer[] = []
  recorded.push(frames)
  let room: Uint8Array = Buffer.alloc(0)
  let rest = Buffer.alloc(0)
  return {
    readInto: () => (room = handler.readInto()),
    didRead: (length) => {
      rest = Buffer.concat([rest, room.subarray(0, length)])
      while (rest.length >= 4 && rest.length >= 4 + rest.readInt32BE(0)) {
        const end = 4 + rest.readInt32BE(0)
        frames.push(rest.subarray(0, end))
        rest = rest.subarray(end)
      }
      handler.didRead(length)
    },
    drained: () => handler.drained?.(),
    closed: (error) => handler.closed(error),
  }
}

const platform = nodePlatform()
const network: Network = {
  ...platform.network,
  listen: (address, accept, tls) => platform.network.listen(address, (socket) => recording(accept(socket)), tls),
}
const cluster = await startCluster({ ...platform, network }, { name: 'recorded', port: Number(values.port) })
process.stdout.write(`${cluster.bootstrap}\n`)

process.once('SIGINT', async () => {
  await cluster.stop()
  for (const [index, frames] of recorded.entries()) {
    const steps: { bytes: Buffer }[] = []
    let size = 0
    for (const bytes of frames) {
      // Polling says the same again and again.
      if (steps.some((step) => step.bytes.subarray(12).equals(bytes.subarray(12)))) continue
      size += bytes.length
      if (size > SESSION_BYTES_MAX) break
      steps.push({ bytes })
    }
    if (steps.length === 0) continue
    const file = join(import.meta.dirname, 'corpus', `${values.name}-${index + 1}.txt`)
    writeFileSync(file, formatSession({ about: `recorded from ${values.name}, connection ${index + 1}`, steps }))
  }
})
