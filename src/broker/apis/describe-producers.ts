// DescribeProducers (key 61), version 0 (KIP-664).
//
// - The producers whose sequences a partition remembers. Without transactions nobody has an open one (−1).

import { ErrorCode } from '../../protocol/errors.ts'
import { describeProducers } from '../../protocol/messages/describe-producers.ts'
import { serve } from '../dispatcher.ts'

export const serveDescribeProducers = serve(describeProducers, [0, 0], (broker, request) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((partitionIndex) => {
      const partition = broker.partitions.get(name, partitionIndex)
      if (!partition) {
        const errorMessage = 'This server does not host this topic-partition.'
        return { partitionIndex, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, errorMessage, activeProducers: [] }
      }
      return { partitionIndex, errorCode: ErrorCode.NONE, activeProducers: partition.log.describeProducers() }
    }),
  })),
}))
