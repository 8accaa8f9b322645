// Raft's messages in Kafka's: all speak of partition 0 of `__cluster_metadata` alone.
import type { Address } from '../../platform/platform.ts'
import { ErrorCode } from '../../protocol/errors.ts'
import type { beginQuorumEpoch } from '../../protocol/messages/begin-quorum-epoch.ts'
import type { endQuorumEpoch } from '../../protocol/messages/end-quorum-epoch.ts'
import type { fetch } from '../../protocol/messages/fetch.ts'
import type { updateRaftVoter } from '../../protocol/messages/update-raft-voter.ts'
import type { vote } from '../../protocol/messages/vote.ts'
import type { Request, RequestInput, Response, ResponseInput } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { CLUSTER_METADATA } from '../coordinator/controller/topic-name.ts'
import type { Call } from '../dispatcher.ts'
import { INTERNAL_LISTENER } from '../listeners/internal-listener.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'
import {
  type BeginQuorumEpochRequest,
  type EndQuorumEpochRequest,
  type Fetched,
  type FetchRequest,
  NOBODY,
  type OffsetAndEpoch,
  type RaftResponse,
  type UpdateVoterRequest,
  type VoteRequest,
} from './message.ts'

/** Kafka's own id for its metadata topic. */
export const METADATA_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAQ'
/** As Kafka asks for: the largest batch of the log fits. */
export const FETCH_BYTES_MAX = 8 * 1024 * 1024

const PARTITION = 0

export function voteBody(request: VoteRequest, clusterId: string, voterId: number): RequestInput<typeof vote> {
  const { replicaId, replicaEpoch, last, preVote } = request
  const asked = { replicaId, replicaEpoch, lastOffset: last.offset, lastOffsetEpoch: last.epoch, preVote }
  return { clusterId, voterId, topics: ofMetadata({ partitionIndex: PARTITION, ...asked }) }
}

export function beginBody(request: BeginQuorumEpochRequest, clusterId: string, voterId: number) {
  const { leaderId, leaderEpoch, leaderEndpoint } = request
  const topics = ofMetadata({ partitionIndex: PARTITION, leaderId, leaderEpoch })
  const leaderEndpoints = leaderEndpoint ? [{ name: INTERNAL_LISTENER, ...leaderEndpoint }] : []
  return { clusterId, voterId, topics, leaderEndpoints } satisfies RequestInput<typeof beginQuorumEpoch>
}

export function endBody(request: EndQuorumEpochRequest, clusterId: string) {
  const { leaderId, leaderEpoch, preferredSuccessors } = request
  const preferredCandidates = preferredSuccessors.map((candidateId) => ({ candidateId, candidateDirectoryId: NO_ID }))
  const resigning = { leaderId, leaderEpoch, preferredSuccessors: [...preferredSuccessors], preferredCandidates }
  const topics = ofMetadata({ partitionIndex: PARTITION, ...resigning })
  return { clusterId, topics, leaderEndpoints: [] } satisfies RequestInput<typeof endQuorumEpoch>
}

export function updateBody(request: UpdateVoterRequest, clusterId: string): RequestInput<typeof updateRaftVoter> {
  const { currentLeaderEpoch, voter } = request
  const { nodeId: voterId, directoryId: voterDirectoryId, endpoints, kRaftVersionFeature } = voter
  return { clusterId, currentLeaderEpoch, voterId, voterDirectoryId, listeners: [...endpoints], kRaftVersionFeature }
}

export function fetchBody(request: FetchRequest, clusterId: string, maxWaitMs: number): RequestInput<typeof fetch> {
  const { replicaId, currentLeaderEpoch, fetchOffset, lastFetchedEpoch, highWatermark } = request
  const partition = {
    partition: PARTITION,
    currentLeaderEpoch,
    fetchOffset,
    lastFetchedEpoch,
    partitionMaxBytes: FETCH_BYTES_MAX,
    highWatermark: Math.max(0, highWatermark),
    replicaDirectoryId: request.directoryId,
  }
  return {
    clusterId,
    replicaState: { replicaId, replicaEpoch: -1 },
    maxWaitMs,
    minBytes: 1,
    maxBytes: FETCH_BYTES_MAX,
    topics: [{ topic: CLUSTER_METADATA, topicId: METADATA_TOPIC_ID, partitions: [partition] }],
    forgottenTopicsData: [],
  }
}

type Leader = { readonly errorCode: number; readonly leaderId: number; readonly leaderEpoch: number }

/** Of Vote, BeginQuorumEpoch and EndQuorumEpoch. */
export function answerOf(
  response: Response<typeof vote> | Response<typeof beginQuorumEpoch> | Response<typeof endQuorumEpoch>,
): RaftResponse {
  const partition = response.topics[0]?.partitions[0] as (Leader & { readonly voteGranted?: boolean }) | undefined
  if (response.errorCode !== ErrorCode.NONE || !partition) return failed(response.errorCode)
  const { errorCode, leaderId, leaderEpoch, voteGranted = false } = partition
  return { errorCode, leaderId, leaderEpoch, leaderEndpoint: endpointIn(response, leaderId), voteGranted }
}

export function updateAnswerOf({ errorCode, currentLeader }: Response<typeof updateRaftVoter>): RaftResponse {
  const { leaderId, leaderEpoch, host, port } = currentLeader
  return { errorCode, leaderId, leaderEpoch, leaderEndpoint: host === '' ? undefined : { host, port } }
}

