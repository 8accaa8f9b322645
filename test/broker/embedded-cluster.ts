// A cluster of this process for one test, and connections to it.
import { onTestFinished } from 'vitest'
import { type Cluster, type ClusterOptions, startCluster } from '../../src/broker/cluster.ts'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Platform } from '../../src/platform/platform.ts'

export interface EmbeddedCluster extends Cluster {
  readonly platform: Platform
  /** What the cluster logged, parsed. */
  readonly logged: readonly Record<string, unknown>[]
  connect(clientId?: string): Promise<Connection>
}

export async function embeddedCluster(options: Partial<ClusterOptions> = {}): Promise<EmbeddedCluster> {
  const logged: Record<string, unknown>[] = []
  const platform = nodePlatform({
    log: { level: 'debug', pretty: false, write: (line) => logged.push(JSON.parse(line)) },
  })
  const cluster = await startCluster(platform, { name: 'test', ...options })
  onTestFinished(() => cluster.stop())
  const [host, port] = cluster.bootstrap.split(':')
  return {
    ...cluster,
    platform,
    logged,
    connect: async (clientId = 'test') => {
      const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId })
      onTestFinished(() => connection.close())
      return connection
    },
  }
}
