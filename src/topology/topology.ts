// Several clusters of embedded brokers in one process, and the links between their datacenters, after a topology file.
import { type Cluster, startCluster } from '../broker/cluster.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform } from '../platform/platform.ts'
import { Datacenters } from './datacenters.ts'
import type { Link, LinkSpeed } from './link.ts'

export interface TopologyPlan {
  readonly clusters: Readonly<Record<string, ClusterPlan>>
  /** By `virginia<->oregon`, or `virginia->oregon` for one way. Datacenters whose link is not named have one without delay or limit. */
  readonly links?: Readonly<Record<string, LinkSpeed>>
}

export interface ClusterPlan {
  readonly brokers?: number
  /** Where it stands: clients in another datacenter reach it through a link. Absent: everywhere. */
  readonly datacenter?: string | undefined
  readonly port?: number
  /** By datacenter, the first of a run of ports for its clients, one for each broker; absent: any free ones. */
  readonly via?: Readonly<Record<string, number>>
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
  /** Between each two datacenters. */
  readonly links: readonly Link[]
  /** The link between two datacenters; what is done one way is done from the first to the second. */
  link(from: string, to: string): Link
  /** What a client in this datacenter is to be given to reach the cluster: `host:port`, comma-separated. */
  bootstrapFrom(cluster: string, datacenter: string): string
  /** Stops all clusters; their listeners are free afterwards. */
  stop(): Promise<void>
}

/** Starts all clusters side by side. When one cannot start, the others are stopped again and its error is thrown. */
export async function startTopology(platform: Platform, plan: TopologyPlan): Promise<Topology> {
  const datacenters = new Datacenters(platform, plan.clusters, plan.links)
  const names = Object.keys(plan.clusters)
  const started = await Promise.allSettled(
    names.map((name) => {
      const { brokers = 1, port = 0, data, config, allowInsecure, addScram, ...placed } = plan.clusters[name]!
      const approaches = datacenters.approachesTo(name, placed)
      return startCluster(platform, { name, brokers, port, data, config, allowInsecure, addScram, approaches })
    }),
  )
  const clusters: Record<string, Cluster> = {}
  started.forEach((result, index) => {
    if (result.status === 'fulfilled') clusters[names[index]!] = result.value
  })
  const stop = async () => {
    await Promise.all(Object.values(clusters).map((cluster) => cluster.stop()))
    await datacenters.close()
  }
  const failed = started.find((result) => result.status === 'rejected')
  if (failed) {
    await stop()
    throw failed.reason
  }
  return {
    clusters,
    links: datacenters.links.map((link) => link.seenFrom(link.ends[0])),
    link: (from, to) => datacenters.link(from, to),
    bootstrapFrom: (name, datacenter) => {
      const cluster = clusters[name]
      if (!cluster)
        throw new HeliostatError('HEL_TOPOLOGY', `there is no cluster ${name}; there are ${names.join(', ')}`)
      datacenters.refuseUnknown(datacenter)
      return cluster.via[datacenter] ?? cluster.bootstrap
    },
    stop,
  }
}
