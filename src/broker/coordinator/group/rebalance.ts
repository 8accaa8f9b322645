// How a classic group passes from one generation to the next:
//
//   Empty ──join──▶ PreparingRebalance ──all joined, or time out──▶ CompletingRebalance ──leader's sync──▶ Stable
//                        ▲                                                  │                                │
//                        └────────────── a member joins anew, leaves or expires ◀────────────────────────────┘
//
// Members that let the rebalance time-out pass are dropped, except static ones, whose place is kept for their session time-out.

import { ErrorCode } from '../../../protocol/errors.ts'
import { type Call, timerKey } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { JoinReply, SyncReply } from './command.ts'
import { NEW_MEMBER_JOIN_TIMEOUT_MS } from './group-config.ts'
import { EMPTY, type Member, metadataOf } from './member.ts'

/** Starts a rebalance when the group is at rest; else lets the one under way see whether it is complete now. */
export function rebalance(call: Call, group: ClassicGroup): void {
  if (group.state !== 'PreparingRebalance') prepareRebalance(call, group)
  else if (!group.heldOpen) completeJoinWhenAllCame(call, group)
}

function prepareRebalance(call: Call, group: ClassicGroup): void {
  if (group.state === 'CompletingRebalance') failAwaitingSyncs(call, group, ErrorCode.REBALANCE_IN_PROGRESS)
  call.outcome.cancelTimer(timerKey.sync(group.groupId))
  group.pendingSync.clear()
  const delayMs = group.state === 'Empty' ? call.config.initialRebalanceDelayMs : 0
  const first = group.state === 'Empty'
  group.state = 'PreparingRebalance'
  if (delayMs > 0) holdOpen(call, group, delayMs, Math.max(group.rebalanceTimeoutMs - delayMs, 0))
  else if (first) completeJoin(call, group)
  else completeJoinWhenAllCame(call, group)
}

function holdOpen(call: Call, group: ClassicGroup, delayMs: number, remainingMs: number): void {
  group.heldOpen = true
  group.newMemberAdded = false
  const command = { type: 'initial-join-elapsed', groupId: group.groupId, remainingMs } as const
  call.outcome.setTimer(timerKey.join(group.groupId), delayMs, command)
}

/** The first rebalance was held open long enough, unless members kept coming. */
export function initialJoinElapsed(call: Call, group: ClassicGroup, remainingMs: number) {
  if (group.state !== 'PreparingRebalance' || !group.heldOpen) return
  if (!group.newMemberAdded || remainingMs === 0) return completeJoin(call, group)
  const delayMs = Math.min(call.config.initialRebalanceDelayMs, remainingMs)
  holdOpen(call, group, delayMs, Math.max(remainingMs - delayMs, 0))
}

export function joinElapsed(call: Call, group: ClassicGroup): void {
  if (group.state === 'PreparingRebalance') completeJoin(call, group)
}

function completeJoinWhenAllCame(call: Call, group: ClassicGroup) {
  if (group.allMembersJoined) return completeJoin(call, group)
  if (!group.joinTimed) timeJoin(call, group)
}

function timeJoin(call: Call, group: ClassicGroup): void {
  group.joinTimed = true
  const command = { type: 'join-elapsed', groupId: group.groupId } as const
  call.outcome.setTimer(timerKey.join(group.groupId), group.rebalanceTimeoutMs, command)
}

/** Closes the join phase: those who came form the next generation. */
function completeJoin(call: Call, group: ClassicGroup) {
  group.heldOpen = false
  group.joinTimed = false
  call.outcome.cancelTimer(timerKey.join(group.groupId))
  for (const member of [...group.members.values()]) {
    if (member.awaitingJoin !== undefined || member.groupInstanceId !== null) continue
    call.outcome.cancelTimer(timerKey.session(group.groupId, member.memberId))
    group.remove(member.memberId)
  }
  if (group.members.size === 0) return becomeEmpty(call, group)
  if (!group.electJoinedLeader()) {
    // Only static members are left and none came back: wait on, their session time-outs will remove them.
    return timeJoin(call, group)
  }
  beginGeneration(call, group)
}

function beginGeneration(call: Call, group: ClassicGroup): void {
  group.generationId += 1
  group.protocolName = group.selectProtocol()
  group.state = 'CompletingRebalance'
  for (const member of group.members.values()) {
    if (member.awaitingJoin !== undefined) call.outcome.reply(member.awaitingJoin, joinReply(group, member))
    member.awaitingJoin = undefined
    member.isNew = false
    group.pendingSync.add(member.memberId)
    resetSession(call, group, member)
  }
  const command = { type: 'sync-elapsed', groupId: group.groupId, generationId: group.generationId } as const
  call.outcome.setTimer(timerKey.sync(group.groupId), group.rebalanceTimeoutMs, command)
}

