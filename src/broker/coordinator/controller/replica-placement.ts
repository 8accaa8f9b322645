// Which brokers hold which partition, after Kafka's StripedReplicaPlacer: leaders go round the racks and the brokers in them, the
// replicas of a partition stand in as many racks as there are, and brokers that are fenced are the last choice and never lead.

export interface Usable {
  readonly brokerId: number
  readonly rack: string | null
  readonly fenced: boolean
}

/**
 * The replicas of `count` partitions. There must be as many brokers as replicas, and one at least that is not fenced. `start` is where the
 * round begins: drawn anew for each topic, so that small topics do not all lie on the same brokers; topics that grow go on at their size.
 */
export function placeReplicas(
  brokers: readonly Usable[],
  start: number,
  count: number,
  replicationFactor: number,
): number[][] {
  const racks = racksOf(brokers)
  return Array.from({ length: count }, (_, index) => placeOne(racks, start + index, replicationFactor))
}

interface Rack {
  readonly unfenced: readonly number[]
  readonly fenced: readonly number[]
}

function racksOf(brokers: readonly Usable[]): Rack[] {
  const names = [...new Set(brokers.map(({ rack }) => rack ?? ''))].sort()
  return names.map((name) => {
    const own = brokers.filter(({ rack }) => (rack ?? '') === name)
    const ids = (fenced: boolean) => own.filter((broker) => broker.fenced === fenced).map(({ brokerId }) => brokerId)
    return { unfenced: ids(false), fenced: ids(true) }
  })
}

/** Round by round one broker of each rack, beginning at the rack whose turn it is to lead. */
function placeOne(racks: readonly Rack[], turn: number, replicationFactor: number): number[] {
  const withLeader = racks.filter(({ unfenced }) => unfenced.length > 0)
  const first = racks.indexOf(withLeader[turn % withLeader.length]!)
  // A rack's turn comes again after all the others; then its next broker leads.
  const round = Math.floor(turn / withLeader.length)
  const queues = racks.map((_, index) => queueOf(racks[(first + index) % racks.length]!, round, index === 0))
  const replicas: number[] = []
  for (let depth = 0; replicas.length < replicationFactor; depth++) {
    for (const queue of queues) {
      const next = queue[depth]
      if (next !== undefined && replicas.length < replicationFactor) replicas.push(next)
    }
  }
  return replicas
}

/** When all have led once the followers shift, so that those of one leader are not always the same. */
function queueOf({ unfenced, fenced }: Rack, round: number, leads: boolean): number[] {
  const shift = Math.floor(round / Math.max(unfenced.length, 1))
  const [leader, ...others] = rotated(unfenced, round)
  if (!leads || leader === undefined) return [...rotated(unfenced, round + shift), ...fenced]
  return [leader, ...rotated(others, shift), ...fenced]
}

function rotated(ids: readonly number[], by: number): number[] {
  return ids.map((_, index) => ids[(by + index) % ids.length]!)
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
