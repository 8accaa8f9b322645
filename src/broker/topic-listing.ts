import { ErrorCode } from '../protocol/errors.ts'
import type { TopicImage } from './coordinator/controller/metadata-image.ts'
import { isInternalTopic } from './coordinator/controller/topic-name.ts'

export interface TopicListing {
  readonly errorCode: number
  readonly name: string
  readonly topicId: string
  readonly isInternal: boolean
  readonly partitions: readonly {
    readonly errorCode: number
    readonly partitionIndex: number
    readonly leaderId: number
    readonly leaderEpoch: number
    readonly replicaNodes: readonly number[]
    readonly isrNodes: readonly number[]
    readonly offlineReplicas: readonly number[]
  }[]
  readonly topicAuthorizedOperations: number
}

/** A topic as Metadata and DescribeTopicPartitions show it. */
export function topicListing(topic: TopicImage, topicAuthorizedOperations: number): TopicListing {
  return {
    errorCode: ErrorCode.NONE,
    name: topic.name,
    topicId: topic.topicId,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map((partition) => ({
      errorCode: ErrorCode.NONE,
      partitionIndex: partition.partitionId,
      leaderId: partition.leader,
      leaderEpoch: partition.leaderEpoch,
      replicaNodes: partition.replicas,
      isrNodes: partition.isr,
      offlineReplicas: [],
    })),
    topicAuthorizedOperations,
  }
}