/** The last member went: the emptiness is made durable, since offsets expire from its moment. */
function becomeEmpty(call: Call, group: ClassicGroup): void {
  group.generationId += 1
  group.protocolName = null
  const value = group.toValue(new Map(), call.nowMs)
  call.outcome.record({ type: 'group-metadata', groupId: group.groupId, value })
}

/** Members that took their place in the generation but never asked for their assignment are dropped. */
export function syncElapsed(call: Call, group: ClassicGroup, generationId: number): void {
  if (generationId !== group.generationId || group.pendingSync.size === 0) return
  if (group.state !== 'CompletingRebalance' && group.state !== 'Stable') return
  for (const memberId of [...group.pendingSync]) {
    call.outcome.cancelTimer(timerKey.session(group.groupId, memberId))
    group.remove(memberId)
  }
  prepareRebalance(call, group)
}

/** Takes members out, answering what they wait for, and lets the group rebalance once. */
export function removeMembers(call: Call, group: ClassicGroup, memberIds: readonly string[]): void {
  for (const memberId of memberIds) {
    const member = group.members.get(memberId)
    if (!member) continue
    if (member.awaitingJoin !== undefined) {
      call.outcome.reply(member.awaitingJoin, joinError(memberId, ErrorCode.UNKNOWN_MEMBER_ID))
    }
    if (member.awaitingSync !== undefined)
      call.outcome.reply(member.awaitingSync, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
    call.outcome.cancelTimer(timerKey.session(group.groupId, memberId))
    group.remove(memberId)
  }
  rebalance(call, group)
}

export function removePendingMember(call: Call, group: ClassicGroup, memberId: string): void {
  group.pendingMembers.delete(memberId)
  call.outcome.cancelTimer(timerKey.pendingMember(group.groupId, memberId))
  if (group.state === 'PreparingRebalance') rebalance(call, group)
}

export function sessionExpired(call: Call, group: ClassicGroup, memberId: string): void {
  const member = group.members.get(memberId)
  if (!member) return
  // One who waits for the group's answer cannot send heartbeats; only a newcomer may be given up while it waits.
  const waits = member.awaitingJoin !== undefined || member.awaitingSync !== undefined
  if (waits && !member.isNew) return
  removeMembers(call, group, [memberId])
}

/** The member showed that it lives. */
export function resetSession(call: Call, group: ClassicGroup, member: Member): void {
  const delayMs = member.isNew ? NEW_MEMBER_JOIN_TIMEOUT_MS : member.sessionTimeoutMs
  const command = { type: 'session-expired', groupId: group.groupId, memberId: member.memberId } as const
  call.outcome.setTimer(timerKey.session(group.groupId, member.memberId), delayMs, command)
}

function failAwaitingSyncs(call: Call, group: ClassicGroup, errorCode: number): void {
  for (const member of group.members.values()) {
    if (member.awaitingSync === undefined) continue
    call.outcome.reply(member.awaitingSync, syncError(errorCode))
    member.awaitingSync = undefined
    resetSession(call, group, member)
  }
}

/** What a member of the present generation is told; the leader also hears who the members are. */
export function joinReply(group: ClassicGroup, member: Member): JoinReply {
  const leads = group.isLeader(member.memberId)
  return {
    errorCode: ErrorCode.NONE,
    generationId: group.generationId,
    protocolType: group.protocolType,
    protocolName: group.protocolName,
    leader: group.leaderId ?? '',
    skipAssignment: false,
    memberId: member.memberId,
    members: leads ? joinedMembers(group) : [],
  }
}

export function joinedMembers(group: ClassicGroup): JoinReply['members'] {
  return [...group.members.values()].map((member) => ({
    memberId: member.memberId,
    groupInstanceId: member.groupInstanceId,
    metadata: metadataOf(member, group.protocolName),
  }))
}

export function joinError(memberId: string, errorCode: number): JoinReply {
  return {
    errorCode,
    generationId: -1,
    protocolType: null,
    protocolName: null,
    leader: '',
    skipAssignment: false,
    memberId,
    members: [],
  }
}

export function syncError(errorCode: number): SyncReply {
  return { errorCode, protocolType: null, protocolName: null, assignment: EMPTY }
}
