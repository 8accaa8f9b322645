import { ErrorCode } from '../protocol/errors.ts'
import type { ReadonlyMetadataImage, TopicImage } from './coordinator/controller/metadata-image.ts'
import { NO_LEADER, type PartitionRegistration } from './coordinator/controller/metadata-record.ts'
import { isInternalTopic } from './coordinator/controller/topic-name.ts'
import { reachableBroker } from './reachable-brokers.ts'

export interface TopicListing {
  readonly errorCode: number
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly PartitionListing[]
  readonly topicAuthorizedOperations: number
}

interface PartitionListing {
  readonly errorCode: number
  readonly partitionIndex: number
  readonly leaderId: number
  readonly leaderEpoch: number
  readonly replicaNodes: readonly number[]
  readonly isrNodes: readonly number[]
  readonly offlineReplicas: readonly number[]
}

/** A topic as Metadata and DescribeTopicPartitions show it to clients of a listener. */
export function topicListing(
  image: ReadonlyMetadataImage,
  listener: string,
  topic: TopicImage,
  topicAuthorizedOperations: number,
): TopicListing {
  // Many partitions have few brokers.
  const known = new Map<number, boolean>()
  const isReachable = (id: number) => {
    const answer = known.get(id) ?? reachableBroker(image, listener, id) !== undefined
    known.set(id, answer)
    return answer
  }
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map((partition) => partitionListing(image, partition, isReachable)),
    topicAuthorizedOperations,
  }
}

/** A leader that the client cannot reach is not named to it, as by Kafka. */
function partitionListing(
  image: ReadonlyMetadataImage,
  { partitionId, leader, leaderEpoch, replicas, isr }: PartitionRegistration,
  isReachable: (brokerId: number) => boolean,
): PartitionListing {
  const isHidden = image.brokers.has(leader)
  const errorCode = isHidden ? ErrorCode.LISTENER_NOT_FOUND : ErrorCode.LEADER_NOT_AVAILABLE
  return {
    errorCode: isReachable(leader) ? ErrorCode.NONE : errorCode,
    partitionIndex: partitionId,
    leaderId: isReachable(leader) ? leader : NO_LEADER,
    leaderEpoch,
    replicaNodes: replicas,
    isrNodes: isr,
    offlineReplicas: replicas.every(isReachable) ? NONE_OFFLINE : replicas.filter((id) => !isReachable(id)),
  }
}

const NONE_OFFLINE: readonly number[] = []
