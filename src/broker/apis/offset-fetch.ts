// OffsetFetch (key 9), versions 1–10. The rules are in coordinator/group/offsets.ts.
//
// - A partition without an offset: −1 without an error, even when the topic or the group does not exist.
// - Needs DESCRIBE on the group, else GROUP_AUTHORIZATION_FAILED for it, and on each topic: TOPIC_AUTHORIZATION_FAILED when it was
//   asked for, otherwise it is left out.
// - v2+: null topics for all that the group has, and an error for the whole group. v5+: leader epochs. v7+: with
//   requireStable, UNSTABLE_OFFSET_COMMIT for a partition of which an open transaction holds an offset (KIP-447). v8+: several groups
//   (KIP-709). v9+: a member of a consumer group may say its id and epoch, which are checked (UNKNOWN_MEMBER_ID, STALE_MEMBER_EPOCH);
//   a classic group does not check them. v10: topic ids.

import { ErrorCode } from '../../protocol/errors.ts'
import { offsetFetch } from '../../protocol/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import type { FetchedOffset, TopicPartitionKey } from '../coordinator/group/command.ts'
import { orElse } from '../coordinator/runtime.ts'
import { type Call, serve } from '../dispatcher.ts'

const FIRST_VERSION_OF_MANY = 8
const FIRST_VERSION_WITH_IDS = 10
const FIRST_VERSION_WITH_GROUP_ERROR = 2

interface AskedTopic {
  readonly name: string
  readonly topicId: string
  readonly partitionIndexes: readonly number[]
}

export const serveOffsetFetch = serve(offsetFetch, [1, 10], async (broker, request, call) => {
  const { version } = call
  const { requireStable } = request
  if (version >= FIRST_VERSION_OF_MANY) {
    const groups = await Promise.all(
      request.groups.map(({ groupId, topics, memberId, memberEpoch }) =>
        fetchGroup(broker, call, { groupId, memberId, memberEpoch, requireStable }, topics),
      ),
    )
    return { throttleTimeMs: 0, groups }
  }
  const asked = request.topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null
  const { topics, errorCode } = await fetchGroup(
    broker,
    call,
    { groupId: request.groupId, memberId: null, memberEpoch: -1, requireStable },
    asked,
  )
  if (version >= FIRST_VERSION_WITH_GROUP_ERROR || errorCode === ErrorCode.NONE) {
    return { throttleTimeMs: 0, topics, errorCode }
  }
  const partitions = (topic: AskedTopic) => topic.partitionIndexes.map((index) => missing(index, errorCode))
  return {
    throttleTimeMs: 0,
    topics: (asked ?? []).map((topic) => ({ name: topic.name, partitions: partitions(topic) })),
  }
})

/** Whose offsets, and which member of the group asks, when it says so. */
interface Asker {
  readonly groupId: string
  readonly memberId: string | null
  readonly memberEpoch: number
  readonly requireStable: boolean
}

async function fetchGroup(broker: Broker, call: Call, asker: Asker, asked: readonly AskedTopic[] | null) {
  const { version, may } = call
  const { groupId } = asker
  if (!may('DESCRIBE', 'GROUP', groupId)) {
    return { groupId, topics: [], errorCode: ErrorCode.GROUP_AUTHORIZATION_FAILED }
  }
  const byId = version >= FIRST_VERSION_WITH_IDS
  const resolved = asked?.map((topic) => {
    const name = byId ? broker.image.topicById(topic.topicId)?.name : topic.name
    const refused = name === undefined ? ErrorCode.UNKNOWN_TOPIC_ID : ErrorCode.TOPIC_AUTHORIZATION_FAILED
    return { topic, name: name !== undefined && may('DESCRIBE', 'TOPIC', name) ? name : refused }
  })
  const partitions = resolved?.flatMap(({ topic, name }): TopicPartitionKey[] =>
    typeof name === 'number' ? [] : topic.partitionIndexes.map((partition) => ({ topic: name, partition })),
  )
  const command = { type: 'offset-fetch', ...asker, partitions } as const
  const { errorCode, offsets } = await orElse(broker.groups.ask(command), (code) => ({ errorCode: code, offsets: [] }))
  const visible = asked === null ? offsets.filter(({ topic }) => may('DESCRIBE', 'TOPIC', topic)) : offsets
  const refused = (resolved ?? []).flatMap(({ topic, name: error }) => {
    if (typeof error === 'string' || errorCode !== ErrorCode.NONE) return []
    const { name, topicId, partitionIndexes } = topic
    return [{ name, topicId, partitions: partitionIndexes.map((index) => missing(index, error)) }]
  })
  // A topic without partitions is named in the answer too.
  const empty = (resolved ?? []).flatMap(({ topic: { name, topicId, partitionIndexes }, name: known }) =>
    typeof known === 'string' && partitionIndexes.length === 0 && errorCode === ErrorCode.NONE
      ? [{ name, topicId, partitions: [] }]
      : [],
  )
  const topics = [...groupedByTopic(broker, visible), ...refused, ...empty]
  return { groupId, topics, errorCode }
}

function groupedByTopic(broker: Broker, offsets: readonly FetchedOffset[]) {
  return [...Map.groupBy(offsets, ({ topic }) => topic)].map(([name, found]) => ({
    name,
    topicId: broker.image.topics.get(name)?.topicId ?? ZERO_UUID,
    partitions: found.map(({ partition, offset, leaderEpoch, metadata, errorCode }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      metadata,
      errorCode,
    })),
  }))
}

function missing(partitionIndex: number, errorCode: number) {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}
