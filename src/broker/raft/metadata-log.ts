import { HeliostatError } from '../../platform/errors.ts'
import type { Clock } from '../../platform/platform.ts'
import { splitBatches } from '../../records/record-batch.ts'
import { defaultLogConfig, type LogConfig } from '../log/log-config.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import { leaderChangeBatch } from './control-record.ts'
import type { OffsetAndEpoch } from './message.ts'
import type { LeaderChange, RaftLog } from './raft-log.ts'
import type { SnapshotStore } from './snapshot-store.ts'

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
 */
export class MetadataLog implements RaftLog {
  readonly #log: PartitionLog
  readonly #snapshots: SnapshotStore
  readonly #clock: Pick<Clock, 'now'>

  constructor(log: PartitionLog, snapshots: SnapshotStore, clock: Pick<Clock, 'now'>) {
    this.#log = log
    this.#snapshots = snapshots
    this.#clock = clock
    // A crash may have come between the arrival of a snapshot and the end of the log that it replaces.
    const latest = snapshots.latestId
    if (latest && log.logEndOffset < latest.offset) log.truncateFullyAndStartAt(latest.offset)
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

  appendLeaderChange(change: LeaderChange, epoch: number): void {
    const batch = leaderChangeBatch(change, this.#clock.now())
    this.#appended(this.#log.append([batch], { leaderEpoch: epoch, origin: 'coordinator' }))
  }

  appendFetched(records: Buffer): void {
    // What does not end within the answer is fetched again.
    const { batches } = splitBatches(records)
    if (batches.length > 0) this.#appended(this.#log.append(batches, { leaderEpoch: -1, origin: 'replication' }))
  }

  truncateTo(offset: number): void {
    this.#log.truncateTo(offset)
  }

  #appended(result: ReturnType<PartitionLog['append']>): void {
    if (result.error === 0) return
    const { directory } = this.#log
    const message = 'message' in result ? result.message : `error ${result.error}`
    throw new HeliostatError('HEL_STORAGE', `${directory}: ${message}`, { where: { directory } })
  }
}
