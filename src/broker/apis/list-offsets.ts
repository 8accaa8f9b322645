// ListOffsets (key 2), versions 1–11.
//
// - −1 latest (high watermark, or last stable offset for read_committed), −2 log start, −3 the record with the greatest timestamp
//   (v7+, KIP-734), −4 local log start (v8+), −5 last tiered and −6 first pending upload (v9+, v11+): nothing is tiered, so −1.
// - A timestamp: the first record that is not earlier; offset −1 when there is none.
// - A partition named twice is answered once, with INVALID_REQUEST.
// - v4+: leader epochs, and currentLeaderEpoch is fenced (KIP-320).
// - Leaders answer: NOT_LEADER_OR_FOLLOWER. A new one whose high watermark is still below the end of what was there before it: consumers
//   are told nothing that could go back, but OFFSET_NOT_AVAILABLE (KIP-207), before v5 LEADER_NOT_AVAILABLE.
// - A follower (replicaId ≥ 0) and the debug consumer (−2) are told the end of the log, committed or not; the latter by any replica.
// - Needs DESCRIBE on the topic: TOPIC_AUTHORIZATION_FAILED.

import { ErrorCode } from '../../protocol/errors.ts'
import { listOffsets } from '../../protocol/messages/list-offsets.ts'
import type { Request } from '../../protocol/schema.ts'
import type { Broker } from '../broker.ts'
import { serve } from '../dispatcher.ts'
import type { Isolation } from '../log/partition-log.ts'
import type { Partition } from '../partition.ts'

const CONSUMER = -1
const DEBUG_CONSUMER = -2
const FIRST_VERSION_WITH_UNAVAILABLE = 5
const TIMESTAMP = {
  LATEST: -1,
  EARLIEST: -2,
  MAX_TIMESTAMP: -3,
  EARLIEST_LOCAL: -4,
  LATEST_TIERED: -5,
  EARLIEST_PENDING_UPLOAD: -6,
} as const
/** The special timestamps by the version that brought them. */
const SINCE: ReadonlyMap<number, number> = new Map([
  [TIMESTAMP.MAX_TIMESTAMP, 7],
  [TIMESTAMP.EARLIEST_LOCAL, 8],
  [TIMESTAMP.LATEST_TIERED, 9],
  [TIMESTAMP.EARLIEST_PENDING_UPLOAD, 11],
])

interface Found {
  readonly errorCode?: number
  readonly timestamp: number
  readonly offset: number
  readonly leaderEpoch: number
}

export const serveListOffsets = serve(listOffsets, [1, 11], (broker, request, call) => {
  const { version } = call
  const isolation = isolationOf(request)
  const mayAskAny = request.replicaId === DEBUG_CONSUMER
  const asked = request.topics.filter(({ partitions }) => partitions.length > 0)
  const topics = asked.map(({ name, partitions }) => {
    if (!call.may('DESCRIBE', 'TOPIC', name)) return { name, partitions: partitions.map(refused) }
    const answers = [...Map.groupBy(partitions, ({ partitionIndex }) => partitionIndex)].map(
      ([partitionIndex, asked]) => {
        const repeated = asked.length > 1
        const found = repeated
          ? failure(ErrorCode.INVALID_REQUEST)
          : find(broker, name, asked[0]!, { isolation, version, mayAskAny })
        const { errorCode = ErrorCode.NONE, ...position } = found
        // Before v4 there is no place for an epoch.
        return { partitionIndex, errorCode, ...position, leaderEpoch: version >= 4 ? position.leaderEpoch : -1 }
      },
    )
    return { name, partitions: answers }
  })
  return { throttleTimeMs: 0, topics }
})

function refused({ partitionIndex }: { partitionIndex: number }) {
  return { partitionIndex, errorCode: ErrorCode.TOPIC_AUTHORIZATION_FAILED, timestamp: -1, offset: -1, leaderEpoch: -1 }
}

function find(
  broker: Broker,
  name: string,
  asked: { partitionIndex: number; currentLeaderEpoch: number; timestamp: number },
  { isolation, version, mayAskAny }: { isolation: Isolation; version: number; mayAskAny: boolean },
): Found {
  const since = asked.timestamp < TIMESTAMP.EARLIEST ? (SINCE.get(asked.timestamp) ?? Infinity) : 0
  if (version < since) return failure(ErrorCode.UNSUPPORTED_VERSION)
  const partition = broker.partitions.find(name, asked.partitionIndex)
  if (typeof partition === 'number') return failure(partition)
  const { currentLeaderEpoch, timestamp } = asked
  const errorCode = mayAskAny ? partition.epochError(currentLeaderEpoch) : partition.leaderError(currentLeaderEpoch)
  if (errorCode !== ErrorCode.NONE) return failure(errorCode)
  const found = position(partition, timestamp, isolation)
  return isPremature(partition, timestamp, isolation, found)
    ? failure(
        version >= FIRST_VERSION_WITH_UNAVAILABLE ? ErrorCode.OFFSET_NOT_AVAILABLE : ErrorCode.LEADER_NOT_AVAILABLE,
      )
    : found
}

function isolationOf({ replicaId, isolationLevel }: Request<typeof listOffsets>): Isolation {
  if (replicaId !== CONSUMER) return 'log_end'
  return isolationLevel === 1 ? 'read_committed' : 'read_uncommitted'
}

/** An offset that an earlier leader may have gone beyond already, since this one does not know yet what is committed. */
function isPremature({ log, epochStart }: Partition, timestamp: number, isolation: Isolation, found: Found): boolean {
  if (isolation === 'log_end' || epochStart <= log.highWatermark) return false
  if (timestamp === TIMESTAMP.LATEST) return true
  const isLookup = timestamp >= 0 || timestamp === TIMESTAMP.MAX_TIMESTAMP
  return isLookup && found.offset < 0
}

function position(partition: Partition, timestamp: number, isolation: Isolation): Found {
  switch (timestamp) {
    case TIMESTAMP.LATEST:
      return { timestamp: -1, ...partition.latestOffset(isolation) }
    case TIMESTAMP.EARLIEST:
    case TIMESTAMP.EARLIEST_LOCAL:
      return { timestamp: -1, ...partition.earliestOffset() }
    case TIMESTAMP.LATEST_TIERED:
    case TIMESTAMP.EARLIEST_PENDING_UPLOAD:
      return NOTHING
    case TIMESTAMP.MAX_TIMESTAMP:
      return record(partition.log.offsetOfMaxTimestamp(isolation))
    default:
      return record(partition.log.offsetForTimestamp(timestamp, isolation))
  }
}

function record(
  found: { offset: number; timestamp: number; leaderEpoch: number } | { error: number } | undefined,
): Found {
  if (!found) return NOTHING
  if ('error' in found) return failure(found.error)
  return { timestamp: found.timestamp, offset: found.offset, leaderEpoch: found.leaderEpoch }
}

const NOTHING: Found = { timestamp: -1, offset: -1, leaderEpoch: -1 }

function failure(errorCode: number): Found {
  return { ...NOTHING, errorCode }
}
