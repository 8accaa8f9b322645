import type { ElectionState } from './election-state.ts'
import { NOBODY } from './message.ts'

/**
 * What a replica knows of its epoch and has promised in it (Kafka's QuorumState). Invariants 1, 2 and 4 of raft.ts are kept here: what is
 * not persisted yet is told by `unpersisted`.
 */
export class EpochState {
  #epoch: number
  #leaderId = NOBODY
  #votedId: number
  #hasMemory: boolean
  #persisted: ElectionState | undefined

  /** `kept`: what was persisted last; undefined: nothing ever was. Who led before the restart may lead no more; it is asked for anew. */
  constructor(kept: ElectionState | undefined, logEpoch: number) {
    this.#persisted = kept
    this.#epoch = Math.max(kept?.leaderEpoch ?? 0, logEpoch)
    this.#votedId = this.#epoch === kept?.leaderEpoch ? kept.votedId : NOBODY
    this.#hasMemory = kept !== undefined
  }

  get epoch(): number {
    return this.#epoch
  }

  /** NOBODY: none is known. */
  get leaderId(): number {
    return this.#leaderId
  }

  get votedId(): number {
    return this.#votedId
  }

  get hasMemory(): boolean {
    return this.#hasMemory
  }

  /** This epoch, or a later one, with this leader, or none. */
  enter(epoch: number, leaderId: number = NOBODY): void {
    if (epoch > this.#epoch) this.#votedId = NOBODY
    this.#epoch = epoch
    this.#leaderId = leaderId
  }

  vote(votedId: number): void {
    this.#votedId = votedId
  }

  /** From now on it can be held to what it says. */
  remember(): void {
    this.#hasMemory = true
  }

  /** What is to be persisted before anybody is told of it; undefined: it is. */
  unpersisted(): ElectionState | undefined {
    if (!this.#hasMemory) return undefined
    const state = { leaderId: this.#leaderId, leaderEpoch: this.#epoch, votedId: this.#votedId }
    if (this.#persisted && isSame(this.#persisted, state)) return undefined
    this.#persisted = state
    return state
  }
}

function isSame(one: ElectionState, other: ElectionState): boolean {
  return one.leaderId === other.leaderId && one.leaderEpoch === other.leaderEpoch && one.votedId === other.votedId
}
