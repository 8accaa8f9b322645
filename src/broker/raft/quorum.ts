// The quorum of controllers, as a broker and its controller see it.
import type { Api, RequestInput, Response } from '../../protocol/schema.ts'
import type { HostedLog } from '../coordinator/runtime.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { ReplicaProgress } from './leader-state.ts'
import type { PeerSecurity } from './peer.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import type { VoterNode, VoterSet } from './voter-set.ts'

/** What a node knows of the others of its cluster, however it came to know it. */
export interface QuorumNetwork {
  /** All of them, itself too. */
  readonly nodeIds: () => readonly number[]
  /** A node of this process, where it is for certain; undefined: it is elsewhere, or not of this cluster, or nobody knows yet. */
  readonly nodeOf: (nodeId: number) => VoterNode | undefined
  /** Where a node of another process was to be found when this one was configured. */
  readonly configuredNode?: (nodeId: number) => VoterNode | undefined
  /** How a node proves to the others who it is. */
  readonly security: PeerSecurity
  /** Hears of each record of voters that is committed, and where it stands. */
  readonly onVoters?: (voters: VoterSet, offset: number) => void
}

/** The log that a controller is hosted on while it leads: appends go to its end, and count once the high watermark has passed them. */
export interface LedLog extends HostedLog {
  readonly leaderEpoch: number
}

/** Who led the quorum before this node, which has not heard it for so long. */
export interface Predecessor {
  readonly nodeId: number
  readonly silentMs: number
}

export interface QuorumDescription {
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly highWatermark: number
  readonly voters: readonly ReplicaProgress[]
  readonly observers: readonly ReplicaProgress[]
}

/**
 * One node's part in the quorum, voter or observer.
 *
 * 1. At any time at most one node has `led`, as far as anything that it appends is ever committed.
 * 2. `led` begins once all that was committed before is below the high watermark here.
 */
export interface Quorum {
  readonly nodeId: number
  /** Those who decide as far as this node knows; not always committed. */
  readonly voters: VoterSet
  /** What the log below an offset says of them; undefined: nothing. */
  votersBelow(offset: number): VoterSet | undefined
  /** The metadata log: everything below its high watermark is committed for good. */
  readonly log: PartitionLog
  readonly snapshots: SnapshotStore
  /** NOBODY (−1) while none is known. */
  readonly leaderId: number
  readonly leaderEpoch: number
  /** While this node is the active controller. */
  readonly led: LedLog | undefined
  /** undefined: this node has followed nobody since its start, or since it led last. */
  readonly predecessor: Predecessor | undefined
  /** Whether since its start this node has once had all that was committed at that time. */
  readonly isCaughtUp: boolean
  /** Why this node has no part any more, though nobody closed it. */
  readonly failure: Error | undefined
  /** Hears when any of these has changed. */
  onLeaderChange(listener: () => void): () => void
  /** Hears each advance of the high watermark, before whoever is hosted on `led` does. */
  onCommitted(listener: () => void): () => void
  /** undefined: only the leader knows, and this node is not. */
  describe(): QuorumDescription | undefined
  /** Asks the leader, on the wire; rejects with a HeliostatError, also when none is known. */
  askLeader<A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>>
  /** Resigns, if it leads, and has no part any more. */
  close(): Promise<void>
}
