import type { RaftLog } from './raft-log.ts'
import { isSameVoter, type VoterNode, type VoterSet, withVoter } from './voter-set.ts'

interface ElectorateOptions {
  readonly nodeId: number
  readonly log: Pick<RaftLog, 'voters'>
  /** Nodes of the cluster, that may know who leads when no voter does that is known here. */
  readonly nodeIds: () => readonly number[]
  /** This node as the others shall know it; undefined: nobody can say where it is. */
  readonly localVoter: () => VoterNode | undefined
}

/** Who votes, as one replica sees it: the newest record in its log counts, committed or not. */
export class Electorate {
  readonly #options: ElectorateOptions

  constructor(options: ElectorateOptions) {
    this.#options = options
  }

  get voters(): number[] {
    return this.#latest.map(({ nodeId }) => nodeId)
  }

  get otherVoters(): number[] {
    return this.voters.filter((voter) => voter !== this.#options.nodeId)
  }

  /** Nodes of the cluster that are no voters as far as this one knows. */
  get strangers(): number[] {
    const { nodeId, nodeIds } = this.#options
    return nodeIds().filter((id) => id !== nodeId && !this.votes(id))
  }

  /** Whether the log says who votes. */
  get isRecorded(): boolean {
    return this.#options.log.voters.latestOffset >= 0
  }

  get isAlone(): boolean {
    return this.votes(this.#options.nodeId) && this.#latest.length === 1
  }

  votes(nodeId: number): boolean {
    return this.#latest.some((voter) => voter.nodeId === nodeId)
  }

  /** Who asks need be no voter as far as this one knows: it may not have the newest record of them. */
  knows(nodeId: number): boolean {
    return this.votes(nodeId) || this.strangers.includes(nodeId)
  }

  isCommitted(highWatermark: number): boolean {
    return this.#options.log.voters.latestOffset < highWatermark
  }

  /** A voter may be elected; one that was a voter before the newest record, too, until that is committed: nobody else may have it. */
  mayElect(nodeId: number, highWatermark: number): boolean {
    const isNeeded = () => this.#options.log.voters.previous.some((voter) => voter.nodeId === nodeId)
    return this.votes(nodeId) || (!this.isCommitted(highWatermark) && isNeeded())
  }

  /** This node, if it votes and is not as it is written down. */
  get movedVoter(): VoterNode | undefined {
    const { nodeId, localVoter } = this.#options
    const written = this.#latest.find((voter) => voter.nodeId === nodeId)
    const local = localVoter()
    return written && local && !isSameVoter(written, local) ? local : undefined
  }

  /** What whoever begins to lead writes down: who votes, if nobody has yet; and where it is itself, if that is not written down. */
  get toRecord(): VoterSet | undefined {
    const { movedVoter } = this
    if (movedVoter) return withVoter(this.#latest, movedVoter)
    return this.isRecorded ? undefined : this.#latest
  }

  get #latest(): VoterSet {
    return this.#options.log.voters.latest
  }
}
