// Writes to one target broker: gathers ready batches of many partitions into Produce requests and keeps many of them in flight
// on one connection. It knows nothing of sequences or offsets; the partitions' owners do.
//
// Invariants:
// 1. A request names a partition at most once, with one batch: a broker appends only the last of two (silently).
// 2. Batches of a partition are sent in the order they are taken, all over this one connection, and answered in that order.
// 3. Every batch taken is answered once: acknowledged, refused, or lost.
// 4. Nothing is sent twice. What a closed connection leaves unanswered is lost, and its owner finds out what became of it.
import { Backoff } from '../client/backoff.ts'
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import type { HeliostatError } from '../platform/errors.ts'
import type { Platform, Timer } from '../platform/platform.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { produce } from '../protocol/messages/produce.ts'
import type { Response } from '../protocol/schema.ts'
import { ProduceWindow } from './produce-window.ts'

export interface Sendable {
  readonly bytes: Buffer
}

/** A partition that has batches to send; its owner decides which. */
export interface BatchQueue<Batch extends Sendable> {
  readonly remote: TopicPartition
  readonly hasReady: boolean
  take(): Batch | undefined
  acknowledged(batch: Batch, baseOffset: number): void
  refused(batch: Batch, errorCode: number, message: string | null): void
  lost(batch: Batch, error: HeliostatError): void
}

export interface ProducerOptions {
  readonly nodeId: number
  /** Every batch belongs to a transaction of this id. */
  readonly transactionalId?: string
  /** Bytes in flight, at most. */
  readonly windowBytes?: number
  /** Bytes of batches in one request; a single larger batch goes alone. */
  readonly requestBytes?: number
  /** How long the broker may wait for replicas. */
  readonly timeoutMs?: number
  /** The broker cannot be reached, or can again. */
  readonly reachable: (nodeId: number, error: HeliostatError | undefined) => void
  /** Failpoints of tests; absent in a daemon. */
  readonly hooks?: ProducerHooks
}

interface ProducerHooks {
  sent?(): void
  answered?(): void
}

type Optional = 'hooks' | 'transactionalId'

interface Flight<Batch extends Sendable> {
  readonly queue: BatchQueue<Batch>
  readonly batch: Batch
}

interface TopicData {
  readonly name: string
  readonly partitionData: { readonly index: number; readonly records: readonly Buffer[] }[]
}

/** From version 13 on a request names topics by id only. */
const VERSION_MAX = 12
/** From version 12 on a transaction takes in what is written to it (KIP-890); here it is told beforehand. */
const TRANSACTIONAL_VERSION_MAX = 11
const ALL_IN_SYNC = -1

export class Producer<Batch extends Sendable> {
  readonly nodeId: number
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #options: Required<Omit<ProducerOptions, Optional>> & Pick<ProducerOptions, Optional>
  readonly #window: ProduceWindow
  readonly #ready = new Set<BatchQueue<Batch>>()
  readonly #backoff: Backoff
  #connection: Connection | undefined
  #connecting = false
  #flushing = false
  #closed = false
  #retry: Timer | undefined

  constructor(platform: Platform, client: ClusterClient, options: ProducerOptions) {
    this.nodeId = options.nodeId
    this.#platform = platform
    this.#client = client
    this.#options = { windowBytes: 16 * 1024 * 1024, requestBytes: 1024 * 1024, timeoutMs: 30_000, ...options }
    this.#window = new ProduceWindow({ bytesMax: this.#options.windowBytes })
    this.#backoff = new Backoff(platform.random, { initialMs: 50, maxMs: 2_000 })
  }

  get bytesInFlight(): number {
    return this.#window.bytesInFlight
  }

