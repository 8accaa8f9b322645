// A slot whose records and progress are written in one transaction, again and again: whatever the target shows to readers of committed
// data, the progress beside it says exactly that. The slot's transactional id fences its owner before.
//
// Invariants
// 1. A partition sends only while it was added to the open transaction, and not from the moment that its end began.
// 2. The progress of a transaction is written when every batch of it has been acknowledged, and before it is committed.
// 3. After any failure, or an outcome that nobody knows, the slot is lost: it is opened anew, under the next epoch, and read anew.
import type { ClusterClient } from '../client/cluster-client.ts'
import { readLog } from '../client/log-reader.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { produce } from '../protocol/messages/produce.ts'
import { BatchBuilder } from '../records/batch-builder.ts'
import type { RecordBatch } from '../records/record-batch.ts'
import { incrementSequence } from '../records/sequence.ts'
import { Transaction } from '../sink/transaction.ts'
import {
  isOfPartition,
  ownerRecord,
  type ProducerIdentity,
  type ProgressRecord,
  SlotState,
  writersRecord,
} from './progress-record.ts'
import type { ProgressLog } from './slot-log.ts'

/** A partition that writes in the slot's transactions. */
export interface TransactionMember {
  readonly remote: TopicPartition
  /** Batches that were sent and not answered. */
  readonly inFlight: number
  /** It may send. */
  admitted(): void
  /** What its progress is now, as records; all that it sent has been acknowledged. */
  takeProgress(): ProgressRecord[]
  committed(): void
}

export interface TransactionalSlotOptions {
  readonly transactionalId: string
  readonly commitIntervalMs: number
  /** Moments at which a test may step in. */
  reached(step: 'commit-begun' | 'commit-sent' | 'committed'): void
  onLost(reason: HeliostatError): void
}

interface Write {
  readonly records: readonly ProgressRecord[]
  done(error: HeliostatError | undefined): void
}

const WRITE_BYTES = 512 * 1024
/** The last in which a producer says beforehand what it will write (before KIP-890). */
const PRODUCE_VERSION_MAX = 11
const TIMEOUT_MS = 30_000

export class TransactionalSlot implements ProgressLog {
  readonly transaction: TransactionalSlot = this
  readonly transactionalId: string
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #partition: TopicPartition
  readonly #options: TransactionalSlotOptions
  readonly #transaction: Transaction
  #state = new SlotState()
  #producer: ProducerIdentity | undefined
  #phase: 'idle' | 'open' | 'ending' | 'lost' = 'idle'
  /** Partitions of the open transaction. */
  readonly #members = new Set<TransactionMember>()
  readonly #waiting = new Set<TransactionMember>()
  #isProgressAdded = false
  #adding: Promise<void> | undefined
  #drained: (() => void) | undefined
  #writes: Write[] = []
  #commitTimer: Timer | undefined
  #sequence = 0

  constructor(
    platform: Platform,
    client: ClusterClient,
    topic: string,
    slot: number,
    options: TransactionalSlotOptions,
  ) {
    this.#platform = platform
    this.#client = client
    this.#partition = TopicPartition.of(topic, slot)
    this.#options = options
    this.transactionalId = options.transactionalId
    this.#transaction = new Transaction(platform, client, options.transactionalId)
  }

  get state(): SlotState {
    return this.#state
  }

  get producer(): ProducerIdentity {
    if (!this.#producer) throw new Error('the slot is not open')
    return this.#producer
  }

  /** Fences the owner before and reads what it committed. With `ifVacant` a slot that may have an owner is left alone. */
  async open({ ifVacant }: { ifVacant: boolean }): Promise<{ wasClosed: boolean; isOccupied: boolean }> {
    if (ifVacant) {
      const isEmpty = await this.#read()
      if (!isEmpty && !this.#state.closed) return { wasClosed: false, isOccupied: true }
    }
    this.#producer = await this.#transaction.open()
    await this.#read()
    const { closed: wasClosed, writers } = this.#state
    const news = writers.has(this.producer.id) ? [] : [writersRecord([...writers, this.producer.id])]
    await this.write([ownerRecord('open'), ...news])
    return { wasClosed, isOccupied: false }
  }

  write(records: readonly ProgressRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.writeThen(records, (error) => (error ? reject(error) : resolve()))
    })
  }

