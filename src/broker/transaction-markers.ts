import { ErrorCode } from '../protocol/errors.ts'
import type { Broker } from './broker.ts'
import { CONSUMER_OFFSETS } from './coordinator/controller/topic-name.ts'
import { type Marker, markerBatch } from './coordinator/transaction/marker.ts'
import type { TopicPartition } from './coordinator/transaction/transaction-metadata.ts'

/** Ends a producer's transaction in a partition of this broker; NONE, or why the marker is not there. */
export function appendMarker(broker: Broker, { topic, partition }: TopicPartition, marker: Marker): number {
  const found = broker.partitions.get(topic, partition)
  if (!found) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  // Offsets begin to count with the marker, so their coordinator appends it.
  if (topic === CONSUMER_OFFSETS) {
    const errorCode = broker.groups.appendMarker(partition, marker)
    return errorCode === ErrorCode.NOT_COORDINATOR ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode
  }
  const { transactionVersion } = marker
  return found.append([markerBatch(marker, broker.platform.clock.now())], 'coordinator', {
    claims: { transactionVersion },
  }).errorCode
}
