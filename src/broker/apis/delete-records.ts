// DeleteRecords (key 21), versions 0–2 (KIP-107).
//
// - Moves the log start offset up; −1 means the high watermark. Beyond it: OFFSET_OUT_OF_RANGE. Segments that lie wholly below go with
//   the next look of retention.
// - Needs DELETE on the topic: TOPIC_AUTHORIZATION_FAILED.
// - An internal topic: INVALID_TOPIC_EXCEPTION. A topic whose cleanup.policy lacks delete: POLICY_VIOLATION.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteRecords } from '../../protocol/messages/delete-records.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'

export const serveDeleteRecords = serve(deleteRecords, [0, 2], (broker, request, call) => ({
  throttleTimeMs: 0,
  topics: request.topics
    .filter(({ partitions }) => partitions.length > 0)
    .map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => ({
        partitionIndex,
        ...deleteBefore(broker, call, name, partitionIndex, offset),
      })),
    })),
}))

function deleteBefore(broker: Broker, call: Call, topic: string, index: number, offset: number) {
  if (!call.may('DELETE', 'TOPIC', topic)) return { lowWatermark: -1, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED }
  if (isInternalTopic(topic)) return { lowWatermark: -1, errorCode: ErrorCode.INVALID_TOPIC_EXCEPTION }
  const partition = broker.partitions.get(topic, index)
  if (!partition) return { lowWatermark: -1, errorCode: ErrorCode.UNKNOWN_TOPIC_OR_PARTITION }
  if (!partition.log.config.delete) return { lowWatermark: -1, errorCode: ErrorCode.POLICY_VIOLATION }
  const deleted = partition.log.deleteRecordsBefore(offset)
  if (!('logStartOffset' in deleted)) return { lowWatermark: -1, errorCode: deleted.error }
  return { lowWatermark: deleted.logStartOffset, errorCode: ErrorCode.NONE }
}
