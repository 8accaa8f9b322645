// The public API: a test in any project can start clusters of embedded brokers and mirror between them. Nothing else is
// public. Everything runs on this machine's own clock, network and disk.
import { version } from './cli/version.ts'
import { type Config, loadConfig as load } from './config/config.ts'
import { type Daemon, startDaemon as start } from './daemon.ts'
import { nodePlatform } from './platform/node-platform.ts'
import { startTopology as startClusters, type Topology, type TopologyPlan } from './topology/topology.ts'

export type { Cluster, ClusterListener } from './broker/cluster.ts'
export { FaultError, type FaultProblem, type FaultSpec } from './broker/faults/fault.ts'
export type { Fault, FaultControls } from './broker/faults/faults.ts'
export type { Config } from './config/config.ts'
export { ConfigError, type Problem } from './config/problem.ts'
export type { Daemon } from './daemon.ts'
export { HeliostatError } from './platform/errors.ts'
export type { FlowView } from './server/flow-view.ts'
export type { ClusterPlan, Topology, TopologyPlan } from './topology/topology.ts'

export interface RunOptions {
  /** What is logged, on stderr; by default nothing. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/**
 * Reads the text of a configuration (`version: 1 …`); `file` is its name in errors, `env` what `${VAR}` expands to. Throws
 * ConfigError, with every problem and its place.
 */
export function loadConfig(
  text: string,
  { file = 'heliostat.yaml', env = {} }: { file?: string; env?: Readonly<Record<string, string>> } = {},
): Config {
  return load(text, file, env).config
}

/** Runs a configuration in this process; relative paths in it begin at `directory`. */
export function startDaemon(
  config: Config,
  { logLevel = 'silent', directory = '.' }: RunOptions & { directory?: string } = {},
): Promise<Daemon> {
  return start(nodePlatform({ log: { level: logLevel } }), config, { version: version(), directory })
}

/** Starts clusters of embedded brokers in this process, on loopback; resolves when clients can connect. */
export function startTopology(plan: TopologyPlan, { logLevel = 'silent' }: RunOptions = {}): Promise<Topology> {
  return startClusters(nodePlatform({ log: { level: logLevel } }), plan)
}