export function fetchAnswerOf(response: Response<typeof fetch>): RaftResponse {
  const partition = response.responses[0]?.partitions[0]
  if (response.errorCode !== ErrorCode.NONE || !partition) return failed(response.errorCode)
  const { errorCode, currentLeader, highWatermark, logStartOffset, divergingEpoch, snapshotId } = partition
  const { leaderId, leaderEpoch } = currentLeader
  const known = { errorCode, leaderId, leaderEpoch, leaderEndpoint: endpointIn(response, leaderId) }
  if (errorCode !== ErrorCode.NONE) return known
  const fetched: Fetched = {
    highWatermark,
    logStartOffset,
    records: Buffer.concat(partition.records ?? []),
    ...(divergingEpoch.epoch >= 0 && { diverging: { offset: divergingEpoch.endOffset, epoch: divergingEpoch.epoch } }),
    ...(snapshotId.epoch >= 0 && { snapshotId: { offset: snapshotId.endOffset, epoch: snapshotId.epoch } }),
  }
  return { ...known, fetched }
}

function endpointIn(
  { nodeEndpoints }: { readonly nodeEndpoints: readonly (Address & { readonly nodeId: number })[] },
  leaderId: number,
): Address | undefined {
  const endpoint = nodeEndpoints.find(({ nodeId }) => nodeId === leaderId)
  return endpoint && { host: endpoint.host, port: endpoint.port }
}

/** It says nothing of a leader. */
function failed(errorCode: number): RaftResponse {
  return {
    errorCode: errorCode === ErrorCode.NONE ? ErrorCode.INVALID_REQUEST : errorCode,
    leaderId: NOBODY,
    leaderEpoch: NOBODY,
  }
}

/** Whether the caller may take part in the quorum of this cluster. */
export function quorumError(broker: Broker, clusterId: string | null, call: Call): number {
  if (!call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)) return ErrorCode.CLUSTER_AUTHORIZATION_FAILED
  return clusterId === null || clusterId === broker.clusterId ? ErrorCode.NONE : ErrorCode.INCONSISTENT_CLUSTER_ID
}

/** Vote and BeginQuorumEpoch say to whom they speak: nothing was asked of this node if that is another. */
export function refusedStray({ nodeId, quorum }: Broker, voterId: number) {
  if (voterId < 0 || voterId === nodeId) return undefined
  const { leaderId, leaderEpoch } = quorum
  return responseBody({ errorCode: ErrorCode.INVALID_VOTER_KEY, leaderId, leaderEpoch })
}

/** The one partition that a request may speak of; undefined when it speaks of anything else. */
export function metadataPartition<Partition extends { readonly partitionIndex: number }>(
  topics: readonly { readonly topicName: string; readonly partitions: readonly Partition[] }[],
): Partition | undefined {
  const [topic, ...others] = topics
  const [partition, ...more] = topic?.partitions ?? []
  const isAlone = others.length === 0 && more.length === 0
  return isAlone && topic?.topicName === CLUSTER_METADATA && partition?.partitionIndex === PARTITION
    ? partition
    : undefined
}

export function voteRequestOf(partition: Request<typeof vote>['topics'][number]['partitions'][number]): VoteRequest {
  const { replicaId, replicaEpoch, lastOffset, lastOffsetEpoch, preVote } = partition
  return { type: 'vote', replicaId, replicaEpoch, last: { offset: lastOffset, epoch: lastOffsetEpoch }, preVote }
}

export function endRequestOf(
  partition: Request<typeof endQuorumEpoch>['topics'][number]['partitions'][number],
): EndQuorumEpochRequest {
  const { leaderId, leaderEpoch, preferredSuccessors, preferredCandidates } = partition
  const successors =
    preferredCandidates.length > 0 ? preferredCandidates.map(({ candidateId }) => candidateId) : preferredSuccessors
  return { type: 'end-quorum-epoch', leaderId, leaderEpoch, preferredSuccessors: successors }
}

/** Of Vote, BeginQuorumEpoch and EndQuorumEpoch. */
export function responseBody(response: RaftResponse) {
  const { errorCode, leaderId, leaderEpoch, voteGranted = false } = response
  const partition = { partitionIndex: PARTITION, errorCode, leaderId, leaderEpoch, voteGranted }
  return { errorCode: ErrorCode.NONE, topics: ofMetadata(partition), nodeEndpoints: leaderEndpoints(response) }
}

/** Where the leader is, for those who do not know. */
function leaderEndpoints({ leaderId: nodeId, leaderEndpoint }: RaftResponse) {
  return leaderEndpoint ? [{ nodeId, ...leaderEndpoint }] : []
}

export function fetchResponseBody(response: RaftResponse, topicId: string, topic: string): ResponseInput<typeof fetch> {
  const { errorCode, leaderId, leaderEpoch, fetched } = response
  const partition = {
    partitionIndex: PARTITION,
    errorCode,
    highWatermark: fetched?.highWatermark ?? -1,
    logStartOffset: fetched?.logStartOffset ?? -1,
    currentLeader: { leaderId, leaderEpoch },
    ...(fetched?.diverging && { divergingEpoch: endOf(fetched.diverging) }),
    ...(fetched?.snapshotId && { snapshotId: endOf(fetched.snapshotId) }),
    abortedTransactions: null,
    records: fetched ? [fetched.records] : [],
  }
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    sessionId: 0,
    responses: [{ topic, topicId, partitions: [partition] }],
    nodeEndpoints: leaderEndpoints(response),
  }
}

function endOf({ offset, epoch }: OffsetAndEpoch) {
  return { endOffset: offset, epoch }
}

function ofMetadata<Partition>(partition: Partition) {
  return [{ topicName: CLUSTER_METADATA, partitions: [partition] }]
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
