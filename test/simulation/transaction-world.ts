// One broker, producers of transactions that come and go, and a nemesis that kills and cuts; at the end every transaction is there in all
// of its partitions or in none, what was committed is there, what was aborted is not, and nothing holds readers back.
import { startCluster } from '../../src/broker/cluster.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Connection } from '../../src/client/connection.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { endTxn } from '../../src/protocol/messages/end-txn.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { Simulation } from '../../src/simulation/simulation.ts'
import { clientOf, PORT, readCommitted } from './cluster-reader.ts'

const TOPIC = 'ledger'
const PARTITIONS = 4
const PRODUCERS = 3
const TIMEOUT_MS = 5_000
const TRANSACTION = 1
/** Until every transaction that was left open has been aborted for its age. */
const SETTLED_MS = 60_000

type Fate = 'open' | 'committing' | 'committed' | 'aborted'

interface Transaction {
  readonly name: string
  readonly parts: Set<number>
  fate: Fate
}

export interface TransactionPlay {
  readonly seconds: number
  /** The broker dies by its power, not only its process. */
  readonly losesPower?: boolean
  /** It syncs what it acknowledges (`flush.messages` 1). */
  readonly syncs?: boolean
}

export interface TransactionOutcome {
  readonly trace: { readonly events: number; readonly hash: string }
  readonly fates: Readonly<Record<Fate, number>>
  readonly kills: number
}

export class TransactionWorld {
  readonly simulation: Simulation
  readonly #broker: SimMachine
  readonly #producers: readonly SimMachine[]
  readonly #transactions: Transaction[] = []
  #kills = 0
  #isOver = false
  #options: TransactionPlay = { seconds: 0 }

