// The three indexes of one segment, in memory while they are used and in files otherwise.
import type { Disk } from '../../platform/platform.ts'
import { OffsetIndex } from './offset-index.ts'
import {
  fileName,
  OFFSET_INDEX_SUFFIX,
  SIDE_SUFFIXES,
  TIME_INDEX_SUFFIX,
  TRANSACTION_INDEX_SUFFIX,
} from './segment-name.ts'
import { TimeIndex } from './time-index.ts'
import { type AbortedTransaction, TransactionIndex } from './transaction-index.ts'

/** The batches that the indexes are of, for when files are lost or damaged. */
export interface IndexedSegment {
  readonly baseOffset: number
  readonly size: number
  /** Walks the batches and fills `offsets` and `times` anew. */
  rebuildIndexes(): void
  /** Works out which transactions were aborted here. */
  findAborted(): AbortedTransaction[]
}

// Invariants:
// 1. What is in memory is right; a file is as old as the last `write`, or damaged, or missing.
// 2. `offsets` and `times` are in memory both or neither.
export class SegmentIndexes {
  readonly #disk: Disk
  readonly #directory: string
  readonly #segment: IndexedSegment
  #suffix: string
  #offsets: OffsetIndex | undefined
  #times: TimeIndex | undefined
  #transactions: TransactionIndex | undefined

  constructor(disk: Disk, directory: string, segment: IndexedSegment, suffix: string) {
    this.#disk = disk
    this.#directory = directory
    this.#segment = segment
    this.#suffix = suffix
  }

  get offsets(): OffsetIndex {
    if (this.#offsets === undefined) this.#load()
    return this.#offsets!
  }

  get times(): TimeIndex {
    if (this.#times === undefined) this.#load()
    return this.#times!
  }

  get transactions(): TransactionIndex {
    this.#transactions ??= this.#loadTransactions()
    return this.#transactions
  }

  /** Begins offsets and times anew, in memory. */
  reset(): void {
    this.#offsets = new OffsetIndex(this.#segment.baseOffset)
    this.#times = new TimeIndex(this.#segment.baseOffset)
  }

  /** Begins the aborted transactions anew, in memory. */
  resetTransactions(): void {
    this.#transactions = new TransactionIndex()
  }

  /** Rebuilds offsets and times from the batches, for files that say something else than these. */
  repair(): void {
    this.reset()
    this.#segment.rebuildIndexes()
    this.#writeFile(OFFSET_INDEX_SUFFIX, this.offsets.entries.bytes)
    this.#writeFile(TIME_INDEX_SUFFIX, this.times.entries.bytes)
  }

  /** Brings the files up to date with memory. */
  write(): void {
    this.#writeFile(OFFSET_INDEX_SUFFIX, this.offsets.entries.bytes)
    this.#writeFile(TIME_INDEX_SUFFIX, this.times.entries.bytes)
    this.#writeFile(TRANSACTION_INDEX_SUFFIX, this.transactions.bytes)
  }

  sync(): void {
    for (const suffix of SIDE_SUFFIXES) {
      const file = this.#disk.open(this.#path(suffix), { create: false })
      try {
        file.sync()
      } finally {
        file.close()
      }
    }
  }

  /** Forgets what the files hold too. */
  drop(): void {
    this.#offsets = undefined
    this.#times = undefined
    this.#transactions = undefined
  }

  remove(): void {
    for (const suffix of SIDE_SUFFIXES) this.#disk.remove(this.#path(suffix))
  }

  rename(suffix: string): void {
    const old = SIDE_SUFFIXES.map((side) => this.#path(side))
    this.#suffix = suffix
    SIDE_SUFFIXES.forEach((side, index) => {
      this.#disk.rename(old[index]!, this.#path(side))
    })
  }

  #load(): void {
    const offsets = this.#readFile(OFFSET_INDEX_SUFFIX)
    const times = this.#readFile(TIME_INDEX_SUFFIX)
    this.#offsets = offsets && OffsetIndex.parse(this.#segment.baseOffset, offsets, this.#segment.size)
    this.#times = times && TimeIndex.parse(this.#segment.baseOffset, times)
    if (this.#offsets === undefined || this.#times === undefined) this.repair()
  }

  #loadTransactions(): TransactionIndex {
    const content = this.#readFile(TRANSACTION_INDEX_SUFFIX)
    const loaded = content && TransactionIndex.parse(this.#segment.baseOffset, content)
    if (loaded !== undefined) return loaded
    const rebuilt = new TransactionIndex(this.#segment.findAborted())
    this.#writeFile(TRANSACTION_INDEX_SUFFIX, rebuilt.bytes)
    return rebuilt
  }

  #readFile(suffix: string): Buffer | undefined {
    const path = this.#path(suffix)
    return this.#disk.exists(path) ? this.#disk.read(path) : undefined
  }

  #writeFile(suffix: string, content: Buffer): void {
    const file = this.#disk.open(this.#path(suffix))
    try {
      if (content.length > 0) file.write([content], 0)
      file.truncate(content.length)
    } finally {
      file.close()
    }
  }

  #path(suffix: string): string {
    return `${this.#directory}/${fileName(this.#segment.baseOffset, suffix)}${this.#suffix}`
  }
}
