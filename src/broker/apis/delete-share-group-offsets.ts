// DeleteShareGroupOffsets (key 92), version 0 (KIP-932).
//
// - An empty share group forgets topics, and begins in them anew when it reads them again: NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND.
// - UNKNOWN_TOPIC_OR_PARTITION for what is not there. A topic that the group never had is forgotten already.
// - Needs DELETE on the group: GROUP_AUTHORIZATION_FAILED; READ on each topic: TOPIC_AUTHORIZATION_FAILED for it.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteShareGroupOffsets } from '../../protocol/messages/delete-share-group-offsets.ts'
import { ZERO_UUID } from '../../protocol/schema.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'
import { deleteShareState } from '../share/delete-share-state.ts'

export const serveDeleteShareGroupOffsets = serve(deleteShareGroupOffsets, [0, 0], async (broker, request, call) => {
  const { groupId } = request
  const refuse = (errorCode: number, errorMessage: string | null) => {
    return { throttleTimeMs: 0, errorCode, errorMessage, responses: [] }
  }
  if (!call.may('DELETE', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED, null)
  const asked = request.topics.map(({ topicName }) => {
    const topic = broker.image.topics.get(topicName)
    const errorCode = topic ? ErrorCode.NONE : ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    const mayRead = call.may('READ', 'TOPIC', topicName)
    const topicId = topic?.topicId ?? ZERO_UUID
    return { topicName, topicId, errorCode: mayRead ? errorCode : ErrorCode.TOPIC_AUTHORIZATION_FAILED }
  })
  const topicIds = asked.filter(({ errorCode }) => errorCode === ErrorCode.NONE).map(({ topicId }) => topicId)
  const forgetting = broker.groups.ask({ type: 'share-forget', groupId, topicIds })
  const forgotten = await orElse(forgetting, (errorCode) => ({
    errorCode,
    errorMessage: null,
    stateEpoch: 0,
    topics: [],
  }))
  if (forgotten.errorCode !== ErrorCode.NONE) return refuse(forgotten.errorCode, forgotten.errorMessage)
  const failures = await deleteShareState(broker, groupId, forgotten.topics)
  const done = topicIds.filter((topicId) => !failures.has(topicId))
  await orElse(broker.groups.ask({ type: 'share-forgotten', groupId, topicIds: done }), () => undefined)
  const responses = asked.map((row) => ({
    ...row,
    errorCode: failures.get(row.topicId) ?? row.errorCode,
    errorMessage: null,
  }))
  return { throttleTimeMs: 0, errorCode: ErrorCode.NONE, errorMessage: null, responses }
})
