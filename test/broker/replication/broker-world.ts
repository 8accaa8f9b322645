// Three brokers of one cluster on simulated machines, each in a datacenter of its own, and clients beside them.
import { type Cluster, startCluster } from '../../../src/broker/cluster.ts'
import { ClusterClient } from '../../../src/client/cluster-client.ts'
import type { Network, Platform } from '../../../src/platform/platform.ts'
import { errorOf } from '../../../src/protocol/errors.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import type { SimMachine } from '../../../src/simulation/sim-machine.ts'
import { Simulation } from '../../../src/simulation/simulation.ts'

const IDS = [1, 2, 3]
const PORT = 9092
const CONFIG = {
  'broker.session.timeout.ms': 2_000,
  'broker.heartbeat.interval.ms': 300,
  'min.insync.replicas': 2,
  'transaction.state.log.min.isr': 2,
  'transaction.state.log.num.partitions': 3,
  'transaction.abort.timed.out.transaction.cleanup.interval.ms': 1_000,
  'replica.lag.time.max.ms': 5_000,
}

export class BrokerWorld {
  readonly simulation: Simulation
  readonly machines = new Map<number, SimMachine>()
  readonly #running = new Set(IDS)
  /** Of whom each port is: the brokers advertise names that all machines know by it. */
  readonly #hosts = new Map<number, string>()
  #cluster!: Cluster

  constructor(seed: number) {
    this.simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
  }

  async start(topic: string, partitions: number): Promise<void> {
    const { simulation } = this
    for (const id of IDS) this.machines.set(id, simulation.machine(`node-${id}`, { datacenter: `dc-${id}` }))
    const platforms = new Map([...this.machines].map(([id, machine]) => [id, this.#boot(machine)]))
    const options = { name: 'three', brokers: IDS.length, host: 'cluster', port: PORT, data: '/data', config: CONFIG }
    const operator = this.platform('operator')
    const machine = (id: number) => platforms.get(id)!
    this.#cluster = await simulation.outcome(startCluster(operator, { ...options, machine, allowInsecure: true }))
    const client = this.client(operator, 'operator')
    const shape = {
      name: topic,
      numPartitions: partitions,
      replicationFactor: IDS.length,
      assignments: [],
      configs: [],
    }
    const create = async () => {
      await client.refresh()
      const { topics } = await (await client.controller()).send(createTopics, { topics: [shape], timeoutMs: 5_000 })
      if (topics[0]!.errorCode !== 0) throw new Error(errorOf(topics[0]!.errorCode).name)
    }
    await simulation.outcome(create())
    client.close()
  }

  /** Of a machine that has no broker. */
  platform(name: string): Platform {
    const machine = this.simulation.machines.get(name) ?? this.simulation.machine(name, { datacenter: 'clients' })
    return this.#boot(machine)
  }

  client(platform: Platform, clientId: string): ClusterClient {
    const bootstrap = IDS.map((id) => ({ host: 'cluster', port: PORT + id - 1 }))
    const times = { requestTimeoutMs: 8_000, refreshIntervalMs: 1_000, coordinatorTimeoutMs: 5_000 }
    return new ClusterClient(platform, { bootstrap, clientId, ...times })
  }

  /** One at a time dies or stops; it is back before the next does. */
  async disturb(): Promise<string> {
    const { simulation } = this
    const { random, network } = simulation
    const id = random.pick(IDS)
    const ms = random.between(500, 7_000)
    switch (random.below(5)) {
      case 0: {
        if (this.#running.size < IDS.length) return this.#startAll()
        network.heal()
        this.#running.delete(id)
        const isStop = random.chance(0.3)
        await simulation.outcome(isStop ? this.#cluster.broker(id).stop() : this.#cluster.broker(id).kill())
        return isStop ? 'stop' : 'kill'
      }
      case 1:
        this.machines.get(id)!.pause()
        await simulation.pass(ms)
        this.machines.get(id)!.resume()
        return 'pause'
      case 2: {
        const direction = random.chance(0.5) ? 'both' : 'one-way'
        for (const other of IDS) if (other !== id) network.cut(`dc-${id}`, `dc-${other}`, direction)
        await simulation.pass(ms)
        network.heal()
        return 'isolation'
      }
      case 3:
        network.cut(`dc-${id}`, `dc-${random.pick(IDS.filter((other) => other !== id))}`)
        return 'cut'
      default:
        network.heal()
        return this.#startAll()
    }
  }

  async settle(): Promise<void> {
    this.simulation.network.heal()
    await this.#startAll()
    await this.simulation.pass(25_000)
  }

  async stop(): Promise<void> {
    await this.simulation.outcome(this.#cluster.stop())
  }

  async #startAll(): Promise<string> {
    this.simulation.network.heal()
    for (const id of IDS) {
      if (this.#running.has(id)) continue
      this.#running.add(id)
      await this.simulation.outcome(this.#cluster.broker(id).start())
    }
    return 'start'
  }

  #boot(machine: SimMachine): Platform {
    const platform = machine.boot()
    const network: Network = {
      connect: (address, handler, tls) => {
        return platform.network.connect(
          { ...address, host: this.#hosts.get(address.port) ?? address.host },
          handler,
          tls,
        )
      },
      listen: async (address, accept, tls) => {
        const listener = await platform.network.listen(address, accept, tls)
        this.#hosts.set(listener.address.port, machine.name)
        return { ...listener, address: { ...listener.address, host: address.host } }
      },
    }
    return { ...platform, network }
  }
}
