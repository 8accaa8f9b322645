// AlterPartitionReassignments (key 45), versions 0–1 (KIP-455). The rules are in coordinator/controller/reassignment.ts.
//
// - Gives partitions other replicas: the new ones are added, and when all of them are in sync the old ones go. No replicas: calls that
//   off, or NO_REASSIGNMENT_IN_PROGRESS. A broker that is not registered, or is named twice: INVALID_REPLICA_ASSIGNMENT.
// - No such topic or partition: UNKNOWN_TOPIC_OR_PARTITION. v1: whether the number of replicas may change (KIP-860), or
//   INVALID_REPLICATION_FACTOR.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED.
// - Differs from Kafka: a reassignment that takes the place of another forgets what that one was adding and removing.

import { alterPartitionReassignments } from '../../protocol/messages/alter-partition-reassignments.ts'
import type { ItemError } from '../coordinator/controller/command.ts'
import { invalid } from '../coordinator/controller/topic-creation.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveAlterPartitionReassignments = forwarded(
  serve(alterPartitionReassignments, [0, 1], async (broker, request, call) => {
    const { topics, allowReplicationFactorChange } = request
    const answer = { throttleTimeMs: 0, allowReplicationFactorChange }
    if (!call.may('ALTER', 'CLUSTER', CLUSTER_NAME)) {
      const refused = invalid('CLUSTER_AUTHORIZATION_FAILED', 'Cluster authorization failed.')
      const responses = topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, ...refused })),
      }))
      return { ...answer, ...refused, responses }
    }
    const command = { type: 'alter-partition-reassignments', topics, allowReplicationFactorChange } as const
    const { topics: responses } = await broker.controller.ask(command)
    return { ...answer, ...(invalid('NONE', null) satisfies ItemError), responses }
  }),
)
