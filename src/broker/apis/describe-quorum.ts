// DescribeQuorum (key 55), versions 0–2 (KIP-595, KIP-836, KIP-853).
//
// - The quorum of the metadata log: its leader and epoch, the high watermark, voters and observers with the ends of their logs and when
//   they last fetched and were caught up. Only the leader knows that: any other broker asks it, NOT_LEADER_OR_FOLLOWER when there is none.
// - Anything but partition 0 of __cluster_metadata, once: UNKNOWN_TOPIC_OR_PARTITION.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - v2: the directory ids of voters and observers, and where nodes reach the voters: on a listener of their own, where clients log in in
//   vain. A broker that never was in a cluster of several has none; it tells of the listener that was asked.
// - Differs from Kafka: with one voter the leader's epoch stays 0, as there are no elections.

import { HeliostatError } from '../../platform/errors.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import { describeQuorum } from '../../protocol/messages/describe-quorum.ts'
import type { Request, ResponseInput } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'
import type { ReplicaProgress } from '../raft/leader-state.ts'
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
  const own = broker.quorum.describe()
  if (!own) return leadersKnowledge(broker, call)
  const { voters, observers, ...quorum } = own
  const told = { ...quorum, currentVoters: voters.map(replicaOf), observers: observers.map(replicaOf) }
  return answerOf(broker, call, { ...SUCCESS, ...told })
})

function replicaOf({ directoryId: replicaDirectoryId, ...progress }: ReplicaProgress) {
  return { ...progress, replicaDirectoryId }
}

type Described = Omit<ResponseInput<typeof describeQuorum>['topics'][number]['partitions'][number], 'partitionIndex'>

async function leadersKnowledge(broker: Broker, call: Call): Promise<ResponseInput<typeof describeQuorum>> {
  const { quorum } = broker
  const topics = [{ topicName: CLUSTER_METADATA, partitions: [{ partitionIndex: 0 }] }]
  try {
    const told = (await quorum.askLeader(describeQuorum, { topics })).topics[0]?.partitions[0]
    if (told) return answerOf(broker, call, told)
  } catch (error) {
    if (!(error instanceof HeliostatError)) throw error
  }
  const { leaderId, leaderEpoch } = quorum
  const errorMessage = 'No leader of the controllers answers.'
  const known = { leaderId, leaderEpoch, highWatermark: -1, currentVoters: [], observers: [] }
  return answerOf(broker, call, { errorCode: ErrorCode.NOT_LEADER_OR_FOLLOWER, errorMessage, ...known })
}

function answerOf({ quorum, image }: Broker, call: Call, described: Described): ResponseInput<typeof describeQuorum> {
  const nodes = quorum.voters.map(({ nodeId, endpoints }) => {
    const own = image.brokers.get(nodeId)?.endPoints.filter(({ name }) => name === call.listener) ?? []
    const listeners = (endpoints.length > 0 ? endpoints : own).map(({ name, host, port }) => ({ name, host, port }))
    return { nodeId, listeners }
  })
  const topics = [{ topicName: CLUSTER_METADATA, partitions: [{ ...described, partitionIndex: 0 }] }]
  return { ...SUCCESS, topics, nodes }
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
