// The producers of one partition and their transactions: which batches are duplicates, which are out of order, and up to where
// every transaction is decided (the last stable offset).

import { ErrorCode } from '../../protocol/errors.ts'
import type { RecordBatch } from '../../records/record-batch.ts'
import { type BatchMetadata, follows, lastSequenceOf, NO_EPOCH, NO_SEQUENCE, ProducerEntry } from './producer-entry.ts'
import type { AbortedTransaction } from './transaction-index.ts'

/** Who appends: a client is checked, a copy of another replica's log is believed, a coordinator is checked but for sequences. */
export type AppendOrigin = 'client' | 'replication' | 'coordinator'

/**
 * That the coordinator is being asked, or has said, that this partition is in a producer's transaction (KIP-890): one for all batches
 * that wait to be the first of it. The first that is appended, and any marker, end it, so a batch that was held up for long cannot
 * open a transaction that nobody will ever end.
 */
export interface Verification {
  epoch: number
  /** Of the batches that wait; none above it may come first. */
  lowestSequence: number
  /** The producer has an epoch for each transaction, so without a state of it the first sequence is 0. */
  readonly bumpsEpoch: boolean
  readonly startedAt: number
}

/** What is known of batches beyond their bytes. */
export interface AppendClaims {
  /** undefined: nobody asks for one. UNVERIFIED: there is none, so a transaction must be open. */
  readonly verification?: Verification | typeof UNVERIFIED | undefined
  /** Of markers: from 2 on each transaction has an epoch of its own, and its marker the next. */
  readonly transactionVersion?: number
}

export const UNVERIFIED: unique symbol = Symbol('unverified')

const NO_CLAIMS: AppendClaims = {}
const FIRST_VERSION_WITH_EPOCH_BUMP = 2

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
// 4. A producer is in `#verifications` from its first question on, until it has a batch or a marker in the log.
export class ProducerState {
  readonly #entries = new Map<number, ProducerEntry>()
  readonly #open = new Map<number, OpenTransaction>()
  readonly #verifications = new Map<number, Verification>()
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

  hasOpenTransaction(producerId: number, epoch: number): boolean {
    const entry = this.#entries.get(producerId)
    return entry !== undefined && entry.txnFirstOffset >= 0 && entry.epoch === epoch
  }

  /** For a batch that would open a transaction, before the coordinator is asked about it. */
  startVerification(producerId: number, asked: Verification): Verification {
    const known = this.#verifications.get(producerId)
    if (known === undefined) {
      this.#verifications.set(producerId, asked)
      return asked
    }
    if (asked.bumpsEpoch && asked.epoch > known.epoch) {
      known.epoch = asked.epoch
      known.lowestSequence = asked.lowestSequence
    } else if (asked.epoch === known.epoch) {
      known.lowestSequence = Math.min(known.lowestSequence, asked.lowestSequence)
    }
    return known
  }

  /** Whether its transaction is open, or may be opened with this. */
  isVerified(producerId: number, epoch: number, verification: AppendClaims['verification']): boolean {
    return this.hasOpenTransaction(producerId, epoch) || this.#verifications.get(producerId) === verification
  }

  /** Says what appending these batches, whose offsets are set, would do; changes nothing. */
  check(batches: readonly RecordBatch[], origin: AppendOrigin, claims: AppendClaims = NO_CLAIMS): ProducerUpdate {
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
        ? applyMarker(entry, batch, origin, completed, claims)
        : (this.#unverified(batch, claims) ??
          applyData(entry, batch, origin, lastSequence, this.#awaited(batch, claims)))
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
    for (const entry of update.entries.values()) {
      this.#entries.set(entry.producerId, entry)
      this.#verifications.delete(entry.producerId)
    }
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
    for (const [producerId, { startedAt }] of this.#verifications) {
      if (now - startedAt >= expirationMs) this.#verifications.delete(producerId)
    }
  }

  /** Invariant 4: a batch may open a transaction only with the verification that still stands. */
  #unverified(batch: RecordBatch, { verification }: AppendClaims): Refusal {
    if (verification === undefined || !batch.isTransactional) return undefined
    if (this.isVerified(batch.producerId, batch.producerEpoch, verification)) return undefined
    return { error: ErrorCode.INVALID_TXN_STATE, message: 'Record was not part of an ongoing transaction' }
  }

  /** The verification that other batches of this producer wait with too. */
  #awaited(batch: RecordBatch, { verification }: AppendClaims): Verification | undefined {
    return verification === undefined ? undefined : this.#verifications.get(batch.producerId)
  }

  #begin({ producerId, firstOffset }: StartedTransaction): void {
    this.#open.set(firstOffset, { producerId, firstOffset, markerOffset: undefined })
  }
}

type Refusal = { error: number; message: string } | undefined

function applyData(
  entry: ProducerEntry,
  batch: RecordBatch,
  origin: AppendOrigin,
  lastSequence: number,
  awaited: Verification | undefined,
): Refusal {
  const refusal =
    staleEpoch(entry, batch, origin, batch.producerEpoch < entry.epoch) ??
    (origin === 'client' ? outOfOrder(entry, batch, awaited) : undefined)
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
  { transactionVersion = 0 }: AppendClaims,
): Refusal {
  const { producerEpoch } = batch
  const isRetry = producerEpoch === entry.epoch && entry.txnFirstOffset < 0
  const isStale =
    transactionVersion >= FIRST_VERSION_WITH_EPOCH_BUMP
      ? producerEpoch <= entry.epoch && !isRetry
      : producerEpoch < entry.epoch
  const refusal = staleEpoch(entry, batch, origin, isStale)
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

function staleEpoch(entry: ProducerEntry, batch: RecordBatch, origin: AppendOrigin, isStale: boolean): Refusal {
  if (!isStale || origin === 'replication') return undefined
  return refuse(ErrorCode.INVALID_PRODUCER_EPOCH, batch, `comes after epoch ${entry.epoch}`)
}

function outOfOrder(entry: ProducerEntry, batch: RecordBatch, awaited: Verification | undefined): Refusal {
  if (awaited !== undefined) {
    const isUnknown = entry.batches.length === 0
    if (awaited.bumpsEpoch && isUnknown && batch.baseSequence !== 0) {
      return refuse(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, batch, 'should begin with sequence 0')
    }
    if (batch.baseSequence > awaited.lowestSequence) {
      const why = `comes before sequence ${awaited.lowestSequence}, which waits`
      return refuse(ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, batch, why)
    }
  }
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
