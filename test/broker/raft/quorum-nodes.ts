// Nodes of one quorum of controllers, each on its own simulated machine: the log, Raft, the controller and the handlers of the quorum's
// requests as a broker has them, and nothing else of a broker.
import { serveApiVersions } from '../../../src/broker/apis/api-versions.ts'
import { serveBeginQuorumEpoch } from '../../../src/broker/apis/begin-quorum-epoch.ts'
import { serveDescribeQuorum } from '../../../src/broker/apis/describe-quorum.ts'
import { serveEndQuorumEpoch } from '../../../src/broker/apis/end-quorum-epoch.ts'
import { serveFetch } from '../../../src/broker/apis/fetch.ts'
import { serveFetchSnapshot } from '../../../src/broker/apis/fetch-snapshot.ts'
import { serveUpdateRaftVoter } from '../../../src/broker/apis/update-raft-voter.ts'
import { serveVote } from '../../../src/broker/apis/vote.ts'
import type { Broker } from '../../../src/broker/broker.ts'
import { BrokerConfig } from '../../../src/broker/broker-config.ts'
import { type Agreement, voterAt } from '../../../src/broker/cluster-node.ts'
import { Controller } from '../../../src/broker/coordinator/controller/controller.ts'
import { MetadataImage } from '../../../src/broker/coordinator/controller/metadata-image.ts'
import { obtainDirectoryId } from '../../../src/broker/directory-id.ts'
import { CLOSE, Dispatcher } from '../../../src/broker/dispatcher.ts'
import { LogDirectory } from '../../../src/broker/log/log-directory.ts'
import { METADATA_LOG_CONFIG } from '../../../src/broker/raft/metadata-log.ts'
import { RaftQuorum } from '../../../src/broker/raft/raft-quorum.ts'
import { METADATA_TOPIC_ID } from '../../../src/broker/raft/raft-wire.ts'
import { SnapshotStore } from '../../../src/broker/raft/snapshot-store.ts'
import { ANONYMOUS } from '../../../src/broker/security/authorizer.ts'
import type { Platform, Socket, SocketHandler } from '../../../src/platform/platform.ts'
import { FrameReader } from '../../../src/protocol/frame.ts'
import type { SimMachine } from '../../../src/simulation/sim-machine.ts'
import type { Simulation } from '../../../src/simulation/simulation.ts'

const PORT = 9092
const CLUSTER_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const DIRECTORY = '/data'
const FRAME_BYTES_MAX = 64 * 1024 * 1024
const dispatcher = new Dispatcher([
  serveFetch,
  serveApiVersions,
  serveVote,
  serveBeginQuorumEpoch,
  serveEndQuorumEpoch,
  serveDescribeQuorum,
  serveFetchSnapshot,
  serveUpdateRaftVoter,
])

/** One life of a node. */
export interface QuorumNode {
  readonly nodeId: number
  readonly quorum: RaftQuorum
  readonly controller: Controller
  readonly image: MetadataImage
  stop(): Promise<void>
}

export interface QuorumOptions {
  readonly simulation: Simulation
  readonly nodes: number
  /** The first ones vote. */
  readonly voters: number
  readonly config?: Readonly<Record<string, unknown>>
  /** Hears of every node that begins. */
  readonly onBoot?: (node: QuorumNode) => void
}

export class QuorumNodes {
  readonly simulation: Simulation
  readonly machines: readonly SimMachine[]
  readonly #options: QuorumOptions
  readonly #ports = new Map<number, number>()
  readonly #up = new Map<number, QuorumNode>()
  readonly #lostDisks = new Set<number>()

  /** Each machine is a datacenter of its own, so that any way can be cut. */
  constructor(options: QuorumOptions) {
    this.#options = options
    this.simulation = options.simulation
    this.machines = Array.from({ length: options.nodes }, (_, index) => this.simulation.machine(`node-${index + 1}`))
  }

