// Transactions over partitions that are led by three brokers, which die, stop, hang and are cut off: each is seen in all of its partitions or
// in none, and what was committed is seen.
import { expect, it } from 'vitest'
import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { type Platform, sleep } from '../../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { endTxn } from '../../../src/protocol/messages/end-txn.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import { readCommitted } from '../../support/committed-reader.ts'
import { BrokerWorld } from './broker-world.ts'

const TOPIC = 'ledger'
const PARTITIONS = [0, 1, 2]
const PRODUCERS = ['one', 'two']
const SECONDS = 50
const RETRY_MS = 200
const ATTEMPTS_MAX = 15
/** A life of a producer ends after so many, too: the next one takes its id up again. */
const TRANSACTIONS_MAX = 50

interface Transaction {
  readonly name: string
  readonly partitions: readonly number[]
  fate: 'open' | 'committing' | 'committed' | 'aborted'
}

interface Owner {
  readonly producerId: number
  readonly producerEpoch: number
}

class TransferringProducer {
  readonly #world: BrokerWorld
  readonly #id: string
  readonly #platform: Platform
  readonly #client: ClusterClient
  readonly #transactions: Transaction[]
  isOver = false

  constructor(world: BrokerWorld, id: string, transactions: Transaction[]) {
    this.#world = world
    this.#id = id
    this.#platform = world.platform(id)
    this.#client = world.client(this.#platform, id)
    this.#transactions = transactions
  }

  async work(): Promise<void> {
    while (!this.isOver) {
      try {
        await this.#live()
      } catch {
        this.#client.forgetCoordinator('transaction', this.#id)
        await sleep(this.#platform.clock, RETRY_MS)
      }
    }
    this.#client.close()
  }

  async #live(): Promise<void> {
    await this.#client.refresh()
    const coordinator = await this.#client.coordinator('transaction', this.#id)
    const asked = { transactionalId: this.#id, transactionTimeoutMs: 5_000 }
    const owner = await coordinator.send(initProducerId, asked, { version: 5 })
    if (owner.errorCode !== ErrorCode.NONE) throw new Error(errorOf(owner.errorCode).name)
    let now: Owner = owner
    let sequences = new Map<number, number>()
    for (let count = 0; count < TRANSACTIONS_MAX && !this.isOver; count++) {
      const next = await this.#transfer(now, sequences)
      // Each transaction has its own epoch (KIP-890), and an epoch begins with sequence 0.
      if (next.producerEpoch !== now.producerEpoch || next.producerId !== now.producerId) sequences = new Map()
      now = next
    }
  }

  async #transfer(owner: Owner, sequences: Map<number, number>): Promise<Owner> {
    const { random } = this.#world.simulation
    const partitions = PARTITIONS.filter(() => random.chance(0.7))
    const transaction: Transaction = { name: `${this.#id} ${this.#transactions.length}`, partitions, fate: 'open' }
    this.#transactions.push(transaction)
    for (const partition of partitions) {
      const baseSequence = sequences.get(partition) ?? 0
      const batch = { ...owner, baseSequence, transactional: true }
      const record = { timestamp: this.#platform.clock.now(), key: null, value: transaction.name }
      const bytes = buildBatch([record], batch)
      await this.#until(async () => {
        const errorCode = await this.#produce(partition, Buffer.from(bytes))
        if (errorCode !== ErrorCode.NONE) await this.#client.refresh().catch(() => {})
        return errorCode === ErrorCode.DUPLICATE_SEQUENCE_NUMBER ? ErrorCode.NONE : errorCode
      })
      sequences.set(partition, baseSequence + 1)
    }
    const committed = random.chance(0.75)
    transaction.fate = committed ? 'committing' : 'aborted'
    let next: Owner = owner
    await this.#until(async () => {
      const connection = await this.#client.coordinator('transaction', this.#id)
      const asked = { transactionalId: this.#id, ...pick(owner), committed }
      const answer = await connection.send(endTxn, asked, { version: 5 })
      if (answer.errorCode !== ErrorCode.NONE) this.#client.forgetCoordinator('transaction', this.#id)
      next = answer
      return answer.errorCode
    })
    transaction.fate = committed ? 'committed' : 'aborted'
    return next
  }

  async #produce(partition: number, records: Buffer): Promise<number> {
    const leader = this.#client.leaderOf(TOPIC, partition)
    if (!leader) return ErrorCode.LEADER_NOT_AVAILABLE
    const connection = await this.#client.node(leader.nodeId)
    const topicData = [{ name: TOPIC, partitionData: [{ index: partition, records: [records] }] }]
    const asked = { transactionalId: this.#id, acks: -1, timeoutMs: 3_000, topicData }
    const { responses } = await connection.send(produce, asked, { version: 12 })
    return responses[0]!.partitionResponses[0]!.errorCode
  }

  /** As clients do: what may succeed later, or was not answered, is asked again. */
  async #until(attempt: () => Promise<number>): Promise<void> {
    for (let attempts = 1; ; attempts++) {
      const errorCode = await attempt().catch(() => ErrorCode.NETWORK_EXCEPTION)
      if (errorCode === ErrorCode.NONE) return
      const error = errorOf(errorCode)
      if (!error.retriable || attempts > ATTEMPTS_MAX) throw new Error(error.name)
      await sleep(this.#platform.clock, RETRY_MS)
    }
  }
}

