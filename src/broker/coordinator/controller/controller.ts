import type { Clock, Disk, Logger } from '../../../platform/platform.ts'
import type { Partition } from '../../partition.ts'
import { CoordinatorRuntime } from '../runtime.ts'
import type { ControllerCommand, ControllerReplies, ControllerReply } from './command.ts'
import { type ControllerConfig, ControllerMachine } from './controller-machine.ts'
import { LiveRecords } from './live-records.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'
import { SnapshotFile } from './snapshot-file.ts'

/**
 * The host of the controller machine on this broker's own metadata log. A quorum will take its place and keep the machine.
 *
 * 1. The newest snapshot and the log from its end on are all of the metadata; the log before it may go at any time.
 */
export class Controller {
  /** Of the metadata log. */
  readonly partition: Partition
  readonly #runtime: CoordinatorRuntime<ControllerCommand, MetadataRecord, ControllerReply>
  readonly #clock: Clock
  readonly #log: Logger
  readonly #snapshot: SnapshotFile
  /** Until `compact` has been. */
  #live: LiveRecords | undefined = new LiveRecords()

  constructor(options: {
    partition: Partition
    nodeId: number
    config: ControllerConfig
    clock: Clock
    disk: Disk
    log: Logger
    /** Hears each committed record, those of the past first. */
    onCommitted: (record: MetadataRecord) => void
  }) {
    const { partition, nodeId, config, clock, disk, log } = options
    this.partition = partition
    this.#clock = clock
    this.#log = log
    this.#snapshot = new SnapshotFile(disk, partition.log.directory)
    const onCommitted = (record: MetadataRecord) => {
      this.#live?.apply(record)
      options.onCommitted(record)
    }
    const machine = () => new ControllerMachine(nodeId, config)
    const codec = metadataRecordCodec
    const snapshot = () => this.#readSnapshot()
    this.#runtime = new CoordinatorRuntime({ partition, codec, clock, log, machine, onCommitted, snapshot })
  }

  async ask<C extends ControllerCommand>(command: C): Promise<ControllerReplies[C['type']]> {
    return (await this.#runtime.submit(command)) as ControllerReplies[C['type']]
  }

  /**
   * To be called once all that was read is in use: when the log has grown to this size, what still holds of it is written to a
   * snapshot, and the log begins anew there. When the disk refuses, the log stays as it is.
   */
  compact(logBytesMax: number): void {
    const live = this.#live
    this.#live = undefined
    const { log } = this.partition
    if (live === undefined || log.sizeInBytes < logBytesMax) return
    const endOffset = log.logEndOffset
    try {
      this.#snapshot.write({ endOffset, records: live.all }, this.partition.leaderEpoch, this.#clock.now())
      log.roll()
      log.deleteRecordsBefore(endOffset)
      log.enforceRetention(this.#clock.now())
      this.#snapshot.removeOlder()
    } catch (error) {
      this.#log.warn('controller.snapshot-failed', 'the metadata log stays as long as it is', { error: String(error) })
      return
    }
    this.#log.info('controller.snapshot', 'a snapshot stands for the metadata log so far', { endOffset })
  }

  close(): void {
    this.#runtime.close()
  }

  /** A log that ends before its snapshot has lost what the snapshot holds, and goes on after it. */
  #readSnapshot() {
    const snapshot = this.#snapshot.read()
    const { log } = this.partition
    if (snapshot !== undefined && log.logEndOffset < snapshot.endOffset) log.truncateFullyAndStartAt(snapshot.endOffset)
    return snapshot
  }
}
