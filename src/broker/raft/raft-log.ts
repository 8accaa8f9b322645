import type { OffsetAndEpoch } from './message.ts'

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
  /** Where the records of the greatest epoch that is not above this one end; the start, when all are above. */
  endOf(epoch: number): OffsetAndEpoch
  appendLeaderChange(change: LeaderChange, epoch: number): void
  /** Batches of the leader, with their offsets and epochs. */
  appendFetched(records: Buffer): void
  truncateTo(offset: number): void
}
