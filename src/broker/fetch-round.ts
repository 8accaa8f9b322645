// One round through the partitions of a fetch: what each of them gives within the limits, or why it gives nothing.

import { ErrorCode } from '../protocol/errors.ts'
import type { FetchPartition } from './fetch-session.ts'
import type { Isolation } from './log/partition-log.ts'
import type { Partition } from './partition.ts'
import type { PartitionStore } from './partition-store.ts'
import { UNKNOWN_REPLICA } from './replication/read-replica.ts'

/** Who reads, and how. */
export interface Reader {
  readonly isolation: Isolation
  readonly maxBytes: number
  /** Topics are named by id (KIP-516): one that was made anew under the old name is another topic. */
  readonly usesTopicIds: boolean
  /** Absent: a consumer. */
  readonly follower?: { readonly brokerId: number; readonly brokerEpoch: number } | undefined
  /** It may read from replicas that do not lead (KIP-392). */
  readonly mayReadFromFollower: boolean
  /** The replica that it had better read from; UNKNOWN_REPLICA: this one. */
  readonly preferredReplica: (partition: Partition, fetchOffset: number) => number
  /** Whether the reader has the right to read the topic; of a topic that is only known by an id the name is empty. */
  readonly mayRead: (topic: string) => boolean
}

export interface Round {
  readonly answers: readonly PartitionAnswer[]
  readonly bytes: number
  /** Something must be told at once, however few bytes there are. */
  readonly settled: boolean
}

export interface PartitionAnswer {
  readonly asked: FetchPartition
  readonly errorCode: number
  readonly highWatermark: number
  readonly lastStableOffset: number
  readonly logStartOffset: number
  readonly abortedTransactions: readonly { producerId: number; firstOffset: number }[] | null
  readonly divergingEpoch?: { readonly epoch: number; readonly endOffset: number }
  readonly preferredReadReplica: number
  readonly records: readonly Buffer[]
  readonly bytes: number
}

/**
 * Reads in the given order; the first batch is given even when it is larger than the limits (KIP-74). Of a follower the first round of its
 * fetch also tells how far it is.
 */
export function readRound(
  store: PartitionStore,
  reader: Reader,
  partitions: readonly FetchPartition[],
  isFirst: boolean,
): Round {
  let left = reader.maxBytes
  let bytes = 0
  let settled = false
  const answers = partitions.map((asked) => {
    const answer = readOne(store, reader, asked, { bytesLeft: left, minOneMessage: bytes === 0, isFirst })
    left = Math.max(left - answer.bytes, 0)
    bytes += answer.bytes
    settled ||= answer.errorCode !== ErrorCode.NONE || answer.divergingEpoch !== undefined
    settled ||= answer.preferredReadReplica !== UNKNOWN_REPLICA
    return answer
  })
  return { answers, bytes, settled }
}

function readOne(
  store: PartitionStore,
  reader: Reader,
  asked: FetchPartition,
  { bytesLeft, minOneMessage, isFirst }: { bytesLeft: number; minOneMessage: boolean; isFirst: boolean },
): PartitionAnswer {
  const partition = findPartition(store, reader, asked)
  if (typeof partition === 'number') return failed(asked, partition)
  const { follower } = reader
  const preferredReadReplica = follower ? UNKNOWN_REPLICA : reader.preferredReplica(partition, asked.fetchOffset)
  if (preferredReadReplica !== UNKNOWN_REPLICA) return { ...empty(partition, asked), preferredReadReplica }
  const diverging = divergence(partition, asked)
  if (typeof diverging === 'number') return failed(asked, diverging)
  if (diverging) return { ...empty(partition, asked), divergingEpoch: diverging }
  const isolation = follower ? 'log_end' : reader.isolation
  const maxBytes = Math.min(asked.maxBytes, bytesLeft)
  const read = partition.log.read(asked.fetchOffset, maxBytes, { isolation, minOneMessage })
  if (!('batches' in read)) return failed(asked, read.error)
  if (follower && isFirst) {
    const { brokerId, brokerEpoch } = follower
    const { fetchOffset, logStartOffset } = asked
    partition.followerFetched(brokerId, { fetchOffset, logStartOffset, brokerEpoch })
  }
  return {
    ...empty(partition, asked),
    // To a follower what its own fetch has committed; to a consumer what was so when it was read.
    ...(!follower && { highWatermark: read.highWatermark, lastStableOffset: read.lastStableOffset }),
    abortedTransactions: read.abortedTransactions,
    records: read.batches,
    bytes: read.batches.reduce((sum, batch) => sum + batch.length, 0),
  }
}

function findPartition(store: PartitionStore, reader: Reader, asked: FetchPartition): Partition | number {
  if (!reader.mayRead(asked.topic)) return ErrorCode.TOPIC_AUTHORIZATION_FAILED
  if (reader.usesTopicIds && asked.topic === '') return ErrorCode.UNKNOWN_TOPIC_ID
  const partition = store.find(asked.topic, asked.partition)
  if (typeof partition === 'number') return partition
  if (reader.usesTopicIds && partition.topicId !== asked.topicId) return ErrorCode.UNKNOWN_TOPIC_ID
  const { follower, mayReadFromFollower } = reader
  const { currentLeaderEpoch } = asked
  const errorCode = mayReadFromFollower
    ? partition.epochError(currentLeaderEpoch)
    : partition.leaderError(currentLeaderEpoch)
  if (errorCode !== ErrorCode.NONE) return errorCode
  const refusal = follower ? partition.followerError(follower.brokerId, follower.brokerEpoch) : ErrorCode.NONE
  if (refusal === ErrorCode.NONE) return partition
  // Without an epoch nobody can say whose metadata is behind.
  return currentLeaderEpoch < 0 ? ErrorCode.NOT_LEADER_OR_FOLLOWER : refusal
}

function empty(partition: Partition, asked: FetchPartition): PartitionAnswer {
  const { highWatermark, lastStableOffset, logStartOffset } = partition.log
  const offsets = { highWatermark, lastStableOffset, logStartOffset }
  return { asked, errorCode: ErrorCode.NONE, ...offsets, ...EMPTY }
}

/** Where the reader's log parted from this one, if it did; an error code when that cannot be told. */
function divergence(
  partition: Partition,
  asked: FetchPartition,
): { epoch: number; endOffset: number } | number | undefined {
  if (asked.lastFetchedEpoch < 0) return undefined
  const { leaderEpoch, endOffset } = partition.endOffsetForEpoch(asked.lastFetchedEpoch)
  if (endOffset < 0 || leaderEpoch < 0) return ErrorCode.OFFSET_OUT_OF_RANGE
  if (leaderEpoch >= asked.lastFetchedEpoch && endOffset >= asked.fetchOffset) return undefined
  return { epoch: leaderEpoch, endOffset }
}

const NOT_LOOKED_AT: readonly number[] = [
  ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
  ErrorCode.UNKNOWN_TOPIC_ID,
  ErrorCode.TOPIC_AUTHORIZATION_FAILED,
]
const EMPTY = { abortedTransactions: null, records: [], bytes: 0, preferredReadReplica: UNKNOWN_REPLICA } as const

function failed(asked: FetchPartition, errorCode: number): PartitionAnswer {
  // Kafka's empty answer for a partition that it does not look at has an empty list here, all others have none.
  const abortedTransactions = NOT_LOOKED_AT.includes(errorCode) ? [] : null
  const offsets = { highWatermark: -1, lastStableOffset: -1, logStartOffset: -1 }
  return { asked, errorCode, ...offsets, ...EMPTY, abortedTransactions }
}
