import { ErrorCode } from '../../../protocol/errors.ts'
import { type Call, timerKey } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { JoinCommand, JoinReply } from './command.ts'
import { EMPTY, type Member, matchesProtocols } from './member.ts'
import { joinError, joinedMembers, joinReply, rebalance, resetSession } from './rebalance.ts'

/** Why the command cannot be served whatever group it is for; NONE when it can. */
export function invalidJoin(call: Call, command: JoinCommand): number {
  const { minSessionTimeoutMs, maxSessionTimeoutMs } = call.config
  if (command.groupId === '') return ErrorCode.INVALID_GROUP_ID
  if (command.sessionTimeoutMs < minSessionTimeoutMs) return ErrorCode.INVALID_SESSION_TIMEOUT
  if (command.sessionTimeoutMs > maxSessionTimeoutMs) return ErrorCode.INVALID_SESSION_TIMEOUT
  return ErrorCode.NONE
}

export function join(call: Call, group: ClassicGroup, command: JoinCommand) {
  const refuse = (errorCode: number) => call.outcome.reply(call.id, joinError(command.memberId, errorCode))
  if (!admits(call, group, command)) return refuse(ErrorCode.GROUP_MAX_SIZE_REACHED)
  if (!group.supports(command.protocolType, command.protocols)) return refuse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL)
  if (command.memberId === '') return joinAsStranger(call, group, command)
  if (group.pendingMembers.has(command.memberId)) return addMember(call, group, command, command.memberId)
  const errorCode = checkMember(group, command.memberId, command.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return refuse(errorCode)
  rejoin(call, group, command, group.members.get(command.memberId)!)
}

/** A full group still takes back those it knows, so that a rebalance can finish. */
function admits(call: Call, group: ClassicGroup, command: JoinCommand): boolean {
  const { maxSize } = call.config
  if (group.state === 'Empty') return maxSize > 0
  const known = group.members.has(command.memberId)
  if (group.state !== 'PreparingRebalance') return known || group.members.size < maxSize
  let awaiting = 0
  for (const member of group.members.values()) if (member.awaitingJoin !== undefined) awaiting += 1
  return (known && group.members.get(command.memberId)!.awaitingJoin !== undefined) || awaiting < maxSize
}

function joinAsStranger(call: Call, group: ClassicGroup, command: JoinCommand) {
  if (command.groupInstanceId !== null) {
    const known = group.staticMembers.get(command.groupInstanceId)
    if (known === undefined) return addMember(call, group, command, command.newMemberId)
    return replaceStaticMember(call, group, command, group.members.get(known)!)
  }
  if (!command.requireKnownMemberId) return addMember(call, group, command, command.newMemberId)
  // KIP-394: the id is given out first, so that a client that never comes back leaves no member behind.
  group.pendingMembers.add(command.newMemberId)
  const expiry = { type: 'pending-member-expired', groupId: group.groupId, memberId: command.newMemberId } as const
  call.outcome.setTimer(timerKey.pendingMember(group.groupId, command.newMemberId), command.sessionTimeoutMs, expiry)
  call.outcome.reply(call.id, joinError(command.newMemberId, ErrorCode.MEMBER_ID_REQUIRED))
}

function addMember(call: Call, group: ClassicGroup, command: JoinCommand, memberId: string): void {
  const member = memberOf(command, memberId)
  member.awaitingJoin = call.id
  call.outcome.cancelTimer(timerKey.pendingMember(group.groupId, memberId))
  group.add(member, command.protocolType)
  if (group.heldOpen) group.newMemberAdded = true
  resetSession(call, group, member)
  rebalance(call, group)
}

/** A known member asks again: a retry is answered from the generation that stands, anything new starts a rebalance. */
function rejoin(call: Call, group: ClassicGroup, command: JoinCommand, member: Member) {
  const same = matchesProtocols(member, command.protocols)
  const retry =
    (group.state === 'CompletingRebalance' && same) ||
    (group.state === 'Stable' && same && !group.isLeader(member.memberId))
  if (retry) return call.outcome.reply(call.id, joinReply(group, member))
  update(call, member, command)
  rebalance(call, group)
}

