import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { loadConfig } from '../../src/config/config.ts'
import { FlowSync } from '../../src/daemon-sync.ts'
import { GroupSync } from '../../src/mirror/group-sync.ts'
import { type Flow, Mirror, type MirrorHooks, type MirrorLimits, type Step } from '../../src/mirror/mirror.ts'
import type { MirrorStatus, PartitionStatus } from '../../src/mirror/status.ts'
import { Checkpointer } from '../../src/offset-translation/checkpointer.ts'
import type { Platform } from '../../src/platform/platform.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { type PortFaults, withFaults } from './faults/ports.ts'
import { PORT, type Program } from './program.ts'
import type { SimCluster } from './sim-cluster.ts'
import type { World } from './world.ts'

export interface SimMirrorOptions {
  readonly from: SimCluster
  readonly to: SimCluster
  /** The target's, if nothing else is said. */
  readonly datacenter?: string
  readonly flow?: Partial<Flow>
  readonly limits?: MirrorLimits
  /** Brings the offsets of these groups over. */
  readonly groups?: (group: string) => boolean
  /** Keeps configs and access rules of the copies in step, this often. */
  readonly inStepEveryMs?: number
}

const GROUPS_EVERY_MS = 1_000
const SLOTS = 2

/** A mirror on a machine of its own. Beyond its lives it remembers nothing. */
export class SimMirror implements Program {
  readonly name: string
  readonly from: SimCluster
  readonly to: SimCluster
  readonly machine: SimMachine
  /** Called at every step of every life. */
  reached: MirrorHooks['reached']
  /** What its calls to the network meet, from its next life on. */
  ports: PortFaults | undefined
  /** Bytes that were fetched and not yet acknowledged, at their most, as far as anybody looked. */
  bufferedBytesSeen = 0
  readonly #world: World
  readonly #options: SimMirrorOptions
  #mirror: Mirror | undefined

  constructor(world: World, options: SimMirrorOptions) {
    const { from, to, datacenter = to.datacenter } = options
    this.name = `${from.name}->${to.name}`
    this.from = from
    this.to = to
    this.#world = world
    this.#options = options
    this.machine = world.simulation.machine(`mirror-${from.name}-${to.name}`, { datacenter })
  }

  // ---- life

  start(): void {
    if (this.machine.isUp) return
    const { flow, limits } = this.#options
    const machine = this.machine.boot()
    const platform = this.ports ? withFaults(machine, this.ports) : machine
    const [source, target] = [this.from, this.to].map(({ name }) => this.#world.clientOf(platform, name)) as [
      ClusterClient,
      ClusterClient,
    ]
    const mirror = new Mirror(platform, {
      flow: {
        name: this.name,
        source: this.from.name,
        target: this.to.name,
        topics: { include: ['.*'], exclude: [] },
        ...flow,
      },
      source,
      target,
      limits,
      slots: SLOTS,
      hooks: { reached: (step: Step) => this.reached?.(step) },
    })
    this.#mirror = mirror
    void mirror.start()
    if (this.#options.inStepEveryMs) this.#keepInStep(platform, mirror, { source, target }, this.#options.inStepEveryMs)
    if (this.#options.groups) this.#syncGroups(platform, mirror, { source, target, matches: this.#options.groups })
  }

  /** As the daemon does, by its own words. */
  #keepInStep(
    platform: Platform,
    mirror: Mirror,
    over: { source: ClusterClient; target: ClusterClient },
    everyMs: number,
  ): void {
    const clusters = [this.from, this.to].map(({ name }) => `${name}: { bootstrap: ["${name}:${PORT}"] }`)
    const yaml = `
version: 1
clusters: { ${clusters.join(', ')} }
mirrors: [{ from: ${this.from.name}, to: ${this.to.name}, sync: { acls: true } }]`
    const [job] = loadConfig(yaml, 'simulation.yaml', {}).config.mirrors
    const { syncTopicConfigs, syncAcls } = new FlowSync(platform, { ...over, job: job!, mirror }).work
    for (const pass of [syncTopicConfigs!, syncAcls!]) {
      const again = () => {
        const next = () => platform.clock.setTimer(everyMs, again)
        pass(new AbortController().signal).then(next, next)
      }
      again()
    }
  }

  #syncGroups(
    platform: Platform,
    mirror: Mirror,
    over: { source: ClusterClient; target: ClusterClient; matches: (group: string) => boolean },
  ): void {
    const checkpointer = new Checkpointer(platform, {
      ...over,
      mirrored: (topic, partition) => {
        const owned = mirror.ownedPartition(topic, partition)
        return owned?.map && { map: owned.map, remoteTopic: owned.remote.topic }
      },
      checkpoints: undefined,
      commitOffsets: true,
    })
    const translatable = () => [...mirror.ownedPartitions()].filter(({ map }) => map !== undefined).length
    const groups = new GroupSync(platform, over.source, checkpointer, translatable)
    groups.start()
    const again = () => {
      const next = () => platform.clock.setTimer(GROUPS_EVERY_MS, again)
      groups.pass().then(next, next)
    }
    again()
  }

  async stop(): Promise<void> {
    await this.#mirror!.stop()
    this.machine.kill()
  }

  // ---- what it tells

  /** Of its present or last life. */
  get current(): Mirror {
    return this.#mirror!
  }

  status(): MirrorStatus {
    const status = this.current.status()
    this.bufferedBytesSeen = Math.max(this.bufferedBytesSeen, status.bufferedBytes)
    return status
  }

  partition(topic: string, partition: number): PartitionStatus | undefined {
    const found = this.status().topics.find((one) => one.topic === topic)
    return found?.partitions.find((one) => one.partition === partition)
  }

  remoteTopic(topic: string): string {
    return this.current.policy.remoteTopic(topic)
  }

  /** Partitions that it owes to its target. */
  owed(): { topic: string; partition: number }[] {
    const topics = [...this.from.topics].filter(([topic]) => this.current.explain(topic).mirrored)
    return topics.flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => ({ topic, partition })))
  }

  /** Those that are not where the source ends, as far as it knows, and why; what stands still for good is `allowed` to. */
  behind(isExcused: (status: PartitionStatus) => boolean = () => false): string[] {
    const statuses = new Map(
      this.status().topics.flatMap(({ topic, partitions }) =>
        partitions.map((status) => [`${topic}-${status.partition}`, status]),
      ),
    )
    return this.owed().flatMap(({ topic, partition }) => {
      const status = statuses.get(`${topic}-${partition}`)
      if (!status) return [`${topic}-${partition} is not mirrored`]
      const { state, lagRecords, sourceEnd, reason = '' } = status
      if (isExcused(status) || (state === 'running' && lagRecords === 0 && sourceEnd !== undefined)) return []
      return [`${topic}-${partition} is ${state} with ${lagRecords} to go ${reason}`]
    })
  }
}
