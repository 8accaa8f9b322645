import { HeliostatError } from '../platform/errors.ts'
import { memoryDisk } from '../platform/memory-disk.ts'
import type { Platform } from '../platform/platform.ts'
import { servedApis } from './apis/index.ts'
import { Broker } from './broker.ts'
import { BrokerConfig } from './broker-config.ts'
import { Dispatcher } from './dispatcher.ts'
import { type FaultControls, Faults } from './faults/faults.ts'
import { handleWithFaults } from './faults/with-faults.ts'
import type { SecurityProtocol } from './listeners/endpoint.ts'
import type { Approach } from './listeners/listener-plan.ts'
import { addressText } from './listeners/open-listener.ts'
import { parseScramUser } from './security/scram-user.ts'
import { randomUuid } from './uuid.ts'

export interface ClusterOptions {
  /** How people and the log call the cluster. */
  readonly name: string
  /** 1. */
  readonly brokers?: number
  /** Of the one plain listener that there is without the property `listeners`. 0, or absent: any free one. */
  readonly port?: number
  /** 127.0.0.1. */
  readonly host?: string
  /** The directory of the logs; absent: in memory, and gone with the cluster. */
  readonly data?: string
  /** Broker properties by Kafka's names. */
  readonly config?: Readonly<Record<string, unknown>>
  /** Lets listeners without TLS (PLAINTEXT, SASL_PLAINTEXT) leave this machine; otherwise they are refused beyond loopback. */
  readonly allowInsecure?: boolean
  /** SCRAM users to start with, as `kafka-storage --add-scram` takes them: `SCRAM-SHA-256=[name=alice,password=alice-secret]`. */
  readonly addScram?: readonly string[]
  /** Ways on which clients come besides, each with a name of its own. */
  readonly approaches?: readonly Approach[]
}

export interface Cluster {
  readonly name: string
  /** 22 characters; of a data directory it stays the same. */
  readonly clusterId: string
  /** `host:port` of the brokers on the first listener, comma-separated. */
  readonly bootstrap: string
  /** `host:port` by node id, on the first listener. */
  readonly nodes: Readonly<Record<string, string>>
  /** `host:port` of the brokers on the first listener as clients of another datacenter reach them, comma-separated; by datacenter. */
  readonly via: Readonly<Record<string, string>>
  /** By the name of the listener, in upper case. */
  readonly listeners: Readonly<Record<string, ClusterListener>>
  /** What shall go wrong on purpose, for tests of clients. */
  readonly faults: FaultControls
  stop(): Promise<void>
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
const MEMORY_DIRECTORY = '/memory'

/** Starts a cluster of this process; resolves when clients can connect. */
export async function startCluster(platform: Platform, options: ClusterOptions): Promise<Cluster> {
  const { name, brokers = 1, port = 0, host = '127.0.0.1', data, allowInsecure = false } = options
  if (brokers !== 1) {
    const message = `cluster ${name}: ${brokers} brokers were asked for; replication between brokers is not there yet, so only 1 can be had`
    throw new HeliostatError('HEL_CONFIG', message, { where: { cluster: name } })
  }
  const log = platform.log.child({ cluster: name })
  const own: Platform = { ...platform, log, disk: data === undefined ? memoryDisk() : platform.disk }
  const root = data ?? MEMORY_DIRECTORY
  const config = new BrokerConfig(options.config)
  const scramUsers = (options.addScram ?? []).map(parseScramUser)
  const clusterId = obtainClusterId(own, root)
  const apiNames = servedApis.map(({ api }) => api.name)
  const faults = new Faults({ name, apiNames, clock: platform.clock, random: platform.random })
  const broker = await Broker.start({
    platform: own,
    nodeId: FIRST_NODE_ID,
    clusterId,
    listen: { address: { host, port }, allowInsecure, files: platform.disk },
    directory: `${root}/${FIRST_NODE_ID}`,
    config,
    dispatcher: new Dispatcher(servedApis, handleWithFaults),
    faults,
    scramUsers,
    approaches: options.approaches,
  })
  const listeners = listenersOf(broker)
  const [{ bootstrap, nodes, via }] = Object.values(listeners) as [ClusterListener]
  log.info('cluster.started', 'the cluster serves', { clusterId, listeners })
  return {
    name,
    clusterId,
    bootstrap,
    nodes,
    via,
    listeners,
    faults,
    stop: () => broker.stop(),
  }
}

/** Those that are told to clients; one at least is, or the broker would not have started. */
function listenersOf(broker: Broker): Record<string, ClusterListener> {
  const told = broker.listeners.flatMap(({ plan, advertised }) => (advertised ? [{ plan, advertised }] : []))
  const direct = told.filter(({ plan }) => !plan.approached)
  const listeners = direct.map(({ plan: { endpoint }, advertised }) => {
    const bootstrap = addressText(advertised)
    const nodes = { [broker.nodeId]: bootstrap }
    const { listener, securityProtocol } = endpoint
    const via = told.flatMap(({ plan: { approached }, advertised }) =>
      approached?.insteadOf === listener ? [[approached.by.name, addressText(advertised)] as const] : [],
    )
    return [listener, { securityProtocol, bootstrap, nodes, via: Object.fromEntries(via) }] as const
  })
  return Object.fromEntries(listeners)
}

/** Drawn once and kept in the data directory, in the form of Kafka's meta.properties. */
function obtainClusterId({ disk, random }: Platform, root: string): string {
  const path = `${root}/meta.properties`
  disk.makeDirectory(root)
  if (disk.exists(path)) {
    const kept = /^cluster\.id=(\S+)$/m.exec(disk.read(path).toString())?.[1]
    if (kept !== undefined) return kept
    throw new HeliostatError('HEL_DATA', `${path} has no cluster.id`, { where: { path } })
  }
  const clusterId = randomUuid(random)
  disk.replace(path, Buffer.from(`version=1\ncluster.id=${clusterId}\n`))
  return clusterId
}
