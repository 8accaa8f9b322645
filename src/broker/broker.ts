import { HeliostatError } from '../platform/errors.ts'
import type { Address, Logger, Platform } from '../platform/platform.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import type { BrokerConfig } from './broker-config.ts'
import { Controller } from './coordinator/controller/controller.ts'
import { MetadataImage, RESOURCE_TYPE, type TopicImage } from './coordinator/controller/metadata-image.ts'
import type { MetadataRecord } from './coordinator/controller/metadata-record.ts'
import { CONSUMER_OFFSETS, TRANSACTION_STATE } from './coordinator/controller/topic-name.ts'
import { GroupCoordinator } from './coordinator/group/group-coordinator.ts'
import { TransactionCoordinator } from './coordinator/transaction/transaction-coordinator.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Faults } from './faults/faults.ts'
import { featureLevel, TRANSACTION_VERSION } from './features.ts'
import { FetchSessions } from './fetch-session.ts'
import {
  type Approach,
  approachedPlans,
  type ListenerPlan,
  listenerPlans,
  type PlanOptions,
} from './listeners/listener-plan.ts'
import { OpenListener } from './listeners/open-listener.ts'
import { LogLevels } from './log-levels.ts'
import { ownRegistration } from './own-registration.ts'
import type { Partition } from './partition.ts'
import { PartitionStore } from './partition-store.ts'
import { Peers } from './peers.ts'
import { ProducerIds } from './producer-ids.ts'
import { Purgatory } from './purgatory.ts'
import { ConnectionGate } from './quota/connection-gate.ts'
import { QuotaUsage } from './quota/quota-usage.ts'
import type { PeerSecurity } from './raft/peer.ts'
import type { Voter } from './raft/quorum.ts'
import { RaftQuorum } from './raft/raft-quorum.ts'
import { SnapshotStore } from './raft/snapshot-store.ts'
import { replicaHosts } from './replication/replica-hosts.ts'
import { Replication, type ReplicationOptions } from './replication/replication.ts'
import { replicaFetchLimits } from './replication/replication-config.ts'
import { AclAuthorizer } from './security/acl-authorizer.ts'
import type { ScramMechanism } from './security/scram-credential.ts'
import { addScramUsers, type ScramUser } from './security/scram-user.ts'
import { ServerConnection } from './server-connection.ts'
import { TopicCreator } from './topic-creator.ts'
import { TransactionAdmission } from './transaction-admission.ts'
import { writeMarkers } from './transaction-markers.ts'

export interface BrokerOptions {
  readonly platform: Platform
  readonly nodeId: number
  readonly clusterId: string
  readonly listen: PlanOptions
  /** Ways on which clients come besides. */
  readonly approaches?: readonly Approach[]
  /** Holds the logs. */
  readonly directory: string
  readonly config: BrokerConfig
  readonly dispatcher: Dispatcher
  /** What shall go wrong on purpose, the same for all brokers of the cluster; absent: nothing. */
  readonly faults?: Faults
  /** To the active controller; absent: no partition has a replica elsewhere. */
  readonly alterPartition?: ReplicationOptions['alterPartition']
  /** Of the cluster's quorum of controllers, with where the others reach them; absent: this broker alone. */
  readonly voters?: readonly Voter[]
  /** How this broker proves to the others who it is. */
  readonly peerSecurity?: PeerSecurity
  /** Users that it is to have; those that it has stay as they are. */
  readonly scramUsers?: readonly ScramUser[]
}

const FETCH_SESSION_EVICTION_MS = 120_000
const UNREGISTERED = -1

/**
 * One broker: what its request handlers work with, and its lifetime. It serves from `start` to `stop`.
 *
 * 1. `image` is the metadata up to the last committed record; every partition that it gives to this broker is open.
 * 2. A record of the metadata log is applied here only once it is committed.
 * 3. Clients may connect earlier, but are served only once the broker is registered with its addresses.
 */
