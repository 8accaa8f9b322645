import { HeliostatError } from '../platform/errors.ts'
import {
  type Address,
  type Logger,
  type Platform,
  type Socket,
  type SocketHandler,
  sleep,
} from '../platform/platform.ts'
import { alterPartition } from '../protocol/messages/alter-partition.ts'
import type { BrokerConfig } from './broker-config.ts'
import { BrokerLifecycle } from './broker-lifecycle.ts'
import { ControllerChannel } from './controller-channel.ts'
import { Controller } from './coordinator/controller/controller.ts'
import { MetadataImage, RESOURCE_TYPE, type TopicImage } from './coordinator/controller/metadata-image.ts'
import type { MetadataRecord } from './coordinator/controller/metadata-record.ts'
import { CONSUMER_OFFSETS, SHARE_GROUP_STATE, TRANSACTION_STATE } from './coordinator/controller/topic-name.ts'
import { GroupCoordinator } from './coordinator/group/group-coordinator.ts'
import { ShareCoordinator } from './coordinator/share/share-coordinator.ts'
import { TransactionCoordinator } from './coordinator/transaction/transaction-coordinator.ts'
import type { Dispatcher } from './dispatcher.ts'
import type { Faults } from './faults/faults.ts'
import { featureLevel, TRANSACTION_VERSION } from './features.ts'
import { FetchSessions } from './fetch-session.ts'
import { INTERNAL_LISTENER } from './listeners/internal-listener.ts'
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
import type { QuorumNetwork } from './raft/quorum.ts'
import { AUTO_JOIN } from './raft/quorum-config.ts'
import { RaftQuorum } from './raft/raft-quorum.ts'
import { SnapshotStore } from './raft/snapshot-store.ts'
import { VoterUpkeep } from './raft/voter-upkeep.ts'
import { replicaHosts } from './replication/replica-hosts.ts'
import { Replication } from './replication/replication.ts'
import { replicaFetchLimits } from './replication/replication-config.ts'
import { AclAuthorizer } from './security/acl-authorizer.ts'
import type { ScramMechanism } from './security/scram-credential.ts'
import { addScramUsers, type ScramUser } from './security/scram-user.ts'
import { ServerConnection } from './server-connection.ts'
import { SharePartitions } from './share/share-partitions.ts'
import { ShareSessions } from './share/share-session.ts'
import { ShareStore } from './share/share-store.ts'
import { TopicCreator } from './topic-creator.ts'
import { TransactionAdmission } from './transaction-admission.ts'
import { writeMarkers } from './transaction-markers.ts'
import { randomUuid } from './uuid.ts'

export interface BrokerOptions {
  readonly platform: Platform
  readonly nodeId: number
  readonly clusterId: string
  readonly listen: PlanOptions
  /** Ways on which clients come besides. */
  readonly approaches?: readonly Approach[]
  /** Holds the logs. */
  readonly directory: string
  readonly directoryId: string
  readonly config: BrokerConfig
  readonly dispatcher: Dispatcher
  /** What shall go wrong on purpose, the same for all brokers of the cluster; absent: nothing. */
  readonly faults?: Faults
  /** Absent: this broker is alone, and decides alone. */
  readonly cluster?: ClusterMembership
  /** Users that it is to have; those that it has stay as they are. */
  readonly scramUsers?: readonly ScramUser[]
}

/** How a broker meets the others of its cluster. */
export interface ClusterMembership {
  /** Who votes for controllers, as long as the metadata log does not say it. */
  readonly bootstrap: readonly number[]
  readonly network: QuorumNetwork
  /** Where the others reach this broker; it is closed with the broker. */
  readonly listener: OpenListener
  /** Of what nodes ask one another. */
  readonly dispatcher: Dispatcher
}

const FETCH_SESSION_EVICTION_MS = 120_000
const UNREGISTERED = -1

