// DescribeTopicPartitions (key 75), version 0 (KIP-966).
//
// - Topics in the order of their names, page by page: at most responsePartitionLimit partitions (and max.request.partition.size.limit),
//   then a cursor to go on from. No topics named: all. A cursor below zero, or at a topic that is not asked for: INVALID_REQUEST for all.
// - Needs DESCRIBE on the topic: TOPIC_AUTHORIZATION_FAILED, outside of the paging, for what is named; what is not is left out.
// - Left out: eligible leader replicas (KIP-966): none. Java's Admin cannot read null there.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeTopicPartitions } from '../../protocol/messages/describe-topic-partitions.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { authorizedOperations, NOT_REQUESTED } from '../authorized-operations.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic, whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'
import { type TopicListing, topicListing } from '../topic-listing.ts'

interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

const NO_ELIGIBLE_REPLICAS = { eligibleLeaderReplicas: [], lastKnownElr: [] }

export const serveDescribeTopicPartitions = serve(describeTopicPartitions, [0, 0], (broker, request, call) => {
  const { cursor } = request
  if (cursor !== null && isStray(cursor, request.topics)) return refuseAll(request.topics)
  const limit = broker.config.number('max.request.partition.size.limit')
  let room = Math.max(1, Math.min(request.responsePartitionLimit, limit))
  const topics: TopicListing[] = []
  let nextCursor: Cursor | null = null
  const asked = names(broker, request.topics, cursor)
  const isVisible = (name: string) => call.may('DESCRIBE', 'TOPIC', name)
  for (const name of asked.filter(isVisible)) {
    if (room === 0) {
      nextCursor = { topicName: name, partitionIndex: 0 }
      break
    }
    const listing = list(broker, call, name)
    const from = cursor?.topicName === name ? cursor.partitionIndex : 0
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
  const hidden = request.topics.length === 0 ? [] : asked.filter((name) => !isVisible(name))
  return { throttleTimeMs: 0, topics: [...topics, ...hidden.map(refusal)], nextCursor }
})

/** A cursor goes on inside what is asked for. */
function isStray({ topicName, partitionIndex }: Cursor, asked: readonly { name: string }[]): boolean {
  return partitionIndex < 0 || (asked.length > 0 && asked.every(({ name }) => name !== topicName))
}

function refuseAll(asked: readonly { name: string }[]) {
  const topics = asked.map(({ name }) => ({ ...refusal(name), errorCode: ErrorCode.INVALID_REQUEST }))
  return { throttleTimeMs: 0, topics, nextCursor: null }
}

function names(broker: Broker, asked: readonly { name: string }[], cursor: Cursor | null): string[] {
  const all = asked.length === 0 ? [...broker.image.topics.keys()] : [...new Set(asked.map(({ name }) => name))]
  return all.filter((name) => cursor === null || name >= cursor.topicName).sort()
}

function refusal(name: string) {
  const errorCode = ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return {
    errorCode,
    name,
    topicId: ZERO_UUID,
    isInternal: false,
    partitions: [],
    topicAuthorizedOperations: NOT_REQUESTED,
  }
}

function list(broker: Broker, call: Call, name: string): TopicListing {
  const topic = broker.image.topics.get(name)
  const operations = authorizedOperations(call, 'TOPIC', name, true)
  if (topic) return topicListing(broker.image, call.listener, topic, operations)
  const invalid = whyInvalidName(name) !== undefined
  const errorCode = invalid ? ErrorCode.INVALID_TOPIC_EXCEPTION : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  const empty = { name, topicId: ZERO_UUID, isInternal: isInternalTopic(name), partitions: [] }
  return { ...empty, errorCode, topicAuthorizedOperations: operations }
}
