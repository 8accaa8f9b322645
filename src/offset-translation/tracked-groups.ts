// The groups that are carried over, as far as they are known, and those of them that wait: for the mirror, or for a broker.
//
// Invariants:
// 1. A group without a position in what is mirrored here is not kept.
// 2. A group that is further than the mirror, or that was held up, waits; one that is dropped does not.
import { TopicPartition } from '../client/topic-partition.ts'
import type { GroupCommit } from './group-commit.ts'
import { translatePosition } from './group-sync-rules.ts'
import type { OffsetMap } from './offset-map.ts'
import { type MirroredPartition, TrackedGroup, type TrackedPosition } from './tracked-group.ts'

/** Undefined for what this instance does not mirror. */
export type MirroredHere = (source: TopicPartition) => MirroredPartition | undefined

/** Positions that may have to be written somewhere. */
export type Due = Map<TrackedGroup, TrackedPosition[]>

export class TrackedGroups implements Iterable<TrackedGroup> {
  readonly #groups = new Map<string, TrackedGroup>()
  readonly #waiting = new Set<TrackedGroup>()

  get size(): number {
    return this.#groups.size
  }

  get(name: string): TrackedGroup | undefined {
    return this.#groups.get(name)
  }

  [Symbol.iterator](): Iterator<TrackedGroup> {
    return this.#groups.values()
  }

  /** Takes over what a group committed; what is mirrored here is due. */
  take(name: string, commits: Iterable<GroupCommit>, due: Due, mirroredHere: MirroredHere): void {
    const group = this.#groups.get(name) ?? new TrackedGroup(name)
    const taken: TrackedPosition[] = []
    for (const { topic, partition, position } of commits) {
      const source = TopicPartition.of(topic, partition)
      const mirrored = position && mirroredHere(source)
      if (mirrored) taken.push(group.place(source, position.offset, position.metadata, mirrored))
      else group.positions.delete(source)
    }
    if (group.positions.size === 0) this.drop(name)
    else this.#groups.set(name, group)
    if (taken.length > 0) due.set(group, taken)
  }

  drop(name: string): void {
    const group = this.#groups.get(name)
    this.#groups.delete(name)
    if (group) this.#waiting.delete(group)
  }

  // ---- those that wait

  get areWaiting(): boolean {
    return this.#waiting.size > 0
  }

  /** It was written, or could not be. */
  wereTried(groups: Iterable<TrackedGroup>): void {
    for (const group of groups)
      if (this.#groups.get(group.group) === group && (group.isHeldUp || group.isAhead)) this.#waiting.add(group)
      else this.#waiting.delete(group)
  }

  /** What is ahead of the mirror has its place as soon as that has come so far; until then it follows now and then. */
  takeWaiting(due: Due, mirroredHere: MirroredHere, isWaitOver: boolean): void {
    for (const [group, positions] of due) {
      if (!positions.some(({ isAhead }) => isAhead)) continue
      this.#waiting.add(group)
      due.set(
        group,
        positions.filter(({ isAhead }) => !isAhead),
      )
    }
    for (const group of this.#waiting) {
      const ofGroup = due.get(group) ?? []
      for (const position of group.positions.values()) {
        if (!(isWaitOver || position.isAhead) || ofGroup.includes(position)) continue
        const { source, offset, metadata } = position
        const mirrored = mirroredHere(source)
        if (mirrored && mayMove(position, mirrored.map, isWaitOver))
          ofGroup.push(group.place(source, offset, metadata, mirrored))
      }
      if (ofGroup.length > 0) due.set(group, ofGroup)
      else {
        due.delete(group)
        if (!group.isAhead && isWaitOver) this.#waiting.delete(group)
      }
    }
  }
}

/** Whether it is worth asking where a position that waits is on the target; from what is known here, without a request. */
function mayMove(position: TrackedPosition, map: OffsetMap, isWaitOver: boolean): boolean {
  const translation = translatePosition(map, position.offset)
  if (translation === undefined) return false
  if (position.isAhead && translation.exact) return true
  const { blocked, onTarget } = position
  return isWaitOver && (blocked !== undefined || onTarget === undefined || translation.downstream > onTarget)
}
