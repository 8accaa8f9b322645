import { ZERO_UUID } from '../../protocol/schema.ts'
import { majorityOf } from './ballot.ts'

/** What a leader knows of a replica. Times are milliseconds of its clock; −1: it never fetched. */
export interface ReplicaProgress {
  readonly replicaId: number
  /** Of its data directory; ZERO_UUID until it has fetched. */
  readonly directoryId: string
  readonly logEndOffset: number
  readonly lastFetchTimestamp: number
  readonly lastCaughtUpTimestamp: number
}

interface Replica {
  readonly replicaId: number
  directoryId: string
  logEndOffset: number
  lastFetchTimestamp: number
  lastCaughtUpTimestamp: number
  /** Where the leader's log ended when it fetched last. */
  leaderEndAtLastFetch: number
}

/** An observer that has not fetched for so long is forgotten. */
const OBSERVER_SESSION_TIMEOUT_MS = 300_000

/**
 * One epoch of one leader: who has how much of its log, and so what is committed.
 *
 * 1. What a replica has is told by its own fetches of this epoch alone; before the first it counts as having nothing.
 * 2. The high watermark is unknown until a majority has the first record of the epoch (Raft, 5.4.2): what older epochs left is committed
 *    only through it. From then on it never goes back.
 * 3. The voters that count are those of the newest record in the leader's log. The leader may be none of them, until that is committed.
 */
export class LeaderState {
  readonly epochStartOffset: number
  readonly #own: Replica
  #voters = new Map<number, Replica>()
  readonly #observers = new Map<number, Replica>()
  /** Voters that have fetched since a majority had. */
  readonly #heard = new Set<number>()
  #highWatermark = -1

  constructor(nodeId: number, voters: readonly number[], epochStartOffset: number) {
    this.#own = newReplica(nodeId)
    this.epochStartOffset = epochStartOffset
    this.votersChanged(voters)
  }

  /** −1: invariant 2. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** The leader's own log ends here now, durably. */
  appended(logEndOffset: number): void {
    this.#own.logEndOffset = logEndOffset
    this.#advance()
  }

  /** Invariant 3. What is known of a replica stays known, whether it votes or not. */
  votersChanged(voters: readonly number[]): void {
    const before = this.#voters
    this.#voters = new Map(voters.map((id) => [id, before.get(id) ?? this.#replica(id)]))
    for (const [id, replica] of before) if (!this.#voters.has(id)) this.#observers.set(id, replica)
    for (const id of voters) this.#observers.delete(id)
    for (const id of this.#heard) if (!this.#voters.has(id)) this.#heard.delete(id)
  }

  /** A replica has everything below the offset that it asks for. */
  fetched(replicaId: number, fetchOffset: number, leaderEnd: number, nowMs: number, directoryId = ZERO_UUID): void {
    const replica = this.#replica(replicaId)
    replica.directoryId = directoryId
    if (fetchOffset >= leaderEnd) {
      replica.lastCaughtUpTimestamp = Math.max(replica.lastCaughtUpTimestamp, nowMs)
    } else if (replica.leaderEndAtLastFetch > 0 && fetchOffset >= replica.leaderEndAtLastFetch) {
      replica.lastCaughtUpTimestamp = Math.max(replica.lastCaughtUpTimestamp, replica.lastFetchTimestamp)
    }
    replica.leaderEndAtLastFetch = leaderEnd
    replica.lastFetchTimestamp = Math.max(replica.lastFetchTimestamp, nowMs)
    replica.logEndOffset = fetchOffset
    this.#forgetSilentObservers(nowMs)
    this.#advance()
  }

  /** A replica is alive; true when with it a majority has been heard of since that was last so. */
  heard(replicaId: number): boolean {
    if (this.#voters.has(replicaId)) this.#heard.add(replicaId)
    const own = this.#voters.has(this.#own.replicaId) ? 1 : 0
    if (this.#heard.size < majorityOf(this.#voters.size) - own) return false
    this.#heard.clear()
    return true
  }

  /** The other voters that have not fetched for so long, or never. */
  silentVoters(forMs: number, nowMs: number): number[] {
    return this.#others()
      .filter(({ lastFetchTimestamp }) => lastFetchTimestamp < 0 || nowMs - lastFetchTimestamp >= forMs)
      .map(({ replicaId }) => replicaId)
  }

  /** The other voters, those that have most of the log first. */
  get successors(): number[] {
    return this.#others()
      .sort((one, other) => other.logEndOffset - one.logEndOffset || one.replicaId - other.replicaId)
      .map(({ replicaId }) => replicaId)
  }

  /** The leader is always caught up with itself. */
  describe(nowMs: number): { voters: ReplicaProgress[]; observers: ReplicaProgress[] } {
    this.#forgetSilentObservers(nowMs)
    const own = { lastFetchTimestamp: nowMs, lastCaughtUpTimestamp: nowMs }
    const told = (replica: Replica): ReplicaProgress => {
      const { replicaId, directoryId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } = replica
      const times = replica === this.#own ? own : { lastFetchTimestamp, lastCaughtUpTimestamp }
      return { replicaId, directoryId, logEndOffset, ...times }
    }
    return { voters: [...this.#voters.values()].map(told), observers: [...this.#observers.values()].map(told) }
  }

  #advance(): void {
    const ends = [...this.#voters.values()].map(({ logEndOffset }) => logEndOffset).sort((a, b) => b - a)
    const held = ends[majorityOf(ends.length) - 1]!
    if (held > this.epochStartOffset && held > this.#highWatermark) this.#highWatermark = held
  }

  #replica(replicaId: number): Replica {
    const known = this.#voters.get(replicaId) ?? this.#observers.get(replicaId)
    if (known) return known
    if (replicaId === this.#own.replicaId) return this.#own
    const observer = newReplica(replicaId)
    this.#observers.set(replicaId, observer)
    return observer
  }

  #others(): Replica[] {
    return [...this.#voters.values()].filter((replica) => replica !== this.#own)
  }

  #forgetSilentObservers(nowMs: number): void {
    for (const [id, replica] of this.#observers) {
      const { lastFetchTimestamp } = replica
      if (replica !== this.#own && nowMs - lastFetchTimestamp >= OBSERVER_SESSION_TIMEOUT_MS) this.#observers.delete(id)
    }
  }
}

function newReplica(replicaId: number): Replica {
  return {
    replicaId,
    directoryId: ZERO_UUID,
    logEndOffset: -1,
    lastFetchTimestamp: -1,
    lastCaughtUpTimestamp: -1,
    leaderEndAtLastFetch: -1,
  }
}