/**
 * One broker: what its request handlers work with, and its lifetime. It serves from `start` to `stop`.
 *
 * 1. `image` is the metadata up to the last committed record; every partition that it gives to this broker is open.
 * 2. A record of the metadata log is applied here only once it is committed.
 * 3. Clients may connect earlier, but are served only once the broker is registered with its addresses, follows the metadata from there
 *    on, and is unfenced.
 * 4. What it leads according to an earlier life it gives up first: the logs are opened with what holds after its registration.
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
  readonly shareStates: ShareCoordinator
  readonly shareStore: ShareStore
  readonly sharePartitions: SharePartitions
  readonly shareSessions: ShareSessions
  readonly admission: TransactionAdmission
  readonly quorum: RaftQuorum
  readonly controller: Controller
  /** To the active controller. */
  readonly channel: ControllerChannel
  readonly purgatory: Purgatory
  readonly quotas: QuotaUsage
  readonly fetchSessions: FetchSessions
  readonly producerIds: ProducerIds
  readonly topicCreator: TopicCreator
  readonly faults: Faults | undefined
  /** Absent: nobody is held back. It holds the access rules of the image. */
  readonly authorizer: AclAuthorizer | undefined
  readonly #options: BrokerOptions
  readonly #dispatcher: Dispatcher
  readonly #plans: readonly ListenerPlan[]
  readonly #connections = new Set<ServerConnection>()
  /** In the order of `listeners`. */
  readonly #listeners: OpenListener[] = []
  readonly #gate: ConnectionGate
  #loading = true
  #isServing = false
  /** Absent: this broker is alone. */
  #cluster: ClusterMembership | undefined
  readonly #incarnationId: string
  /** Nobody waits for anything any more. */
  readonly #ended = new AbortController()
  #brokerEpoch = UNREGISTERED
  /** Of a broker that is not alone. */
  #lifecycle: BrokerLifecycle | undefined
  #upkeep: VoterUpkeep | undefined
  /** While the past is read: topics that were deleted in it. */
  readonly #deletedTopicIds = new Set<string>()

  private constructor(options: BrokerOptions) {
    const { platform, nodeId, clusterId, directory, config } = options
    this.#options = options
    this.#cluster = options.cluster
    this.#incarnationId = randomUuid(platform.random)
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
    this.replication = this.#openReplication()
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
      ...(!this.#isServing && { max: 0 }),
      refuseAfterMs: (ip) => this.quotas.recordConnection(ip, platform.clock.monotonic()),
    }))
    this.#plans = this.#orGiveUp(() => this.#planned())
    this.quorum = this.#openQuorum()
    this.controller = this.#openController()
    this.channel = new ControllerChannel(this.quorum, platform.clock)
    this.producerIds = new ProducerIds(this)
    this.topicCreator = new TopicCreator(this)
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
    this.shareStates = new ShareCoordinator({
      clock: platform.clock,
      log: this.log,
      updatesPerSnapshot: () => config.number('share.coordinator.snapshot.update.records.per.snapshot'),
      partitionCount: () => this.image.topics.get(SHARE_GROUP_STATE)?.partitions.length ?? 0,
    })
    const { image, peers, topicCreator, shareStates: coordinator } = this
    this.shareStore = new ShareStore({ clock: platform.clock, nodeId, image, coordinator, peers, topicCreator })
    const share = () => config.groups.share
    this.sharePartitions = new SharePartitions({ clock: platform.clock, image, config: share, store: this.shareStore })
    this.shareSessions = new ShareSessions(() => share().maxSessions)
    this.admission = new TransactionAdmission(this)
  }

  /** Recovers what is on the disk. */
  static open(options: BrokerOptions): Broker {
    return new Broker(options)
  }

  /** Resolves when it serves clients. */
  async start(): Promise<void> {
    try {
      this.quorum.start()
      await this.#caughtUp()
      for (const plan of this.#plans) await this.#listen(plan)
      await this.#register()
      this.#recover()
      if (this.#cluster) this.#upkeep = this.#openUpkeep()
      if (this.#lifecycle) await this.#lifecycle.unfence()
      else await addScramUsers(this.controller, this.image, this.platform.random, this.#options.scramUsers ?? [])
      this.#isServing = true
      this.#gate.admitWaiting()
    } catch (error) {
      await this.stop('at once')
      throw error
    }
  }

  /**
   * Others come to a broker that was alone. It goes on serving meanwhile; resolves when they may find it.
   *
   * Its log says from now on who votes for controllers, and its registration where it is.
   */
  async meet(cluster: ClusterMembership): Promise<void> {
    this.#cluster = cluster
    this.quorum.meet(cluster.network)
    await this.#register()
    const isFound = () => this.#endpointOf(this.nodeId) !== undefined
    await this.until(isFound)
    await this.#lifecycle!.unfence()
    this.#upkeep = this.#openUpkeep()
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
    const { leaderId } = this.quorum
    return this.image.isActive(leaderId) ? leaderId : this.nodeId
  }

  /** Where clients reach it that came through this listener; undefined when it is not advertised. */
  advertised(listener: string): Address | undefined {
    return this.#listeners.find(({ plan }) => plan.endpoint.listener === listener)?.advertised
  }

  /** The last record of the metadata that it obeys. */
  get metadataOffset(): number {
    return this.controller.metadataOffset
  }

  /** Resolves when the metadata says so here, or after the time; rejects with HEL_CLOSED when the broker is stopped before. */
  async until(isSo: () => boolean, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (isSo()) return
    // The controller follows before.
    const told = this.#when((look) => this.quorum.onCommitted(look), isSo)
    if (timeoutMs === Number.POSITIVE_INFINITY) return told
    const enough = new AbortController()
    await Promise.race([told, sleep(this.platform.clock, timeoutMs, enough.signal)])
    enough.abort()
  }

  /** Looks whenever it hears something, until it is so or the broker is stopped. */
  #when(hear: (look: () => void) => () => void, isSo: () => boolean): Promise<void> {
    const { signal } = this.#ended
    return new Promise((resolve, reject) => {
      const look = () => {
        if (!signal.aborted && !isSo()) return
        signal.removeEventListener('abort', look)
        unhear()
        if (isSo()) resolve()
        else reject(new HeliostatError('HEL_CLOSED', `broker ${this.nodeId} was stopped`))
      }
      const unhear = hear(look)
      signal.addEventListener('abort', look)
      look()
    })
  }

  /** Takes a connection of another node of the cluster. */
  acceptNode(socket: Socket, plan: ListenerPlan): SocketHandler {
    const { dispatcher } = this.#cluster!
    const connection = new ServerConnection(this, dispatcher, socket, plan, () => this.#connections.delete(connection))
    this.#connections.add(connection)
    connection.admit()
    return connection
  }

  /** Others take over what it leads; it goes on in the quorum of controllers. */
  async leave(): Promise<void> {
    await this.#lifecycle?.leave()
  }

  /** `controlled`: others take over first. `killed`: the logs are left as by a crash. */
  async stop(how: 'controlled' | 'at once' | 'killed'): Promise<void> {
    if (how === 'controlled') await this.leave()
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    this.#lifecycle?.close()
    this.#upkeep?.close()
    this.channel.close()
    const listeners = [...this.#listeners, ...(this.#cluster ? [this.#cluster.listener] : [])]
    const closing = Promise.all(listeners.map((listener) => listener.close()))
    for (const connection of this.#connections) connection.close()
    this.purgatory.close()
    this.sharePartitions.close()
    this.shareStates.close()
    this.transactions.close()
    this.groups.close()
    this.replication.close()
    this.controller.close()
    if (how !== 'killed') await this.quorum.close()
    else this.quorum.abandon()
    this.peers.close()
    this.partitions.close(how !== 'killed')
    await closing
  }

  #openReplication(): Replication {
    const { config, nodeId, image, log, platform } = this
    return new Replication({
      clock: platform.clock,
      log,
      nodeId,
      brokerEpoch: () => this.#brokerEpoch,
      hosts: replicaHosts(image),
      lagTimeMaxMs: config.number('replica.lag.time.max.ms'),
      limits: replicaFetchLimits((name) => config.number(name)),
      dial: (leaderId) => this.peers.dial(leaderId, 'fetcher', this.partitions.buffers),
      giveBack: (records) => this.partitions.buffers.give(records),
      alterPartition: (request) => this.channel.ask(alterPartition, request),
    })
  }

  #openQuorum(): RaftQuorum {
    const { nodeId, clusterId, config } = this
    const { directoryId } = this.#options
    const { bootstrap = [nodeId], network } = this.#cluster ?? {}
    const platform = { ...this.platform, log: this.log }
    return this.#orGiveUp(() => {
      const log = this.partitions.openMetadata()
      const snapshots = new SnapshotStore(platform.disk, log.directory)
      const timeouts = config.quorumTimeouts
      const identity = { nodeId, directoryId, clusterId }
      return new RaftQuorum({ platform, ...identity, bootstrap, network, timeouts, log, snapshots })
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

  #endpointOf(nodeId: number): (Address & PeerSecurity) | undefined {
    const { endPoints = [] } = this.image.brokers.get(nodeId) ?? {}
    const endPoint = endPoints.find(({ name }) => name === INTERNAL_LISTENER)
    return endPoint && { host: endPoint.host, port: endPoint.port, ...this.#cluster?.network.security }
  }

  /** Invariant 4. */
  async #register(): Promise<void> {
    const { clock } = this.platform
    const { log, clusterId, channel, image, config } = this
    const cluster = this.#cluster
    const registration = ownRegistration(this, this.#incarnationId, cluster?.listener)
    if (!cluster) {
      const { brokerEpoch } = await this.controller.ask({ type: 'register-broker', registration, isAlone: true })
      this.#brokerEpoch = brokerEpoch
      return
    }
    const lifecycle = new BrokerLifecycle({
      clock,
      log,
      clusterId,
      registration,
      channel,
      image,
      metadataOffset: () => this.metadataOffset,
      until: (isSo) => this.until(isSo),
      heartbeatMs: config.number('broker.heartbeat.interval.ms'),
      onRegistered: (brokerEpoch) => {
        this.#brokerEpoch = brokerEpoch
      },
    })
    this.#lifecycle = lifecycle
    await lifecycle.register()
  }

  #openUpkeep(): VoterUpkeep {
    const { quorum, image, config } = this
    const isAutomatic = config.boolean(AUTO_JOIN)
    const silentMs = () => config.number('broker.session.timeout.ms')
    return new VoterUpkeep({ clock: this.platform.clock, quorum, image, isAutomatic, silentMs })
  }

  async #caughtUp(): Promise<void> {
    const { quorum } = this
    await this.#when(
      (look) => quorum.onLeaderChange(look),
      () => quorum.isCaughtUp || quorum.failure !== undefined,
    )
    if (quorum.failure) throw quorum.failure
  }

  #planned(): ListenerPlan[] {
    const { listen, approaches = [] } = this.#options
    const scramCredentials = ({ type }: ScramMechanism, user: string) => this.image.scramCredentials(user).get(type)
    const plans = listenerPlans(this.config, listen, { random: this.platform.random, scramCredentials })
    return [...plans, ...approachedPlans(plans, approaches)]
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
      try {
        const { partition, isNewLeader } = this.partitions.open(topic, registration)
        this.#takeRole(partition, isNewLeader)
      } catch (error) {
        // The trouble of one partition is not that of the others: who asks for it is told to look elsewhere.
        const fields = { topic: topic.name, partition: partitionId, error: String(error) }
        this.log.error('broker.partition-failed', 'a partition cannot be opened', fields)
      }
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
    this.sharePartitions.drop(partition)
    if (partition.topic === CONSUMER_OFFSETS) this.groups.leads(partition)
    if (partition.topic === TRANSACTION_STATE) this.transactions.leads(partition)
    if (partition.topic === SHARE_GROUP_STATE) this.shareStates.leads(partition)
  }

  /** The partition goes to other brokers, or with its topic. */
  #resign(partition: Partition): void {
    this.replication.forget(partition)
    if (partition.topic === CONSUMER_OFFSETS) this.groups.drop(partition.partitionId)
    if (partition.topic === TRANSACTION_STATE) this.transactions.drop(partition.partitionId)
    if (partition.topic === SHARE_GROUP_STATE) this.shareStates.drop(partition.partitionId)
    this.sharePartitions.drop(partition)
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