function update(call: Call, member: Member, command: JoinCommand): void {
  // A second JoinGroup of the same member takes the place of the first, which its client has given up.
  if (member.awaitingJoin !== undefined) {
    call.outcome.reply(member.awaitingJoin, joinError(member.memberId, ErrorCode.REBALANCE_IN_PROGRESS))
  }
  member.clientId = command.clientId
  member.clientHost = command.clientHost
  member.protocols = command.protocols
  member.sessionTimeoutMs = command.sessionTimeoutMs
  member.rebalanceTimeoutMs = command.rebalanceTimeoutMs
  member.awaitingJoin = call.id
}

/**
 * KIP-345: a client came back under its instance id. It gets a new member id, and the old one is fenced. In a stable group whose
 * protocol stays the same no rebalance is needed: it takes over the assignment.
 */
function replaceStaticMember(call: Call, group: ClassicGroup, command: JoinCommand, old: Member) {
  const formerLeader = group.leaderId ?? ''
  if (old.awaitingJoin !== undefined) {
    call.outcome.reply(old.awaitingJoin, joinError(old.memberId, ErrorCode.FENCED_INSTANCE_ID))
  }
  if (old.awaitingSync !== undefined) {
    const fenced = {
      errorCode: ErrorCode.FENCED_INSTANCE_ID,
      protocolType: null,
      protocolName: null,
      assignment: EMPTY,
    }
    call.outcome.reply(old.awaitingSync, fenced)
  }
  call.outcome.cancelTimer(timerKey.session(group.groupId, old.memberId))
  const member = memberOf(command, command.newMemberId)
  member.assignment = old.assignment
  member.isNew = false
  exchange(group, old, member)
  resetSession(call, group, member)
  if (group.state === 'Stable' && group.selectProtocol() === group.protocolName) {
    return takeOver(call, group, command, member, formerLeader)
  }
  member.awaitingJoin = call.id
  rebalance(call, group)
}

/** Puts the new member where the old one stood, keeping the members' order and the leadership. */
function exchange(group: ClassicGroup, old: Member, member: Member): void {
  const members = [...group.members.values()]
  group.members.clear()
  for (const other of members) {
    const place = other === old ? member : other
    group.members.set(place.memberId, place)
  }
  group.staticMembers.set(member.groupInstanceId!, member.memberId)
  if (group.leaderId === old.memberId) group.leaderId = member.memberId
  if (group.pendingSync.delete(old.memberId)) group.pendingSync.add(member.memberId)
}

function takeOver(call: Call, group: ClassicGroup, command: JoinCommand, member: Member, formerLeader: string): void {
  const assignments = new Map([...group.members.values()].map((other) => [other.memberId, other.assignment]))
  const value = group.toValue(assignments, call.nowMs)
  call.outcome.record({ type: 'group-metadata', groupId: group.groupId, value })
  const leads = group.isLeader(member.memberId)
  const skipAssignment = leads && command.supportsSkippingAssignment
  // Before v9 a client cannot be told to skip the assignment, so it must not learn that it leads (KIP-814).
  const reply: JoinReply = {
    ...joinReply(group, member),
    leader: command.supportsSkippingAssignment ? (group.leaderId ?? '') : formerLeader,
    skipAssignment,
    members: skipAssignment ? joinedMembers(group) : [],
  }
  call.outcome.reply(call.id, reply)
}

/** NONE when the id, and the instance id if one is given, name a member of the group. */
export function checkMember(group: ClassicGroup, memberId: string, groupInstanceId: string | null): number {
  if (groupInstanceId !== null) {
    const owner = group.staticMembers.get(groupInstanceId)
    if (owner === undefined) return ErrorCode.UNKNOWN_MEMBER_ID
    if (owner !== memberId) return ErrorCode.FENCED_INSTANCE_ID
  }
  return group.members.has(memberId) ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
}

function memberOf(command: JoinCommand, memberId: string): Member {
  return {
    memberId,
    groupInstanceId: command.groupInstanceId,
    clientId: command.clientId,
    clientHost: command.clientHost,
    sessionTimeoutMs: command.sessionTimeoutMs,
    rebalanceTimeoutMs: command.rebalanceTimeoutMs,
    protocols: command.protocols,
    assignment: EMPTY,
    awaitingJoin: undefined,
    awaitingSync: undefined,
    isNew: true,
  }
}
