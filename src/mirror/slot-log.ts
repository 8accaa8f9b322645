// One partition of the progress topic, written by compare-and-append: every batch carries the log's end as its sequence, under
// the slot's producer id, so a write of a former owner that arrives late is refused by the target, and one that got in first
// is seen by us. Writes are gathered while one is under way. The target cannot compare two that claim an empty slot, each under an id of
// its own: what they append beside each other is seen by where it comes to stand, does not count (`readSlot`), and our sequences lag by it.
//
// Invariants:
// 1. At most one write is under way; a write whose fate is unknown is read back before anything else is sent.
// 2. `#end` is the log's end as of the last read or acknowledged write; whatever else is found there was written by another owner.
// 3. After `lost` nothing is written any more: the slot is read anew, or given up.
import { Backoff, retry } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import { LogAppender } from '../client/log-appender.ts'
import { fetchBatches } from '../client/log-reader.ts'
import { OffsetLookup } from '../client/offset-lookup.ts'
import { refusal } from '../client/refusal.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { HeliostatError } from '../platform/errors.ts'
import { type Platform, sleep } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { initProducerId } from '../protocol/messages/init-producer-id.ts'
import { BatchBuilder } from '../records/batch-builder.ts'
import { RecordBatch } from '../records/record-batch.ts'
import { incrementSequence } from '../records/sequence.ts'
import {
  ownerRecord,
  type ProducerIdentity,
  type ProgressRecord,
  producerRecord,
  SlotState,
} from './progress-record.ts'
import { readSlot, type TransactionalSlot } from './transactional-slot.ts'

/** Where a slot's partitions keep their progress. */
export interface ProgressLog {
  readonly state: SlotState
  readonly producer: ProducerIdentity
  /** Absent: records and progress are written one after the other. */
  readonly transaction?: TransactionalSlot
  /** Resolves when the records are durable, all or none. */
  write(records: readonly ProgressRecord[]): Promise<void>
  writeThen(records: readonly ProgressRecord[], done: (error: HeliostatError | undefined) => void): void
  open(options: { ifVacant: boolean }): Promise<{ wasClosed: boolean; isOccupied: boolean }>
  close(): void
}

interface Write {
  readonly records: readonly ProgressRecord[]
  done(error: HeliostatError | undefined): void
}

/** What slots of one topic do at the same time goes in requests that they share. */
export interface SlotRequests {
  readonly offsets: OffsetLookup
  readonly appender: LogAppender
}

export function slotRequests(platform: Platform, client: ClusterClient): SlotRequests {
  return { offsets: new OffsetLookup(platform, client), appender: new LogAppender(platform, client) }
}

const WRITE_BYTES = 512 * 1024
const CLAIM_ATTEMPTS = 5
const NEW_PRODUCER_RETRY = { initialMs: 20, maxMs: 500, timeoutMs: 5_000 }
const REFUSED = 'HEL_PROGRESS_REFUSED'

export class SlotLog implements ProgressLog {
  readonly slot: number
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #requests: SlotRequests
  readonly #partition: TopicPartition
  readonly #onLost: (reason: HeliostatError) => void
  readonly #backoff: Backoff
  readonly #stopping = new AbortController()
  #state = new SlotState()
  #end = 0
  /** Producer of the batch that ends the log; undefined when the log is empty. */
  #tail: RecordBatch | undefined
  /** By how much our sequences lag behind the log's offsets, for what others have appended there. */
  #lag = 0
  #waiting: Write[] = []
  #writing = false
  #lost = false

  constructor(
    platform: Platform,
    client: ClusterClient,
    topic: string,
    slot: number,
    onLost: (reason: HeliostatError) => void,
    requests: SlotRequests = slotRequests(platform, client),
  ) {
    this.slot = slot
    this.#platform = platform
    this.#client = client
    this.#requests = requests
    this.#partition = TopicPartition.of(topic, slot)
    this.#onLost = onLost
    this.#backoff = new Backoff(platform.random, { initialMs: 20, maxMs: 1_000 })
  }

  get state(): SlotState {
    return this.#state
  }

