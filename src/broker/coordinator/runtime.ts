// Hosts any StateMachine on the log of a partition: appends its records, replays them at once, holds every reply until the high
// watermark passes the log end that the decision saw, and fires its timers. Written once, for groups, transactions and the controller.

import { HeliostatError } from '../../platform/errors.ts'
import type { Clock, Logger, Timer } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { buildBatch } from '../../records/batch-builder.ts'
import { RecordBatch, splitBatches } from '../../records/record-batch.ts'
import type { PartitionLog } from '../log/partition-log.ts'
import type { AppendClaims } from '../log/producer-state.ts'
import type { Appended, AppendOptions } from '../partition.ts'
import {
  type Effects,
  NO_PRODUCER,
  NO_REQUEST,
  type RequestId,
  type StateMachine,
  type TimerEffect,
} from './state-machine.ts'
import { type Marker, markerBatch } from './transaction/marker.ts'

/** A record of the machine as the log keeps it, and back. */
export interface RecordCodec<Rec> {
  encode(record: Rec): { key: Buffer | null; value: Buffer | null }
  /** undefined: a kind that this machine does not know, written by a newer one. */
  decode(record: { key: Buffer | null; value: Buffer | null }): Rec | undefined
}

/** The log that a machine lives on: a partition of a topic, or the metadata log of a quorum. */
export interface HostedLog {
  readonly topic: string
  readonly partitionId: number
  readonly log: PartitionLog
  readonly isLeader: boolean
  /** Counts the times that it came to lead; a machine lives for one of them. */
  readonly tenure: number
  /** Why nothing can be appended now; absent or NONE: something can. */
  readonly appendError?: number
  append(batches: readonly RecordBatch[], origin: 'coordinator', options?: AppendOptions): Appended
  /** Hears each advance of the high watermark. */
  onHighWatermark(listener: () => void): () => void
}

export interface Hosting<Command, Rec, Reply> {
  readonly partition: HostedLog
  readonly codec: RecordCodec<Rec>
  readonly clock: Clock
  readonly log: Logger
  /** A fresh machine, to be filled from the log. */
  readonly machine: () => StateMachine<Command, Rec, Reply>
  /** Hears each record once it is committed, at load too: for what lives beside the machine and follows the same log. */
  readonly onCommitted?: (record: Rec) => void
  /** A long log is read in turns with everything else; meanwhile commands are refused with COORDINATOR_LOAD_IN_PROGRESS. */
  readonly loadsInTurns?: boolean
  /** What stands for the log below an offset, asked at each load; the log there may be gone. */
  readonly snapshot?: () => { readonly records: readonly Rec[]; readonly endOffset: number } | undefined
}

/** The request could not be decided, or its decision not made durable; the caller answers with the code, and clients try again. */
export class CoordinatorError extends Error {
  readonly errorCode: number

  constructor(errorCode: number, message: string, cause?: unknown) {
    super(message, { cause })
    this.errorCode = errorCode
  }
}

/** The reply, or what stands for it when the coordinator could not give one. */
export async function orElse<T>(reply: Promise<T>, onError: (errorCode: number) => T): Promise<T> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof CoordinatorError) return onError(error.errorCode)
    throw error
  }
}

const LOAD_CHUNK_BYTES = 1024 * 1024
/** A timer that comes while nothing can be written comes again. */
const POSTPONED_MS = 1000

/** What a log tells the producer of a transaction that may not append to it. */
const REFUSALS: ReadonlySet<number> = new Set([ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_TXN_STATE])

/** What the caller is told of an append that failed: whether to look for another coordinator, or to come again. */
function toldOf(errorCode: number): number {
  if (REFUSALS.has(errorCode)) return errorCode
  return errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER
    ? ErrorCode.NOT_COORDINATOR
    : ErrorCode.COORDINATOR_NOT_AVAILABLE
}

interface Held<Reply> {
  readonly offset: number
  readonly id: RequestId
  readonly reply: Reply
}

