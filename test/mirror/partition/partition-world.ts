// A world for one PartitionMirror without sockets: a source log that may be compacted, a target that checks sequences as Kafka
// does, a network that delivers late or never, and lives that end at any step. One seed replays it all.
import { TopicPartition } from '../../../src/client/topic-partition.ts'
import type { OutgoingBatch } from '../../../src/mirror/partition/outbox.ts'
import { PartitionMirror } from '../../../src/mirror/partition/partition-mirror.ts'
import { OffsetMap } from '../../../src/offset-translation/offset-map.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { BatchBuilder } from '../../../src/records/batch-builder.ts'
import { RecordBatch } from '../../../src/records/record-batch.ts'
import { AbortedFilter, type AbortedTransaction } from '../../../src/source/aborted-filter.ts'
import { FrameBudget } from '../../../src/source/frame-lease.ts'
import { type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import { randomOf } from '../../support/source-logs.ts'

const PRODUCER = { id: 77, epoch: 0 }
const SEQUENCES = 2 ** 31

interface Entry {
  readonly batch: RecordBatch
  readonly baseOffset: number
}

/** Appends what fits its end, knows the newest five batches again, refuses all else: Kafka's rule for a producer. */
class TargetLog {
  readonly entries: Entry[] = []
  readonly records: SeenRecord[] = []

  append(bytes: Buffer): { errorCode: number; baseOffset: number } {
    const batch = new RecordBatch(Buffer.from(bytes))
    if (!batch.crcIsValid()) throw new Error('a batch with a wrong checksum was sent')
    if (batch.baseOffset !== 0 || !batch.isDense || batch.isTransactional || batch.isControl)
      throw new Error('a broker refuses this batch')
    const known = this.entries
      .slice(-5)
      .find(({ batch: old }) => old.baseSequence === batch.baseSequence && old.count === batch.count)
    if (known) return { errorCode: ErrorCode.NONE, baseOffset: known.baseOffset }
    if (batch.baseSequence !== this.end % SEQUENCES)
      return { errorCode: ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, baseOffset: -1 }
    const baseOffset = this.end
    this.entries.push({ batch, baseOffset })
    // The batch lies at offset 0 as it was sent.
    for (const record of seenOf(batch.records())) this.records.push({ ...record, offset: baseOffset + record.offset })
    return { errorCode: ErrorCode.NONE, baseOffset }
  }

  get end(): number {
    return this.records.length
  }

  at(offset: number): Entry {
    return this.entries.findLast(({ baseOffset }) => baseOffset <= offset)!
  }
}

export class SourceLog {
  batches: Buffer[]
  readonly aborted: { producerId: number; firstOffset: number; endsAt: number }[] = []

  constructor(batches: readonly Buffer[]) {
    this.batches = [...batches]
    const open = new Map<number, number>()
    for (const batch of batches.map((bytes) => new RecordBatch(bytes))) {
      if (batch.isTransactional && !batch.isControl && !open.has(batch.producerId))
        open.set(batch.producerId, batch.baseOffset)
      if (!batch.isControl) continue
      const firstOffset = open.get(batch.producerId)
      if (batch.controlType() === 'abort' && firstOffset !== undefined)
        this.aborted.push({ producerId: batch.producerId, firstOffset, endsAt: batch.lastOffset })
      open.delete(batch.producerId)
    }
  }

  get end(): number {
    return new RecordBatch(this.batches.at(-1)!).nextOffset
  }

  fetch(from: number, count: number): { batches: RecordBatch[]; abortedTransactions: AbortedTransaction[] } {
    const first = this.batches.findIndex((bytes) => new RecordBatch(bytes).nextOffset > from)
    const some = first < 0 ? [] : this.batches.slice(first, first + count)
    // A fetch owns its bytes: they are patched in place.
    const batches = some.map((bytes) => new RecordBatch(Buffer.from(bytes)))
    return { batches, abortedTransactions: this.aborted.filter(({ endsAt }) => endsAt >= from) }
  }

  /** As a reader of committed data sees them. */
  records(): SeenRecord[] {
    const filter = new AbortedFilter(this.aborted)
    return this.batches.flatMap((bytes) => {
      const batch = new RecordBatch(bytes)
      return filter.verdict(batch) === 'keep' ? seenOf(batch.records()) : []
    })
  }

  /** Takes away some records of every batch but the last. */
  compact(random: (below: number) => number): void {
    this.batches = this.batches.map((bytes, at) => {
      const batch = new RecordBatch(bytes)
      if (batch.isControl || at === this.batches.length - 1) return bytes
      const { baseOffset, lastOffset, producerId, producerEpoch, baseSequence, isTransactional, compression } = batch
      const builder = new BatchBuilder({
        ...{ baseOffset, lastOffset, producerId, producerEpoch, baseSequence, compression },
        transactional: isTransactional,
        partitionLeaderEpoch: 0,
      })
      for (const { offset, timestamp, key, value, headers } of batch.records())
        if (random(4) > 0) builder.append({ offset, timestamp, key, value, headers })
      return builder.count === 0 ? bytes : builder.build()
    })
  }
}

interface Flight {
  readonly batch: OutgoingBatch
  /** The bytes as they left; the frame they lie in may be gone when they arrive. */
  readonly bytes: Buffer
  answer: { errorCode: number; baseOffset: number } | undefined
}

export class PartitionWorld {
  readonly source: SourceLog
  readonly target = new TargetLog()
  readonly budget = new FrameBudget(2 ** 40, 1, () => {})
  readonly random: (below: number) => number
  readonly #contentMayChange: boolean
  /** What is durable. */
  readonly #chunks = new Map<number, Buffer>()
  #epochs: PartitionMirror extends never ? never : { epoch: number; upstream: number }[] = []
  #mirror: PartitionMirror
  #flights: Flight[] = []
  /** Requests of former lives and closed connections, in the order of each connection. */
  #late: Buffer[][] = []
  #writing: { taken: ReturnType<PartitionMirror['takePlans']>; chunks: Map<number, Buffer | null> } | undefined
  readonly counted: Record<string, number> = {}

  constructor(seed: number, log: readonly Buffer[], options: { contentMayChange: boolean }) {
    this.random = randomOf(seed)
    this.source = new SourceLog(log)
    this.#contentMayChange = options.contentMayChange
    this.#mirror = this.#begin()
  }

  get mirror(): PartitionMirror {
    return this.#mirror
  }

  get isDone(): boolean {
    return (
      this.#mirror.isFlowing &&
      this.#mirror.nextUpstream >= this.source.end &&
      this.#mirror.inFlight + this.#mirror.queued === 0
    )
  }

  /** One thing happens. `calm` leaves out what disturbs. */
  step(calm: boolean): void {
    const acts = ['fetch', 'plan', 'planned', 'send', 'send', 'arrive', 'arrive', 'answer', 'answer', 'late']
    if (!calm) acts.push('crash', 'cut', ...(this.#contentMayChange ? ['compact'] : []))
    const act = acts[this.random(acts.length)]!
    if ((act === 'crash' || act === 'cut' || act === 'compact') && this.random(6) > 0) return
    this.counted[act] = (this.counted[act] ?? 0) + 1
    this[`_${act}` as '_fetch']()
    if (this.#mirror.isReadyToResume) this.#resume(this.#mirror)
  }

  _fetch(): void {
    if (!this.#mirror.hasRoom) return
    const lease = this.budget.lease(1)
    const { batches, abortedTransactions } = this.source.fetch(this.#mirror.nextUpstream, 1 + this.random(6))
    this.#mirror.accept({
      ...{ batches, abortedTransactions, lease },
      highWatermark: this.source.end,
      lastStableOffset: this.source.end,
      logStartOffset: 0,
    })
    lease.release()
  }

  _plan(): void {
    if (!this.#mirror.hasPlans || this.#writing) return
    const taken = this.#mirror.takePlans()
    const chunks = new Map<number, Buffer | null>()
    for (const { index, bytes } of taken.changes.chunks) chunks.set(index, bytes)
    for (const index of taken.changes.removed) chunks.set(index, null)
    this.#writing = { taken, chunks }
  }

  _planned(): void {
    if (!this.#writing) return
    const { taken } = this.#writing
    this.#store()
    this.#mirror.plansDurable(taken.plan)
  }

  #store(): void {
    for (const [index, bytes] of this.#writing!.chunks)
      if (bytes) this.#chunks.set(index, bytes)
      else this.#chunks.delete(index)
    if (this.#writing!.taken.epochs) this.#epochs = [...this.#writing!.taken.epochs]
    this.#writing = undefined
  }

  _send(): void {
    const batch = this.#mirror.take()
    if (batch) this.#flights.push({ batch, bytes: Buffer.from(batch.bytes), answer: undefined })
  }

  _arrive(): void {
    const flight = this.#flights.find(({ answer }) => !answer)
    if (!flight) return
    const fault = this.random(40)
    // The leader has moved: not appended. Or it waits too long for replicas: appended, and answered with an error.
    if (fault === 0) flight.answer = { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, baseOffset: -1 }
    else flight.answer = this.target.append(flight.bytes)
    if (fault === 1) flight.answer = { errorCode: ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND, baseOffset: -1 }
  }

  _answer(): void {
    const flight = this.#flights[0]
    if (!flight?.answer) return
    this.#flights.shift()
    const { errorCode, baseOffset } = flight.answer
    if (errorCode === ErrorCode.NONE) this.#mirror.acknowledged(flight.batch, baseOffset)
    else this.#mirror.refused(flight.batch, errorCode, 'refused')
  }

  /** A request that nobody waits for any more arrives, or is lost with all behind it. */
  _late(): void {
    const connection = this.#late[this.random(this.#late.length || 1)]
    if (!connection) return
    if (this.random(8) === 0) connection.length = 0
    const bytes = connection.shift()
    if (bytes && this.target.append(bytes).errorCode === ErrorCode.NONE)
      this.counted['taken'] = (this.counted['taken'] ?? 0) + 1
    this.#late = this.#late.filter(({ length }) => length > 0)
  }

  _cut(): void {
    this.#strand()
    for (const { batch } of this.#flights.splice(0)) this.#mirror.lost(batch, 'the connection was cut')
    if (this.#mirror.isFlowing) this.#mirror.recover('the connection was cut')
  }

  _crash(): void {
    this.#strand()
    this.#flights = []
    // A write of progress that is under way may still succeed.
    if (this.#writing && this.random(2) === 0) this.#store()
    this.#writing = undefined
    this.#mirror = this.#begin()
  }

  _compact(): void {
    this.source.compact(this.random)
  }

  /** What has not arrived yet may arrive later. */
  #strand(): void {
    const stranded = this.#flights.filter(({ answer }) => !answer).map(({ bytes }) => bytes)
    if (stranded.length > 0) this.#late.push(stranded)
  }

  #begin(): PartitionMirror {
    const chunks = [...this.#chunks.values()]
    const mirror = new PartitionMirror({
      source: TopicPartition.of('orders', 0),
      remote: TopicPartition.of('east.orders', 0),
      map: chunks.length > 0 ? OffsetMap.load(chunks) : new OffsetMap(),
      producer: PRODUCER,
      batchBytesMax: 600,
      keepLogAppendTime: true,
      contentMayChange: this.#contentMayChange,
      queueBytesMax: 4_000,
      epochs: this.#epochs,
    })
    this.#resume(mirror)
    return mirror
  }

  #resume(mirror: PartitionMirror): void {
    // The settling time is over when nothing can be late any more: what comes, comes now.
    if (mirror.mustSettle) while (this.#late.length > 0) this._late()
    const { end } = this.target
    for (let at = mirror.map.contested(end); at !== undefined; at = mirror.map.contested(end)) {
      const { batch, baseOffset } = this.target.at(at)
      if (!mirror.map.settle(at, baseOffset, batch.crc)) throw new Error(`the position ${at} is ambiguous`)
    }
    mirror.resume(end, { inDoubt: this.#late.length > 0 })
  }
}
