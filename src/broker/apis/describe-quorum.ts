// DescribeQuorum (key 55), versions 0–2 (KIP-595, KIP-836, KIP-853).
//
// - The quorum of the metadata log: its leader and epoch, the high watermark, voters and observers with the ends of their logs and when
//   they last fetched and were caught up. Only the leader knows that: any other broker asks it, NOT_LEADER_OR_FOLLOWER when there is none.
// - Anything but partition 0 of __cluster_metadata, once: UNKNOWN_TOPIC_OR_PARTITION.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: with one voter the leader's epoch stays 0, as there are no elections; of the nodes, the one that answers is shown
//   with the listener that was asked, since controllers have none of their own.

import { HeliostatError } from '../../platform/errors.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { describeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { Request, ResponseInput } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'
import { metadataPartition } from '../raft/raft-wire.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

type Topics = Request<typeof describeQuorum>['topics']

const SUCCESS = { errorCode: ErrorCode.NONE, errorMessage: '' }

export const serveDescribeQuorum = serve(describeQuorum, [0, 2], (broker, request, call) => {
  if (!call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)) {
    const errorMessage = 'Cluster authorization failed.'
    return { errorCode: ErrorCode.CLUSTER_AUTHORIZATION_FAILED, errorMessage, topics: [], nodes: [] }
  }
  if (!metadataPartition(request.topics)) return { ...SUCCESS, topics: unknown(request.topics), nodes: [] }
  return ownKnowledge(broker, call) ?? leadersKnowledge(broker)
})

function ownKnowledge(broker: Broker, call: Call): ResponseInput<typeof describeQuorum> | undefined {
  const described = broker.quorum.describe()
  if (!described) return undefined
  const { voters: currentVoters, ...quorum } = described
  const partitions = [{ partitionIndex: 0, ...SUCCESS, ...quorum, currentVoters }]
  const address = broker.advertised(call.listener)
  const listeners = address ? [{ name: call.listener, ...address }] : []
  return {
    ...SUCCESS,
    topics: [{ topicName: CLUSTER_METADATA, partitions }],
    nodes: [{ nodeId: broker.nodeId, listeners }],
  }
}

async function leadersKnowledge({ quorum }: Broker): Promise<ResponseInput<typeof describeQuorum>> {
  try {
    return await quorum.askLeader(describeQuorum, {
      topics: [{ topicName: CLUSTER_METADATA, partitions: [{ partitionIndex: 0 }] }],
    })
  } catch (error) {
    if (!(error instanceof HeliostatError)) throw error
    const { leaderId, leaderEpoch } = quorum
    const errorCode = ErrorCode.NOT_LEADER_OR_FOLLOWER
    const known = { leaderId, leaderEpoch, highWatermark: -1, currentVoters: [], observers: [] }
    const partitions = [{ partitionIndex: 0, errorCode, errorMessage: error.message, ...known }]
    return { ...SUCCESS, topics: [{ topicName: CLUSTER_METADATA, partitions }], nodes: [] }
  }
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
