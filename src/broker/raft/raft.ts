// One replica of the metadata log: Raft as Kafka has it, where followers pull (KIP-595), ask before they stand (pre-vote, KIP-996) and
// read snapshots when they are far behind (KIP-630), and voters change one at a time (KIP-853). No clock, no socket, no chance: what
// happens is an event, what follows are effects.
//
// | state       | is                                                     | until                                                    |
// | unattached  | without a leader in its epoch; may have given its vote | election time-out: prospective · a leader: follower      |
// | prospective | asking whether it would be elected                     | a majority: candidate · refused: back to where it was    |
// | candidate   | asking for votes in a new epoch, its own given         | a majority: leader · election time-out: prospective      |
// | leader      | the one of its epoch                                   | a higher epoch · no majority fetches: resigned           |
// | follower    | fetching from the leader of its epoch                  | fetch time-out: prospective · a higher epoch             |
// | resigned    | a leader that has given up its epoch                   | election time-out: unattached in the next                |
//
// An observer is never elected: it is unattached, asking one node after the other who leads, or a follower. It votes like anybody else,
// since others may know before it does that it is a voter.
//
// Invariants:
// 1. The epoch never goes back. In one epoch a replica votes once and knows at most one leader.
// 2. What a vote or an epoch promises is in an effect `persist` before any message that tells of it.
// 3. Only a leader appends what it was not given; a follower's log is cut back only above its high watermark.
// 4. A voter without a quorum-state file has no memory: it is new, or it lost its disk, and then it could vote twice or help elect one
//    who lacks what it once had. In epoch 0, before anything was decided, it takes part and remembers from then on. Anywhere else it
//    does not vote until it has all that is committed.
// 5. Each `send` is answered by exactly one event, `response` or `undelivered`.
// 6. The voters are those of the newest record in the log, committed or not. A leader appends one of them only once the one before and a
//    record of its own epoch are committed, and it differs in one voter: so a majority of either has a node of the other's. One that names
//    the same nodes, but says otherwise where they are, may also open an epoch.
import { ErrorCode } from '../../protocol/errors.ts'
import { Ballot } from './ballot.ts'
import type { ElectionState } from './election-state.ts'
import { Leadership } from './leadership.ts'
import {
  type BeginQuorumEpochRequest,
  type EndQuorumEpochRequest,
  type FetchRequest,
  isUpToDate,
  NOBODY,
  type OffsetAndEpoch,
  type RaftRequest,
  type RaftResponse,
  type SentRequest,
  type UpdateVoterRequest,
  type VoteRequest,
} from './message.ts'
import type { RaftLog } from './raft-log.ts'
import { updatedVoter } from './voter-request.ts'
import { areNeighbours, isSameVoter, type VoterNode, type VoterSet, withVoter } from './voter-set.ts'

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

const TIMERS = ['election', 'fetch', 'check-quorum', 'begin-quorum-epoch', 'update-voter', 'retry'] as const
/**
 * `election`: nobody was elected. `fetch`: the leader gave nothing. `check-quorum`: no majority fetched. `update-voter`: a follower looks
 * whether the log says where it is. `begin-quorum-epoch`, `retry`: say it again.
 */
export type RaftTimer = (typeof TIMERS)[number]

export type RaftEvent =
  | { readonly type: 'start' }
  | { readonly type: 'timeout'; readonly timer: RaftTimer }
  | { readonly type: 'request'; readonly request: RaftRequest }
  | { readonly type: 'response'; readonly from: number; readonly request: SentRequest; readonly response: RaftResponse }
  | { readonly type: 'undelivered'; readonly to: number; readonly request: SentRequest }
  /** The leader has appended to its log. */
  | { readonly type: 'appended' }
  /** A piece of a snapshot has come from the leader of this epoch. */
  | { readonly type: 'snapshot-progress'; readonly leaderEpoch: number }
  /** The snapshot is in the place of the log, or could not be had. */
  | { readonly type: 'snapshot-ended' }
  | { readonly type: 'resign' }
  /** From now on the log says who votes; a lone leader has it say so at once. */
  | { readonly type: 'record-voters' }
  /** Of the leader, where `mayChangeVoters`. */
  | { readonly type: 'change-voters'; readonly voters: VoterSet }

