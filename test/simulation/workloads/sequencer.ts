import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { type Platform, sleep } from '../../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import type { Attempt } from '../../oracle/history.ts'
import { contentOf } from '../../oracle/seen-record.ts'
import type { Workload } from '../scenario.ts'
import type { World } from '../world.ts'

export interface SequencerOptions {
  readonly to: string
  readonly topic: string
  readonly producers: number
  readonly datacenter: string
}

const IN_FLIGHT = 5
const SEQUENCES = 2 ** 31
const RECORDS_MAX = 6
const REQUEST_MS = 1_500
const REST_MS = [5, 60] as const
const SWAPPED = 0.03
/** What a producer that keeps to its sequences must never hear. */
const OF_SEQUENCES: ReadonlySet<number> = new Set([
  ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER,
  ErrorCode.DUPLICATE_SEQUENCE_NUMBER,
  ErrorCode.UNKNOWN_PRODUCER_ID,
  ErrorCode.INVALID_PRODUCER_EPOCH,
])

export const WRAPPED = 'sequences began again at 0'
export const REPEATED = 'what was not answered was sent again'
export const DISORDERED = 'a batch came before the one before it'

/**
 * Idempotent producers with five batches on their way: the programs `idempotent-0` and so on. What is not answered is sent again, in order
 * and under its sequences, on another connection, while the old one may still deliver; now and then two are sent in the wrong order.
 * Their sequences begin a little before the last one there is.
 */
export function sequencers(options: SequencerOptions): Workload {
  return (world) => {
    const names = Array.from({ length: options.producers }, (_, index) => `idempotent-${index}`)
    for (const [index, name] of names.entries()) {
      const machine = world.simulation.machine(name, { datacenter: options.datacenter })
      const sequencer = new Sequencer(world, machine.boot(), options, name, index)
      void sequencer.run()
    }
    return () => {
      for (const name of names) world.simulation.machines.get(name)!.kill()
    }
  }
}

interface Batch {
  readonly bytes: Buffer
  readonly attempt: Attempt
  wasSent: boolean
}

class Sequencer {
  readonly #world: World
  readonly #platform: Platform
  readonly #options: SequencerOptions
  readonly #name: string
  readonly #partition: number
  #producer: { producerId: number; producerEpoch: number } | undefined
  #sequence: number
  #count = 0
  #isKnown = false
  /** Oldest first. */
  readonly #unanswered: Batch[] = []

  constructor(world: World, platform: Platform, options: SequencerOptions, name: string, index: number) {
    this.#world = world
    this.#platform = platform
    this.#options = options
    this.#name = name
    this.#partition = index % world.cluster(options.to).topics.get(options.topic)!
    this.#sequence = SEQUENCES - 1 - world.random.below(100)
  }

  async run(): Promise<never> {
    for (;;) {
      const client = this.#world.clientOf(this.#platform, this.#options.to)
      await this.#connected(client).catch(() => undefined)
      client.close()
      await sleep(this.#platform.clock, this.#world.random.between(5, 300))
    }
  }

  /** As long as one connection lasts. */
  async #connected(client: ClusterClient): Promise<void> {
    const { topic } = this.#options
    await client.refresh()
    this.#producer ??= await this.#identity(client)
    const connection = await client.node(client.leaderOf(topic, this.#partition)!.nodeId)
    const broken = Promise.withResolvers<never>()
    broken.promise.catch(() => undefined)
    const order = { isKept: true }
    const send = (batch: Batch) => {
      this.#send(connection, batch, order).catch(broken.reject)
    }
    for (const batch of this.#unanswered) {
      if (batch.wasSent) this.#world.bit(REPEATED)
      send(batch)
    }
    for (;;) {
      await Promise.race([sleep(this.#platform.clock, this.#world.random.between(...REST_MS)), broken.promise])
      if (this.#unanswered.length >= IN_FLIGHT) continue
      const next = this.#next()
      // Of a producer that it does not know a broker takes any sequence to begin with.
      if (this.#isKnown && this.#unanswered.length < IN_FLIGHT && this.#world.random.chance(SWAPPED)) {
        // From here on this connection may hear that something is out of order.
        order.isKept = false
        this.#world.bit(DISORDERED)
        send(this.#next())
      }
      send(next)
    }
  }

  async #identity(client: ClusterClient): Promise<{ producerId: number; producerEpoch: number }> {
    const asked = await client.anyNode()
    const { errorCode, producerId, producerEpoch } = await asked.send(
      initProducerId,
      { transactionalId: null, transactionTimeoutMs: 1_000 },
      { version: 4 },
    )
    if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
    return { producerId, producerEpoch }
  }

  #next(): Batch {
    const { to, topic } = this.#options
    const { random, history } = this.#world
    const timestamp = this.#platform.clock.now()
    const records = Array.from({ length: 1 + random.below(RECORDS_MAX) }, () => {
      const id = `#${this.#name}.${this.#count++}`
      const record = { timestamp, key: null, value: Buffer.from(id), headers: [] }
      return { ...record, id, content: contentOf(record) }
    })
    const attempt = history.invoke(this.#name, this.#world.cluster(to).logName(topic, this.#partition), records)
    const bytes = buildBatch(records, { ...this.#producer!, baseSequence: this.#sequence })
    if (this.#sequence + records.length >= SEQUENCES) this.#world.bit(WRAPPED)
    this.#sequence = (this.#sequence + records.length) % SEQUENCES
    const batch = { bytes, attempt, wasSent: false }
    this.#unanswered.push(batch)
    return batch
  }

  async #send(connection: Connection, batch: Batch, order: { isKept: boolean }): Promise<void> {
    const { to, topic } = this.#options
    batch.wasSent = true
    // The broker writes into what it is given, and this may be given to it again.
    const partitionData = [{ index: this.#partition, records: [Buffer.from(batch.bytes)] }]
    const { responses } = await connection.send(
      produce,
      { transactionalId: null, acks: -1, timeoutMs: REQUEST_MS, topicData: [{ name: topic, partitionData }] },
      { version: 12, timeoutMs: REQUEST_MS },
    )
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode === ErrorCode.NONE) {
      batch.attempt.ok(baseOffset)
      this.#isKnown = true
      this.#unanswered.splice(this.#unanswered.indexOf(batch), 1)
      return
    }
    const { name } = errorOf(errorCode)
    if (OF_SEQUENCES.has(errorCode) && order.isKept)
      this.#world.history.refused(this.#world.cluster(to).logName(topic, this.#partition), `${this.#name}: ${name}`)
    throw new Error(name)
  }
}
