// Fetch (key 1), versions 4–18.
//
// - Reads whole batches as they are stored, up to the high watermark, or for read_committed up to the last stable offset with the
//   aborted transactions of that range. The first batch is given even when it is larger than the limits (KIP-74).
// - Long poll: with fewer than minBytes readable and no error the answer waits for appends, at most maxWaitMs.
// - v7+: incremental sessions (KIP-227). v9+: currentLeaderEpoch is fenced (KIP-320). v11+: the preferred replica is
//   always −1, as only leaders serve. v12+: lastFetchedEpoch finds divergence (KIP-595). v13+: topic ids (KIP-516).
// - v16+: no node endpoints, as leaders do not move.
// - Left out: fetches of followers (replicaId ≥ 0), which wait for replication: NOT_LEADER_OR_FOLLOWER.

import { ErrorCode } from '../../protocol/errors.ts'
import { fetch } from '../../protocol/messages/fetch.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { serve } from '../dispatcher.ts'
import { type FetchPartition, type FetchSession, FINAL_EPOCH, INITIAL_EPOCH } from '../fetch-session.ts'
import type { Partition } from '../partition.ts'

const FIRST_VERSION_WITH_IDS = 13
const READ_COMMITTED = 1

type FetchRequest = Request<typeof fetch>

export const serveFetch = serve(fetch, [4, 18], (broker, request, { version }) => {
  const context = openContext(broker, request, version)
  if (typeof context === 'number') return { throttleTimeMs: 0, errorCode: context, responses: [] }
  const { partitions } = context
  const round = readAll(broker, request, version, partitions)
  const enough = round.bytes >= request.minBytes || round.settled || partitions.length === 0
  if (enough || request.maxWaitMs <= 0) return respond(context, round, version)
  const waitFor = partitions.flatMap(({ topic, partition }) => broker.partitions.get(topic, partition) ?? [])
  return broker.purgatory
    .untilBytes(waitFor, request.minBytes - round.bytes, request.maxWaitMs)
    .then(() => respond(context, readAll(broker, request, version, partitions), version))
})

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

interface Round {
  readonly answers: readonly PartitionAnswer[]
  readonly bytes: number
  /** Something must be told at once, however few bytes there are. */
  readonly settled: boolean
}

interface PartitionAnswer {
  readonly asked: FetchPartition
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly { producerId: number; firstOffset: number }[] | null
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
  readonly records: readonly Buffer[]
  readonly bytes: number
}

function readAll(broker: Broker, request: FetchRequest, version: number, partitions: readonly FetchPartition[]): Round {
  let left = Math.min(request.maxBytes, broker.config.number('fetch.max.bytes'))
  let bytes = 0
  let settled = false
  const answers = partitions.map((asked) => {
    const answer = readOne(broker, request, version, asked, left, bytes === 0)
    left = Math.max(left - answer.bytes, 0)
    bytes += answer.bytes
    settled ||= answer.errorCode !== ErrorCode.NONE || answer.divergingEpoch !== undefined
    return answer
  })
  return { answers, bytes, settled }
}

function readOne(
  broker: Broker,
  request: FetchRequest,
  version: number,
  asked: FetchPartition,
  bytesLeft: number,
  minOneMessage: boolean,
): PartitionAnswer {
  const partition = findPartition(broker, request, version, asked)
  if (typeof partition === 'number') return failed(asked, partition)
  const diverging = divergence(partition, asked)
  if (typeof diverging === 'number') return failed(asked, diverging)
  const { highWatermark, lastStableOffset, logStartOffset } = partition.log
  if (diverging) {
    const offsets = { highWatermark, lastStableOffset, logStartOffset }
    return { asked, errorCode: ErrorCode.NONE, ...offsets, ...EMPTY, divergingEpoch: diverging }
  }
  const isolation = request.isolationLevel === READ_COMMITTED ? 'read_committed' : 'read_uncommitted'
  const maxBytes = Math.min(asked.maxBytes, bytesLeft)
  const read = partition.log.read(asked.fetchOffset, maxBytes, { isolation, minOneMessage })
  if (!('batches' in read)) return failed(asked, read.error)
  return {
    asked,
    errorCode: ErrorCode.NONE,
    highWatermark: read.highWatermark,
    lastStableOffset: read.lastStableOffset,
    logStartOffset: read.logStartOffset,
    abortedTransactions: read.abortedTransactions,
    records: read.batches,
    bytes: read.batches.reduce((sum, batch) => sum + batch.length, 0),
  }
}

function findPartition(
  broker: Broker,
  request: FetchRequest,
  version: number,
  asked: FetchPartition,
): Partition | number {
  if (request.replicaId >= 0 || request.replicaState.replicaId >= 0) return ErrorCode.NOT_LEADER_OR_FOLLOWER
  if (version >= FIRST_VERSION_WITH_IDS && asked.topic === '') return ErrorCode.UNKNOWN_TOPIC_ID
  const partition = broker.partitions.get(asked.topic, asked.partition)
  if (!partition) return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
  if (version >= FIRST_VERSION_WITH_IDS && partition.topicId !== asked.topicId) return ErrorCode.UNKNOWN_TOPIC_ID
  const errorCode = partition.epochError(asked.currentLeaderEpoch)
  return errorCode === ErrorCode.NONE ? partition : errorCode
}

/** Where the reader's log parted from this one, if it did; an error code when that cannot be told. */
function divergence(
  partition: Partition,
  asked: FetchPartition,
): { epoch: number; endOffset: number } | number | undefined {
  if (asked.lastFetchedEpoch < 0) return undefined
  const { leaderEpoch, endOffset } = partition.endOffsetForEpoch(asked.lastFetchedEpoch)
  if (endOffset < 0 || leaderEpoch < 0) return ErrorCode.OFFSET_OUT_OF_RANGE
  if (leaderEpoch >= asked.lastFetchedEpoch && endOffset >= asked.fetchOffset) return undefined
  return { epoch: leaderEpoch, endOffset }
}

const NOT_FOUND: readonly number[] = [ErrorCode.UNKNOWN_TOPIC_OR_PARTITION, ErrorCode.UNKNOWN_TOPIC_ID]
const EMPTY = { abortedTransactions: null, records: [], bytes: 0 } as const

function failed(asked: FetchPartition, errorCode: number): PartitionAnswer {
  // Kafka's empty answer for a partition that it does not find has an empty list here, all others have none.
  const abortedTransactions = NOT_FOUND.includes(errorCode) ? [] : null
  const offsets = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
  return { asked, errorCode, ...offsets, ...EMPTY, abortedTransactions }
}

function respond({ session, incremental }: Context, { answers }: Round, version: number) {
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

function groupedByTopic(answers: readonly PartitionAnswer[], version: number) {
  const topics = new Map<string, { topic: string; topicId: string; partitions: ReturnType<typeof partitionData>[] }>()
  for (const answer of answers) {
    const { topic, topicId } = answer.asked
    const key = version >= FIRST_VERSION_WITH_IDS ? topicId : topic
    const group = topics.get(key) ?? { topic, topicId, partitions: [] }
    topics.set(key, group)
    group.partitions.push(partitionData(answer))
  }
  return [...topics.values()]
}

function partitionData(answer: PartitionAnswer) {
  const { asked, errorCode, highWatermark, lastStableOffset, logStartOffset, abortedTransactions, records } = answer
  return {
    partitionIndex: asked.partition,
    errorCode,
    highWatermark,
    lastStableOffset,
    logStartOffset,
    abortedTransactions,
    records,
    ...(answer.divergingEpoch && { divergingEpoch: answer.divergingEpoch }),
  }
}
