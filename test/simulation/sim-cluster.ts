import { servedApis } from '../../src/broker/apis/index.ts'
import { type FaultControls, Faults } from '../../src/broker/faults/faults.ts'
import type { PartitionLog } from '../../src/broker/log/partition-log.ts'
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { deleteRecords } from '../../src/protocol/messages/delete-records.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { ZERO_UUID } from '../../src/protocol/schema.ts'
import { type Content, readCommitted } from '../support/committed-reader.ts'
import { agreementOf, SimBroker } from './sim-broker.ts'
import type { World } from './world.ts'

export interface SimClusterOptions {
  /** 1. Then its machine is called as the cluster is; else each has a number, and a datacenter of its own. */
  readonly brokers?: number
  readonly config?: Readonly<Record<string, unknown>>
}

const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** Between the machines of one building. */
const NEAR = { latencyMs: 0.3, jitterMs: 0.2, bytesPerMs: 500_000 }

/** Brokers on machines of their own, and the operator beside them. */
export class SimCluster {
  readonly name: string
  readonly datacenter: string
  readonly brokers: readonly SimBroker[]
  /** What goes wrong on purpose in any of its brokers. */
  readonly faults: FaultControls
  /** Partitions by topic, of those that were made here by name. */
  readonly topics = new Map<string, number>()
  /** Of those, the ones that keep the last record of each key, however old. */
  readonly compacted = new Set<string>()
  readonly #world: World
  readonly #deleted = new Map<string, number>()
  #desk: Platform | undefined
  #operator: ClusterClient | undefined

  constructor(world: World, name: string, datacenter: string, { brokers = 1, config = {} }: SimClusterOptions) {
    this.name = name
    this.datacenter = datacenter
    this.#world = world
    const { simulation } = world
    const { clock, random } = simulation.machine(`faults-of-${name}`, { datacenter }).boot()
    const faults = new Faults({ name, apiNames: servedApis.map(({ api }) => api.name), clock, random })
    this.faults = faults
    const hostOf = (nodeId: number) => (brokers === 1 ? name : `${name}-${nodeId}`)
    const ids = Array.from({ length: brokers }, (_, index) => index + 1)
    const replicas = {
      'offsets.topic.replication.factor': Math.min(brokers, 3),
      'transaction.state.log.replication.factor': Math.min(brokers, 3),
    }
    const common = {
      ...{ clusterId: CLUSTER_ID.replace(/A/, name[0]!), faults, config: { ...replicas, ...config } },
      agreed: brokers === 1 ? undefined : agreementOf(ids, hostOf),
      begun: () => this.#forget(),
    }
    this.brokers = ids.map((nodeId) => {
      const host = hostOf(nodeId)
      const machine = simulation.machine(host, { datacenter: brokers === 1 ? datacenter : host })
      return new SimBroker(world, machine, { ...common, nodeId })
    })
    if (brokers === 1) return
    const places = [datacenter, ...this.hosts]
    for (const from of places) for (const to of places) Object.assign(simulation.network.path(from, to), NEAR)
  }

  /** Where its brokers are. */
  get hosts(): string[] {
    return this.brokers.map(({ machine }) => machine.name)
  }

  /** Resolves when all of it serves. */
  async begin(): Promise<void> {
    await Promise.all(this.brokers.map((broker) => broker.begin()))
  }

  /** The broker that leads a partition, as the operator last heard. */
  leaderOf(topic: string, partition: number): SimBroker | undefined {
    const leader = this.operator.leaderOf(topic, partition)
    return leader && this.brokers[leader.nodeId - 1]
  }

  /** The logs of a partition on all brokers that run. */
  replicasOf(topic: string, partition: number): PartitionLog[] {
    return this.brokers.flatMap(({ broker }) => broker?.partitions.get(topic, partition)?.log ?? [])
  }

  /** The operator's connections may lead to lives that are over. */
  #forget(): void {
    this.#operator?.close()
    this.#operator = undefined
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
    if (configs['cleanup.policy'] === 'compact') this.compacted.add(name)
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
