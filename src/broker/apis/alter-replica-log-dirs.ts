// AlterReplicaLogDirs (key 34), versions 1–2 (KIP-113).
//
// - There is one log directory, so nothing moves: a partition is there already. Another directory: LOG_DIR_NOT_FOUND. A partition that
//   is not here: UNKNOWN_TOPIC_OR_PARTITION.
// - Needs ALTER on the cluster: CLUSTER_AUTHORIZATION_FAILED for each partition.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterReplicaLogDirs } from '../../protocol/messages/alter-replica-log-dirs.ts'
import type { Broker } from '../broker.ts'
import { serve } from '../dispatcher.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

export const serveAlterReplicaLogDirs = serve(alterReplicaLogDirs, [1, 2], (broker, request, call) => {
  const mayAlter = call.may('ALTER', 'CLUSTER', CLUSTER_NAME)
  const results = request.dirs.flatMap(({ path, topics }) =>
    topics.map(({ name, partitions }) => ({
      topicName: name,
      partitions: partitions.map((partitionIndex) => ({
        partitionIndex,
        errorCode: mayAlter ? move(broker, path, name, partitionIndex) : ErrorCode.CLUSTER_AUTHORIZATION_FAILED,
      })),
    })),
  )
  return { throttleTimeMs: 0, results }
})

function move(broker: Broker, path: string, topic: string, partition: number): number {
  if (path !== broker.partitions.path) return ErrorCode.LOG_DIR_NOT_FOUND
  return broker.partitions.get(topic, partition) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}
