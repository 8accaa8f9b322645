import type { Clock } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { type RecordBatch, splitBatches } from '../records/record-batch.ts'
import type { PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import type { LogError } from './log/log-reader.ts'
import type { Isolation, PartitionLog } from './log/partition-log.ts'
import type { AppendClaims } from './log/producer-state.ts'
import {
  type FollowerFetch,
  type IsrAnswer,
  type IsrProposal,
  type LeaderMoment,
  type ReplicaHosts,
  ReplicaState,
} from './replication/replica-state.ts'

export interface EpochOffset {
  readonly offset: number
  readonly leaderEpoch: number
}

/** Hears how many bytes have become readable; none: look again, as something else has changed. */
export type ReadableListener = (bytes: number) => void

/** The broker that the partition is on. */
export interface PartitionHost {
  readonly nodeId: number
  readonly clock: Pick<Clock, 'monotonic'>
  readonly hosts: ReplicaHosts
  readonly lagTimeMaxMs: number
  /** Takes the proposal to the controller, whose answer comes back through `isrAnswered`. */
  readonly propose: (partition: Partition, proposal: IsrProposal) => void
}

export interface AppendOptions {
  /** Runs when the log has the batches and nobody has been told yet. */
  readonly beforeVisible?: () => void
  readonly claims?: AppendClaims | undefined
  /** −1: refused unless enough replicas are in sync. */
  readonly acks?: number
}

export type Appended =
  | {
      readonly errorCode: typeof ErrorCode.NONE
      readonly baseOffset: number
      /** After the last record. */
      readonly nextOffset: number
      /** −1 unless the topic stamps records itself. */
      readonly logAppendTimeMs: number
      readonly logStartOffset: number
    }
  | {
      readonly errorCode: number
      readonly errorMessage: string
      readonly recordErrors: readonly { readonly batchIndex: number; readonly message: string }[]
      /** Absent: whoever refused did not look at the log. */
      readonly logStartOffset?: number
    }

/** What a leader gives a follower. */
export interface Copied {
  readonly records: readonly Buffer[]
  readonly highWatermark: number
  readonly logStartOffset: number
}

/** What a log refuses before it looks at where it starts. */
const WITHOUT_START: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.KAFKA_STORAGE_ERROR,
])

