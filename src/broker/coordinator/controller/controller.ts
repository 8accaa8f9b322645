import type { Clock, Logger } from '../../../platform/platform.ts'
import type { Partition } from '../../partition.ts'
import { CoordinatorRuntime } from '../runtime.ts'
import type { ControllerCommand, ControllerReplies, ControllerReply } from './command.ts'
import { ControllerMachine } from './controller-machine.ts'
import { type MetadataRecord, metadataRecordCodec } from './metadata-record.ts'

/** The host of the controller machine on this broker's own metadata log. A quorum will take its place and keep the machine. */
export class Controller {
  /** Of the metadata log. */
  readonly partition: Partition
  readonly #runtime: CoordinatorRuntime<ControllerCommand, MetadataRecord, ControllerReply>

  constructor(options: {
    partition: Partition
    brokerIds: readonly number[]
    clock: Clock
    log: Logger
    /** Hears each committed record, those of the past first. */
    onCommitted: (record: MetadataRecord) => void
  }) {
    const { partition, brokerIds, clock, log, onCommitted } = options
    this.partition = partition
    const machine = () => new ControllerMachine(brokerIds)
    this.#runtime = new CoordinatorRuntime({ partition, codec: metadataRecordCodec, clock, log, machine, onCommitted })
  }

  async ask<C extends ControllerCommand>(command: C): Promise<ControllerReplies[C['type']]> {
    return (await this.#runtime.submit(command)) as ControllerReplies[C['type']]
  }

  close(): void {
    this.#runtime.close()
  }
}
