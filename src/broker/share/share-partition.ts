import type { Clock, Timer } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { type RecordBatch, splitBatches } from '../../records/record-batch.ts'
import type { ShareKey } from '../coordinator/share/share-state.ts'
import type { Isolation } from '../log/partition-log.ts'
import type { Partition } from '../partition.ts'
import type { Acknowledgement, AcquiredRecords, Delivery, StateBatch } from './delivery.ts'
import { readRanges } from './hidden-records.ts'
import type { ShareStore } from './share-store.ts'

/** What holds for the group, as it is set now. */
export interface ShareRules {
  readonly isolation: Isolation
  readonly recordLockMs: number
  readonly deliveryCountLimit: number
  readonly maxRecordLocks: number
}

export interface SharePartitionOptions {
  readonly key: ShareKey
  readonly partition: Partition
  readonly delivery: Delivery
  readonly stateEpoch: number
  readonly clock: Clock
  readonly store: ShareStore
  readonly rules: () => ShareRules
  /** What was told last did not become durable: all of this is to be read anew. */
  readonly onLost: () => void
}

export interface Acquisition {
  readonly errorCode: number
  readonly acquired: readonly AcquiredRecords[]
  /** Whole batches, which may hold more than was acquired. */
  readonly records: readonly Buffer[]
  readonly bytes: number
}

export interface AcquireWish {
  readonly maxRecords: number
  readonly isExact: boolean
  readonly maxBytes: number
  /** What is acquired is told in ranges that end with a batch as soon as they have so many records. */
  readonly rangeRecords: number
}

/** What became of what a member said of its records. */
export interface Settlement {
  readonly errorCode: number
  readonly errorMessage: string | null
}

export const SETTLED: Settlement = { errorCode: ErrorCode.NONE, errorMessage: null }

const NOTHING = { acquired: [], records: [], bytes: 0 } as const

/**
 * One share group in one partition, at the partition's leader.
 *
 * 1. What is acknowledged counts at once, and is answered when the share coordinator has it. If it does not get it, this is given up and
 *    read anew: records may then be delivered once more, never lost.
 * 2. The share coordinator hears of changes in the order in which they happened.
 */
export class SharePartition {
  readonly partition: Partition
  /** The partition's when this was read: of a later one it knows nothing. */
  readonly leaderEpoch: number
  readonly #options: SharePartitionOptions
  readonly #delivery: Delivery
  readonly #waiting = new Set<() => void>()
  #lockTimer: Timer | undefined
  #lastWrite: Promise<unknown> = Promise.resolve()
  #closed = false

  constructor(options: SharePartitionOptions) {
    this.#options = options
    this.partition = options.partition
    this.leaderEpoch = options.partition.leaderEpoch
    this.#delivery = options.delivery
  }

