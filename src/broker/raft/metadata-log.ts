import { HeliostatError } from '../../platform/errors.ts'
import type { Clock } from '../../platform/platform.ts'
import { type RecordBatch, splitBatches } from '../../records/record-batch.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { storedBatches } from '../coordinator/runtime.ts'
import { defaultLogConfig, type LogConfig } from '../log/log-config.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { leaderChangeBatch, votersBatch, votersIn } from './control-record.ts'
import type { OffsetAndEpoch } from './message.ts'
import type { LeaderChange, RaftLog } from './raft-log.ts'
import type { SnapshotStore } from './snapshot-store.ts'
import { VoterHistory, type VoterSet } from './voter-set.ts'

/** The metadata is needed whole, from its first record on, and what it promised must outlive a loss of power: it says whose logs are whose. */
export const METADATA_LOG_CONFIG: LogConfig = {
  ...defaultLogConfig,
  retentionMs: -1,
  delete: false,
  flushMessages: 1,
  // What one request changes is one batch; Kafka's metadata log takes as much.
  maxMessageBytes: 8 * 1024 * 1024,
}

const BEGINNING: OffsetAndEpoch = { offset: 0, epoch: 0 }

/**
 * A partition's log and the snapshots beside it, as Raft wants them. The log must sync what it appends.
 *
 * 1. Where the log starts above 0 there is a snapshot that ends there.
 * 2. `voters` is what the newest snapshot and the log behind it say.
 */
export class MetadataLog implements RaftLog {
  readonly #log: PartitionLog
  readonly #snapshots: SnapshotStore
  readonly #clock: Pick<Clock, 'now'>
  readonly voters: VoterHistory

  /** `bootstrap`: who votes as long as the log does not say it. */
  constructor(log: PartitionLog, snapshots: SnapshotStore, clock: Pick<Clock, 'now'>, bootstrap: VoterSet) {
    this.#log = log
    this.#snapshots = snapshots
    this.#clock = clock
    // A crash may have come between the arrival of a snapshot and the end of the log that it replaces.
    const latest = snapshots.latestId
    if (latest && log.logEndOffset < latest.offset) log.truncateFullyAndStartAt(latest.offset)
    this.voters = new VoterHistory(bootstrap)
    this.#readVoters()
  }

  get start(): OffsetAndEpoch {
    const offset = this.#log.logStartOffset
    return this.#snapshots.ids.findLast((id) => id.offset === offset) ?? { ...BEGINNING, offset }
  }

  get end(): OffsetAndEpoch {
    return { offset: this.#log.logEndOffset, epoch: this.#log.epochs.latestEpoch ?? this.start.epoch }
  }

  get latestSnapshotId(): OffsetAndEpoch | undefined {
    return this.#snapshots.latestId
  }

  endOf(epoch: number): OffsetAndEpoch {
    const { entries } = this.#log.epochs
    const next = entries.findIndex((entry) => entry.epoch > epoch)
    if (next < 0) return this.end
    if (next === 0) return this.start
    return { epoch: entries[next - 1]!.epoch, offset: entries[next]!.startOffset }
  }

  appendLeaderChange(change: LeaderChange, epoch: number, voters?: VoterSet): void {
    this.#appendOwn(leaderChangeBatch(change, voters, this.#clock.now()), epoch)
  }

  appendVoters(voters: VoterSet, epoch: number): void {
    this.#appendOwn(votersBatch(voters, this.#clock.now()), epoch)
  }

  appendFetched(records: Buffer): void {
    // What does not end within the answer is fetched again.
    const { batches } = splitBatches(records)
    if (batches.length === 0) return
    this.#appended(this.#log.append(batches, { leaderEpoch: -1, origin: 'replication' }))
    for (const batch of batches) this.#follow(batch)
  }

  truncateTo(offset: number): void {
    this.#log.truncateTo(offset)
    this.voters.truncateTo(offset)
  }

  /** A snapshot takes the place of all that was. */
  startAt(id: OffsetAndEpoch): void {
    this.#log.truncateFullyAndStartAt(id.offset)
    const voters = this.#votersOf(id)
    if (voters) this.voters.startAt(id.offset, voters)
  }

  #appendOwn(batch: RecordBatch, epoch: number): void {
    this.#appended(this.#log.append([batch], { leaderEpoch: epoch, origin: 'coordinator' }))
    // Its offsets are those of its place in the log now.
    this.#follow(batch)
  }

  #readVoters(): void {
    const latest = this.#snapshots.latestId
    const voters = latest && this.#votersOf(latest)
    if (voters) this.voters.startAt(latest.offset, voters)
    const from = voters ? latest.offset : this.#log.logStartOffset
    const where = { topic: CLUSTER_METADATA, partitionId: 0, log: this.#log }
    for (const { batch } of storedBatches(where, from, 'log_end')) this.#follow(batch)
  }

  #follow(batch: RecordBatch): void {
    for (const { offset, voters } of votersIn(batch)) {
      if (offset > this.voters.latestOffset) this.voters.add(offset, voters)
    }
  }

  /** The records of voters stand in the first batch of a snapshot; one from before there were any has none. */
  #votersOf(id: OffsetAndEpoch): VoterSet | undefined {
    const [opening] = splitBatches(this.#snapshots.read(id)).batches
    // A damaged one is complained of by whoever reads all of it.
    return opening?.crcIsValid() ? votersIn(opening).at(-1)?.voters : undefined
  }

  #appended(result: ReturnType<PartitionLog['append']>): void {
    if (result.error === 0) return
    const { directory } = this.#log
    const message = 'message' in result ? result.message : `error ${result.error}`
    throw new HeliostatError('HEL_STORAGE', `${directory}: ${message}`, { where: { directory } })
  }
}
