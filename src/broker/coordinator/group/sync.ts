import { ErrorCode } from '../../../protocol/errors.ts'
import { type Call, timerKey } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { HeartbeatCommand, SyncCommand, SyncReply } from './command.ts'
import { checkMember } from './join.ts'
import { EMPTY, type Member } from './member.ts'
import { resetSession, syncError } from './rebalance.ts'

/** A member asks for its assignment; the leader brings everybody's. */
export function sync(call: Call, group: ClassicGroup, command: SyncCommand) {
  const refuse = (errorCode: number) => call.outcome.reply(call.id, syncError(errorCode))
  const errorCode = checkSync(group, command)
  if (errorCode !== ErrorCode.NONE) return refuse(errorCode)
  const member = group.members.get(command.memberId)!
  switch (group.state) {
    case 'PreparingRebalance':
      return refuse(ErrorCode.REBALANCE_IN_PROGRESS)
    case 'CompletingRebalance':
      synced(call, group, member)
      awaitSync(call, member)
      if (group.isLeader(member.memberId)) settle(call, group, command)
      return
    case 'Stable':
      synced(call, group, member)
      resetSession(call, group, member)
      return call.outcome.reply(call.id, syncReply(group, member.assignment))
    default:
      return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
  }
}

function checkSync(group: ClassicGroup, command: SyncCommand): number {
  const errorCode = checkMember(group, command.memberId, command.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (command.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  const typeDiffers = command.protocolType !== null && command.protocolType !== group.protocolType
  const nameDiffers = command.protocolName !== null && command.protocolName !== group.protocolName
  return typeDiffers || nameDiffers ? ErrorCode.INCONSISTENT_GROUP_PROTOCOL : ErrorCode.NONE
}

function synced(call: Call, group: ClassicGroup, member: Member): void {
  if (group.pendingSync.delete(member.memberId) && group.pendingSync.size === 0) {
    call.outcome.cancelTimer(timerKey.sync(group.groupId))
  }
}

function awaitSync(call: Call, member: Member): void {
  // A second SyncGroup takes the place of the first, which its client has given up.
  if (member.awaitingSync !== undefined) {
    call.outcome.reply(member.awaitingSync, syncError(ErrorCode.REBALANCE_IN_PROGRESS))
  }
  member.awaitingSync = call.id
}

/** The generation is settled: the assignments go to the log, and with them the group becomes Stable. */
function settle(call: Call, group: ClassicGroup, command: SyncCommand): void {
  const assignments = new Map(command.assignments.map((given) => [given.memberId, given.assignment]))
  const value = group.toValue(assignments, call.nowMs)
  call.outcome.record({ type: 'group-metadata', groupId: group.groupId, value })
  for (const member of group.members.values()) {
    if (member.awaitingSync === undefined) continue
    call.outcome.reply(member.awaitingSync, syncReply(group, assignments.get(member.memberId) ?? EMPTY))
    member.awaitingSync = undefined
    resetSession(call, group, member)
  }
}

function syncReply(group: ClassicGroup, assignment: Buffer): SyncReply {
  const { protocolType, protocolName } = group
  return { errorCode: ErrorCode.NONE, protocolType, protocolName, assignment }
}

/** The member lives, and hears whether a rebalance wants it back. */
export function heartbeat(call: Call, group: ClassicGroup, command: HeartbeatCommand): void {
  call.outcome.reply(call.id, { errorCode: heartbeatError(call, group, command) })
}

function heartbeatError(call: Call, group: ClassicGroup, command: HeartbeatCommand): number {
  const errorCode = checkMember(group, command.memberId, command.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (command.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  resetSession(call, group, group.members.get(command.memberId)!)
  // In CompletingRebalance a consumer that has its JoinGroup answer may already send heartbeats: nothing is wrong with it.
  return group.state === 'PreparingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}
