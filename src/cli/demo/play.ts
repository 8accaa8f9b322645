// The play: two datacenters, a shop that writes, two groups that read, heliostat between them; an outage, the move to the
// other side, the way back. What is true is in the ledger; what is shown comes from the daemon.
import { ClusterClient } from '../../client/cluster-client.ts'
import { readLog } from '../../client/log-reader.ts'
import { LATEST, OffsetLookup } from '../../client/offset-lookup.ts'
import { TopicPartition } from '../../client/topic-partition.ts'
import { loadConfig } from '../../config/config.ts'
import { type Daemon, startDaemon } from '../../daemon.ts'
import {
  commitPositions,
  fetchPositions,
  type GroupPosition,
  listAllGroups,
} from '../../offset-translation/group-offsets.ts'
import { version } from '../../platform/node-package.ts'
import { type Platform, sleep } from '../../platform/platform.ts'
import { createTopics } from '../../protocol/messages/create-topics.ts'
import type { Link } from '../../topology/link.ts'
import { startTopology, type Topology } from '../../topology/topology.ts'
import { type CopyAccount, Ledger, parseId } from './ledger.ts'
import { Reader } from './reader.ts'
import { demoTopics, Traffic } from './traffic.ts'

const groups = ['billing', 'analytics'] as const
/** The names under which a group finds the shop's records, wherever they were written. */
const names = (side: Side) => demoTopics.flatMap(({ name }) => [name, `${other(side)}.${name}`])

export type Side = 'east' | 'west'
export const other = (side: Side): Side => (side === 'east' ? 'west' : 'east')

const datacenters = { east: 'virginia', west: 'oregon' } as const
/** As it is between the two places that they are called after. */
const usualLink = { latencyMs: 35, jitterMs: 2, bitsPerSecond: 1_000_000_000 }
/** An overloaded way round the globe. */
const slowLink = { latencyMs: 250, jitterMs: 50, bitsPerSecond: 2_000_000 }

export class Play {
  readonly platform: Platform
  readonly ledger = new Ledger()
  readonly notes: string[] = []
  #topology: Topology | undefined
  #daemon: Daemon | undefined
  #traffic: Traffic | undefined
  #readers: Reader[] = []
  #active: Side = 'east'
  #readingAt: Side = 'east'

  constructor(platform: Platform) {
    this.platform = platform
  }

