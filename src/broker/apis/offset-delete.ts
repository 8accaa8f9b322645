// OffsetDelete (key 47), version 0 (KIP-496). The rules are in coordinator/group/offsets.ts.
//
// - Deletes a group's offsets. Topics that active members read: GROUP_SUBSCRIBED_TO_TOPIC; a group that is not one of consumers and
//   has members: NON_EMPTY_GROUP; no such group: GROUP_ID_NOT_FOUND.
// - Needs DELETE on the group: GROUP_AUTHORIZATION_FAILED; and READ on each topic: TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { offsetDelete } from '../../protocol/messages/offset-delete.ts'
import { orElse } from '../coordinator/runtime.ts'
import { serve } from '../dispatcher.ts'

export const serveOffsetDelete = serve(offsetDelete, [0, 0], async (broker, request, call) => {
  const { groupId } = request
  const refuse = (errorCode: number) => ({ errorCode, throttleTimeMs: 0, topics: [] })
  if (!call.may('DELETE', 'GROUP', groupId)) return refuse(ErrorCode.GROUP_AUTHORIZATION_FAILED)
  if (groupId === '') return refuse(ErrorCode.INVALID_GROUP_ID)
  const readable = new Set(request.topics.flatMap(({ name }) => (call.may('READ', 'TOPIC', name) ? [name] : [])))
  const exists = (topic: string, partition: number) =>
    readable.has(topic) && broker.image.topics.get(topic)?.partitions[partition] !== undefined
  const partitions = request.topics.flatMap(({ name, partitions: asked }) =>
    asked
      .filter(({ partitionIndex }) => exists(name, partitionIndex))
      .map(({ partitionIndex }) => ({ topic: name, partition: partitionIndex })),
  )
  const asked = broker.groups.ask({ type: 'offset-delete', groupId, partitions })
  const reply = await orElse(asked, (errorCode) => ({ errorCode, partitions: [] }))
  if (reply.errorCode !== ErrorCode.NONE) return refuse(reply.errorCode)
  const errors = new Map(reply.partitions.map((at) => [`${at.topic}:${at.partition}`, at.errorCode]))
  // A topic that is there is only named for its partitions.
  const told = request.topics.filter(
    ({ name, partitions: named }) => named.length > 0 || !broker.image.topics.has(name),
  )
  const topics = told.map(({ name, partitions: named }) => ({
    name,
    partitions: named.map(({ partitionIndex }) => {
      if (!readable.has(name)) return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }
      const errorCode = errors.get(`${name}:${partitionIndex}`) ?? ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
      return { partitionIndex, errorCode }
    }),
  }))
  return { errorCode: ErrorCode.NONE, throttleTimeMs: 0, topics }
})