export class Broker {
  readonly platform: Platform
  readonly log: Logger
  readonly logLevels: LogLevels
  readonly nodeId: number
  readonly clusterId: string
  readonly config: BrokerConfig
  readonly image = new MetadataImage()
  /** The other brokers. */
  readonly peers: Peers
  readonly replication: Replication
  readonly partitions: PartitionStore
  readonly groups: GroupCoordinator
  readonly transactions: TransactionCoordinator
  readonly admission: TransactionAdmission
  readonly quorum: RaftQuorum
  readonly controller: Controller
  readonly purgatory: Purgatory
  readonly quotas: QuotaUsage
  readonly fetchSessions: FetchSessions
  readonly producerIds: ProducerIds
  readonly topicCreator: TopicCreator
  readonly faults: Faults | undefined
  /** Absent: nobody is held back. It holds the access rules of the image. */
  readonly authorizer: AclAuthorizer | undefined
  readonly #dispatcher: Dispatcher
  readonly #connections = new Set<ServerConnection>()
  /** In the order of `listeners`. */
  readonly #listeners: OpenListener[] = []
  readonly #gate: ConnectionGate
  #loading = true
  #brokerEpoch = UNREGISTERED
  /** While the past is read: topics that were deleted in it. */
  readonly #deletedTopicIds = new Set<string>()

  private constructor(options: BrokerOptions) {
    const { platform, nodeId, clusterId, directory, config } = options
    this.platform = platform
    this.logLevels = new LogLevels(platform.log.level ?? 'debug')
    this.log = this.logLevels.logger(platform.log.child({ node: nodeId }, 'debug'))
    this.nodeId = nodeId
    this.clusterId = clusterId
    this.config = config
    this.authorizer = config.authorizer && new AclAuthorizer(config.authorizer)
    this.#dispatcher = options.dispatcher
    this.faults = options.faults
    this.peers = new Peers({ platform, nodeId, endpointOf: (id) => this.#endpointOf(id) })
    this.replication = this.#openReplication(options.alterPartition)
    const { host } = this.replication
    this.partitions = new PartitionStore({ ...platform, log: this.log }, directory, { image: this.image, config, host })
    this.groups = new GroupCoordinator({
      clock: platform.clock,
      log: this.log,
      config: () => config.groups,
      view: this.image,
      partitionCount: () => this.image.topics.get(CONSUMER_OFFSETS)?.partitions.length ?? 0,
    })
    this.purgatory = new Purgatory(platform.clock)
    this.quotas = new QuotaUsage(this.image.quotas, {
      samples: config.number('quota.window.num'),
      sampleMs: config.number('quota.window.size.seconds') * 1000,
    })
    this.fetchSessions = new FetchSessions(
      { slots: config.number('max.incremental.fetch.session.cache.slots'), minEvictionMs: FETCH_SESSION_EVICTION_MS },
      () => platform.random.bytes(4).readUInt32BE(0) >>> 1,
    )
    this.#gate = new ConnectionGate(platform.clock, () => ({
      ...config.connections,
      ...(this.#isAlone && this.#brokerEpoch === UNREGISTERED && { max: 0 }),
      refuseAfterMs: (ip) => this.quotas.recordConnection(ip, platform.clock.monotonic()),
    }))
    this.quorum = this.#openQuorum(options)
    this.controller = this.#openController()
    this.producerIds = new ProducerIds(this.controller, this)
    this.topicCreator = new TopicCreator(this.controller, this.image, config, platform.random)
    this.transactions = new TransactionCoordinator({
      clock: platform.clock,
      log: this.log,
      config: () => ({
        ...config.transactions,
        transactionVersion: featureLevel(this.image, TRANSACTION_VERSION),
      }),
      partitionCount: () => this.image.topics.get(TRANSACTION_STATE)?.partitions.length ?? 0,
      nextProducerId: () => this.producerIds.next(),
      writeMarkers: (marker, partitions) => writeMarkers(this, marker, partitions),
    })
    this.admission = new TransactionAdmission(this)
  }

