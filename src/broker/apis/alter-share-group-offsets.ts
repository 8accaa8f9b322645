// AlterShareGroupOffsets (key 91), version 0 (KIP-932).
//
// - An empty share group goes on elsewhere, and a new one begins there: NON_EMPTY_GROUP. Answered once the share coordinator has it.
// - UNKNOWN_TOPIC_OR_PARTITION for what is not there; INVALID_REQUEST for an offset below −1, which says: where the group begins by itself.
// - Needs READ on the group: GROUP_AUTHORIZATION_FAILED; READ on each topic: TOPIC_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { alterShareGroupOffsets } from '../../protocol/messages/alter-share-group-offsets.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { orElse } from '../coordinator/runtime.ts'
import { NOT_BEGUN } from '../coordinator/share/share-state.ts'
import { serve } from '../dispatcher.ts'
import { initializeShareState } from '../share/initialize-share-state.ts'

export const serveAlterShareGroupOffsets = serve(alterShareGroupOffsets, [0, 0], async (broker, request, call) => {
  const { groupId } = request
  const refuse = (errorCode: number, errorMessage: string | null) => {
    return { throttleTimeMs: 0, errorCode, errorMessage, responses: [] }
  }
  if (!call.may('READ', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED, null)
  const asked = request.topics.map(({ topicName, partitions }) => {
    const topic = broker.image.topics.get(topicName)
    const mayRead = call.may('READ', 'TOPIC', topicName)
    const rows = partitions.map(({ partitionIndex, startOffset }) => {
      const isThere = topic?.partitions[partitionIndex] !== undefined
      const known = isThere ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      const errorCode = startOffset < NOT_BEGUN ? ErrorCode.INVALID_REQUEST : known
      return { partitionIndex, startOffset, errorCode: mayRead ? errorCode : ErrorCode.TOPIC_AUTHORIZATION_FAILED }
    })
    return { topicName, topicId: topic?.topicId ?? ZERO_UUID, rows }
  })
  const topics = asked
    .map(({ topicName, topicId, rows }) => {
      const sound = rows.filter(({ errorCode }) => errorCode === ErrorCode.NONE)
      return { topicName, topicId, partitions: sound.map(({ partitionIndex }) => partitionIndex) }
    })
    .filter(({ partitions }) => partitions.length > 0)
  if (asked.length === 0) return refuse(ErrorCode.NONE, null)
  const altering = broker.groups.ask({ type: 'share-alter', groupId, topics })
  const altered = await orElse(altering, (errorCode) => ({ errorCode, errorMessage: null, stateEpoch: 0, topics: [] }))
  if (altered.errorCode !== ErrorCode.NONE) return refuse(altered.errorCode, altered.errorMessage)
  // A topic that is named twice is one topic; of a partition that is named twice the first counts.
  const startOf = (id: string, partition: number) => {
    const rows = asked.flatMap(({ topicId, rows }) => (topicId === id ? rows : []))
    return rows.find(({ partitionIndex }) => partitionIndex === partition)!.startOffset
  }
  const outcomes = await initializeShareState(broker, groupId, altered, startOf)
  const responses = asked.map(({ topicName, topicId, rows }) => ({
    topicName,
    topicId,
    partitions: rows.map(({ partitionIndex, errorCode }) => {
      const outcome = outcomes.find((each) => each.topicId === topicId && each.partition === partitionIndex)
      const errorMessage = outcome?.errorMessage ?? null
      return { partitionIndex, errorCode: outcome?.errorCode ?? errorCode, errorMessage }
    }),
  }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, responses }
})
