import { truncationOffset } from './log-matching.ts'
import type { Fetched, FetchRequest, SentRequest } from './message.ts'
import type { RaftReplica } from './raft-replica.ts'

/**
 * What a replica asks of others by Fetch: the log of its leader, or, while it has none, who that is.
 *
 * 1. One fetch counts, the last; what answers an earlier one is of the past.
 */
export class Fetching {
  readonly #replica: RaftReplica
  #request: FetchRequest | undefined
  /** Counts those who were asked who leads. */
  #asked = 0
  #isCaughtUp = false

  constructor(replica: RaftReplica) {
    this.#replica = replica
  }

  /** Whether since the start it has once had all that was committed. */
  get isCaughtUp(): boolean {
    return this.#isCaughtUp
  }

  get isUnderWay(): boolean {
    return this.#request !== undefined
  }

  /** Whether this is the fetch that counts; from then on it is no more. */
  ends(request: SentRequest): boolean {
    if (request !== this.#request) return false
    this.#request = undefined
    return true
  }

  /** What it has asked is of the past. */
  forget(): void {
    this.#request = undefined
  }

  /** An observer, or a voter without memory, asks all in turn who leads, the voters first. */
  lookForLeader(): void {
    const { otherVoters, strangers } = this.#replica.electorate
    this.askWhoLeads([...otherVoters, ...strangers])
  }

  /** One of them, in turn. */
  askWhoLeads(nodes: readonly number[]): void {
    if (nodes.length === 0) return
    this.#asked++
    this.fetch(nodes[this.#asked % nodes.length]!)
  }

  fetch(from: number): void {
    const { nodeId, directoryId, epoch, log, highWatermark } = this.#replica
    this.#request = {
      type: 'fetch',
      replicaId: nodeId,
      currentLeaderEpoch: epoch,
      fetchOffset: log.end.offset,
      lastFetchedEpoch: log.end.epoch,
      highWatermark,
      directoryId,
    }
    this.#replica.send(from, this.#request)
  }

  /** What the leader gives, who is asked for more at once; where that is a snapshot, once that is there. */
  take(leaderId: number, { snapshotId, diverging, records, highWatermark }: Fetched): void {
    const { log } = this.#replica
    if (snapshotId) {
      this.#replica.fetchSnapshot({ from: leaderId, snapshotId })
      return
    }
    if (diverging) this.#truncateTo(truncationOffset(log, diverging))
    else {
      if (records.length > 0) log.appendFetched(records)
      const committed = Math.min(highWatermark, log.end.offset)
      this.#replica.commit(committed)
      if (highWatermark >= 0 && committed === highWatermark) this.#caughtUp()
    }
    this.fetch(leaderId)
  }

  /** It has all that is committed, as of now: invariant 4 of raft.ts. */
  #caughtUp(): void {
    this.#isCaughtUp = true
    this.#replica.remember()
  }

  /** Invariant 3 of raft.ts. */
  #truncateTo(offset: number): void {
    const { log, highWatermark } = this.#replica
    if (offset < highWatermark) {
      throw new Error(`invariant 3: the leader's log has ${offset} where ${highWatermark} is committed`)
    }
    log.truncateTo(offset)
  }
}
