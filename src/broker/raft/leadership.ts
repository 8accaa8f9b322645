import { majorityOf } from './ballot.ts'

/** What a leader knows of a replica. Times are milliseconds of its clock; −1: it never fetched. */
export interface ReplicaProgress {
  readonly replicaId: number
  readonly logEndOffset: number
  readonly lastFetchTimestamp: number
  readonly lastCaughtUpTimestamp: number
}

interface Replica {
  readonly replicaId: number
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
 */
export class Leadership {
  readonly epochStartOffset: number
  readonly #nodeId: number
  readonly #voters = new Map<number, Replica>()
  readonly #observers = new Map<number, Replica>()
  /** Voters that have fetched since a majority had. */
  readonly #heard = new Set<number>()
  #highWatermark = -1

  constructor(nodeId: number, voters: readonly number[], epochStartOffset: number) {
    this.#nodeId = nodeId
    this.epochStartOffset = epochStartOffset
    for (const voter of voters) this.#voters.set(voter, newReplica(voter))
  }

  /** −1: invariant 2. */
  get highWatermark(): number {
    return this.#highWatermark
  }

  /** The leader's own log ends here now, durably. */
  appended(logEndOffset: number): void {
    this.#voters.get(this.#nodeId)!.logEndOffset = logEndOffset
    this.#advance()
  }

  /** A replica has everything below the offset that it asks for. */
  fetched(replicaId: number, fetchOffset: number, leaderEnd: number, nowMs: number): void {
    const replica = this.#replica(replicaId)
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
    if (this.#heard.size < majorityOf(this.#voters.size) - 1) return false
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
      const { replicaId, logEndOffset, lastFetchTimestamp, lastCaughtUpTimestamp } = replica
      const times = replicaId === this.#nodeId ? own : { lastFetchTimestamp, lastCaughtUpTimestamp }
      return { replicaId, logEndOffset, ...times }
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
    const observer = newReplica(replicaId)
    this.#observers.set(replicaId, observer)
    return observer
  }

  #others(): Replica[] {
    return [...this.#voters.values()].filter(({ replicaId }) => replicaId !== this.#nodeId)
  }

  #forgetSilentObservers(nowMs: number): void {
    for (const [id, { lastFetchTimestamp }] of this.#observers) {
      if (nowMs - lastFetchTimestamp >= OBSERVER_SESSION_TIMEOUT_MS) this.#observers.delete(id)
    }
  }
}

function newReplica(replicaId: number): Replica {
  return {
    replicaId,
    logEndOffset: -1,
    lastFetchTimestamp: -1,
    lastCaughtUpTimestamp: -1,
    leaderEndAtLastFetch: -1,
  }
}
