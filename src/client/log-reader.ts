// Reads one partition from a place to an end, batch by batch: for internal topics and for comparisons, not for mirroring.
import type { HeliostatError } from '../platform/errors.ts'
import { ErrorCode } from '../protocol/errors.ts'
import { fetch } from '../protocol/messages/fetch.ts'
import type { Response } from '../protocol/schema.ts'
import { type RecordBatch, splitBatches } from '../records/record-batch.ts'
import type { ClusterClient } from './cluster-client.ts'
import { refusal } from './refusal.ts'
import type { TopicPartition } from './topic-partition.ts'

const READ_BYTES = 4 * 1024 * 1024
const SESSIONLESS = -1
/** A broker that does not hold us up must not have us ask for ever. */
const THROTTLED_MAX = 100

/**
 * Every batch that holds an offset of [from, to), uncommitted and control ones included. Ends early where compaction left
 * nothing more. Throws a retriable HeliostatError when the leader moved or cannot be reached.
 */
export async function* readLog(
  client: ClusterClient,
  topicPartition: TopicPartition,
  { from, to }: { readonly from: number; readonly to: number },
): AsyncGenerator<RecordBatch> {
  let at = from
  while (at < to) {
    const before = at
    for (const batch of await fetchBatches(client, topicPartition, at)) {
      if (batch.lastOffset < at) continue
      if (batch.baseOffset >= to) return
      at = batch.nextOffset
      yield batch
    }
    if (at === before) return
  }
}

/** What the leader answers to one Fetch at this offset; the first batch may begin before it. */
export async function fetchBatches(
  client: ClusterClient,
  topicPartition: TopicPartition,
  offset: number,
): Promise<RecordBatch[]> {
  return (await fetchPage(client, topicPartition, offset, 'read_uncommitted')).batches
}

export interface LogPage {
  readonly batches: RecordBatch[]
  /** Told to readers of committed data alone. */
  readonly abortedTransactions: readonly { readonly producerId: number; readonly firstOffset: number }[] | null
}

/** The same as whoever reads at this isolation gets it: `read_committed` ends before the first open transaction. */
export async function fetchPage(
  client: ClusterClient,
  topicPartition: TopicPartition,
  offset: number,
  isolation: 'read_committed' | 'read_uncommitted',
): Promise<LogPage> {
  const { topic, partition } = topicPartition
  const leader = client.leaderOf(topic, partition)
  if (!leader) {
    await client.refresh()
    throw unreadable(topicPartition, offset, ErrorCode.LEADER_NOT_AVAILABLE)
  }
  const connection = await client.node(leader.nodeId, 'control')
  const partitions = [{ partition, fetchOffset: offset, partitionMaxBytes: READ_BYTES }]
  const request = {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: READ_BYTES,
    isolationLevel: isolation === 'read_committed' ? 1 : 0,
    sessionEpoch: SESSIONLESS,
    forgottenTopicsData: [],
    topics: [{ topic, topicId: client.topics().get(topic)?.topicId, partitions }],
  }
  let response = await connection.send(fetch, request)
  // Who is over the quota gets nothing at all, and its next request is not read before the throttle time has passed (KIP-219).
  for (let times = 0; isThrottled(response) && times < THROTTLED_MAX; times++)
    response = await connection.send(fetch, request)
  const answer = response.responses[0]?.partitions[0]
  const errorCode = response.errorCode || (answer?.errorCode ?? ErrorCode.UNKNOWN_SERVER_ERROR)
  if (errorCode !== ErrorCode.NONE) throw unreadable(topicPartition, offset, errorCode)
  const batches = (answer!.records ?? []).flatMap((bytes) => splitBatches(bytes).batches)
  return { batches, abortedTransactions: answer!.abortedTransactions }
}

function isThrottled({ throttleTimeMs, errorCode, responses }: Response<typeof fetch>): boolean {
  return throttleTimeMs > 0 && errorCode === ErrorCode.NONE && responses.length === 0
}

function unreadable(topicPartition: TopicPartition, offset: number, errorCode: number): HeliostatError {
  const { topic, partition } = topicPartition
  const what = `${topicPartition} cannot be read at ${offset}`
  return refusal('HEL_UNREADABLE', what, errorCode, { where: { topic, partition, offset } })
}
