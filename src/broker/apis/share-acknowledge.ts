// ShareAcknowledge (key 79), versions 1–2 (KIP-932).
//
// - Settles records that the member has: accepted and rejected ones are done, released ones go to others until they were delivered too
//   often; epoch −1 ends the share session, and releases what is left. Answered once the share coordinator has it.
// - INVALID_RECORD_STATE for a partition where the member does not have all that it speaks of; INVALID_REQUEST for what makes no sense;
//   then nothing of that partition's is settled.
// - SHARE_SESSION_NOT_FOUND, INVALID_SHARE_SESSION_EPOCH. v2: type 4 gives the member more time with a record (KIP-1222).
// - Needs READ on the group and on each topic. UNSUPPORTED_VERSION where the feature `share.version` is off.

import { ErrorCode } from '../../protocol/errors.ts'
import { shareAcknowledge } from '../../protocol/messages/share-acknowledge.ts'
import { serve } from '../dispatcher.ts'
import { hasShareGroups } from '../features.ts'
import { leaderHints } from '../leader-hints.ts'
import { acknowledge, askedPartitions, endSession, isFinal } from '../share/share-acknowledging.ts'
import { INITIAL_EPOCH } from '../share/share-session.ts'

const NO_LEADER = { leaderId: 0, leaderEpoch: 0 }

export const serveShareAcknowledge = serve(shareAcknowledge, [1, 2], async (broker, request, call) => {
  const { shareSessionEpoch: epoch, isRenewAck } = request
  const groupId = request.groupId ?? ''
  const acquisitionLockTimeoutMs = broker.sharePartitions.rules(groupId).recordLockMs
  const refuse = (errorCode: number) => {
    return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs: 0, responses: [], nodeEndpoints: [] }
  }
  if (!hasShareGroups(broker.image)) return refuse(ErrorCode.UNSUPPORTED_VERSION)
  if (!call.may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  if (epoch === INITIAL_EPOCH) return refuse(ErrorCode.INVALID_SHARE_SESSION_EPOCH)
  const session = broker.shareSessions.resume(groupId, request.memberId ?? '', epoch)
  if (typeof session === 'number') return refuse(session)
  const asked = askedPartitions(request.topics)
  const settlements = await Promise.all(asked.map((each) => acknowledge(broker, call, session, each, isRenewAck)))
  if (isFinal(epoch)) await endSession(broker, call, session)
  const misled = asked.map(({ topicId, partition }) => ({
    topic: broker.image.topicById(topicId)?.name ?? '',
    partition,
  }))
  const isMisled = (index: number) => settlements[index]!.errorCode === ErrorCode.NOT_LEADER_OR_FOLLOWER
  const hints = leaderHints(
    broker,
    call.listener,
    misled.filter((_, index) => isMisled(index)),
  )
  let hinted = 0
  const rows = asked.map(({ topicId, partition: partitionIndex }, index) => {
    const currentLeader = (isMisled(index) && hints.leaders[hinted++]) || NO_LEADER
    return { topicId, row: { partitionIndex, ...settlements[index]!, currentLeader } }
  })
  const responses = [...Map.groupBy(rows, ({ topicId }) => topicId)].map(([topicId, own]) => {
    return { topicId, partitions: own.map(({ row }) => row) }
  })
  const errorCode = ErrorCode.NONE
  return { throttleTimeMs: 0, errorCode, acquisitionLockTimeoutMs, responses, nodeEndpoints: hints.nodeEndpoints }
})
