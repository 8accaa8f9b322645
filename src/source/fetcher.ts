// Reads one source broker: one connection, one incremental fetch session, one Fetch in flight. What to fetch is what its
// consumer wants; a partition whose consumer has enough is left out until it is wanted again.
//
// Invariants:
// 1. At most one Fetch is in flight, and none is sent while the flow's frame budget is full or nothing is wanted.
// 2. An answer is handed on only if the partition is still wanted from the very position that was asked for.
// 3. After any error of the connection or the session the next request is full, from the wanted positions.

import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import type { Response } from '../protocol/schema.ts'
import { type RecordBatch, splitBatches } from '../records/record-batch.ts'
import type { AbortedTransaction } from './aborted-filter.ts'
import type { SharedLimits } from './byte-limit.ts'
import { FetchSession, type FetchTarget } from './fetch-session.ts'
import type { FrameBudget, FrameLease } from './frame-lease.ts'

export interface FetcherOptions {
  readonly nodeId: number
  /** Whose connection it shares. */
  readonly purpose?: 'fetch' | 'commits'
  readonly isolation: 'read_committed' | 'read_uncommitted'
  readonly budget: FrameBudget
  readonly maxWaitMs?: number
  /** Kept after an answer with records before the next is asked for, so that what trickles comes in few answers. */
  readonly restMs?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  /** Where we stand: a broker may then name a replica that stands nearer (KIP-392). */
  readonly rack?: string
  readonly limits?: SharedLimits
}

export interface FetchPosition {
  readonly fetchOffset: number
  readonly lastFetchedEpoch: number
}

export interface FetchConsumer {
  /** Where to go on; undefined leaves the partition out until it is wanted again. */
  fetched(topicPartition: TopicPartition, fetched: Fetched): FetchPosition | undefined
  /** The partition is not fetched any more until it is wanted again. */
  failed(topicPartition: TopicPartition, failure: FetchFailure): void
  /** A replica that stands nearer has the same records; the partition is not fetched here until it is wanted again. */
  preferred(topicPartition: TopicPartition, nodeId: number): void
  /** The broker cannot be reached, or can again. */
  reachable(nodeId: number, error: HeliostatError | undefined): void
}

export interface Fetched {
  readonly batches: readonly RecordBatch[]
  readonly abortedTransactions: readonly AbortedTransaction[] | null
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly lease: FrameLease
}

export interface FetchFailure {
  readonly errorCode: number
  /** The source's history parts from ours here: its log of our last epoch ends at this offset. */
  readonly divergesAt: number | undefined
  /** What could not be cut into batches. */
  readonly corrupt: string | undefined
}

type PartitionData = Response<typeof fetch>['responses'][number]['partitions'][number]

const SESSION_ERRORS: ReadonlySet<number> = new Set([
  ErrorCode.FETCH_SESSION_ID_NOT_FOUND,
  ErrorCode.INVALID_FETCH_SESSION_EPOCH,
  ErrorCode.FETCH_SESSION_TOPIC_ID_ERROR,
])
const ANSWER_TIMEOUT_MS = 30_000
/** While a partition is left out a long poll would keep it waiting. */
const SHORT_WAIT_MS = 10
/** Partitions that begin do so one group after the other, and who is wanted during a long poll would wait for its end. */
const NEWCOMERS_FOR_MS = 1_000
const NEWCOMERS_WAIT_MS = 50

export class Fetcher {
  readonly nodeId: number
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #options: Required<Omit<FetcherOptions, 'limits'>> & Pick<FetcherOptions, 'limits'>
  readonly #consumer: FetchConsumer
  readonly #session: FetchSession
  readonly #topicNames = new Map<string, string>()
  readonly #leftOut = new Set<TopicPartition>()
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #sentAt = Number.NEGATIVE_INFINITY
  #waitMs = 0
  /** When a partition was wanted that had not been before; monotonic. */
  #newcomerAt = Number.NEGATIVE_INFINITY
  #heard = { sentAt: Number.NEGATIVE_INFINITY, at: Number.NEGATIVE_INFINITY }
  #busy = false
  #turning = false
  #closed = false
  #retry: Timer | undefined

