// The clusters of one mirror of a configuration, for commands that ask them directly.
import { dirname, resolve } from 'node:path'
import type { ClusterClient } from '../client/cluster-client.ts'
import { type ClusterConfig, type Config, loadConfig, type MirrorJob } from '../config/config.ts'
import { nearName } from '../config/near-name.ts'
import { clusterClient } from '../daemon-client.ts'
import { credentialsOf } from '../daemon-credentials.ts'
import { policyOf } from '../daemon-job.ts'
import type { ReplicationPolicy } from '../mirror/replication-policy.ts'
import { HeliostatError } from '../platform/errors.ts'
import { nodePlatform } from '../platform/node-platform.ts'
import type { Platform } from '../platform/platform.ts'
import { readConfigFile } from './lint.ts'

export interface FlowSession {
  readonly platform: Platform
  readonly job: MirrorJob
  readonly policy: ReplicationPolicy
  readonly source: ClusterClient
  readonly target: ClusterClient
}

export function readConfig(file: string): Config {
  return loadConfig(readConfigFile(file), file, process.env).config
}

/** The mirror of that name; without a name the only one there is. */
export function chooseFlow(config: Config, name: string | undefined): MirrorJob {
  const names = config.mirrors.map((mirror) => mirror.name)
  if (name === undefined && config.mirrors.length === 1) return config.mirrors[0]!
  if (name === undefined)
    throw new HeliostatError('HEL_USAGE', `--flow is needed, there are several: ${names.join(', ')}`)
  flowNamed(name, names)
  return config.mirrors.find((mirror) => mirror.name === name)!
}

/** The name, if it is one of these. */
export function flowNamed(name: string, names: readonly string[]): string {
  if (names.includes(name)) return name
  const near = nearName(name, names)
  throw new HeliostatError(
    'HEL_USAGE',
    `there is no flow ${name}; ${near ? `did you mean ${near}?` : `there are: ${names.join(', ')}`}`,
  )
}

export function clientOf(
  platform: Platform,
  alias: string,
  name: string,
  config: ClusterConfig,
  read: (path: string) => string,
): ClusterClient {
  return clusterClient(platform, alias, name, config, credentialsOf(platform, alias, config, read))
}

/** Opens both clusters, hands them over, and closes them whatever happens. */
export async function withFlow<T>(
  file: string,
  config: Config,
  job: MirrorJob,
  use: (session: FlowSession) => Promise<T>,
): Promise<T> {
  const platform = nodePlatform({ log: { level: 'error' } })
  const read = (path: string) => readConfigFile(resolve(dirname(file), path))
  const client = (alias: string) => clientOf(platform, alias, job.name, config.clusters[alias]!, read)
  const [source, target] = [client(job.from), client(job.to)]
  const policy = policyOf(job)
  try {
    return await use({ platform, job, policy, source, target })
  } finally {
    source.close()
    target.close()
  }
}
