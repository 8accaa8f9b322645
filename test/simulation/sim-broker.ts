import type { Broker } from '../../src/broker/broker.ts'
import { type Agreement, ClusterNode, type ClusterNodeOptions, voterAt } from '../../src/broker/cluster-node.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { type DiskFaults, withDiskFaults } from './faults/disks.ts'
import { PORT, type Program } from './program.ts'
import type { World } from './world.ts'

const INTERNAL_PORT = 9192

export interface SimBrokerOptions extends Pick<ClusterNodeOptions, 'nodeId' | 'clusterId' | 'config' | 'faults'> {
  /** Absent: it decides alone. */
  readonly agreed: Agreement | undefined
  /** Called at the begin of each life. */
  readonly begun: () => void
}

/** The first three of these brokers vote, to begin with. */
export function agreementOf(nodeIds: readonly number[], hostOf: (nodeId: number) => string): Agreement {
  return {
    bootstrap: nodeIds.slice(0, 3),
    network: {
      nodeIds: () => nodeIds,
      nodeOf: (nodeId) => voterAt(nodeId, { host: hostOf(nodeId), port: INTERNAL_PORT }),
      security: {},
    },
  }
}

/** A broker on a machine, through its lives. */
export class SimBroker implements Program {
  readonly machine: SimMachine
  /** What its calls to the disk meet, from its next life on; a life that cannot begin because of them ends. */
  disk: DiskFaults | undefined
  readonly #world: World
  readonly #options: SimBrokerOptions
  #node: ClusterNode | undefined
  #life: object | undefined

  constructor(world: World, machine: SimMachine, options: SimBrokerOptions) {
    this.#world = world
    this.machine = machine
    this.#options = options
  }

  /** Resolves when it serves; where others vote, a majority of them must be there. */
  async begin(): Promise<void> {
    const { agreed, begun, ...common } = this.#options
    const machine = this.machine.boot()
    const platform = this.disk ? withDiskFaults(machine, this.disk) : machine
    begun()
    const host = this.machine.name
    const node = new ClusterNode({
      ...{ ...common, platform, host, port: PORT },
      listen: { allowInsecure: true, files: platform },
      approaches: undefined,
      scramUsers: [],
      directory: '/data',
      internal: { host, port: INTERNAL_PORT },
    })
    this.#node = node
    await node.start(agreed)
  }

  start(): void {
    if (this.machine.isUp) return
    const life = {}
    this.#life = life
    this.begin().catch((error: Error) => {
      // One that is killed while it starts may say anything.
      if (this.#life !== life || !this.machine.isUp) return
      if (this.disk?.refuses) this.machine.kill()
      else this.#world.broken(error)
    })
  }

  async stop(): Promise<void> {
    const node = this.#node!
    await node.stop('controlled')
    // It may have been killed meanwhile, and begun anew.
    if (this.#node === node) this.machine.kill()
  }

  /** Of this life, while it runs. */
  get broker(): Broker | undefined {
    return this.machine.isUp ? this.#node?.broker : undefined
  }
}