/**
 * 1. The machine has replayed exactly the records of its log, in order, before it handles a command.
 * 2. A reply leaves only when the high watermark has reached the log end at which it was decided: what it tells cannot be undone.
 *    So replies leave in the order in which they were decided.
 * 3. When an append fails the machine is dropped and rebuilt by replay; nothing is undone in place. Only what the producer of a
 *    transaction may not append is refused to its caller alone: nothing of it was decided for anybody else.
 */
export class CoordinatorRuntime<Command, Rec, Reply> {
  readonly #hosting: Hosting<Command, Rec, Reply>
  #machine: StateMachine<Command, Rec, Reply>
  readonly #waiting = new Map<RequestId, { resolve: (reply: Reply) => void; reject: (error: Error) => void }>()
  readonly #held: Held<Reply>[] = []
  readonly #uncommitted: { offset: number; record: Rec }[] = []
  readonly #timers = new Map<string, Timer>()
  readonly #unsubscribe: () => void
  readonly #tenure: number
  #lastId: RequestId = NO_REQUEST
  /** What is left of a load that is under way. */
  #loading: Generator<void> | undefined
  #closed = false

  constructor(hosting: Hosting<Command, Rec, Reply>) {
    this.#hosting = hosting
    this.#tenure = hosting.partition.tenure
    this.#machine = hosting.machine()
    this.#unsubscribe = hosting.partition.onHighWatermark(() => this.#release())
    this.#load(hosting.onCommitted)
  }

  /** Whether it hosts the machine for the present leadership of this partition; what was held under an earlier one may be gone. */
  isOf(partition: HostedLog): boolean {
    return partition === this.#hosting.partition && partition.isLeader && partition.tenure === this.#tenure
  }

