// The ends of transactions on their way into partitions, here and on the brokers that lead the others. A marker counts once all in sync have
// it: one that only its leader had would be missing after the next election, and its transaction open for ever.

import { HeliostatError } from '../platform/errors.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { writeTxnMarkers } from '../protocol/messages/write-txn-markers.ts'
import type { Broker } from './broker.ts'
import { type Write, whenCommitted } from './committed-writes.ts'
import { CONSUMER_OFFSETS } from './coordinator/controller/topic-name.ts'
import { type Marker, markerBatch } from './coordinator/transaction/marker.ts'
import type { TopicPartition } from './coordinator/transaction/transaction-metadata.ts'

type Codes = readonly number[]

const COMMIT_TIMEOUT_MS = 30_000
const NO_LEADER = -1

/** Ends a producer's transaction in these partitions, wherever their leaders are; of each NONE, or why the marker is not there yet. */
export function writeMarkers(
  broker: Broker,
  marker: Marker,
  partitions: readonly TopicPartition[],
): Codes | Promise<Codes> {
  const byLeader = Map.groupBy(partitions, (at) => leaderOf(broker, at))
  if (byLeader.size === 1 && byLeader.has(broker.nodeId)) return appendMarkers(broker, marker, partitions)
  const codes = new Map<TopicPartition, number>()
  const written = [...byLeader].map(async ([leader, group]) => {
    const answers = await writeTo(broker, leader, marker, group)
    for (const [index, at] of group.entries()) codes.set(at, answers[index]!)
  })
  return Promise.all(written).then(() => partitions.map((at) => codes.get(at)!))
}

/** Ends a producer's transaction in partitions that this broker leads. */
export function appendMarkers(
  broker: Broker,
  marker: Marker,
  partitions: readonly TopicPartition[],
): Codes | Promise<Codes> {
  const appended = partitions.map((at) => append(broker, at, marker))
  const writes = appended.filter((one) => typeof one !== 'number')
  const codes = whenCommitted(broker.purgatory, writes, COMMIT_TIMEOUT_MS)
  const merge = (settled: Codes) => {
    const left = settled.values()
    return appended.map((one) => (typeof one === 'number' ? one : left.next().value!))
  }
  return codes instanceof Promise ? codes.then(merge) : merge(codes)
}

function append(broker: Broker, { topic, partition: partitionId }: TopicPartition, marker: Marker): Write | number {
  const partition = broker.partitions.find(topic, partitionId)
  if (typeof partition === 'number') return partition
  const errorCode =
    topic === CONSUMER_OFFSETS
      ? appendToOffsets(broker, partitionId, marker)
      : partition.append([markerBatch(marker, broker.platform.clock.now())], 'coordinator', {
          claims: { transactionVersion: marker.transactionVersion },
        }).errorCode
  if (errorCode !== ErrorCode.NONE) return errorCode
  return { partition, nextOffset: partition.log.logEndOffset, tenure: partition.tenure }
}

/** Offsets begin to count with the marker, so their coordinator appends it. */
function appendToOffsets({ groups }: Broker, partitionId: number, marker: Marker): number {
  const errorCode = groups.appendMarker(partitionId, marker)
  return errorCode === ErrorCode.NOT_COORDINATOR ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode
}

/** undefined: there is no such partition. */
function leaderOf({ image }: Broker, { topic, partition }: TopicPartition): number | undefined {
  return image.topics.get(topic)?.partitions[partition]?.leader
}

async function writeTo(
  broker: Broker,
  leader: number | undefined,
  marker: Marker,
  partitions: readonly TopicPartition[],
): Promise<Codes> {
  const all = (errorCode: number) => partitions.map(() => errorCode)
  if (leader === undefined) return all(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
  if (leader === NO_LEADER) return all(ErrorCode.LEADER_NOT_AVAILABLE)
  if (leader === broker.nodeId) return await appendMarkers(broker, marker, partitions)
  try {
    return await askLeader(broker, leader, marker, partitions)
  } catch (error) {
    if (error instanceof HeliostatError) return all(ErrorCode.NETWORK_EXCEPTION)
    throw error
  }
}

async function askLeader(
  { peers }: Broker,
  leader: number,
  { committed, ...marker }: Marker,
  partitions: readonly TopicPartition[],
): Promise<Codes> {
  const topics = [...Map.groupBy(partitions, ({ topic }) => topic)].map(([name, group]) => ({
    name,
    partitionIndexes: group.map(({ partition }) => partition),
  }))
  const { markers } = await peers.send(leader, writeTxnMarkers, {
    markers: [{ ...marker, transactionResult: committed, topics }],
  })
  const codes = new Map(
    markers[0]!.topics.flatMap(({ name, partitions }) =>
      partitions.map(({ partitionIndex, errorCode }) => [`${name}:${partitionIndex}`, errorCode] as const),
    ),
  )
  return partitions.map(({ topic, partition }) => {
    const errorCode = codes.get(`${topic}:${partition}`) ?? ErrorCode.UNKNOWN_SERVER_ERROR
    // What this broker knows of that one may only not have heard of yet.
    return errorCode === ErrorCode.UNKNOWN_TOPIC_OR_PARTITION ? ErrorCode.NOT_LEADER_OR_FOLLOWER : errorCode
  })
}
