// The nodes of a quorum of controllers, watched: who says that it leads, and what each of them holds for committed.
import { NOBODY } from '../../../src/broker/raft/message.ts'
import { splitBatches } from '../../../src/records/record-batch.ts'
import { type QuorumNode, QuorumNodes, type QuorumOptions } from '../../broker/raft/quorum-nodes.ts'
import { Findings } from '../../oracle/violation.ts'
import type { Topology } from '../scenario.ts'
import type { World } from '../world.ts'

export const SNAPSHOT_FETCHED = 'a snapshot was fetched'

const watches = new WeakMap<World, QuorumWatch>()

export function quorum(options: Omit<QuorumOptions, 'simulation' | 'onBoot'>): Topology {
  return async (world) => {
    const watch = new QuorumWatch(world, options)
    watches.set(world, watch)
    for (let nodeId = 1; nodeId <= options.nodes; nodeId++) watch.start(nodeId)
    const isSettled = await watch.nodes.settled()
    if (!isSettled) throw world.errors[0] ?? new Error('no leader was elected at the start')
  }
}

export function quorumOf(world: World): QuorumWatch {
  return watches.get(world)!
}

/** What the controller said is done. */
interface Told {
  readonly user: string
  readonly value: number
}

/**
 * 1. `committed` has, by their base offsets, the batches that any node ever held for committed.
 * 2. `leaders` has, by epoch, the node that ever said that it leads it.
 */
export class QuorumWatch {
  readonly nodes: QuorumNodes
  readonly told: Told[] = []
  readonly findings = new Findings('__cluster_metadata')
  readonly #world: World
  readonly #committed = new Map<number, string>()
  readonly #leaders = new Map<number, number>()

  constructor(world: World, options: Omit<QuorumOptions, 'simulation' | 'onBoot'>) {
    this.#world = world
    const { simulation } = world
    this.nodes = new QuorumNodes({ ...options, simulation, onBoot: (node) => this.#watch(node) })
    for (const [index, machine] of this.nodes.machines.entries()) {
      world.programs.set(machine.name, { machine, start: () => this.start(index + 1) })
    }
  }

  start(nodeId: number): void {
    if (!this.nodes.machines[nodeId - 1]!.isUp) this.nodes.boot(nodeId)
  }

  /** Elections that were won so far. */
  get elections(): number {
    return this.#leaders.size
  }

  #watch(node: QuorumNode): void {
    const { quorum } = node
    let seen = quorum.log.logStartOffset
    const commit = () => {
      if (quorum.log.logStartOffset > seen) this.#world.bit(SNAPSHOT_FETCHED)
      seen = this.#compare(node, seen)
    }
    quorum.onCommitted(commit)
    quorum.onLeaderChange(() => this.#noteLeader(node))
    commit()
    this.#noteLeader(node)
  }

  #noteLeader({ nodeId, quorum }: QuorumNode): void {
    if (quorum.failure) this.#world.broken(quorum.failure)
    if (quorum.leaderId !== nodeId || quorum.leaderId === NOBODY) return
    const known = this.#leaders.get(quorum.leaderEpoch)
    this.#leaders.set(quorum.leaderEpoch, nodeId)
    if (known === undefined || known === nodeId) return
    this.#world.broken(new Error(`epoch ${quorum.leaderEpoch} has two leaders, ${known} and ${nodeId}`))
  }

  /** What has become committed on this node since; returns up to where that has been compared. */
  #compare({ nodeId, quorum: { log } }: QuorumNode, from: number): number {
    if (log.highWatermark < from) this.findings.add('went-back', `node ${nodeId}: ${from} to ${log.highWatermark}`)
    let offset = Math.max(from, log.logStartOffset)
    while (offset < log.highWatermark) {
      const read = log.read(offset, 1024 * 1024, { isolation: 'read_uncommitted', minOneMessage: true })
      if (!('batches' in read)) throw new Error(`node ${nodeId} cannot read ${offset}: ${read.message}`)
      const { batches } = splitBatches(Buffer.concat(read.batches))
      for (const { baseOffset, nextOffset, crc, partitionLeaderEpoch } of batches) {
        const held = `${baseOffset} to ${nextOffset} of epoch ${partitionLeaderEpoch} with ${crc}`
        const known = this.#committed.get(baseOffset) ?? held
        this.#committed.set(baseOffset, known)
        if (known !== held) this.findings.add('offset-conflict', `node ${nodeId} has ${held}, another ${known}`)
        offset = nextOffset
      }
    }
    return offset
  }
}
