import { ErrorCode } from '../../../protocol/errors.ts'
import type { Call } from './call.ts'
import type { ClassicGroup } from './classic-group.ts'
import type {
  FetchedOffset,
  GroupReplies,
  OffsetCommitCommand,
  OffsetDeleteCommand,
  OffsetFetchCommand,
  TopicPartitionKey,
} from './command.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { memberCommitError, memberFetchError } from './consumer/member-offsets.ts'
import type { CommittedOffset, GroupRecord } from './group-record.ts'
import { checkMember } from './join.ts'
import { resetSession } from './rebalance.ts'

/**
 * The offsets that groups have committed.
 *
 * 1. A group is listed only while it has at least one offset.
 * 2. Only `set`, called in replay, changes them.
 */
export class CommittedOffsets {
  readonly #groups = new Map<string, Map<string, Map<number, CommittedOffset>>>()

  get(groupId: string, topic: string, partition: number): CommittedOffset | undefined {
    return this.#groups.get(groupId)?.get(topic)?.get(partition)
  }

  has(groupId: string): boolean {
    return this.#groups.has(groupId)
  }

  *of(groupId: string): Generator<TopicPartitionKey & { value: CommittedOffset }> {
    for (const [topic, partitions] of this.#groups.get(groupId) ?? []) {
      for (const [partition, value] of partitions) yield { topic, partition, value }
    }
  }

  groupIds(): string[] {
    return [...this.#groups.keys()]
  }

  set(groupId: string, topic: string, partition: number, value: CommittedOffset | null): void {
    const topics = this.#groups.get(groupId) ?? new Map<string, Map<number, CommittedOffset>>()
    const partitions = topics.get(topic) ?? new Map<number, CommittedOffset>()
    if (value !== null) {
      this.#groups.set(groupId, topics.set(topic, partitions.set(partition, value)))
      return
    }
    partitions.delete(partition)
    if (partitions.size === 0) topics.delete(topic)
    if (topics.size === 0) this.#groups.delete(groupId)
  }
}

export function commitOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  command: OffsetCommitCommand,
): void {
  const groupError =
    group instanceof ConsumerGroup ? memberCommitError(call, group, command) : commitError(group, command)
  const partitions = command.offsets.map(({ topic, partition, offset, leaderEpoch, metadata }) => {
    if (groupError !== ErrorCode.NONE) return { topic, partition, errorCode: groupError }
    if (Buffer.byteLength(metadata) > call.config.offsetMetadataMaxBytes) {
      return { topic, partition, errorCode: ErrorCode.OFFSET_METADATA_TOO_LARGE }
    }
    const expiresAt = Math.min(call.nowMs + command.retentionTimeMs, Number.MAX_SAFE_INTEGER)
    const expireTimestamp = command.retentionTimeMs < 0 ? -1 : expiresAt
    const value = { offset, leaderEpoch, metadata, commitTimestamp: call.nowMs, expireTimestamp }
    call.outcome.record({ type: 'offset-commit', groupId: command.groupId, topic, partition, value })
    return { topic, partition, errorCode: ErrorCode.NONE }
  })
  if (groupError === ErrorCode.NONE && group && !(group instanceof ConsumerGroup)) {
    const member = group.members.get(command.memberId)
    if (member) resetSession(call, group, member)
  }
  call.outcome.reply(call.id, { partitions })
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
  command: OffsetFetchCommand,
): void {
  const errorCode = group instanceof ConsumerGroup ? memberFetchError(group, command) : ErrorCode.NONE
  const reply: GroupReplies['offset-fetch'] =
    errorCode === ErrorCode.NONE
      ? { errorCode, offsets: fetchedOffsets(offsets, command.groupId, command.partitions) }
      : { errorCode, offsets: [] }
  call.outcome.reply(call.id, reply)
}

function fetchedOffsets(
  offsets: CommittedOffsets,
  groupId: string,
  partitions: readonly TopicPartitionKey[] | undefined,
): FetchedOffset[] {
  if (partitions === undefined) {
    return [...offsets.of(groupId)].map(({ topic, partition, value }) => fetched(topic, partition, value))
  }
  return partitions.map(({ topic, partition }) => fetched(topic, partition, offsets.get(groupId, topic, partition)))
}

function fetched(topic: string, partition: number, value: CommittedOffset | undefined): FetchedOffset {
  if (!value) return { topic, partition, offset: -1, leaderEpoch: -1, metadata: '' }
  return { topic, partition, offset: value.offset, leaderEpoch: value.leaderEpoch, metadata: value.metadata }
}

/** Refuses topics that the group reads now: a delete would be undone by the next commit. */
export function deleteOffsets(
  call: Call,
  group: ClassicGroup | ConsumerGroup | undefined,
  offsets: CommittedOffsets,
  command: OffsetDeleteCommand,
) {
  const refuse = (errorCode: number) => call.outcome.reply(call.id, { errorCode, partitions: [] })
  if (!group) return refuse(ErrorCode.GROUP_ID_NOT_FOUND)
  const subscribed = group.members.size === 0 ? new Set<string>() : group.subscribedTopics()
  if (!subscribed) return refuse(ErrorCode.NON_EMPTY_GROUP)
  const partitions = command.partitions.map(({ topic, partition }) => {
    if (subscribed.has(topic)) return { topic, partition, errorCode: ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC }
    if (offsets.get(command.groupId, topic, partition)) {
      call.outcome.record(offsetTombstone(command.groupId, topic, partition))
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
): { topic: string; partition: number }[] {
  const expired: { topic: string; partition: number }[] = []
  const isClassic = !(group instanceof ConsumerGroup)
  const subscribed = !isClassic || group.state === 'Stable' ? group.subscribedTopics() : undefined
  for (const { topic, partition, value } of offsets.of(group.groupId)) {
    const since = isClassic ? idleSince(group, subscribed, topic, value) : unreadSince(subscribed, topic, value)
    if (since === undefined) continue
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
