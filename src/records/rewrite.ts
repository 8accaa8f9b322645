import { buildBatch } from './batch-builder.ts'
import { DenseWriter } from './dense-writer.ts'
import { saturate } from './int64.ts'
import { INFLATED_BYTES_MAX } from './record.ts'
import { ATTRIBUTE, HEADER, RecordBatch } from './record-batch.ts'
import { RecordCursor } from './record-cursor.ts'

/**
 * The slow path: batches that a broker would refuse, or store wrongly, as they are. Records keep key, value, headers and
 * timestamps, and get offsets without holes; `runs` says which upstream offsets they had. What comes out has base offset 0,
 * no producer, the CreateTime bit and a fresh CRC; so the caller checks the CRC of what goes in, or damage would be sealed.
 */
export interface RewrittenBatch {
  readonly bytes: Buffer
  /** In order, covering the batch's records exactly; never empty. */
  readonly runs: readonly OffsetRun[]
  /** Set when this single record alone passes `maxBytes`: it is not to be sent, and the caller stops before it. */
  readonly tooLarge?: { readonly offset: number; readonly sizeInBytes: number }
}

/** `count` records at upstream offsets `upstream`, `upstream + 1`, … */
interface OffsetRun {
  upstream: number
  count: number
}

export interface RewriteOptions {
  /** The first offset wanted; records before it are trimmed. */
  fromOffset?: number
  /** The last offset wanted. */
  toOffset?: number
  /** What the target takes as one batch, header included, after compression. */
  maxBytes: number
  /** Gives each record the time at which the source's broker appended it, where that is the time it shows. */
  keepLogAppendTime?: boolean
}

/** Closes holes, trims, raises to magic 2 and splits, keeping the codec. No records wanted, no batches. */
export function rewriteDense(batch: RecordBatch, options: RewriteOptions): RewrittenBatch[] {
  if (batch.isControl) throw new TypeError(`control batch at ${batch.baseOffset} holds no records to rewrite`)
  const codec = batch.compression
  const source = sourceOf(batch.magic < 2 ? raised(batch) : batch, options)
  const { cursor } = source
  const rewritten: RewrittenBatch[] = []
  let budget = codec === 'none' ? options.maxBytes : Number.POSITIVE_INFINITY
  while (cursor.isAtRecord) {
    const mark = cursor.mark()
    const open = new OpenBatch(source, Math.min(cursor.section.length - cursor.at, budget))
    open.take(source, budget)
    if (open.count === 0) break
    const piece = open.finish(codec, options.maxBytes)
    if (piece.bytes.length <= options.maxBytes || open.count === 1) {
      rewritten.push(piece)
      continue
    }
    // How well the next piece compresses is not known; aiming below the limit seldom misses twice.
    budget = Math.floor(
      Math.min(budget, open.sizeInBytes) * Math.min(0.9, (0.9 * options.maxBytes) / piece.bytes.length),
    )
    cursor.returnTo(mark)
  }
  return rewritten
}

/** Whether `joinBatches` takes a batch: uncompressed data of magic 2 without holes. One of a codec that nobody knows is none. */
export function isJoinable(batch: RecordBatch): boolean {
  const isPlain = batch.magic === 2 && (batch.attributes & ATTRIBUTE.codecMask) === 0
  return isPlain && !batch.isControl && batch.count > 0 && batch.isDense
}

/**
 * Fills batches up to `maxBytes` with the records of joinable ones in ascending order; gaps between them become runs. Their
 * memory comes from `allocate`, a buffer each.
 */
export function joinBatches(
  batches: readonly RecordBatch[],
  maxBytes: number,
  allocate?: (bytes: number) => Buffer,
): RewrittenBatch[] {
  const joined: RewrittenBatch[] = []
  let bytesLeft = batches.reduce((sum, batch) => sum + batch.sizeInBytes, 0)
  let nextOffset = 0
  let open: OpenBatch | undefined
  for (const batch of batches) {
    if (!isJoinable(batch)) throw new TypeError(`batch at ${batch.baseOffset} is not joinable; rewriteDense takes it`)
    if (batch.baseOffset < nextOffset) throw new TypeError(`batch at ${batch.baseOffset} comes after ${nextOffset - 1}`)
    nextOffset = batch.nextOffset
    const source = sourceOf(batch, { maxBytes })
    while (source.cursor.isAtRecord) {
      open ??= new OpenBatch(source, Math.min(bytesLeft, maxBytes), allocate)
      if (open.take(source, maxBytes)) break
      joined.push(open.finish('none', maxBytes))
      open = undefined
    }
    bytesLeft -= batch.sizeInBytes
  }
  if (open !== undefined) joined.push(open.finish('none', maxBytes))
  return joined
}

/** Timestamps further apart than twelve days take the careful loop. */
const SHIFT_MAX = 2 ** 30