  /** This partition has something to send; what arrives in the same turn of the event loop shares requests. */
  ready(queue: BatchQueue<Batch>): void {
    this.#ready.add(queue)
    if (this.#flushing || this.#closed) return
    this.#flushing = true
    this.#platform.clock.defer(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  /** No longer to be asked; what is in flight is still answered. */
  forget(queue: BatchQueue<Batch>): void {
    this.#ready.delete(queue)
  }

  close(): void {
    this.#closed = true
    this.#retry?.cancel()
    this.#ready.clear()
  }

  #flush(): void {
    if (this.#closed || this.#retry) return
    if (!this.#connection) {
      this.#connect()
      return
    }
    while (this.#ready.size > 0 && this.#window.hasRoom && this.#connection) {
      const flights = this.#gather()
      if (flights.length > 0) this.#send(this.#connection, flights)
    }
  }

  /** One batch of each ready partition, oldest first, up to the size of a request. */
  #gather(): Flight<Batch>[] {
    const flights: Flight<Batch>[] = []
    let bytes = 0
    for (const queue of [...this.#ready]) {
      this.#ready.delete(queue)
      const batch = queue.take()
      if (!batch) continue
      flights.push({ queue, batch })
      bytes += batch.bytes.length
      // To the end of the line: others go first next time.
      if (queue.hasReady) this.#ready.add(queue)
      if (bytes >= this.#options.requestBytes) break
    }
    return flights
  }

  #send(connection: Connection, flights: readonly Flight<Batch>[]): void {
    const byTopic = new Map<string, TopicData>()
    const inRequest = new Set<TopicPartition>()
    let bytes = 0
    for (const { queue, batch } of flights) {
      const { remote } = queue
      if (inRequest.has(remote)) throw new Error(`invariant 1: ${remote} is twice in a request`)
      inRequest.add(remote)
      bytes += batch.bytes.length
      let topic = byTopic.get(remote.topic)
      if (!topic) {
        topic = { name: remote.topic, partitionData: [] }
        byTopic.set(remote.topic, topic)
      }
      topic.partitionData.push({ index: remote.partition, records: [batch.bytes] })
    }
    this.#window.sent(bytes, inRequest)
    const { transactionalId, timeoutMs } = this.#options
    connection.exchange(
      produce,
      Math.min(transactionalId === undefined ? VERSION_MAX : TRANSACTIONAL_VERSION_MAX, connection.versionOf(produce)),
      { transactionalId, acks: ALL_IN_SYNC, timeoutMs, topicData: [...byTopic.values()] },
      (error, response) => {
        this.#window.settled(bytes, inRequest)
        if (error || !response) this.#lost(flights, error!)
        else this.#answered(flights, response)
      },
      { timeoutMs: timeoutMs * 2 },
    )
    this.#options.hooks?.sent?.()
  }

  #answered(flights: readonly Flight<Batch>[], response: Response<typeof produce>): void {
    this.#options.hooks?.answered?.()
    const answers = new Map<TopicPartition, (typeof response.responses)[number]['partitionResponses'][number]>()
    for (const { name, partitionResponses } of response.responses)
      for (const answer of partitionResponses) answers.set(TopicPartition.of(name, answer.index), answer)
    for (const { queue, batch } of flights) {
      const answer = answers.get(queue.remote)
      if (!answer) queue.refused(batch, ErrorCode.UNKNOWN_SERVER_ERROR, 'the answer leaves the partition out')
      else if (answer.errorCode === ErrorCode.NONE) queue.acknowledged(batch, answer.baseOffset)
      else queue.refused(batch, answer.errorCode, answer.errorMessage)
      if (queue.hasReady) this.#ready.add(queue)
    }
    // What is sent before the throttle time has passed the broker would only let lie (KIP-219).
    if (response.throttleTimeMs > 0) this.#later(response.throttleTimeMs)
    this.#flush()
  }

  #lost(flights: readonly Flight<Batch>[], error: HeliostatError): void {
    // The connection fails every exchange in turn, in order; the first one ends it for us.
    this.#connection = undefined
    this.#options.reachable(this.nodeId, error)
    for (const { queue, batch } of flights) queue.lost(batch, error)
    if (this.#ready.size > 0) this.#later()
  }

  #connect(): void {
    if (this.#connecting) return
    this.#connecting = true
    this.#client.node(this.nodeId, 'produce').then(
      (connection) => {
        this.#connecting = false
        this.#connection = connection
        this.#backoff.reset()
        connection.onClose(() => {
          if (this.#connection === connection) this.#connection = undefined
        })
        this.#options.reachable(this.nodeId, undefined)
        this.#flush()
      },
      (error: HeliostatError) => {
        this.#connecting = false
        this.#options.reachable(this.nodeId, error)
        this.#later()
      },
    )
  }

  #later(delayMs = this.#backoff.next()): void {
    if (this.#retry || this.#closed) return
    this.#retry = this.#platform.clock.setTimer(delayMs, () => {
      this.#retry = undefined
      this.#flush()
    })
  }
}
