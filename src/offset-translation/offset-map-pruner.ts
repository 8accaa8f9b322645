// Keeps offset maps as small as the clusters let them be: asks both for the start of each log, and has the map forget what
// neither keeps. What a map forgets leaves the target with the next plan that its partition writes.
import { EARLIEST, type OffsetLookup } from '../client/offset-lookup.ts'
import type { TopicPartition } from '../client/topic-partition.ts'
import type { OffsetMap } from './offset-map.ts'

export interface PrunablePartition {
  readonly source: TopicPartition
  readonly remote: TopicPartition
  readonly map: OffsetMap | undefined
}

/** Below this a map is too small to be worth two questions. */
const RUNS_MIN = 64

export async function pruneOffsetMaps(
  partitions: Iterable<PrunablePartition>,
  sourceOffsets: OffsetLookup,
  targetOffsets: OffsetLookup,
): Promise<string> {
  let forgotten = 0
  const prune = async (source: TopicPartition, remote: TopicPartition, map: OffsetMap) => {
    const [upstream, downstream] = await Promise.all([
      sourceOffsets.find(source, EARLIEST),
      targetOffsets.find(remote, EARLIEST),
    ])
    const before = map.size
    map.prune(upstream, downstream)
    forgotten += before - map.size
  }
  const pruned = [...partitions].flatMap(({ source, remote, map }) =>
    map !== undefined && map.size >= RUNS_MIN ? [prune(source, remote, map)] : [],
  )
  // A partition that cannot be asked now is asked next time; the others do not wait for it.
  const outcomes = await Promise.allSettled(pruned)
  const failed = outcomes.find((outcome) => outcome.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return `${forgotten} runs forgotten in ${pruned.length} maps`
}
