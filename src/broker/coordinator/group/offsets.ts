import { ErrorCode } from '../../../protocol/errors.ts'
import type { Call } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type {
  FetchedOffset,
  GroupReplies,
  OffsetCommitCommand,
  OffsetDeleteCommand,
  OffsetFetchCommand,
  OffsetToCommit,
  TopicPartitionKey,
  TxnOffsetCommitCommand,
} from './command.ts'
import type { CommittedOffsets } from './committed-offsets.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { memberCommitError, memberFetchError, memberTxnCommitError } from './consumer/member-offsets.ts'
import type { CommittedOffset, GroupRecord } from './group-record.ts'
import { checkMember } from './join.ts'
import type { PendingOffsets } from './pending-offsets.ts'
import { resetSession } from './rebalance.ts'

export function commitOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  command: OffsetCommitCommand,
): void {
  const groupError =
    group instanceof ConsumerGroup ? memberCommitError(call, group, command) : commitError(group, command)
  const expiresAt = Math.min(call.nowMs + command.retentionTimeMs, Number.MAX_SAFE_INTEGER)
  const expireTimestamp = command.retentionTimeMs < 0 ? -1 : expiresAt
  const partitions = recordCommit(call, command, groupError, expireTimestamp)
  if (groupError === ErrorCode.NONE && group && !(group instanceof ConsumerGroup)) {
    const member = group.members.get(command.memberId)
    if (member) resetSession(call, group, member)
  }
  call.outcome.reply(call.id, { partitions })
}

/** The offsets count, and are shown to those who want stable ones, when the producer's transaction commits. */
export function commitOffsetsInTransaction(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  command: TxnOffsetCommitCommand,
): void {
  const { producerId, producerEpoch } = command
  const groupError =
    group instanceof ConsumerGroup ? memberTxnCommitError(call, group, command) : txnCommitError(group, command)
  const partitions = recordCommit(call, command, groupError, -1)
  call.outcome.producer = { producerId, producerEpoch }
  call.outcome.reply(call.id, { partitions })
}

