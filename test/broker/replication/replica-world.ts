// Brokers without listeners on simulated machines, that replicate partition 0 of one topic: real stores, logs, fetchers and handlers, every
// request and answer through its bytes; the network and the controller are the test's.
import { serveDeleteRecords } from '../../../src/broker/apis/delete-records.ts'
import { serveFetch } from '../../../src/broker/apis/fetch.ts'
import { serveListOffsets } from '../../../src/broker/apis/list-offsets.ts'
import { serveOffsetForLeaderEpoch } from '../../../src/broker/apis/offset-for-leader-epoch.ts'
import { serveProduce } from '../../../src/broker/apis/produce.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { BrokerConfig } from '../../../src/broker/broker-config.ts'
import { MetadataImage } from '../../../src/broker/coordinator/controller/metadata-image.ts'
import type {
  MetadataRecord,
  PartitionRegistration,
} from '../../../src/broker/coordinator/controller/metadata-record.ts'
import { CLOSE, Dispatcher } from '../../../src/broker/dispatcher.ts'
import { FetchSessions } from '../../../src/broker/fetch-session.ts'
import type { Partition } from '../../../src/broker/partition.ts'
import { PartitionStore } from '../../../src/broker/partition-store.ts'
import { Purgatory } from '../../../src/broker/purgatory.ts'
import { QuotaUsage } from '../../../src/broker/quota/quota-usage.ts'
import { replicaHosts } from '../../../src/broker/replication/replica-hosts.ts'
import { Replication } from '../../../src/broker/replication/replication.ts'
import { replicaFetchLimits } from '../../../src/broker/replication/replication-config.ts'
import type { Connection } from '../../../src/client/connection.ts'
import { HeliostatError } from '../../../src/platform/errors.ts'
import type { Platform } from '../../../src/platform/platform.ts'
import { decodeResponse, encodeRequest } from '../../../src/protocol/codec.ts'
import { ErrorCode, errorOf } from '../../../src/protocol/errors.ts'
import type { alterPartition } from '../../../src/protocol/messages/alter-partition.ts'
import { deleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { offsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import type { Api, Request, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { type BatchOptions, buildBatch } from '../../../src/records/batch-builder.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import type { SimMachine } from '../../../src/simulation/sim-machine.ts'
import { Simulation } from '../../../src/simulation/simulation.ts'
import { registrationOf } from './registration.ts'

const TOPIC = 'orders'
const TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAKg'
const DATA = '/data'
const TRAVEL_MS = 1
const NO_LEADER = -1

export interface WorldOptions {
  readonly seed?: number
  readonly brokers?: readonly number[]
  readonly config?: Readonly<Record<string, unknown>>
  readonly topicConfig?: Readonly<Record<string, string>>
  readonly racks?: Readonly<Record<number, string>>
}

export class ReplicaWorld {
  readonly simulation: Simulation
  readonly nodes: ReadonlyMap<number, ReplicaNode>
  readonly options: WorldOptions
  /** What the controller knows. */
  registration: PartitionRegistration
  /** All that the controller has said, in order. */
  readonly metadata: MetadataRecord[] = []
  /** Pairs that do not hear each other, and brokers that do not hear the controller (0). */
  readonly #cut = new Set<string>()

  constructor(options: WorldOptions = {}) {
    const { seed = 1, brokers = [1, 2, 3] } = options
    this.options = options
    this.simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
    for (const brokerId of brokers) this.metadata.push(registered(brokerId, options.racks?.[brokerId] ?? null))
    this.metadata.push({ type: 'topic', name: TOPIC, topicId: TOPIC_ID })
    for (const [name, value] of Object.entries(options.topicConfig ?? {})) {
      this.metadata.push({ type: 'config', resourceType: 2, resourceName: TOPIC, name, value })
    }
    this.registration = registrationOf({ replicas: brokers })
    this.metadata.push(this.#record())
    this.nodes = new Map(brokers.map((id) => [id, new ReplicaNode(this, id)]))
    for (const node of this.nodes.values()) node.boot()
  }

  node(id: number): ReplicaNode {
    return this.nodes.get(id)!
  }

  pass(ms: number): Promise<void> {
    return this.simulation.pass(ms)
  }

  outcome<T>(promise: Promise<T>, limitMs = 120_000): Promise<T> {
    return this.simulation.outcome(promise, limitMs)
  }

  /** Lets time pass until all that run and follow hold the bytes that the leader does, and know how much of them is committed. */
  async settle(limitMs = 60_000): Promise<void> {
    const { partition: leader, bytes } = this.node(this.registration.leader)
    const others = () =>
      [...this.nodes.values()].filter(({ isUp, id }) => isUp && this.registration.replicas.includes(id))
    const isEqual = () =>
      others().every((node) => {
        const { logEndOffset, highWatermark } = node.partition.log
        const isLevel = logEndOffset === leader.log.logEndOffset && highWatermark === leader.log.highWatermark
        return isLevel && (node.partition.log.logStartOffset > 0 || node.bytes.equals(bytes))
      })
    if (await this.simulation.until(isEqual, limitMs)) return
    const states = [...this.nodes.values()].map((node) => node.state)
    throw new Error(`the replicas do not settle: ${JSON.stringify({ registration: this.registration, states })}`)
  }

  /** The controller says who leads. */
  elect(leader: number, isr: readonly number[] = this.registration.isr): void {
    this.#change({ leader, isr, leaderEpoch: this.registration.leaderEpoch + 1 })
  }

  /** The controller misses a broker: others lead what it led, and it is in no ISR but as the last. */
  fence(brokerId: number): void {
    const { leader, isr } = this.registration
    const others = isr.filter((id) => id !== brokerId)
    const next = leader === brokerId ? (others.find((id) => this.node(id).isUp) ?? NO_LEADER) : leader
    if (next !== leader) this.elect(next, others.length > 0 ? others : isr)
    else if (others.length > 0 && others.length < isr.length) this.#change({ isr: others })
  }

  /** The controller hears of a broker again. */
  unfence(brokerId: number): void {
    const { leader, isr } = this.registration
    if (leader === NO_LEADER && isr.includes(brokerId)) this.elect(brokerId)
  }

  cut(one: number, other: number): void {
    this.#cut.add(`${one}-${other}`).add(`${other}-${one}`)
  }

  heal(): void {
    this.#cut.clear()
    for (const node of this.nodes.values()) node.catchUp()
  }

  isCut(one: number, other: number): boolean {
    return this.#cut.has(`${one}-${other}`)
  }

  /** As the controller answers AlterPartition. */
  alter(brokerId: number, { topics }: RequestInput<typeof alterPartition>): Response<typeof alterPartition> {
    const asked = topics[0]!.partitions[0]!
    const { leader, leaderEpoch, partitionEpoch } = this.registration
    const isr = asked.newIsrWithEpochs!.map((replica) => replica.brokerId)
    const refusal =
      leader !== brokerId || leaderEpoch !== asked.leaderEpoch
        ? ErrorCode.FENCED_LEADER_EPOCH
        : asked.partitionEpoch === partitionEpoch
          ? isr.every((id) => this.node(id).isUp)
            ? ErrorCode.NONE
            : ErrorCode.INELIGIBLE_REPLICA
          : ErrorCode.INVALID_UPDATE_VERSION
    if (refusal === ErrorCode.NONE) this.#change({ isr })
    const now = this.registration
    const partition = {
      partitionIndex: 0,
      errorCode: refusal,
      leaderId: now.leader,
      leaderEpoch: now.leaderEpoch,
      isr: [...now.isr],
      leaderRecoveryState: 0,
      partitionEpoch: now.partitionEpoch,
    }
    return { throttleTimeMs: 0, errorCode: 0, topics: [{ topicId: TOPIC_ID, partitions: [partition] }] }
  }

  #change(change: Partial<PartitionRegistration>): void {
    this.registration = { ...this.registration, ...change, partitionEpoch: this.registration.partitionEpoch + 1 }
    this.metadata.push(this.#record())
    for (const node of this.nodes.values()) {
      this.simulation.after(TRAVEL_MS, 'metadata', () => node.catchUp())
    }
  }

  #record(): MetadataRecord {
    return { type: 'partition', topicId: TOPIC_ID, ...this.registration }
  }
}

export class ReplicaNode {
  readonly id: number
  readonly #world: ReplicaWorld
  readonly #machine: SimMachine
  readonly #dispatcher = new Dispatcher([
    serveProduce,
    serveFetch,
    serveListOffsets,
    serveOffsetForLeaderEpoch,
    serveDeleteRecords,
  ])
  #platform!: Platform
  #image!: MetadataImage
  #store!: PartitionStore
  #replication!: Replication
  #broker!: Broker
  #applied = 0

  constructor(world: ReplicaWorld, id: number) {
    this.#world = world
    this.id = id
    this.#machine = world.simulation.machine(`broker-${id}`)
  }

  get isUp(): boolean {
    return this.#machine.isUp
  }

  get partition(): Partition {
    return this.#store.get(TOPIC, 0)!
  }

  boot(): void {
    this.#platform = this.#machine.boot()
    const { clock, log, random } = this.#platform
    const config = new BrokerConfig(this.#world.options.config)
    this.#image = new MetadataImage()
    this.#replication = new Replication({
      clock,
      log,
      nodeId: this.id,
      brokerEpoch: () => this.id,
      hosts: replicaHosts(this.#image),
      lagTimeMaxMs: config.number('replica.lag.time.max.ms'),
      limits: replicaFetchLimits((name) => config.number(name)),
      dial: (nodeId) => this.#dial(nodeId),
      // What a later answer would overwrite must not be in use any more.
      giveBack: (records) => void records.fill(0xee),
      alterPartition: async (request) => {
        await this.#travel(0)
        const answer = this.#world.alter(this.id, request)
        await this.#travel(0)
        return answer
      },
    })
    this.#store = new PartitionStore(this.#platform, DATA, { image: this.#image, config, host: this.#replication.host })
    this.#broker = {
      nodeId: this.id,
      platform: this.#platform,
      log,
      config,
      image: this.#image,
      partitions: this.#store,
      purgatory: new Purgatory(clock),
      quotas: new QuotaUsage(this.#image.quotas, { samples: 11, sampleMs: 1000 }),
      fetchSessions: new FetchSessions({ slots: 10, minEvictionMs: 1000 }, () => random.bytes(4).readUInt32BE(0) >>> 1),
      authorizer: undefined,
    } as unknown as Broker
    this.#applied = 0
    this.catchUp(true)
  }

  /** kill -9. */
  kill(): void {
    this.#machine.kill()
  }

  cutPower(): void {
    this.#machine.cutPower()
  }

  /** Stops in order. */
  stop(): void {
    this.#replication.close()
    this.#store.close()
    this.#machine.kill()
  }

  /** Applies what the controller has said since. */
  catchUp(isStarting = false): void {
    if (!this.isUp || (!isStarting && this.#world.isCut(this.id, 0))) return
    for (const record of this.#world.metadata.slice(this.#applied)) {
      this.#image.apply(record)
      if (record.type === 'partition' && !isStarting) this.#changed()
    }
    this.#applied = this.#world.metadata.length
    if (isStarting) this.#changed()
  }

  get state() {
    if (!this.isUp) return { id: this.id, isUp: false }
    const { log, leaderId, leaderEpoch, partitionEpoch } = this.partition
    const { logStartOffset, logEndOffset, highWatermark, epochs } = log
    const { entries } = epochs
    return { id: this.id, leaderId, leaderEpoch, partitionEpoch, logStartOffset, logEndOffset, highWatermark, entries }
  }

  /** The bytes of the log's segments. */
  get bytes(): Buffer {
    const { disk } = this.#platform
    const folder = `${DATA}/${TOPIC}-0`
    const names = disk.list(folder).filter((name) => name.endsWith('.log'))
    return Buffer.concat(names.map((name) => disk.read(`${folder}/${name}`)))
  }

  /** The values of the log, committed or not. */
  get values(): string[] {
    return splitBatches(this.bytes).batches.flatMap((batch) =>
      batch.isControl ? [] : batch.records().map(({ value }) => value!.toString()),
    )
  }

  /** What this broker answers, as a client hears it. */
  ask<A extends Api>(api: A, request: RequestInput<A>, version = api.versions[1]): Promise<Response<A>> {
    const frame = Buffer.concat(encodeRequest(api, version, { correlationId: 1, clientId: 'test' }, request)).subarray(
      4,
    )
    const session = { caller: { principal: { type: 'User', name: 'test' }, host: '127.0.0.1' }, listener: 'PLAINTEXT' }
    const dispatched = this.#dispatcher.dispatch(this.#broker, this.#platform.log, session, frame)
    return Promise.resolve(dispatched).then((answer) => {
      if (answer === CLOSE || answer === undefined) throw new Error(`${api.name} is not answered`)
      return decodeResponse(api, version, Buffer.concat(answer).subarray(4)) as Response<A>
    })
  }

  /** Produces one batch; the name of the error. */
  async produce(
    values: readonly string[],
    acks = -1,
    options: BatchOptions & { timeoutMs?: number } = {},
  ): Promise<string> {
    const { timeoutMs = 30_000, ...shape } = options
    const records = [
      buildBatch(
        values.map((value) => ({ timestamp: 1_700_000_000_000, key: null, value })),
        shape,
      ),
    ]
    const topicData = [{ topicId: TOPIC_ID, partitionData: [{ index: 0, records }] }]
    const { responses } = await this.ask(produce, { acks, timeoutMs, topicData })
    return errorOf(responses[0]!.partitionResponses[0]!.errorCode).name
  }

  /** The partition's part of one fetch. */
  async fetch(
    position: Partial<Request<typeof fetch>['topics'][number]['partitions'][number]> = {},
    request: Partial<RequestInput<typeof fetch>> = {},
  ) {
    const asked = { partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, logStartOffset: -1, ...position }
    const answer = await this.ask(fetch, {
      maxWaitMs: 0,
      minBytes: 1,
      topics: [{ topicId: TOPIC_ID, partitions: [asked] }],
      forgottenTopicsData: [],
      ...request,
    })
    return { ...answer.responses[0]!.partitions[0]!, nodeEndpoints: answer.nodeEndpoints }
  }

  /** What a consumer reads from the beginning. */
  async read(): Promise<string[]> {
    const { errorCode, records } = await this.fetch({ fetchOffset: this.partition.log.logStartOffset })
    if (errorCode !== ErrorCode.NONE) throw new Error(errorOf(errorCode).name)
    return valuesOf(records ?? [])
  }

  async offset(timestamp: number, replicaId = -1): Promise<number | string> {
    const asked = { partitionIndex: 0, timestamp }
    const { topics } = await this.ask(listOffsets, {
      replicaId,
      isolationLevel: 0,
      topics: [{ name: TOPIC, partitions: [asked] }],
      timeoutMs: 1000,
    })
    const { errorCode, offset } = topics[0]!.partitions[0]!
    return errorCode === ErrorCode.NONE ? offset : errorOf(errorCode).name
  }

  /** What a producer is told of the leader when it comes to the wrong broker. */
  async leaderTold() {
    const records = [buildBatch([{ timestamp: 1, key: null, value: 'x' }])]
    const topicData = [{ topicId: TOPIC_ID, partitionData: [{ index: 0, records }] }]
    const { responses, nodeEndpoints } = await this.ask(produce, { acks: 1, timeoutMs: 1000, topicData })
    return { currentLeader: responses[0]!.partitionResponses[0]!.currentLeader, nodeEndpoints }
  }

  async endOfEpoch(leaderEpoch: number): Promise<number | string> {
    const topics = [{ topic: TOPIC, partitions: [{ partition: 0, leaderEpoch }] }]
    const answer = await this.ask(offsetForLeaderEpoch, { topics })
    const { errorCode, endOffset } = answer.topics[0]!.partitions[0]!
    return errorCode === ErrorCode.NONE ? endOffset : errorOf(errorCode).name
  }

  async deleteBefore(offset: number, timeoutMs = 10_000): Promise<number | string> {
    const topics = [{ name: TOPIC, partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await this.ask(deleteRecords, { topics, timeoutMs })
    const { errorCode, lowWatermark } = answer.topics[0]!.partitions[0]!
    return errorCode === ErrorCode.NONE ? lowWatermark : errorOf(errorCode).name
  }

  #changed(): void {
    const topic = this.#image.topicById(TOPIC_ID)!
    const registration = topic.partitions[0]!
    if (!registration.replicas.includes(this.id)) return
    const { partition, isNewLeader } = this.#store.open(topic, registration)
    this.#store.reconfigure()
    this.#replication.changed(partition, registration.replicas.length, isNewLeader)
  }

  /** One way; rejects when the other is not there. */
  async #travel(to: number): Promise<void> {
    const { clock } = this.#platform
    const isThere = () => !this.#world.isCut(this.id, to) && (to === 0 || this.#world.node(to).isUp)
    await new Promise<void>((resolve) => clock.setTimer(TRAVEL_MS, resolve))
    if (isThere()) return
    await new Promise<void>((resolve) => clock.setTimer(100, resolve))
    if (!isThere()) throw new HeliostatError('HEL_UNREACHABLE', `${to} is not there`, { retriable: true })
  }

  async #dial(to: number): Promise<Connection> {
    await this.#travel(to)
    const other = this.#world.node(to)
    let isOpen = true
    const send = async <A extends Api>(api: A, request: RequestInput<A>): Promise<Response<A>> => {
      await this.#travel(to)
      const response = await other.ask(api, request)
      await this.#travel(to)
      if (!isOpen) throw new HeliostatError('HEL_CLOSED', 'closed', { retriable: true })
      return response
    }
    return {
      get isOpen() {
        return isOpen
      },
      send,
      close: () => {
        isOpen = false
      },
    } as unknown as Connection
  }
}

/** Of the records that a fetch gave. */
export function valuesOf(records: readonly Buffer[]): string[] {
  return records.flatMap((bytes) =>
    splitBatches(bytes).batches.flatMap((batch) => batch.records().map(({ value }) => value!.toString())),
  )
}

function registered(brokerId: number, rack: string | null): MetadataRecord {
  return {
    type: 'register-broker',
    brokerId,
    incarnationId: TOPIC_ID,
    brokerEpoch: brokerId,
    endPoints: [{ name: 'PLAINTEXT', host: `broker-${brokerId}`, port: 9092, securityProtocol: 0 }],
    features: [],
    rack,
    fenced: false,
    inControlledShutdown: false,
  }
}
