// Who may commit and read the offsets of a consumer group.

import { ErrorCode } from '../../../../protocol/errors.ts'
import type { Call } from '../call.ts'
import type { OffsetCommitCommand, OffsetFetchCommand, TxnOffsetCommitCommand } from '../command.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'

const FIRST_VERSION_WITH_MEMBER_EPOCH = 9

/**
 * NONE, or why nothing of the commit is taken. From outside only an empty group takes commits. A member's old epoch still commits
 * partitions that it has had since then (KIP-1251): that it has not heard of its new epoch yet is no reason to lose its place.
 */
export function memberCommitError(
  call: Call,
  group: ConsumerGroup,
  command: Pick<OffsetCommitCommand, 'memberId' | 'generationId' | 'apiVersion' | 'offsets'>,
): number {
  const { memberId, generationId: epoch, apiVersion } = command
  if (epoch < 0 && group.members.size === 0) return ErrorCode.NONE
  const member = group.members.get(memberId)
  if (!member) return ErrorCode.UNKNOWN_MEMBER_ID
  if (member.classic === null && apiVersion < FIRST_VERSION_WITH_MEMBER_EPOCH) return ErrorCode.UNSUPPORTED_VERSION
  if (epoch === member.memberEpoch) return ErrorCode.NONE
  const hasAll = command.offsets.every(({ topic, partition }) => {
    const topicId = call.view.topics.get(topic)?.topicId
    const since = topicId === undefined ? undefined : heldSince(member, topicId, partition)
    return since !== undefined && epoch >= since
  })
  return epoch < member.memberEpoch && hasAll ? ErrorCode.NONE : oldEpochError(member)
}

/** The same in a transaction, whose producer need not say for which member it commits, and hears of an old epoch by another name. */
export function memberTxnCommitError(call: Call, group: ConsumerGroup, command: TxnOffsetCommitCommand): number {
  const { memberId, groupInstanceId, generationId } = command
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.NONE
  const errorCode = memberCommitError(call, group, { ...command, apiVersion: FIRST_VERSION_WITH_MEMBER_EPOCH })
  return errorCode === ErrorCode.STALE_MEMBER_EPOCH ? ErrorCode.ILLEGAL_GENERATION : errorCode
}

function heldSince({ assigned, pendingRevocation }: ConsumerMember, topicId: string, partition: number) {
  return assigned.get(topicId)?.get(partition) ?? pendingRevocation.get(topicId)?.get(partition)
}

function oldEpochError({ classic }: ConsumerMember): number {
  return classic === null ? ErrorCode.STALE_MEMBER_EPOCH : ErrorCode.ILLEGAL_GENERATION
}

/** NONE, or why the asker is not answered. One who does not say who it is may read. */
export function memberFetchError(group: ConsumerGroup, { memberId, memberEpoch }: OffsetFetchCommand): number {
  if (memberId === null && memberEpoch < 0) return ErrorCode.NONE
  const member = memberId === null ? undefined : group.members.get(memberId)
  if (!member) return ErrorCode.UNKNOWN_MEMBER_ID
  return member.memberEpoch === memberEpoch ? ErrorCode.NONE : oldEpochError(member)
}
