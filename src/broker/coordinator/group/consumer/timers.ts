// The times that a member is given: to send a heartbeat, to give up partitions, and as a classic one to join anew and to sync.

import { type Call, timerKey } from '../call.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'
import { sessionTimeoutOf } from './member-settings.ts'

export function resetSession(call: Call, groupId: string, member: ConsumerMember): void {
  const delayMs = member.classic?.sessionTimeoutMs ?? sessionTimeoutOf(call, groupId)
  const { memberId } = member
  const command = { type: 'session-expired', groupId, memberId } as const
  call.outcome.setTimer(timerKey.session(groupId, memberId), delayMs, command)
}

export function timeRevocation(call: Call, groupId: string, member: ConsumerMember): void {
  const { memberId, memberEpoch, rebalanceTimeoutMs } = member
  const command = { type: 'revocation-elapsed', groupId, memberId, memberEpoch } as const
  call.outcome.setTimer(timerKey.rebalance(groupId, memberId), rebalanceTimeoutMs, command)
}

export function cancelRevocation(call: Call, groupId: string, memberId: string): void {
  call.outcome.cancelTimer(timerKey.rebalance(groupId, memberId))
}

/** Runs from when the member was first told to join anew; being told again does not put it off. */
export function timeJoin(call: Call, group: ConsumerGroup, member: ConsumerMember): void {
  const { groupId } = group
  const { memberId, rebalanceTimeoutMs } = member
  if (group.joinTimed.has(memberId)) return
  group.joinTimed.add(memberId)
  const command = { type: 'member-join-elapsed', groupId, memberId } as const
  call.outcome.setTimer(timerKey.memberJoin(groupId, memberId), rebalanceTimeoutMs, command)
}

export function cancelJoin(call: Call, group: ConsumerGroup, memberId: string): void {
  group.joinTimed.delete(memberId)
  call.outcome.cancelTimer(timerKey.memberJoin(group.groupId, memberId))
}

export function timeSync(call: Call, groupId: string, memberId: string, rebalanceTimeoutMs: number): void {
  const command = { type: 'member-sync-elapsed', groupId, memberId } as const
  call.outcome.setTimer(timerKey.memberSync(groupId, memberId), rebalanceTimeoutMs, command)
}

export function cancelSync(call: Call, groupId: string, memberId: string): void {
  call.outcome.cancelTimer(timerKey.memberSync(groupId, memberId))
}

export function cancelTimers(call: Call, group: ConsumerGroup, memberId: string): void {
  call.outcome.cancelTimer(timerKey.session(group.groupId, memberId))
  cancelRevocation(call, group.groupId, memberId)
  cancelJoin(call, group, memberId)
  cancelSync(call, group.groupId, memberId)
}