  constructor(seed: number) {
    this.simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
    this.#broker = this.simulation.machine('broker', { datacenter: 'virginia' })
    this.#producers = Array.from({ length: PRODUCERS }, (_, index) =>
      this.simulation.machine(`producer-${index}`, { datacenter: 'oregon' }),
    )
  }

  async play(options: TransactionPlay): Promise<TransactionOutcome> {
    const { simulation } = this
    this.#options = options
    await this.#startBroker()
    await this.#observe(async (client) => {
      const topic = { name: TOPIC, numPartitions: PARTITIONS, replicationFactor: 1, assignments: [], configs: [] }
      await client.refresh()
      await (await client.controller()).send(createTopics, { topics: [topic] })
    })
    for (const [index] of this.#producers.entries()) this.#startProducer(index)
    for (const end = simulation.now + options.seconds * 1000; simulation.now < end; ) {
      await simulation.pass(simulation.random.between(100, 2_500))
      await this.#disturb()
    }
    this.#isOver = true
    for (const machine of this.#producers) machine.kill()
    simulation.network.heal()
    await simulation.pass(SETTLED_MS)
    await this.#check()
    const count = (fate: Fate) => this.#transactions.filter((one) => one.fate === fate).length
    const fates = {
      open: count('open'),
      committing: count('committing'),
      committed: count('committed'),
      aborted: count('aborted'),
    }
    return { trace: simulation.trace, fates, kills: this.#kills }
  }

  async #disturb(): Promise<void> {
    const { simulation } = this
    const { network, random } = simulation
    const kind = random.below(6)
    if (kind === 0) {
      if (this.#options.losesPower) this.#broker.cutPower()
      else this.#broker.kill()
      this.#kills++
      await simulation.pass(random.between(1, 3_000))
      await this.#startBroker()
    } else if (kind === 1) {
      const index = random.below(PRODUCERS)
      this.#producers[index]!.kill()
      this.#kills++
      // What it sent may still arrive after the next one of its name has begun.
      simulation.after(random.between(1, 2_000), 'started', () => this.#startProducer(index))
    } else if (kind === 2) {
      network.hold(`producer-${random.below(PRODUCERS)}`, 'broker', random.between(100, 8_000))
    } else if (kind === 3) {
      network.cut('oregon', 'virginia', random.chance(0.5) ? 'both' : 'one-way')
      simulation.after(random.between(100, 6_000), 'healed', () => network.heal())
    } else if (kind === 4) {
      network.resetBetween('oregon', 'virginia')
    } else {
      const machine = random.pick(this.#producers)
      machine.pause()
      simulation.after(random.between(100, 8_000), 'resumed', () => machine.resume())
    }
  }

  #startBroker(): Promise<unknown> {
    const config = {
      'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
      'transaction.state.log.num.partitions': 2,
      ...(this.#options.syncs && { 'log.flush.interval.messages': 1 }),
    }
    const address = { host: 'broker', port: PORT, allowInsecure: true }
    return this.simulation.outcome(
      startCluster(this.#broker.boot(), { name: 'one', data: '/data', config, ...address }),
    )
  }

  #startProducer(index: number): void {
    const machine = this.#producers[index]!
    if (machine.isUp || this.#isOver) return
    const platform = machine.boot()
    const producer = new Producer(this.simulation, platform, `transfer-${index}`, this.#transactions)
    const again = () => {
      const next = () => platform.clock.setTimer(this.simulation.random.between(1, 100), again)
      producer.live().then(next, next)
    }
    again()
  }

  async #observe<T>(look: (client: ClusterClient) => Promise<T>): Promise<T> {
    const machine =
      this.simulation.machines.get('observer') ?? this.simulation.machine('observer', { datacenter: 'virginia' })
    const client = clientOf(machine.boot(), 'broker')
    const seen = await this.simulation.outcome(look(client))
    client.close()
    machine.kill()
    return seen
  }

  async #check(): Promise<void> {
    const contents = await this.#observe((client) =>
      Promise.all(Array.from({ length: PARTITIONS }, (_, partition) => readCommitted(client, TOPIC, partition))),
    )
    const seen = new Map<string, number[]>()
    for (const [partition, { records, lastStableOffset, highWatermark }] of contents.entries()) {
      if (lastStableOffset !== highWatermark)
        throw new Error(`partition ${partition} holds its readers at ${lastStableOffset} of ${highWatermark}`)
      for (const { value } of records) {
        const name = value!.toString()
        seen.set(name, [...(seen.get(name) ?? []), partition])
      }
    }
    for (const { name, parts, fate } of this.#transactions) {
      const found = (seen.get(name) ?? []).sort().join()
      const whole = [...parts].sort().join()
      const may = fate === 'committed' ? [whole] : fate === 'committing' ? [whole, ''] : ['']
      if (!may.includes(found))
        throw new Error(`${name} is ${fate}: it wrote to ${whole}, and is seen in ${found || 'none'}`)
    }
  }
}

/** One life of a producer, as Kafka's is built: a refusal or a lost connection ends it, and the next life fences it. */
class Producer {
  readonly #simulation: Simulation
  readonly #platform: Platform
  readonly #id: string
  readonly #transactions: Transaction[]
  #count = 0

  constructor(simulation: Simulation, platform: Platform, id: string, transactions: Transaction[]) {
    this.#simulation = simulation
    this.#platform = platform
    this.#id = id
    this.#transactions = transactions
  }

  /** Ends only with an error. */
  async live(): Promise<never> {
    const client = clientOf(this.#platform, 'broker')
    try {
      await client.refresh()
      const connection = await client.node(client.leaderOf(TOPIC, 0)!.nodeId)
      await connection.send(findCoordinator, { coordinatorKeys: [this.#id], keyType: TRANSACTION }, { version: 4 })
      const { errorCode, ...owner } = await connection.send(
        initProducerId,
        { transactionalId: this.#id, transactionTimeoutMs: TIMEOUT_MS },
        { version: 5 },
      )
      accept(errorCode)
      let { producerId, producerEpoch } = owner
      let sequences = new Map<number, number>()
      for (;;) {
        const next = await this.#transfer(connection, producerId, producerEpoch, sequences)
        // Each transaction has its own epoch (KIP-890), and an epoch begins with sequence 0.
        if (next.producerEpoch !== producerEpoch || next.producerId !== producerId) sequences = new Map()
        ;({ producerId, producerEpoch } = next)
      }
    } finally {
      client.close()
    }
  }

  async #transfer(connection: Connection, producerId: number, producerEpoch: number, sequences: Map<number, number>) {
    const { random } = this.#simulation
    const transaction: Transaction = {
      name: `${this.#id} ${this.#transactions.length} ${this.#count++}`,
      parts: new Set(),
      fate: 'open',
    }
    this.#transactions.push(transaction)
    for (let steps = 1 + random.below(3); steps > 0; steps--) {
      const partition = random.below(PARTITIONS)
      if (transaction.parts.has(partition)) continue
      transaction.parts.add(partition)
      await this.#write(
        connection,
        { producerId, producerEpoch, baseSequence: sequences.get(partition) ?? 0 },
        partition,
        transaction.name,
      )
      sequences.set(partition, (sequences.get(partition) ?? 0) + 1)
    }
    const committed = random.chance(0.7)
    transaction.fate = committed ? 'committing' : 'aborted'
    const ended = await connection.send(
      endTxn,
      { transactionalId: this.#id, producerId, producerEpoch, committed },
      { version: 5 },
    )
    // Refused is not committed; only without an answer nobody knows.
    if (ended.errorCode !== ErrorCode.NONE && ended.errorCode !== ErrorCode.CONCURRENT_TRANSACTIONS)
      transaction.fate = 'aborted'
    accept(ended.errorCode)
    transaction.fate = committed ? 'committed' : 'aborted'
    return ended
  }

  async #write(
    connection: Connection,
    producer: { producerId: number; producerEpoch: number; baseSequence: number },
    partition: number,
    value: string,
  ): Promise<void> {
    const batch = buildBatch([{ timestamp: this.#platform.clock.now(), key: null, value }], {
      ...producer,
      transactional: true,
    })
    const { responses } = await connection.send(
      produce,
      {
        transactionalId: this.#id,
        acks: -1,
        timeoutMs: 30_000,
        topicData: [{ name: TOPIC, partitionData: [{ index: partition, records: [batch] }] }],
      },
      { version: 12 },
    )
    accept(responses[0]!.partitionResponses[0]!.errorCode)
  }
}

function accept(errorCode: number): void {
  if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
}
