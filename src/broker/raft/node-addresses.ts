import type { Address } from '../../platform/platform.ts'
import type { QuorumNetwork } from './quorum.ts'
import type { VoterNode, VoterSet } from './voter-set.ts'

/**
 * Where the nodes of a quorum may be reached. A node of this process is where it is. Of another there are, best first, what was told of it
 * when it led, what the record of voters says, and what this process was configured with; any of these may be of the past.
 */
export class NodeAddresses {
  readonly #network: () => QuorumNetwork | undefined
  readonly #voters: () => VoterSet
  readonly #told = new Map<number, Address>()

  constructor(network: () => QuorumNetwork | undefined, voters: () => VoterSet) {
    this.#network = network
    this.#voters = voters
  }

  of(nodeId: number): readonly Address[] {
    const network = this.#network()
    const own = addressOf(network?.nodeOf(nodeId))
    if (own) return [own]
    const recorded = addressOf(this.#voters().find((voter) => voter.nodeId === nodeId))
    const known = [this.#told.get(nodeId), recorded, addressOf(network?.configuredNode?.(nodeId))]
    const all = known.flatMap((address) => address ?? [])
    return all.filter((one, index) => all.findIndex((other) => isSame(one, other)) === index)
  }

  /** Somebody says where a leader is. */
  tell(nodeId: number, address: Address | undefined): void {
    const isKnown = this.#network()?.nodeIds().includes(nodeId) || this.#voters().some((one) => one.nodeId === nodeId)
    if (address && isKnown) this.#told.set(nodeId, address)
  }
}

function addressOf(node: VoterNode | undefined): Address | undefined {
  const [endpoint] = node?.endpoints ?? []
  return endpoint && { host: endpoint.host, port: endpoint.port }
}

function isSame(one: Address, other: Address): boolean {
  return one.host === other.host && one.port === other.port
}
