import { ErrorCode } from '../protocol/errors.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import type { PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import type { Isolation, PartitionLog } from './log/partition-log.ts'

export interface EpochOffset {
  readonly offset: number
  readonly leaderEpoch: number
}

export type HighWatermarkListener = (bytes: number) => void

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
    }

/**
 * One partition on this broker: its log, who leads it, and who wants to know when more of it becomes readable.
 *
 * 1. The high watermark is at most the log end; with a single replica it is the log end after each append.
 * 2. Listeners hear of a new high watermark after it is set.
 */
export class Partition {
  readonly topic: string
  readonly topicId: string
  readonly partitionId: number
  readonly log: PartitionLog
  #registration: PartitionRegistration
  readonly #listeners = new Set<HighWatermarkListener>()

  constructor(topic: { name: string; topicId: string }, registration: PartitionRegistration, log: PartitionLog) {
    this.topic = topic.name
    this.topicId = topic.topicId
    this.partitionId = registration.partitionId
    this.#registration = registration
    this.log = log
    this.log.highWatermark = log.logEndOffset
  }

  get leaderId(): number {
    return this.#registration.leader
  }

  get leaderEpoch(): number {
    return this.#registration.leaderEpoch
  }

  /** NONE when a request that knows this leader epoch may be served (KIP-320); −1: the client does not say. */
  epochError(currentLeaderEpoch: number): number {
    if (currentLeaderEpoch < 0 || currentLeaderEpoch === this.leaderEpoch) return ErrorCode.NONE
    return currentLeaderEpoch < this.leaderEpoch ? ErrorCode.FENCED_LEADER_EPOCH : ErrorCode.UNKNOWN_LEADER_EPOCH
  }

  /** Appends as the leader. `beforeVisible` runs when the log has the batches and nobody has been told yet. */
  append(batches: readonly RecordBatch[], origin: 'client' | 'coordinator', beforeVisible?: () => void): Appended {
    const result = this.log.append(batches, { leaderEpoch: this.leaderEpoch, origin })
    if (!('baseOffset' in result)) {
      return { errorCode: result.error, errorMessage: result.message, recordErrors: result.recordErrors ?? [] }
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
  onHighWatermark(listener: HighWatermarkListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Nobody is told anything more; the log belongs to its directory. */
  close(): void {
    this.#notify(0)
    this.#listeners.clear()
  }

  /** With a single replica all that is appended is committed. */
  #advance(bytes: number): void {
    this.log.highWatermark = this.log.logEndOffset
    this.#notify(bytes)
  }

  #notify(bytes: number): void {
    for (const listener of [...this.#listeners]) listener(bytes)
  }
}
