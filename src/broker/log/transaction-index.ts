// The aborted transactions whose markers lie in one segment, in the bytes of Kafka's `.txnindex` file: per transaction a version
// (int16), the producer id and its first, last (the marker's) and last stable offset (int64 each).
import { writeInt64 } from '../../records/int64.ts'
import { int64At } from './batch-header.ts'

const ENTRY_BYTES = 34
const VERSION = 0

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** The offset of the abort marker. */
  readonly lastOffset: number
  /** Every transaction that starts below this has its marker at or below `lastOffset`: a search may stop here. */
  readonly lastStableOffset: number
}

// Invariant: `lastOffset` rises strictly from entry to entry.
export class TransactionIndex {
  readonly entries: AbortedTransaction[]

  constructor(entries: AbortedTransaction[] = []) {
    this.entries = entries
  }

  /** Reads a file's content; undefined when it cannot be the index of a segment that starts at `baseOffset`. */
  static parse(baseOffset: number, content: Buffer): TransactionIndex | undefined {
    if (content.length % ENTRY_BYTES !== 0) return undefined
    const entries: AbortedTransaction[] = []
    let lastOffset = baseOffset - 1
    for (let at = 0; at < content.length; at += ENTRY_BYTES) {
      const entry = readEntry(content, at)
      if (content.readInt16BE(at) !== VERSION || entry.lastOffset <= lastOffset) return undefined
      if (entry.firstOffset > entry.lastOffset) return undefined
      lastOffset = entry.lastOffset
      entries.push(entry)
    }
    return new TransactionIndex(entries)
  }

  get bytes(): Buffer {
    const content = Buffer.alloc(this.entries.length * ENTRY_BYTES)
    this.entries.forEach((entry, slot) => {
      writeEntry(content, entry, slot * ENTRY_BYTES)
    })
    return content
  }

  append(entry: AbortedTransaction): void {
    this.entries.push(entry)
  }

  /**
   * Adds to `found` what a reader of [from, to) must leave out; true when no later segment can hold more of it.
   */
  collect(from: number, to: number, found: AbortedTransaction[]): boolean {
    for (const entry of this.entries) {
      if (entry.lastOffset >= from && entry.firstOffset < to) found.push(entry)
      if (entry.lastStableOffset >= to) return true
    }
    return false
  }

  /** Keeps the transactions whose markers lie below `offset`. */
  truncateTo(offset: number): void {
    while (this.entries.length > 0 && this.entries.at(-1)!.lastOffset >= offset) this.entries.pop()
  }
}

function readEntry(content: Buffer, at: number): AbortedTransaction {
  return {
    producerId: int64At(content, at + 2),
    firstOffset: int64At(content, at + 10),
    lastOffset: int64At(content, at + 18),
    lastStableOffset: int64At(content, at + 26),
  }
}

function writeEntry(content: Buffer, entry: AbortedTransaction, at: number): void {
  content.writeInt16BE(VERSION, at)
  writeInt64(content, entry.producerId, at + 2)
  writeInt64(content, entry.firstOffset, at + 10)
  writeInt64(content, entry.lastOffset, at + 18)
  writeInt64(content, entry.lastStableOffset, at + 26)
}
