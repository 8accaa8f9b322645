// How soon does a broker serve, and what does it take while it does nothing? From the start of the process (for the embedded one: from
// the call) to the first answer to Metadata; the memory half a minute later. Storage is formatted before Kafka's clock starts.
import { setTimeout as delay } from 'node:timers/promises'
import { pathToFileURL } from 'node:url'
import { ExternalProcess } from '../test/support/external-process.ts'
import { withBroker } from './rig/broker-run.ts'
import type { BrokerContestant } from './rig/brokers.ts'
import { compiledFile, version } from './rig/compiled.ts'
import { askMetadata } from './rig/metadata-probe.ts'
import { memory } from './rig/process-stats.ts'
import { inTurns, type Question } from './rig/question.ts'
import { type Figures, report } from './rig/report.ts'

const restMs = 30_000

export const brokerStart: Question = {
  name: 'broker-start',
  asks: 'a broker ready after its start, and its memory at rest',
  run: async (options) => {
    const settleMs = restMs * options.scale
    const nodeMb = await memoryOf(['-e', idle], settleMs)
    const processes = options.brokers.map((contestant) => ({
      name: contestant.name,
      settings: contestant.settings,
      run: () => asProcess(contestant, settleMs, contestant.name === 'heliostat' ? nodeMb : 0),
    }))
    const embedded = {
      name: 'embedded',
      settings: `heliostat ${version}, startTopology of one cluster in memory, Node ${process.version}`,
      run: () => asLibrary(settleMs, nodeMb),
    }
    const rows = await inTurns({ ...options, contestants: [...processes, embedded] }, ({ run }) => run())
    report('broker-start: process start (embedded: call) to the first Metadata answered; at rest', rows)
  },
}

const idle = 'setInterval(() => {}, 1000)'

function asProcess(contestant: BrokerContestant, settleMs: number, nodeMb: number): Promise<Figures> {
  return withBroker(contestant, async (broker) => {
    await delay(settleMs)
    const { rssMb } = memory(broker.pid)
    return { 'ready ms': broker.readyMs, 'rest MB': rssMb, "rest MB above Node's own": rssMb - nodeMb }
  })
}

async function asLibrary(settleMs: number, nodeMb: number): Promise<Figures> {
  const library = pathToFileURL(compiledFile('index.js')).href
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
    const { rssMb } = memory(child.pid)
    return { 'ready ms': ms + answer.ms, 'rest MB': rssMb, "rest MB above Node's own": rssMb - nodeMb }
  } finally {
    await child.kill()
  }
}

async function memoryOf(args: readonly string[], settleMs: number): Promise<number> {
  const child = new ExternalProcess(process.execPath, args)
  await delay(settleMs)
  const { rssMb } = memory(child.pid)
  await child.kill()
  return rssMb
}
