// ShareFetch (key 78), versions 1–2 (KIP-932).
//
// - Gives the member of a share group records of its session's partitions that no other member has, and settles those of before in the same
//   request. Waits up to maxWaitMs for the first. Epoch 0 begins a session, −1 ends it.
// - Whole batches until maxRecords are reached; v2: not one more with shareAcquireMode 1 (KIP-1206), and more time for records (KIP-1222).
//   What is acquired is told in ranges that end with a batch of the log as soon as they have batchSize records.
// - SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH, SHARE_SESSION_LIMIT_REACHED, INVALID_REQUEST for a session that begins with
//   acknowledgements; per partition what ShareAcknowledge says, and UNKNOWN_TOPIC_ID, NOT_LEADER_OR_FOLLOWER.
// - A session outlives its connection: what its member had is given to others when the locks end.
// - Needs READ on the group and on each topic. UNSUPPORTED_VERSION where the feature `share.version` is off.

import { ErrorCode } from '../../protocol/errors.ts'
import { shareFetch } from '../../protocol/messages/share-fetch.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { type Call, serve } from '../dispatcher.ts'
import { hasShareGroups } from '../features.ts'
import { leaderHints } from '../leader-hints.ts'
import { acknowledge, askedPartitions, endSession, isFinal, obtainShare } from '../share/share-acknowledging.ts'
import { type Acquisition, SETTLED, type Settlement, type SharePartition } from '../share/share-partition.ts'
import { INITIAL_EPOCH, type SharedPartition, type ShareSession } from '../share/share-session.ts'

type ShareFetchRequest = Request<typeof shareFetch>

/** Of shareAcquireMode. */
const RECORD_LIMIT = 1
const NO_LEADER = { leaderId: 0, leaderEpoch: 0 }
const NOTHING: Acquisition = { errorCode: ErrorCode.NONE, acquired: [], records: [], bytes: 0 }

/** What is told of one partition. */
interface Told extends SharedPartition {
  acquisition: Acquisition
  settlement: Settlement
  isNews: boolean
}

export const serveShareFetch = serve(shareFetch, [1, 2], async (broker, request, call) => {
  const { shareSessionEpoch: epoch } = request
  const session = openSession(broker, request, call)
  if (typeof session === 'number') return refusal(session)
  const asked = askedPartitions(request.topics)
  const told = new Map<string, Told>()
  const tellOf = ({ topicId, partition }: SharedPartition): Told => {
    const name = `${topicId}:${partition}`
    const isNews = epoch === INITIAL_EPOCH
    const row = told.get(name) ?? { topicId, partition, acquisition: NOTHING, settlement: SETTLED, isNews }
    told.set(name, row)
    return row
  }
  const settled = asked.map(async (each) => {
    if (each.acknowledgementBatches.length === 0) return
    const row = tellOf(each)
    row.settlement = await acknowledge(broker, call, session, each, request.isRenewAck)
    row.isNews = true
  })
  await Promise.all(settled)
  if (isFinal(epoch)) {
    await endSession(broker, call, session)
  } else {
    const forgotten = request.forgottenTopicsData.flatMap(({ topicId, partitions }) =>
      partitions.map((partition) => ({ topicId, partition })),
    )
    session.update(
      asked.map(({ topicId, partition }) => ({ topicId, partition })),
      forgotten,
    )
    await acquire(broker, call, request, session, tellOf)
  }
  return respond(broker, call, session, [...told.values()])
})

function openSession(broker: Broker, request: ShareFetchRequest, call: Call): ShareSession | number {
  const { shareSessionEpoch: epoch, topics } = request
  const groupId = request.groupId ?? ''
  const memberId = request.memberId ?? ''
  if (!hasShareGroups(broker.image)) return ErrorCode.UNSUPPORTED_VERSION
  if (!call.may('READ', 'GROUP', groupId)) return ErrorCode.GROUP_AUTHORIZATION_FAILED
  if (memberId === '') return ErrorCode.INVALID_REQUEST
  if (epoch !== INITIAL_EPOCH) return broker.shareSessions.resume(groupId, memberId, epoch)
  if (askedPartitions(topics).some((each) => each.acknowledgementBatches.length > 0)) return ErrorCode.INVALID_REQUEST
  if (!broker.shareSessions.hasGroup(groupId)) broker.sharePartitions.forgetGroup(groupId)
  return broker.shareSessions.open(groupId, memberId)
}

