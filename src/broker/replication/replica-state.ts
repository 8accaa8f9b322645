// The leader's view of the replicas of its partition: how far each follower is, who is in sync, and up to where all who are have the log
// (KIP-497, KIP-841, KIP-903, KIP-966; Kafka's Partition and Replica). Pure: time and the log's end are arguments.

import { ErrorCode } from '../../protocol/errors.ts'
import type { PartitionRegistration } from '../coordinator/controller/metadata-record.ts'

/** What the cluster knows of the brokers that hold replicas. */
export interface ReplicaHosts {
  /** Whether a broker may be in an ISR: it serves, is not about to stop, and is in the life in which it fetched with this epoch. */
  mayBeInSync(brokerId: number, brokerEpoch: number): boolean
  /** Whether the broker has registered anew since it had this epoch. */
  hasRestartedSince(brokerId: number, brokerEpoch: number): boolean
  /** Whether it serves. */
  isAlive(brokerId: number): boolean
}

/** What the fetch of a follower says of it. */
export interface FollowerFetch {
  /** Where its log ends. */
  readonly fetchOffset: number
  readonly logStartOffset: number
  /** −1: it does not say. */
  readonly brokerEpoch: number
}

/** The leader's log, and when it was looked at. */
export interface LeaderMoment {
  readonly logEndOffset: number
  /** Of the monotonic clock. */
  readonly nowMs: number
}

/** A change of the ISR that the controller is asked for. */
export interface IsrProposal {
  readonly isr: readonly { readonly brokerId: number; readonly brokerEpoch: number }[]
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

/** What the controller made of it; without NONE only the code says anything. */
export interface IsrAnswer {
  readonly errorCode: number
  readonly isr: readonly number[]
  readonly leaderEpoch: number
  readonly partitionEpoch: number
}

interface Follower {
  readonly brokerId: number
  logEndOffset: number
  logStartOffset: number
  brokerEpoch: number | undefined
  /** When it was last at the leader's end of the log. */
  caughtUpAtMs: number
  /** The leader's end of the log at its last fetch: who reaches it was caught up then. */
  leaderEndAtFetch: number
  fetchedAtMs: number
}

const UNKNOWN_OFFSET = -1
const NEVER = Number.NEGATIVE_INFINITY
const UNKNOWN_EPOCH = -1

/** The controller did nothing, and what it knew was right: the ISR is what it was. */
const NOT_DONE: ReadonlySet<number> = new Set([ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA])
/** What holds now is on its way in the metadata. */
const OUTDATED: ReadonlySet<number> = new Set([
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.FENCED_LEADER_EPOCH,
  ErrorCode.INVALID_UPDATE_VERSION,
  ErrorCode.INVALID_REQUEST,
  ErrorCode.NEW_LEADER_ELECTED,
])

/**
 * 1. The high watermark that it gives is at most the log end of every replica of the maximal ISR, so whoever the controller may elect
 *    has all of it.
 * 2. The maximal ISR holds, while an answer is awaited, what was and what was asked for: nobody knows which of them the controller keeps.
 * 3. At most one change is awaited. It ends with its answer, or with metadata of a later partition epoch.
 * 4. A follower is proposed only when its log reaches the high watermark and the start of this leader's epoch: what earlier leaders have
 *    committed lies below that.
 */
export class ReplicaState {
  readonly #nodeId: number
  readonly #hosts: ReplicaHosts
  readonly #lagTimeMaxMs: number
  readonly #followers = new Map<number, Follower>()
  #registration: PartitionRegistration
  #epochStart: number
  #awaited: IsrProposal | undefined

  /** For a broker that has just become the leader. */
  constructor(
    registration: PartitionRegistration,
    leader: { readonly nodeId: number; readonly hosts: ReplicaHosts; readonly lagTimeMaxMs: number },
    { logEndOffset, nowMs }: LeaderMoment,
  ) {
    this.#nodeId = leader.nodeId
    this.#hosts = leader.hosts
    this.#lagTimeMaxMs = leader.lagTimeMaxMs
    this.#registration = registration
    this.#epochStart = logEndOffset
    this.#follow(registration.replicas)
    for (const follower of this.#followers.values()) {
      follower.caughtUpAtMs = registration.isr.includes(follower.brokerId) ? nowMs : NEVER
    }
  }

