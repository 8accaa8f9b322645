// Two clusters in two datacenters, a mirror between them, a writer, and a nemesis that cuts, slows, kills and pauses; all on
// simulated machines, so that a seed replays it. Broker and mirror are the real ones.
import { type Cluster, startCluster } from '../../src/broker/cluster.ts'
import { Mirror } from '../../src/mirror/mirror.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import { buildBatch } from '../../src/records/batch-builder.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import type { SimMachine } from '../../src/simulation/sim-machine.ts'
import { Simulation } from '../../src/simulation/simulation.ts'
import { linesOf } from '../support/log-content.ts'
import { clientOf, PORT, readCommitted } from './cluster-reader.ts'

const TOPICS = ['orders', 'events'] as const
const PARTITIONS = 2
const COMPRESSIONS = ['none', 'none', 'gzip', 'snappy', 'lz4', 'zstd'] as const
const CAUGHT_UP_MS = 300_000

/** What a fault does, and how it is undone; undefined when it did not bite. */
type Fault = (world: MirrorWorld) => (() => void) | undefined

export interface Outcome {
  readonly trace: { readonly events: number; readonly hash: string }
  /** How often each kind of fault bit. */
  readonly faults: ReadonlyMap<string, number>
  readonly records: number
}

export class MirrorWorld {
  readonly simulation: Simulation
  readonly #machines: Readonly<Record<'east' | 'west' | 'mirror' | 'writer' | 'observer', SimMachine>>
  readonly #faults = new Map<string, number>()
  /** What was written, by partition, with what the source said about it. */
  readonly #written = new Map<string, { line: string; fate: 'acked' | 'unknown' }[]>()
  #mirror: Mirror | undefined

  constructor(seed: number) {
    this.simulation = new Simulation({ seed, settle: () => new Promise((resolve) => setImmediate(resolve)) })
    const machine = (name: string, datacenter: string) => this.simulation.machine(name, { datacenter })
    this.#machines = {
      east: machine('east', 'virginia'),
      west: machine('west', 'oregon'),
      mirror: machine('mirror', 'oregon'),
      writer: machine('writer', 'virginia'),
      observer: machine('observer', 'oregon'),
    }
  }

  /** A whole life: faults while a writer writes, then peace; what must hold is checked at the end. */
  async play(options: { seconds: number; faults: Readonly<Record<string, Fault>> }): Promise<Outcome> {
    const { simulation } = this
    await this.startBroker('east')
    await this.startBroker('west')
    await this.#makeTopics()
    this.startMirror()
    this.#write()
    const undo = new Set<() => void>()
    const names = Object.keys(options.faults)
    for (const end = simulation.now + options.seconds * 1000; simulation.now < end; ) {
      await simulation.pass(simulation.random.between(200, 4_000))
      const name = simulation.random.pick(names)
      const heal = options.faults[name]!(this)
      if (!heal) continue
      this.#faults.set(name, (this.#faults.get(name) ?? 0) + 1)
      undo.add(heal)
      simulation.after(simulation.random.between(100, 12_000), 'healed', () => {
        if (undo.delete(heal)) heal()
      })
    }
    this.#machines.writer.kill()
    for (const heal of undo) heal()
    simulation.network.heal()
    await this.#check()
    return { trace: simulation.trace, faults: this.#faults, records: [...this.#written.values()].flat().length }
  }

  /** Of the machine that has one of these names. */
  machine(name: keyof MirrorWorld['machines']): SimMachine {
    return this.#machines[name]
  }

  get machines() {
    return this.#machines
  }

  startBroker(name: 'east' | 'west'): Promise<Cluster> {
    const platform = this.#machines[name].boot()
    const address = { host: name, port: PORT, allowInsecure: true }
    return this.simulation.outcome(startCluster(platform, { name, data: '/data', ...address }))
  }

  /** Without waiting, for the middle of a run. */
  rebootBroker(name: 'east' | 'west'): void {
    const platform = this.#machines[name].boot()
    void startCluster(platform, { name, data: '/data', host: name, port: PORT, allowInsecure: true })
  }

  startMirror(): void {
    const platform = this.#machines.mirror.boot()
    this.#mirror = new Mirror(platform, {
      flow: { name: 'east->west', source: 'east', target: 'west', topics: { include: [...TOPICS], exclude: [] } },
      source: clientOf(platform, 'east'),
      target: clientOf(platform, 'west'),
      slots: 2,
    })
    void this.#mirror.start()
  }

  async #makeTopics(): Promise<void> {
    const client = clientOf(this.#machines.observer.boot(), 'east')
    const make = async () => {
      await client.refresh()
      const topics = TOPICS.map((name) => ({
        name,
        numPartitions: PARTITIONS,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      }))
      await (await client.controller()).send(createTopics, { topics })
    }
    await this.simulation.outcome(make())
    client.close()
    this.#machines.observer.kill()
  }

  /** Batches of all kinds, one after the other; what is not answered is never sent again. */
  #write(): void {
    const { random } = this.simulation
    const platform = this.#machines.writer.boot()
    const client = clientOf(platform, 'east')
    let number = 0
    const writeOne = async () => {
      const topic = random.pick(TOPICS)
      const partition = random.below(PARTITIONS)
      const records = Array.from({ length: 1 + random.below(20) }, () => ({
        timestamp: platform.clock.now(),
        key: `k${random.below(50)}`,
        value: `${number++} ${'x'.repeat(random.below(300))}`,
      }))
      const batch = buildBatch(records, { compression: random.pick(COMPRESSIONS) })
      const entries = linesOf(splitBatches(Buffer.from(batch)).batches.flatMap((one) => one.records())).map((line) => ({
        line,
        fate: 'unknown' as 'acked' | 'unknown',
      }))
      const key = `${topic}-${partition}`
      this.#written.set(key, [...(this.#written.get(key) ?? []), ...entries])
      if (!client.leaderOf(topic, partition)) await client.refresh()
      const connection = await client.node(client.leaderOf(topic, partition)!.nodeId)
      const response = await connection.send(
        produce,
        {
          acks: -1,
          timeoutMs: 30_000,
          topicData: [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }],
        },
        { version: 12 },
      )
      if (response.responses[0]!.partitionResponses[0]!.errorCode !== ErrorCode.NONE) return
      for (const entry of entries) entry.fate = 'acked'
    }
    const again = () => {
      const next = () => platform.clock.setTimer(random.between(1, 60), again)
      writeOne().then(next, next)
    }
    again()
  }

  /** Invariants of the end: all that the source holds is on the target, once, in order, and every offset is translated exactly. */
  async #check(): Promise<void> {
    const { simulation } = this
    const platform = this.#machines.observer.boot()
    const [east, west] = [clientOf(platform, 'east'), clientOf(platform, 'west')]
    const settled = () => {
      const partitions = this.#mirror!.status().topics.flatMap((topic) => topic.partitions)
      const done = partitions.filter(
        ({ state, lagRecords, sourceEnd }) => state === 'running' && lagRecords === 0 && sourceEnd !== undefined,
      )
      return done.length === TOPICS.length * PARTITIONS
    }
    // The last look at the source's end may be older than the last record.
    await simulation.pass(20_000)
    if (!(await simulation.until(settled, CAUGHT_UP_MS))) {
      throw new Error(`not caught up: ${JSON.stringify(this.#mirror!.status())}`)
    }
    for (const topic of TOPICS) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const { records: original } = await simulation.outcome(readCommitted(east, topic, partition))
        const { records: copy } = await simulation.outcome(readCommitted(west, `east.${topic}`, partition))
        this.#checkSource(`${topic}-${partition}`, linesOf(original))
        expectEqual(`${topic}-${partition}`, linesOf(copy), linesOf(original))
        for (const [index, { offset }] of original.entries()) {
          const translated = this.#mirror!.translate(topic, partition, offset)
          if (translated !== copy[index]!.offset) {
            throw new Error(
              `${topic}-${partition} ${offset} is translated to ${translated}, not ${copy[index]!.offset}`,
            )
          }
        }
      }
    }
  }

  #checkSource(key: string, lines: readonly string[]): void {
    const held = new Set(lines)
    if (held.size !== lines.length) throw new Error(`the source holds a record of ${key} twice`)
    const lost = (this.#written.get(key) ?? []).filter(({ line, fate }) => fate === 'acked' && !held.has(line))
    if (lost.length > 0) throw new Error(`the source lost ${lost.length} acknowledged records of ${key}`)
  }
}