  /** Recovers what is on the disk, then listens. */
  static async start(options: BrokerOptions): Promise<Broker> {
    const broker = new Broker(options)
    try {
      const plans = broker.#plans(options.listen)
      plans.push(...approachedPlans(plans, options.approaches ?? []))
      // A lone voter leads at once; otherwise the others must be able to reach this one before there is a leader.
      if (!broker.#isAlone) for (const plan of plans) await broker.#listen(plan)
      broker.quorum.start()
      await broker.#caughtUp()
      broker.#recover()
      if (broker.quorum.led) {
        await addScramUsers(broker.controller, broker.image, broker.platform.random, options.scramUsers ?? [])
      }
      if (broker.#isAlone) for (const plan of plans) await broker.#listen(plan)
      if (broker.quorum.led) await broker.#register()
    } catch (error) {
      await broker.stop()
      throw error
    }
    return broker
  }

  get listeners(): readonly OpenListener[] {
    return this.#listeners
  }

  /** Of this start, as the controller has given it; −1 until then. */
  get brokerEpoch(): number {
    return this.#brokerEpoch
  }

  /** Whom clients are told to be the controller. */
  get controllerId(): number {
    return this.nodeId
  }

  /** Where clients reach it that came through this listener; undefined when it is not advertised. */
  advertised(listener: string): Address | undefined {
    return this.#listeners.find(({ plan }) => plan.endpoint.listener === listener)?.advertised
  }

  async stop(): Promise<void> {
    const closing = Promise.all(this.#listeners.map((listener) => listener.close()))
    for (const connection of this.#connections) connection.close()
    this.faults?.close()
    this.purgatory.close()
    this.transactions.close()
    this.groups.close()
    this.replication.close()
    this.peers.close()
    this.controller.close()
    await this.quorum.close()
    this.partitions.close()
    await closing
  }

  #openReplication(alterPartition: BrokerOptions['alterPartition'] = nobodyToAsk): Replication {
    const { config, nodeId, image, log, platform } = this
    return new Replication({
      clock: platform.clock,
      log,
      nodeId,
      brokerEpoch: () => this.#brokerEpoch,
      hosts: replicaHosts(image),
      lagTimeMaxMs: config.number('replica.lag.time.max.ms'),
      limits: replicaFetchLimits((name) => config.number(name)),
      dial: (leaderId) => this.peers.dial(leaderId, 'fetcher'),
      alterPartition,
    })
  }

  #openQuorum({ voters = [{ nodeId: this.nodeId, host: '', port: 0 }], peerSecurity = {} }: BrokerOptions): RaftQuorum {
    const { nodeId, clusterId, config } = this
    const platform = { ...this.platform, log: this.log }
    return this.#orGiveUp(() => {
      const log = this.partitions.openMetadata()
      const snapshots = new SnapshotStore(platform.disk, log.directory)
      const timeouts = config.quorumTimeouts(voters.findIndex((voter) => voter.nodeId === nodeId))
      return new RaftQuorum({ platform, nodeId, clusterId, voters, security: peerSecurity, timeouts, log, snapshots })
    })
  }

