import { ErrorCode } from '../protocol/errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import type { PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import type { Isolation, PartitionLog } from './log/partition-log.ts'
import type { AppendClaims } from './log/producer-state.ts'

export interface EpochOffset {
  readonly offset: number
  readonly leaderEpoch: number
}

/** Hears how many bytes have become readable; none: the partition is gone. */
export type ReadableListener = (bytes: number) => void

export interface AppendOptions {
  /** Runs when the log has the batches and nobody has been told yet. */
  readonly beforeVisible?: () => void
  readonly claims?: AppendClaims | undefined
}

export type Appended =
  | {
      readonly errorCode: typeof ErrorCode.NONE
      readonly baseOffset: number
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

/** What a log refuses before it looks at where it starts. */
const WITHOUT_START: ReadonlySet<number> = new Set([
  ErrorCode.CORRUPT_MESSAGE,
  ErrorCode.MESSAGE_TOO_LARGE,
  ErrorCode.RECORD_LIST_TOO_LARGE,
  ErrorCode.KAFKA_STORAGE_ERROR,
])

/**
 * One partition on this broker: its log, who leads it, and who wants to know when more of it becomes readable.
 *
 * 1. The high watermark is at most the log end; with a single replica it is the log end after each append.
 * 2. Listeners hear of a new high watermark or last stable offset after it is set.
 * 3. `#unstableBytes` counts at least what lies between the last stable offset and the high watermark.
 */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly partitionId: number
  readonly log: PartitionLog
  #registration: PartitionRegistration
  readonly #listeners = new Set<ReadableListener>()
  readonly #stableListeners = new Set<ReadableListener>()
  #unstableBytes = 0

  constructor(topic: { name: string; topicId: string }, registration: PartitionRegistration, log: PartitionLog) {
    this.topic = topic.name
    this.topicId = topic.topicId
    this.partitionId = registration.partitionId
    this.#registration = registration
    this.log = log
    this.log.highWatermark = log.logEndOffset
    // What is open from before the start is counted no finer.
    if (log.lastStableOffset < log.highWatermark) this.#unstableBytes = log.sizeInBytes
  }

  get leaderId(): number {
    return this.#registration.leader
  }

  get leaderEpoch(): number {
    return this.#registration.leaderEpoch
  }

  /** NONE when a request that knows this leader epoch may be served (KIP-320); −1: the client does not say. */
  epochError(currentLeaderEpoch: number): number {
    if (currentLeaderEpoch === -1 || currentLeaderEpoch === this.leaderEpoch) return ErrorCode.NONE
    return currentLeaderEpoch < this.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
  }

  /** Appends as the leader. */
  append(batches: readonly RecordBatch[], origin: 'client' | 'coordinator', options: AppendOptions = {}): Appended {
    const { beforeVisible, claims } = options
    const result = this.log.append(batches, { leaderEpoch: this.leaderEpoch, origin, claims })
    if (!('baseOffset' in result)) {
      const { error: errorCode, message: errorMessage, recordErrors = [] } = result
      const logStartOffset = WITHOUT_START.has(errorCode) ? -1 : this.log.logStartOffset
      return { errorCode, errorMessage, recordErrors, logStartOffset }
    }
    beforeVisible?.()
    if (!result.duplicate) this.#advance(batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0))
    const { baseOffset, logAppendTime: logAppendTimeMs, logStartOffset } = result
    return { errorCode: ErrorCode.NONE, baseOffset, logAppendTimeMs, logStartOffset }
  }

  /** ListOffsets −1: where the log ends for such a reader. A log that never had a record is of the present leader's epoch. */
  latestOffset(isolation: Isolation): EpochOffset {
    const { offset, leaderEpoch } = this.log.latestOffset(isolation)
    return { offset, leaderEpoch: leaderEpoch < 0 ? this.leaderEpoch : leaderEpoch }
  }

  /** ListOffsets −2. */
  earliestOffset(): EpochOffset {
    const { offset, leaderEpoch } = this.log.earliestOffset()
    return { offset, leaderEpoch: leaderEpoch < 0 ? this.leaderEpoch : leaderEpoch }
  }

  /** Where the records of a leader epoch end; −1 when the log knows no such epoch. */
  endOffsetForEpoch(leaderEpoch: number): { leaderEpoch: number; endOffset: number } {
    const found = this.log.endOffsetForEpoch(leaderEpoch)
    if (found.leaderEpoch >= 0 || leaderEpoch !== this.leaderEpoch) return found
    return { leaderEpoch, endOffset: this.log.logEndOffset }
  }

  /** Hears each advance of the high watermark with the bytes that it made readable, and the partition's end with none. */
  onHighWatermark(listener: ReadableListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Hears each advance of the last stable offset, as readers of committed data see it. While other transactions stay open, the bytes
   * told are all that wait, which may be more than became readable.
   */
  onLastStableOffset(listener: ReadableListener): () => void {
    this.#stableListeners.add(listener)
    return () => this.#stableListeners.delete(listener)
  }

  /** Nobody is told anything more; the log belongs to its directory. */
  close(): void {
    for (const listener of [...this.#listeners, ...this.#stableListeners]) listener(0)
    this.#listeners.clear()
    this.#stableListeners.clear()
  }

  /** With a single replica all that is appended is committed. */
  #advance(bytes: number): void {
    const stableBefore = this.log.lastStableOffset
    this.log.highWatermark = this.log.logEndOffset
    this.#unstableBytes += bytes
    for (const listener of [...this.#listeners]) listener(bytes)
    const { lastStableOffset, highWatermark } = this.log
    if (lastStableOffset === stableBefore) return
    for (const listener of [...this.#stableListeners]) listener(this.#unstableBytes)
    if (lastStableOffset === highWatermark) this.#unstableBytes = 0
  }
}