  /** Gives the member what there is for it, reading on while only what nobody may have is found. */
  acquire(memberId: string, { maxRecords, isExact, maxBytes, rangeRecords }: AcquireWish): Acquisition {
    const { clock, rules } = this.#options
    const { isolation, recordLockMs, maxRecordLocks } = rules()
    const { log } = this.partition
    const delivery = this.#delivery
    delivery.startAtLeast(log.logStartOffset)
    for (;;) {
      const from = delivery.nextFetchOffset
      const isFull = delivery.endOffset - delivery.startOffset >= maxRecordLocks
      if (this.#closed || (isFull && from >= delivery.endOffset)) return { errorCode: ErrorCode.NONE, ...NOTHING }
      const read = log.read(from, maxBytes, { isolation, minOneMessage: true })
      if (!('batches' in read)) return { errorCode: read.error, ...NOTHING }
      const { batches } = splitBatches(Buffer.concat(read.batches))
      if (batches.length === 0) return { errorCode: ErrorCode.NONE, ...NOTHING }
      const lockedUntilMs = clock.monotonic() + recordLockMs
      const ranges = readRanges(batches, read.abortedTransactions)
      const acquired = delivery.acquire(memberId, from, ranges, { maxRecords, isExact, lockedUntilMs })
      if (acquired.length > 0) {
        this.#armLocks()
        const records = bytesOf(batches, acquired)
        return {
          errorCode: ErrorCode.NONE,
          acquired: inRanges(acquired, rangeRecords),
          records,
          bytes: records.reduce((sum, { length }) => sum + length, 0),
        }
      }
      if (delivery.nextFetchOffset === from) return { errorCode: ErrorCode.NONE, ...NOTHING }
    }
  }

  /** Resolves when it is durable, or to why not. */
  async acknowledge(memberId: string, batches: readonly Acknowledgement[]): Promise<Settlement> {
    const { clock, rules } = this.#options
    const { deliveryCountLimit, recordLockMs } = rules()
    const refusal = this.#delivery.refusal(memberId, batches)
    if (refusal) return { errorCode: ErrorCode[refusal.code], errorMessage: refusal.message }
    const changed = this.#delivery.acknowledge(batches, deliveryCountLimit, clock.monotonic() + recordLockMs)
    return { errorCode: await this.#changed(changed), errorMessage: null }
  }

  /** The member's session is over. */
  async release(memberId: string): Promise<void> {
    await this.#changed(this.#delivery.releaseOf(memberId, this.#options.rules().deliveryCountLimit))
  }

  /** Calls back whenever there may be something to acquire that was not there before, in the log too. */
  onAvailable(listener: () => void): () => void {
    const { partition, rules } = { ...this.#options }
    const hears = rules().isolation === 'read_committed' ? 'onLastStableOffset' : 'onHighWatermark'
    const unsubscribe = partition[hears](listener)
    this.#waiting.add(listener)
    return () => {
      unsubscribe()
      this.#waiting.delete(listener)
    }
  }

  close(): void {
    this.#closed = true
    this.#lockTimer?.cancel()
    for (const listener of [...this.#waiting]) listener()
  }

  #changed(changed: readonly StateBatch[]): Promise<number> {
    this.#armLocks()
    if (changed.length === 0) return Promise.resolve(ErrorCode.NONE)
    for (const listener of [...this.#waiting]) listener()
    const { store, key, stateEpoch, onLost } = this.#options
    const { startOffset, completeCount: deliveryCompleteCount } = this.#delivery
    const stateBatches = changed.filter(({ lastOffset }) => lastOffset >= startOffset)
    const news = { stateEpoch, leaderEpoch: this.leaderEpoch, startOffset, deliveryCompleteCount, stateBatches }
    const write = this.#lastWrite.then(async () => {
      const { errorCode } = await store.ask({ type: 'write', key, ...news })
      if (errorCode !== ErrorCode.NONE) onLost()
      return errorCode === ErrorCode.FENCED_LEADER_EPOCH ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode
    })
    this.#lastWrite = write
    return write
  }

  #armLocks(): void {
    const { clock, rules } = this.#options
    this.#lockTimer?.cancel()
    this.#lockTimer = undefined
    const endMs = this.#delivery.nextLockEndMs
    if (this.#closed || endMs === Number.POSITIVE_INFINITY) return
    this.#lockTimer = clock.setTimer(Math.max(0, endMs - clock.monotonic()), () => {
      void this.#changed(this.#delivery.releaseExpired(clock.monotonic(), rules().deliveryCountLimit))
    })
  }
}

/** Neighbours that were delivered equally often together. */
function inRanges(acquired: readonly AcquiredRecords[], records: number): AcquiredRecords[] {
  const ranges: AcquiredRecords[] = []
  for (const next of acquired) {
    const last = ranges.at(-1)
    const goesOn = last && last.lastOffset + 1 === next.firstOffset && last.deliveryCount === next.deliveryCount
    const isFull = last !== undefined && last.lastOffset - last.firstOffset + 1 >= records
    if (goesOn && !isFull) ranges[ranges.length - 1] = { ...last, lastOffset: next.lastOffset }
    else ranges.push(next)
  }
  return ranges
}

/** From the first batch that holds something acquired to the last. */
function bytesOf(batches: readonly RecordBatch[], acquired: readonly AcquiredRecords[]): Buffer[] {
  const first = acquired[0]!.firstOffset
  const last = acquired.at(-1)!.lastOffset
  return batches.filter((batch) => batch.lastOffset >= first && batch.baseOffset <= last).map(({ bytes }) => bytes)
}
