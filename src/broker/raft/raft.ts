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
// Here are the states, and how one comes to the next: elections, and what is heard of others. What a leader does in its epoch is in
// leading.ts, how the log comes to a follower in fetching.ts, what a replica has in every state in raft-replica.ts; who votes is in
// electorate.ts, what was promised in epoch-state.ts, and raft-event.ts lists what happens and what follows.
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
import { Fetching } from './fetching.ts'
import { LeaderState } from './leader-state.ts'
import { Leading } from './leading.ts'
import {
  type BeginQuorumEpochRequest,
  type EndQuorumEpochRequest,
  isUpToDate,
  NOBODY,
  type RaftRequest,
  type RaftResponse,
  type SentRequest,
  type VoteRequest,
} from './message.ts'
import type { RaftEffect, RaftEvent, RaftTimer } from './raft-event.ts'
import { type RaftOptions, RaftReplica } from './raft-replica.ts'

type Role =
  | { readonly name: 'unattached' }
  | { readonly name: 'prospective' | 'candidate'; readonly ballot: Ballot }
  | { readonly name: 'leader'; readonly leading: Leading }
  | { readonly name: 'follower'; hasFetched: boolean }
  | { readonly name: 'resigned' }

/** A follower fetches for so many fetch time-outs before it tells the leader that it is elsewhere than the log says: that may be news. */
const UPDATE_VOTER_FACTOR = 3

export class Raft {
  readonly #replica: RaftReplica
  readonly #fetching: Fetching
  #role: Role = { name: 'unattached' }
  /** Messages of this state that did not arrive. */
  readonly #undelivered = new Map<number, SentRequest>()

  /** `highWatermark`: what is known to be committed. */
  constructor(options: RaftOptions, highWatermark: number) {
    this.#replica = new RaftReplica(options, highWatermark)
    this.#fetching = new Fetching(this.#replica)
  }

  get state(): Role['name'] {
    return this.#role.name
  }

  get epoch(): number {
    return this.#replica.epoch
  }

  get leaderId(): number {
    return this.#replica.leaderId
  }

  get votedId(): number {
    return this.#replica.epochState.votedId
  }

  get highWatermark(): number {
    return this.#replica.highWatermark
  }

  /** Whether since its start it has once had all that was committed. */
  get isCaughtUp(): boolean {
    return this.#fetching.isCaughtUp
  }

  /** Of the leader. */
  get leaderState(): LeaderState | undefined {
    return this.#leading?.leaderState
  }

  /** Invariant 6, at a leader. */
  get mayChangeVoters(): boolean {
    return this.#leading?.mayChangeVoters ?? false
  }

