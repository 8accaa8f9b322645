// OffsetForLeaderEpoch (key 23), versions 2–4 (KIP-101, KIP-320).
//
// - Where the records of a leader epoch end, and the nearest epoch at or below it that the log knows; −1 when it knows none.
// - currentLeaderEpoch is fenced. Leaders answer: NOT_LEADER_OR_FOLLOWER.
// - Needs DESCRIBE on the topic, or CLUSTER_ACTION on the cluster: TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { offsetForLeaderEpoch } from '../../protocol/messages/offset-for-leader-epoch.ts'
import type { Broker } from '../broker.ts'
import { type Call, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveOffsetForLeaderEpoch = serve(offsetForLeaderEpoch, [2, 4], (broker, request, call) => ({
  throttleTimeMs: 0,
  topics: request.topics.map(({ topic, partitions }) => ({
    topic,
    partitions: partitions.map(({ partition, currentLeaderEpoch, leaderEpoch }) => ({
      partition,
      ...(mayAsk(call, topic)
        ? endOffset(broker, topic, partition, currentLeaderEpoch, leaderEpoch)
        : { errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }),
    })),
  })),
}))

function mayAsk(call: Call, topic: string): boolean {
  return call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME) || call.may('DESCRIBE', 'TOPIC', topic)
}

function endOffset(broker: Broker, topic: string, index: number, currentLeaderEpoch: number, leaderEpoch: number) {
  const partition = broker.partitions.find(topic, index)
  if (typeof partition === 'number') return { errorCode: partition }
  const errorCode = partition.leaderError(currentLeaderEpoch)
  if (errorCode !== ErrorCode.NONE) return { errorCode }
  return { errorCode, ...partition.endOffsetForEpoch(leaderEpoch) }
}
