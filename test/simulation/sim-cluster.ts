import { type Cluster, type ClusterOptions, startCluster } from '../../src/broker/cluster.ts'
import type { FaultControls } from '../../src/broker/faults/faults.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { type Content, readCommitted } from '../support/committed-reader.ts'
import { PORT, type Program } from './program.ts'
import type { World } from './world.ts'

export interface SimClusterOptions {
  readonly config?: ClusterOptions['config']
}

/** A cluster on a machine of its own, and the operator beside it. */
export class SimCluster implements Program {
  readonly name: string
  readonly datacenter: string
  readonly machine: SimMachine
  /** Partitions by topic, of those that were made here by name. */
  readonly topics = new Map<string, number>()
  readonly #world: World
  readonly #options: SimClusterOptions
  readonly #deleted = new Map<string, number>()
  #cluster: Cluster | undefined
  #life: object | undefined
  #desk: Platform | undefined
  #operator: ClusterClient | undefined

  constructor(world: World, name: string, datacenter: string, options: SimClusterOptions) {
    this.name = name
    this.datacenter = datacenter
    this.#world = world
    this.#options = options
    this.machine = world.simulation.machine(name, { datacenter })
  }

  // ---- life

  /** Resolves when it serves. */
  async begin(): Promise<void> {
    const platform = this.machine.boot()
    // Its operator's connections may lead to the life before.
    this.#operator?.close()
    this.#operator = undefined
    const { config } = this.#options
    const address = { host: this.name, port: PORT, allowInsecure: true }
    this.#cluster = await startCluster(platform, { name: this.name, data: '/data', config, ...address })
  }

  start(): void {
    if (this.machine.isUp) return
    const life = {}
    this.#life = life
    this.begin().catch((error: Error) => {
      // One that is killed while it starts may say anything.
      if (this.#life === life && this.machine.isUp) this.#world.broken(error)
    })
  }

  async stop(): Promise<void> {
    await this.#cluster!.stop()
    this.machine.kill()
  }

  /** What goes wrong on purpose in this life of it. */
  get faults(): FaultControls {
    return this.#cluster!.faults
  }

  // ---- what its operator does

  get operator(): ClusterClient {
    this.#desk ??= this.#world.simulation.machine(`operator-${this.name}`, { datacenter: this.datacenter }).boot()
    this.#operator ??= this.#world.clientOf(this.#desk, this.name)
    return this.#operator
  }

  /** A topic that was made again has other logs than before. */
  logName(topic: string, partition: number, life = this.lifeOf(topic)): string {
    return `${this.name}/${topic}-${partition}${life === 0 ? '' : ` of life ${life}`}`
  }

  /** How often it was deleted. */
  lifeOf(topic: string): number {
    return this.#deleted.get(topic) ?? 0
  }

  async makeTopic(name: string, partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    const topic = {
      ...{ name, numPartitions: partitions, replicationFactor: -1, assignments: [] },
      configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
    }
    await this.operator.refresh()
    const { topics } = await (await this.operator.controller()).send(createTopics, { topics: [topic] })
    accept(topics[0]!.errorCode, `${name} cannot be made`)
    this.topics.set(name, partitions)
  }

  async deleteTopic(name: string): Promise<void> {
    const connection = await this.operator.controller()
    const named = { topics: [{ name, topicId: ZERO_UUID }], topicNames: [name], timeoutMs: 5_000 }
    accept((await connection.send(deleteTopics, named)).responses[0]!.errorCode, `${name} cannot be deleted`)
    this.topics.delete(name)
    this.#deleted.set(name, this.lifeOf(name) + 1)
  }

  /** Retention at once: everything below the offset goes. */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<void> {
    await this.operator.refresh()
    const connection = await this.operator.node(this.operator.leaderOf(topic, partition)!.nodeId)
    const topics = [{ name: topic, partitions: [{ partitionIndex: partition, offset }] }]
    const answer = await connection.send(deleteRecords, { topics, timeoutMs: 5_000 })
    accept(answer.topics[0]!.partitions[0]!.errorCode, `${topic}-${partition} below ${offset} cannot be deleted`)
  }

  async read(topic: string, partition: number): Promise<Content> {
    await this.operator.refresh()
    // What is not there holds nothing.
    if (!this.operator.topics().has(topic))
      return { records: [], startOffset: 0, lastStableOffset: 0, highWatermark: 0 }
    return readCommitted(this.operator, topic, partition)
  }
}

function accept(errorCode: number, otherwise: string): void {
  if (errorCode !== ErrorCode.NONE) throw new Error(`${otherwise}: ${errorOf(errorCode).name}`)
}
