import { ErrorCode } from '../../protocol/errors.ts'
import type { LeaderState } from './leader-state.ts'
import { divergenceFrom } from './log-matching.ts'
import type { FetchRequest } from './message.ts'
import type { RaftReplica } from './raft-replica.ts'
import { updatedVoter } from './voter-request.ts'
import { areNeighbours, type VoterNode, type VoterSet } from './voter-set.ts'

/** A leader that no majority fetched from for 1.5 fetch time-outs has been left, as far as it can know. */
const CHECK_QUORUM_FACTOR = 1.5
const EMPTY = Buffer.alloc(0)

/** What a leader does, in its epoch: it gives its log to those who fetch, tells voters of itself that do not, and changes who votes. */
export class Leading {
  readonly leaderState: LeaderState
  readonly #replica: RaftReplica
  readonly #resign: () => void

  /** `resign`: it is needed no more. */
  constructor(replica: RaftReplica, leaderState: LeaderState, resign: () => void) {
    this.#replica = replica
    this.leaderState = leaderState
    this.#resign = resign
  }

  /** Writes the first unit of the epoch: whoever has it knows who leads, and what came before is committed with it. */
  open(grantingVoters: readonly number[]): void {
    const { nodeId: leaderId, log, epoch, electorate, recordsVoters } = this.#replica
    const change = { leaderId, voters: electorate.voters, grantingVoters }
    log.appendLeaderChange(change, epoch, recordsVoters ? electorate.toRecord : undefined)
    this.#meetVoters()
    this.appended()
  }

  appended(): void {
    this.leaderState.appended(this.#replica.log.end.offset)
    this.#advance()
  }

  beginQuorumEpoch(): void {
    const { nodeId: leaderId, epoch: leaderEpoch, timeouts, nowMs } = this.#replica
    const everyMs = timeouts.fetchMs / 2
    for (const to of this.leaderState.silentVoters(everyMs, nowMs)) {
      this.#replica.send(to, { type: 'begin-quorum-epoch', leaderId, leaderEpoch })
    }
    this.#replica.setTimer('begin-quorum-epoch', everyMs)
  }

  answerFetch({ replicaId, fetchOffset, lastFetchedEpoch, directoryId }: FetchRequest): void {
    const { log, nowMs } = this.#replica
    const divergence = divergenceFrom(log, { offset: fetchOffset, epoch: lastFetchedEpoch })
    if (!divergence) this.leaderState.fetched(replicaId, fetchOffset, log.end.offset, nowMs, directoryId)
    this.#heardFrom(replicaId)
    this.#advance()
    const { highWatermark } = this.leaderState
    const fetched = { highWatermark, logStartOffset: log.start.offset, records: EMPTY, ...divergence }
    this.#replica.reply({ errorCode: ErrorCode.NONE, fetched })
  }

  answerFetchSnapshot(replicaId: number): void {
    this.#heardFrom(replicaId)
    this.#replica.reply({ errorCode: ErrorCode.NONE })
  }

  /** Answered as soon as it is written down, as by Kafka. */
  answerUpdateVoter(voter: VoterNode): void {
    const { electorate, log } = this.#replica
    const now = { voters: log.voters.latest, areRecorded: electorate.isRecorded, mayChange: this.mayChangeVoters }
    const updated = updatedVoter(now, voter)
    if (typeof updated !== 'number') this.changeVoters(updated)
    this.#replica.reply({ errorCode: typeof updated === 'number' ? updated : ErrorCode.NONE })
  }

  /** Invariant 6 of raft.ts. */
  get mayChangeVoters(): boolean {
    const { electorate } = this.#replica
    return electorate.isRecorded && electorate.isCommitted(this.leaderState.highWatermark)
  }

  /** Invariant 6 of raft.ts. */
  changeVoters(voters: VoterSet): void {
    const { log, epoch, electorate } = this.#replica
    if (!this.mayChangeVoters || !areNeighbours(voters, log.voters.latest) || voters.length === 0) {
      throw new Error(`invariant 6: the voters cannot become ${voters.map(({ nodeId }) => nodeId)} now`)
    }
    log.appendVoters(voters, epoch)
    this.leaderState.votersChanged(electorate.voters)
    this.#meetVoters()
    this.appended()
  }

  #meetVoters(): void {
    this.#setCheckQuorumTimer()
    this.beginQuorumEpoch()
  }

  #heardFrom(replicaId: number): void {
    if (this.#replica.electorate.isAlone || !this.leaderState.heard(replicaId)) return
    this.#setCheckQuorumTimer()
  }

  #setCheckQuorumTimer(): void {
    this.#replica.setTimer('check-quorum', this.#replica.timeouts.fetchMs * CHECK_QUORUM_FACTOR)
  }

  #advance(): void {
    const { nodeId, electorate } = this.#replica
    const { highWatermark } = this.leaderState
    this.#replica.commit(highWatermark)
    // Those who decide now need it no more.
    if (!electorate.votes(nodeId) && electorate.isCommitted(highWatermark)) this.#resign()
  }
}
