// DescribeShareGroupOffsets (key 90), versions 0–1 (KIP-932).
//
// - Where a share group stands in the partitions that are asked for, or in all that it has begun; −1 where it has not.
// - v1: how many records it has before it: those up to the end that are not done (KIP-1226); −1 where that cannot be told.
// - A group that is not there has begun nowhere. UNKNOWN_TOPIC_OR_PARTITION, where Kafka does not answer at all.
// - Needs DESCRIBE on the group, and on each topic: TOPIC_AUTHORIZATION_FAILED; of all topics those are told that may be described.

import { ErrorCode } from '../../protocol/errors.ts'
import { describeShareGroupOffsets } from '../../protocol/messages/describe-share-group-offsets.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { orElse } from '../coordinator/runtime.ts'
import { NOT_BEGUN } from '../coordinator/share/share-state.ts'
import { type Call, serve } from '../dispatcher.ts'
import { endOffsetOf } from '../share/end-offset.ts'

interface AskedGroup {
  readonly groupId: string
  readonly topics: readonly { readonly topicName: string; readonly partitions: readonly number[] }[] | null
}

export const serveDescribeShareGroupOffsets = serve(
  describeShareGroupOffsets,
  [0, 1],
  async (broker, request, call) => {
    const groups = await Promise.all(request.groups.map((group) => describeGroup(broker, call, group)))
    return { throttleTimeMs: 0, groups }
  },
)

async function describeGroup(broker: Broker, call: Call, { groupId, topics }: AskedGroup) {
  const refuse = (errorCode: number, errorMessage: string | null) => ({ groupId, topics: [], errorCode, errorMessage })
  if (!call.may('DESCRIBE', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED, null)
  const asked = broker.groups.ask({ type: 'share-topics', groupId })
  const group = await orElse(asked, (errorCode) => ({ errorCode, errorMessage: null, stateEpoch: 0, topics: [] }))
  const isKnown = group.errorCode !== ErrorCode.GROUP_ID_NOT_FOUND
  if (isKnown && group.errorCode !== ErrorCode.NONE) return refuse(group.errorCode, group.errorMessage)
  const visible = group.topics.filter(({ topicName }) => call.may('DESCRIBE', 'TOPIC', topicName))
  const wanted = topics ?? visible
  const rows = wanted.map(async ({ topicName, partitions }) => {
    const topicId = broker.image.topics.get(topicName)?.topicId ?? ZERO_UUID
    const error = topicError(broker, call, topicName)
    const answers = partitions.map(async (partitionIndex) => {
      if (error !== ErrorCode.NONE) return nowhere(partitionIndex, error)
      const isThere = broker.image.topics.get(topicName)?.partitions[partitionIndex] !== undefined
      if (!isThere) return nowhere(partitionIndex, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
      return describePartition(broker, { groupId, topicId, partition: partitionIndex }, topicName)
    })
    return { topicName, topicId, partitions: await Promise.all(answers) }
  })
  return { groupId, topics: await Promise.all(rows), errorCode: ErrorCode.NONE, errorMessage: null }
}

function topicError(broker: Broker, call: Call, topicName: string): number {
  if (!call.may('DESCRIBE', 'TOPIC', topicName)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  return broker.image.topics.has(topicName) ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
}

async function describePartition(
  broker: Broker,
  key: { groupId: string; topicId: string; partition: number },
  topicName: string,
) {
  const { errorCode, errorMessage, state } = await broker.shareStore.ask({ type: 'summary', key })
  if (errorCode !== ErrorCode.NONE) return { ...nowhere(key.partition, errorCode), errorMessage }
  const { startOffset, leaderEpoch, deliveryCompleteCount } = state
  const endOffset = startOffset === NOT_BEGUN ? -1 : await endOffsetOf(broker, topicName, key.partition)
  const isKnown = endOffset >= 0 && deliveryCompleteCount >= 0
  const lag = isKnown ? Math.max(0, endOffset - startOffset - deliveryCompleteCount) : -1
  return { partitionIndex: key.partition, startOffset, leaderEpoch, lag, errorCode, errorMessage }
}

function nowhere(partitionIndex: number, errorCode: number) {
  return { partitionIndex, startOffset: NOT_BEGUN, leaderEpoch: 0, lag: -1, errorCode, errorMessage: null }
}