function recordCommit(
  call: Call,
  { groupId, offsets }: { readonly groupId: string; readonly offsets: readonly OffsetToCommit[] },
  groupError: number,
  expireTimestamp: number,
): { topic: string; partition: number; errorCode: number }[] {
  return offsets.map(({ topic, topicId, partition, offset, leaderEpoch, metadata }) => {
    if (groupError !== ErrorCode.NONE) return { topic, partition, errorCode: groupError }
    if (Buffer.byteLength(metadata) > call.config.offsetMetadataMaxBytes) {
      return { topic, partition, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
    }
    const value = { offset, leaderEpoch, metadata, commitTimestamp: call.nowMs, expireTimestamp, topicId }
    call.outcome.record({ type: 'offset-commit', groupId, topic, partition, value })
    return { topic, partition, errorCode: ErrorCode.NONE }
  })
}

/** As of a plain commit, but producers before KIP-447 say nothing of a member, and a rebalance under way does not matter. */
function txnCommitError(group: ClassicGroup | undefined, command: TxnOffsetCommitCommand): number {
  const { generationId, memberId, groupInstanceId } = command
  if (!group) return generationId < 0 ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
  if (generationId < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (generationId < 0 && memberId === '' && groupInstanceId === null) return ErrorCode.NONE
  const errorCode = checkMember(group, memberId, groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  return generationId === group.generationId ? ErrorCode.NONE : ErrorCode.ILLEGAL_GENERATION
}

function commitError(group: ClassicGroup | undefined, command: OffsetCommitCommand): number {
  // Without a group, only those who manage their partitions themselves may commit: they give no generation.
  if (!group) return command.generationId < 0 ? ErrorCode.NONE : ErrorCode.GROUP_ID_NOT_FOUND
  if (command.generationId < 0 && group.state === 'Empty') return ErrorCode.NONE
  if (command.generationId < 0 && command.memberId === '' && command.groupInstanceId === null) {
    return group.members.size === 0 ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
  }
  const errorCode = checkMember(group, command.memberId, command.groupInstanceId)
  if (errorCode !== ErrorCode.NONE) return errorCode
  if (command.generationId !== group.generationId) return ErrorCode.ILLEGAL_GENERATION
  return group.state === 'CompletingRebalance' ? ErrorCode.REBALANCE_IN_PROGRESS : ErrorCode.NONE
}

export function fetchOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  offsets: CommittedOffsets,
  pending: PendingOffsets,
  command: OffsetFetchCommand,
): void {
  const errorCode = group instanceof ConsumerGroup ? memberFetchError(group, command) : ErrorCode.NONE
  const reply: GroupReplies['offset-fetch'] =
    errorCode === ErrorCode.NONE
      ? { errorCode, offsets: fetchedOffsets(offsets, pending, command) }
      : { errorCode, offsets: [] }
  call.outcome.reply(call.id, reply)
}

function fetchedOffsets(
  offsets: CommittedOffsets,
  pending: PendingOffsets,
  { groupId, partitions, requireStable }: OffsetFetchCommand,
): FetchedOffset[] {
  const asked: Iterable<TopicPartitionKey> = partitions ?? offsets.of(groupId)
  return Array.from(asked, ({ topic, partition }) => {
    const isUnstable = requireStable && pending.has(groupId, topic, partition)
    const value = isUnstable ? undefined : offsets.get(groupId, topic, partition)
    return fetched(topic, partition, value, isUnstable ? ErrorCode.UNSTABLE_OFFSET_COMMIT : ErrorCode.NONE)
  })
}

function fetched(
  topic: string,
  partition: number,
  value: CommittedOffset | undefined,
  errorCode: number,
): FetchedOffset {
  if (!value) return { topic, partition, offset: -1, leaderEpoch: -1, metadata: '', errorCode }
  const { offset, leaderEpoch, metadata } = value
  return { topic, partition, offset, leaderEpoch, metadata, errorCode }
}

/** Refuses topics that the group reads now: a delete would be undone by the next commit. */
export function deleteOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  offsets: CommittedOffsets,
  pending: PendingOffsets,
  command: OffsetDeleteCommand,
) {
  const refuse = (errorCode: number) => call.outcome.reply(call.id, { errorCode, partitions: [] })
  if (!group) return refuse(ErrorCode.GROUP_ID_NOT_FOUND)
  const subscribed = group.members.size === 0 ? new Set<string>() : group.subscribedTopics()
  if (!subscribed) return refuse(ErrorCode.NON_EMPTY_GROUP)
  const partitions = command.partitions.map(({ topic, partition }) => {
    if (subscribed.has(topic)) return { topic, partition, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
    const { groupId } = command
    if (offsets.get(groupId, topic, partition) || pending.has(groupId, topic, partition)) {
      call.outcome.record(offsetTombstone(groupId, topic, partition))
    }
    return { topic, partition, errorCode: ErrorCode.NONE }
  })
  call.outcome.reply(call.id, { errorCode: ErrorCode.NONE, partitions })
}

/** Offsets that nobody can want any more: those of groups empty for too long, and of topics that the group left long ago. */
export function expiredOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup,
  offsets: CommittedOffsets,
  pending: PendingOffsets,
): { topic: string; partition: number }[] {
  const expired: { topic: string; partition: number }[] = []
  const isClassic = !(group instanceof ConsumerGroup)
  const subscribed = !isClassic || group.state === 'Stable' ? group.subscribedTopics() : undefined
  for (const { topic, partition, value } of offsets.of(group.groupId)) {
    const since = isClassic ? idleSince(group, subscribed, topic, value) : unreadSince(subscribed, topic, value)
    // An open transaction says that the group still works with the partition.
    if (since === undefined || pending.has(group.groupId, topic, partition)) continue
    const due = value.expireTimestamp >= 0 ? value.expireTimestamp : since + call.config.offsetsRetentionMs
    if (call.nowMs >= due) expired.push({ topic, partition })
  }
  return expired
}

/** From when the offset counts as unused; undefined while the group may still want it. */
function idleSince(
  group: ClassicGroup,
  subscribed: ReadonlySet<string> | undefined,
  topic: string,
  value: CommittedOffset,
): number | undefined {
  // A group that never had members commits by itself: only its commits show that it lives.
  if (group.protocolType === null) return value.commitTimestamp
  if (group.state === 'Empty') return Math.max(group.stateTimestamp, value.commitTimestamp)
  if (group.state === 'Stable' && subscribed && !subscribed.has(topic)) return value.commitTimestamp
  return undefined
}

/** A consumer group tells at any time what it reads, so that every commit of anything else ages by itself. */
function unreadSince(subscribed: ReadonlySet<string> | undefined, topic: string, value: CommittedOffset) {
  return subscribed?.has(topic) ? undefined : value.commitTimestamp
}

export function offsetTombstone(groupId: string, topic: string, partition: number): GroupRecord {
  return { type: 'offset-commit', groupId, topic, partition, value: null }
}