  /** With the ISR that the controller confirmed last. */
  get registration(): PartitionRegistration {
    return this.#registration
  }

  /** Where the log ended when the leader's epoch began. */
  get epochStart(): number {
    return this.#epochStart
  }

  /** Invariant 2. */
  get maximalIsr(): ReadonlySet<number> {
    return new Set([...this.#registration.isr, ...(this.#awaited?.isr.map(({ brokerId }) => brokerId) ?? [])])
  }

  get awaited(): IsrProposal | undefined {
    return this.#awaited
  }

  knows(brokerId: number): boolean {
    return this.#followers.has(brokerId)
  }

  /** Takes over what the metadata says while this broker goes on leading. */
  change(registration: PartitionRegistration, { logEndOffset, nowMs }: LeaderMoment): void {
    const isNewEpoch = registration.leaderEpoch > this.#registration.leaderEpoch
    this.#registration = registration
    this.#awaited = undefined
    this.#follow(registration.replicas)
    if (!isNewEpoch) return
    this.#epochStart = logEndOffset
    for (const follower of this.#followers.values()) {
      const isInSync = registration.isr.includes(follower.brokerId)
      follower.caughtUpAtMs = isInSync ? nowMs : NEVER
      follower.fetchedAtMs = isInSync ? nowMs : NEVER
      follower.leaderEndAtFetch = logEndOffset
    }
  }

  /** Notes how far a follower is; true when its log end has moved. It must be known. */
  fetched(brokerId: number, fetch: FollowerFetch, { logEndOffset, nowMs }: LeaderMoment): boolean {
    const follower = this.#followers.get(brokerId)!
    const { fetchOffset, logStartOffset, brokerEpoch } = fetch
    if (fetchOffset >= logEndOffset) follower.caughtUpAtMs = nowMs
    else if (fetchOffset >= follower.leaderEndAtFetch) {
      follower.caughtUpAtMs = Math.max(follower.caughtUpAtMs, follower.fetchedAtMs)
    }
    const hasMoved = follower.logEndOffset !== fetchOffset
    follower.logEndOffset = fetchOffset
    follower.logStartOffset = logStartOffset
    follower.brokerEpoch = brokerEpoch
    follower.leaderEndAtFetch = Math.max(follower.leaderEndAtFetch, logEndOffset)
    follower.fetchedAtMs = nowMs
    return hasMoved
  }

  /**
   * Up to where the log is committed; undefined while fewer are in sync than must be. A follower that is caught up and may join the ISR
   * is waited for too: else it would run after a high watermark that moves with every append, and never join.
   */
  highWatermark({ logEndOffset, nowMs }: LeaderMoment, minInSync: number): number | undefined {
    if (!this.hasEnough(minInSync, this.#registration.isr.length)) return undefined
    let highWatermark = logEndOffset
    for (const follower of this.#followers.values()) {
      if (follower.logEndOffset < highWatermark && this.#isWaitedFor(follower, { logEndOffset, nowMs })) {
        highWatermark = follower.logEndOffset
      }
    }
    return highWatermark
  }

  /** Whether a write that wants all of `min.insync.replicas` may be taken. */
  hasEnough(minInSync: number, inSync = this.#registration.isr.length): boolean {
    return inSync >= Math.min(minInSync, this.#registration.replicas.length)
  }

  /** The proposal to take this follower into the ISR, if it is time for that; from then on its answer is awaited. */
  expand(brokerId: number, highWatermark: number): IsrProposal | undefined {
    const follower = this.#followers.get(brokerId)
    if (!follower || this.#awaited || this.#registration.isr.includes(brokerId)) return undefined
    if (follower.logEndOffset < Math.max(highWatermark, this.#epochStart)) return undefined
    if (!this.#mayBeInSync(follower)) return undefined
    return this.#propose([...this.#registration.isr, brokerId])
  }

  /** The proposal to go on without followers that have not been at the end of the log for long; from then on its answer is awaited. */
  shrink(moment: LeaderMoment): IsrProposal | undefined {
    if (this.#awaited) return undefined
    const { isr } = this.#registration
    const inSync = isr.filter((brokerId) => {
      const follower = this.#followers.get(brokerId)
      return brokerId === this.#nodeId || (follower !== undefined && this.#isCaughtUp(follower, moment))
    })
    return inSync.length < isr.length ? this.#propose(inSync) : undefined
  }

  /** Takes over what the controller answered; true when it must be asked again. */
  answered(proposal: IsrProposal, { errorCode, isr, leaderEpoch, partitionEpoch }: IsrAnswer): boolean {
    if (this.#awaited !== proposal) return false
    if (NOT_DONE.has(errorCode)) {
      this.#awaited = undefined
      return false
    }
    if (errorCode !== ErrorCode.NONE) return !OUTDATED.has(errorCode)
    const own = this.#registration
    if (leaderEpoch !== own.leaderEpoch || partitionEpoch < own.partitionEpoch) return false
    this.#awaited = undefined
    this.#registration = { ...own, isr, partitionEpoch }
    return false
  }

  /** The least start of the logs of all replicas that are alive: below it nobody has a record. */
  lowWatermark(logStartOffset: number): number {
    let lowWatermark = logStartOffset
    for (const follower of this.#followers.values()) {
      if (this.#hosts.isAlive(follower.brokerId)) lowWatermark = Math.min(lowWatermark, follower.logStartOffset)
    }
    return lowWatermark
  }

  /** The followers in sync that have this offset and what follows it, as far as it is known; the furthest first. */
  readableFrom(offset: number): number[] {
    return [...this.#followers.values()]
      .filter(({ brokerId }) => this.#registration.isr.includes(brokerId))
      .filter((follower) => follower.logStartOffset <= offset && offset <= follower.logEndOffset)
      .sort((one, other) => other.logEndOffset - one.logEndOffset || other.caughtUpAtMs - one.caughtUpAtMs)
      .map(({ brokerId }) => brokerId)
  }

  #isWaitedFor(follower: Follower, moment: LeaderMoment): boolean {
    if (this.#registration.isr.includes(follower.brokerId)) return true
    if (this.#awaited?.isr.some(({ brokerId }) => brokerId === follower.brokerId)) return true
    return this.#isCaughtUp(follower, moment) && this.#mayBeInSync(follower)
  }

  #isCaughtUp(follower: Follower, { logEndOffset, nowMs }: LeaderMoment): boolean {
    return follower.logEndOffset === logEndOffset || nowMs - follower.caughtUpAtMs <= this.#lagTimeMaxMs
  }

  #mayBeInSync({ brokerId, brokerEpoch }: Follower): boolean {
    return brokerEpoch !== undefined && this.#hosts.mayBeInSync(brokerId, brokerEpoch)
  }

  #propose(isr: readonly number[]): IsrProposal {
    const { leaderEpoch, partitionEpoch } = this.#registration
    this.#awaited = {
      isr: isr.map((brokerId) => ({
        brokerId,
        brokerEpoch: this.#followers.get(brokerId)?.brokerEpoch ?? UNKNOWN_EPOCH,
      })),
      leaderEpoch,
      partitionEpoch,
    }
    return this.#awaited
  }

  #follow(replicas: readonly number[]): void {
    for (const brokerId of this.#followers.keys()) if (!replicas.includes(brokerId)) this.#followers.delete(brokerId)
    for (const brokerId of replicas) {
      if (brokerId === this.#nodeId || this.#followers.has(brokerId)) continue
      this.#followers.set(brokerId, {
        brokerId,
        logEndOffset: UNKNOWN_OFFSET,
        logStartOffset: UNKNOWN_OFFSET,
        brokerEpoch: undefined,
        caughtUpAtMs: NEVER,
        leaderEndAtFetch: UNKNOWN_OFFSET,
        fetchedAtMs: NEVER,
      })
    }
  }
}