/**
 * One partition on this broker: its log, whether this broker leads it or follows, and who wants to know when more of it becomes readable.
 *
 * 1. The high watermark is at most the log end and never goes back, but where the log itself is cut. With a single replica it is the log
 *    end after each append; a leader of several goes by its `ReplicaState`, a follower by what its leader says.
 * 2. Listeners hear of a new high watermark or last stable offset after it is set.
 * 3. `#unstableBytes` counts at least what lies between the last stable offset and the high watermark.
 * 4. There is a `#replicas` exactly while this broker leads and there are others.
 * 5. What is taken from a registration is never undone by one of an earlier partition epoch.
 */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly partitionId: number
  readonly log: PartitionLog
  readonly #host: PartitionHost
  #registration: PartitionRegistration
  #replicas: ReplicaState | undefined
  #tenure = 0
  #isClosed = false
  readonly #listeners = new Set<ReadableListener>()
  readonly #stableListeners = new Set<ReadableListener>()
  readonly #appendListeners = new Set<ReadableListener>()
  /** About so many lie between the high watermark and the log end. */
  #uncommittedBytes = 0
  #unstableBytes = 0

  constructor(
    topic: { name: string; topicId: string },
    registration: PartitionRegistration,
    log: PartitionLog,
    host: PartitionHost,
  ) {
    this.topic = topic.name
    this.topicId = topic.topicId
    this.partitionId = registration.partitionId
    this.#registration = registration
    this.log = log
    this.#host = host
    // What is open from before the start is counted no finer.
    if (log.highWatermark < log.logEndOffset) this.#uncommittedBytes = log.sizeInBytes
    if (this.isLeader) this.#lead()
    if (log.lastStableOffset < log.highWatermark) this.#unstableBytes = log.sizeInBytes
  }

  get leaderId(): number {
    return this.#registration.leader
  }

  get leaderEpoch(): number {
    return this.#registration.leaderEpoch
  }

  get partitionEpoch(): number {
    return this.#registration.partitionEpoch
  }

  get isLeader(): boolean {
    return this.#registration.leader === this.#host.nodeId
  }

  /** Another number each time that this broker begins to lead: what was appended under one may be gone under the next. */
  get tenure(): number {
    return this.#tenure
  }

  /** Where this leader's log ended when it began; the high watermark may still be below. */
  get epochStart(): number {
    return this.#replicas?.epochStart ?? 0
  }

  /** Takes over what the metadata says; true when the leader or its epoch is another now. */
  change(registration: PartitionRegistration): boolean {
    const before = this.#registration
    if (registration.partitionEpoch <= before.partitionEpoch) return false
    const wasLeader = this.isLeader
    this.#registration = registration
    // Between epochs that are not neighbours somebody else may have led.
    const goesOn = wasLeader && this.isLeader && registration.leaderEpoch <= before.leaderEpoch + 1
    if (!this.isLeader) this.#replicas = undefined
    else if (goesOn && this.#replicas && registration.replicas.length > 1) {
      this.#replicas.change(registration, this.#moment)
      this.#commit()
    } else this.#lead(!goesOn)
    const isNewLeader = registration.leader !== before.leader || registration.leaderEpoch !== before.leaderEpoch
    if (isNewLeader) this.#lookAgain()
    return isNewLeader
  }

  /** NONE when a request that knows this leader epoch may be served (KIP-320); −1: the client does not say. */
  epochError(currentLeaderEpoch: number): number {
    if (currentLeaderEpoch === -1 || currentLeaderEpoch === this.leaderEpoch) return ErrorCode.NONE
    return currentLeaderEpoch < this.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
  }

  /** NONE when a request to the leader of this epoch may be served here. */
  leaderError(currentLeaderEpoch = -1): number {
    const errorCode = this.epochError(currentLeaderEpoch)
    if (errorCode !== ErrorCode.NONE || this.isLeader) return errorCode
    return ErrorCode.NOT_LEADER_OR_FOLLOWER
  }

  /** Why a write that wants all in sync to have it would be refused now, whatever it holds; NONE when it would not. */
  get appendError(): number {
    if (!this.isLeader) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    const isEnough = this.#replicas?.hasEnough(this.log.config.minInSyncReplicas) ?? true
    return isEnough ? ErrorCode.NONE : ErrorCode.NOT_ENOUGH_REPLICAS
  }

  /** Appends as the leader. */
  append(batches: readonly RecordBatch[], origin: 'client' | 'coordinator', options: AppendOptions = {}): Appended {
    const { beforeVisible, claims, acks = -1 } = options
    if (!this.isLeader) return refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
    if (acks === -1 && this.appendError !== ErrorCode.NONE) {
      return { ...refused(this.appendError), logStartOffset: this.log.logStartOffset }
    }
    const result = this.log.append(batches, { leaderEpoch: this.leaderEpoch, origin, claims })
    if (!('baseOffset' in result)) {
      const { error: errorCode, message: errorMessage, recordErrors = [] } = result
      const logStartOffset = WITHOUT_START.has(errorCode) ? -1 : this.log.logStartOffset
      return { errorCode, errorMessage, recordErrors, logStartOffset }
    }
    beforeVisible?.()
    if (!result.duplicate) this.#appended(batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0))
    const { baseOffset, lastOffset, logAppendTime: logAppendTimeMs, logStartOffset } = result
    return { errorCode: ErrorCode.NONE, baseOffset, nextOffset: lastOffset + 1, logAppendTimeMs, logStartOffset }
  }

  /**
   * What a write is answered with that wants all replicas in sync to have it: everything below `offset`, as appended in this tenure;
   * undefined while they do not.
   */
  committed(offset: number, tenure: number): number | undefined {
    if (!this.isLeader || this.#isClosed || tenure !== this.#tenure) return ErrorCode.NOT_LEADER_OR_FOLLOWER
    if (this.log.highWatermark < offset) return undefined
    const { minInSyncReplicas } = this.log.config
    const isEnough = this.#replicas?.hasEnough(minInSyncReplicas, this.#replicas.maximalIsr.size) ?? true
    return isEnough ? ErrorCode.NONE : ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
  }

  /** NONE when the leader knows this follower, whose fetch it may serve. */
  followerError(brokerId: number, brokerEpoch: number): number {
    // The replica may be one that this broker has not heard of yet: it comes again.
    if (!this.#replicas?.knows(brokerId)) return ErrorCode.UNKNOWN_LEADER_EPOCH
    const isStale = this.#host.hosts.hasRestartedSince(brokerId, brokerEpoch)
    return isStale ? ErrorCode.NOT_LEADER_OR_FOLLOWER : ErrorCode.NONE
  }

  /** As the leader: a follower has everything below the offset that it fetches from. */
  followerFetched(brokerId: number, fetch: FollowerFetch): void {
    const replicas = this.#replicas
    if (!replicas) return
    const lowWatermark = this.lowWatermark
    const hasMoved = replicas.fetched(brokerId, fetch, this.#moment)
    this.#propose(replicas.expand(brokerId, this.log.highWatermark))
    if (hasMoved) this.#commit()
    if (this.lowWatermark > lowWatermark) this.#lookAgain()
  }

  /** As the leader: lets go of followers that lag too long. */
  shrinkIsr(): void {
    this.#propose(this.#replicas?.shrink(this.#moment))
  }

  isrAnswered(proposal: IsrProposal, answer: IsrAnswer): void {
    const replicas = this.#replicas
    if (!replicas) return
    if (replicas.answered(proposal, answer)) this.#host.propose(this, proposal)
    this.#registration = replicas.registration
    this.#commit()
  }

  /** The followers in sync that have this offset, the furthest first. */
  readableFrom(offset: number): readonly number[] {
    return this.#replicas?.readableFrom(offset) ?? []
  }

  /** The least start of the logs of all replicas. */
  get lowWatermark(): number {
    const { logStartOffset } = this.log
    return this.#replicas?.lowWatermark(logStartOffset) ?? logStartOffset
  }

  /** As the leader: records below are gone for readers; those who follow do the same when they hear of it. */
  deleteRecordsBefore(offset: number): LogError | { readonly error: 0; readonly logStartOffset: number } {
    const deleted = this.log.deleteRecordsBefore(offset)
    // Followers that wait for records are let go, to learn of it now.
    if ('logStartOffset' in deleted) this.#lookAgain()
    return deleted
  }

  /** As a follower: appends what its leader gave, as it is. */
  copy({ records, highWatermark, logStartOffset }: Copied): LogError | undefined {
    for (const batches of this.#bySegment(records.flatMap((bytes) => splitBatches(bytes).batches))) {
      const { leaderEpoch } = this
      const result = this.log.append(batches, { leaderEpoch, origin: 'replication' })
      if (!('baseOffset' in result)) return result
      this.#uncommittedBytes += batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
    }
    this.#advance(highWatermark)
    if (logStartOffset > this.log.logStartOffset) {
      this.log.deleteRecordsBefore(Math.min(logStartOffset, this.log.highWatermark))
    }
    return undefined
  }

  /** As a follower: what its leader does not have goes. */
  truncateTo(offset: number): void {
    this.log.truncateTo(offset)
    this.#cut()
  }

  /** As a follower: its leader's log begins behind the end of this one. */
  startOverAt(offset: number): void {
    this.log.truncateFullyAndStartAt(offset)
    this.#cut()
  }

  /** ListOffsets −1: where the log ends for such a reader. */
  latestOffset(isolation: Isolation): EpochOffset {
    return { offset: this.log.latestOffset(isolation).offset, leaderEpoch: this.leaderEpoch }
  }

  /** ListOffsets −2. */
  earliestOffset(): EpochOffset {
    const { offset, leaderEpoch } = this.log.earliestOffset()
    return { offset, leaderEpoch: leaderEpoch < 0 ? this.leaderEpoch : leaderEpoch }
  }

  /**
   * Where the records of a leader epoch end; −1 when the log knows no such epoch. The epoch of a leader that has not appended anything
   * yet begins at the end of its log, though no record tells of it.
   */
  endOffsetForEpoch(leaderEpoch: number): { leaderEpoch: number; endOffset: number } {
    const found = this.log.endOffsetForEpoch(leaderEpoch)
    const isPast = leaderEpoch >= 0 && leaderEpoch <= this.leaderEpoch
    if (found.leaderEpoch >= 0 || !isPast || !this.isLeader) return found
    const { logEndOffset, epochs } = this.log
    const isOwn = leaderEpoch === this.leaderEpoch
    return { leaderEpoch: isOwn ? leaderEpoch : (epochs.latestEpoch ?? leaderEpoch), endOffset: logEndOffset }
  }

  /** Hears each advance of the high watermark with the bytes that it made readable, and with none when the partition changes or ends. */
  onHighWatermark(listener: ReadableListener): () => void {
    return listen(this.#listeners, listener)
  }

  /**
   * Hears each advance of the last stable offset, as readers of committed data see it. While other transactions stay open, the bytes
   * told are all that wait, which may be more than became readable.
   */
  onLastStableOffset(listener: ReadableListener): () => void {
    return listen(this.#stableListeners, listener)
  }

  /** Hears of each append before it is committed: for followers. */
  onAppend(listener: ReadableListener): () => void {
    return listen(this.#appendListeners, listener)
  }

  /** Nobody is told anything more; the log belongs to its directory. */
  close(): void {
    // A write that waits for followers is told to look elsewhere: they follow somebody else, or nobody.
    this.#isClosed = true
    this.#lookAgain()
    for (const listeners of [this.#listeners, this.#stableListeners, this.#appendListeners]) listeners.clear()
  }

  get #moment(): LeaderMoment {
    return { logEndOffset: this.log.logEndOffset, nowMs: this.#host.clock.monotonic() }
  }

  #lead(isNew = true): void {
    if (isNew) this.#tenure++
    const isAlone = this.#registration.replicas.length === 1
    this.#replicas = isAlone ? undefined : new ReplicaState(this.#registration, this.#host, this.#moment)
    this.#commit()
  }

  #appended(bytes: number): void {
    this.#uncommittedBytes += bytes
    if (this.#appendListeners.size > 0) for (const listener of [...this.#appendListeners]) listener(bytes)
    this.#commit()
  }

  #propose(proposal: IsrProposal | undefined): void {
    if (proposal) this.#host.propose(this, proposal)
  }

  /** As the leader: moves the high watermark to where it may be now. With a single replica all that is appended is committed. */
  #commit(): void {
    const highWatermark = this.#replicas
      ? this.#replicas.highWatermark(this.#moment, this.log.config.minInSyncReplicas)
      : this.log.logEndOffset
    if (highWatermark !== undefined) this.#advance(highWatermark)
  }

  #advance(to: number): void {
    const { highWatermark: before, lastStableOffset: stableBefore, logEndOffset } = this.log
    const highWatermark = Math.min(to, logEndOffset)
    if (highWatermark <= before) return
    // Where within the uncommitted bytes the offset lies is not known: they are shared out among the offsets.
    const share = (highWatermark - before) / (logEndOffset - before)
    const bytes = Math.max(1, Math.round(this.#uncommittedBytes * share))
    this.#uncommittedBytes = Math.max(0, this.#uncommittedBytes - bytes)
    this.log.highWatermark = highWatermark
    this.#unstableBytes += bytes
    for (const listener of [...this.#listeners]) listener(bytes)
    const { lastStableOffset } = this.log
    if (lastStableOffset === stableBefore) return
    for (const listener of [...this.#stableListeners]) listener(this.#unstableBytes)
    if (lastStableOffset === highWatermark) this.#unstableBytes = 0
  }

  /** The log was cut: counts are no finer than its size, and whoever waits for what is gone looks again. */
  #cut(): void {
    const { highWatermark, logEndOffset, sizeInBytes } = this.log
    this.#uncommittedBytes = highWatermark < logEndOffset ? sizeInBytes : 0
    this.#lookAgain()
  }

  #lookAgain(): void {
    for (const listeners of [this.#listeners, this.#stableListeners, this.#appendListeners]) {
      for (const listener of [...listeners]) listener(0)
    }
  }

  /** Batches in groups that fit a segment each: a leader may give more at once. */
  #bySegment(batches: readonly RecordBatch[]): RecordBatch[][] {
    const groups: RecordBatch[][] = []
    let room = 0
    for (const batch of batches) {
      room -= batch.sizeInBytes
      if (room >= 0) groups.at(-1)!.push(batch)
      else {
        groups.push([batch])
        room = this.log.config.segmentBytes - batch.sizeInBytes
      }
    }
    return groups
  }
}

function refused(errorCode: number) {
  return { errorCode, errorMessage: '', recordErrors: [] }
}

function listen(listeners: Set<ReadableListener>, listener: ReadableListener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}
