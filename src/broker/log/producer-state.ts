// The producers of one partition and their transactions: which batches are duplicates, which are out of order, and up to where
// every transaction is decided (the last stable offset).

import { ErrorCode } from '../../protocol/errors.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { type BatchMetadata, follows, lastSequenceOf, NO_EPOCH, NO_SEQUENCE, ProducerEntry } from './producer-entry.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** Who appends: a client is checked, a copy of another replica's log is believed, a coordinator is checked but for sequences. */
export type AppendOrigin = 'client' | 'replication' | 'coordinator'

/** What an append will do to the producers, worked out before anything is written. */
export interface ProducerUpdate {
  readonly error: number
  readonly message: string
  readonly duplicate: BatchMetadata | undefined
  readonly entries: ReadonlyMap<number, ProducerEntry>
  readonly started: readonly StartedTransaction[]
  readonly completed: readonly CompletedTransaction[]
}

interface StartedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

interface CompletedTransaction extends StartedTransaction {
  readonly markerOffset: number
  readonly aborted: boolean
}

interface OpenTransaction extends StartedTransaction {
  /** Set when the marker is in the log but may not be on every replica yet. */
  markerOffset: number | undefined
}

const NOTHING: ProducerUpdate = {
  error: 0,
  message: '',
  duplicate: undefined,
  entries: new Map(),
  started: [],
  completed: [],
}

// Invariants:
// 1. The state is that of the log's batches below `endOffset`, less the producers that have expired.
// 2. `#open` is in order of first offsets; it holds every transaction without a marker, and those whose marker is at or above
//    the high watermark. The first of it is the first unstable offset.
// 3. An entry of `#entries` is never changed in place by `check`: what is refused leaves no trace.
export class ProducerState {
  readonly #entries = new Map<number, ProducerEntry>()
  readonly #open = new Map<number, OpenTransaction>()
  /** The offset after the last batch that this state knows. */
  endOffset = 0

  get entries(): ReadonlyMap<number, ProducerEntry> {
    return this.#entries
  }

  get firstUnstableOffset(): number | undefined {
    return this.#open.keys().next().value
  }

  /** The first offset of the oldest transaction that has no marker yet. */
  get firstUndecidedOffset(): number | undefined {
    for (const transaction of this.#open.values()) {
      if (transaction.markerOffset === undefined) return transaction.firstOffset
    }
    return undefined
  }

  /** Says what appending these batches, whose offsets are set, would do; changes nothing. */
  check(batches: readonly RecordBatch[], origin: AppendOrigin): ProducerUpdate {
    if (batches.every((batch) => batch.producerId < 0)) return NOTHING
    const entries = new Map<number, ProducerEntry>()
    const started: StartedTransaction[] = []
    const completed: CompletedTransaction[] = []
    for (const batch of batches) {
      if (batch.producerId < 0) continue
      const known = entries.get(batch.producerId) ?? this.#entries.get(batch.producerId)
      const lastSequence = lastSequenceOf(batch.baseSequence, batch.lastOffsetDelta)
      const duplicate =
        origin === 'client' ? known?.duplicateOf(batch.producerEpoch, batch.baseSequence, lastSequence) : undefined
      if (duplicate !== undefined) return { ...NOTHING, duplicate }
      const entry = known?.copy() ?? new ProducerEntry(batch.producerId)
      const refusal = batch.isControl
        ? applyMarker(entry, batch, origin, completed)
        : applyData(entry, batch, origin, lastSequence)
      if (refusal !== undefined) return { ...NOTHING, ...refusal }
      if (entry.txnFirstOffset >= 0 && entry.txnFirstOffset !== known?.txnFirstOffset) {
        started.push({ producerId: batch.producerId, firstOffset: entry.txnFirstOffset })
      }
      entries.set(batch.producerId, entry)
    }
    return { ...NOTHING, entries, started, completed }
  }

  /** Takes over what `check` worked out, once the batches are in the log; returns the aborted transactions for the index. */
  apply(update: ProducerUpdate, endOffset: number): AbortedTransaction[] {
    for (const entry of update.entries.values()) this.#entries.set(entry.producerId, entry)
    for (const transaction of update.started) this.#begin(transaction)
    const aborted: AbortedTransaction[] = []
    for (const { producerId, firstOffset, markerOffset, aborted: isAborted } of update.completed) {
      const transaction = this.#open.get(firstOffset)
      if (transaction !== undefined) transaction.markerOffset = markerOffset
      if (!isAborted) continue
      const lastStableOffset = this.firstUndecidedOffset ?? markerOffset + 1
      aborted.push({ producerId, firstOffset, lastOffset: markerOffset, lastStableOffset })
    }
    this.endOffset = endOffset
    return aborted
  }