export type RaftEffect =
  | { readonly type: 'persist'; readonly state: ElectionState }
  | { readonly type: 'send'; readonly to: number; readonly request: SentRequest }
  /** To the event's request; exactly one for each. */
  | { readonly type: 'reply'; readonly response: RaftResponse }
  /** Sets the timer anew: it goes off after `ms` and a draw of up to `jitterMs`. */
  | { readonly type: 'set-timer'; readonly timer: RaftTimer; readonly ms: number; readonly jitterMs: number }
  | { readonly type: 'cancel-timer'; readonly timer: RaftTimer }
  | { readonly type: 'high-watermark'; readonly offset: number }
  | { readonly type: 'leader'; readonly leaderId: number; readonly leaderEpoch: number }
  | { readonly type: 'fetch-snapshot'; readonly from: number; readonly snapshotId: OffsetAndEpoch }

type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'prospective' | 'candidate'; readonly ballot: Ballot }
  | { readonly name: 'leader'; readonly leadership: Leadership }
  | { readonly name: 'follower'; hasFetched: boolean }
  | { readonly name: 'resigned' }

/** A leader that no majority fetched from for 1.5 fetch time-outs has been left, as far as it can know. */
const CHECK_QUORUM_FACTOR = 1.5
/** A follower fetches for so many fetch time-outs before it tells the leader that it is elsewhere than the log says: that may be news. */
const UPDATE_VOTER_FACTOR = 3
const EMPTY = Buffer.alloc(0)

export class Raft {
  readonly #options: RaftOptions
  readonly #log: RaftLog
  #role: Role = { name: 'unattached' }
  #epoch: number
  #leaderId = NOBODY
  #votedId: number
  #recordsVoters: boolean
  /** Invariant 4. */
  #hasMemory: boolean
  #isCaughtUp = false
  #persisted: ElectionState | undefined
  #highWatermark: number
  /** What a follower, or one who looks for a leader, has asked and not heard of. */
  #fetching: FetchRequest | undefined
  /** Messages of this state that did not arrive. */
  readonly #undelivered = new Map<number, SentRequest>()
  /** Counts those who were asked who leads. */
  #asked = 0
  #told: { leaderId: number; leaderEpoch: number }
  #effects: RaftEffect[] = []
  #nowMs = 0

  /** `highWatermark`: what is known to be committed. */
  constructor(options: RaftOptions, highWatermark: number) {
    const { electionState, log } = options
    this.#options = options
    this.#log = log
    this.#persisted = electionState
    // Who led before the restart may lead no more; it is asked for anew.
    this.#epoch = Math.max(electionState?.leaderEpoch ?? 0, log.end.epoch)
    this.#votedId = this.#epoch === electionState?.leaderEpoch ? electionState.votedId : NOBODY
    this.#hasMemory = electionState !== undefined
    this.#recordsVoters = options.recordsVoters
    this.#highWatermark = highWatermark
    this.#told = { leaderId: NOBODY, leaderEpoch: this.#epoch }
  }

  get state(): Role['name'] {
    return this.#role.name
  }

  get epoch(): number {
    return this.#epoch
  }

  get leaderId(): number {
    return this.#leaderId
  }

