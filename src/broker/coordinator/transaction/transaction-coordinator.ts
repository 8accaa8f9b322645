import type { Clock, Logger } from '../../../platform/platform.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { Partition } from '../../partition.ts'
import { partitionOf } from '../group/group-coordinator.ts'
import { CoordinatorError, CoordinatorRuntime } from '../runtime.ts'
import {
  type EndCommand,
  type InitProducerIdCommand,
  type ListCommand,
  NEEDS_PRODUCER_ID,
  type ProducerReply,
  type TransactionCommand,
  type TransactionListing,
  type TransactionReplies,
  type TransactionReply,
} from './command.ts'
import { MarkerWriter, type MarkerWriterOptions } from './marker-writer.ts'
import type { TransactionConfig } from './transaction-config.ts'
import { TransactionMachine } from './transaction-machine.ts'
import type { TransactionRecord } from './transaction-metadata.ts'
import { transactionRecordCodec } from './transaction-record-codec.ts'

type Runtime = CoordinatorRuntime<TransactionCommand, TransactionRecord, TransactionReply>

/** Commands for one transactional id, each with a reply. */
type TransactionRequest = Extract<TransactionCommand, { transactionalId: string }>

export interface TransactionCoordinatorOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: () => TransactionConfig
  /** Of `__transaction_state`; 0 while there is no such topic. */
  readonly partitionCount: () => number
  readonly nextProducerId: () => Promise<number>
  readonly writeMarkers: MarkerWriterOptions['write']
}

/**
 * The transaction coordinators of this broker: one machine for each partition of `__transaction_state` that it leads, and the writer of
 * its markers.
 *
 * 1. A transactional id belongs to the partition that it hashes to; all of its commands go there.
 */
export class TransactionCoordinator {
  readonly #options: TransactionCoordinatorOptions
  readonly #runtimes = new Map<number, { runtime: Runtime; markers: MarkerWriter }>()

  constructor(options: TransactionCoordinatorOptions) {
    this.#options = options
  }

  /** Takes up the transactions of a partition of `__transaction_state` when this broker leads it, and gives them up when it does not. */
  leads(partition: Partition): void {
    const { partitionId, isLeader } = partition
    if (this.#runtimes.get(partitionId)?.runtime.isOf(partition)) return
    this.drop(partitionId)
    if (isLeader) this.#take(partition)
  }

  /** Gives them up. */
  drop(partitionId: number): void {
    const present = this.#runtimes.get(partitionId)
    this.#runtimes.delete(partitionId)
    present?.markers.close()
    present?.runtime.close()
  }

  /** Rejects with a CoordinatorError when the transactional id is not coordinated here. */
  async ask<C extends TransactionRequest>(command: C): Promise<TransactionReplies[C['type']]> {
    return (await this.#runtimeOf(command.transactionalId).submit(command)) as TransactionReplies[C['type']]
  }

  initProducerId(command: Omit<InitProducerIdCommand, 'freshProducerId'>): Promise<ProducerReply> {
    return this.#askWithProducerId({ ...command, freshProducerId: undefined })
  }

  end(command: Omit<EndCommand, 'freshProducerId'>): Promise<ProducerReply> {
    return this.#askWithProducerId({ ...command, freshProducerId: undefined })
  }

  async list(command: ListCommand): Promise<TransactionListing[]> {
    const replies = await Promise.all([...this.#runtimes.values()].map(({ runtime }) => runtime.submit(command)))
    return replies.flatMap((reply) => (reply as TransactionReplies['list']).transactions)
  }

  close(): void {
    for (const partitionId of [...this.#runtimes.keys()]) this.drop(partitionId)
  }

  /** Those that were decided are ended. */
  #take(partition: Partition): void {
    const { clock, log, config, writeMarkers } = this.#options
    const markers = new MarkerWriter({
      clock,
      log,
      coordinatorEpoch: () => partition.leaderEpoch,
      write: writeMarkers,
      complete: async (transactionalId, { producerId, producerEpoch }) => {
        await runtime.submit({ type: 'markers-written', transactionalId, producerId, producerEpoch })
      },
    })
    const runtime: Runtime = new CoordinatorRuntime({
      partition,
      loadsInTurns: true,
      codec: transactionRecordCodec(() => config().transactionVersion),
      clock,
      log,
      machine: () => new TransactionMachine(config),
      onCommitted: (record) => markers.follow(record),
    })
    this.#runtimes.set(partition.partitionId, { runtime, markers })
  }

  /** Few commands need a producer id; which do, only the machine can tell. */
  async #askWithProducerId(command: InitProducerIdCommand | EndCommand): Promise<ProducerReply> {
    const reply = await this.ask(command)
    if (reply !== NEEDS_PRODUCER_ID) return reply
    const decided = await this.ask({ ...command, freshProducerId: await this.#options.nextProducerId() })
    if (decided === NEEDS_PRODUCER_ID) throw new Error('the coordinator asked for a second producer id')
    return decided
  }

  #runtimeOf(transactionalId: string): Runtime {
    const partitionCount = this.#options.partitionCount()
    const found = partitionCount > 0 ? this.#runtimes.get(partitionOf(transactionalId, partitionCount)) : undefined
    if (found) return found.runtime
    throw new CoordinatorError(ErrorCode.NOT_COORDINATOR, `not the coordinator of ${transactionalId}`)
  }
}
