// What a cluster on simulated machines holds, as a consumer of committed records sees it.
import { ClusterClient } from '../../src/client/cluster-client.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import type { Record as LogRecord } from '../../src/records/record.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { AbortedFilter } from '../../src/source/aborted-filter.ts'

/** Where the brokers of the simulated clusters listen; a host is a machine's name. */
export const PORT = 9092

export function clientOf(platform: Platform, cluster: string): ClusterClient {
  return new ClusterClient(platform, { bootstrap: [{ host: cluster, port: PORT }], clientId: cluster, name: cluster })
}

export interface Content {
  readonly records: readonly LogRecord[]
  readonly lastStableOffset: number
  readonly highWatermark: number
}

export async function readCommitted(client: ClusterClient, topic: string, partition: number): Promise<Content> {
  await client.refresh()
  const connection = await client.node(client.leaderOf(topic, partition)!.nodeId)
  const records: LogRecord[] = []
  for (let at = 0; ; ) {
    const { responses } = await connection.send(
      fetch,
      {
        maxWaitMs: 0,
        minBytes: 0,
        maxBytes: 1024 * 1024,
        isolationLevel: 1,
        sessionEpoch: -1,
        forgottenTopicsData: [],
        topics: [{ topic, partitions: [{ partition, fetchOffset: at, partitionMaxBytes: 1024 * 1024 }] }],
      },
      { version: 12 },
    )
    const { errorCode, lastStableOffset, highWatermark, abortedTransactions, ...answer } = responses[0]!.partitions[0]!
    if (errorCode !== ErrorCode.NONE) throw new Error(`${topic}-${partition}: ${errorOf(errorCode).name}`)
    const batches = (answer.records ?? []).flatMap((bytes) => splitBatches(bytes).batches)
    if (batches.length === 0) return { records, lastStableOffset, highWatermark }
    const filter = new AbortedFilter(abortedTransactions)
    for (const batch of batches) {
      if (filter.verdict(batch) !== 'keep') continue
      for (const record of batch.records()) if (record.offset >= at) records.push(record)
    }
    at = batches.at(-1)!.nextOffset
  }
}
