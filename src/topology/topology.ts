// Several clusters of embedded brokers in one process, and the links between their datacenters, after a topology file.
import { type Cluster, type OnlyNode, startCluster } from '../broker/cluster.ts'
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
  /** Racks that the brokers stand in, one after the other and round again. */
  readonly racks?: readonly string[]
  /** The first of a run of ports on which the brokers meet; absent: any free ones, or for brokers in processes of their own `port` + 10000. */
  readonly internalPort?: number | undefined
  /** What the brokers log in with where they meet, for those in processes of their own. */
  readonly secret?: string | undefined
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

/** One broker of a topology, in a process of its own. */
export interface TopologyNode extends OnlyNode {
  readonly cluster: string
}

/** Ports of brokers in processes of their own, as far above those of their clients. */
const INTERNAL_PORTS_ABOVE = 10_000

/**
 * Starts all clusters side by side, or `only` that one broker. When one cannot start, the others are stopped again and its error is
 * thrown.
 */
export async function startTopology(platform: Platform, plan: TopologyPlan, only?: TopologyNode): Promise<Topology> {
  const datacenters = new Datacenters(platform, plan.clusters, plan.links)
  const names = only ? [only.cluster] : Object.keys(plan.clusters)
  const started = await Promise.allSettled(
    names.map((name) => {
      const { datacenter, via, ...options } = plan.clusters[name]!
      const { port = 0, internalPort = only && port > 0 ? port + INTERNAL_PORTS_ABOVE : undefined } = options
      const approaches = datacenters.approachesTo(name, { datacenter, via })
      return startCluster(platform, { ...options, name, internalPort, approaches, only })
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
