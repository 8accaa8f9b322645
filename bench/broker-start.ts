// How soon does a broker serve, and what does it take while it does nothing? From the start of the process (for the embedded one: from
// the call) to the first answer to Metadata; the memory half a minute later. Storage is formatted before Kafka's clock starts.
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ExternalProcess } from '../test/support/external-process.ts'
import { withBroker } from './rig/broker-run.ts'
import type { BrokerContestant } from './rig/brokers.ts'
import { compiledFile, version } from './rig/compiled.ts'
import { askMetadata } from './rig/metadata-probe.ts'
import { type Memory, memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'

const restMs = 30_000

export const brokerStart: Question = {
  name: 'broker-start',
  asks: 'a broker ready after its start, and its memory at rest',
  run: async (options) => {
    const settleMs = restMs * options.scale
    const node = await memoryOfNode(settleMs)
    const processes = options.brokers.map((contestant) => ({
      name: contestant.name,
      settings: contestant.settings,
      run: () => asProcess(contestant, settleMs, contestant.name === 'heliostat' ? node : nothing),
    }))
    const embedded = {
      name: 'embedded',
      settings: `heliostat ${version}, startTopology of one cluster in memory, Node ${process.version}`,
      run: () => asLibrary(settleMs, node),
    }
    const rows = await inTurns({ ...options, contestants: [...processes, embedded] }, ({ run }) => run())
    report('broker-start: process start (embedded: call) to the first Metadata answered; at rest', rows)
  },
}

const idle = 'setInterval(() => {}, 1000)'
const nothing: Memory = { rssMb: 0, privateMb: 0, peakRssMb: 0 }

function asProcess(contestant: BrokerContestant, settleMs: number, own: Memory): Promise<Figures> {
  return withBroker(contestant, async (broker) => {
    await delay(settleMs)
    return { 'ready ms': broker.readyMs, ...above(memory(broker.pid), own) }
  })
}

async function asLibrary(settleMs: number, own: Memory): Promise<Figures> {
  const library = pathToFileURL(compiledFile('embedded.js')).href
  const program = `
    const { startTopology } = await import(${JSON.stringify(library)})
    const startedAt = performance.now()
    const { clusters } = await startTopology({ clusters: { local: {} } })
    const ms = performance.now() - startedAt
    process.stdout.write(JSON.stringify({ ms, bootstrap: clusters.local.bootstrap }) + '\\n')
    ${idle}`
  const child = new ExternalProcess(process.execPath, ['--input-type=module', '-e', program])
  try {
    await child.until(({ stdout }) => stdout.includes('\n'), 'started')
    const { ms, bootstrap } = JSON.parse(child.stdout) as { ms: number; bootstrap: string }
    const answer = await askMetadata(Number(bootstrap.split(':')[1]))
    await delay(settleMs)
    return { 'ready ms': ms + answer.ms, ...above(memory(child.pid), own) }
  } finally {
    await child.kill()
  }
}

/** What a Node process takes that does nothing. */
async function memoryOfNode(settleMs: number): Promise<Memory> {
  const child = new ExternalProcess(process.execPath, ['-e', idle])
  await delay(settleMs)
  const taken = memory(child.pid)
  await child.kill()
  return taken
}

function above({ rssMb, privateMb }: Memory, own: Memory): Figures {
  return {
    'resident MB': rssMb,
    'private MB': privateMb,
    "resident MB above Node's own": rssMb - own.rssMb,
    "private MB above Node's own": privateMb - own.privateMb,
  }
}
