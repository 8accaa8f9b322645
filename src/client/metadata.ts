// What a cluster says about itself: nodes, topics, leaders. Pure: a snapshot and an answer give the next snapshot.
//
// Invariants:
// 1. A partition's leader epoch never goes back while its topic keeps its id: a node that lags behind may not undo what a
//    fresher one said.
// 2. `topics` and `topicNames` hold the same topics. A snapshot is never changed, so it can be walked while the next arrives.
import { ErrorCode } from '../protocol/errors.ts'
import type { metadata } from '../protocol/messages/metadata.ts'
import { type Response, ZERO_UUID } from '../protocol/schema.ts'

export interface NodeMetadata {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

interface PartitionMetadata {
  readonly partition: number
  /** −1: no leader at the moment. */
  readonly leaderId: number
  /** −1: the broker does not tell. */
  readonly leaderEpoch: number
  readonly replicas: readonly number[]
  readonly isr: readonly number[]
  /** An error code. */
  readonly error: number
}

export interface TopicMetadata {
  readonly name: string
  /** ZERO_UUID: the broker does not tell. */
  readonly topicId: string
  readonly internal: boolean
  /** By partition number. */
  readonly partitions: readonly PartitionMetadata[]
}

export interface ClusterMetadata {
  readonly clusterId: string | null
  readonly controllerId: number
  readonly nodes: ReadonlyMap<number, NodeMetadata>
  readonly topics: ReadonlyMap<string, TopicMetadata>
  /** From topic id to name. */
  readonly topicNames: ReadonlyMap<string, string>
}

export const NO_METADATA: ClusterMetadata = {
  clusterId: null,
  controllerId: -1,
  nodes: new Map(),
  topics: new Map(),
  topicNames: new Map(),
}

type Answer = Response<typeof metadata>
type TopicAnswer = Answer['topics'][number]

/** `complete`: the answer lists all topics, so those that it leaves out are gone. */
export function mergeMetadata(known: ClusterMetadata, answer: Answer, complete: boolean): ClusterMetadata {
  const topics = new Map(complete ? [] : known.topics)
  for (const topic of answer.topics) {
    if (topic.name === null) continue
    const merged = mergeTopic(known.topics.get(topic.name), topic)
    if (merged) topics.set(topic.name, merged)
    else topics.delete(topic.name)
  }
  const named = [...topics.values()].filter(({ topicId }) => topicId !== ZERO_UUID)
  return {
    clusterId: answer.clusterId ?? known.clusterId,
    controllerId: answer.controllerId,
    nodes: new Map(answer.brokers.map((broker) => [broker.nodeId, broker])),
    topics,
    topicNames: new Map(named.map(({ topicId, name }) => [topicId, name])),
  }
}

/** Undefined: there is no such topic. Another error says nothing about the topic, and what was known of it stays. */
function mergeTopic(known: TopicMetadata | undefined, answer: TopicAnswer): TopicMetadata | undefined {
  if (answer.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return undefined
  if (answer.errorCode === ErrorCode.INVALID_TOPIC_EXCEPTION) return undefined
  if (answer.errorCode !== ErrorCode.NONE && answer.partitions.length === 0) return known
  const sameTopic = known?.topicId === answer.topicId
  const partitions = answer.partitions.map((partition) => {
    const before = sameTopic ? known?.partitions[partition.partitionIndex] : undefined
    return mergePartition(before, partition)
  })
  partitions.sort((a, b) => a.partition - b.partition)
  return { name: answer.name!, topicId: answer.topicId, internal: answer.isInternal, partitions }
}

function mergePartition(
  known: PartitionMetadata | undefined,
  answer: TopicAnswer['partitions'][number],
): PartitionMetadata {
  if (known && answer.leaderEpoch >= 0 && answer.leaderEpoch < known.leaderEpoch) return known // invariant 1
  const { partitionIndex: partition, leaderId, leaderEpoch, replicaNodes, isrNodes, errorCode } = answer
  return { partition, leaderId, leaderEpoch, replicas: replicaNodes, isr: isrNodes, error: errorCode }
}