  /** Resolves once the reply may be told; rejects with a CoordinatorError. */
  submit(command: Command, claims?: AppendClaims): Promise<Reply> {
    if (this.#closed) return Promise.reject(closedError())
    if (this.#loading) return Promise.reject(loadingError())
    const refusal = this.#refusalOf(command)
    if (refusal) return Promise.reject(refusal)
    const id = ++this.#lastId
    const reply = new Promise<Reply>((resolve, reject) => this.#waiting.set(id, { resolve, reject }))
    this.#handle(id, command, claims)
    return reply
  }

  /** Ends a producer's transaction in this log; NONE, or why the marker is not there. */
  appendMarker(marker: Marker): number {
    if (this.#closed) return ErrorCode.NOT_COORDINATOR
    if (this.#loading) return ErrorCode.COORDINATOR_LOAD_IN_PROGRESS
    const { partition, clock } = this.#hosting
    const { producerId, committed, transactionVersion } = marker
    return partition.append([markerBatch(marker, clock.now())], 'coordinator', {
      claims: { transactionVersion },
      beforeVisible: () => this.#machine.replayMarker?.(producerId, committed),
    }).errorCode
  }

  /** Answers all that wait with an error; the log stays as it is. */
  close(): void {
    this.#closed = true
    this.#loading = undefined
    this.#unsubscribe()
    this.#cancelTimers()
    this.#failAll(closedError())
  }

  #load(onCommitted?: (record: Rec) => void): void {
    this.#loading = this.#replayed(onCommitted)
    this.#goOnLoading()
  }

  #goOnLoading(): void {
    const { clock, loadsInTurns } = this.#hosting
    const loading = this.#loading!
    let isDone = loading.next().done
    while (!isDone && !loadsInTurns) isDone = loading.next().done
    if (isDone) {
      this.#loading = undefined
      this.#apply(this.#machine.loaded(clock.now()))
      return
    }
    clock.defer(() => {
      if (this.#loading !== loading) return
      try {
        this.#goOnLoading()
      } catch (cause) {
        this.#lost(cause)
      }
    })
  }

  /** Stops after each chunk of the log. */
  *#replayed(onCommitted?: (record: Rec) => void): Generator<void> {
    const { partition, codec } = this.#hosting
    const { records: past, endOffset } = this.#hosting.snapshot?.() ?? { records: [], endOffset: 0 }
    for (const record of past) {
      this.#machine.replay(record, { offset: endOffset - 1, producerId: NO_PRODUCER })
      onCommitted?.(record)
    }
    let bytes = 0
    for (const { batch, from } of storedBatches(partition, endOffset, 'log_end')) {
      if (bytes >= LOAD_CHUNK_BYTES) {
        bytes = 0
        yield
      }
      bytes += batch.sizeInBytes
      const type = batch.controlType()
      if (type !== undefined) this.#machine.replayMarker?.(batch.producerId, type === 'commit')
      if (batch.isControl) continue
      const producerId = batch.isTransactional ? batch.producerId : NO_PRODUCER
      for (const record of batch.records()) {
        const { offset } = record
        const decoded = offset < from ? undefined : understood(partition, () => codec.decode(record))
        if (decoded === undefined) continue
        this.#machine.replay(decoded, { offset, producerId })
        if (batch.nextOffset <= partition.log.highWatermark) onCommitted?.(decoded)
        else if (this.#hosting.onCommitted) this.#uncommitted.push({ offset: batch.nextOffset, record: decoded })
      }
    }
  }

  /** The log cannot be read: nobody is coordinated here until this broker leads it anew. */
  #lost(cause: unknown): void {
    this.#hosting.log.error('coordinator.lost', 'the state cannot be read from its log', { error: String(cause) })
    this.close()
  }

  #handle(id: RequestId, command: Command, claims?: AppendClaims): void {
    this.#apply(this.#machine.handle(id, command, this.#hosting.clock.now()), claims)
  }

  /** What is decided while nothing can be written would have to be forgotten again, with all that lives beside the log. */
  #refusalOf(command: Command): CoordinatorError | undefined {
    const { appendError = ErrorCode.NONE } = this.#hosting.partition
    if (appendError === ErrorCode.NONE || this.#machine.isRead?.(command)) return undefined
    return new CoordinatorError(toldOf(appendError), `nothing can be appended: error ${appendError}`)
  }

  #apply(effects: Effects<Command, Rec, Reply>, claims?: AppendClaims) {
    if (effects.records.length > 0) {
      const error = this.#append(effects, claims)
      if (error && effects.producer && REFUSALS.has(error.errorCode)) return this.#refuse(effects, error)
      if (error) return this.#rebuild(error)
    }
    const offset = this.#hosting.partition.log.logEndOffset
    for (const { id, reply } of effects.replies) this.#held.push({ offset, id, reply })
    for (const timer of effects.timers) this.#setTimer(timer)
    for (const command of effects.follows ?? []) this.#handle(NO_REQUEST, command)
    this.#release()
  }

  #append(
    { records, producer }: Effects<Command, Rec, Reply>,
    claims: AppendClaims | undefined,
  ): CoordinatorError | undefined {
    const { partition, codec, clock } = this.#hosting
    const timestamp = clock.now()
    const bytes = buildBatch(
      records.map((record) => ({ timestamp, ...codec.encode(record) })),
      // As Kafka writes them. Nobody counts the sequence of what a coordinator appends for a producer.
      producer ? { ...producer, baseSequence: 0, transactional: true } : {},
    )
    const beforeVisible = () => {
      const endOffset = partition.log.logEndOffset
      const producerId = producer?.producerId ?? NO_PRODUCER
      // Before anybody hears of the new high watermark: what is held back for it must already be in the machine.
      records.forEach((record, index) => {
        this.#machine.replay(record, { offset: endOffset - records.length + index, producerId })
      })
      if (this.#hosting.onCommitted) {
        for (const record of records) this.#uncommitted.push({ offset: endOffset, record })
      }
    }
    const { errorCode } = partition.append([new RecordBatch(bytes)], 'coordinator', { beforeVisible, claims })
    if (errorCode === ErrorCode.NONE) return undefined
    return new CoordinatorError(toldOf(errorCode), `append failed with error ${errorCode}`)
  }

