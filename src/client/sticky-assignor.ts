// Who gets which partition of one topic: as even as can be, and nobody loses what he may keep. Pure, so that every member would
// come to the same answer as the group's leader.

export interface GroupMember {
  readonly memberId: string
  /** What the member holds now, by its own account. */
  readonly owned: readonly number[]
}

/**
 * Each partition to exactly one member; sizes differ by one at most. A partition changes hands only when its owner has too many
 * or is gone. When two members claim the same partition (one of them was away), the first by member id keeps it.
 */
export function assignPartitions(
  members: readonly GroupMember[],
  partitions: readonly number[],
): ReadonlyMap<string, number[]> {
  const assigned = keepOwned(members, partitions)
  const free = withoutOwner(partitions, assigned)
  const least = Math.floor(partitions.length / members.length)
  let largerShares = partitions.length % members.length
  // Who holds most gets one of the larger shares, or it would have to give a partition away for nothing.
  for (const held of [...assigned.values()].sort((a, b) => b.length - a.length)) {
    const share = largerShares > 0 ? least + 1 : least
    largerShares--
    while (held.length > share) free.push(held.pop()!)
  }
  free.sort((a, b) => a - b)
  largerShares = partitions.length % members.length
  for (const held of [...assigned.values()].sort((a, b) => b.length - a.length)) {
    const share = largerShares > 0 ? least + 1 : least
    largerShares--
    while (held.length < share) held.push(free.shift()!)
    held.sort((a, b) => a - b)
  }
  return assigned
}

function keepOwned(members: readonly GroupMember[], partitions: readonly number[]): Map<string, number[]> {
  const unclaimed = new Set(partitions)
  const assigned = new Map<string, number[]>()
  const inOrder = [...members].sort((a, b) => (a.memberId < b.memberId ? -1 : 1))
  for (const { memberId, owned } of inOrder) {
    const held = [...new Set(owned)].filter((partition) => unclaimed.delete(partition))
    assigned.set(
      memberId,
      held.sort((a, b) => a - b),
    )
  }
  return assigned
}

function withoutOwner(partitions: readonly number[], assigned: ReadonlyMap<string, readonly number[]>): number[] {
  const owned = new Set([...assigned.values()].flat())
  return partitions.filter((partition) => !owned.has(partition))
}