/** Until something is there, or the time is up. */
async function acquire(
  broker: Broker,
  call: Call,
  request: ShareFetchRequest,
  session: ShareSession,
  tellOf: (partition: SharedPartition) => Told,
): Promise<void> {
  const { clock } = broker.platform
  const endMs = clock.monotonic() + request.maxWaitMs
  // A renewal asks for time, not for more records (KIP-1222).
  if (request.isRenewAck || request.maxRecords <= 0) return
  for (;;) {
    const { shares, settled } = await readAll(broker, call, request, session, tellOf)
    const leftMs = endMs - clock.monotonic()
    if (settled || leftMs <= 0) return
    await untilAvailable(broker, shares, leftMs)
  }
}

async function readAll(
  broker: Broker,
  call: Call,
  request: ShareFetchRequest,
  session: ShareSession,
  tellOf: (partition: SharedPartition) => Told,
): Promise<{ shares: SharePartition[]; settled: boolean }> {
  const { groupId, memberId } = session
  const shares: SharePartition[] = []
  let records = request.maxRecords
  let bytes = Math.min(request.maxBytes, broker.config.number('fetch.max.bytes'))
  let settled = false
  for (const partition of session.partitions()) {
    const row = tellOf(partition)
    const share = await obtainShare(broker, call, groupId, partition)
    if (typeof share !== 'number') shares.push(share)
    if (records <= 0 || bytes <= 0) continue
    const isExact = request.shareAcquireMode === RECORD_LIMIT
    const wish = { maxRecords: records, isExact, maxBytes: bytes, rangeRecords: request.batchSize }
    row.acquisition = typeof share === 'number' ? { ...NOTHING, errorCode: share } : share.acquire(memberId, wish)
    for (const { firstOffset, lastOffset } of row.acquisition.acquired) records -= lastOffset - firstOffset + 1
    bytes -= row.acquisition.bytes
    if (row.acquisition.errorCode === ErrorCode.NONE && row.acquisition.acquired.length === 0) continue
    row.isNews = true
    settled = true
  }
  return { shares, settled }
}

function untilAvailable(broker: Broker, shares: readonly SharePartition[], timeoutMs: number): Promise<void> {
  const unsubscribes: (() => void)[] = []
  const waiting = broker.purgatory.untilBytes([], 'read_uncommitted', 1, timeoutMs, (endNow) => {
    // Deferred, so that the answer also carries what the same request makes available elsewhere.
    for (const share of shares) unsubscribes.push(share.onAvailable(() => broker.platform.clock.defer(endNow)))
  })
  return waiting.finally(() => {
    for (const unsubscribe of unsubscribes) unsubscribe()
  })
}

function respond(broker: Broker, call: Call, { groupId }: ShareSession, told: readonly Told[]) {
  const news = told.filter(({ isNews }) => isNews)
  const isMisled = ({ acquisition, settlement }: Told) => {
    return [acquisition.errorCode, settlement.errorCode].includes(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  }
  const misled = news.filter(isMisled)
  const nameOf = (topicId: string) => broker.image.topicById(topicId)?.name ?? ''
  const asked = misled.map(({ topicId, partition }) => ({ topic: nameOf(topicId), partition }))
  const { leaders, nodeEndpoints } = leaderHints(broker, call.listener, asked)
  const responses = [...Map.groupBy(news, ({ topicId }) => topicId)].map(([topicId, rows]) => ({
    topicId,
    partitions: rows.map((row) => ({
      partitionIndex: row.partition,
      errorCode: row.acquisition.errorCode,
      acknowledgeErrorCode: row.settlement.errorCode,
      acknowledgeErrorMessage: row.settlement.errorMessage,
      currentLeader: leaders[misled.indexOf(row)] ?? NO_LEADER,
      records: [...row.acquisition.records],
      acquiredRecords: [...row.acquisition.acquired],
    })),
  }))
  return {
    throttleTimeMs: 0,
    errorCode: ErrorCode.NONE,
    acquisitionLockTimeoutMs: broker.sharePartitions.rules(groupId).recordLockMs,
    responses,
    nodeEndpoints,
  }
}

function refusal(errorCode: number) {
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
}
