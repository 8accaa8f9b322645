// Who votes, as the metadata log says it (KIP-853): each record of voters names all of them, and the newest in the log counts, committed
// or not.
import { ZERO_UUID } from '../../protocol/schema.ts'

export interface VoterEndpoint {
  readonly name: string
  readonly host: string
  readonly port: number
}

/** The levels of the feature kraft.version that a node knows. */
interface KRaftVersionFeature {
  readonly minSupportedVersion: number
  readonly maxSupportedVersion: number
}

/** The level of kraft.version at which voters are in the log (KIP-853). */
export const KRAFT_VERSION = 1
const OWN_KRAFT_VERSIONS: KRaftVersionFeature = { minSupportedVersion: 0, maxSupportedVersion: KRAFT_VERSION }

/** A node that votes, or could. */
export interface VoterNode {
  readonly nodeId: number
  /** Of its data directory; ZERO_UUID: nobody has said yet. */
  readonly directoryId: string
  /** Where the others reach it, best first. */
  readonly endpoints: readonly VoterEndpoint[]
  readonly kRaftVersionFeature: KRaftVersionFeature
}

/** In the order of the ids; each id once. */
export type VoterSet = readonly VoterNode[]

/** Of a log that says nothing of voters. */
export function bootstrapVoter(nodeId: number): VoterNode {
  return voterNode(nodeId)
}

/** A node of which no more is known; it is taken to know what this one knows. */
export function voterNode(
  nodeId: number,
  endpoints: readonly VoterEndpoint[] = [],
  directoryId: string = ZERO_UUID,
): VoterNode {
  return { nodeId, directoryId, endpoints, kRaftVersionFeature: OWN_KRAFT_VERSIONS }
}

export function withVoter(voters: VoterSet, voter: VoterNode): VoterSet {
  return [...withoutVoter(voters, voter.nodeId), voter].sort((one, other) => one.nodeId - other.nodeId)
}

export function withoutVoter(voters: VoterSet, nodeId: number): VoterSet {
  return voters.filter((voter) => voter.nodeId !== nodeId)
}

/** Whether a majority of the one set has a node in common with each majority of the other. */
export function areNeighbours(one: VoterSet, other: VoterSet): boolean {
  const lacking = (some: VoterSet, others: VoterSet) =>
    some.filter(({ nodeId }) => !others.some((known) => known.nodeId === nodeId)).length
  return lacking(one, other) + lacking(other, one) <= 1
}

/** Whether they are the same nodes, wherever they are. */
function hasSameIds(one: VoterSet, other: VoterSet): boolean {
  return one.length === other.length && one.every(({ nodeId }, index) => nodeId === other[index]!.nodeId)
}

export function isSameVoter(one: VoterNode, other: VoterNode): boolean {
  const textOf = ({ nodeId, directoryId, endpoints, kRaftVersionFeature }: VoterNode) => {
    const { minSupportedVersion, maxSupportedVersion } = kRaftVersionFeature
    const where = endpoints.flatMap(({ name, host, port }) => [name, host, port])
    return [nodeId, directoryId, minSupportedVersion, maxSupportedVersion, ...where].join()
  }
  return textOf(one) === textOf(other)
}

interface Entry {
  /** Of the record; −1: the voters that there were before any record. */
  readonly offset: number
  readonly voters: VoterSet
}

/**
 * The records of voters in a log, or in the snapshot that it begins with.
 *
 * 1. Offsets rise. The first entry is that of the bootstrap or of a snapshot.
 */
export class VoterHistory {
  #entries: [Entry, ...Entry[]]

  constructor(bootstrap: VoterSet) {
    this.#entries = [{ offset: -1, voters: bootstrap }]
  }

  /** Those who count. */
  get latest(): VoterSet {
    return this.#entries.at(-1)!.voters
  }

  /** Where the log says so; −1: it says nothing. */
  get latestOffset(): number {
    return this.#entries.at(-1)!.offset
  }

  /** Those before them, who were others; the first that there were, when nothing else is known. */
  get previous(): VoterSet {
    const isOther = ({ voters }: Entry) => !hasSameIds(voters, this.latest)
    return (this.#entries.findLast(isOther) ?? this.#entries[0]).voters
  }

  /** What records below an offset say; undefined: nothing. */
  below(offset: number): VoterSet | undefined {
    const entry = this.#entries.findLast((known) => known.offset < offset)
    return entry === undefined || entry.offset < 0 ? undefined : entry.voters
  }

  add(offset: number, voters: VoterSet): void {
    if (offset <= this.latestOffset) throw new Error(`invariant 1: voters at ${offset} after ${this.latestOffset}`)
    this.#entries.push({ offset, voters })
  }

  /** The log ends at the offset now. */
  truncateTo(offset: number): void {
    const [first, ...later] = this.#entries
    this.#entries = [first, ...later.filter((entry) => entry.offset < offset)]
  }

  /** A snapshot that ends at the offset is all there is. */
  startAt(offset: number, voters: VoterSet): void {
    this.#entries = [{ offset: offset - 1, voters }]
  }

  /** The log says nothing of voters, and there are others than was thought. */
  bootstrap(voters: VoterSet): void {
    if (this.latestOffset < 0) this.#entries = [{ offset: -1, voters }]
  }
}
