// What a cluster says about itself: nodes, topics, leaders. Pure: a snapshot and an answer give the next snapshot.
//
// Invariants:
// 1. A partition's leader epoch never goes back while its topic keeps its id: a node that lags behind may not undo what a
//    fresher one said.
// 2. `topics` and `topicNames` hold the same topics. A snapshot is never changed, so it can be walked while the next arrives.
// 3. What did not change is the same object in the next snapshot, up to all `topics`: of a cluster at rest that is asked again and again
//    nothing is kept anew, and who compares need not look further.
import { ErrorCode } from '../protocol/errors.ts'
import type { metadata } from '../protocol/messages/metadata.ts'
import { type Response, ZERO_UUID } from '../protocol/schema.ts'

export interface NodeMetadata {
  readonly nodeId: number
  readonly host: string
  readonly port: number
  readonly rack: string | null
}

/** In the words of the answer: without a leader at the moment `leaderId` is −1; `leaderEpoch` −1: the broker does not tell. */
type PartitionMetadata = Pick<
  TopicAnswer['partitions'][number],
  'partitionIndex' | 'leaderId' | 'leaderEpoch' | 'replicaNodes' | 'isrNodes' | 'errorCode'
>

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
  const told: Told[] = []
  for (const topic of answer.topics)
    if (topic.name !== null) told.push([topic.name, mergeTopic(known.topics.get(topic.name), topic)])
  return {
    clusterId: answer.clusterId ?? known.clusterId,
    controllerId: answer.controllerId,
    nodes: new Map(answer.brokers.map((broker) => [broker.nodeId, broker])),
    ...mergeTopics(known, told, complete),
  }
}

type Topics = Pick<ClusterMetadata, 'topics' | 'topicNames'>
/** Undefined: there is no such topic. */
type Told = readonly [name: string, topic: TopicMetadata | undefined]

function mergeTopics(known: Topics, told: readonly Told[], complete: boolean): Topics {
  const isNews = told.some(([name, topic]) => topic !== known.topics.get(name))
  const areGone = complete && told.length < known.topics.size
  if (!isNews && !areGone) return { topics: known.topics, topicNames: known.topicNames } // invariant 3
  const topics = new Map(complete ? [] : known.topics)
  for (const [name, topic] of told)
    if (topic) topics.set(name, topic)
    else topics.delete(name)
  const named = [...topics.values()].filter(({ topicId }) => topicId !== ZERO_UUID)
  return { topics, topicNames: new Map(named.map(({ topicId, name }) => [topicId, name])) }
}

/** Undefined: there is no such topic. Another error says nothing about the topic, and what was known of it stays. */
function mergeTopic(known: TopicMetadata | undefined, answer: TopicAnswer): TopicMetadata | undefined {
  if (answer.errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION) return undefined
  if (answer.errorCode === ErrorCode.INVALID_TOPIC_EXCEPTION) return undefined
  if (answer.errorCode !== ErrorCode.NONE && answer.partitions.length === 0) return known
  const { topicId, isInternal: internal } = answer
  const same = known?.topicId === topicId ? known : undefined
  const isKnown = (told: PartitionMetadata) => saysNothingNew(told, same?.partitions[told.partitionIndex])
  const isWhole = same?.internal === internal && same.partitions.length === answer.partitions.length
  if (isWhole && answer.partitions.every(isKnown)) return same // invariant 3
  const partitions = answer.partitions.map((told) => (isKnown(told) ? same!.partitions[told.partitionIndex]! : told))
  partitions.sort((a, b) => a.partitionIndex - b.partitionIndex)
  return { name: answer.name!, topicId, internal, partitions }
}

/** It is older (invariant 1), or the same. */
function saysNothingNew(told: PartitionMetadata, known: PartitionMetadata | undefined): boolean {
  if (!known) return false
  if (told.leaderEpoch >= 0 && told.leaderEpoch < known.leaderEpoch) return true
  const isSameLeader = told.leaderId === known.leaderId && told.leaderEpoch === known.leaderEpoch
  const isSameState = isSameLeader && told.errorCode === known.errorCode
  return isSameState && areSame(told.replicaNodes, known.replicaNodes) && areSame(told.isrNodes, known.isrNodes)
}

function areSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((nodeId, at) => nodeId === b[at])
}
