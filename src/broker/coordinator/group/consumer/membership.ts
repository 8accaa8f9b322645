// Who somebody is to a group: by member id, and by instance id those of static members.

import { type Call, timerKey } from '../call.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import { type ConsumerMember, JOIN_EPOCH, LEAVE_STATIC_EPOCH } from './consumer-member.ts'
import { memberRecord, memberTombstones, placeRecord, targetRecord } from './consumer-records.ts'
import { Refused } from './refused.ts'

export function throwIfFull(call: Call, group: ConsumerGroup, memberId: string): void {
  const { maxSize } = call.config.consumer
  if (group.members.size < maxSize || group.members.has(memberId)) return
  const message = `The consumer group has reached its maximum capacity of ${maxSize} members.`
  throw new Refused('GROUP_MAX_SIZE_REACHED', message)
}

/** The one who has the instance id must have said that it goes. */
export function throwIfUnreleased(owner: ConsumerMember, memberId: string, instanceId: string): void {
  if (owner.memberEpoch === LEAVE_STATIC_EPOCH) return
  const message = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${owner.memberId} member.`
  throw new Refused('UNRELEASED_INSTANCE_ID', message)
}

/** A new member in the place of the old, with what it has and is to have. */
export function replaceStaticMember(
  call: Call,
  group: ConsumerGroup,
  old: ConsumerMember,
  memberId: string,
): ConsumerMember {
  const { groupId } = group
  const member = { ...old, memberId, memberEpoch: JOIN_EPOCH, previousMemberEpoch: JOIN_EPOCH }
  call.outcome.cancelTimer(timerKey.session(groupId, old.memberId))
  call.outcome.cancelTimer(timerKey.rebalance(groupId, old.memberId))
  call.outcome.records.push(
    ...memberTombstones(groupId, old.memberId),
    memberRecord(groupId, member),
    targetRecord(groupId, memberId, group.target(old.memberId, null)),
    placeRecord(groupId, member),
  )
  return member
}

/** The member of the id. */
export function memberOf(group: ConsumerGroup, memberId: string): ConsumerMember {
  const member = group.members.get(memberId)
  if (member) return member
  throw new Refused('UNKNOWN_MEMBER_ID', `Member ${memberId} is not a member of group ${group.groupId}.`)
}

/** The static member of the instance id, who must be the one that asks, unless nobody in particular does. */
export function ownerOf(group: ConsumerGroup, instanceId: string, memberId: string | undefined): ConsumerMember {
  const owner = group.staticMember(instanceId)
  if (!owner) throw new Refused('UNKNOWN_MEMBER_ID', `Instance id ${instanceId} is unknown.`)
  if (memberId === undefined || owner.memberId === memberId) return owner
  const message = `Static member ${memberId} with instance id ${instanceId} was fenced by member ${owner.memberId}.`
  throw new Refused('FENCED_INSTANCE_ID', message)
}
