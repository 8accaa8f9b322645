import { loadTopology } from '../config/config.ts'
import { formatProblem } from '../config/problem.ts'
import type { LogLevel } from '../platform/node-log.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import { startTopology, type Topology, type TopologyPlan } from '../topology/topology.ts'
import { exitCode } from './exit-code.ts'
import { readConfigFile } from './lint.ts'
import { untilSignal } from './until-signal.ts'

export interface BrokerOptions {
  readonly port: number
  readonly data?: string
  readonly logLevel: LogLevel
}

/** Runs embedded clusters until a signal. One JSON line on stdout says where they are, once all are ready. */
export async function broker(file: string | undefined, options: BrokerOptions): Promise<number> {
  const plan = file === undefined ? { clusters: { local: { port: options.port, data: options.data } } } : planOf(file)
  const platform = nodePlatform({ log: { level: options.logLevel } })
  const topology = await startTopology(platform, plan)
  process.stdout.write(`${JSON.stringify(readyLine(topology))}\n`)
  await untilSignal()
  await topology.stop()
  return exitCode.ok
}

function planOf(file: string): TopologyPlan {
  const { config, warnings } = loadTopology(readConfigFile(file), file, process.env)
  for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
  return config
}

function readyLine({ clusters }: Topology) {
  const entries = Object.entries(clusters).map(([name, { clusterId, bootstrap, nodes }]) => [
    name,
    { clusterId, bootstrap, nodes },
  ])
  return { ready: true, clusters: Object.fromEntries(entries) }
}
