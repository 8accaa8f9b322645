import type { Clock, Logger } from '../../../platform/platform.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { Partition } from '../../partition.ts'
import { partitionOf } from '../group/group-coordinator.ts'
import { CoordinatorError, CoordinatorRuntime } from '../runtime.ts'
import { type ShareCommand, ShareMachine, type ShareReply } from './share-machine.ts'
import { type ShareRecord, shareRecordCodec } from './share-record.ts'
import { coordinatorKeyOf } from './share-state.ts'

export interface ShareCoordinatorOptions {
  readonly clock: Clock
  readonly log: Logger
  /** After so many updates the state is written as a whole again. */
  readonly updatesPerSnapshot: () => number
  /** Of `__share_group_state`; 0 while there is no such topic. */
  readonly partitionCount: () => number
}

type Runtime = CoordinatorRuntime<ShareCommand, ShareRecord, ShareReply>

/**
 * The share coordinators of this broker: one machine for each partition of `__share_group_state` that it leads, while it leads it.
 *
 * 1. What is kept of one group's partition belongs to the partition that its key hashes to; all of its commands go there.
 */
export class ShareCoordinator {
  readonly #options: ShareCoordinatorOptions
  readonly #runtimes = new Map<number, Runtime>()

  constructor(options: ShareCoordinatorOptions) {
    this.#options = options
  }

  /** Takes up a partition of `__share_group_state` when this broker leads it, and gives it up when it does not. */
  leads(partition: Partition): void {
    const { partitionId, isLeader } = partition
    if (this.#runtimes.get(partitionId)?.isOf(partition)) return
    this.drop(partitionId)
    if (isLeader) this.#take(partition)
  }

  /** Gives it up. */
  drop(partitionId: number): void {
    this.#runtimes.get(partitionId)?.close()
    this.#runtimes.delete(partitionId)
  }

  /** Rejects with a CoordinatorError when the key is not kept here. */
  async ask(command: ShareCommand): Promise<ShareReply> {
    const key = coordinatorKeyOf(command.key)
    const partitionCount = this.#options.partitionCount()
    const runtime = partitionCount > 0 ? this.#runtimes.get(partitionOf(key, partitionCount)) : undefined
    if (!runtime) throw new CoordinatorError(ErrorCode.NOT_COORDINATOR, `not the coordinator of ${key}`)
    return runtime.submit(command)
  }

  close(): void {
    for (const partitionId of [...this.#runtimes.keys()]) this.drop(partitionId)
  }

  #take(partition: Partition): void {
    const { clock, log, updatesPerSnapshot } = this.#options
    const machine = () => new ShareMachine(updatesPerSnapshot)
    const runtime: Runtime = new CoordinatorRuntime({ partition, codec: shareRecordCodec, clock, log, machine })
    this.#runtimes.set(partition.partitionId, runtime)
  }
}