  get daemon(): Daemon {
    return begun(this.#daemon)
  }

  /** Between the two datacenters. heliostat stands in west's, so east is beyond the link for it. */
  get link(): Link {
    return begun(this.#topology).link(datacenters.east, datacenters.west)
  }

  get isCut(): boolean {
    return this.link.status().ways.some(({ state }) => state === 'cut')
  }

  /** Where the applications of a side find its cluster: they are in the same datacenter. */
  bootstrap(side: Side): string {
    return begun(this.#topology).clusters[side]!.bootstrap
  }

  get active(): Side {
    return this.#active
  }

  get readingAt(): Side {
    return this.#readingAt
  }

  note(text: string): void {
    this.notes.push(text)
  }

  async begin(port: number): Promise<void> {
    this.#topology = await startTopology(this.platform, {
      clusters: { east: { datacenter: datacenters.east }, west: { datacenter: datacenters.west } },
      links: { [`${datacenters.east}<->${datacenters.west}`]: usualLink },
    })
    // Each side has all names from the start, so that a reader needs no pause to learn of one that appears.
    await Promise.all((['east', 'west'] as const).map((side) => this.#createTopics(side)))
    const { config } = loadConfig(this.#configText(port), 'demo.yaml', {})
    this.#daemon = await startDaemon(this.platform, config, { version: version(), directory: '.' })
    await this.until('the remote topics', () => this.#flowsRun())
    await this.produceAt('east')
    await this.readAt('east')
  }

  async end(): Promise<void> {
    await this.#traffic?.stop()
    await this.stopReading()
    await this.#daemon?.stop()
    await this.#topology?.stop()
  }

  #configText(port: number): string {
    const [east, west] = (['east', 'west'] as const).map((side) =>
      begun(this.#topology).bootstrapFrom(side, datacenters.west),
    )
    const mirror = (from: Side, to: Side) =>
      `{ from: ${from}, to: ${to}, refresh: 1s, topics: { include: [${demoTopics.map(({ name }) => name).join(', ')}] } }`
    return `version: 1
clusters:
  east: { bootstrap: ["${east}"], location: Virginia }
  west: { bootstrap: ["${west}"], location: Oregon }
mirrors: [${mirror('east', 'west')}, ${mirror('west', 'east')}]
server: { listen: "127.0.0.1:${port}" }
`
  }

  async #createTopics(side: Side): Promise<void> {
    await this.withClient(side, async (client) => {
      const topics = demoTopics.map(({ name, partitions }) => ({
        name,
        numPartitions: partitions,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      }))
      await client.send(createTopics, { topics, timeoutMs: 10_000 })
    })
  }

  #flowsRun(): boolean {
    const flows = [...this.daemon.flows.values()]
    return flows.every((flow) => flow.status().state === 'running' && flow.status().topics.length >= demoTopics.length)
  }

  // ---- what the people in the play do

  async produceAt(side: Side): Promise<void> {
    this.#traffic = new Traffic(this.platform.clock, this.ledger, side, this.bootstrap(side))
    this.#active = side
    await this.#traffic.start()
  }

  async stopProducing(): Promise<void> {
    await this.#traffic?.stop()
    this.#traffic = undefined
  }

  async readAt(side: Side): Promise<void> {
    this.#readingAt = side
    this.#readers = groups.map((group) => new Reader(this.ledger, group, this.bootstrap(side)))
    await Promise.all(this.#readers.map((reader) => reader.start(names(side))))
  }

  async stopReading(): Promise<void> {
    await Promise.allSettled(this.#readers.map((reader) => reader.stop()))
    this.#readers = []
  }

  /** Nothing passes between the datacenters any more, all at once. */
  cut(): void {
    this.link.cut()
  }

  slow(): void {
    this.link.slow(slowLink)
  }

  heal(): void {
    this.link.heal()
  }

  /** All that the shop has written on this side is on the other. */
  async drained(from: Side): Promise<void> {
    const flow = this.daemon.flows.get(`${from}->${other(from)}`)!
    // What the flow has seen of its source is as old as the link is long, so its own word is not enough.
    const ends = await this.#ends(from)
    await this.until(`${flow.name} to drain`, () => {
      const { state, rpoRecords, topics } = flow.status()
      const reached = ends.every(({ topic, partition, end }) => {
        const { partitions = [] } = topics.find((one) => one.topic === topic) ?? {}
        return (partitions.find((one) => one.partition === partition)?.upstream ?? -1) >= end
      })
      return state === 'running' && rpoRecords === 0 && reached
    })
  }

  #ends(side: Side): Promise<{ topic: string; partition: number; end: number }[]> {
    return this.withClient(side, async (client) => {
      await client.refresh()
      const offsets = new OffsetLookup(this.platform, client)
      const logs = demoTopics.flatMap(({ name, partitions }) =>
        Array.from({ length: partitions }, (_, partition) => ({ topic: name, partition })),
      )
      return Promise.all(
        logs.map(async ({ topic, partition }) => {
          const end = await offsets.find(TopicPartition.of(topic, partition), LATEST)
          return { topic, partition, end }
        }),
      )
    })
  }

  /** Both groups have processed everything that was ever acknowledged at this origin. */
  async processed(origin: Side): Promise<void> {
    const logs = [...this.ledger.logs(origin)]
    await this.until(`the groups to catch up with ${origin}`, () =>
      groups.every((group) => logs.every((log) => this.ledger.caughtUp(group, log))),
    )
  }

  /**
   * What the groups committed on `from` about records that came from `to` is put back on `to`, offset by offset, by the
   * reverse translation of the flow that brought them. (What was written on `from` itself comes over by the flow that goes
   * the other way.)
   */
  async bringGroupsBack(from: Side, to: Side): Promise<number> {
    const flow = this.daemon.flows.get(`${to}->${from}`)!
    const committed = await this.#positions(from)
    let written = 0
    await this.withClient(to, async (client) => {
      for (const group of groups) {
        const back: GroupPosition[] = []
        for (const { topic, partition, offset } of committed.get(group) ?? []) {
          if (!topic.startsWith(`${to}.`)) continue
          const answer = flow.translate({ topic, partition, offset, reverse: true })
          if (answer.offset === undefined) throw new Error(`${topic}-${partition} at ${offset}: ${answer.reason}`)
          back.push({ topic: topic.slice(to.length + 1), partition, offset: answer.offset, metadata: null })
        }
        const codes = await commitPositions(await client.coordinator('group', group), group, back)
        if (codes.some((code) => code !== 0)) throw new Error(`${to} refuses the offsets of ${group}: ${codes}`)
        written += codes.length
      }
    })
    return written
  }

  /** What the groups committed on `from` about records that were written there has been brought over, to the last offset. */
  async groupsBroughtOver(from: Side, to: Side): Promise<boolean> {
    const flow = this.daemon.flows.get(`${from}->${to}`)!
    const [here, there] = await Promise.all([this.#positions(from), this.#positions(to)])
    return groups.every((group) =>
      (here.get(group) ?? []).every(({ topic, partition, offset }) => {
        if (topic.startsWith(`${to}.`)) return true
        const remote = there.get(group)?.find((one) => one.topic === `${from}.${topic}` && one.partition === partition)
        return remote?.offset === flow.translate({ topic, partition, offset, reverse: false }).offset
      }),
    )
  }

  #positions(side: Side): Promise<ReadonlyMap<string, readonly GroupPosition[]>> {
    return this.withClient(side, async (client) => {
      const listing = await listAllGroups(client)
      return (await fetchPositions(client, [...listing.groups.values()])).positions
    })
  }

  // ---- what is true

  /** Reads the copies of an origin's records on the other side, in full, and compares them with the truth. */
  async compare(origin: Side): Promise<CopyAccount> {
    const total: CopyAccount = { records: 0, missing: 0, duplicated: 0, reordered: 0 }
    const side = other(origin)
    await this.withClient(side, async (client) => {
      await client.refresh()
      const offsets = new OffsetLookup(this.platform, client)
      for (const log of this.ledger.logs(origin)) {
        const topicPartition = TopicPartition.of(`${origin}.${log.topic}`, log.partition)
        const copy: number[] = []
        for await (const batch of readLog(client, topicPartition, await offsets.range(topicPartition)))
          for (const { value } of batch.records()) copy.push(parseId(value?.toString() ?? '')?.sequence ?? -1)
        const account = this.ledger.compare(log, copy)
        total.records += account.records
        total.missing += account.missing
        total.duplicated += account.duplicated
        total.reordered += account.reordered
      }
    })
    return total
  }

  async withClient<T>(side: Side, use: (client: ClusterClient) => Promise<T>): Promise<T> {
    const [host, port] = this.bootstrap(side).split(':')
    const client = new ClusterClient(this.platform, {
      name: side,
      bootstrap: [{ host: host!, port: Number(port) }],
      clientId: 'demo',
    })
    try {
      return await use(client)
    } finally {
      client.close()
    }
  }

  async until(what: string, condition: () => boolean | Promise<boolean>, timeoutMs = 30_000): Promise<void> {
    const deadline = this.platform.clock.monotonic() + timeoutMs
    while (!(await condition())) {
      if (this.platform.clock.monotonic() > deadline)
        throw new Error(`waited ${timeoutMs / 1_000} s for ${what} in vain`)
      await sleep(this.platform.clock, 20)
    }
  }
}

function begun<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('the play has not begun')
  return part
}
