// JoinGroup (key 11), versions 0–9. The rules are in coordinator/group/join.ts and rebalance.ts.
//
// - Waits until the members of the next generation are there; the leader is given all of them.
// - v0: the session time-out is the rebalance time-out too. v4+: a new dynamic member is told its id with MEMBER_ID_REQUIRED and must
//   come back with it (KIP-394). v5+: static members (KIP-345). v7+: protocol type and null protocol name in errors.
//   v9: a returning static leader may skip the assignment (KIP-814).
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED.
// - NOT_COORDINATOR before `__consumer_offsets` exists, INVALID_SESSION_TIMEOUT, GROUP_MAX_SIZE_REACHED as Kafka.

import { ErrorCode } from '../../protocol/errors.ts'
import { joinGroup } from '../../protocol/messages/join-group.ts'
import { joinError } from '../coordinator/group/rebalance.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { randomHexUuid } from '../uuid.ts'

const FIRST_VERSION_WITH_KNOWN_IDS = 4
const FIRST_VERSION_WITH_NULL_NAME = 7
const FIRST_VERSION_THAT_SKIPS = 9

export const serveJoinGroup = serve(joinGroup, [0, 9], async (broker, request, call) => {
  const { groupId, memberId, groupInstanceId, sessionTimeoutMs, protocolType, protocols } = request
  const refused = joinError('', ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const mayJoin = call.may('READ', 'GROUP', groupId)
  const join = () =>
    broker.groups.ask({
      type: 'join',
      groupId,
      memberId,
      groupInstanceId,
      clientId: call.clientId,
      clientHost: call.clientHost,
      sessionTimeoutMs,
      rebalanceTimeoutMs: call.version === 0 ? sessionTimeoutMs : request.rebalanceTimeoutMs,
      protocolType,
      protocols,
      requireKnownMemberId: call.version >= FIRST_VERSION_WITH_KNOWN_IDS && groupInstanceId === null,
      supportsSkippingAssignment: call.version >= FIRST_VERSION_THAT_SKIPS,
      newMemberId: `${groupInstanceId ?? call.clientId}-${randomHexUuid(broker.platform.random)}`,
    })
  const reply = mayJoin ? await orElse(join(), (errorCode) => joinError(memberId, errorCode)) : refused
  const protocolName = call.version >= FIRST_VERSION_WITH_NULL_NAME ? reply.protocolName : (reply.protocolName ?? '')
  return { throttleTimeMs: 0, ...reply, protocolName }
})
