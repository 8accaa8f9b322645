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
    if (new Set(replicas).size !== replicas.length) {
      return `The manual partition assignment includes the broker ${repeated(replicas)} more than once.`
    }
    const stranger = replicas.find((id) => !brokerIds.includes(id))
    if (stranger !== undefined) {
      return `The manual partition assignment includes broker ${stranger}, but no such broker is registered.`
    }
    if (replicas.length !== assignment[0]!.length) {
      return `The manual partition assignment includes a partition with ${replicas.length} replica(s), but this is not consistent with previous partitions, which have ${assignment[0]!.length} replica(s).`
    }
  }
  return undefined
}

function repeated(ids: readonly number[]): number {
  return ids.find((id, index) => ids.indexOf(id) !== index)!
}