/** A batch being taken apart. */
interface Source {
  readonly cursor: RecordCursor
  readonly baseOffset: number
  readonly baseTimestamp: number
  /** The eight bytes themselves, since a timestamp may be beyond what a number holds. */
  readonly baseTimestampBytes: Buffer
  /** All records take the base timestamp, whatever their deltas. */
  readonly sameTime: boolean
  /** Every record from the first wanted one is wanted, and keeps the time it was created. */
  readonly isPlain: boolean
  readonly firstDelta: number
  readonly lastDelta: number
}

function sourceOf(batch: RecordBatch, options: RewriteOptions): Source {
  const { baseOffset, bytes } = batch
  const sameTime = options.keepLogAppendTime === true && batch.timestampType === 'LogAppendTime'
  const timestampAt = sameTime ? HEADER.maxTimestamp : HEADER.baseTimestamp
  return {
    cursor: new RecordCursor(batch.recordSection(INFLATED_BYTES_MAX), batch.count, batch.lastOffsetDelta),
    baseOffset,
    baseTimestamp: sameTime ? batch.maxTimestamp : batch.baseTimestamp,
    baseTimestampBytes: bytes.subarray(timestampAt, timestampAt + 8),
    sameTime,
    isPlain: batch.isDense && !sameTime && options.toOffset === undefined,
    firstDelta: (options.fromOffset ?? baseOffset) - baseOffset,
    lastDelta: (options.toOffset ?? batch.lastOffset) - baseOffset,
  }
}

/** Magic 0 and 1 become an uncompressed batch of magic 2 with the offsets and visible times they have. */
function raised(batch: RecordBatch): RecordBatch {
  return new RecordBatch(buildBatch(batch.records()))
}

/** Whether a timestamp or a difference of two is itself, not rounded or saturated. */
function isExact(time: number): boolean {
  return Math.abs(time) < Number.MAX_SAFE_INTEGER
}

/**
 * A batch being filled.
 *
 * 1. `#runs` cover the records taken, in order; neighbouring runs are never adjacent.
 * 2. `#maxTimestamp` is the largest timestamp taken.
 */
class OpenBatch {
  readonly #writer: DenseWriter
  readonly #base: Source
  readonly #runs: OffsetRun[] = []
  #run: OffsetRun | undefined
  #maxTimestamp = Number.NEGATIVE_INFINITY

  constructor(base: Source, bytesExpected: number, allocate?: (bytes: number) => Buffer) {
    this.#writer = new DenseWriter(bytesExpected + (bytesExpected >>> 4), allocate)
    this.#base = base
  }

  get count(): number {
    return this.#writer.count
  }

  /** Before compression, header included. */
  get sizeInBytes(): number {
    return this.#writer.sizeInBytes
  }

  /** Takes what is wanted of a source; false when a record must wait for the next batch. The first one never waits. */
  take(source: Source, maxBytes: number): boolean {
    const { cursor, baseOffset, firstDelta, lastDelta } = source
    const writer = this.#writer
    const shift = source === this.#base ? 0 : source.baseTimestamp - this.#base.baseTimestamp
    const exact = source === this.#base || (isExact(source.baseTimestamp) && isExact(this.#base.baseTimestamp))
    while (cursor.isAtRecord && cursor.offsetDelta < firstDelta) cursor.next()
    if (source.isPlain && exact && Math.abs(shift) < SHIFT_MAX) this.#takeNeighbours(source, shift, maxBytes)
    for (; cursor.isAtRecord && cursor.offsetDelta <= lastDelta; cursor.next()) {
      const shifted = source.sameTime ? 0 : cursor.timestampDelta + shift
      // A delta that need not change keeps its bytes, which may say more than a number can.
      const timestampDelta = shift === 0 && !source.sameTime ? undefined : shifted
      const joins = exact && (shift === 0 || isExact(shifted))
      if (!writer.append(cursor, timestampDelta, joins ? maxBytes : 0)) return false
      this.#note(baseOffset + cursor.offsetDelta, 1, shifted)
    }
    while (cursor.isAtRecord) cursor.next()
    return true
  }

  #takeNeighbours(source: Source, shift: number, maxBytes: number): void {
    const { cursor, baseOffset } = source
    while (cursor.isAtRecord) {
      const first = cursor.offsetDelta
      const before = this.count
      const maxDelta = this.#writer.appendNeighbours(cursor, shift, maxBytes)
      const taken = this.count - before
      if (taken === 0) return
      this.#note(baseOffset + first, taken, maxDelta)
    }
  }

  finish(codec: RecordBatch['compression'], maxBytes: number): RewrittenBatch {
    const bytes = this.#writer.finish(codec, this.#base.baseTimestampBytes, saturate(this.#maxTimestamp))
    const runs = this.#runs
    if (bytes.length <= maxBytes) return { bytes, runs }
    return { bytes, runs, tooLarge: { offset: runs[0]!.upstream, sizeInBytes: bytes.length } }
  }

  #note(upstream: number, count: number, timestampDelta: number): void {
    this.#maxTimestamp = Math.max(this.#maxTimestamp, this.#base.baseTimestamp + timestampDelta)
    if (this.#run !== undefined && upstream === this.#run.upstream + this.#run.count) {
      this.#run.count += count
      return
    }
    this.#run = { upstream, count }
    this.#runs.push(this.#run)
  }
}