  #refuse({ replies }: Effects<Command, Rec, Reply>, error: CoordinatorError): void {
    for (const { id } of replies) {
      this.#waiting.get(id)?.reject(error)
      this.#waiting.delete(id)
    }
  }

  #release(): void {
    const { highWatermark } = this.#hosting.partition.log
    while (this.#uncommitted.length > 0 && this.#uncommitted[0]!.offset <= highWatermark) {
      this.#hosting.onCommitted?.(this.#uncommitted.shift()!.record)
    }
    let released = 0
    for (; released < this.#held.length && this.#held[released]!.offset <= highWatermark; released++) {
      const { id, reply } = this.#held[released]!
      this.#waiting.get(id)?.resolve(reply)
      this.#waiting.delete(id)
    }
    this.#held.splice(0, released)
  }

  #rebuild(error: CoordinatorError): void {
    this.#hosting.log.error('coordinator.rebuilt', 'an append failed; the state is built anew from the log', {
      topic: this.#hosting.partition.topic,
      partition: this.#hosting.partition.partitionId,
      error: error.message,
    })
    this.#cancelTimers()
    this.#uncommitted.length = 0
    this.#failAll(error)
    this.#machine = this.#hosting.machine()
    try {
      this.#load()
    } catch (cause) {
      this.#lost(cause)
    }
  }

  #setTimer({ key, delayMs, command }: TimerEffect<Command>): void {
    this.#timers.get(key)?.cancel()
    this.#timers.delete(key)
    if (command === undefined) return
    const timer = this.#hosting.clock.setTimer(delayMs, () => {
      this.#timers.delete(key)
      if (this.#refusalOf(command)) this.#setTimer({ key, delayMs: POSTPONED_MS, command })
      else this.#handle(NO_REQUEST, command)
    })
    this.#timers.set(key, timer)
  }

  #cancelTimers(): void {
    for (const timer of this.#timers.values()) timer.cancel()
    this.#timers.clear()
  }

  #failAll(error: CoordinatorError): void {
    this.#held.length = 0
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}

function loadingError(): CoordinatorError {
  return new CoordinatorError(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, 'the coordinator is reading its log')
}

function closedError(): CoordinatorError {
  return new CoordinatorError(ErrorCode.NOT_COORDINATOR, 'the coordinator has stopped')
}

/** What the state is made of cannot be passed over: a record that is not understood ends the start. */
export function understood<Rec>(partition: Pick<HostedLog, 'topic' | 'partitionId'>, decode: () => Rec): Rec {
  try {
    return decode()
  } catch (cause) {
    const where = { topic: partition.topic, partition: partition.partitionId }
    const message = `a record of ${partition.topic}-${partition.partitionId} cannot be understood: ${(cause as Error).message}`
    throw new HeliostatError('HEL_STORAGE', message, { cause, where })
  }
}

/**
 * The batches of a log: for `log_end` those too that are not committed yet, since what a leader has will be. Of the first one only the
 * records from `from` on are in the log.
 */
export function* storedBatches(
  partition: Pick<HostedLog, 'topic' | 'partitionId' | 'log'>,
  start: number,
  isolation: 'log_end' | 'read_uncommitted',
): Generator<{ batch: RecordBatch; from: number }> {
  const { log } = partition
  let offset = Math.max(log.logStartOffset, start)
  // Asked each time: a log that is read in turns may grow meanwhile.
  while (offset < (isolation === 'log_end' ? log.logEndOffset : log.highWatermark)) {
    const read = log.read(offset, LOAD_CHUNK_BYTES, { isolation, minOneMessage: true })
    if (read.error !== ErrorCode.NONE || !('batches' in read)) {
      throw new HeliostatError('HEL_STORAGE', `reading ${partition.topic} at ${offset} failed with error ${read.error}`)
    }
    const { batches } = splitBatches(Buffer.concat(read.batches))
    if (batches.length === 0) return
    for (const batch of batches) yield { batch, from: offset }
    offset = batches.at(-1)!.nextOffset
  }
}
