import { HeliostatError } from '../platform/errors.ts'
import { memoryDisk } from '../platform/memory-disk.ts'
import type { Address, Disk, Platform, Socket, SocketHandler } from '../platform/platform.ts'
import { internalApis, servedApis } from './apis/index.ts'
import { Broker, type BrokerOptions, type ClusterMembership } from './broker.ts'
import { BrokerConfig } from './broker-config.ts'
import { obtainDirectoryId } from './directory-id.ts'
import { Dispatcher } from './dispatcher.ts'
import type { Faults } from './faults/faults.ts'
import { handleWithFaults } from './faults/with-faults.ts'
import { INTERNAL_LISTENER, internalListenerPlan } from './listeners/internal-listener.ts'
import type { PlanOptions } from './listeners/listener-plan.ts'
import { portsTaken } from './listeners/listener-ports.ts'
import { OpenListener } from './listeners/open-listener.ts'
import { type VoterNode, voterNode } from './raft/voter-set.ts'

export interface ClusterNodeOptions {
  readonly platform: Platform
  readonly nodeId: number
  readonly clusterId: string
  readonly host: string
  /** Of the listener that there is without the property `listeners`; 0: any free one. */
  readonly port: number
  readonly listen: Omit<PlanOptions, 'address'>
  readonly approaches: BrokerOptions['approaches']
  readonly scramUsers: BrokerOptions['scramUsers']
  /** Of the logs, on the platform's disk; absent: in memory. */
  readonly directory: string | undefined
  readonly config: Readonly<Record<string, unknown>>
  readonly faults: Faults
  /** Where the other nodes of the cluster reach this one, port 0 for any free port. Absent: there are no others. */
  readonly internal?: Address
  readonly secret?: string | undefined
}

/** What the nodes of a cluster agree on. */
export type Agreement = Pick<ClusterMembership, 'bootstrap' | 'network'>

const MEMORY_DIRECTORY = '/memory'

/**
 * One node of a cluster of this process, through the lives of its broker. What was on its disk, in memory or not, is there in the next
 * life, and so are its addresses.
 */
export class ClusterNode {
  readonly nodeId: number
  readonly #options: ClusterNodeOptions
  readonly #disk: Disk
  readonly #directory: string
  #port: number
  #config: ClusterNodeOptions['config']
  #internal: Address | undefined
  #directoryId: string | undefined
  #listener: OpenListener | undefined
  #broker: Broker | undefined
  #isStopping = false
  /** Counts starts and stops: who has waited meanwhile sees whether it is still wanted. */
  #life = 0

  constructor(options: ClusterNodeOptions) {
    this.nodeId = options.nodeId
    this.#options = options
    this.#disk = options.directory === undefined ? memoryDisk() : options.platform.disk
    this.#directory = options.directory ?? `${MEMORY_DIRECTORY}/${options.nodeId}`
    this.#port = options.port
    this.#config = options.config
    this.#internal = options.internal
  }

  /** While it runs. */
  get broker(): Broker | undefined {
    return this.#isStopping ? undefined : this.#broker
  }

  /** Where the others find it, in this life or the next; undefined while nobody can say. */
  get place(): VoterNode | undefined {
    if (!this.#internal || this.#internal.port === 0) return undefined
    const { host, port } = this.#internal
    return voterAt(this.nodeId, { host, port }, this.#directoryId)
  }

  /** Opens the way for the other nodes, who must know the address before anybody starts. */
  async open(): Promise<void> {
    const { platform, listen, secret } = this.#options
    this.#obtainDirectoryId()
    const plan = internalListenerPlan(this.#internal!, listen.files, secret)
    const accept = (socket: Socket) => this.#broker?.acceptNode(socket, plan) ?? refuse(socket)
    const listener = await OpenListener.open(platform.network, plan, this.nodeId, accept)
    this.#listener = listener
    this.#internal = listener.advertised!
  }

  /** Resolves when the broker serves. `agreed`: absent in a cluster of one. */
  async start(agreed?: Agreement): Promise<void> {
    const { platform, nodeId, clusterId, host, listen, approaches, scramUsers, faults } = this.#options
    const life = ++this.#life
    if (agreed && !this.#listener) await this.open()
    if (life !== this.#life) {
      await this.#listener?.close()
      this.#listener = undefined
      throw new HeliostatError('HEL_CLOSED', `broker ${nodeId} was stopped while it started`)
    }
    const config = new BrokerConfig(this.#config)
    const broker = Broker.open({
      platform: { ...platform, disk: this.#disk },
      nodeId,
      clusterId,
      listen: { ...listen, address: { host, port: this.#port } },
      directory: this.#directory,
      directoryId: this.#obtainDirectoryId(),
      config,
      dispatcher: new Dispatcher(servedApis, handleWithFaults),
      faults,
      scramUsers,
      approaches,
      ...(agreed && { cluster: this.#membership(agreed) }),
    })
    this.#broker = broker
    try {
      await broker.start()
    } catch (error) {
      this.#broker = undefined
      this.#listener = undefined
      throw error
    }
    // The next life is found where this one was.
    const [first] = broker.listeners
    if (config.given('listeners') === undefined && first?.advertised) this.#port = first.advertised.port
    this.#config = portsTaken(this.#config, broker.listeners)
  }

  /** Others come to a broker that was alone; it goes on meanwhile. */
  async meet(agreed: Agreement): Promise<void> {
    if (!this.#listener) await this.open()
    if (this.broker) await this.broker.meet(this.#membership(agreed))
    else await this.start(agreed)
  }

  /** `controlled`: what it leads is handed over first. `killed`: as by a crash of its process. */
  async stop(how: 'controlled' | 'at once' | 'killed'): Promise<void> {
    this.#life++
    if (this.#isStopping) return
    this.#isStopping = true
    try {
      if (this.#broker) await this.#broker.stop(how)
      else await this.#listener?.close()
    } finally {
      this.#broker = undefined
      this.#listener = undefined
      this.#isStopping = false
    }
  }

  #membership(agreed: Agreement): ClusterMembership {
    return { ...agreed, listener: this.#listener!, dispatcher: new Dispatcher(internalApis) }
  }

  /** Asked at each start: the directory may have been lost. */
  #obtainDirectoryId(): string {
    const { platform, clusterId, nodeId } = this.#options
    const disk = { disk: this.#disk, random: platform.random }
    this.#directoryId = obtainDirectoryId(disk, this.#directory, { clusterId, nodeId })
    return this.#directoryId
  }
}

/** A node that is found at this address. */
export function voterAt(nodeId: number, { host, port }: Address, directoryId?: string): VoterNode {
  return voterNode(nodeId, [{ name: INTERNAL_LISTENER, host, port }], directoryId)
}

/** The other nodes may be quicker than this one's broker: they come again. */
function refuse(socket: Socket): SocketHandler {
  socket.destroy()
  return { readInto: () => Buffer.alloc(1), didRead: () => {}, closed: () => {} }
}