  get producer(): ProducerIdentity {
    if (!this.#state.producer) throw new Error('the slot is not open')
    return this.#state.producer
  }

  /**
   * Reads the slot, makes sure that it has a producer, and says that it has an owner. `wasClosed` when the last owner left
   * cleanly. With `ifVacant` a slot that may have an owner is left alone.
   */
  async open(options: { ifVacant: boolean }): Promise<{ wasClosed: boolean; isOccupied: boolean }> {
    await this.#read()
    if (options.ifVacant && this.#tail && !this.#state.closed) return { wasClosed: false, isOccupied: true }
    if (this.#tail?.isTransactional)
      throw new HeliostatError(
        'HEL_DELIVERY',
        `${this.#partition} was written with "delivery: transactional", which cannot be taken back: its target topics have no sequences to go on with`,
        { where: { topic: this.#partition.topic, partition: this.#partition.partition } },
      )
    for (let attempt = 1; !this.#isOurs(); attempt++) {
      if (attempt > CLAIM_ATTEMPTS) throw this.#foreign('its tail is not by its own producer')
      await this.#claim()
    }
    const wasClosed = this.#state.closed
    if (wasClosed) await this.write([ownerRecord('open')])
    return { wasClosed, isOccupied: false }
  }

  /** Resolves when the records are durable, all or none. */
  write(records: readonly ProgressRecord[]): Promise<void> {
    return new Promise((resolve, reject) => {
      this.writeThen(records, (error) => (error ? reject(error) : resolve()))
    })
  }

  writeThen(records: readonly ProgressRecord[], done: (error: HeliostatError | undefined) => void): void {
    if (this.#lost) {
      done(this.#foreign('it has another owner'))
      return
    }
    this.#waiting.push({ records, done })
    if (!this.#writing) {
      this.#writing = true
      this.#platform.clock.defer(() => void this.#writeAll())
    }
  }

  /** Nothing more is written; what waits is refused. */
  close(): void {
    this.#stopping.abort()
    this.#giveUp(new HeliostatError('HEL_SLOT_CLOSED', `slot ${this.slot} was given up`))
  }

  // ---- writing

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#lost) {
      const writes = this.#gather()
      const records = writes.flatMap((write) => write.records)
      try {
        await this.#append(this.#batch(records))
      } catch (error) {
        this.#waiting.unshift(...writes)
        this.#giveUp(error as HeliostatError)
        if (!this.#stopping.signal.aborted) this.#onLost(error as HeliostatError)
        break
      }
      for (const record of records) this.#state.wrote(record)
      for (const write of writes) write.done(undefined)
    }
    this.#writing = false
  }

  #gather(): Write[] {
    let bytes = 0
    let count = 0
    for (const write of this.#waiting) {
      bytes += write.records.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0)
      if (count > 0 && bytes > WRITE_BYTES) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  #batch(records: readonly ProgressRecord[]): RecordBatch {
    const { id, epoch } = this.producer
    const baseSequence = incrementSequence(this.#end, -this.#lag)
    const builder = new BatchBuilder({ producerId: id, producerEpoch: epoch, baseSequence })
    const timestamp = this.#platform.clock.now()
    for (const { key, value } of records) builder.append({ timestamp, key: Buffer.from(key), value })
    return new RecordBatch(builder.build())
  }

  /** Sends until it is known to be appended; throws when another owner wrote. */
  async #append(batch: RecordBatch): Promise<void> {
    for (;;) {
      const outcome = await this.#produce(batch)
      if (outcome === 'appended') break
      if (this.#lost) throw this.#foreign('it was given up')
      await sleep(this.#platform.clock, this.#backoff.next(), this.#stopping.signal)
      if (await this.#hasBeenAppended(batch)) break
    }
    this.#backoff.reset()
    this.#end += batch.count
    this.#tail = batch
  }

  async #produce(batch: RecordBatch): Promise<'appended' | 'unknown'> {
    const { topic, partition } = this.#partition
    try {
      const { errorCode, baseOffset } = await this.#requests.appender.append(this.#partition, batch.bytes)
      if (errorCode === ErrorCode.NONE) {
        if (baseOffset !== this.#end)
          throw this.#foreign(`a batch was appended at ${baseOffset}, expected was ${this.#end}`)
        return 'appended'
      }
      if (!errorOf(errorCode).retriable && errorCode !== ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
        throw refusal(REFUSED, 'progress cannot be written', errorCode, { where: { topic, partition } })
      await this.#client.refresh()
    } catch (error) {
      if (!(error instanceof HeliostatError && error.retriable)) throw error
    }
    return 'unknown'
  }

  /** Reads what stands at our end: nothing, our own batch, or another owner's. */
  async #hasBeenAppended(batch: RecordBatch): Promise<boolean> {
    try {
      const found = (await fetchBatches(this.#client, this.#partition, this.#end)).find(
        ({ lastOffset }) => lastOffset >= this.#end,
      )
      if (!found) return false
      const same =
        found.baseOffset === this.#end &&
        found.count === batch.count &&
        found.producerId === batch.producerId &&
        found.baseSequence === batch.baseSequence &&
        sameRecords(found, batch)
      if (!same) throw this.#foreign(`another owner wrote at ${this.#end}`)
      return true
    } catch (error) {
      if (error instanceof HeliostatError && error.retriable) return false
      throw error
    }
  }

  // ---- reading

  async #read(): Promise<void> {
    const range = await this.#requests.offsets.range(this.#partition)
    const end = range.to
    const lastBy = new Map<number, RecordBatch>()
    const state = await readSlot(this.#client, this.#partition, range, (batch) => {
      this.#tail = batch
      lastBy.set(batch.producerId, batch)
    })
    this.#state = state
    this.#end = end
    const last = state.producer && lastBy.get(state.producer.id)
    this.#lag = last && !last.isTransactional ? incrementSequence(end, -nextSequence(last)) : 0
  }

  /** Whether the slot's producer wrote the end of its log; one that owns no partition yet, at the sequence that is the offset. */
  #isOurs(): boolean {
    const { producer, owner } = this.#state
    if (!producer || !this.#tail) return false
    const { producerId, producerEpoch } = this.#tail
    return producerId === producer.id && producerEpoch === producer.epoch && (owner !== undefined || this.#lag === 0)
  }

  /** Two that claim at once see each other. */
  async #claim(): Promise<void> {
    const producer = this.#state.owner ?? (await this.#newProducer())
    this.#state.producer = producer
    if (!this.#state.owner) this.#lag = 0
    try {
      await this.#append(this.#batch([producerRecord(producer), ownerRecord('open')]))
    } catch (error) {
      // No right to write, and the like: to try again would only hide why.
      if ((error as HeliostatError).code === REFUSED) throw error
      // Another instance claimed the slot in the same moment: what the log says now counts, after a while of our own.
      await sleep(this.#platform.clock, this.#platform.random.fraction() * 200, this.#stopping.signal)
    }
    await this.#read()
  }

  /** For a slot through which nothing is mirrored yet. A broker that has just started has no ids at first, for a moment. */
  #newProducer(): Promise<ProducerIdentity> {
    const options = { ...NEW_PRODUCER_RETRY, signal: this.#stopping.signal }
    return retry(this.#platform.clock, this.#platform.random, options, () => this.#askForProducer())
  }

  async #askForProducer(): Promise<ProducerIdentity> {
    const response = await this.#client.send(initProducerId, { transactionalId: null, transactionTimeoutMs: 0 })
    if (response.errorCode !== ErrorCode.NONE) {
      const { name, retriable, message } = errorOf(response.errorCode)
      throw new HeliostatError('HEL_PRODUCER_ID', `the target gives no producer id: ${name} (${message})`, {
        retriable,
      })
    }
    return { id: response.producerId, epoch: response.producerEpoch }
  }

  #giveUp(reason: HeliostatError): void {
    this.#lost = true
    for (const write of this.#waiting.splice(0)) write.done(reason)
  }

  #foreign(why: string): HeliostatError {
    const { topic, partition } = this.#partition
    return new HeliostatError('HEL_SLOT_LOST', `slot ${this.slot} of ${topic} is not ours: ${why}`, {
      where: { topic, partition },
    })
  }
}

function nextSequence({ baseSequence, lastOffsetDelta }: RecordBatch): number {
  return incrementSequence(baseSequence, lastOffsetDelta + 1)
}

function sameRecords(found: RecordBatch, sent: RecordBatch): boolean {
  const a = found.records()
  const b = sent.records()
  const same = (x: Buffer | null, y: Buffer | null) => (x === null || y === null ? x === y : x.equals(y))
  return a.every((record, at) => same(record.key, b[at]!.key) && same(record.value, b[at]!.value))
}