  /** In the transaction that is open, or one of its own, which is committed at once. */
  writeThen(records: readonly ProgressRecord[], done: (error: HeliostatError | undefined) => void): void {
    if (this.#phase === 'lost') {
      done(this.#lostBecause('it was given up'))
      return
    }
    this.#writes.push({ records, done })
    this.#commitSoon(0)
  }

  close(): void {
    this.#giveUp(new HeliostatError('HEL_SLOT_CLOSED', `slot ${this.#partition.partition} was given up`))
  }

  // ---- for its partitions

  admits(member: TransactionMember): boolean {
    return this.#phase === 'open' && this.#members.has(member)
  }

  /** It has something to send; `admitted` follows when it may, unless it may already. */
  enlist(member: TransactionMember): void {
    if (this.#phase === 'lost') return
    if (this.admits(member)) {
      member.admitted()
      return
    }
    this.#waiting.add(member)
    this.#addWaiting()
  }

  forget(member: TransactionMember): void {
    this.#waiting.delete(member)
  }

  /** One of its batches was answered. */
  landed(): void {
    if (this.#drained && this.#isDrained) this.#drained()
  }

  /** What was written in the open transaction must not be committed. */
  fail(reason: HeliostatError): void {
    if (this.#phase === 'lost') return
    this.#giveUp(reason)
    this.#options.onLost(reason)
  }

  // ---- transactions

  get #isDrained(): boolean {
    return [...this.#members].every(({ inFlight }) => inFlight === 0)
  }

  #addWaiting(): void {
    if (this.#adding || this.#waiting.size === 0 || (this.#phase !== 'idle' && this.#phase !== 'open')) return
    this.#adding = new Promise<void>((resolve) => this.#platform.clock.defer(resolve))
      .then(() => this.#add())
      .catch((error: HeliostatError) => this.fail(error))
      .finally(() => {
        this.#adding = undefined
        this.#addWaiting()
      })
  }

  async #add(): Promise<void> {
    if (this.#phase !== 'idle' && this.#phase !== 'open') return
    const joining = [...this.#waiting]
    this.#waiting.clear()
    await this.#transaction.add([...joining.map(({ remote }) => remote), ...this.#progressUnlessAdded()])
    if ((this.#phase as string) === 'lost') return
    if (this.#phase === 'idle') {
      this.#phase = 'open'
      this.#commitSoon(this.#options.commitIntervalMs)
    }
    for (const member of joining) this.#members.add(member)
    for (const member of joining) member.admitted()
  }

  #progressUnlessAdded(): TopicPartition[] {
    if (this.#isProgressAdded) return []
    this.#isProgressAdded = true
    return [this.#partition]
  }

  #commitSoon(ms: number): void {
    if (this.#phase === 'ending' || (this.#commitTimer && ms > 0)) return
    this.#commitTimer?.cancel()
    this.#commitTimer = this.#platform.clock.setTimer(ms, () => {
      this.#commitTimer = undefined
      this.#commit().catch((error: HeliostatError) => this.fail(error))
    })
  }

  async #commit(): Promise<void> {
    await this.#adding
    if (this.#phase === 'lost' || this.#phase === 'ending') return
    if (this.#phase === 'idle' && this.#writes.length === 0) return
    this.#phase = 'ending'
    if (!this.#isDrained) await new Promise<void>((resolve) => (this.#drained = resolve))
    this.#drained = undefined
    if ((this.#phase as string) === 'lost') return
    const writes = this.#writes.splice(0)
    const members = [...this.#members]
    try {
      const progress = this.#progressUnlessAdded()
      if (progress.length > 0) await this.#transaction.add(progress)
      const records = [
        ...members.flatMap((member) => member.takeProgress()),
        ...writes.flatMap((write) => write.records),
      ]
      this.#options.reached('commit-begun')
      for (const batch of this.#batches(records)) await this.#produce(batch)
      const committing = this.#transaction.commit()
      this.#options.reached('commit-sent')
      await committing
      this.#options.reached('committed')
      if ((this.#phase as string) === 'lost') throw this.#lostBecause('it was given up')
      for (const record of records) this.#state.wrote(record)
    } catch (error) {
      for (const write of writes) write.done(error as HeliostatError)
      throw error
    }
    this.#members.clear()
    this.#isProgressAdded = false
    this.#phase = 'idle'
    for (const write of writes) write.done(undefined)
    for (const member of members) member.committed()
    if (this.#writes.length > 0) this.#commitSoon(0)
    this.#addWaiting()
  }

  *#batches(records: readonly ProgressRecord[]): Generator<Buffer> {
    const timestamp = this.#platform.clock.now()
    let builder: BatchBuilder | undefined
    for (const { key, value } of records) {
      const bytes = key.length + (value?.length ?? 0)
      if (builder && builder.sizeInBytes + bytes > WRITE_BYTES) {
        yield this.#built(builder)
        builder = undefined
      }
      builder ??= new BatchBuilder({
        producerId: this.producer.id,
        producerEpoch: this.producer.epoch,
        baseSequence: this.#sequence,
        transactional: true,
      })
      builder.append({ timestamp, key: Buffer.from(key), value })
    }
    if (builder) yield this.#built(builder)
  }

  #built(builder: BatchBuilder): Buffer {
    this.#sequence = incrementSequence(this.#sequence, builder.count)
    return builder.build()
  }

  async #produce(batch: Buffer): Promise<void> {
    const { topic, partition } = this.#partition
    const leader = this.#client.leaderOf(topic, partition)
    if (!leader) throw this.#lostBecause('it has no leader at the moment')
    const connection = await this.#client.node(leader.nodeId, 'control')
    const response = await connection.send(
      produce,
      {
        transactionalId: this.transactionalId,
        acks: -1,
        timeoutMs: TIMEOUT_MS,
        topicData: [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }],
      },
      { version: Math.min(PRODUCE_VERSION_MAX, connection.versionOf(produce)) },
    )
    const { errorCode } = response.responses[0]!.partitionResponses[0]!
    if (errorCode === ErrorCode.NONE) return
    const { name, message } = errorOf(errorCode)
    throw this.#lostBecause(`its progress cannot be written: ${name} (${message})`, errorCode)
  }

  /** What was committed; true when there is nothing at all. */
  async #read(): Promise<boolean> {
    const range = await new OffsetLookup(this.#platform, this.#client).range(this.#partition)
    this.#state = await readSlot(this.#client, this.#partition, range)
    return range.from === range.to
  }

  #giveUp(reason: HeliostatError): void {
    this.#phase = 'lost'
    this.#commitTimer?.cancel()
    this.#transaction.close()
    this.#waiting.clear()
    this.#drained?.()
    for (const write of this.#writes.splice(0)) write.done(reason)
  }

  #lostBecause(why: string, errorCode?: number): HeliostatError {
    const { topic, partition } = this.#partition
    return new HeliostatError('HEL_SLOT_LOST', `slot ${partition} of ${topic} is lost: ${why}`, {
      where: { topic, partition, ...(errorCode !== undefined && { errorCode }) },
    })
  }
}

/** Whether another instance took the transactional id over. */
export function isFenced({ where }: HeliostatError): boolean {
  return where?.['errorCode'] === ErrorCode.INVALID_PRODUCER_EPOCH || where?.['errorCode'] === ErrorCode.PRODUCER_FENCED
}

/**
 * Reads a slot as readers of committed data see it; only one producer at a time writes there in transactions. Without them whoever writes
 * of a partition first, on what it has read, is the owner for good. What others append later, who claimed the slot when it was still
 * empty, does not count: they are told so by the place where it came to stand.
 */
export async function readSlot(
  client: ClusterClient,
  topicPartition: TopicPartition,
  range: { readonly from: number; readonly to: number },
  seen: (batch: RecordBatch) => void = () => {},
): Promise<SlotState> {
  const state = new SlotState()
  let open: ProgressRecord[] = []
  for await (const batch of readLog(client, topicPartition, range)) {
    seen(batch)
    if (batch.isControl) {
      if (batch.controlType() === 'commit') for (const record of open) state.apply(record)
      open = []
      continue
    }
    const records: ProgressRecord[] = []
    // The frame is not kept for the sake of a few records of it.
    for (const { key, value } of batch.records())
      if (key) records.push({ key: key.toString(), value: value && Buffer.from(value) })
    if (batch.isTransactional) {
      open.push(...records)
      continue
    }
    const { producerId: id, producerEpoch: epoch } = batch
    if (records.some(isOfPartition)) state.owner ??= { id, epoch }
    if (!state.owner || id === state.owner.id) for (const record of records) state.apply(record)
  }
  state.producer = state.owner ?? state.producer
  return state
}
