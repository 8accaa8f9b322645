import type { Clock, Logger } from '../../../platform/platform.ts'
import { ErrorCode } from '../../../protocol/errors.ts'
import type { AppendClaims } from '../../log/producer-state.ts'
import type { Partition } from '../../partition.ts'
import { CoordinatorError, CoordinatorRuntime } from '../runtime.ts'
import type { Marker } from '../transaction/marker.ts'
import type { GroupCommand, GroupListing, GroupReplies, GroupReply } from './command.ts'
import type { ClusterView } from './consumer/cluster-view.ts'
import type { GroupConfig } from './group-config.ts'
import { GroupMachine } from './group-machine.ts'
import type { GroupRecord } from './group-record.ts'
import { groupRecordCodec } from './group-record-codec.ts'

const INT_MIN = -2_147_483_648

type Runtime = CoordinatorRuntime<GroupCommand, GroupRecord, GroupReply>

/** Commands for one group, each with a reply. */
export type GroupRequest = Extract<GroupCommand, { groupId: string; type: keyof GroupReplies }>

export interface GroupCoordinatorOptions {
  readonly clock: Clock
  readonly log: Logger
  readonly config: () => GroupConfig
  readonly view: ClusterView
  /** Of `__consumer_offsets`; 0 while there is no such topic. */
  readonly partitionCount: () => number
}

/**
 * The group coordinators of this broker: one machine for each partition of `__consumer_offsets` that it leads, while it leads it.
 *
 * 1. A group belongs to the partition that its name hashes to; all of its commands go there.
 */
export class GroupCoordinator {
  readonly #options: GroupCoordinatorOptions
  readonly #runtimes = new Map<number, Runtime>()

  constructor(options: GroupCoordinatorOptions) {
    this.#options = options
  }

  /** Takes up the groups of a partition of `__consumer_offsets` when this broker leads it, and gives them up when it does not. */
  leads(partition: Partition): void {
    const { partitionId, isLeader } = partition
    if (this.#runtimes.get(partitionId)?.isOf(partition)) return
    this.drop(partitionId)
    if (isLeader) this.#take(partition)
  }

  /** Gives them up. */
  drop(partitionId: number): void {
    this.#runtimes.get(partitionId)?.close()
    this.#runtimes.delete(partitionId)
  }

  /** Rejects with a CoordinatorError when the group is not coordinated here. */
  async ask<C extends GroupRequest>(command: C, claims?: AppendClaims): Promise<GroupReplies[C['type']]> {
    const partitionCount = this.#options.partitionCount()
    const runtime = partitionCount > 0 ? this.#runtimes.get(partitionOf(command.groupId, partitionCount)) : undefined
    if (!runtime) throw new CoordinatorError(ErrorCode.NOT_COORDINATOR, `not the coordinator of ${command.groupId}`)
    return (await runtime.submit(command, claims)) as GroupReplies[C['type']]
  }

  /** Ends a producer's transaction in a partition of `__consumer_offsets`; NONE, or why the marker is not there. */
  appendMarker(partitionId: number, marker: Marker): number {
    return this.#runtimes.get(partitionId)?.appendMarker(marker) ?? ErrorCode.NOT_COORDINATOR
  }

  async list(states: readonly string[], types: readonly string[]): Promise<GroupListing[]> {
    const command = { type: 'list-groups', states, types } as const
    const replies = await Promise.all([...this.#runtimes.values()].map((runtime) => runtime.submit(command)))
    return replies.flatMap((reply) => (reply as GroupReplies['list-groups']).groups)
  }

  /** Offsets of topics that are gone go too. */
  async topicsDeleted(topics: readonly string[]): Promise<void> {
    const runtimes = [...this.#runtimes.values()]
    await Promise.all(runtimes.map((runtime) => runtime.submit({ type: 'topics-deleted', topics })))
  }

  close(): void {
    for (const partitionId of [...this.#runtimes.keys()]) this.drop(partitionId)
  }

  #take(partition: Partition): void {
    const { clock, log, config, view } = this.#options
    const runtime = new CoordinatorRuntime<GroupCommand, GroupRecord, GroupReply>({
      partition,
      loadsInTurns: true,
      codec: groupRecordCodec,
      clock,
      log,
      machine: () => new GroupMachine(config, view),
    })
    this.#runtimes.set(partition.partitionId, runtime)
  }
}

/** Java's String.hashCode, absolute (the least integer has no absolute value: 0), modulo: where every Kafka tool expects the group. */
export function partitionOf(groupId: string, partitionCount: number): number {
  let hash = 0
  for (let i = 0; i < groupId.length; i++) hash = (Math.imul(31, hash) + groupId.charCodeAt(i)) | 0
  return hash === INT_MIN ? 0 : Math.abs(hash) % partitionCount
}
