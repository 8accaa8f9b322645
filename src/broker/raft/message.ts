// What the replicas of the metadata log say to one another, in Kafka's words and free of the wire: `raft-wire.ts` puts it there.
import type { Address } from '../../platform/platform.ts'
import type { VoterNode } from './voter-set.ts'

/** Nobody: no leader is known, no vote was given. */
export const NOBODY = -1

/** The end of a log, or of a snapshot: the offset that comes next, and the epoch of what came last. */
export interface OffsetAndEpoch {
  readonly offset: number
  readonly epoch: number
}

/** Whether a log that ends at `one` has at least what a log that ends at `other` has: Raft's rule for votes. */
export function isUpToDate(one: OffsetAndEpoch, other: OffsetAndEpoch): boolean {
  return one.epoch === other.epoch ? one.offset >= other.offset : one.epoch > other.epoch
}

/** Asks for a vote in `replicaEpoch`; a pre-vote (KIP-996) asks only whether there would be one in the epoch after it. */
export interface VoteRequest {
  readonly type: 'vote'
  readonly replicaId: number
  readonly replicaEpoch: number
  readonly last: OffsetAndEpoch
  readonly preVote: boolean
}

export interface BeginQuorumEpochRequest {
  readonly type: 'begin-quorum-epoch'
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Where the leader is reached. Put in, and noted, by the driver. */
  readonly leaderEndpoint?: Address | undefined
}

export interface EndQuorumEpochRequest {
  readonly type: 'end-quorum-epoch'
  readonly leaderId: number
  readonly leaderEpoch: number
  /** The best first. */
  readonly preferredSuccessors: readonly number[]
}

export interface FetchRequest {
  readonly type: 'fetch'
  readonly replicaId: number
  readonly currentLeaderEpoch: number
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
  /** What the follower knows of it: the leader tells of a new one at once (KIP-1166). */
  readonly highWatermark: number
  /** Of the data directory of the replica (KIP-853). */
  readonly directoryId: string
}

/** A piece of a snapshot is read. */
interface FetchSnapshotRequest {
  readonly type: 'fetch-snapshot'
  readonly replicaId: number
  readonly currentLeaderEpoch: number
}

/** A voter is elsewhere than the log says, or knows other versions. */
export interface UpdateVoterRequest {
  readonly type: 'update-voter'
  readonly currentLeaderEpoch: number
  readonly voter: VoterNode
}

export type RaftRequest =
  | VoteRequest
  | BeginQuorumEpochRequest
  | EndQuorumEpochRequest
  | FetchRequest
  | FetchSnapshotRequest
  | UpdateVoterRequest

/** What a replica asks of its own accord; snapshots are read by the driver, which is told to. */
export type SentRequest = Exclude<RaftRequest, FetchSnapshotRequest>

/** Every answer says what its sender knows of the leader. */
export interface RaftResponse {
  readonly errorCode: number
  /** NOBODY: it knows of none in this epoch. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** Where that leader is reached, if it is known. Put in, and noted, by the driver. */
  readonly leaderEndpoint?: Address | undefined
  /** Of a vote. */
  readonly voteGranted?: boolean
  /** Of a fetch that was served. */
  readonly fetched?: Fetched
}

export interface Fetched {
  /** −1 while the leader does not know it. */
  readonly highWatermark: number
  readonly logStartOffset: number
  /** The follower's log parts from the leader's: of this epoch the leader has nothing from this offset on. */
  readonly diverging?: OffsetAndEpoch
  /** What comes next is in this snapshot only. */
  readonly snapshotId?: OffsetAndEpoch
  /** Whole batches, as the leader has them. Put in by whoever answers. */
  readonly records: Buffer
}
