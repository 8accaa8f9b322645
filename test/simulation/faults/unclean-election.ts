import { type SeenRecord, seenOf } from '../../oracle/seen-record.ts'
import type { SimCluster } from '../sim-cluster.ts'
import type { World } from '../world.ts'

export const UNCLEAN = 'a replica that lacked records was elected'
const PATIENCE_MS = 60_000
/** Until a replica that is gone counts as in sync no more. */
const SHRUNK_MS = 5_000

/** What a cluster needs for it: two of its three brokers hold a topic, the third keeps the controllers a majority. */
export const UNCLEAN_CONFIG = { 'min.insync.replicas': 1, 'unclean.leader.election.enable': true }

export interface UncleanElection {
  readonly cluster: SimCluster
  readonly topic: string
  /** Writes what the one replica alone will have. */
  readonly write: () => Promise<void>
  /** The last moment of the one that has it all: its logs, partition by partition, as they are then. */
  readonly beforeItDies: (logs: readonly (readonly SeenRecord[])[]) => void
}

export interface Elected {
  /** Where the log of a partition ended that is led now by the replica that lacked records; undefined: it is led by another. */
  readonly endOf: (partition: number) => number | undefined
  /** Starts the one that had it all. */
  readonly startTheOther: () => void
}

/**
 * Kafka's own recipe, for partition 0: the in-sync replicas shrink to one, which takes writes; it dies, and the one that lacks them is
 * elected.
 */
export async function electUncleanly(
  world: World,
  { cluster, topic, write, beforeItDies }: UncleanElection,
): Promise<Elected> {
  await world.outcome(cluster.operator.refresh())
  const { partitions } = cluster.operator.topics().get(topic)!
  const both = partitions[0]!.replicaNodes
  const [leader, follower] = both.map((id) => cluster.brokers[id - 1]!)
  const ends = partitions.map(({ replicaNodes }, partition) =>
    both.every((id) => replicaNodes.includes(id))
      ? follower!.broker!.partitions.get(topic, partition)!.log.logEndOffset
      : undefined,
  )
  follower!.machine.kill()
  await world.pass(SHRUNK_MS)
  await write()
  const endAtLeader = (partition: number) => leader!.broker!.partitions.get(topic, partition)?.log.logEndOffset ?? 0
  const readAll = () => Promise.all(partitions.map((_, partition) => world.outcome(cluster.read(topic, partition))))
  let reads = await readAll()
  // What comes while it is read is lost with the rest.
  while (reads.some(({ highWatermark }, partition) => highWatermark < endAtLeader(partition))) reads = await readAll()
  beforeItDies(reads.map(({ records }) => seenOf(records)))
  leader!.machine.kill()
  await world.pass(world.random.between(10, 2_000))
  follower!.start()
  const isElected = async () => {
    await world.outcome(cluster.operator.refresh().catch(() => {}))
    return cluster.leaderOf(topic, 0) === follower
  }
  if (await world.until(isElected, PATIENCE_MS)) world.bit(UNCLEAN)
  return { endOf: (partition) => ends[partition], startTheOther: () => leader!.start() }
}
