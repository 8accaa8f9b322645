import { HeliostatError } from '../platform/errors.ts'
import type { Address, Platform } from '../platform/platform.ts'
import { servedApis } from './apis/index.ts'
import type { Broker } from './broker.ts'
import { type Agreement, ClusterNode, voterAt } from './cluster-node.ts'
import { type ClusterProperties, obtainProperties, saveProperties } from './cluster-properties.ts'
import { type FaultControls, Faults } from './faults/faults.ts'
import type { SecurityProtocol } from './listeners/endpoint.ts'
import { internalSecurity } from './listeners/internal-listener.ts'
import type { Approach } from './listeners/listener-plan.ts'
import { portsRunningOn } from './listeners/listener-ports.ts'
import { addressText } from './listeners/open-listener.ts'
import type { VoterSet } from './raft/voter-set.ts'
import { retireBroker } from './retirement.ts'
import { addScramUsers, parseScramUser } from './security/scram-user.ts'

export interface ClusterOptions {
  /** How people and the log call the cluster. */
  readonly name: string
  /** 1. Their ids count from 1. */
  readonly brokers?: number
  /** Of the first broker's one plain listener that there is without the property `listeners`; the ports of the others run on. 0, or absent: any free ones. */
  readonly port?: number
  /** 127.0.0.1. Of brokers on machines of their own, by node id. */
  readonly host?: string | ((nodeId: number) => string)
  /** The directory of the logs, with one for each broker in it; absent: in memory, and gone with the cluster. */
  readonly data?: string | undefined
  /** Broker properties by Kafka's names. Ports in `listeners` run on by broker. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Racks that the brokers stand in, one after the other and round again. */
  readonly racks?: readonly string[]
  /** Lets listeners without TLS (PLAINTEXT, SASL_PLAINTEXT) leave this machine; otherwise they are refused beyond loopback. */
  readonly allowInsecure?: boolean | undefined
  /** SCRAM users to start with, as `kafka-storage --add-scram` takes them: `SCRAM-SHA-256=[name=alice,password=alice-secret]`. */
  readonly addScram?: readonly string[] | undefined
  /** Ways on which clients come besides, each with a name of its own. */
  readonly approaches?: readonly Approach[]
  /** The machine of a node; absent: all are on this one. */
  readonly machine?: (nodeId: number) => Platform
  /** The first of a run of ports on which the brokers meet, one for each; absent: any free ones. */
  readonly internalPort?: number | undefined
  /** What the brokers log in with where they meet; absent: in a cluster with `listeners` or an authorizer, one that is drawn. */
  readonly secret?: string | undefined
  /** One node alone: the others are processes of their own, on the same machine. They must agree on everything else. */
  readonly only?: OnlyNode | undefined
}

export interface OnlyNode {
  readonly nodeId: number
  /** For a data directory that has none yet, or for a cluster in memory. */
  readonly clusterId: string
}

export interface Cluster {
  readonly name: string
  /** 22 characters; of a data directory it stays the same. */
  readonly clusterId: string
  /** `host:port` of the brokers on the first listener, comma-separated. Of those that run, here and below. */
  readonly bootstrap: string
  /** `host:port` by node id, on the first listener. */
  readonly nodes: Readonly<Record<string, string>>
  /** `host:port` of the brokers on the first listener as clients of another datacenter reach them, comma-separated; by datacenter. */
  readonly via: Readonly<Record<string, string>>
  /** By the name of the listener, in upper case. */
  readonly listeners: Readonly<Record<string, ClusterListener>>
  /** What shall go wrong on purpose, for tests of clients. */
  readonly faults: FaultControls
  /** One of the brokers, running or not; throws HEL_CLUSTER for an id that there is not. */
  broker(nodeId: number): ClusterBroker
  /**
   * One more, with the next id, in its rack; resolves to the id when it serves. It holds nothing until partitions are created or
   * reassigned. From three on, three of them decide.
   */
  addBroker(options?: { readonly rack?: string }): Promise<number>
  /**
   * Retires a broker: all that it holds is reassigned to others and it is unregistered; where it decided, another does from then on, and
   * then it stops.
   */
  removeBroker(nodeId: number): Promise<void>
  stop(): Promise<void>
}

/** A broker of the cluster, through its lives. */
export interface ClusterBroker {
  readonly nodeId: number
  readonly isRunning: boolean
  /** Resolves when it serves, with its addresses and what was on its disk. */
  start(): Promise<void>
  /** Others take over what it leads before it stops, if they can. */
  stop(): Promise<void>
  /** At once and without a word, as by a crash of its process. */
  kill(): Promise<void>
}

