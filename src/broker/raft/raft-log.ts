import type { OffsetAndEpoch } from './message.ts'
import type { VoterHistory, VoterSet } from './voter-set.ts'

/** Who took office, and by whose votes: the first record of an epoch. */
export interface LeaderChange {
  readonly leaderId: number
  readonly voters: readonly number[]
  readonly grantingVoters: readonly number[]
}

/** What Raft asks of its log. What it changes is durable when the call returns; a disk that fails throws. */
export interface RaftLog {
  /** Below it there is only a snapshot, which ends with this epoch; 0 in epoch 0 when all is there. */
  readonly start: OffsetAndEpoch
  /** An empty log ends at 0 in epoch 0; one that begins with a snapshot, in the snapshot's epoch. */
  readonly end: OffsetAndEpoch
  readonly latestSnapshotId: OffsetAndEpoch | undefined
  /** What it says of voters; it changes with whatever is appended, cut off or replaced. */
  readonly voters: VoterHistory
  /** Where the records of the greatest epoch that is not above this one end; the start, when all are above. */
  endOf(epoch: number): OffsetAndEpoch
  /** `voters`: in the same unit, the log says from now on who votes. */
  appendLeaderChange(change: LeaderChange, epoch: number, voters?: VoterSet): void
  appendVoters(voters: VoterSet, epoch: number): void
  /** Batches of the leader, with their offsets and epochs. */
  appendFetched(records: Buffer): void
  truncateTo(offset: number): void
}
