// Fetch (key 1), versions 4–18.
//
// - Reads whole batches as they are stored, up to the high watermark, or for read_committed up to the last stable offset with the
//   aborted transactions of that range. The first batch is given even when it is larger than the limits (KIP-74).
// - Long poll: with fewer than minBytes readable and no error the answer waits for appends, at most maxWaitMs.
// - v7+: incremental sessions (KIP-227). v9+: currentLeaderEpoch is fenced (KIP-320). v11+: the preferred replica is
//   always −1, as only leaders serve. v12+: lastFetchedEpoch finds divergence (KIP-595). v13+: topic ids (KIP-516).
// - v16+: no node endpoints, as leaders do not move.
// - Needs READ on the topic: TOPIC_AUTHORIZATION_FAILED. A follower needs CLUSTER_ACTION on the cluster, and is told the same.
// - The records given count against the client's consumer_byte_rate. A client that has used it up is given an empty answer, and what was
//   read for it is read again after its pause. Kafka also empties answers of clients that are over their request_percentage.
// - Left out: fetches of followers (replicaId ≥ 0), which wait for replication: NOT_LEADER_OR_FOLLOWER.

import { ErrorCode } from '../../protocol/errors.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type Call, serve } from '../dispatcher.ts'
import { type PartitionAnswer, type Reader, type Round, readRound } from '../fetch-round.ts'
import { type FetchPartition, type FetchSession, FINAL_EPOCH, INITIAL_EPOCH } from '../fetch-session.ts'
import { CLUSTER_NAME } from '../security/authorizer.ts'

const FIRST_VERSION_WITH_DIVERGING_EPOCH = 12
const FIRST_VERSION_WITH_IDS = 13
const READ_COMMITTED = 1

type FetchRequest = Request<typeof fetch>

export const serveFetch = serve(fetch, [4, 18], (broker, request, call) => {
  const { version } = call
  const context = openContext(broker, request, version)
  if (typeof context === 'number') return { throttleTimeMs: 0, errorCode: context, responses: [] }
  const { partitions } = context
  const reader = readerOf(broker, request, call)
  const round = readRound(broker.partitions, reader, partitions)
  const minBytes = Math.min(request.minBytes, reader.maxBytes)
  const enough = round.bytes >= minBytes || round.settled || partitions.length === 0
  if (enough || request.maxWaitMs <= 0) return respond(broker, call, context, round)
  const waitFor = partitions.flatMap(({ topic, partition }) => broker.partitions.get(topic, partition) ?? [])
  return broker.purgatory
    .untilBytes(waitFor, reader.isolation, minBytes - round.bytes, request.maxWaitMs)
    .then(() => respond(broker, call, context, readRound(broker.partitions, reader, partitions)))
})

function readerOf(broker: Broker, request: FetchRequest, call: Call): Reader {
  const quota = broker.quotas.mostAtOnce('consumer_byte_rate', call.caller.principal.name, call.clientId)
  const isFollower = request.replicaId >= 0 || request.replicaState.replicaId >= 0
  return {
    isolation: request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted',
    maxBytes: Math.min(request.maxBytes, broker.config.number('fetch.max.bytes'), quota),
    usesTopicIds: call.version >= FIRST_VERSION_WITH_IDS,
    isFollower,
    mayRead: isFollower
      ? () => call.may('CLUSTER_ACTION', 'CLUSTER', CLUSTER_NAME)
      : onceInARow((topic) => topic === '' || call.may('READ', 'TOPIC', topic)),
  }
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
}

function openContext(broker: Broker, request: FetchRequest, version: number): Context | number {
  const usesTopicIds = version >= FIRST_VERSION_WITH_IDS
  const requested = requestedPartitions(broker, request, usesTopicIds)
  const now = broker.platform.clock.now()
  const { sessionId, sessionEpoch } = request
  if (sessionEpoch === FINAL_EPOCH || sessionEpoch === INITIAL_EPOCH) {
    if (sessionId !== 0) broker.fetchSessions.close(sessionId)
    const wanted = sessionEpoch === INITIAL_EPOCH && version >= 7 && requested.length > 0
    const session = wanted ? broker.fetchSessions.open(usesTopicIds, requested.length, now) : undefined
    session?.update(requested, [])
    return { partitions: requested, session, incremental: false }
  }
  const session = broker.fetchSessions.resume(sessionId, sessionEpoch, usesTopicIds, now)
  if (typeof session === 'number') return session
  const forgotten = request.forgottenTopicsData.flatMap(({ topic, topicId, partitions }) =>
    partitions.map((partition) => ({ topicKey: usesTopicIds ? topicId : topic, partition })),
  )
  session.update(requested, forgotten)
  return { partitions: session.partitions(), session, incremental: true }
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
    }))
  })
}

function respond(broker: Broker, call: Call, { session, incremental }: Context, { answers, bytes }: Round) {
  const { version } = call
  if (isOverQuota(broker, call, bytes)) {
    // The session of a full fetch begins only with its first answer.
    if (session && !incremental) broker.fetchSessions.close(session.id)
    const sessionId = session && incremental ? session.id : 0
    return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, sessionId, responses: [] }
  }
  const told = answers.filter((answer) => {
    const { errorCode, highWatermark, logStartOffset, bytes, divergingEpoch } = answer
    const diverges = divergingEpoch !== undefined
    const news = session?.isNews(answer.asked, { errorCode, highWatermark, logStartOffset, bytes, diverges }) ?? true
    return news || !incremental
  })
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    sessionId: session?.id ?? 0,
    responses: groupedByTopic(told, version),
  }
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

function groupedByTopic(answers: readonly PartitionAnswer[], version: number) {
  const topics = new Map<string, { topic: string; topicId: string; partitions: ReturnType<typeof partitionData>[] }>()
  for (const answer of answers) {
    const { topic, topicId } = answer.asked
    const key = version >= FIRST_VERSION_WITH_IDS ? topicId : topic
    const group = topics.get(key) ?? { topic, topicId, partitions: [] }
    topics.set(key, group)
    group.partitions.push(partitionData(answer, version))
  }
  return [...topics.values()]
}

function partitionData(answer: PartitionAnswer, version: number) {
  const { asked, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = answer
  return {
    partitionIndex: asked.partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    records,
    // A session that began in a newer version may go on in one that cannot carry it.
    ...(version >= FIRST_VERSION_WITH_DIVERGING_EPOCH &&
      answer.divergingEpoch && { divergingEpoch: answer.divergingEpoch }),
  }
}