/** How clients reach the cluster through one of its listeners. */
export interface ClusterListener {
  readonly securityProtocol: SecurityProtocol
  /** `host:port` of the brokers, comma-separated. */
  readonly bootstrap: string
  /** `host:port` by node id. */
  readonly nodes: Readonly<Record<string, string>>
  /** As `bootstrap`, for clients of another datacenter; by datacenter. */
  readonly via: Readonly<Record<string, string>>
}

const FIRST_NODE_ID = 1
/** Of the nodes the first few decide together; the others follow. */
const VOTERS_MAX = 3
const INTERNAL_REPLICAS_MAX = 3
const BROKERS_MAX = 1000
const SECRET_BYTES = 24
const LOOPBACK = '127.0.0.1'

/** Starts a cluster of this process; resolves when clients can connect. */
export async function startCluster(platform: Platform, options: ClusterOptions): Promise<Cluster> {
  const { name, brokers = 1 } = options
  if (!Number.isInteger(brokers) || brokers < 1 || brokers > BROKERS_MAX) {
    const message = `cluster ${name}: ${brokers} brokers were asked for; there can be 1 to ${BROKERS_MAX}`
    throw new HeliostatError('HEL_CONFIG', message, { where: { cluster: name } })
  }
  const log = platform.log.child({ cluster: name })
  const cluster = new RunningCluster({ ...platform, log }, options)
  await cluster.start(brokers)
  const { clusterId, listeners } = cluster
  log.info('cluster.started', 'the cluster serves', { clusterId, listeners })
  // All of it is the object's own: tests take clusters apart and add to them.
  return {
    name,
    clusterId,
    faults: cluster.faults,
    get bootstrap() {
      return cluster.first.bootstrap
    },
    get nodes() {
      return cluster.first.nodes
    },
    get via() {
      return cluster.first.via
    },
    get listeners() {
      return cluster.listeners
    },
    broker: (nodeId) => cluster.broker(nodeId),
    addBroker: (added) => cluster.addBroker(added),
    removeBroker: (nodeId) => cluster.removeBroker(nodeId),
    stop: () => cluster.stop(),
  }
}

class RunningCluster {
  readonly faults: Faults
  readonly #name: string
  readonly #platform: Platform
  readonly #options: ClusterOptions
  #properties: ClusterProperties
  readonly #secret: string | undefined
  readonly #nodes = new Map<number, ClusterNode>()
  /** Absent while the cluster is of one. */
  #agreed: Agreement | undefined
  /** The record that the properties tell of. */
  #votersOffset = -1

