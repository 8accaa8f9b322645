// Fetch of `__cluster_metadata` by a replica of it: the request by which Raft replicates (KIP-595).
import { ErrorCode } from '../../protocol/errors.ts'
import type { fetch } from '../../protocol/messages/fetch.ts'
import type { Request, ResponseInput } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import type { Call } from '../dispatcher.ts'
import type { FetchRequest } from './message.ts'
import { FETCH_BYTES_MAX, fetchResponseBody, METADATA_TOPIC_ID, quorumError } from './raft-wire.ts'

type FetchAnswer = ResponseInput<typeof fetch>

/** The answer; undefined when the request is of another kind. */
export function serveMetadataFetch(
  broker: Broker,
  request: Request<typeof fetch>,
  call: Call,
): FetchAnswer | Promise<FetchAnswer> | undefined {
  const replicaId = Math.max(request.replicaId, request.replicaState.replicaId)
  const [topic, ...others] = request.topics
  const isMetadata = topic?.topic === CLUSTER_METADATA || topic?.topicId === METADATA_TOPIC_ID
  const [partition, ...more] = topic?.partitions ?? []
  if (replicaId < 0 || !isMetadata || !partition || others.length > 0 || more.length > 0) return undefined
  const errorCode = quorumError(broker, request.clusterId, call)
  const { currentLeaderEpoch, fetchOffset, lastFetchedEpoch, highWatermark, replicaDirectoryId } = partition
  const isImpossible =
    fetchOffset < 0 || lastFetchedEpoch < 0 || replicaId === broker.nodeId || partition.partition !== 0
  if (errorCode !== ErrorCode.NONE || isImpossible) {
    return { throttleTimeMs: 0, errorCode: errorCode || ErrorCode.INVALID_REQUEST, responses: [] }
  }
  const asked: FetchRequest = {
    type: 'fetch',
    replicaId,
    currentLeaderEpoch,
    fetchOffset,
    lastFetchedEpoch,
    highWatermark,
    directoryId: replicaDirectoryId,
  }
  const { maxWaitMs, maxBytes } = request
  const limits = { maxWaitMs, maxBytes: Math.min(maxBytes, partition.partitionMaxBytes, FETCH_BYTES_MAX) }
  const { topicId, topic: name } = topic!
  const answered = broker.quorum.serveFetch(asked, limits)
  if (!(answered instanceof Promise)) return fetchResponseBody(answered, topicId, name)
  return answered.then((response) => fetchResponseBody(response, topicId, name))
}
