// Follows the transactions of a log while compaction walks it, to say which batches belong to an aborted one and which markers
// have outlived all that they speak of.
import type { RecordBatch } from '../../records/record-batch.ts'
import type { AbortedTransaction } from './transaction-index.ts'

interface Aborting {
  readonly transaction: AbortedTransaction
  /** Whether any batch of it is still in the log. */
  wasSeen: boolean
}

// Invariants:
// 1. Batches come in the order of the log, each once.
// 2. `#aborting` holds the aborted transactions that began at or before the last batch and whose marker has not come.
export class CleanedTransactions {
  readonly #aborted: AbortedTransaction[]
  #next = 0
  readonly #aborting = new Map<number, Aborting>()
  readonly #committing = new Set<number>()
  readonly #keep: (transaction: AbortedTransaction) => void

  /** `keep` hears of the aborted transactions that the compacted segment still needs an entry for. */
  constructor(aborted: readonly AbortedTransaction[], keep: (transaction: AbortedTransaction) => void) {
    this.#aborted = [...aborted].sort((one, other) => one.firstOffset - other.firstOffset)
    this.#keep = keep
  }

  /** Takes the next batch; true when its records may go: they were aborted, or the marker has nothing left to mark. */
  mayDiscard(batch: RecordBatch): boolean {
    this.#begin(batch.lastOffset)
    return batch.isControl ? this.#marker(batch) : this.#data(batch)
  }

  #begin(offset: number): void {
    for (; this.#next < this.#aborted.length; this.#next++) {
      const transaction = this.#aborted[this.#next]!
      if (transaction.firstOffset > offset) return
      if (!this.#aborting.has(transaction.producerId)) {
        this.#aborting.set(transaction.producerId, { transaction, wasSeen: false })
      }
    }
  }

  #data(batch: RecordBatch): boolean {
    if (!batch.isTransactional) return false
    const aborting = this.#aborting.get(batch.producerId)
    if (aborting === undefined) this.#committing.add(batch.producerId)
    else aborting.wasSeen = true
    return aborting !== undefined
  }

  #marker(batch: RecordBatch): boolean {
    // Emptied by an earlier compaction, kept only for its producer's epoch.
    if (batch.count === 0) return true
    const type = batch.controlType()
    if (type === 'commit') return !this.#committing.delete(batch.producerId)
    if (type !== 'abort') return false
    const aborting = this.#aborting.get(batch.producerId)
    this.#aborting.delete(batch.producerId)
    if (aborting?.wasSeen !== true) return true
    this.#keep(aborting.transaction)
    return false
  }
}
