// DescribeTopicPartitions (key 75), version 0 (KIP-966).
//
// - Topics in the order of their names, page by page: at most responsePartitionLimit partitions (and max.request.partition.size.limit),
//   then a cursor to go on from. No topics named: all.
// - Left out: eligible leader replicas, which come with replication: none. Java's Admin cannot read null there.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic, whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'
import { type TopicListing, topicListing } from '../topic-listing.ts'

interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

const NO_ELIGIBLE_REPLICAS = { eligibleLeaderReplicas: [], lastKnownElr: [] }

export const serveDescribeTopicPartitions = serve(describeTopicPartitions, [0, 0], (broker, request) => {
  const { cursor } = request
  const limit = broker.config.number('max.request.partition.size.limit')
  let room = Math.max(1, Math.min(request.responsePartitionLimit, limit))
  const topics: TopicListing[] = []
  let nextCursor: Cursor | null = null
  for (const name of names(broker, request.topics, cursor)) {
    const listing = list(broker, name)
    const from = cursor?.topicName === name ? Math.max(cursor.partitionIndex, 0) : 0
    const page = listing.partitions
      .slice(from, from + room)
      .map((partition) => ({ ...partition, ...NO_ELIGIBLE_REPLICAS }))
    room -= page.length
    topics.push({ ...listing, partitions: page })
    if (from + page.length < listing.partitions.length) {
      nextCursor = { topicName: name, partitionIndex: from + page.length }
      break
    }
  }
  return { throttleTimeMs: 0, topics, nextCursor }
})

function names(broker: Broker, asked: readonly { name: string }[], cursor: Cursor | null): string[] {
  const all = asked.length === 0 ? [...broker.image.topics.keys()] : [...new Set(asked.map(({ name }) => name))]
  return all.filter((name) => cursor === null || name >= cursor.topicName).sort()
}

function list(broker: Broker, name: string): TopicListing {
  const topic = broker.image.topics.get(name)
  if (topic) return topicListing(topic, true)
  const invalid = whyInvalidName(name) !== undefined
  const errorCode = invalid ? ErrorCode.INVALID_TOPIC_EXCEPTION : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const empty = { name, topicId: ZERO_UUID, isInternal: isInternalTopic(name), partitions: [] }
  return { ...empty, errorCode, topicAuthorizedOperations: authorizedOperations('topic', true) }
}