  /** Learns from a batch that is in the log already. */
  replay(batch: RecordBatch): AbortedTransaction[] {
    return this.apply(this.check([batch], 'replication'), batch.nextOffset)
  }

  /** Restores a snapshot's entries. */
  load(entries: readonly ProducerEntry[], endOffset: number): void {
    for (const entry of entries) this.#entries.set(entry.producerId, entry)
    const open = entries.filter((entry) => entry.txnFirstOffset >= 0)
    open.sort((one, other) => one.txnFirstOffset - other.txnFirstOffset)
    for (const { producerId, txnFirstOffset } of open) this.#begin({ producerId, firstOffset: txnFirstOffset })
    this.endOffset = endOffset
  }

  /** Decided transactions below the high watermark hold nobody back any more. */
  highWatermarkIs(highWatermark: number): void {
    for (const [firstOffset, transaction] of this.#open) {
      if (transaction.markerOffset !== undefined && transaction.markerOffset < highWatermark)
        this.#open.delete(firstOffset)
    }
  }

  /** Forgets producers that were silent too long and have no open transaction. */
  expire(now: number, expirationMs: number): void {
    for (const [producerId, entry] of this.#entries) {
      if (entry.txnFirstOffset < 0 && now - entry.lastTimestamp >= expirationMs) this.#entries.delete(producerId)
    }
  }

  #begin({ producerId, firstOffset }: StartedTransaction): void {
    this.#open.set(firstOffset, { producerId, firstOffset, markerOffset: undefined })
  }
}

type Refusal = { error: number; message: string } | undefined

function applyData(entry: ProducerEntry, batch: RecordBatch, origin: AppendOrigin, lastSequence: number): Refusal {
  const refusal = staleEpoch(entry, batch, origin) ?? (origin === 'client' ? outOfOrder(entry, batch) : undefined)
  if (refusal !== undefined) return refusal
  if (entry.txnFirstOffset >= 0 && !batch.isTransactional && origin !== 'replication') {
    return refuse(ErrorCode.INVALID_TXN_STATE, batch, 'is not transactional while a transaction is open')
  }
  entry.addBatch(batch.producerEpoch, {
    lastSequence,
    lastOffset: batch.lastOffset,
    offsetDelta: batch.lastOffsetDelta,
    timestamp: batch.maxTimestamp,
  })
  if (batch.isTransactional && entry.txnFirstOffset < 0) entry.txnFirstOffset = batch.baseOffset
  return undefined
}

function applyMarker(
  entry: ProducerEntry,
  batch: RecordBatch,
  origin: AppendOrigin,
  completed: CompletedTransaction[],
): Refusal {
  const refusal = staleEpoch(entry, batch, origin)
  if (refusal !== undefined) return refusal
  // Compaction keeps an empty control batch for its epoch alone: its transaction is gone.
  if (batch.count === 0) return undefined
  const marker = batch.records()[0]!
  const coordinatorEpoch = marker.value?.readInt32BE(2) ?? 0
  if (coordinatorEpoch < entry.coordinatorEpoch && origin !== 'replication') {
    return refuse(ErrorCode.TRANSACTION_COORDINATOR_FENCED, batch, `comes from coordinator epoch ${coordinatorEpoch}`)
  }
  if (entry.txnFirstOffset >= 0) {
    completed.push({
      producerId: batch.producerId,
      firstOffset: entry.txnFirstOffset,
      markerOffset: batch.lastOffset,
      aborted: batch.controlType() === 'abort',
    })
  }
  entry.endTransaction(batch.producerEpoch, coordinatorEpoch, marker.timestamp)
  return undefined
}

function staleEpoch(entry: ProducerEntry, batch: RecordBatch, origin: AppendOrigin): Refusal {
  if (batch.producerEpoch >= entry.epoch || origin === 'replication') return undefined
  return refuse(ErrorCode.INVALID_PRODUCER_EPOCH, batch, `is older than epoch ${entry.epoch}`)
}

function outOfOrder(entry: ProducerEntry, batch: RecordBatch): Refusal {
  // A producer that is not known, or no longer, may begin with any sequence.
  if (entry.epoch === NO_EPOCH) return undefined
  const isNewEpoch = batch.producerEpoch !== entry.epoch
  const last = isNewEpoch ? NO_SEQUENCE : entry.lastSequence
  if (follows(last, batch.baseSequence)) return undefined
  return refuse(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, batch, `does not follow sequence ${last}`)
}

function refuse(error: number, batch: RecordBatch, why: string): Refusal {
  const { producerId, producerEpoch, baseSequence } = batch
  return {
    error,
    message: `The batch of producer ${producerId}, epoch ${producerEpoch}, sequence ${baseSequence}, ${why}`,
  }
}