  get votedId(): number {
    return this.#votedId
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  /** Whether since its start it has once had all that was committed. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  /** Of the leader. */
  get leadership(): Leadership | undefined {
    return this.#role.name === 'leader' ? this.#role.leadership : undefined
  }

  /** Invariant 6, at a leader. */
  get mayChangeVoters(): boolean {
    const highWatermark = this.leadership?.highWatermark ?? NOBODY
    const { latestOffset } = this.#log.voters
    return latestOffset >= 0 && latestOffset < highWatermark
  }

  /** `nowMs` goes into what a leader tells of its replicas. */
  handle(event: RaftEvent, nowMs: number): RaftEffect[] {
    this.#nowMs = nowMs
    this.#effects = []
    this.#step(event)
    this.#tellLeader()
    return this.#effects
  }

  #step(event: RaftEvent): void {
    switch (event.type) {
      case 'start':
        this.#start()
        return
      case 'timeout':
        this.#timedOut(event.timer)
        return
      case 'request':
        this.#answer(event.request)
        return
      case 'response':
        this.#responded(event.from, event.request, event.response)
        return
      case 'undelivered':
        this.#notDelivered(event.to, event.request)
        return
      case 'appended':
        this.#appended()
        return
      case 'snapshot-progress':
        if (this.#role.name === 'follower' && event.leaderEpoch === this.#epoch) this.#heardFromLeader(this.#role)
        return
      case 'snapshot-ended':
        this.#committed(this.#log.start.offset)
        if (this.#role.name === 'follower' && !this.#fetching) this.#fetch(this.#leaderId)
        return
      case 'resign':
        if (this.#role.name === 'leader' && !this.#isAlone) this.#becomeResigned(this.#role.leadership)
        return
      case 'record-voters':
        this.#recordsVoters = true
        if (this.#role.name === 'leader' && this.#isAlone && this.#log.voters.latestOffset < 0) this.#becomeCandidate()
        return
      case 'change-voters':
        this.#changeVoters(event.voters)
        return
    }
  }

  // States.

  #start(): void {
    // The only voter there ever was has nobody to disagree with: it leads, always in the same epoch, and its vote is no promise.
    const wasAlways = !this.#recordsVoters && this.#log.voters.latestOffset < 0
    if (this.#isAlone && wasAlways) this.#lead(new Leadership(this.#options.nodeId, this.#voters, NOBODY))
    else if (this.#isAlone) this.#becomeCandidate()
    else if (this.#mayStand) this.#setTimer('election', this.#options.timeouts.firstElectionMs)
    else this.#lookForLeader()
  }

  #becomeUnattached(epoch: number): void {
    this.#leave({ name: 'unattached' })
    if (epoch > this.#epoch) this.#votedId = NOBODY
    this.#epoch = epoch
    this.#leaderId = NOBODY
    this.#persist()
    if (this.#mayStand) this.#setElectionTimer()
    else this.#lookForLeader()
  }

  #becomeFollower(epoch: number, leaderId: number): void {
    this.#leave({ name: 'follower', hasFetched: false })
    if (epoch > this.#epoch) this.#votedId = NOBODY
    this.#epoch = epoch
    this.#leaderId = leaderId
    this.#persist()
    this.#setTimer('fetch', this.#options.timeouts.fetchMs)
    this.#setTimer('update-voter', this.#options.timeouts.fetchMs * UPDATE_VOTER_FACTOR)
    this.#fetch(leaderId)
  }

  #becomeProspective(): void {
    this.#openBallot('prospective')
    // The voters may be others by now, and none of those that it knows may be left.
    const strangers = this.#strangers
    if (this.#role.name === 'prospective' && strangers.length > 0) this.#askWhoLeads(strangers)
  }

  #becomeCandidate(): void {
    this.#epoch++
    this.#leaderId = NOBODY
    this.#votedId = this.#options.nodeId
    this.#hasMemory = true
    this.#persist()
    this.#openBallot('candidate')
  }

  #openBallot(name: 'prospective' | 'candidate'): void {
    const { nodeId } = this.#options
    const ballot = new Ballot(this.#voters, name === 'prospective')
    this.#leave({ name, ballot })
    this.#setElectionTimer()
    ballot.count(nodeId, true)
    for (const voter of this.#otherVoters) this.#sendVote(voter, ballot.preVote)
    this.#countedVote()
  }

  #becomeLeader({ granting }: Ballot): void {
    const { nodeId } = this.#options
    const voters = this.#voters
    const leadership = new Leadership(nodeId, voters, this.#log.end.offset)
    this.#lead(leadership)
    this.#persist()
    const change = { leaderId: nodeId, voters, grantingVoters: granting }
    this.#log.appendLeaderChange(change, this.#epoch, this.#votersToOpenWith)
    this.#meetVoters(leadership)
    this.#appended()
  }

  /** Whoever begins to lead writes down who votes, if nobody has; and where it is itself, if that is not written down. */
  get #votersToOpenWith(): VoterSet | undefined {
    if (!this.#recordsVoters) return undefined
    const { latest, latestOffset } = this.#log.voters
    const moved = this.#movedVoter
    if (moved) return withVoter(latest, moved)
    return latestOffset < 0 ? latest : undefined
  }

  /** This node, if it votes and is not as it is written down. */
  get #movedVoter(): VoterNode | undefined {
    const { nodeId, localVoter = () => undefined } = this.#options
    const written = this.#log.voters.latest.find((voter) => voter.nodeId === nodeId)
    const local = localVoter()
    return written && local && !isSameVoter(written, local) ? local : undefined
  }

  /** Invariant 6. */
  #changeVoters(voters: VoterSet): void {
    const { leadership } = this
    if (
      !leadership ||
      !this.mayChangeVoters ||
      !areNeighbours(voters, this.#log.voters.latest) ||
      voters.length === 0
    ) {
      throw new Error(`invariant 6: the voters cannot become ${voters.map(({ nodeId }) => nodeId)} now`)
    }
    this.#log.appendVoters(voters, this.#epoch)
    leadership.votersChanged(this.#voters)
    this.#meetVoters(leadership)
    this.#appended()
  }

  #meetVoters(leadership: Leadership): void {
    this.#setTimer('check-quorum', this.#options.timeouts.fetchMs * CHECK_QUORUM_FACTOR)
    this.#beginQuorumEpoch(leadership)
  }

  #lead(leadership: Leadership): void {
    this.#leave({ name: 'leader', leadership })
    this.#leaderId = this.#options.nodeId
    this.#appended()
  }

  #becomeResigned(leadership: Leadership): void {
    const { nodeId } = this.#options
    const preferredSuccessors = leadership.successors
    this.#leave({ name: 'resigned' })
    this.#leaderId = NOBODY
    this.#setElectionTimer()
    for (const to of this.#otherVoters) {
      this.#send(to, { type: 'end-quorum-epoch', leaderId: nodeId, leaderEpoch: this.#epoch, preferredSuccessors })
    }
  }

  #leave(next: Role): void {
    for (const timer of TIMERS) this.#effects.push({ type: 'cancel-timer', timer })
    this.#undelivered.clear()
    this.#fetching = undefined
    this.#role = next
  }

  /** What another says of a leader and an epoch; it may be the past. */
  #hear(leaderId: number, epoch: number): void {
    const isOther = leaderId !== NOBODY && leaderId !== this.#options.nodeId
    if (epoch > this.#epoch) {
      if (isOther) this.#becomeFollower(epoch, leaderId)
      else this.#becomeUnattached(epoch)
      return
    }
    if (epoch < this.#epoch || !isOther) return
    const known = this.#role.name === 'leader' ? this.#options.nodeId : this.#leaderId
    if (known !== NOBODY && known !== leaderId) {
      throw new Error(`invariant 1: epoch ${epoch} has the leaders ${known} and ${leaderId}`)
    }
    // Who had this leader and gave it up waits for the leader's own word: others may not have noticed yet.
    if (known === NOBODY && this.#role.name !== 'resigned') this.#becomeFollower(epoch, leaderId)
  }

  // Time-outs.

  #timedOut(timer: RaftTimer): void {
    const role = this.#role
    switch (timer) {
      case 'election':
        if (role.name === 'unattached' || role.name === 'candidate') this.#becomeProspective()
        else if (role.name === 'prospective') this.#electionLost()
        else if (role.name === 'resigned') this.#becomeUnattached(this.#epoch + 1)
        return
      case 'fetch':
        if (this.#mayStand) this.#becomeProspective()
        else this.#becomeUnattached(this.#epoch)
        return
      case 'check-quorum':
        if (role.name === 'leader' && !this.#isAlone) this.#becomeResigned(role.leadership)
        return
      case 'begin-quorum-epoch':
        if (role.name === 'leader') this.#beginQuorumEpoch(role.leadership)
        return
      case 'update-voter':
        this.#updateVoter()
        return
      case 'retry':
        this.#retry()
        return
    }
  }

  /** It would not be elected now: it goes back to the leader it had, if it had one. */
  #electionLost(): void {
    if (this.#leaderId === NOBODY) this.#becomeUnattached(this.#epoch)
    else this.#becomeFollower(this.#epoch, this.#leaderId)
  }

  #beginQuorumEpoch(leadership: Leadership): void {
    const { nodeId, timeouts } = this.#options
    const everyMs = timeouts.fetchMs / 2
    for (const to of leadership.silentVoters(everyMs, this.#nowMs)) {
      this.#send(to, { type: 'begin-quorum-epoch', leaderId: nodeId, leaderEpoch: this.#epoch })
    }
    this.#setTimer('begin-quorum-epoch', everyMs)
  }

  /** Asked again each time, until the log says so. */
  #updateVoter(): void {
    const voter = this.#log.voters.latestOffset < 0 ? undefined : this.#movedVoter
    if (voter) this.#send(this.#leaderId, { type: 'update-voter', currentLeaderEpoch: this.#epoch, voter })
    this.#setTimer('update-voter', this.#options.timeouts.fetchMs * UPDATE_VOTER_FACTOR)
  }

  #retry(): void {
    const undelivered = [...this.#undelivered]
    this.#undelivered.clear()
    for (const [to, request] of undelivered) this.#send(to, request)
    if (this.#fetching) return
    if (this.#role.name === 'follower') this.#fetch(this.#leaderId)
    else if (this.#role.name === 'unattached' && !this.#mayStand) this.#lookForLeader()
  }

  // Requests of others.

  #answer(request: RaftRequest): void {
    switch (request.type) {
      case 'vote':
        this.#answerVote(request)
        return
      case 'begin-quorum-epoch':
        this.#answerBegin(request)
        return
      case 'end-quorum-epoch':
        this.#answerEnd(request)
        return
      case 'fetch':
        this.#answerFetch(request)
        return
      case 'fetch-snapshot':
        this.#answerFetchSnapshot(request.replicaId, request.currentLeaderEpoch)
        return
      case 'update-voter':
        this.#answerUpdateVoter(request)
        return
    }
  }

  #answerVote(request: VoteRequest): void {
    const { replicaId, replicaEpoch, last, preVote } = request
    const isPossible = last.offset >= 0 && last.epoch >= 0 && last.epoch < replicaEpoch + (preVote ? 1 : 0)
    const errorCode = isPossible ? this.#nodeError(replicaId, replicaEpoch) : ErrorCode.INVALID_REQUEST
    if (errorCode !== ErrorCode.NONE) {
      this.#reply({ errorCode, voteGranted: false })
      return
    }
    if (replicaEpoch > this.#epoch) this.#becomeUnattached(replicaEpoch)
    const voteGranted = this.#grants(request)
    if (voteGranted && preVote && !this.#hasMemory) {
      this.#hasMemory = true
      this.#persist()
    }
    if (voteGranted && !preVote && this.#votedId === NOBODY) {
      this.#votedId = replicaId
      this.#persist()
      if (this.#mayStand) this.#setElectionTimer()
    }
    this.#reply({ errorCode: ErrorCode.NONE, voteGranted })
  }

  #grants({ replicaId, last, preVote }: VoteRequest): boolean {
    const role = this.#role
    if (!this.#hasMemory && !(preVote && this.#epoch === 0)) return false
    if (preVote) {
      if (role.name === 'leader' || !isUpToDate(last, this.#log.end)) return false
      // Whoever hears from its leader wants no other, unless it is that leader who asks: then it leads no more.
      return role.name !== 'follower' || !role.hasFetched || replicaId === this.#leaderId
    }
    if (role.name !== 'unattached' && role.name !== 'prospective') return false
    if (this.#leaderId !== NOBODY) return false
    return this.#votedId === NOBODY ? isUpToDate(last, this.#log.end) : this.#votedId === replicaId
  }

  #answerBegin({ leaderId, leaderEpoch }: BeginQuorumEpochRequest): void {
    const errorCode = this.#nodeError(leaderId, leaderEpoch)
    if (errorCode === ErrorCode.NONE) {
      this.#hear(leaderId, leaderEpoch)
      if (this.#role.name === 'prospective') this.#becomeFollower(leaderEpoch, leaderId)
    }
    this.#reply({ errorCode })
  }

  #answerEnd({ leaderId, leaderEpoch, preferredSuccessors }: EndQuorumEpochRequest): void {
    const errorCode = this.#nodeError(leaderId, leaderEpoch)
    if (errorCode !== ErrorCode.NONE) {
      this.#reply({ errorCode })
      return
    }
    this.#hear(leaderId, leaderEpoch)
    if (this.#role.name === 'follower' && this.#leaderId === leaderId && this.#mayStand) {
      // It leads no more, so whoever asks for a pre-vote may have it.
      this.#role.hasFetched = false
      this.#setTimer('fetch', this.#successionDelayMs(preferredSuccessors))
    }
    this.#reply({ errorCode })
  }

  /** The first stands at once, each after it later, so that they do not stand against each other. */
  #successionDelayMs(successors: readonly number[]): number {
    const { electionBackoffMaxMs } = this.#options.timeouts
    const position = successors.indexOf(this.#options.nodeId)
    if (position === 0) return 0
    if (position < 0) return electionBackoffMaxMs
    return Math.floor(electionBackoffMaxMs / 2 ** (successors.length - position))
  }

  #answerFetch(request: FetchRequest): void {
    const { replicaId, currentLeaderEpoch, fetchOffset, lastFetchedEpoch, directoryId } = request
    const leadership = this.#leadershipFor(currentLeaderEpoch)
    if (typeof leadership === 'number') {
      this.#reply({ errorCode: leadership })
      return
    }
    const divergence = this.#divergence(fetchOffset, lastFetchedEpoch)
    if (!divergence) leadership.fetched(replicaId, fetchOffset, this.#log.end.offset, this.#nowMs, directoryId)
    this.#heardFrom(leadership, replicaId)
    this.#advance(leadership)
    const { highWatermark } = leadership
    const fetched = { highWatermark, logStartOffset: this.#log.start.offset, records: EMPTY, ...divergence }
    this.#reply({ errorCode: ErrorCode.NONE, fetched })
  }

  /** What a follower whose log ends like this must do before it can go on; nothing, if its log is the beginning of this one. */
  #divergence(
    offset: number,
    epoch: number,
  ): { diverging: OffsetAndEpoch } | { snapshotId: OffsetAndEpoch } | undefined {
    const { start, latestSnapshotId } = this.#log
    if (offset === start.offset && epoch === start.epoch) return undefined
    const isBelowStart = offset <= start.offset || epoch < start.epoch
    if (latestSnapshotId && start.offset > 0 && isBelowStart) return { snapshotId: latestSnapshotId }
    const end = this.#log.endOf(epoch)
    return end.epoch === epoch && end.offset >= offset ? undefined : { diverging: end }
  }

  #answerFetchSnapshot(replicaId: number, currentLeaderEpoch: number): void {
    const leadership = this.#leadershipFor(currentLeaderEpoch)
    if (typeof leadership === 'number') {
      this.#reply({ errorCode: leadership })
      return
    }
    this.#heardFrom(leadership, replicaId)
    this.#reply({ errorCode: ErrorCode.NONE })
  }

  /** Answered as soon as it is written down, as by Kafka. */
  #answerUpdateVoter({ currentLeaderEpoch, voter }: UpdateVoterRequest): void {
    const leadership = this.#leadershipFor(currentLeaderEpoch)
    if (typeof leadership === 'number') {
      this.#reply({ errorCode: leadership })
      return
    }
    const { latest, latestOffset } = this.#log.voters
    const now = { voters: latest, areRecorded: latestOffset >= 0, mayChange: this.mayChangeVoters }
    const updated = updatedVoter(now, voter)
    if (typeof updated !== 'number') this.#changeVoters(updated)
    this.#reply({ errorCode: typeof updated === 'number' ? updated : ErrorCode.NONE })
  }

  #heardFrom(leadership: Leadership, replicaId: number): void {
    if (this.#isAlone || !leadership.heard(replicaId)) return
    this.#setTimer('check-quorum', this.#options.timeouts.fetchMs * CHECK_QUORUM_FACTOR)
  }

  #leadershipFor(epoch: number): Leadership | number {
    if (epoch < this.#epoch) return ErrorCode.FENCED_LEADER_EPOCH
    if (epoch > this.#epoch) return ErrorCode.UNKNOWN_LEADER_EPOCH
    return this.leadership ?? ErrorCode.NOT_LEADER_OR_FOLLOWER
  }

  /** Who asks need be no voter as far as this one knows: it may not have the newest record of them. */
  #nodeError(replicaId: number, epoch: number): number {
    if (epoch < this.#epoch) return ErrorCode.FENCED_LEADER_EPOCH
    const isKnown = this.#isVoter(replicaId) || this.#strangers.includes(replicaId)
    return isKnown ? ErrorCode.NONE : ErrorCode.INCONSISTENT_VOTER_SET
  }

  #reply(response: Omit<RaftResponse, 'leaderId' | 'leaderEpoch'>): void {
    const known = { leaderId: this.#leaderId, leaderEpoch: this.#epoch }
    this.#effects.push({ type: 'reply', response: { ...response, ...known } })
  }

  // Answers of others.

  #responded(from: number, request: SentRequest, response: RaftResponse): void {
    this.#hear(response.leaderId, response.leaderEpoch)
    if (request.type === 'vote') this.#voted(from, request, response)
    else if (request === this.#fetching) this.#fetched(from, response)
  }

  #voted(from: number, { replicaEpoch, preVote }: VoteRequest, { voteGranted }: RaftResponse): void {
    const role = this.#role
    if (role.name !== 'prospective' && role.name !== 'candidate') return
    if (role.ballot.preVote !== preVote || replicaEpoch !== this.#epoch) return
    role.ballot.count(from, voteGranted === true)
    this.#countedVote()
  }

  #countedVote(): void {
    const role = this.#role
    if (role.name === 'prospective') {
      if (role.ballot.isWon) this.#becomeCandidate()
      else if (role.ballot.isLost) this.#electionLost()
    } else if (role.name === 'candidate' && role.ballot.isWon) {
      this.#becomeLeader(role.ballot)
    }
    // A candidate that has lost waits until its time-out: whoever won will be heard of before.
  }

  #fetched(from: number, response: RaftResponse): void {
    this.#fetching = undefined
    const role = this.#role
    const { errorCode, leaderEpoch, fetched } = response
    const isOfLeader = role.name === 'follower' && from === this.#leaderId && leaderEpoch === this.#epoch
    if (!isOfLeader || errorCode !== ErrorCode.NONE || !fetched) {
      this.#retryLater()
      return
    }
    // One that has left in the meantime says so with what it had to give: nobody waits for it.
    if (response.leaderId === from) this.#heardFromLeader(role)
    if (fetched.snapshotId) {
      this.#effects.push({ type: 'fetch-snapshot', from, snapshotId: fetched.snapshotId })
      return
    }
    if (fetched.diverging) this.#truncate(fetched.diverging)
    else {
      if (fetched.records.length > 0) this.#log.appendFetched(fetched.records)
      const committed = Math.min(fetched.highWatermark, this.#log.end.offset)
      this.#committed(committed)
      if (fetched.highWatermark >= 0 && committed === fetched.highWatermark) this.#caughtUp()
    }
    this.#fetch(from)
  }

  /** It has all that is committed, as of now. */
  #caughtUp(): void {
    this.#isCaughtUp = true
    if (this.#hasMemory) return
    this.#hasMemory = true
    this.#persist()
  }

  /** Cuts off what the leader does not have, as far as that can be told from one answer. */
  #truncate(leaderEnd: OffsetAndEpoch): void {
    const own = this.#log.endOf(leaderEnd.epoch)
    const offset = own.epoch === leaderEnd.epoch ? Math.min(own.offset, leaderEnd.offset) : own.offset
    if (offset < this.#highWatermark) {
      throw new Error(`invariant 3: the leader's log has ${offset} where ${this.#highWatermark} is committed`)
    }
    this.#log.truncateTo(offset)
  }

  #heardFromLeader(role: { hasFetched: boolean }): void {
    role.hasFetched = true
    this.#setTimer('fetch', this.#options.timeouts.fetchMs)
  }

  #notDelivered(to: number, request: SentRequest): void {
    if (request.type === 'fetch') {
      if (request !== this.#fetching) return
      this.#fetching = undefined
      this.#retryLater()
      return
    }
    if (!this.#isStillMeant(to, request)) return
    this.#undelivered.set(to, request)
    this.#retryLater()
  }

  #isStillMeant(to: number, request: SentRequest): boolean {
    const role = this.#role
    if (request.type === 'vote') {
      if (role.name !== 'prospective' && role.name !== 'candidate') return false
      const { ballot } = role
      return ballot.preVote === request.preVote && request.replicaEpoch === this.#epoch && ballot.isOpenFor(to)
    }
    return request.type === 'end-quorum-epoch' && role.name === 'resigned' && request.leaderEpoch === this.#epoch
  }

  // The log.

  #appended(): void {
    const { leadership } = this
    if (!leadership) return
    leadership.appended(this.#log.end.offset)
    this.#advance(leadership)
  }

  #advance(leadership: Leadership): void {
    const { highWatermark } = leadership
    this.#committed(highWatermark)
    // Those who decide now need it no more.
    const { nodeId } = this.#options
    if (!this.#isVoter(nodeId) && this.#log.voters.latestOffset < highWatermark) this.#becomeResigned(leadership)
  }

  #committed(offset: number): void {
    if (offset <= this.#highWatermark) return
    this.#highWatermark = offset
    this.#effects.push({ type: 'high-watermark', offset })
  }

  /** An observer, or a voter without memory, asks all in turn who leads, the voters first. */
  #lookForLeader(): void {
    const others = [...this.#otherVoters, ...this.#strangers]
    if (others.length > 0) this.#askWhoLeads(others)
  }

  #askWhoLeads(nodes: readonly number[]): void {
    this.#asked++
    this.#fetch(nodes[this.#asked % nodes.length]!)
  }

  #fetch(from: number): void {
    const { offset, epoch } = this.#log.end
    this.#fetching = {
      type: 'fetch',
      replicaId: this.#options.nodeId,
      currentLeaderEpoch: this.#epoch,
      fetchOffset: offset,
      lastFetchedEpoch: epoch,
      highWatermark: this.#highWatermark,
      directoryId: this.#options.directoryId,
    }
    this.#send(from, this.#fetching)
  }

  #sendVote(to: number, preVote: boolean): void {
    const { nodeId } = this.#options
    this.#send(to, { type: 'vote', replicaId: nodeId, replicaEpoch: this.#epoch, last: this.#log.end, preVote })
  }

  #send(to: number, request: SentRequest): void {
    this.#effects.push({ type: 'send', to, request })
  }

