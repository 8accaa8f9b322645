import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { type Platform, sleep } from '../../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import { endTxn } from '../../../src/protocol/messages/end-txn.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../../src/records/batch-builder.ts'
import type { Transaction } from '../../oracle/history.ts'
import { contentOf } from '../../oracle/seen-record.ts'
import type { Workload } from '../scenario.ts'
import type { World } from '../world.ts'

export interface TransferOptions {
  readonly to: string
  readonly topic: string
  readonly producers: number
  readonly datacenter: string
  /** Between two transactions, in milliseconds. */
  readonly rest?: number
  /** Between two lives of a producer, in milliseconds. */
  readonly every?: readonly [least: number, most: number]
}

const TIMEOUT_MS = 5_000
const REQUEST_MS = 30_000
const TRANSACTION = 1

/** Producers of transactions over several partitions, most of them committed: the programs `producer-0` and so on. */
export function transfers({ to, topic, producers, datacenter, rest = 0, every = [1, 100] }: TransferOptions): Workload {
  return (world) => {
    let isOver = false
    for (let index = 0; index < producers; index++) {
      const machine = world.simulation.machine(`producer-${index}`, { datacenter })
      const start = () => {
        if (machine.isUp || isOver) return
        const platform = machine.boot()
        const producer = new Producer(world, platform, { to, topic, rest, id: `transfer-${index}` })
        const again = () => {
          const next = () => platform.clock.setTimer(world.random.between(...every), again)
          producer.live().then(next, next)
        }
        again()
      }
      world.programs.set(machine.name, { machine, start })
      start()
    }
    return () => {
      isOver = true
      for (let index = 0; index < producers; index++) world.program(`producer-${index}`).machine.kill()
    }
  }
}

interface ProducerOptions extends Required<Pick<TransferOptions, 'to' | 'topic' | 'rest'>> {
  readonly id: string
}

/** One life of a producer, as Kafka's is built: a refusal or a lost connection ends it, and the next life fences it. */
class Producer {
  readonly #world: World
  readonly #platform: Platform
  readonly #options: ProducerOptions

  constructor(world: World, platform: Platform, options: ProducerOptions) {
    this.#world = world
    this.#platform = platform
    this.#options = options
  }

  /** Ends only with an error. */
  async live(): Promise<never> {
    const { to, id, rest } = this.#options
    const client = this.#world.clientOf(this.#platform, to)
    try {
      await client.refresh()
      const asked = await client.anyNode()
      const { coordinators } = await asked.send(
        findCoordinator,
        { coordinatorKeys: [id], keyType: TRANSACTION },
        { version: 4 },
      )
      accept(coordinators[0]!.errorCode)
      const connection = await client.node(coordinators[0]!.nodeId)
      const { errorCode, ...owner } = await connection.send(
        initProducerId,
        { transactionalId: id, transactionTimeoutMs: TIMEOUT_MS },
        { version: 5 },
      )
      accept(errorCode)
      let { producerId, producerEpoch } = owner
      let sequences = new Map<number, number>()
      for (;;) {
        const next = await this.#transfer(client, connection, producerId, producerEpoch, sequences)
        // Each transaction has its own epoch (KIP-890), and an epoch begins with sequence 0.
        if (next.producerEpoch !== producerEpoch || next.producerId !== producerId) sequences = new Map()
        ;({ producerId, producerEpoch } = next)
        if (rest > 0) await sleep(this.#platform.clock, rest)
      }
    } finally {
      client.close()
    }
  }

  async #transfer(
    client: ClusterClient,
    coordinator: Connection,
    producerId: number,
    producerEpoch: number,
    sequences: Map<number, number>,
  ) {
    const { random, history } = this.#world
    const { to, topic, id } = this.#options
    const partitions = this.#world.cluster(to).topics.get(topic)!
    const transaction = history.begin(`${id}.${history.transactions.length}`)
    for (let steps = 1 + random.below(3); steps > 0; steps--) {
      const partition = random.below(partitions)
      const baseSequence = sequences.get(partition) ?? 0
      await this.#write(client, { producerId, producerEpoch, baseSequence }, partition, transaction, steps)
      sequences.set(partition, baseSequence + 1)
    }
    const committed = random.chance(0.7)
    transaction.fate = committed ? 'committing' : 'aborted'
    const ended = await coordinator.send(
      endTxn,
      { transactionalId: id, producerId, producerEpoch, committed },
      { version: 5 },
    )
    // Refused is not committed; without an answer nobody knows, nor with one that asks to try again: it may have been written down.
    if (ended.errorCode !== ErrorCode.NONE && !errorOf(ended.errorCode).retriable) transaction.fate = 'aborted'
    accept(ended.errorCode)
    transaction.fate = committed ? 'committed' : 'aborted'
    return ended
  }

  async #write(
    client: ClusterClient,
    producer: { producerId: number; producerEpoch: number; baseSequence: number },
    partition: number,
    transaction: Transaction,
    step: number,
  ): Promise<void> {
    const { to, topic, id: transactionalId } = this.#options
    const id = `#${transaction.name}.${step}`
    const record = { timestamp: this.#platform.clock.now(), key: null, value: Buffer.from(id), headers: [] }
    const log = this.#world.cluster(to).logName(topic, partition)
    const attempt = this.#world.history.invoke(transactionalId, log, [{ id, content: contentOf(record) }], transaction)
    const connection = await client.node(client.leaderOf(topic, partition)!.nodeId)
    const { responses } = await connection.send(
      produce,
      {
        transactionalId,
        acks: -1,
        timeoutMs: REQUEST_MS,
        topicData: [
          {
            name: topic,
            partitionData: [
              { index: partition, records: [buildBatch([record], { ...producer, transactional: true })] },
            ],
          },
        ],
      },
      { version: 12 },
    )
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    accept(errorCode)
    attempt.ok(baseOffset)
  }
}

function accept(errorCode: number): void {
  if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
}