  #openController(): Controller {
    const { quorum, nodeId, config, log } = this
    const onCommitted = (record: MetadataRecord) => this.#apply(record)
    return this.#orGiveUp(() => {
      const { clock } = this.platform
      return new Controller({ quorum, nodeId, config: config.controller, clock, log, onCommitted })
    })
  }

  /** A broker that cannot start gives its directory back. */
  #orGiveUp<T>(open: () => T): T {
    try {
      return open()
    } catch (error) {
      this.partitions.close()
      throw error
    }
  }

  /** Brings up what the metadata, which is read by now, gives to this broker. */
  #recover(): void {
    this.#loading = false
    this.#applyBrokerConfigs()
    this.partitions.openAll(this.nodeId, this.#deletedTopicIds)
    this.#deletedTopicIds.clear()
    // Not before: what the log says of deleted topics was needed for that.
    this.controller.compact(this.config.number('metadata.log.max.record.bytes.between.snapshots'))
    for (const partition of this.partitions.all()) this.#takeRole(partition, true)
  }

  /** Brokers meet on the first listener that they advertise. */
  #endpointOf(nodeId: number): Address | undefined {
    return this.image.brokers.get(nodeId)?.endPoints[0]
  }

  /** Invariant 3. */
  async #register(): Promise<void> {
    const registration = ownRegistration(this)
    const { errorCode, brokerEpoch } = await this.controller.ask({ type: 'register-broker', registration })
    if (errorCode !== ErrorCode.NONE) {
      const { name } = errorOf(errorCode)
      const message = `broker ${this.nodeId} cannot be registered: ${name}`
      throw new HeliostatError('HEL_CONFIG', message, { where: { node: this.nodeId } })
    }
    this.#brokerEpoch = brokerEpoch
    this.#gate.admitWaiting()
  }

  get #isAlone(): boolean {
    return this.quorum.voters.length === 1 && this.quorum.voters[0]!.nodeId === this.nodeId
  }

  async #caughtUp(): Promise<void> {
    const { quorum } = this
    await new Promise<void>((resolve) => {
      const settle = () => {
        if (!quorum.isCaughtUp && !quorum.failure) return
        unsubscribe()
        resolve()
      }
      const unsubscribe = quorum.onLeaderChange(settle)
      settle()
    })
    if (quorum.failure) throw quorum.failure
  }

  #plans(options: PlanOptions): ListenerPlan[] {
    const scramCredentials = ({ type }: ScramMechanism, user: string) => this.image.scramCredentials(user).get(type)
    return listenerPlans(this.config, options, { random: this.platform.random, scramCredentials })
  }

  async #listen(plan: ListenerPlan): Promise<void> {
    const open = OpenListener.open(this.platform.network, plan, this.nodeId, (socket) => {
      const connection = new ServerConnection(this, this.#dispatcher, socket, plan, () => {
        this.#connections.delete(connection)
        this.#gate.left(connection)
      })
      this.#connections.add(connection)
      this.#gate.arrive(connection)
      return connection
    })
    this.#listeners.push(await open)
  }

  /** Invariant 2: brings the broker to what the record says. While the past is read only the image follows. */
  #apply(record: MetadataRecord): void {
    const removed = record.type === 'remove-topic' ? this.image.topicById(record.topicId) : undefined
    this.#follow(record)
    this.image.apply(record)
    if (this.#loading) {
      if (removed) this.#deletedTopicIds.add(removed.topicId)
      return
    }
    if (record.type === 'partition' || record.type === 'partition-change')
      this.#openPartition(record.topicId, record.partitionId)
    if (record.type === 'config' && record.resourceType === RESOURCE_TYPE.TOPIC) {
      this.partitions.reconfigure([record.resourceName])
    }
    if (record.type === 'config' && record.resourceType === RESOURCE_TYPE.BROKER) {
      this.#applyBrokerConfigs()
      this.partitions.reconfigure()
      this.#gate.admitWaiting()
    }
    if (removed) this.#removeTopic(removed)
  }

  /** The authorizer follows the image, while the past is read too. */
  #follow(record: MetadataRecord): void {
    const { acls } = this.image
    if (record.type === 'access-control-entry' && !acls.get(record.id)) this.authorizer?.add(record)
    if (record.type !== 'remove-access-control-entry') return
    const removed = acls.get(record.id)
    if (removed) this.authorizer?.remove(removed)
  }

  #openPartition(topicId: string, partitionId: number): void {
    const topic = this.image.topicById(topicId)
    const registration = topic?.partitions[partitionId]
    if (!topic || !registration) return
    if (registration.replicas.includes(this.nodeId)) {
      const { partition, isNewLeader } = this.partitions.open(topic, registration)
      this.#takeRole(partition, isNewLeader)
      return
    }
    const present = this.partitions.get(topic.name, partitionId)
    if (!present) return
    this.#resign(present)
    this.partitions.removeOne(present)
  }

  /** Leads the partition, or follows who does, as its registration now says. */
  #takeRole(partition: Partition, isNewLeader: boolean): void {
    const replicas = this.image.topicById(partition.topicId)?.partitions[partition.partitionId]?.replicas ?? []
    this.replication.changed(partition, replicas.length, isNewLeader)
    if (!isNewLeader) return
    if (partition.topic === CONSUMER_OFFSETS) this.groups.leads(partition)
    if (partition.topic === TRANSACTION_STATE) this.transactions.leads(partition)
  }

  /** The partition goes to other brokers, or with its topic. */
  #resign(partition: Partition): void {
    this.replication.forget(partition)
    if (partition.topic === CONSUMER_OFFSETS) this.groups.drop(partition.partitionId)
    if (partition.topic === TRANSACTION_STATE) this.transactions.drop(partition.partitionId)
  }

  #removeTopic(topic: TopicImage): void {
    for (const partition of this.partitions.of(topic.name).values()) this.#resign(partition)
    this.partitions.remove(topic.name)
    this.groups.topicsDeleted([topic.name]).catch((error) => {
      this.log.warn('broker.offsets-kept', 'offsets of a deleted topic were not removed', {
        topic: topic.name,
        error: String(error),
      })
    })
  }

  #applyBrokerConfigs(): void {
    const own = this.image.configs(RESOURCE_TYPE.BROKER, String(this.nodeId))
    this.config.alter(own, this.image.configs(RESOURCE_TYPE.BROKER, ''))
  }
}

function nobodyToAsk(): Promise<never> {
  return Promise.reject(new HeliostatError('HEL_UNREACHABLE', 'there is no controller to ask', { retriable: true }))
}
