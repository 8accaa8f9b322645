import { HeliostatError } from '../platform/errors.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import type { LogLevel } from '../platform/platform.ts'
import { crc32c } from '../records/crc32c.ts'
import type { Server } from '../server/listen.ts'
import { startTopology, type Topology, type TopologyNode, type TopologyPlan } from '../topology/topology.ts'
import { exitCode } from './exit-code.ts'
import { untilSignal } from './until-signal.ts'

export interface BrokerOptions {
  /** Of the one cluster that there is without a file. */
  readonly brokers: number
  readonly port: number
  /** `CLUSTER/ID`: only that broker. */
  readonly node?: string
  readonly data?: string
  /** Port of the control address, which the ready line then tells; absent: the usual one, or any when that is taken. */
  readonly control?: number
  readonly logLevel: LogLevel
}

const CONTROL_HOST = '127.0.0.1'
/** Several brokers may run beside each other, so only a port that was asked for must be free. */
const CONTROL_PORT = 8643

/** Runs embedded clusters until a signal. One JSON line on stdout says where they are, once all are ready. */
export async function broker(file: string | undefined, options: BrokerOptions): Promise<number> {
  const { brokers, port, data } = options
  const plan = file === undefined ? { clusters: { local: { brokers, port, data } } } : await planOf(file)
  const platform = nodePlatform({ log: { level: options.logLevel } })
  const topology = await startTopology(platform, plan, nodeOf(plan, options.node))
  let server: Server | undefined
  try {
    if (options.control !== undefined) server = await listenForControl(topology, options.control)
    process.stdout.write(`${JSON.stringify({ ...readyLine(topology), ...(server && { control: urlOf(server) }) })}\n`)
    const ended = untilSignal()
    // Unasked it must not hold up the brokers: loading it takes as long as starting one.
    server ??= await listenForControl(topology, CONTROL_PORT).catch(() => listenForControl(topology, 0))
    platform.log.info('control.started', 'faults and links by HTTP', { url: urlOf(server) })
    await ended
  } finally {
    await server?.close()
    await topology.stop()
  }
  return exitCode.ok
}

function nodeOf({ clusters }: TopologyPlan, name: string | undefined): TopologyNode | undefined {
  if (name === undefined) return undefined
  const [, cluster = '', id] = /^(.+)\/(\d+)$/.exec(name) ?? []
  if (clusters[cluster] === undefined) {
    const message = `--node ${name}: it is CLUSTER/ID; the clusters are ${Object.keys(clusters).join(', ')}`
    throw new HeliostatError('HEL_CONFIG', message)
  }
  return { cluster, nodeId: Number(id), clusterId: agreedClusterId(cluster) }
}

/** Processes of one cluster come to the same id without asking each other. */
function agreedClusterId(cluster: string): string {
  const id = Buffer.alloc(16)
  for (const part of [0, 1, 2, 3]) id.writeUInt32BE(crc32c(Buffer.from(`${part} cluster ${cluster}`)), part * 4)
  // Tools take what begins with a dash for an option.
  id[0] = id[0]! & 0x7f
  return id.toString('base64url')
}

async function listenForControl(topology: Topology, port: number): Promise<Server> {
  const [{ controlApp }, { listen }] = await Promise.all([
    import('../server/control-api.ts'),
    import('../server/listen.ts'),
  ])
  return listen(controlApp(topology).fetch, { host: CONTROL_HOST, port }, { said: '--control' })
}

const urlOf = ({ port }: Server) => `http://${CONTROL_HOST}:${port}`

/** What reads configurations is loaded when there is one: a broker without is up sooner. */
async function planOf(file: string): Promise<TopologyPlan> {
  const { loadTopology } = await import('../config/config.ts')
  const { topologyPlan } = await import('../config/topology-config.ts')
  const { formatProblem } = await import('../config/problem.ts')
  const { readConfigFile } = await import('./lint.ts')
  const { config, warnings } = loadTopology(readConfigFile(file), file, process.env)
  for (const warning of warnings) process.stderr.write(`${formatProblem(file, warning)}\n`)
  return topologyPlan(config)
}

function readyLine({ clusters }: Topology) {
  const entries = Object.entries(clusters).map(([name, { clusterId, bootstrap, nodes, via, listeners }]) => [
    name,
    { clusterId, bootstrap, nodes, via, listeners },
  ])
  return { ready: true, clusters: Object.fromEntries(entries) }
}
