// Several clusters of embedded brokers in one process, after a topology file.
import { type Cluster, startCluster } from '../broker/cluster.ts'
import type { Platform } from '../platform/platform.ts'

export interface TopologyPlan {
  readonly clusters: Readonly<Record<string, ClusterPlan>>
}

export interface ClusterPlan {
  readonly brokers?: number
  readonly datacenter?: string | undefined
  readonly port?: number
  /** Directory of its logs; absent: in memory. */
  readonly data?: string | undefined
  /** Kafka's broker properties. */
  readonly config?: Readonly<Record<string, string | number | boolean>>
  /** Lets listeners without TLS leave this machine. */
  readonly allowInsecure?: boolean
  /** SCRAM users to start with, as `kafka-storage --add-scram` takes them: `SCRAM-SHA-256=[name=alice,password=alice-secret]`. */
  readonly addScram?: readonly string[]
}

export interface Topology {
  readonly clusters: Readonly<Record<string, Cluster>>
  /** Stops all clusters; their listeners are free afterwards. */
  stop(): Promise<void>
}

/** Starts all clusters side by side. When one cannot start, the others are stopped again and its error is thrown. */
export async function startTopology(platform: Platform, plan: TopologyPlan): Promise<Topology> {
  const names = Object.keys(plan.clusters)
  const started = await Promise.allSettled(
    names.map((name) => {
      const { brokers = 1, port = 0, data, config, allowInsecure, addScram } = plan.clusters[name]!
      return startCluster(platform, { name, brokers, port, data, config, allowInsecure, addScram })
    }),
  )
  const clusters: Record<string, Cluster> = {}
  started.forEach((result, index) => {
    if (result.status === 'fulfilled') clusters[names[index]!] = result.value
  })
  const stop = async () => {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.stop()))
  }
  const failed = started.find((result) => result.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return { clusters, stop }
}