  /**
   * Whether it may ask to be elected: invariant 4. One that was a voter before the newest record does, too, until that is committed: nobody
   * else may have the record.
   */
  get #mayStand(): boolean {
    const { nodeId } = this.#options
    const { latestOffset, previous } = this.#log.voters
    const isNeeded = latestOffset >= this.#highWatermark && previous.some((voter) => voter.nodeId === nodeId)
    return (this.#isVoter(nodeId) || isNeeded) && (this.#hasMemory || this.#epoch === 0)
  }

  get #isAlone(): boolean {
    return this.#isVoter(this.#options.nodeId) && this.#voters.length === 1
  }

  #isVoter(nodeId: number): boolean {
    return this.#log.voters.latest.some((voter) => voter.nodeId === nodeId)
  }

  get #voters(): number[] {
    return this.#log.voters.latest.map(({ nodeId }) => nodeId)
  }

  get #otherVoters(): number[] {
    return this.#voters.filter((voter) => voter !== this.#options.nodeId)
  }

  /** Nodes of the cluster that are no voters as far as this one knows. */
  get #strangers(): number[] {
    const { nodeId, others = () => [] } = this.#options
    return others().filter((id) => id !== nodeId && !this.#isVoter(id))
  }

  #persist(): void {
    if (!this.#hasMemory) return
    const state = { leaderId: this.#leaderId, leaderEpoch: this.#epoch, votedId: this.#votedId }
    if (this.#persisted && isSame(this.#persisted, state)) return
    this.#persisted = state
    this.#effects.push({ type: 'persist', state })
  }

  #tellLeader(): void {
    const leaderId = this.#leaderId
    const leaderEpoch = this.#epoch
    if (leaderId === this.#told.leaderId && leaderEpoch === this.#told.leaderEpoch) return
    this.#told = { leaderId, leaderEpoch }
    this.#effects.push({ type: 'leader', leaderId, leaderEpoch })
  }

  #setElectionTimer(): void {
    const { electionMs } = this.#options.timeouts
    this.#setTimer('election', electionMs, electionMs)
  }

  #retryLater(): void {
    this.#setTimer('retry', this.#options.timeouts.retryBackoffMs)
  }

  #setTimer(timer: RaftTimer, ms: number, jitterMs = 0): void {
    this.#effects.push({ type: 'set-timer', timer, ms, jitterMs })
  }
}

function isSame(one: ElectionState, other: ElectionState): boolean {
  return one.leaderId === other.leaderId && one.leaderEpoch === other.leaderEpoch && one.votedId === other.votedId
}
