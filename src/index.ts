// The public API: a test in any project can start clusters of embedded brokers and mirror between them. Nothing else is
// public. Everything runs on this machine's own clock, network and disk.

import { type Config, loadConfig as load, loadTopology as loadTopologyFile } from './config/config.ts'
import { topologyPlan } from './config/topology-config.ts'
import { type Daemon, startDaemon as start } from './daemon.ts'
import type { LogOptions, TopologyPlan } from './embedded.ts'
import { version } from './platform/node-package.ts'
import { nodePlatform } from './platform/node-platform.ts'

export type { Config } from './config/config.ts'
export { ConfigError, type Problem } from './config/problem.ts'
export type { Daemon } from './daemon.ts'
export {
  type Cluster,
  type ClusterBroker,
  type ClusterListener,
  type ClusterPlan,
  type Fault,
  type FaultControls,
  FaultError,
  type FaultProblem,
  type FaultSpec,
  HeliostatError,
  type Link,
  type LinkDirection,
  type LinkFault,
  type LinkFaultControls,
  type LinkFaultSpec,
  type LinkSpeed,
  type LinkStatus,
  type LogOptions,
  startTopology,
  type Topology,
  type TopologyPlan,
  type WayStatus,
} from './embedded.ts'
export type { FlowView } from './server/flow-view.ts'

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

/** Reads the text of a topology file for `startTopology`; as `loadConfig`. */
export function loadTopology(
  text: string,
  { file = 'topology.yaml', env = {} }: { file?: string; env?: Readonly<Record<string, string>> } = {},
): TopologyPlan {
  return topologyPlan(loadTopologyFile(text, file, env).config)
}

/**
 * Runs a configuration in this process; relative paths in it begin at `directory`. `load` gives the next one when it is to be
 * reloaded.
 */
export function startDaemon(
  config: Config,
  { logLevel = 'silent', directory = '.', load: next }: LogOptions & { directory?: string; load?: () => Config } = {},
): Promise<Daemon> {
  return start(nodePlatform({ log: { level: logLevel } }), config, { version: version(), directory, load: next })
}
