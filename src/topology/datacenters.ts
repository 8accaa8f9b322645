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

/** Where the clients of one datacenter enter to reach one listener of one broker elsewhere. */
interface Door {
  readonly listener: Listener
  /** Where the broker listens now: it may have stopped and started again. */
  target: Address
}

/** Clients of another datacenter are of this machine, as all of the topology is. */
const HOST = '127.0.0.1'

export class Datacenters {
  readonly names: readonly string[]
  readonly links: readonly TwoWayLink[]
  readonly #platform: Platform
  readonly #doors = new Map<string, Door>()

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
            return this.#openDoor(link, { from: name, cluster, firstPort: first }, way)
          },
        }
      })
  }

  async close(): Promise<void> {
    const doors = [...this.#doors.values()]
    this.#doors.clear()
    await Promise.all(doors.map(({ listener }) => listener.close()))
    for (const link of this.links) link.close()
  }

  /** A broker that starts again finds its door where it was. */
  async #openDoor(
    link: TwoWayLink,
    { from, cluster, firstPort }: { from: string; cluster: string; firstPort: number },
    { nodeId, listener, host, isEncrypted, target }: ApproachedListener,
  ): Promise<Address> {
    const key = `${from} ${cluster} ${nodeId} ${listener}`
    let door = this.#doors.get(key)
    if (door) door.target = target
    else {
      const port = firstPort === 0 ? 0 : firstPort + nodeId - 1
      const opened = await this.#platform.network.listen({ host: HOST, port }, (client) =>
        link.cross(client, from, { cluster, target: this.#doors.get(key)?.target ?? target, isEncrypted }),
      )
      door = { listener: opened, target }
      this.#doors.set(key, door)
    }
    const { address } = door.listener
    // A certificate may be for localhost alone.
    return isLoopback(host) ? { host, port: address.port } : address
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
