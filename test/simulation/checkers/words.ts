import { seenOf } from '../../oracle/seen-record.ts'
import { Findings, type Violation } from '../../oracle/violation.ts'
import { checkWrites, type WrittenLog } from '../../oracle/writes.ts'
import type { Checker } from '../scenario.ts'
import type { SimCluster } from '../sim-cluster.ts'
import type { World } from '../world.ts'

/** Every cluster holds what it acknowledged, and only that; transactions are whole or not at all, and none holds up its readers. */
export const clustersKeepTheirWord: Checker = async (world) => {
  const violations: Violation[] = []
  for (const cluster of world.clusters.values()) violations.push(...(await checkCluster(world, cluster)))
  return violations
}

async function checkCluster(world: World, cluster: SimCluster): Promise<Violation[]> {
  const held = new Findings(cluster.name)
  const logs: WrittenLog[] = []
  for (const [topic, partitions] of cluster.topics)
    for (let partition = 0; partition < partitions; partition++) {
      const { records, startOffset, ...ends } = await world.outcome(cluster.read(topic, partition))
      const log = cluster.logName(topic, partition)
      const isCompacted = cluster.compacted.has(topic)
      logs.push({ log, read: seenOf(records), ...(isCompacted ? { isCompacted } : { startOffset }) })
      if (ends.lastStableOffset !== ends.highWatermark)
        held.add('unseen', `readers of ${log} are held at ${ends.lastStableOffset} of ${ends.highWatermark}`)
    }
  return [...checkWrites(world.history, logs), ...held.violations()]
}
