// Reading a log: by offset, by time, and what of it was aborted.
import type { Logger } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { CorruptSegment, type Segment, type TimestampOffset } from './segment.ts'
import { floorIndex } from './segment-list.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** `log_end` reads what is not replicated yet: for followers. */
export type Isolation = 'read_uncommitted' | 'read_committed' | 'log_end'

export interface ReadResult {
  readonly error: 0
  /** Whole batches, as slices of one buffer that nobody else holds. */
  readonly batches: Buffer[]
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly lastStableOffset: number
  /** For read_committed: what of these batches the reader must leave out. */
  readonly abortedTransactions: readonly AbortedTransaction[] | null
}

export interface LogError {
  readonly error: number
  readonly message: string
}

/** What a reader must know of the log, as it is now. */
interface ReadableLog {
  readonly directory: string
  readonly segments: readonly Segment[]
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly highWatermark: number
  readonly lastStableOffset: number
}

/** Decides nothing and keeps nothing: every call goes by the log's state at that moment. */
export class LogReader {
  readonly #log: ReadableLog
  readonly #logger: Logger

  constructor(log: ReadableLog, logger: Logger) {
    this.#log = log
    this.#logger = logger
  }

  read(offset: number, maxBytes: number, isolation: Isolation, minOneMessage: boolean): ReadResult | LogError {
    const { logStartOffset, logEndOffset, highWatermark, lastStableOffset } = this.#log
    if (offset < logStartOffset || offset > logEndOffset) {
      const message = `offset ${offset} is outside of ${logStartOffset} to ${logEndOffset}`
      return { error: ErrorCode.OFFSET_OUT_OF_RANGE, message }
    }
    return this.#attempt(() => {
      const { batches, nextOffset } = this.#find(offset, maxBytes, this.endFor(isolation), minOneMessage)
      const abortedTransactions = isolation === 'read_committed' ? this.collectAborted(offset, nextOffset) : null
      return { error: 0, batches, highWatermark, logStartOffset, lastStableOffset, abortedTransactions }
    })
  }

  /** The first record not earlier than `timestamp` that a reader of this isolation may see. */
  offsetForTimestamp(timestamp: number, isolation: Isolation): TimestampOffset | LogError | undefined {
    const { segments, logStartOffset } = this.#log
    return this.#lookup(isolation, () => {
      for (const segment of segments.slice(this.#floor(logStartOffset))) {
        const found =
          segment.largestTimestamp >= timestamp ? segment.findTimestamp(timestamp, logStartOffset) : undefined
        if (found !== undefined) return found
      }
      return undefined
    })
  }

  /** The record with the greatest timestamp, the first of them. */
  offsetOfMaxTimestamp(isolation: Isolation): TimestampOffset | LogError | undefined {
    return this.#lookup(isolation, () => {
      const { segments } = this.#log
      const latest = segments.reduce((one, other) => (other.maxTimestamp > one.maxTimestamp ? other : one))
      return latest.findMaxTimestamp()
    })
  }

  /** The aborted transactions with records in [from, to). */
  collectAborted(from: number, to: number): AbortedTransaction[] {
    const found: AbortedTransaction[] = []
    for (const segment of this.#log.segments.slice(this.#floor(from))) {
      if (segment.transactionIndex.collect(from, to, found)) break
    }
    return found
  }

  /** Where a reader of this isolation must stop. */
  endFor(isolation: Isolation): number {
    const { logEndOffset, lastStableOffset, highWatermark } = this.#log
    if (isolation === 'log_end') return logEndOffset
    return isolation === 'read_committed' ? lastStableOffset : highWatermark
  }

  #find(
    offset: number,
    maxBytes: number,
    endOffset: number,
    minOneMessage: boolean,
  ): { batches: Buffer[]; nextOffset: number } {
    const { segments, logEndOffset } = this.#log
    for (let index = this.#floor(offset); offset < endOffset && index < segments.length; index++) {
      const limit = segments[index + 1]?.baseOffset ?? logEndOffset
      const found = segments[index]!.read(offset, maxBytes, endOffset, limit, minOneMessage)
      // Compaction may have left nothing from there on in this segment.
      if (found === undefined) continue
      return { batches: found.bytes.length > 0 ? [found.bytes] : [], nextOffset: found.nextOffset }
    }
    return { batches: [], nextOffset: offset }
  }

  #lookup(isolation: Isolation, find: () => TimestampOffset | undefined): TimestampOffset | LogError | undefined {
    return this.#attempt(() => {
      const found = find()
      return found !== undefined && found.offset < this.endFor(isolation) ? found : undefined
    })
  }

  #floor(offset: number): number {
    return floorIndex(this.#log.segments, offset)
  }

  /** Damage and failing reads concern whoever asked; the log itself is as it was. */
  #attempt<Result>(read: () => Result): Result | LogError {
    try {
      return read()
    } catch (error) {
      const { message } = error as Error
      const isCorrupt = error instanceof CorruptSegment
      this.#logger.error(isCorrupt ? 'log.corrupt' : 'log.read-failed', message, { directory: this.#log.directory })
      return { error: isCorrupt ? ErrorCode.CORRUPT_MESSAGE : ErrorCode.KAFKA_STORAGE_ERROR, message }
    }
  }
}
