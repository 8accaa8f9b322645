// Which brokers hold which partition: leaders go round the brokers, followers sit on the next ones.

/** The replicas of `count` partitions from `firstPartition` on. */
export function placeReplicas(
  brokerIds: readonly number[],
  firstPartition: number,
  count: number,
  replicationFactor: number,
): number[][] {
  return Array.from({ length: count }, (_, index) =>
    Array.from(
      { length: replicationFactor },
      (_, replica) => brokerIds[(firstPartition + index + replica) % brokerIds.length]!,
    ),
  )
}

/** Why partitions cannot be given these replicas by hand, in the order of partition ids; undefined when they can. */
export function whyInvalidAssignment(
  assignment: readonly (readonly number[])[],
  brokerIds: readonly number[],
): string | undefined {
  for (const replicas of assignment) {
    if (replicas.length === 0) return 'The manual partition assignment includes an empty replica list.'
    let before: number | undefined
    for (const id of [...replicas].sort((a, b) => a - b)) {
      if (!brokerIds.includes(id)) {
        return `The manual partition assignment includes broker ${id}, but no such broker is registered.`
      }
      if (id === before) return `The manual partition assignment includes the broker ${id} more than once.`
      before = id
    }
    if (replicas.length !== assignment[0]!.length) {
      return `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not consistent with previous partitions, which have ${assignment[0]!.length} replica(s).`
    }
  }
  return undefined
}
