import { HeliostatError } from '../../../platform/errors.ts'
import type { Clock } from '../../../platform/platform.ts'
import type { PartitionLog } from '../../log/partition-log.ts'
import type { OffsetAndEpoch } from '../../raft/message.ts'
import type { SnapshotStore } from '../../raft/snapshot-store.ts'
import type { VoterSet } from '../../raft/voter-set.ts'
import { storedBatches, understood } from '../runtime.ts'
import { LiveRecords } from './live-records.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'
import { decodeSnapshot, encodeSnapshot } from './metadata-snapshot.ts'
import { CLUSTER_METADATA } from './topic-name.ts'

export interface CommittedMetadataOptions {
  readonly log: PartitionLog
  readonly snapshots: SnapshotStore
  readonly clock: Pick<Clock, 'now'>
  /** What the log below an offset says of voters. */
  readonly votersBelow: (offset: number) => VoterSet | undefined
  /** Hears each record once, in the order of the log. */
  readonly onRecord: (record: MetadataRecord) => void
}

/**
 * What is committed of the metadata, followed record by record on every node, whoever leads.
 *
 * 1. `live` holds what the records below `end` still say, and they all have been told.
 * 2. The newest snapshot and the log from its end on are all of the metadata; the log before it may go at any time.
 */
export class CommittedMetadata {
  readonly #options: CommittedMetadataOptions
  readonly #live = new LiveRecords()
  #end: OffsetAndEpoch = { offset: 0, epoch: 0 }
  #bytesSinceSnapshot = 0

  constructor(options: CommittedMetadataOptions) {
    this.#options = options
  }

  get end(): OffsetAndEpoch {
    return this.#end
  }

  /** Of the log that has been followed since the newest snapshot. */
  get bytesSinceSnapshot(): number {
    return this.#bytesSinceSnapshot
  }

  /** What a machine must replay to know all of it. */
  get records(): readonly MetadataRecord[] {
    return this.#live.all
  }

  /** Tells what has become committed since the last call. */
  follow(): void {
    const { log, snapshots } = this.#options
    const { latestId } = snapshots
    const isWanted = this.#end.offset === 0 || this.#end.offset < log.logStartOffset
    if (latestId && isWanted) this.#read(latestId)
    for (const { batch, from } of storedBatches({ ...WHERE, log }, this.#end.offset, 'read_uncommitted')) {
      if (!batch.isControl) {
        for (const record of batch.records()) {
          const decoded = record.offset < from ? undefined : understood(WHERE, () => metadataRecordCodec.decode(record))
          if (decoded) this.#apply(decoded)
        }
      }
      this.#end = { offset: batch.nextOffset, epoch: batch.partitionLeaderEpoch }
      this.#bytesSinceSnapshot += batch.sizeInBytes
    }
  }

  /**
   * Writes what holds at `end` to a snapshot, and lets go of the log before it; when others may be a little behind, only of the log
   * before the snapshot that came before, so that they need not read this one.
   */
  takeSnapshot(keepsForOthers: boolean): void {
    const { log, snapshots, clock, votersBelow } = this.#options
    const timestamp = clock.now()
    const keepFrom = keepsForOthers ? (snapshots.latestId?.offset ?? log.logStartOffset) : this.#end.offset
    this.#bytesSinceSnapshot = 0
    const { offset, epoch } = this.#end
    const voters = votersBelow(offset)
    snapshots.write(this.#end, encodeSnapshot(this.#live.all, { epoch, timestamp, voters }))
    log.roll()
    log.deleteRecordsBefore(keepFrom)
    log.enforceRetention(timestamp)
    snapshots.removeBelow(keepFrom)
  }

  #apply(record: MetadataRecord): void {
    this.#live.apply(record)
    this.#options.onRecord(record)
  }

  /** Throws HEL_STORAGE when it is damaged, as nothing else may hold what it held. */
  #read(id: OffsetAndEpoch): void {
    const { snapshots } = this.#options
    const records = decodeSnapshot(snapshots.read(id))
    if (!records) {
      const path = snapshots.pathOf(id)
      throw new HeliostatError('HEL_STORAGE', `${path} is damaged; it should hold the metadata`, { where: { path } })
    }
    const later = new LiveRecords()
    for (const record of records) later.apply(record)
    for (const record of this.#live.changesTo(later)) this.#apply(record)
    this.#end = id
    this.#bytesSinceSnapshot = 0
  }
}

const WHERE = { topic: CLUSTER_METADATA, partitionId: 0 }
