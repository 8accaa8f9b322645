// Fetch (key 1), versions 4–18.
//
// - Reads whole batches as they are stored, up to the high watermark, or for read_committed up to the last stable offset with the
//   aborted transactions of that range. The first batch is given even when it is larger than the limits (KIP-74).
// - Long poll: with fewer than minBytes readable and no error the answer waits for appends, at most maxWaitMs.
// - v7+: incremental sessions (KIP-227); the next fetch of a session ends the wait of the one before. v9+: currentLeaderEpoch is fenced
//   (KIP-320). v12+: lastFetchedEpoch finds divergence (KIP-595). v13+: topic ids (KIP-516).
// - Leaders serve; from v11 on followers too, and with replica.selector.class a consumer is sent to a replica in sync in its rack
//   (KIP-392). Otherwise NOT_LEADER_OR_FOLLOWER; v16+ with who leads and where (KIP-951).
// - A follower (replicaId ≥ 0) reads what is not committed yet, and is taken to have all before its fetch offset; with its broker epoch
//   (v15+, KIP-903) one that has restarted since is refused. One that the leader does not know: UNKNOWN_LEADER_EPOCH.
// - Needs READ on the topic: TOPIC_AUTHORIZATION_FAILED. A follower needs CLUSTER_ACTION on the cluster, and is told the same.
// - The records given to consumers count against the client's consumer_byte_rate. A client that has used it up is given an empty answer,
//   and what was read for it is read again after its pause. Kafka also empties answers of clients that are over their request_percentage.
// - Of __cluster_metadata, replicas of it are given what they need to follow its leader (KIP-595): raft/metadata-fetch.ts.
// - Left out: quotas of replication.

import { ErrorCode } from '../../protocol/errors.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type Call, serve } from '../dispatcher.ts'
import { type PartitionAnswer, type Reader, type Round, readRound } from '../fetch-round.ts'
import { type FetchPartition, type FetchSession, FINAL_EPOCH, INITIAL_EPOCH } from '../fetch-session.ts'
import { type CurrentLeader, leaderHints } from '../leader-hints.ts'
import type { Partition } from '../partition.ts'
import { serveMetadataFetch } from '../raft/metadata-fetch.ts'
import { preferredReplica, UNKNOWN_REPLICA } from '../replication/read-replica.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const FIRST_VERSION_WITH_RACK = 11
const FIRST_VERSION_WITH_HINTS = 16
const FIRST_VERSION_WITH_DIVERGING_EPOCH = 12
const FIRST_VERSION_WITH_IDS = 13
const READ_COMMITTED = 1

type FetchRequest = Request<typeof fetch>

export const serveFetch = serve(fetch, [4, 18], (broker, request, call) => {
  const ofMetadata = serveMetadataFetch(broker, request, call)
  if (ofMetadata) return ofMetadata
  const { version } = call
  const context = openContext(broker, request, version)
  if (typeof context === 'number') return { throttleTimeMs: 0, errorCode: context, responses: [] }
  const { partitions, session } = context
  const reader = readerOf(broker, request, call)
  session?.endWait()
  const round = readRound(broker.partitions, reader, partitions, true)
  const minBytes = Math.min(request.minBytes, reader.maxBytes)
  const enough = round.bytes >= minBytes || round.settled || partitions.length === 0
  if (enough || request.maxWaitMs <= 0) return respond(broker, call, context, round)
  const waitFor = partitions.flatMap(({ topic, partition }) => broker.partitions.get(topic, partition) ?? [])
  const isolation = reader.follower ? 'log_end' : reader.isolation
  const handOver = (endNow: () => void) => {
    if (session) session.endWait = endNow
  }
  return broker.purgatory
    .untilBytes(waitFor, isolation, minBytes - round.bytes, request.maxWaitMs, handOver)
    .then(() => respond(broker, call, context, readRound(broker.partitions, reader, partitions, false)))
})

function readerOf(broker: Broker, request: FetchRequest, call: Call): Reader {
  const { replicaId: brokerId, replicaEpoch: brokerEpoch } = request.replicaState
  const followerId = Math.max(request.replicaId, brokerId)
  const follower = followerId >= 0 ? { brokerId: followerId, brokerEpoch } : undefined
  const fetchMaxBytes = Math.min(request.maxBytes, broker.config.number('fetch.max.bytes'))
  const isRacked = call.version >= FIRST_VERSION_WITH_RACK
  const shared = { usesTopicIds: call.version >= FIRST_VERSION_WITH_IDS, follower }
  if (follower) {
    const mayRead = () => call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
    const reads = { isolation: 'read_uncommitted', mayReadFromFollower: false, preferredReplica: nowhereElse } as const
    return { ...shared, ...reads, maxBytes: fetchMaxBytes, mayRead }
  }
  const quota = broker.quotas.mostAtOnce('consumer_byte_rate', call.caller.principal.name, call.clientId)
  return {
    ...shared,
    isolation: request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted',
    maxBytes: Math.min(fetchMaxBytes, quota),
    mayReadFromFollower: isRacked,
    preferredReplica: isRacked
      ? (partition: Partition, fetchOffset: number) =>
          preferredReplica(broker, call.listener, request.rackId, partition, fetchOffset)
      : nowhereElse,
    mayRead: onceInARow((topic) => topic === '' || call.may('READ', 'TOPIC', topic)),
  }
}

function nowhereElse(): number {
  return UNKNOWN_REPLICA
}

/** The partitions of a topic mostly stand together, and a session may have thousands. */
function onceInARow(mayRead: (topic: string) => boolean): (topic: string) => boolean {
  let last: string | undefined
  let answer = false
  return (topic) => {
    if (topic !== last) answer = mayRead(topic)
    last = topic
    return answer
  }
}

