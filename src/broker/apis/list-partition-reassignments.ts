// ListPartitionReassignments (key 46), version 0 (KIP-455).
//
// - The partitions that are being reassigned, of all topics or of those asked for, with the replicas that come and those that go.
// - Needs DESCRIBE on the cluster: CLUSTER_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { listPartitionReassignments } from '../../protocol/messages/list-partition-reassignments.ts'
import type { Broker } from '../broker.ts'
import { isBeingReassigned } from '../coordinator/controller/reassignment.ts'
import { forwarded, serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveListPartitionReassignments = forwarded(
  serve(listPartitionReassignments, [0, 0], (broker, request, call) => {
    const mayDescribe = call.may('DESCRIBE', 'CLUSTER', CLUSTER_NAME)
    return {
      throttleTimeMs: 0,
      errorCode: mayDescribe ? ErrorCode.NONE : ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
      errorMessage: mayDescribe ? null : 'Cluster authorization failed.',
      topics: mayDescribe ? underWay(broker, request.topics) : [],
    }
  }),
)

function underWay({ image }: Broker, asked: readonly { name: string; partitionIndexes: readonly number[] }[] | null) {
  const wanted = asked ?? [...image.topics.keys()].map((name) => ({ name, partitionIndexes: undefined }))
  return wanted.flatMap(({ name, partitionIndexes }) => {
    const moving = (image.topics.get(name)?.partitions ?? []).filter((partition) => {
      return isBeingReassigned(partition) && (partitionIndexes?.includes(partition.partitionId) ?? true)
    })
    const partitions = moving.map(({ partitionId, replicas, addingReplicas, removingReplicas }) => {
      return { partitionIndex: partitionId, replicas, addingReplicas, removingReplicas }
    })
    return partitions.length === 0 ? [] : [{ name, partitions }]
  })
}
