// DescribeProducers (key 61), version 0 (KIP-664).
//
// - The producers whose sequences a partition remembers, and where their open transaction began (−1: none is open).
// - Any replica answers; a broker without one: NOT_LEADER_OR_FOLLOWER.
// - Needs READ on the topic: TOPIC_AUTHORIZATION_FAILED. A name that no topic can have: INVALID_TOPIC_EXCEPTION.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeProducers } from '../../protocol/messages/describe-producers.ts'
import { whyInvalidName } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'

export const serveDescribeProducers = serve(describeProducers, [0, 0], (broker, request, call) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const refusal = refusalOf(call, name)
      if (refusal) return { partitionIndex, ...refusal, activeProducers: [] }
      const partition = broker.partitions.find(name, partitionIndex)
      if (typeof partition === 'number') {
        // As Kafka, which says so only of the topic.
        const errorMessage = broker.image.topics.has(name) ? null : 'This server does not host this topic-partition.'
        return { partitionIndex, errorCode: partition, errorMessage, activeProducers: [] }
      }
      return { partitionIndex, errorCode: ErrorCode.NONE, activeProducers: partition.log.describeProducers() }
    }),
  })),
}))

function refusalOf(call: Call, topic: string): { errorCode: number; errorMessage: string } | undefined {
  const complaint = whyInvalidName(topic)
  if (complaint !== undefined) return { errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION, errorMessage: complaint }
  if (call.may('READ', 'TOPIC', topic)) return undefined
  return { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, errorMessage: 'Topic authorization failed.' }
}