interface Context {
  readonly partitions: readonly FetchPartition[]
  /** Remembers between fetches; absent when the client wants none or there was no room. */
  readonly session: FetchSession | undefined
  /** Whether the answer leaves out what the client knows. */
  readonly incremental: boolean
  readonly isFollower: boolean
}

function openContext(broker: Broker, request: FetchRequest, version: number): Context | number {
  const usesTopicIds = version >= FIRST_VERSION_WITH_IDS
  const requested = requestedPartitions(broker, request, usesTopicIds)
  const isFollower = request.replicaId >= 0 || request.replicaState.replicaId >= 0
  const now = broker.platform.clock.now()
  const { sessionId, sessionEpoch } = request
  if (sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH) {
    if (sessionId !== 0) broker.fetchSessions.close(sessionId)
    const wanted = sessionEpoch === INITIAL_EPOCH && version >= 7 && requested.length > 0
    const session = wanted ? broker.fetchSessions.open(usesTopicIds, requested.length, now) : undefined
    session?.update(requested, [])
    return { partitions: requested, session, incremental: false, isFollower }
  }
  const session = broker.fetchSessions.resume(sessionId, sessionEpoch, usesTopicIds, now)
  if (typeof session === 'number') return session
  const forgotten = request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => ({ topicKey: usesTopicIds ? topicId : topic, partition })),
  )
  session.update(requested, forgotten)
  return { partitions: session.partitions(), session, incremental: true, isFollower }
}

function requestedPartitions(broker: Broker, request: FetchRequest, usesTopicIds: boolean): FetchPartition[] {
  return request.topics.flatMap(({ topic, topicId, partitions }) => {
    const name = usesTopicIds ? (broker.image.topicById(topicId)?.name ?? '') : topic
    return partitions.map((asked) => ({
      topic: name,
      topicId,
      partition: asked.partition,
      fetchOffset: asked.fetchOffset,
      maxBytes: asked.partitionMaxBytes,
      currentLeaderEpoch: asked.currentLeaderEpoch,
      lastFetchedEpoch: asked.lastFetchedEpoch,
      logStartOffset: asked.logStartOffset,
    }))
  })
}

function respond(broker: Broker, call: Call, { session, incremental, isFollower }: Context, { answers, bytes }: Round) {
  if (!isFollower && isOverQuota(broker, call, bytes)) {
    // The session of a full fetch begins only with its first answer.
    if (session && !incremental) broker.fetchSessions.close(session.id)
    const sessionId = session && incremental ? session.id : 0
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, sessionId, responses: [] }
  }
  const told = answers.filter((answer) => {
    const { errorCode, highWatermark, logStartOffset, bytes, divergingEpoch, preferredReadReplica } = answer
    const diverges = divergingEpoch !== undefined || preferredReadReplica !== UNKNOWN_REPLICA
    const news = session?.isNews(answer.asked, { errorCode, highWatermark, logStartOffset, bytes, diverges }) ?? true
    return news || !incremental
  })
  const { responses, nodeEndpoints } = grouped(broker, call, told)
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, sessionId: session?.id ?? 0, responses, nodeEndpoints }
}

/** Whoever came to the wrong broker is told who leads. */
function grouped(broker: Broker, { version, listener }: Call, told: readonly PartitionAnswer[]) {
  const misled = version >= FIRST_VERSION_WITH_HINTS ? told.filter(isMisled) : []
  const asked = misled.map(({ asked }) => asked)
  const { leaders, nodeEndpoints } = leaderHints(broker, listener, asked)
  const byAnswer = new Map(misled.map((answer, index) => [answer, leaders[index]]))
  return { responses: groupedByTopic(told, version, (answer) => byAnswer.get(answer)), nodeEndpoints }
}

function isMisled({ errorCode }: PartitionAnswer): boolean {
  return errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER || errorCode === ErrorCode.FENCED_LEADER_EPOCH
}

function isOverQuota({ quotas, platform }: Broker, call: Call, bytes: number): boolean {
  const { principal } = call.caller
  const nowMs = platform.clock.monotonic()
  const pauseMs = quotas.record('consumer_byte_rate', principal.name, call.clientId, bytes, nowMs)
  if (pauseMs === 0) return false
  quotas.unrecord('consumer_byte_rate', principal.name, call.clientId, bytes, nowMs)
  call.pause(pauseMs)
  return true
}

function groupedByTopic(
  answers: readonly PartitionAnswer[],
  version: number,
  leaderFor: (answer: PartitionAnswer) => CurrentLeader | undefined,
) {
  const topics = new Map<string, { topic: string; topicId: string; partitions: ReturnType<typeof partitionData>[] }>()
  for (const answer of answers) {
    const { topic, topicId } = answer.asked
    const key = version >= FIRST_VERSION_WITH_IDS ? topicId : topic
    const group = topics.get(key) ?? { topic, topicId, partitions: [] }
    topics.set(key, group)
    group.partitions.push(partitionData(answer, version, leaderFor(answer)))
  }
  return [...topics.values()]
}

function partitionData(answer: PartitionAnswer, version: number, currentLeader: CurrentLeader | undefined) {
  const { asked, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = answer
  return {
    partitionIndex: asked.partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    records,
    preferredReadReplica: answer.preferredReadReplica,
    ...(currentLeader && { currentLeader }),
    // A session that began in a newer version may go on in one that cannot carry it.
    ...(version >= FIRST_VERSION_WITH_DIVERGING_EPOCH &&
      answer.divergingEpoch && { divergingEpoch: answer.divergingEpoch }),
  }
}
