import type { Clock, Logger } from '../../../platform/platform.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { Quorum } from '../../raft/quorum.ts'
import { CoordinatorError, CoordinatorRuntime } from '../runtime.ts'
import type { ControllerCommand, ControllerReplies, ControllerReply } from './command.ts'
import { CommittedMetadata } from './committed-metadata.ts'
import { type ControllerConfig, ControllerMachine } from './controller-machine.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'

interface ControllerOptions {
  readonly quorum: Quorum
  readonly nodeId: number
  readonly config: ControllerConfig
  readonly clock: Clock
  readonly log: Logger
  /** Hears each committed record, those of the past first. */
  readonly onCommitted: (record: MetadataRecord) => void
}

/**
 * This node's part in the control of the cluster: it follows the committed metadata, and while it leads the quorum it hosts the
 * controller machine on its log.
 *
 * 1. There is a machine exactly while the quorum is led here. It is built from what is committed, and dropped with the leadership.
 */
export class Controller {
  readonly #options: ControllerOptions
  readonly #committed: CommittedMetadata
  readonly #unsubscribe: readonly (() => void)[]
  /** Until `compact` is called, none is too many. */
  #logBytesMax = Number.POSITIVE_INFINITY
  #hosted:
    | { runtime: CoordinatorRuntime<ControllerCommand, MetadataRecord, ControllerReply>; epoch: number }
    | undefined

  constructor(options: ControllerOptions) {
    this.#options = options
    const { quorum, clock, onCommitted } = options
    const { log, snapshots } = quorum
    const votersBelow = (offset: number) => quorum.votersBelow(offset)
    this.#committed = new CommittedMetadata({ log, snapshots, clock, votersBelow, onRecord: onCommitted })
    this.#unsubscribe = [quorum.onCommitted(() => this.#follow()), quorum.onLeaderChange(() => this.#host())]
    this.#committed.follow()
    this.#host()
  }

  /** Whether this node is the active controller. */
  get isActive(): boolean {
    return this.#hosted !== undefined
  }

  /** The last record of the metadata that has been told. */
  get metadataOffset(): number {
    return this.#committed.end.offset - 1
  }

  /** Asks the machine, if it is here; else rejects with NOT_CONTROLLER, as it does when the leadership goes before the reply is committed. */
  async ask<C extends ControllerCommand>(command: C): Promise<ControllerReplies[C['type']]> {
    if (!this.#hosted) throw notController()
    try {
      return (await this.#hosted.runtime.submit(command)) as ControllerReplies[C['type']]
    } catch (error) {
      if (error instanceof CoordinatorError && error.errorCode === ErrorCode.NOT_COORDINATOR) throw notController()
      throw error
    }
  }

  /**
   * To be called once all that was read is in use: whenever the log has grown by so many bytes, what still holds of it is written to a
   * snapshot, and the log before it may go. When the disk refuses, the log stays as it is.
   */
  compact(logBytesMax: number): void {
    this.#logBytesMax = logBytesMax
    const { quorum, log } = this.#options
    if (this.#committed.bytesSinceSnapshot < logBytesMax) return
    try {
      this.#committed.takeSnapshot(quorum.voters.length > 1)
    } catch (error) {
      log.warn('controller.snapshot-failed', 'the metadata log stays as long as it is', { error: String(error) })
      return
    }
    const endOffset = this.#committed.end.offset
    log.info('controller.snapshot', 'a snapshot stands for the metadata log so far', { endOffset })
  }

  #follow(): void {
    this.#committed.follow()
    this.compact(this.#logBytesMax)
  }

  close(): void {
    for (const unsubscribe of this.#unsubscribe) unsubscribe()
    this.#hosted?.runtime.close()
    this.#hosted = undefined
  }

  /** Invariant 1. */
  #host(): void {
    const { quorum, nodeId, config, clock, log } = this.#options
    const { led } = quorum
    if (led?.leaderEpoch === this.#hosted?.epoch) return
    this.#hosted?.runtime.close()
    this.#hosted = undefined
    if (!led) return
    const { predecessor } = quorum
    const machine = () => new ControllerMachine(nodeId, config, predecessor)
    const snapshot = () => ({ records: this.#committed.records, endOffset: this.#committed.end.offset })
    const runtime = new CoordinatorRuntime({
      partition: led,
      codec: metadataRecordCodec,
      clock,
      log,
      machine,
      snapshot,
    })
    this.#hosted = { runtime, epoch: led.leaderEpoch }
  }
}

function notController(): CoordinatorError {
  return new CoordinatorError(ErrorCode.NOT_CONTROLLER, 'the controller is not, or no longer, on this node')
}
