import { ErrorCode } from '../../../protocol/errors.ts'
import type { Call } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type { LeaveCommand } from './command.ts'
import { checkMember } from './join.ts'
import { removeMembers, removePendingMember } from './rebalance.ts'

/** Members leave, or an operator takes out static ones by instance id (KIP-345); one rebalance serves for all of them. */
export function leave(call: Call, group: ClassicGroup, command: LeaveCommand): void {
  const leaving: string[] = []
  const members = command.members.map((member) => {
    const { memberId, errorCode } = resolve(call, group, member)
    if (errorCode === ErrorCode.NONE && group.members.has(memberId)) leaving.push(memberId)
    return { ...member, errorCode }
  })
  if (leaving.length > 0) removeMembers(call, group, leaving)
  call.outcome.reply(call.id, { members })
}

function resolve(
  call: Call,
  group: ClassicGroup,
  member: LeaveCommand['members'][number],
): { memberId: string; errorCode: number } {
  if (member.memberId === '' && member.groupInstanceId !== null) {
    const memberId = group.staticMembers.get(member.groupInstanceId)
    if (memberId === undefined) return { memberId: '', errorCode: ErrorCode.UNKNOWN_MEMBER_ID }
    return { memberId, errorCode: ErrorCode.NONE }
  }
  if (group.pendingMembers.has(member.memberId)) {
    removePendingMember(call, group, member.memberId)
    return { memberId: member.memberId, errorCode: ErrorCode.NONE }
  }
  return { memberId: member.memberId, errorCode: checkMember(group, member.memberId, member.groupInstanceId) }
}

/** What members of a group that is not there are told. */
export function leaveUnknownGroup(call: Call, command: LeaveCommand): void {
  const members = command.members.map((member) => ({ ...member, errorCode: ErrorCode.UNKNOWN_MEMBER_ID }))
  call.outcome.reply(call.id, { members })
}