  constructor(platform: Platform, options: ClusterOptions) {
    const { name, data, brokers = 1 } = options
    this.#name = name
    this.#platform = platform
    this.#options = options
    const voters = Array.from({ length: Math.min(brokers, VOTERS_MAX) }, (_, index) => FIRST_NODE_ID + index)
    this.#properties = obtainProperties(platform, data, voters, options.only?.clusterId)
    const least = Math.max(...this.#properties.voters)
    if (brokers < least) {
      const message = `cluster ${name}: ${data} is of a cluster where brokers ${this.#properties.voters.join(', ')} decide; it needs ${least} brokers or more`
      throw new HeliostatError('HEL_CONFIG', message, { where: { cluster: name } })
    }
    const apiNames = servedApis.map(({ api }) => api.name)
    this.faults = new Faults({ name, apiNames, clock: platform.clock, random: platform.random })
    // Whoever secures what clients may do means the way between the brokers too.
    const isSecured = ['listeners', 'authorizer.class.name'].some(
      (property) => options.config?.[property] !== undefined,
    )
    const drawn = () => platform.random.bytes(SECRET_BYTES).toString('base64url')
    this.#secret = options.secret ?? (isSecured ? drawn() : undefined)
    if (options.only && brokers > 1) this.#refuseLoose(isSecured)
  }

  get clusterId(): string {
    return this.#properties.clusterId
  }

  get listeners(): Readonly<Record<string, ClusterListener>> {
    return listenersOf(this.#running)
  }

  async start(brokers: number): Promise<void> {
    const { only } = this.#options
    if (only) return this.#startOnly(only.nodeId, brokers)
    const ids = Array.from({ length: brokers }, (_, index) => FIRST_NODE_ID + index)
    const nodes = ids.map((id) => this.#node(id, brokers))
    try {
      if (brokers > 1) {
        await Promise.all(nodes.map((node) => node.open()))
        this.#agreed = this.#agreement()
      }
      await Promise.all(nodes.map((node) => node.start(this.#agreed)))
      if (brokers > 1) await this.#settled()
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  broker(nodeId: number): ClusterBroker {
    const node = this.#nodes.get(nodeId)
    if (!node) {
      const known = [...this.#nodes.keys()].join(', ')
      const message = `cluster ${this.#name} has no broker ${nodeId}; there are ${known}`
      throw new HeliostatError('HEL_CLUSTER', message, { where: { cluster: this.#name, node: nodeId } })
    }
    return {
      nodeId,
      get isRunning() {
        return node.broker !== undefined
      },
      start: async () => {
        if (!node.broker) await node.start(this.#agreed && this.#agreement())
      },
      stop: () => node.stop('controlled'),
      kill: () => node.stop('killed'),
    }
  }

  async addBroker({ rack }: { readonly rack?: string } = {}): Promise<number> {
    await this.#becomeSeveral()
    const nodeId = Math.max(...this.#nodes.keys()) + 1
    const node = this.#node(nodeId, this.#nodes.size + 1, rack)
    try {
      await node.start(this.#agreement())
    } catch (error) {
      this.#nodes.delete(nodeId)
      throw error
    }
    return nodeId
  }

  /** A cluster of one has nothing on which others could meet it; it is opened while its broker serves. */
  async #becomeSeveral(): Promise<void> {
    if (this.#agreed) return
    const [only] = this.#nodes.values()
    const agreed = this.#agreement()
    await only!.meet(agreed)
    this.#agreed = agreed
  }

  async removeBroker(nodeId: number): Promise<void> {
    this.broker(nodeId)
    const node = this.#nodes.get(nodeId)!
    const other = this.#running.find((broker) => broker.nodeId !== nodeId)
    if (!other) throw new HeliostatError('HEL_CLUSTER', `no other broker of cluster ${this.#name} runs`)
    await retireBroker(other, nodeId, async () => node.broker?.leave())
    await node.stop('at once')
    this.#nodes.delete(nodeId)
  }

  /** Together they hand over to nobody; one that is alone here lets the others take over. */
  async stop(): Promise<void> {
    this.faults.close()
    const how = this.#options.only ? 'controlled' : 'at once'
    await Promise.all([...this.#nodes.values()].map((node) => node.stop(how)))
  }

  get #running(): Broker[] {
    return [...this.#nodes.values()].flatMap(({ broker }) => broker ?? [])
  }

  get first(): ClusterListener {
    const [first = { securityProtocol: 'PLAINTEXT', bootstrap: '', nodes: {}, via: {} }] = Object.values(this.listeners)
    return first as ClusterListener
  }

  async #startOnly(nodeId: number, brokers: number): Promise<void> {
    const node = this.#node(nodeId, brokers)
    if (brokers > 1) this.#agreed = this.#agreement()
    try {
      await node.start(this.#agreed)
      const { broker } = node
      const users = (this.#options.addScram ?? []).map(parseScramUser)
      if (broker?.controller.isActive) {
        await addScramUsers(broker.controller, broker.image, this.#platform.random, users)
      }
    } catch (error) {
      await this.stop()
      throw error
    }
  }

  /** Brokers in processes of their own find each other only by what was agreed on. */
  #refuseLoose(isSecured: boolean): void {
    const { internalPort = 0, only, brokers = 1 } = this.#options
    const refused = (why: string) => {
      return new HeliostatError('HEL_CONFIG', `cluster ${this.#name}: ${why}`, { where: { cluster: this.#name } })
    }
    if (only!.nodeId < FIRST_NODE_ID || only!.nodeId >= FIRST_NODE_ID + brokers) {
      throw refused(
        `there is no node ${only!.nodeId}; its nodes are ${FIRST_NODE_ID} to ${FIRST_NODE_ID + brokers - 1}`,
      )
    }
    if (internalPort === 0) {
      throw refused(
        'brokers in processes of their own must know where the others are; give it a port, or an internalPort',
      )
    }
    if (isSecured && this.#options.secret === undefined) {
      throw refused('brokers in processes of their own need the same secret, where listeners or an authorizer are set')
    }
  }

  #agreement(): Agreement {
    const { only, brokers = 1 } = this.#options
    const all = Array.from({ length: brokers }, (_, index) => FIRST_NODE_ID + index)
    const configuredNode = (id: number) => (all.includes(id) ? voterAt(id, this.#internalAddress(id)) : undefined)
    return {
      bootstrap: this.#properties.voters,
      network: {
        nodeIds: () => (only ? all : [...this.#nodes.keys()]),
        nodeOf: (id) => this.#nodes.get(id)?.place,
        ...(only && { configuredNode }),
        security: internalSecurity(this.#secret),
        onVoters: (voters, offset) => this.#votersAre(voters, offset),
      },
    }
  }

  /** The next start must know who decides. A node that is behind tells of the past. */
  #votersAre(voters: VoterSet, offset: number): void {
    if (offset <= this.#votersOffset) return
    this.#votersOffset = offset
    const { data } = this.#options
    const ids = voters.map(({ nodeId }) => nodeId)
    if (String(ids) === String(this.#properties.voters)) return
    this.#properties = { ...this.#properties, voters: ids }
    if (data !== undefined) saveProperties(this.#platform, data, this.#properties)
  }

  #hostOf(nodeId: number): string {
    const { host = LOOPBACK } = this.#options
    return typeof host === 'string' ? host : host(nodeId)
  }

  #internalAddress(nodeId: number): Address {
    const { internalPort = 0 } = this.#options
    return { host: this.#hostOf(nodeId), port: internalPort === 0 ? 0 : internalPort + nodeId - FIRST_NODE_ID }
  }

  #node(nodeId: number, brokers: number, rack?: string): ClusterNode {
    const { port = 0, data, allowInsecure = false, racks = [], addScram, machine } = this.#options
    const platform = machine ? { ...machine(nodeId), log: this.#platform.log } : this.#platform
    const index = nodeId - FIRST_NODE_ID
    const ownRack = rack ?? racks[index % racks.length]
    const replicas = Math.min(brokers, INTERNAL_REPLICAS_MAX)
    const node = new ClusterNode({
      platform,
      nodeId,
      clusterId: this.clusterId,
      host: this.#hostOf(nodeId),
      port: port === 0 ? 0 : port + index,
      listen: { allowInsecure, files: platform },
      approaches: this.#options.approaches,
      scramUsers: brokers > 1 ? [] : (addScram ?? []).map(parseScramUser),
      directory: data === undefined ? undefined : `${data}/${nodeId}`,
      config: {
        'offsets.topic.replication.factor': replicas,
        'share.coordinator.state.topic.replication.factor': replicas,
        'transaction.state.log.replication.factor': replicas,
        ...(ownRack !== undefined && { 'broker.rack': ownRack }),
        ...portsRunningOn(this.#options.config ?? {}, index),
      },
      faults: this.faults,
      internal: this.#internalAddress(nodeId),
      secret: this.#secret,
    })
    this.#nodes.set(nodeId, node)
    return node
  }

  /** Every broker knows that all of them serve, and the users are there. */
  async #settled(): Promise<void> {
    const brokers = this.#running
    const all = (broker: Broker) => brokers.every(({ nodeId }) => broker.image.isActive(nodeId))
    await Promise.all(brokers.map((broker) => broker.until(() => all(broker))))
    const users = (this.#options.addScram ?? []).map(parseScramUser)
    const active = brokers.find(({ controller }) => controller.isActive)
    if (users.length === 0 || !active) return
    await addScramUsers(active.controller, active.image, this.#platform.random, users)
  }
}

/** Those that are told to clients; one at least is, or no broker would have started. */
function listenersOf(brokers: readonly Broker[]): Record<string, ClusterListener> {
  const told = brokers.flatMap(({ nodeId, listeners }) =>
    listeners.flatMap(({ plan, advertised }) =>
      advertised ? [{ nodeId, plan, address: addressText(advertised) }] : [],
    ),
  )
  const direct = told.filter(({ plan }) => !plan.approached)
  const byName = Map.groupBy(direct, ({ plan }) => plan.endpoint.listener)
  return Object.fromEntries(
    [...byName].map(([listener, ends]) => {
      const approached = told.filter(({ plan }) => plan.approached?.insteadOf === listener)
      const byApproach = Map.groupBy(approached, ({ plan }) => plan.approached!.by.name)
      const joined = (all: readonly { readonly address: string }[]) => all.map(({ address }) => address).join(',')
      return [
        listener,
        {
          securityProtocol: ends[0]!.plan.endpoint.securityProtocol,
          bootstrap: joined(ends),
          nodes: Object.fromEntries(ends.map(({ nodeId, address }) => [nodeId, address])),
          via: Object.fromEntries([...byApproach].map(([by, all]) => [by, joined(all)])),
        },
      ]
    }),
  )
}
