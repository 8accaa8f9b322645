// The embedded brokers alone, for tests that need nothing else of heliostat: this entry loads a third of what the whole does.
import { nodePlatform } from './platform/node-platform.ts'
import { startTopology as startClusters, type Topology, type TopologyPlan } from './topology/topology.ts'

export type { Cluster, ClusterBroker, ClusterListener } from './broker/cluster.ts'
export { FaultError, type FaultProblem, type FaultSpec } from './broker/faults/fault.ts'
export type { Fault, FaultControls } from './broker/faults/faults.ts'
export { HeliostatError } from './platform/errors.ts'
export type { Link, LinkDirection, LinkSpeed, LinkStatus, WayStatus } from './topology/link.ts'
export type { LinkFaultSpec } from './topology/link-fault.ts'
export type { LinkFault, LinkFaultControls } from './topology/link-faults.ts'
export type { ClusterPlan, Topology, TopologyPlan } from './topology/topology.ts'

export interface LogOptions {
  /** What is logged, on stderr; by default nothing. */
  readonly logLevel?: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** Starts clusters of embedded brokers in this process, on loopback; resolves when clients can connect. */
export function startTopology(plan: TopologyPlan, { logLevel = 'silent' }: LogOptions = {}): Promise<Topology> {
  return startClusters(nodePlatform({ log: { level: logLevel } }), plan)
}