  /** `nowMs` goes into what a leader tells of its replicas. */
  handle(event: RaftEvent, nowMs: number): RaftEffect[] {
    this.#replica.nowMs = nowMs
    this.#step(event)
    this.#replica.tellLeader()
    return this.#replica.takeEffects()
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
        this.#leading?.appended()
        return
      case 'snapshot-progress':
        if (this.#role.name === 'follower' && event.leaderEpoch === this.epoch) this.#heardFromLeader(this.#role)
        return
      case 'snapshot-ended':
        this.#replica.commit(this.#replica.log.start.offset)
        if (this.#role.name === 'follower' && !this.#fetching.isUnderWay) this.#fetching.fetch(this.leaderId)
        return
      case 'resign':
        if (this.#leading && !this.#electorate.isAlone) this.#becomeResigned(this.#leading)
        return
      case 'record-voters':
        this.#replica.recordsVoters = true
        if (this.#leading && this.#electorate.isAlone && !this.#electorate.isRecorded) this.#becomeCandidate()
        return
      case 'change-voters':
        if (!this.#leading) throw new Error('invariant 6: only a leader changes the voters')
        this.#leading.changeVoters(event.voters)
        return
    }
  }

  // States.

  #start(): void {
    const { recordsVoters, mayStand, timeouts } = this.#replica
    // The only voter there ever was has nobody to disagree with: it leads, always in the same epoch, and its vote is no promise.
    const wasAlways = !recordsVoters && !this.#electorate.isRecorded
    if (this.#electorate.isAlone && wasAlways) this.#lead(NOBODY)
    else if (this.#electorate.isAlone) this.#becomeCandidate()
    else if (mayStand) this.#replica.setTimer('election', timeouts.firstElectionMs)
    else this.#fetching.lookForLeader()
  }

  #becomeUnattached(epoch: number): void {
    this.#leave({ name: 'unattached' })
    this.#replica.epochState.enter(epoch)
    this.#replica.persist()
    if (this.#replica.mayStand) this.#replica.setElectionTimer()
    else this.#fetching.lookForLeader()
  }

  #becomeFollower(epoch: number, leaderId: number): void {
    const { timeouts } = this.#replica
    this.#leave({ name: 'follower', hasFetched: false })
    this.#replica.epochState.enter(epoch, leaderId)
    this.#replica.persist()
    this.#replica.setTimer('fetch', timeouts.fetchMs)
    this.#replica.setTimer('update-voter', timeouts.fetchMs * UPDATE_VOTER_FACTOR)
    this.#fetching.fetch(leaderId)
  }

  #becomeProspective(): void {
    this.#openBallot('prospective')
    // The voters may be others by now, and none of those that it knows may be left.
    if (this.#role.name === 'prospective') this.#fetching.askWhoLeads(this.#electorate.strangers)
  }

  #becomeCandidate(): void {
    const { epochState, nodeId } = this.#replica
    epochState.enter(this.epoch + 1)
    epochState.vote(nodeId)
    epochState.remember()
    this.#replica.persist()
    this.#openBallot('candidate')
  }

  #openBallot(name: 'prospective' | 'candidate'): void {
    const { nodeId: replicaId, log } = this.#replica
    const ballot = new Ballot(this.#electorate.voters, name === 'prospective')
    this.#leave({ name, ballot })
    this.#replica.setElectionTimer()
    ballot.count(replicaId, true)
    const { preVote } = ballot
    for (const to of this.#electorate.otherVoters) {
      this.#replica.send(to, { type: 'vote', replicaId, replicaEpoch: this.epoch, last: log.end, preVote })
    }
    this.#countedVote()
  }

  #becomeLeader({ granting }: Ballot): void {
    const leading = this.#lead(this.#replica.log.end.offset)
    this.#replica.persist()
    leading.open(granting)
  }

  #lead(epochStartOffset: number): Leading {
    const { nodeId, epochState } = this.#replica
    const leaderState = new LeaderState(nodeId, this.#electorate.voters, epochStartOffset)
    const leading = new Leading(this.#replica, leaderState, () => this.#becomeResigned(leading))
    this.#leave({ name: 'leader', leading })
    epochState.enter(this.epoch, nodeId)
    leading.appended()
    return leading
  }

  #becomeResigned({ leaderState }: Leading): void {
    const { nodeId: leaderId, epochState } = this.#replica
    const preferredSuccessors = leaderState.successors
    this.#leave({ name: 'resigned' })
    epochState.enter(this.epoch)
    this.#replica.setElectionTimer()
    for (const to of this.#electorate.otherVoters) {
      this.#replica.send(to, { type: 'end-quorum-epoch', leaderId, leaderEpoch: this.epoch, preferredSuccessors })
    }
  }

  #leave(next: Role): void {
    this.#replica.cancelTimers()
    this.#undelivered.clear()
    this.#fetching.forget()
    this.#role = next
  }

  /** What another says of a leader and an epoch; it may be the past. */
  #hear(leaderId: number, epoch: number): void {
    const { nodeId } = this.#replica
    const isOther = leaderId !== NOBODY && leaderId !== nodeId
    if (epoch > this.epoch) {
      if (isOther) this.#becomeFollower(epoch, leaderId)
      else this.#becomeUnattached(epoch)
      return
    }
    if (epoch < this.epoch || !isOther) return
    const known = this.#leading ? nodeId : this.leaderId
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
        else if (role.name === 'resigned') this.#becomeUnattached(this.epoch + 1)
        return
      case 'fetch':
        if (this.#replica.mayStand) this.#becomeProspective()
        else this.#becomeUnattached(this.epoch)
        return
      case 'check-quorum':
        if (role.name === 'leader' && !this.#electorate.isAlone) this.#becomeResigned(role.leading)
        return
      case 'begin-quorum-epoch':
        if (role.name === 'leader') role.leading.beginQuorumEpoch()
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
    if (this.leaderId === NOBODY) this.#becomeUnattached(this.epoch)
    else this.#becomeFollower(this.epoch, this.leaderId)
  }

  /** Asked again each time, until the log says so. */
  #updateVoter(): void {
    const voter = this.#electorate.isRecorded ? this.#electorate.movedVoter : undefined
    if (voter) this.#replica.send(this.leaderId, { type: 'update-voter', currentLeaderEpoch: this.epoch, voter })
    this.#replica.setTimer('update-voter', this.#replica.timeouts.fetchMs * UPDATE_VOTER_FACTOR)
  }

  #retry(): void {
    const undelivered = [...this.#undelivered]
    this.#undelivered.clear()
    for (const [to, request] of undelivered) this.#replica.send(to, request)
    if (this.#fetching.isUnderWay) return
    if (this.#role.name === 'follower') this.#fetching.fetch(this.leaderId)
    else if (this.#role.name === 'unattached' && !this.#replica.mayStand) this.#fetching.lookForLeader()
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
        this.#leadingIn(request.currentLeaderEpoch)?.answerFetch(request)
        return
      case 'fetch-snapshot':
        this.#leadingIn(request.currentLeaderEpoch)?.answerFetchSnapshot(request.replicaId)
        return
      case 'update-voter':
        this.#leadingIn(request.currentLeaderEpoch)?.answerUpdateVoter(request.voter)
        return
    }
  }

  /** Of what only the leader of this epoch answers; undefined: whoever asks is told that this is another. */
  #leadingIn(epoch: number): Leading | undefined {
    const leading = epoch === this.epoch ? this.#leading : undefined
    if (!leading) this.#replica.reply({ errorCode: notLeading(epoch, this.epoch) })
    return leading
  }

  #answerVote(request: VoteRequest): void {
    const { replicaId, replicaEpoch, last, preVote } = request
    const isPossible = last.offset >= 0 && last.epoch >= 0 && last.epoch < replicaEpoch + (preVote ? 1 : 0)
    const errorCode = isPossible ? this.#nodeError(replicaId, replicaEpoch) : ErrorCode.INVALID_REQUEST
    if (errorCode !== ErrorCode.NONE) {
      this.#replica.reply({ errorCode, voteGranted: false })
      return
    }
    if (replicaEpoch > this.epoch) this.#becomeUnattached(replicaEpoch)
    const voteGranted = this.#grants(request)
    if (voteGranted && preVote) this.#replica.remember()
    if (voteGranted && !preVote && this.votedId === NOBODY) {
      this.#replica.epochState.vote(replicaId)
      this.#replica.persist()
      if (this.#replica.mayStand) this.#replica.setElectionTimer()
    }
    this.#replica.reply({ errorCode: ErrorCode.NONE, voteGranted })
  }

  #grants({ replicaId, last, preVote }: VoteRequest): boolean {
    const role = this.#role
    const { epochState, log } = this.#replica
    if (!epochState.hasMemory && !(preVote && this.epoch === 0)) return false
    if (preVote) {
      if (role.name === 'leader' || !isUpToDate(last, log.end)) return false
      // Whoever hears from its leader wants no other, unless it is that leader who asks: then it leads no more.
      return role.name !== 'follower' || !role.hasFetched || replicaId === this.leaderId
    }
    if (role.name !== 'unattached' && role.name !== 'prospective') return false
    if (this.leaderId !== NOBODY) return false
    return this.votedId === NOBODY ? isUpToDate(last, log.end) : this.votedId === replicaId
  }

  #answerBegin({ leaderId, leaderEpoch }: BeginQuorumEpochRequest): void {
    const errorCode = this.#nodeError(leaderId, leaderEpoch)
    if (errorCode === ErrorCode.NONE) {
      this.#hear(leaderId, leaderEpoch)
      if (this.#role.name === 'prospective') this.#becomeFollower(leaderEpoch, leaderId)
    }
    this.#replica.reply({ errorCode })
  }

  #answerEnd({ leaderId, leaderEpoch, preferredSuccessors }: EndQuorumEpochRequest): void {
    const errorCode = this.#nodeError(leaderId, leaderEpoch)
    if (errorCode !== ErrorCode.NONE) {
      this.#replica.reply({ errorCode })
      return
    }
    this.#hear(leaderId, leaderEpoch)
    if (this.#role.name === 'follower' && this.leaderId === leaderId && this.#replica.mayStand) {
      // It leads no more, so whoever asks for a pre-vote may have it.
      this.#role.hasFetched = false
      this.#replica.setTimer('fetch', this.#successionDelayMs(preferredSuccessors))
    }
    this.#replica.reply({ errorCode })
  }

