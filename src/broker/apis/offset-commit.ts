// OffsetCommit (key 8), versions 2–10. The rules are in coordinator/group/offsets.ts.
//
// - Answered once committed to `__consumer_offsets`. Partitions that do not exist: UNKNOWN_TOPIC_OR_PARTITION; the rest is stored.
// - Needs READ on the group, else GROUP_AUTHORIZATION_FAILED for all, and on each topic: TOPIC_AUTHORIZATION_FAILED.
// - v2–4: the request may say how long its offsets are kept. v6+: leader epoch (KIP-320). v7+: static members (KIP-345).
//   v9+: GROUP_ID_NOT_FOUND for a generation of a group that is not there, ILLEGAL_GENERATION before; member epochs of consumer
//   groups, with STALE_MEMBER_EPOCH for an old one unless the member has had the partitions since then (KIP-1251). v10: topic ids.

import { ErrorCode } from '../../protocol/errors.ts'
import { offsetCommit } from '../../protocol/messages/offset-commit.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import type { OffsetToCommit } from '../coordinator/group/command.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'

const FIRST_VERSION_WITH_IDS = 10
const FIRST_VERSION_WITH_NOT_FOUND = 9

type Topic = Request<typeof offsetCommit>['topics'][number]

export const serveOffsetCommit = serve(offsetCommit, [2, 10], async (broker, request, call) => {
  const { version } = call
  const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch: generationId, retentionTimeMs } = request
  if (!call.may('READ', 'GROUP', groupId)) return refuse(request.topics, ErrorCode.GROUP_AUTHORIZATION_FAILED)
  const resolved = request.topics
    .map((topic) => ({ topic, name: resolve(broker, call, topic) }))
    // A topic that is there is only named for its partitions.
    .filter(({ topic, name }) => topic.partitions.length > 0 || !broker.image.topics.has(String(name)))
  const offsets = resolved.flatMap(({ topic, name }) => (typeof name === 'number' ? [] : known(broker, name, topic)))
  const command = {
    type: 'offset-commit',
    groupId,
    memberId,
    groupInstanceId,
    generationId,
    retentionTimeMs,
    apiVersion: version,
    offsets,
  } as const
  const failAll = (errorCode: number) => ({
    partitions: offsets.map(({ topic, partition }) => ({ topic, partition, errorCode })),
  })
  const reply = await orElse(broker.groups.ask(command), failAll)
  const errors = new Map(
    reply.partitions.map(({ topic, partition, errorCode }) => [`${topic}:${partition}`, errorCode]),
  )
  const topics = resolved.map(({ topic, name }) => {
    const partitions = topic.partitions.map(({ partitionIndex }) => {
      if (typeof name === 'number') return { partitionIndex, errorCode: name }
      const errorCode = errors.get(`${name}:${partitionIndex}`) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      return { partitionIndex, errorCode: forVersion(errorCode, version) }
    })
    return { name: topic.name, topicId: topic.topicId, partitions }
  })
  return { throttleTimeMs: 0, topics }
})

function refuse(asked: readonly Topic[], errorCode: number) {
  const topics = asked.map(({ name, topicId, partitions }) => ({
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode })),
  }))
  return { throttleTimeMs: 0, topics }
}

/** The topic's name, or why none of its partitions is looked at. */
function resolve(broker: Broker, { version, may }: Call, { name, topicId }: Topic): string | number {
  const resolved = version >= FIRST_VERSION_WITH_IDS ? broker.image.topicById(topicId)?.name : name
  if (resolved === undefined) return ErrorCode.UNKNOWN_TOPIC_ID
  return may('READ', 'TOPIC', resolved) ? resolved : ErrorCode.TOPIC_AUTHORIZATION_FAILED
}

/** Older clients take an unknown group for an old generation. */
function forVersion(errorCode: number, version: number): number {
  const tooNew = errorCode === ErrorCode.GROUP_ID_NOT_FOUND && version < FIRST_VERSION_WITH_NOT_FOUND
  return tooNew ? ErrorCode.ILLEGAL_GENERATION : errorCode
}

function known(broker: Broker, name: string, topic: Topic): OffsetToCommit[] {
  const image = broker.image.topics.get(name)
  if (!image) return []
  return topic.partitions
    .filter(({ partitionIndex }) => image.partitions[partitionIndex] !== undefined)
    .map((partition) => ({
      topic: name,
      topicId: image.topicId,
      partition: partition.partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
    }))
}
