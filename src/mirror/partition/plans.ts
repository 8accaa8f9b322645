// What must be durable before batches may leave: runs of the offset map, which keeps them itself, and the source's leader epochs. Plans are
// numbered; a batch names the last one when it is queued.
//
// Invariants:
// 1. A leader epoch is durable before the first batch that has it is sent, or with it.
// 2. What was taken to be written and could not be is taken again.
import type { EpochStart } from '../../source/divergence.ts'

/** Leader changes remembered; to compare histories the last one is needed. */
const EPOCHS_MAX = 32

export class Plans {
  #last = 0
  #durable = 0
  readonly #isTransactional: boolean
  #epochs: EpochStart[]
  #epochsChanged = false
  /** The plan that carries the newest epoch. */
  #epochsPlan = 0

  /** `epochs`: those that are durable. In transactions the news of them is written with the commit, and no batch waits for it. */
  constructor(epochs: readonly EpochStart[], { isTransactional }: { isTransactional: boolean }) {
    this.#epochs = [...epochs]
    this.#isTransactional = isTransactional
  }

  /** The number of the last one. */
  get last(): number {
    return this.#last
  }

  get arePending(): boolean {
    return this.#last > this.#durable
  }

  isDurable(plan: number): boolean {
    return plan <= this.#durable
  }

  /** The map has news. */
  add(): void {
    this.#last++
  }

  /** Up to this plan all is written. */
  durable(plan: number): void {
    this.#durable = Math.max(this.#durable, plan)
  }

  /** Batches that were not sent are planned anew; epochs that were read stay read, so they are written with the next plan. */
  resume(): void {
    const epochsAreDurable = this.#epochsPlan <= this.#durable
    this.#durable = this.#last
    if (!epochsAreDurable) this.#planEpochs()
  }

  // ---- leader epochs

  /** Of all that was read. */
  get epochs(): readonly EpochStart[] {
    return this.#epochs
  }

  /** Of the last record below a source offset; −1 unknown. */
  epochBelow(upstream: number): number {
    return this.#epochs.findLast((start) => start.upstream < upstream)?.epoch ?? -1
  }

  /** A batch has this epoch, and begins here. */
  noteEpoch(epoch: number, upstream: number): void {
    if (epoch <= (this.#epochs.at(-1)?.epoch ?? -1)) return
    this.#epochs = [...this.#epochs, { epoch, upstream }].slice(-EPOCHS_MAX)
    this.#planEpochs()
  }

  #planEpochs(): void {
    this.#epochsChanged = true
    if (!this.#isTransactional) this.#epochsPlan = ++this.#last
  }

  /** What is to be written of them; undefined: nothing new. */
  takeEpochs(): readonly EpochStart[] | undefined {
    if (!this.#epochsChanged) return undefined
    this.#epochsChanged = false
    return this.#epochs
  }

  /** They were not written. */
  restoreEpochs(): void {
    this.#epochsChanged = true
  }
}
