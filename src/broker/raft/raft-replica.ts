import type { ElectionState } from './election-state.ts'
import { Electorate } from './electorate.ts'
import { EpochState } from './epoch-state.ts'
import { NOBODY, type RaftResponse, type SentRequest } from './message.ts'
import { RAFT_TIMERS, type RaftEffect, type RaftTimer } from './raft-event.ts'
import type { RaftLog } from './raft-log.ts'
import type { VoterNode } from './voter-set.ts'

export interface RaftTimeouts {
  /** `controller.quorum.election.timeout.ms`; up to as much again is drawn. */
  readonly electionMs: number
  /** `controller.quorum.fetch.timeout.ms`. */
  readonly fetchMs: number
  /** `controller.quorum.election.backoff.max.ms`: how long the last in the order of successors waits. */
  readonly electionBackoffMaxMs: number
  /** `controller.quorum.retry.backoff.ms`. */
  readonly retryBackoffMs: number
  /**
   * After the start: before an election time-out has passed it is worth asking, since whoever has a leader tells of it. Voters stand in
   * the order of their ids, so that those who start together do not stand against each other.
   */
  readonly firstElectionMs: number
}

export interface RaftOptions {
  readonly nodeId: number
  /** Of its data directory. */
  readonly directoryId: string
  readonly timeouts: RaftTimeouts
  /** Whether the log shall say who votes (kraft.version 1); else they are those of the bootstrap, for good. */
  readonly recordsVoters: boolean
  /** This node as the others shall know it; undefined: nobody can say where it is. */
  readonly localVoter?: () => VoterNode | undefined
  /** Other nodes of the cluster, that may know who leads when no voter does that is known here. */
  readonly others?: () => readonly number[]
  readonly log: RaftLog
  /** What was persisted last; undefined: nothing ever was. */
  readonly electionState: ElectionState | undefined
}

/** What a replica has in whatever state it is, and its voice: all that follows from an event is collected here, in its order. */
export class RaftReplica {
  readonly nodeId: number
  readonly directoryId: string
  readonly timeouts: RaftTimeouts
  readonly log: RaftLog
  readonly electorate: Electorate
  readonly epochState: EpochState
  recordsVoters: boolean
  /** Of the event that is handled. */
  nowMs = 0
  #highWatermark: number
  #told: { leaderId: number; leaderEpoch: number }
  #effects: RaftEffect[] = []

  /** `highWatermark`: what is known to be committed. */
  constructor(options: RaftOptions, highWatermark: number) {
    const { nodeId, electionState, log, others: nodeIds = () => [], localVoter = () => undefined } = options
    this.nodeId = nodeId
    this.directoryId = options.directoryId
    this.timeouts = options.timeouts
    this.log = log
    this.electorate = new Electorate({ nodeId, log, nodeIds, localVoter })
    this.epochState = new EpochState(electionState, log.end.epoch)
    this.recordsVoters = options.recordsVoters
    this.#highWatermark = highWatermark
    this.#told = { leaderId: NOBODY, leaderEpoch: this.epoch }
  }

  get epoch(): number {
    return this.epochState.epoch
  }

  get leaderId(): number {
    return this.epochState.leaderId
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Whether it may ask to be elected: invariant 4 of raft.ts. */
  get mayStand(): boolean {
    const { epoch, hasMemory } = this.epochState
    return this.electorate.mayElect(this.nodeId, this.#highWatermark) && (hasMemory || epoch === 0)
  }

  takeEffects(): RaftEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Invariant 2 of raft.ts: to be called before anything is sent. */
  persist(): void {
    const state = this.epochState.unpersisted()
    if (state) this.#effects.push({ type: 'persist', state })
  }

  /** From now on it can be held to what it says. */
  remember(): void {
    if (this.epochState.hasMemory) return
    this.epochState.remember()
    this.persist()
  }

  send(to: number, request: SentRequest): void {
    this.#effects.push({ type: 'send', to, request })
  }

  reply(response: Omit<RaftResponse, 'leaderId' | 'leaderEpoch'>): void {
    const known = { leaderId: this.leaderId, leaderEpoch: this.epoch }
    this.#effects.push({ type: 'reply', response: { ...response, ...known } })
  }

  tellLeader(): void {
    const { leaderId, epoch: leaderEpoch } = this
    if (leaderId === this.#told.leaderId && leaderEpoch === this.#told.leaderEpoch) return
    this.#told = { leaderId, leaderEpoch }
    this.#effects.push({ type: 'leader', leaderId, leaderEpoch })
  }

  commit(offset: number): void {
    if (offset <= this.#highWatermark) return
    this.#highWatermark = offset
    this.#effects.push({ type: 'high-watermark', offset })
  }

  fetchSnapshot(effect: Omit<Extract<RaftEffect, { type: 'fetch-snapshot' }>, 'type'>): void {
    this.#effects.push({ type: 'fetch-snapshot', ...effect })
  }

  setTimer(timer: RaftTimer, ms: number, jitterMs = 0): void {
    this.#effects.push({ type: 'set-timer', timer, ms, jitterMs })
  }

  setElectionTimer(): void {
    const { electionMs } = this.timeouts
    this.setTimer('election', electionMs, electionMs)
  }

  retryLater(): void {
    this.setTimer('retry', this.timeouts.retryBackoffMs)
  }

  cancelTimers(): void {
    for (const timer of RAFT_TIMERS) this.#effects.push({ type: 'cancel-timer', timer })
  }
}