function pick({ producerId, producerEpoch }: Owner): Owner {
  return { producerId, producerEpoch }
}

async function drill(seed: number) {
  const world = new BrokerWorld(seed)
  await world.start(TOPIC, PARTITIONS.length)
  const { simulation } = world
  const transactions: Transaction[] = []
  const producers = PRODUCERS.map((id) => new TransferringProducer(world, id, transactions))
  for (const producer of producers) void producer.work()
  const faults = new Set<string>()
  for (const end = simulation.now + SECONDS * 1000; simulation.now < end; ) {
    await simulation.pass(simulation.random.between(300, 4_000))
    faults.add(await world.disturb())
  }
  for (const producer of producers) producer.isOver = true
  await world.settle()
  const reader = world.client(world.platform('reader'), 'reader')
  const seen = new Map<string, number[]>()
  for (const partition of PARTITIONS) {
    const content = await simulation.outcome(readCommitted(reader, TOPIC, partition))
    // Nothing holds readers back for ever.
    expect([seed, partition, content.lastStableOffset]).toEqual([seed, partition, content.highWatermark])
    for (const { value } of content.records) {
      const name = value!.toString()
      seen.set(name, [...(seen.get(name) ?? []), partition])
    }
  }
  reader.close()
  for (const { name, partitions, fate } of transactions) {
    const whole = partitions.join()
    const may = fate === 'committed' ? [whole] : fate === 'committing' ? [whole, ''] : ['']
    expect({ seed, name, fate, may }).toEqual({
      seed,
      name,
      fate,
      may: expect.arrayContaining([seen.get(name)?.join() ?? '']),
    })
  }
  await world.stop()
  return {
    faults,
    committed: transactions.filter(({ fate }) => fate === 'committed').length,
    trace: simulation.trace.hash,
  }
}

it('are whole or not at all, through the deaths of leaders and coordinators', async () => {
  const outcomes = []
  for (const seed of [1, 2, 3]) outcomes.push(await drill(seed))
  for (const { committed } of outcomes) expect(committed).toBeGreaterThan(20)
  const faults = new Set(outcomes.flatMap((outcome) => [...outcome.faults]))
  expect([...faults].toSorted()).toEqual(expect.arrayContaining(['cut', 'isolation', 'kill', 'pause', 'start']))
}, 60_000)

it('happen the same for the same seed', async () => {
  expect((await drill(4)).trace).toBe((await drill(4)).trace)
}, 60_000)
