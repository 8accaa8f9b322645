import { nodePlatform } from '../platform/node-platform.ts'
import type { LogLevel } from '../platform/platform.ts'
import { controlApp } from '../server/control-api.ts'
import { listen, type Server } from '../server/listen.ts'
import { startTopology, type Topology, type TopologyPlan } from '../topology/topology.ts'
import { exitCode } from './exit-code.ts'
import { untilSignal } from './until-signal.ts'

export interface BrokerOptions {
  readonly port: number
  readonly data?: string
  /** Port of the control address; absent: the usual one, or any when that is taken. */
  readonly control?: number
  readonly logLevel: LogLevel
}

const CONTROL_HOST = '127.0.0.1'
const CONTROL_PORT = 8643

/** Runs embedded clusters until a signal. One JSON line on stdout says where they are, once all are ready. */
export async function broker(file: string | undefined, options: BrokerOptions): Promise<number> {
  const plan =
    file === undefined ? { clusters: { local: { port: options.port, data: options.data } } } : await planOf(file)
  const platform = nodePlatform({ log: { level: options.logLevel } })
  const topology = await startTopology(platform, plan)
  try {
    const server = await listenForControl(topology, options.control)
    const control = `http://${CONTROL_HOST}:${server.port}`
    process.stdout.write(`${JSON.stringify({ ...readyLine(topology), control })}\n`)
    await untilSignal()
    await server.close()
  } finally {
    await topology.stop()
  }
  return exitCode.ok
}

/** Several brokers may run beside each other, so only a port that was asked for must be free. */
async function listenForControl({ clusters }: Topology, port: number | undefined): Promise<Server> {
  const { fetch } = controlApp(clusters)
  if (port !== undefined) return listen(fetch, { host: CONTROL_HOST, port })
  try {
    return await listen(fetch, { host: CONTROL_HOST, port: CONTROL_PORT })
  } catch {
    return listen(fetch, { host: CONTROL_HOST, port: 0 })
  }
}

/** What reads configurations is loaded when there is one: a broker without is up sooner. */
async function planOf(file: string): Promise<TopologyPlan> {
  const { loadTopology } = await import('../config/config.ts')
  const { formatProblem } = await import('../config/problem.ts')
  const { readConfigFile } = await import('./lint.ts')
  const { config, warnings } = loadTopology(readConfigFile(file), file, process.env)
  for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
  return config
}

function readyLine({ clusters }: Topology) {
  const entries = Object.entries(clusters).map(([name, { clusterId, bootstrap, nodes, listeners }]) => [
    name,
    { clusterId, bootstrap, nodes, listeners },
  ])
  return { ready: true, clusters: Object.fromEntries(entries) }
}
