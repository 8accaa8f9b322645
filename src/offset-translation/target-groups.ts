// The groups on the target, from outside: which of them live there, where they stand, and the one way to move them.
import type { ClusterClient } from '../client/cluster-client.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import {
  commitPositions,
  fetchOffsets,
  findCoordinators,
  type GroupListing,
  type GroupPosition,
  listAllGroups,
} from './group-offsets.ts'
import { untouchable } from './group-sync-rules.ts'

/** The states of groups with members; of all protocols (classic, KIP-848, KIP-1071). */
const ACTIVE = ['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Assigning', 'Reconciling', 'NotReady']

/** What the brokers of the target said of their groups. */
export interface Look extends GroupListing {
  /** All were listed; else those alone that have members. */
  readonly isWhole: boolean
}

export interface GroupsAt {
  /** By group and partition; −1 stands for none. */
  readonly offsets: ReadonlyMap<string, ReadonlyMap<TopicPartition, number>>
  /** Groups whose offsets cannot be read, and why. */
  readonly failures: ReadonlyMap<string, string>
}

/**
 * A coordinator that is remembered may be one no more: when it says so, or does not answer, it is forgotten, and looked for by the next
 * turn. Nothing is waited for here: a group in trouble must not hold up the others.
 */
export class TargetGroups {
  readonly #client: ClusterClient
  readonly #coordinators = new Map<string, number>()

  constructor(client: ClusterClient) {
    this.#client = client
  }

  /** A whole look costs an entry for each group there is, the other one for each that is in use: on a standby, none. */
  async look({ whole }: { whole: boolean }): Promise<Look> {
    const listing = await listAllGroups(this.#client, whole ? [] : ACTIVE)
    if (whole) this.#coordinators.clear()
    for (const { group, coordinatorId } of listing.groups.values()) this.#coordinators.set(group, coordinatorId)
    return { ...listing, isWhole: whole }
  }

  /** Why the group may not be written; undefined when its coordinator was asked and knows no member of it. */
  inUse({ groups, answered, failures }: Look, group: string): string | undefined {
    const listed = groups.get(group)
    if (listed !== undefined) return untouchable({ known: true, state: listed.state })
    if (failures.length === 0) return undefined
    const coordinatorId = this.#coordinators.get(group)
    if (coordinatorId !== undefined && answered.has(coordinatorId)) return undefined
    this.#coordinators.delete(group)
    return untouchable({ known: false })
  }

  /** Where the groups stand in these partitions; whatever is not told of a group that is no failure has no offset. */
  async positions(look: Look, asked: ReadonlyMap<string, readonly TopicPartition[]>): Promise<GroupsAt> {
    // A group that is not there has no offsets.
    const there = [...asked.keys()].filter((group) => !look.isWhole || look.groups.has(group))
    const failures = await this.locate(there)
    const questions = there.flatMap((group) => {
      const coordinatorId = this.#coordinators.get(group)
      return coordinatorId === undefined ? [] : [{ group, coordinatorId, partitions: asked.get(group)! }]
    })
    const offsets = new Map<string, Map<TopicPartition, number>>()
    const unanswered = await fetchOffsets(this.#client, questions, (group, topics) => {
      const ofGroup = new Map<TopicPartition, number>()
      for (const { name, partitions } of topics)
        for (const { partitionIndex, committedOffset } of partitions)
          ofGroup.set(TopicPartition.of(name, partitionIndex), committedOffset)
      offsets.set(group, ofGroup)
    })
    for (const [group, reason] of unanswered) {
      failures.set(group, reason)
      this.#coordinators.delete(group)
    }
    return { offsets, failures }
  }

  /** Finds the coordinators of those of which it is not known. Why not, of each that has none at the moment. */
  async locate(groups: Iterable<string>): Promise<Map<string, string>> {
    const unknown = [...groups].filter((group) => !this.#coordinators.has(group))
    const failures = new Map<string, string>()
    if (unknown.length === 0) return failures
    try {
      for (const { group, coordinatorId, errorCode } of await findCoordinators(this.#client, unknown))
        if (errorCode === ErrorCode.NONE) this.#coordinators.set(group, coordinatorId)
        else failures.set(group, errorOf(errorCode).name)
    } catch (error) {
      for (const group of unknown) failures.set(group, (error as Error).message)
    }
    return failures
  }

  /** The error code of each position, in order; of a group that was located. Throws when its coordinator cannot be asked. */
  async commit(group: string, positions: readonly GroupPosition[]): Promise<number[]> {
    try {
      const connection = await this.#client.node(this.#coordinators.get(group)!, 'control')
      const codes = await commitPositions(connection, group, positions)
      if (codes.some(isElsewhere)) this.#coordinators.delete(group)
      return codes
    } catch (error) {
      this.#coordinators.delete(group)
      throw error
    }
  }
}

function isElsewhere(code: number): boolean {
  return code === ErrorCode.NOT_COORDINATOR || code === ErrorCode.COORDINATOR_NOT_AVAILABLE
}
