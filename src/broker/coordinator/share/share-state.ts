import type { OffsetRange, StateBatch } from '../../share/delivery.ts'

/** Names what is kept: how far one group is with one partition. */
export interface ShareKey {
  readonly groupId: string
  readonly topicId: string
  readonly partition: number
}

/** Which `__share_group_state` partition it hashes to (Kafka's SharePartitionKey). */
export function coordinatorKeyOf({ groupId, topicId, partition }: ShareKey): string {
  return `${groupId}:${topicId}:${partition}`
}

/** What is kept. Never changed in place. */
export interface ShareState {
  /** Rises with each snapshot. */
  readonly snapshotEpoch: number
  /** Rises when the group's coordinator begins anew; older leaders' news are refused. */
  readonly stateEpoch: number
  readonly leaderEpoch: number
  /** −1: the group has not begun; its `share.auto.offset.reset` says where it will. */
  readonly startOffset: number
  readonly deliveryCompleteCount: number
  readonly createTimestamp: number
  readonly writeTimestamp: number
  /** Ascending, without overlap, nothing before the start. */
  readonly stateBatches: readonly StateBatch[]
}

export const NOT_BEGUN = -1

/** Of what the coordinator does not know. */
export const NOTHING_KEPT: ShareState = {
  snapshotEpoch: 0,
  stateEpoch: 0,
  leaderEpoch: 0,
  startOffset: NOT_BEGUN,
  deliveryCompleteCount: -1,
  createTimestamp: 0,
  writeTimestamp: 0,
  stateBatches: [],
}

/** Puts newer batches over older ones, and leaves out what is before the start. */
export function mergedBatches(
  older: readonly StateBatch[],
  newer: readonly StateBatch[],
  startOffset: number,
): StateBatch[] {
  let merged = [...older]
  for (const batch of newer) merged = [...merged.flatMap((each) => without(each, batch)), batch]
  return merged
    .filter(({ lastOffset }) => lastOffset >= startOffset)
    .map((batch) => ({ ...batch, firstOffset: Math.max(batch.firstOffset, startOffset) }))
    .sort((one, other) => one.firstOffset - other.firstOffset)
    .reduce<StateBatch[]>(joined, [])
}

/** What is left of the batch outside of the range. */
function without(batch: StateBatch, { firstOffset, lastOffset }: OffsetRange): StateBatch[] {
  const before = { ...batch, lastOffset: Math.min(batch.lastOffset, firstOffset - 1) }
  const after = { ...batch, firstOffset: Math.max(batch.firstOffset, lastOffset + 1) }
  return [before, after].filter((part) => part.firstOffset <= part.lastOffset)
}

function joined(batches: StateBatch[], next: StateBatch): StateBatch[] {
  const last = batches.at(-1)
  const touches = last && last.lastOffset + 1 === next.firstOffset
  const same = last?.deliveryState === next.deliveryState && last.deliveryCount === next.deliveryCount
  if (!touches || !same) batches.push(next)
  else batches[batches.length - 1] = { ...last, lastOffset: next.lastOffset }
  return batches
}
