import { ErrorCode } from '../protocol/errors.ts'
import type { Controller } from './coordinator/controller/controller.ts'
import { CoordinatorError } from './coordinator/runtime.ts'

/** How many a broker takes at once, as by Kafka. */
const PRODUCER_ID_BLOCK = 1000

/**
 * Producer ids of this broker, taken from the controller in blocks.
 *
 * 1. No id is handed out twice, by any broker: a block is in the metadata log before its first id is used.
 */
export class ProducerIds {
  readonly #controller: Controller
  readonly #broker: { readonly nodeId: number; readonly brokerEpoch: number }
  #next = 0
  #end = 0
  #refill: Promise<void> | undefined

  constructor(controller: Controller, broker: { readonly nodeId: number; readonly brokerEpoch: number }) {
    this.#controller = controller
    this.#broker = broker
  }

  async next(): Promise<number> {
    while (this.#next === this.#end) {
      this.#refill ??= this.#takeBlock()
      await this.#refill
    }
    return this.#next++
  }

  async #takeBlock(): Promise<void> {
    try {
      const block = await this.#controller.ask({
        type: 'allocate-producer-ids',
        brokerId: this.#broker.nodeId,
        brokerEpoch: this.#broker.brokerEpoch,
        count: PRODUCER_ID_BLOCK,
      })
      if (block.errorCode !== ErrorCode.NONE) {
        throw new CoordinatorError(ErrorCode.COORDINATOR_NOT_AVAILABLE, `no producer ids: error ${block.errorCode}`)
      }
      this.#next = block.first
      this.#end = block.first + block.count
    } finally {
      this.#refill = undefined
    }
  }
}
