// Which batches of one fetched partition belong to aborted transactions: Kafka's consumer's algorithm. The broker lists, per
// response, the transactions that were aborted and the first offset of each; a control batch that says `abort` ends one.
import type { RecordBatch } from '../records/record-batch.ts'

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export type Verdict = 'keep' | 'control' | 'aborted'

/** What the filter reads of a batch. */
export type FilteredBatch = Pick<
  RecordBatch,
  'lastOffset' | 'producerId' | 'isControl' | 'isTransactional' | 'controlType'
>

/** For one partition of one response; ask for its batches in their order. */
export class AbortedFilter {
  readonly #ahead: readonly AbortedTransaction[]
  #next = 0
  /** Producers that are inside an aborted transaction at this point of the log. */
  readonly #aborted = new Set<number>()

  constructor(transactions: readonly AbortedTransaction[] | null) {
    // Sorted lists are the rule; Kafka's consumer does not rely on it either.
    this.#ahead = [...(transactions ?? [])].sort((a, b) => a.firstOffset - b.firstOffset)
  }

  verdict(batch: FilteredBatch): Verdict {
    for (let ahead = this.#ahead[this.#next]; ahead && ahead.firstOffset <= batch.lastOffset; ) {
      this.#aborted.add(ahead.producerId)
      ahead = this.#ahead[++this.#next]
    }
    if (batch.isControl) {
      if (this.#aborted.size > 0 && batch.controlType() === 'abort') this.#aborted.delete(batch.producerId)
      return 'control'
    }
    return batch.isTransactional && this.#aborted.has(batch.producerId) ? 'aborted' : 'keep'
  }
}