function expectEqual(where: string, found: readonly string[], wanted: readonly string[]): void {
  const at = wanted.findIndex((line, index) => found[index] !== line)
  if (at < 0 && found.length === wanted.length) return
  const place = at < 0 ? wanted.length : at
  throw new Error(
    `${where}: ${found.length} of ${wanted.length} records; at ${place} found ${found[place]?.slice(0, 60)}, wanted ${wanted[place]?.slice(0, 60)}`,
  )
}

/** The nemesis' means. Each tells how it is undone. */
export const faults = {
  cut: ({ simulation }) => {
    simulation.network.cut('virginia', 'oregon')
    return () => simulation.network.heal()
  },
  'cut one way': ({ simulation }) => {
    const [from, to] = simulation.random.chance(0.5) ? ['virginia', 'oregon'] : ['oregon', 'virginia']
    simulation.network.cut(from, to, 'one-way')
    return () => simulation.network.heal()
  },
  reset: ({ simulation }) => {
    return simulation.network.resetBetween('virginia', 'oregon') > 0 ? () => {} : undefined
  },
  'reset at home': ({ simulation }) => {
    return simulation.network.resetBetween('oregon', 'oregon') > 0 ? () => {} : undefined
  },
  slow: ({ simulation }) => {
    const path = simulation.network.path('oregon', 'oregon')
    const before = { ...path }
    Object.assign(path, { latencyMs: 800, jitterMs: 800, bytesPerMs: 20 })
    return () => Object.assign(path, before, { isCut: path.isCut })
  },
  'kill the mirror': (world) => {
    if (!world.machines.mirror.isUp) return undefined
    world.machines.mirror.kill()
    return () => {
      if (!world.machines.mirror.isUp) world.startMirror()
    }
  },
  'kill the mirror, whose last words come late': (world) => {
    const { simulation, machines } = world
    if (!machines.mirror.isUp) return undefined
    if (simulation.network.hold('mirror', 'west', simulation.random.between(500, 15_000)) === 0) return undefined
    // Meanwhile it goes on sending.
    simulation.after(simulation.random.between(50, 400), 'killed', () => machines.mirror.kill())
    return () => void simulation.after(500, 'started', () => machines.mirror.isUp || world.startMirror())
  },
  'pause the mirror': ({ machines }) => {
    if (!machines.mirror.isUp) return undefined
    machines.mirror.pause()
    return () => machines.mirror.resume()
  },
  'kill the source': killBroker('east'),
  'kill the target': killBroker('west'),
} satisfies Record<string, Fault>

function killBroker(name: 'east' | 'west'): Fault {
  return (world) => {
    if (!world.machines[name].isUp) return undefined
    world.machines[name].kill()
    return () => {
      if (!world.machines[name].isUp) world.rebootBroker(name)
    }
  }
}
