// Everything of one run: the simulated machines, what runs on them, what was sent and answered, and how often each fault bit.
import { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type { SeededRandom } from '../../src/simulation/seeded-random.ts'
import { Simulation } from '../../src/simulation/simulation.ts'
import { History } from '../oracle/history.ts'
import { PORT, type Program } from './program.ts'
import { SimCluster, type SimClusterOptions } from './sim-cluster.ts'
import { SimMirror, type SimMirrorOptions } from './sim-mirror.ts'

/** How a fault ends. */
export type Undo = () => void

export class World {
  readonly simulation: Simulation
  readonly history = new History()
  readonly clusters = new Map<string, SimCluster>()
  readonly mirrors = new Map<string, SimMirror>()
  /** By the name of the machine. */
  readonly programs = new Map<string, Program>()
  /** What drills measure, beside what is counted for every run. */
  readonly figures = new Map<string, number>()
  readonly #bites = new Map<string, number>()
  readonly #open = new Set<Undo>()
  readonly #errors: Error[] = []

  constructor(seed: number) {
    this.simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
  }

  get random(): SeededRandom {
    return this.simulation.random
  }

  // ---- what there is

  async addCluster(name: string, datacenter: string, options: SimClusterOptions = {}): Promise<SimCluster> {
    const cluster = new SimCluster(this, name, datacenter, options)
    this.clusters.set(name, cluster)
    for (const broker of cluster.brokers) this.programs.set(broker.machine.name, broker)
    await this.outcome(cluster.begin())
    return cluster
  }

  addMirror(options: SimMirrorOptions): SimMirror {
    const mirror = new SimMirror(this, options)
    this.mirrors.set(mirror.name, mirror)
    this.programs.set(mirror.machine.name, mirror)
    return mirror
  }

  cluster(name: string): SimCluster {
    return named(this.clusters, name)
  }

  mirror(name: string): SimMirror {
    return named(this.mirrors, name)
  }

  program(name: string): Program {
    return named(this.programs, name)
  }

  clientOf(platform: Platform, cluster: string): ClusterClient {
    const bootstrap = this.cluster(cluster).hosts.map((host) => ({ host, port: PORT }))
    return new ClusterClient(platform, { bootstrap, clientId: 'world', name: cluster, refreshIntervalMs: 50 })
  }

  // ---- time

  pass(ms: number): Promise<void> {
    return this.simulation.pass(ms)
  }

  outcome<T>(promise: Promise<T>, limitMs?: number): Promise<T> {
    return this.simulation.outcome(promise, limitMs)
  }

  /** Looks now and then, so that what is costly to ask does not slow every event; whether it came to hold. */
  async until(condition: () => boolean | Promise<boolean>, limitMs: number, everyMs = 250): Promise<boolean> {
    for (const end = this.simulation.now + limitMs; this.simulation.now < end; await this.pass(everyMs))
      if (await condition()) return true
    return condition()
  }

  // ---- faults

  /** The fault did something: without that a run shows nothing. */
  bit(fault: string, times = 1): void {
    this.#bites.set(fault, (this.#bites.get(fault) ?? 0) + times)
  }

  get bites(): ReadonlyMap<string, number> {
    return this.#bites
  }

  /** Undoes it after a while, or when the faults are over. */
  undoAfter(ms: number, undo: Undo): void {
    this.#open.add(undo)
    this.simulation.after(ms, 'healed', () => {
      if (this.#open.delete(undo)) undo()
    })
  }

  heal(): void {
    for (const undo of this.#open) undo()
    this.#open.clear()
    this.simulation.network.heal()
  }

  /** Something broke that nobody waits for. */
  broken(error: Error): void {
    this.#errors.push(error)
  }

  get errors(): readonly Error[] {
    return this.#errors
  }
}

function named<T>(map: ReadonlyMap<string, T>, name: string): T {
  const found = map.get(name)
  if (!found) throw new Error(`there is no ${name}, only ${[...map.keys()].join(', ')}`)
  return found
}