  get up(): QuorumNode[] {
    return [...this.#up.values()].filter(({ nodeId }) => this.machines[nodeId - 1]!.isUp)
  }

  node(nodeId: number): QuorumNode | undefined {
    return this.up.find((node) => node.nodeId === nodeId)
  }

  /** The node whose controller is active, if there is exactly one. */
  get leader(): QuorumNode | undefined {
    const leading = this.up.filter(({ quorum }) => quorum.led !== undefined)
    return leading.length === 1 ? leading[0] : undefined
  }

  boot(nodeId: number): void {
    const machine = this.machines[nodeId - 1]!
    const config = new BrokerConfig(this.#options.config)
    const platform = machine.boot()
    if (this.#lostDisks.delete(nodeId)) platform.disk.remove(DIRECTORY)
    const node = startNode(platform, nodeId, machine.name, this.#agreedBy(nodeId), config)
    this.#up.set(nodeId, node)
    this.#options.onBoot?.(node)
  }

  /** From its next life on; the others are configured as they were. */
  move(nodeId: number, port: number): void {
    this.#ports.set(nodeId, port)
  }

  #agreedBy(nodeId: number): Agreement | undefined {
    const hosts = this.machines.map(({ name }) => name)
    const { voters } = this.#options
    return hosts.length === 1 ? undefined : agreementOf(hosts, voters, nodeId, this.#ports.get(nodeId))
  }

  /** The process dies, or its power goes and what it did not sync, or its disk with all that was on it. */
  kill(nodeId: number, loss: 'process' | 'power' | 'disk' = 'process'): void {
    const machine = this.machines[nodeId - 1]!
    if (loss === 'process') machine.kill()
    else machine.cutPower()
    if (loss === 'disk') this.#lostDisks.add(nodeId)
    this.#up.delete(nodeId)
  }

  /** Nothing passes between this machine and the others, or nothing that this one sends, or nothing that they send. */
  isolate(nodeId: number, way: 'both' | 'out' | 'in' = 'both'): void {
    const { network } = this.simulation
    const { name } = this.machines[nodeId - 1]!
    for (const other of this.machines) {
      if (other.name === name) continue
      if (way !== 'in') network.cut(name, other.name, 'one-way')
      if (way !== 'out') network.cut(other.name, name, 'one-way')
    }
  }

  /** All ways to and from it are free again. */
  join(nodeId: number): void {
    const { network } = this.simulation
    const { name } = this.machines[nodeId - 1]!
    for (const other of this.machines) {
      network.mend(name, other.name)
      network.mend(other.name, name)
    }
  }

  /** Whether within this time one node leads, and all that are up have all that is committed. */
  settled(limitMs = 60_000): Promise<boolean> {
    return this.simulation.until(() => {
      const end = this.leader?.quorum.log.logEndOffset
      return end !== undefined && this.up.every(({ quorum }) => quorum.log.highWatermark === end)
    }, limitMs)
  }
}

/** The nodes at these hosts count from 1; the first ones vote. `own` is a process that is for certain at this port. */
export function agreementOf(hosts: readonly string[], voters: number, own: number, ownPort = PORT): Agreement {
  const nodeIds = hosts.map((_, index) => index + 1)
  const at = (nodeId: number, port: number) => voterAt(nodeId, { host: hosts[nodeId - 1]!, port })
  return {
    bootstrap: nodeIds.slice(0, voters),
    network: {
      nodeIds: () => nodeIds,
      nodeOf: (nodeId) => (nodeId === own ? at(nodeId, ownPort) : undefined),
      configuredNode: (nodeId) => at(nodeId, PORT),
      security: {},
    },
  }
}

/** `agreed`: absent for one that is alone. */
export function startNode(
  platform: Platform,
  nodeId: number,
  host: string,
  agreed: Agreement | undefined,
  config: BrokerConfig,
): QuorumNode {
  const directory = LogDirectory.open(platform, DIRECTORY, { configOf: () => METADATA_LOG_CONFIG })
  const log = directory.getOrCreate('__cluster_metadata', 0, METADATA_TOPIC_ID)
  const snapshots = new SnapshotStore(platform.disk, log.directory)
  const directoryId = obtainDirectoryId(platform, DIRECTORY, { clusterId: CLUSTER_ID, nodeId })
  const { bootstrap, network } = agreed ?? { bootstrap: [nodeId], network: undefined }
  const identity = { nodeId, directoryId, clusterId: CLUSTER_ID }
  const timeouts = config.quorumTimeouts
  const quorum = new RaftQuorum({ platform, ...identity, bootstrap, network, timeouts, log, snapshots })
  const image = new MetadataImage()
  const onCommitted = image.apply.bind(image)
  const { clock } = platform
  const controller = new Controller({
    quorum,
    nodeId,
    config: config.controller,
    clock,
    log: platform.log,
    onCommitted,
  })
  // What the handlers of the quorum's requests touch of a broker.
  const broker = { platform, nodeId, clusterId: CLUSTER_ID, quorum, image, quotas: { isSet: () => false } }
  const port = network?.nodeOf(nodeId)?.endpoints[0]?.port ?? PORT
  void platform.network.listen({ host, port }, (socket) => serveOn(broker as unknown as Broker, socket))
  controller.compact(config.number('metadata.log.max.record.bytes.between.snapshots'))
  quorum.start()
  const stop = async () => {
    controller.close()
    await quorum.close()
    directory.close()
  }
  return { nodeId, quorum, controller, image, stop }
}

/** Answers leave in the order of the requests. */
function serveOn(broker: Broker, socket: Socket): SocketHandler {
  const { host } = socket.remote
  const session = { caller: { principal: ANONYMOUS, host }, listener: 'PLAINTEXT' }
  let last: Promise<void> = Promise.resolve()
  const reader = new FrameReader(
    FRAME_BYTES_MAX,
    (frame) => {
      const answer = Promise.resolve(dispatcher.dispatch(broker, broker.platform.log, session, frame))
      last = last.then(async () => {
        const frames = await answer
        if (frames === CLOSE) socket.destroy()
        else if (frames) socket.write(frames)
      })
    },
    () => socket.destroy(),
  )
  return { readInto: () => reader.readInto(), didRead: (length) => reader.didRead(length), closed: () => {} }
}
