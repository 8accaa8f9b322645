// Partitions on their way to other brokers (KIP-455). While a reassignment goes on the replicas are those that come and those that go;
// it ends in partition-change.ts, when all that come are in sync.

import { ErrorCode } from '../../../protocol/errors.ts'
import type { AlterPartitionReassignmentsCommand, ItemError } from './command.ts'
import { changeRecord, electionOf, type Leadership } from './leadership.ts'
import type { TopicImage } from './metadata-image.ts'
import type { MetadataRecord, PartitionRegistration } from './metadata-record.ts'
import { decideChange, type PartitionTarget } from './partition-change.ts'
import { whyInvalidAssignment } from './replica-placement.ts'
import { invalid } from './topic-creation.ts'

type Asked = AlterPartitionReassignmentsCommand['topics'][number]['partitions'][number]
type Outcome = { readonly target: PartitionTarget } | ItemError

export function isBeingReassigned({ addingReplicas, removingReplicas }: PartitionRegistration): boolean {
  return addingReplicas.length > 0 || removingReplicas.length > 0
}

/** Decides AlterPartitionReassignments (ReplicationControlManager.alterPartitionReassignments), each partition for itself. */
export function alterReassignments(leadership: Leadership, command: AlterPartitionReassignmentsCommand) {
  const { image } = leadership
  const records: MetadataRecord[] = []
  const topics = command.topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map((asked) => {
      const { partitionIndex } = asked
      const topic = image.topics.get(name)
      const partition = topic?.partitions[partitionIndex]
      if (!topic || !partition) return { partitionIndex, ...missing(topic, name, partitionIndex) }
      const outcome = reassign(leadership, topic, partition, asked, command.allowReplicationFactorChange)
      if ('errorCode' in outcome) return { partitionIndex, ...outcome }
      const change = decideChange(partition, outcome.target, (id) => image.isActive(id))
      if (change) records.push(changeRecord(topic, partition, change))
      return { partitionIndex, errorCode: ErrorCode.NONE, errorMessage: null }
    }),
  }))
  return { reply: { topics }, records }
}

function missing(topic: TopicImage | undefined, name: string, partitionIndex: number): ItemError {
  const what = topic ? `partition ${name}:${partitionIndex}` : `a topic named ${name}`
  return invalid('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find ${what}.`)
}

function reassign(
  leadership: Leadership,
  topic: TopicImage,
  partition: PartitionRegistration,
  { replicas }: Asked,
  mayChangeFactor: boolean,
): Outcome {
  if (replicas === null) return cancel(leadership, topic, partition)
  const complaint = whyInvalidAssignment([replicas], [...leadership.image.brokers.keys()])
  if (complaint !== undefined) return invalid('INVALID_REPLICA_ASSIGNMENT', complaint)
  const original = partition.replicas.filter((id) => !partition.addingReplicas.includes(id))
  if (!mayChangeFactor && replicas.length !== original.length) {
    const message = `The replication factor is changed from ${original.length} to ${replicas.length}`
    return invalid('INVALID_REPLICATION_FACTOR', message)
  }
  const inOrder = (ids: readonly number[]) => [...ids].sort((a, b) => a - b)
  // Of those that an earlier reassignment was adding, whoever is not in sync yet simply goes.
  const mustLeave = (id: number) => original.includes(id) || partition.isr.includes(id)
  const removingReplicas = inOrder(partition.replicas.filter((id) => !replicas.includes(id) && mustLeave(id)))
  const addingReplicas = inOrder(replicas.filter((id) => !original.includes(id)))
  return { target: { replicas: [...replicas, ...removingReplicas], removingReplicas, addingReplicas } }
}

/** Back to the replicas from before; those that were to come leave the ISR. */
function cancel(leadership: Leadership, topic: TopicImage, partition: PartitionRegistration): Outcome {
  if (!isBeingReassigned(partition)) {
    return { errorCode: ErrorCode.NO_REASSIGNMENT_IN_PROGRESS, errorMessage: null }
  }
  const stays = (id: number) => !partition.addingReplicas.includes(id)
  const replicas = partition.replicas.filter(stays)
  const isr = partition.isr.filter(stays)
  const target = { replicas, addingReplicas: [], removingReplicas: [] }
  if (isr.length > 0) return { target: { ...target, isr } }
  const election = electionOf(leadership, topic.name)
  if (election === 'unclean') return { target: { ...target, isr: replicas.slice(0, 1), election } }
  const message = `Unable to revert partition assignment for ${topic.name}:${partition.partitionId} because it would require an unclean leader election.`
  return invalid('INVALID_REPLICA_ASSIGNMENT', message)
}
