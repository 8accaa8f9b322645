import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { allocateProducerIds } from '../protocol/messages/allocate-producer-ids.ts'
import type { Broker } from './broker.ts'
import { CoordinatorError } from './coordinator/runtime.ts'

/** How many a broker takes at once, as by Kafka. */
export const PRODUCER_ID_BLOCK = 1000
const ALLOCATION_MS_MAX = 30_000

type Controlled = Pick<Broker, 'controller' | 'channel' | 'nodeId' | 'brokerEpoch'>

/**
 * Producer ids of this broker, taken from the controller in blocks.
 *
 * 1. No id is handed out twice, by any broker: a block is in the metadata log before its first id is used.
 */
export class ProducerIds {
  readonly #broker: Controlled
  #next = 0
  #end = 0
  #refill: Promise<void> | undefined

  constructor(broker: Controlled) {
    this.#broker = broker
  }

  /** Rejects with a CoordinatorError when no controller gives any. */
  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#refill ??= this.#takeBlock()
      await this.#refill
    }
    return this.#next++
  }

  async #takeBlock(): Promise<void> {
    try {
      const { errorCode, producerIdStart, producerIdLen } = await this.#allocate()
      if (errorCode !== ErrorCode.NONE) throw unavailable(errorOf(errorCode).name)
      this.#next = producerIdStart
      this.#end = producerIdStart + producerIdLen
    } finally {
      this.#refill = undefined
    }
  }

  async #allocate() {
    const { controller, channel, nodeId: brokerId, brokerEpoch } = this.#broker
    if (controller.isActive) {
      const command = { type: 'allocate-producer-ids', brokerId, brokerEpoch, count: PRODUCER_ID_BLOCK } as const
      const { errorCode, first, count } = await controller.ask(command)
      return { errorCode, producerIdStart: first, producerIdLen: count }
    }
    try {
      return await channel.askPatiently(allocateProducerIds, { brokerId, brokerEpoch }, ALLOCATION_MS_MAX)
    } catch (error) {
      if (error instanceof HeliostatError) throw unavailable(error.message)
      throw error
    }
  }
}

function unavailable(why: string): CoordinatorError {
  return new CoordinatorError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, `no producer ids: ${why}`)
}