  constructor(platform: Platform, client: ClusterClient, options: FetcherOptions, consumer: FetchConsumer) {
    this.nodeId = options.nodeId
    this.#platform = platform
    this.#client = client
    this.#options = {
      maxWaitMs: 500,
      restMs: 0,
      maxBytes: 8 * 1024 * 1024,
      partitionMaxBytes: 1024 * 1024,
      purpose: 'fetch',
      rack: '',
      ...options,
    }
    this.#consumer = consumer
    this.#session = new FetchSession({ partitionMaxBytes: this.#options.partitionMaxBytes })
    this.#backoff = new Backoff(platform.random, { initialMs: 50, maxMs: 2_000 })
  }

  want(target: FetchTarget): void {
    const { topicPartition, topicId } = target
    if (!this.#leftOut.has(topicPartition) && !this.#session.target(topicPartition))
      this.#newcomerAt = this.#platform.clock.monotonic()
    this.#topicNames.set(topicId, topicPartition.topic)
    this.#leftOut.delete(topicPartition)
    this.#session.want(target)
    this.#turnSoon()
  }

  drop(topicPartition: TopicPartition): void {
    this.#leftOut.delete(topicPartition)
    this.#session.drop(topicPartition)
  }

  /**
   * When the request was sent that the broker answered last, and at what moment it is sure not to have spoken before: what it was asked
   * for and said nothing of had no news then. Monotonic.
   */
  get heard(): { readonly sentAt: number; readonly at: number } {
    return this.#heard
  }

  /** For how long not a byte has come of an answer that is overdue; 0 when none is. */
  get silentMs(): number {
    if (!this.#busy || !this.#connection) return 0
    const since = Math.max(this.#sentAt + this.#waitMs, this.#connection.heardAt)
    return Math.max(0, this.#platform.clock.monotonic() - since)
  }

  /** The frame budget has room again. */
  roomAgain(): void {
    this.#turnSoon()
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
  }

  #turnSoon(): void {
    if (this.#turning) return
    this.#turning = true
    this.#platform.clock.defer(() => {
      this.#turning = false
      this.#turn()
    })
  }

  #turn(): void {
    if (this.#closed || this.#busy || this.#retry || this.#session.size === 0 || this.#options.budget.isFull) return
    const waitMs = this.#options.limits?.waitMs(this.#platform.clock.monotonic()) ?? 0
    if (waitMs > 0) this.#turnAfter(waitMs)
    else if (this.#connection) this.#fetch(this.#connection)
    else this.#connect()
  }

  #turnAfter(delayMs: number): void {
    this.#retry = this.#platform.clock.setTimer(delayMs, () => {
      this.#retry = undefined
      this.#turn()
    })
  }

  #connect(): void {
    this.#busy = true
    this.#client.node(this.nodeId, this.#options.purpose).then(
      (connection) => {
        this.#busy = false
        this.#connection = connection
        this.#session.reset()
        this.#turn()
      },
      (error: HeliostatError) => this.#fail(error),
    )
  }

  #fail(error: HeliostatError): void {
    this.#busy = false
    this.#connection = undefined
    this.#session.reset()
    if (this.#closed) return
    this.#consumer.reachable(this.nodeId, error)
    this.#turnAfter(this.#backoff.next())
  }

  #fetch(connection: Connection): void {
    this.#busy = true
    const { isolation, maxBytes, maxWaitMs, rack, limits } = this.#options
    const version = connection.versionOf(fetch)
    this.#sentAt = this.#platform.clock.monotonic()
    this.#waitMs = Math.min(maxWaitMs, this.#patienceMs)
    const request = {
      ...this.#session.next(),
      maxWaitMs: this.#waitMs,
      minBytes: 1,
      maxBytes: limits?.fetchBytes(maxBytes) ?? maxBytes,
      isolationLevel: isolation === 'read_committed' ? 1 : 0,
      rackId: rack,
    }
    connection.exchange(
      fetch,
      version,
      request,
      (error, response) => {
        if (error || !response) return this.#fail(error!)
        this.#busy = false
        if (this.#closed) return
        this.#answered(response, version)
      },
      { timeoutMs: maxWaitMs + ANSWER_TIMEOUT_MS },
    )
  }

  get #patienceMs(): number {
    if (this.#leftOut.size > 0) return SHORT_WAIT_MS
    return this.#sentAt < this.#newcomerAt + NEWCOMERS_FOR_MS ? NEWCOMERS_WAIT_MS : Number.POSITIVE_INFINITY
  }

  #answered(response: Response<typeof fetch>, version: number): void {
    if (response.errorCode !== ErrorCode.NONE) {
      this.#session.failed()
      if (SESSION_ERRORS.has(response.errorCode)) {
        this.#turnSoon()
        return
      }
      this.#pauseAfter(response.errorCode)
      return
    }
    this.#backoff.reset()
    const { bytes, slice } = recordsOf(response)
    this.#hear(bytes === 0)
    this.#consumer.reachable(this.nodeId, undefined)
    this.#options.limits?.take(bytes, this.#platform.clock.monotonic())
    // What is asked before the throttle time has passed the broker would only keep waiting (KIP-219).
    if (response.throttleTimeMs > 0) this.#turnAfter(response.throttleTimeMs)
    const lease = this.#options.budget.lease(bytes, slice && (() => this.#client.frames.give(slice)))
    for (const { topic, topicId, partitions } of response.responses) {
      const name = version >= 13 ? this.#topicNames.get(topicId) : topic
      if (name === undefined) continue // it is no topic that was ever wanted
      for (const partition of partitions)
        this.#partition(TopicPartition.of(name, partition.partitionIndex), partition, lease)
    }
    lease.release()
    // After its partitions: a broker without room for a session answers what was asked all the same.
    this.#session.answered(response.sessionId)
    const { restMs } = this.#options
    if (bytes > 0 && restMs > 0 && !this.#retry) this.#turnAfter(restMs)
    else this.#turn()
  }

  /** An answer may have been long on its way. One that brings nothing was given when the wait was over. */
  #hear(broughtNothing: boolean): void {
    const sentAt = this.#sentAt
    const waited = broughtNothing && this.#platform.clock.monotonic() >= sentAt + this.#waitMs
    this.#heard = { sentAt, at: waited ? sentAt + this.#waitMs : sentAt }
  }

  /** The broker refuses the whole request: to ask again at once would spin. */
  #pauseAfter(errorCode: number): void {
    this.#platform.log.warn('fetch.refused', 'the source refused a fetch', { nodeId: this.nodeId, errorCode })
    this.#turnAfter(this.#backoff.next())
  }

  #partition(topicPartition: TopicPartition, answer: PartitionData, lease: FrameLease): void {
    const target = this.#session.target(topicPartition)
    if (!target || !this.#session.wasAskedFor(target)) return // invariant 2
    const { errorCode, divergingEpoch } = answer
    const divergesAt = divergingEpoch.endOffset >= 0 ? divergingEpoch.endOffset : undefined
    if (errorCode !== ErrorCode.NONE || divergesAt !== undefined) {
      this.#give(topicPartition, { errorCode, divergesAt, corrupt: undefined })
      return
    }
    const { preferredReadReplica } = answer
    if (preferredReadReplica >= 0 && preferredReadReplica !== this.nodeId) {
      this.drop(topicPartition)
      this.#consumer.preferred(topicPartition, preferredReadReplica)
      return
    }
    let batches: RecordBatch[]
    try {
      batches = (answer.records ?? []).flatMap((bytes) => splitBatches(bytes).batches)
    } catch (error) {
      this.#give(topicPartition, { errorCode, divergesAt: undefined, corrupt: (error as Error).message })
      return
    }
    const { abortedTransactions, highWatermark, lastStableOffset, logStartOffset } = answer
    const fetched = { batches, abortedTransactions, highWatermark, lastStableOffset, logStartOffset, lease }
    this.#goOn(target, this.#consumer.fetched(topicPartition, fetched))
  }

  #goOn(target: FetchTarget, position: FetchPosition | undefined): void {
    const { topicPartition } = target
    // The consumer may have said something else about this partition while it was called.
    if (this.#session.target(topicPartition) !== target) return
    if (position === undefined) {
      this.#session.drop(topicPartition)
      this.#leftOut.add(topicPartition)
    } else if (position.fetchOffset !== target.fetchOffset || position.lastFetchedEpoch !== target.lastFetchedEpoch) {
      this.#session.want({ ...target, ...position })
    }
  }

  #give(topicPartition: TopicPartition, failure: FetchFailure): void {
    this.drop(topicPartition)
    this.#consumer.failed(topicPartition, failure)
  }
}

/** How many bytes of records the frame holds, and a part of it: all are views of the same memory. */
function recordsOf(response: Response<typeof fetch>): { bytes: number; slice: Buffer | undefined } {
  let bytes = 0
  let slice: Buffer | undefined
  for (const { partitions } of response.responses)
    for (const { records } of partitions)
      for (const part of records ?? []) {
        bytes += part.length
        slice = part
      }
  return { bytes, slice }
}
