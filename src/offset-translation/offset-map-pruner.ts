// Keeps offset maps as small as the clusters let them be: asks both for the start of each log, and has the map forget what
// neither keeps. What a map forgets leaves the target with the next plan that its partition writes.
import { EARLIEST, type OffsetLookup } from '../client/offset-lookup.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import type { OffsetMap } from './offset-map.ts'

export interface PrunablePartition {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap | undefined
  /** Forgets what both logs' starts have passed; how many runs that were. */
  prune(upstreamLogStart: number, downstreamLogStart: number): Promise<number>
}

/** Below this a map is too small to be worth two questions. */
const RUNS_MIN = 64

export async function pruneOffsetMaps(
  partitions: Iterable<PrunablePartition>,
  sourceOffsets: OffsetLookup,
  targetOffsets: OffsetLookup,
): Promise<string> {
  const prune = async (partition: PrunablePartition): Promise<number> => {
    const { source, remote } = partition
    const [upstream, downstream] = await Promise.all([
      sourceOffsets.find(source, EARLIEST),
      targetOffsets.find(remote, EARLIEST),
    ])
    return partition.prune(upstream, downstream)
  }
  const pruned = [...partitions].flatMap((partition) =>
    partition.map !== undefined && partition.map.size >= RUNS_MIN ? [prune(partition)] : [],
  )
  // A partition that cannot be asked now is asked next time; the others do not wait for it.
  const outcomes = await Promise.allSettled(pruned)
  let forgotten = 0
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason
    forgotten += outcome.value
  }
  return `${forgotten} runs forgotten in ${pruned.length} maps`
}
