// DeleteRecords (key 21), versions 0–2 (KIP-107).
//
// - Moves the log start offset up; −1 means the high watermark. Beyond it: OFFSET_OUT_OF_RANGE. Segments that lie wholly below go with
//   the next look of retention. Answered when all replicas that are alive have done the same, or after timeoutMs with REQUEST_TIMED_OUT.
// - Leaders do: NOT_LEADER_OR_FOLLOWER.
// - Needs DELETE on the topic: TOPIC_AUTHORIZATION_FAILED.
// - An internal topic: INVALID_TOPIC_EXCEPTION. A topic whose cleanup.policy lacks delete: POLICY_VIOLATION.

import { ErrorCode } from '../../protocol/errors.ts'
import { deleteRecords } from '../../protocol/messages/delete-records.ts'
import type { Broker } from '../broker.ts'
import { isInternalTopic } from '../coordinator/controller/topic-name.ts'
import { type Call, serve } from '../dispatcher.ts'
import type { Partition } from '../partition.ts'
import type { Wait } from '../purgatory.ts'

const HIGH_WATERMARK = -1

interface Deleted {
  readonly lowWatermark: number
  readonly errorCode: number
}

/** A partition whose replicas are not all there yet. */
interface Pending {
  readonly partition: Partition
  readonly offset: number
}

export const serveDeleteRecords = serve(deleteRecords, [0, 2], async (broker, request, call) => {
  const topics = request.topics
    .filter(({ partitions }) => partitions.length > 0)
    .map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, offset }) => {
        return { partitionIndex, deleted: deleteBefore(broker, call, name, partitionIndex, offset) }
      }),
    }))
  const pending = topics.flatMap(({ partitions }) => partitions.flatMap(({ deleted }) => waitOf(deleted) ?? []))
  if (pending.length > 0) await broker.purgatory.untilOver(pending, request.timeoutMs)
  return {
    throttleTimeMs: 0,
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex, deleted }) => ({ partitionIndex, ...settled(deleted) })),
    })),
  }
})

function deleteBefore(broker: Broker, call: Call, topic: string, index: number, offset: number): Deleted | Pending {
  if (!call.may('DELETE', 'TOPIC', topic)) return refused(ErrorCode.TOPIC_AUTHORIZATION_FAILED)
  if (isInternalTopic(topic)) return refused(ErrorCode.INVALID_TOPIC_EXCEPTION)
  const partition = broker.partitions.find(topic, index)
  if (typeof partition === 'number') return refused(partition)
  if (!partition.isLeader) return refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  if (!partition.log.config.delete) return refused(ErrorCode.POLICY_VIOLATION)
  const wanted = offset === HIGH_WATERMARK ? partition.log.highWatermark : offset
  const deleted = partition.deleteRecordsBefore(offset)
  return 'logStartOffset' in deleted ? { partition, offset: wanted } : refused(deleted.error)
}

function refused(errorCode: number): Deleted {
  return { lowWatermark: -1, errorCode }
}

function isThere({ partition, offset }: Pending): boolean {
  return partition.lowWatermark >= offset
}

function waitOf(deleted: Deleted | Pending): Wait | undefined {
  if (!('partition' in deleted) || isThere(deleted)) return undefined
  const { partition } = deleted
  return { partition, isOver: () => !partition.isLeader || isThere(deleted) }
}

function settled(deleted: Deleted | Pending): Deleted {
  if (!('partition' in deleted)) return deleted
  const { partition } = deleted
  if (!partition.isLeader) return refused(ErrorCode.NOT_LEADER_OR_FOLLOWER)
  if (isThere(deleted)) return { lowWatermark: partition.lowWatermark, errorCode: ErrorCode.NONE }
  return refused(ErrorCode.REQUEST_TIMED_OUT)
}