  /** The first stands at once, each after it later, so that they do not stand against each other. */
  #successionDelayMs(successors: readonly number[]): number {
    const { nodeId, timeouts } = this.#replica
    const { electionBackoffMaxMs } = timeouts
    const position = successors.indexOf(nodeId)
    if (position === 0) return 0
    if (position < 0) return electionBackoffMaxMs
    return Math.floor(electionBackoffMaxMs / 2 ** (successors.length - position))
  }

  #nodeError(replicaId: number, epoch: number): number {
    if (epoch < this.epoch) return ErrorCode.FENCED_LEADER_EPOCH
    return this.#electorate.knows(replicaId) ? ErrorCode.NONE : ErrorCode.INCONSISTENT_VOTER_SET
  }

  // Answers of others.

  #responded(from: number, request: SentRequest, response: RaftResponse): void {
    this.#hear(response.leaderId, response.leaderEpoch)
    if (request.type === 'vote') this.#voted(from, request, response)
    else if (this.#fetching.ends(request)) this.#fetched(from, response)
  }

  #voted(from: number, { replicaEpoch, preVote }: VoteRequest, { voteGranted }: RaftResponse): void {
    const role = this.#role
    if (role.name !== 'prospective' && role.name !== 'candidate') return
    if (role.ballot.preVote !== preVote || replicaEpoch !== this.epoch) return
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
    const role = this.#role
    const { errorCode, leaderEpoch, fetched } = response
    const isOfLeader = role.name === 'follower' && from === this.leaderId && leaderEpoch === this.epoch
    if (!isOfLeader || errorCode !== ErrorCode.NONE || !fetched) {
      this.#replica.retryLater()
      return
    }
    // One that has left in the meantime says so with what it had to give: nobody waits for it.
    if (response.leaderId === from) this.#heardFromLeader(role)
    this.#fetching.take(from, fetched)
  }

  #heardFromLeader(role: { hasFetched: boolean }): void {
    role.hasFetched = true
    this.#replica.setTimer('fetch', this.#replica.timeouts.fetchMs)
  }

  #notDelivered(to: number, request: SentRequest): void {
    if (this.#fetching.ends(request)) this.#replica.retryLater()
    if (!this.#isStillMeant(to, request)) return
    this.#undelivered.set(to, request)
    this.#replica.retryLater()
  }

  #isStillMeant(to: number, request: SentRequest): boolean {
    const role = this.#role
    if (request.type === 'vote') {
      if (role.name !== 'prospective' && role.name !== 'candidate') return false
      const { ballot } = role
      return ballot.preVote === request.preVote && request.replicaEpoch === this.epoch && ballot.isOpenFor(to)
    }
    return request.type === 'end-quorum-epoch' && role.name === 'resigned' && request.leaderEpoch === this.epoch
  }

  get #leading(): Leading | undefined {
    return this.#role.name === 'leader' ? this.#role.leading : undefined
  }

  get #electorate() {
    return this.#replica.electorate
  }
}

function notLeading(asked: number, epoch: number): number {
  if (asked < epoch) return ErrorCode.FENCED_LEADER_EPOCH
  return asked > epoch ? ErrorCode.UNKNOWN_LEADER_EPOCH : ErrorCode.NOT_LEADER_OR_FOLLOWER
}
