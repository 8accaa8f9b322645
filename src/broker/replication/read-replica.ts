import type { Broker } from '../broker.ts'
import type { Partition } from '../partition.ts'
import { reachableBroker } from '../reachable-brokers.ts'
import { isRackAware } from './replication-config.ts'

/** The one that was asked. */
export const UNKNOWN_REPLICA = -1

/**
 * The follower that a consumer of this rack had better read from (KIP-392): one in sync, in its rack, with the offset that it wants; the
 * one that is furthest. UNKNOWN_REPLICA: the leader serves it, as when that is in its rack itself.
 */
export function preferredReplica(
  { config, image, nodeId }: Broker,
  listener: string,
  rackId: string,
  partition: Partition,
  fetchOffset: number,
): number {
  if (rackId === '' || !partition.isLeader || !isRackAware(config.given('replica.selector.class')))
    return UNKNOWN_REPLICA
  const isInRack = (brokerId: number) => image.brokers.get(brokerId)?.rack === rackId
  if (isInRack(nodeId)) return UNKNOWN_REPLICA
  const isReachable = (brokerId: number) => reachableBroker(image, listener, brokerId) !== undefined
  return partition.readableFrom(fetchOffset).find((id) => isInRack(id) && isReachable(id)) ?? UNKNOWN_REPLICA
}
