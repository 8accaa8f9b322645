// DescribeQuorum (key 55), versions 0–2 (KIP-595, KIP-836, KIP-853).
//
// - The quorum of the metadata log: this broker, its leader and only voter, with the end of its log. Nobody observes.
// - Anything but partition 0 of __cluster_metadata, once: UNKNOWN_TOPIC_OR_PARTITION.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: the leader's epoch stays 0, as there are no elections; the node is shown with the listener that was asked, since
//   controllers have none of their own.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

type Topics = Request<typeof describeQuorum>['topics']

export const serveDescribeQuorum = serve(describeQuorum, [0, 2], (broker, request, call) => {
  if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) {
    const errorMessage = 'Cluster authorization failed.'
    return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage, topics: [], nodes: [] }
  }
  const success = { errorCode: ErrorCode.NONE, errorMessage: '' }
  if (!namesMetadata(request.topics)) return { ...success, topics: unknown(request.topics), nodes: [] }
  const topics = [{ topicName: CLUSTER_METADATA, partitions: [{ partitionIndex: 0, ...success, ...quorum(broker) }] }]
  const address = broker.advertised(call.listener)
  const listeners = address ? [{ name: call.listener, ...address }] : []
  return { ...success, topics, nodes: [{ nodeId: broker.nodeId, listeners }] }
})

function namesMetadata(topics: Topics): boolean {
  const [topic, ...others] = topics
  const [partition, ...more] = topic?.partitions ?? []
  const isAlone = others.length === 0 && more.length === 0
  return isAlone && topic?.topicName === CLUSTER_METADATA && partition?.partitionIndex === 0
}

function unknown(topics: Topics) {
  return topics.map(({ topicName, partitions }) => ({
    topicName,
    partitions: partitions.map(({ partitionIndex }) => ({
      partitionIndex,
      errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
      errorMessage: 'This server does not host this topic-partition.',
      leaderId: 0,
      leaderEpoch: 0,
      highWatermark: 0,
      currentVoters: [],
      observers: [],
    })),
  }))
}

function quorum({ nodeId, controller, platform }: Broker) {
  const { leaderEpoch, log } = controller.partition
  const now = platform.clock.now()
  const voter = {
    replicaId: nodeId,
    logEndOffset: log.logEndOffset,
    lastFetchTimestamp: now,
    lastCaughtUpTimestamp: now,
  }
  return { leaderId: nodeId, leaderEpoch, highWatermark: log.highWatermark, currentVoters: [voter], observers: [] }
}
