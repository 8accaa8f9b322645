// The datacenters of a topology: the links between them, and the doors at which clients of one enter to reach a cluster in another.

import { isLoopback } from '../broker/listeners/endpoint.ts'
import type { Approach, ApproachedListener } from '../broker/listeners/listener-plan.ts'
import { datacenterProblem } from '../config/link-name.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Address, Listener, Platform } from '../platform/platform.ts'
import { type Link, type LinkSpeed, TwoWayLink } from './link.ts'
import { datacentersOf, plannedLinks } from './link-plan.ts'

/** Of a cluster, what its doors depend on. */
export interface PlacedCluster {
  /** Absent: it can be reached from everywhere directly. */
  readonly datacenter?: string | undefined
  /** By datacenter, the first of a run of ports for its clients, one for each node. */
  readonly via?: Readonly<Record<string, number>> | undefined
}

/** Clients of another datacenter are of this machine, as all of the topology is. */
const HOST = '127.0.0.1'

export class Datacenters {
  readonly names: readonly string[]
  readonly links: readonly TwoWayLink[]
  readonly #platform: Platform
  readonly #doors: Listener[] = []

  /** Throws HEL_TOPOLOGY when the links do not fit the clusters. */
  constructor(
    platform: Platform,
    clusters: Readonly<Record<string, PlacedCluster>>,
    links: Readonly<Record<string, LinkSpeed>> | undefined,
  ) {
    this.#platform = platform
    this.names = datacentersOf(clusters)
    this.links = plannedLinks(clusters, links).map(({ ends, speeds }) => {
      const near = Object.entries(clusters).filter(([, { datacenter }]) => datacenter && ends.includes(datacenter))
      return new TwoWayLink(platform, { ends, speeds, clusters: near.map(([name]) => name) })
    })
    for (const [name, { datacenter, via = {} }] of Object.entries(clusters)) {
      for (const other of Object.keys(via)) {
        this.refuseUnknown(other)
        if (other === datacenter || datacenter === undefined) {
          throw new HeliostatError('HEL_TOPOLOGY', `cluster ${name}: via ${other}: its clients there pass no link`)
        }
      }
    }
  }

  /** The link between two of them as the first sees it. Throws HEL_TOPOLOGY for a datacenter that is not there. */
  link(from: string, to: string): Link {
    this.refuseUnknown(from)
    this.refuseUnknown(to)
    if (from === to) throw new HeliostatError('HEL_TOPOLOGY', `a link joins two datacenters, not ${from} with itself`)
    return this.#between(from, to).seenFrom(from)
  }

  /** How clients of the other datacenters come to a cluster. */
  approachesTo(cluster: string, { datacenter, via = {} }: PlacedCluster): Approach[] {
    if (datacenter === undefined) return []
    return this.names
      .filter((name) => name !== datacenter)
      .map((name) => {
        const link = this.#between(name, datacenter)
        // The run of ports is that of the listener which is opened first.
        let listener: string | undefined
        return {
          name,
          open: (way) => {
            listener ??= way.listener
            const first = way.listener === listener ? (via[name] ?? 0) : 0
            return this.#openDoor(link, name, cluster, way, first)
          },
        }
      })
  }

  async close(): Promise<void> {
    await Promise.all(this.#doors.splice(0).map((door) => door.close()))
    for (const link of this.links) link.close()
  }

  async #openDoor(
    link: TwoWayLink,
    from: string,
    cluster: string,
    { nodeId, host, isEncrypted, target }: ApproachedListener,
    firstPort: number,
  ): Promise<Address> {
    const port = firstPort === 0 ? 0 : firstPort + nodeId - 1
    const door = await this.#platform.network.listen({ host: HOST, port }, (client) =>
      link.cross(client, from, { cluster, target, isEncrypted }),
    )
    this.#doors.push(door)
    // A certificate may be for localhost alone.
    return isLoopback(host) ? { host, port: door.address.port } : door.address
  }

  #between(one: string, other: string): TwoWayLink {
    return this.links.find(({ ends }) => ends.includes(one) && ends.includes(other))!
  }

  /** Throws HEL_TOPOLOGY for a datacenter that is not there. */
  refuseUnknown(name: string): void {
    const problem = datacenterProblem(name, this.names)
    if (problem !== undefined) throw new HeliostatError('HEL_TOPOLOGY', problem, { where: { datacenter: name } })
  }
}
