// A client of a cluster of the configuration.
import { ClusterClient } from './client/cluster-client.ts'
import type { ClusterConfig } from './config/config.ts'
import type { Credentials } from './daemon-credentials.ts'
import type { Platform } from './platform/platform.ts'

/** A client of its own, named after the flow, so that quotas and audits on either side can tell flows apart. */
export function clusterClient(
  platform: Platform,
  alias: string,
  flow: string,
  config: ClusterConfig,
  credentials: Credentials,
): ClusterClient {
  return new ClusterClient(platform, clientOptions(alias, flow, config, credentials))
}

export function clientOptions(
  name: string,
  flow: string,
  { bootstrap, rack }: ClusterConfig,
  credentials: Credentials,
) {
  return { name, bootstrap, rack, clientId: `heliostat|${flow}`, ...credentials }
}
