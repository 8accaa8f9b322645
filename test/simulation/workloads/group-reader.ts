import type { ClusterClient } from '../../../src/client/cluster-client.ts'
import { commitPositions, fetchPositions, listAllGroups } from '../../../src/offset-translation/group-offsets.ts'
import { ErrorCode } from '../../../src/protocol/errors.ts'
import { seenOf } from '../../oracle/seen-record.ts'
import { readCommitted } from '../../support/committed-reader.ts'
import type { Program } from '../program.ts'
import type { Workload } from '../scenario.ts'
import type { World } from '../world.ts'

export interface GroupReaderOptions {
  readonly group: string
  readonly from: string
  readonly topics: readonly string[]
  /** Of its program, where one cluster has several. */
  readonly name?: string
  /** Between two polls, in milliseconds; every few polls a commit. */
  readonly every?: readonly [least: number, most: number]
}

const POLLS_PER_COMMIT = 3
/** Of what a poll brings it may do with a part at first. */
const SHARE = [0.3, 1] as const

/** Reads as the only one of its group and commits what it has done with; as a program it is called `reader-` and its cluster, or so. */
export function groupReader(options: GroupReaderOptions): Workload {
  return (world) => {
    const reader = new GroupReader(world, options)
    world.programs.set(reader.machine.name, reader)
    reader.start()
    return () => {
      if (reader.machine.isUp) reader.machine.kill()
    }
  }
}

export class GroupReader implements Program {
  readonly machine
  readonly #world: World
  readonly #options: GroupReaderOptions

  constructor(world: World, options: GroupReaderOptions) {
    const { datacenter } = world.cluster(options.from)
    this.machine = world.simulation.machine(options.name ?? `reader-${options.from}`, { datacenter })
    this.#world = world
    this.#options = options
  }

  start(): void {
    if (this.machine.isUp) return
    const { every = [100, 600] } = this.#options
    const platform = this.machine.boot()
    const live = async () => {
      const client = this.#world.clientOf(platform, this.#options.from)
      try {
        await this.#read(client, (ms) => new Promise((resolve) => platform.clock.setTimer(ms, resolve)), every)
      } finally {
        client.close()
      }
    }
    const again = () => {
      const next = () => platform.clock.setTimer(this.#world.random.between(...every), again)
      live().then(next, next)
    }
    again()
  }

  /** From what the group has committed on; ends only with an error. */
  async #read(
    client: ClusterClient,
    rest: (ms: number) => Promise<void>,
    every: readonly [number, number],
  ): Promise<never> {
    const { group, from, topics } = this.#options
    const { random, history, simulation } = this.#world
    await client.refresh()
    const positions = new Map<string, { topic: string; partition: number; offset: number; metadata: null }>()
    for (const topic of topics)
      for (const { partitionIndex: partition } of client.topics().get(topic)?.partitions ?? [])
        positions.set(`${topic}-${partition}`, { topic, partition, offset: 0, metadata: null })
    for (const { topic, partition, offset } of await committedBy(client, group)) {
      const known = positions.get(`${topic}-${partition}`)
      if (known) known.offset = offset
    }
    for (let polls = 1; ; polls++) {
      for (const position of positions.values()) {
        const { topic, partition } = position
        const seen = seenOf((await readCommitted(client, topic, partition, position.offset)).records)
        for (const record of seen.slice(0, Math.ceil(seen.length * random.between(...SHARE)))) {
          history.polled(group, this.#world.cluster(from).logName(topic, partition), record, simulation.now)
          position.offset = record.offset + 1
        }
      }
      if (polls % POLLS_PER_COMMIT === 0) {
        const connection = await client.coordinator('group', group)
        const codes = await commitPositions(connection, group, [...positions.values()])
        if (codes.some((code) => code !== ErrorCode.NONE)) throw new Error(`not committed: ${codes}`)
      }
      await rest(random.between(...every))
    }
  }
}

/** Where a group stands. */
export async function committedBy(client: ClusterClient, group: string) {
  const { groups } = await listAllGroups(client)
  const listed = groups.get(group)
  if (!listed) return []
  const { positions, failures } = await fetchPositions(client, [listed])
  const failure = failures.get(group)
  if (failure !== undefined) throw new Error(`${group}: ${failure}`)
  return positions.get(group) ?? []
}
