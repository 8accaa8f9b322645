// AlterPartitionReassignments (key 45), versions 0–1 (KIP-455).
//
// - With one broker there is one assignment, which every partition has: giving it is no work, and no other is valid:
//   INVALID_REPLICA_ASSIGNMENT. So nothing is ever under way: cancelling is answered with NO_REASSIGNMENT_IN_PROGRESS.
// - No such topic or partition: UNKNOWN_TOPIC_OR_PARTITION. v1: whether the number of replicas may change is told back.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import type { Broker } from '../broker.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import { whyInvalidAssignment } from '../coordinator/controller/replica-placement.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const DONE: ItemError = { errorCode: ErrorCode.NONE, errorMessage: null }

export const serveAlterPartitionReassignments = serve(alterPartitionReassignments, [0, 1], (broker, request, call) => {
  const { topics, allowReplicationFactorChange } = request
  const refused = call.may('ALTER', 'CLUSTER', CLUSTER_NAME)
    ? undefined
    : invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
  const responses = topics.map(({ name, partitions }) => ({
    name,
    partitions: partitions.map(({ partitionIndex, replicas }) => {
      return { partitionIndex, ...(refused ?? reassign(broker, name, partitionIndex, replicas)) }
    }),
  }))
  return { throttleTimeMs: 0, allowReplicationFactorChange, ...(refused ?? DONE), responses }
})

function reassign({ image, nodeId }: Broker, name: string, partition: number, replicas: readonly number[] | null) {
  const topic = image.topics.get(name)
  if (!topic) return invalid('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find a topic named ${name}.`)
  if (!topic.partitions[partition]) {
    return invalid('UNKNOWN_TOPIC_OR_PARTITION', `Unable to find partition ${name}:${partition}.`)
  }
  if (replicas === null) return invalid('NO_REASSIGNMENT_IN_PROGRESS', null)
  const complaint = whyInvalidAssignment([replicas], [nodeId])
  return complaint === undefined ? DONE : invalid('INVALID_REPLICA_ASSIGNMENT', complaint)
}
