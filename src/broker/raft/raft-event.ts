// What happens to a replica of the metadata log, and what follows: all that Raft hears and says.
import type { ElectionState } from './election-state.ts'
import type { OffsetAndEpoch, RaftRequest, RaftResponse, SentRequest } from './message.ts'
import type { VoterSet } from './voter-set.ts'

export const RAFT_TIMERS = ['election', 'fetch', 'check-quorum', 'begin-quorum-epoch', 'update-voter', 'retry'] as const

/**
 * `election`: nobody was elected. `fetch`: the leader gave nothing. `check-quorum`: no majority fetched. `update-voter`: a follower looks
 * whether the log says where it is. `begin-quorum-epoch`, `retry`: say it again.
 */
export type RaftTimer = (typeof RAFT_TIMERS)[number]

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
