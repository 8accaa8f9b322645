// What a partition holds, as a consumer of committed records sees it; over any client, of a real machine or a simulated one.
import type { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Connection } from '../../src/client/connection.ts'
import { EARLIEST } from '../../src/client/offset-lookup.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { listOffsets } from '../../src/protocol/messages/list-offsets.ts'
import type { Record as LogRecord } from '../../src/records/record.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { AbortedFilter } from '../../src/source/aborted-filter.ts'

const READ_BYTES = 8 * 1024 * 1024

export interface Content {
  readonly records: readonly LogRecord[]
  readonly startOffset: number
  readonly lastStableOffset: number
  readonly highWatermark: number
}

/** From the first offset to the last stable one. */
export async function readCommitted(client: ClusterClient, topic: string, partition: number): Promise<Content> {
  if (!client.leaderOf(topic, partition)) await client.refresh()
  const leader = client.leaderOf(topic, partition)
  if (!leader) throw new Error(`${topic}-${partition} has no leader`)
  const connection = await client.node(leader.nodeId)
  const startOffset = await startOf(connection, topic, partition)
  const records: LogRecord[] = []
  for (let at = startOffset; ; ) {
    const before = at
    const answer = await fetchAt(connection, { topic, topicId: client.topics().get(topic)?.topicId, partition }, at)
    const { lastStableOffset, highWatermark, abortedTransactions } = answer
    const filter = new AbortedFilter(abortedTransactions)
    for (const batch of (answer.records ?? []).flatMap((bytes) => splitBatches(bytes).batches)) {
      if (filter.verdict(batch) === 'keep')
        for (const record of batch.records()) if (record.offset >= at) records.push(record)
      at = batch.nextOffset
    }
    if (at === before) return { records, startOffset, lastStableOffset, highWatermark }
  }
}

async function startOf(connection: Connection, topic: string, partition: number): Promise<number> {
  const { topics } = await connection.send(listOffsets, {
    replicaId: -1,
    isolationLevel: 0,
    topics: [{ name: topic, partitions: [{ partitionIndex: partition, timestamp: EARLIEST }] }],
  })
  const { errorCode, offset } = topics[0]!.partitions[0]!
  if (errorCode !== ErrorCode.NONE) throw new Error(`${topic}-${partition}: ${errorOf(errorCode).name}`)
  return offset
}

async function fetchAt(
  connection: Connection,
  { topic, topicId, partition }: { topic: string; topicId: string | undefined; partition: number },
  fetchOffset: number,
) {
  const { responses } = await connection.send(fetch, {
    maxWaitMs: 0,
    minBytes: 0,
    maxBytes: 2 * READ_BYTES,
    isolationLevel: 1,
    sessionEpoch: -1,
    forgottenTopicsData: [],
    topics: [{ topic, topicId, partitions: [{ partition, fetchOffset, partitionMaxBytes: READ_BYTES }] }],
  })
  const answer = responses[0]!.partitions[0]!
  if (answer.errorCode !== ErrorCode.NONE) throw new Error(`${topic}-${partition}: ${errorOf(answer.errorCode).name}`)
  return answer
}
