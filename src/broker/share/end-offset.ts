import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import type { Broker } from '../broker.ts'

const CONSUMER = -1
const LATEST = -1

/** Where a partition ends for readers, asked of its leader; −1: nobody can say. */
export async function endOffsetOf(
  { partitions, image, peers }: Broker,
  topic: string,
  partition: number,
): Promise<number> {
  const own = partitions.get(topic, partition)
  if (own?.isLeader) return own.log.latestOffset('read_uncommitted').offset
  const leader = image.topics.get(topic)?.partitions[partition]?.leader ?? -1
  if (leader < 0) return -1
  const asked = { partitionIndex: partition, currentLeaderEpoch: -1, timestamp: LATEST }
  const request = { replicaId: CONSUMER, isolationLevel: 0, topics: [{ name: topic, partitions: [asked] }] }
  try {
    const { topics } = await peers.send(leader, listOffsets, request)
    return topics[0]?.partitions[0]?.offset ?? -1
  } catch {
    return -1
  }
}
