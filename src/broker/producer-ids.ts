import type { Controller } from './coordinator/controller/controller.ts'

const BLOCK_SIZE = 1000

/**
 * Producer ids of this broker, taken from the controller in blocks.
 *
 * 1. No id is handed out twice, by any broker: a block is in the metadata log before its first id is used.
 */
export class ProducerIds {
  readonly #controller: Controller
  readonly #brokerId: number
  #next = 0
  #end = 0
  #refill: Promise<void> | undefined

  constructor(controller: Controller, brokerId: number) {
    this.#controller = controller
    this.#brokerId = brokerId
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
        brokerId: this.#brokerId,
        count: BLOCK_SIZE,
      })
      this.#next = block.first
      this.#end = block.first + block.count
    } finally {
      this.#refill = undefined
    }
  }
}
