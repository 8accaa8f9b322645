// The requests that most tests need, over our own Connection.
import type { Connection } from '../../src/client/connection.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import type { fetch } from '../../src/protocol/messages/fetch.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import type { RequestInput } from '../../src/protocol/schema.ts'
import { type BatchOptions, buildBatch } from '../../src/records/batch-builder.ts'

export const TIME = 1_700_000_000_000

/** A batch with these values, a millisecond apart. */
export function batchOf(values: readonly string[], options: BatchOptions = {}): Buffer {
  return buildBatch(
    values.map((value, i) => ({ timestamp: TIME + i, key: `k${i}`, value })),
    options,
  )
}

export interface TopicShape {
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

export async function makeTopic(connection: Connection, name: string, shape: TopicShape = {}): Promise<string> {
  const configs = Object.entries(shape.configs ?? {}).map(([key, value]) => ({ name: key, value }))
  const topic = { name, numPartitions: shape.partitions ?? 1, replicationFactor: 1, assignments: [], configs }
  const { topics } = await connection.send(createTopics, { topics: [topic] })
  if (topics[0]!.errorCode !== 0) throw new Error(`${name}: ${topics[0]!.errorMessage}`)
  return topics[0]!.topicId
}

/** Produces one batch by name; returns the partition's answer. */
export async function produceOf(
  connection: Connection,
  topic: string,
  records: Buffer,
  options: { partition?: number; acks?: number; version?: number } = {},
) {
  const { partition = 0, acks = -1, version = 12 } = options
  const topicData = [{ name: topic, partitionData: [{ index: partition, records: [records] }] }]
  const { responses } = await connection.send(produce, { acks, timeoutMs: 5000, topicData }, { version })
  return responses[0]!.partitionResponses[0]!
}

export interface FetchShape {
  readonly partition?: number
  readonly offset?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly isolationLevel?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
}

/** A fetch of one partition by name. */
export function fetchOf(topic: string, shape: FetchShape = {}): RequestInput<typeof fetch> {
  return {
    replicaId: -1,
    maxWaitMs: shape.maxWaitMs ?? 0,
    minBytes: shape.minBytes ?? 1,
    maxBytes: shape.maxBytes ?? 1_000_000,
    isolationLevel: shape.isolationLevel ?? 0,
    sessionId: shape.sessionId ?? 0,
    sessionEpoch: shape.sessionEpoch ?? -1,
    topics: [
      {
        topic,
        partitions: [
          {
            partition: shape.partition ?? 0,
            fetchOffset: shape.offset ?? 0,
            partitionMaxBytes: shape.partitionMaxBytes ?? 1_000_000,
            currentLeaderEpoch: shape.currentLeaderEpoch ?? -1,
            lastFetchedEpoch: shape.lastFetchedEpoch ?? -1,
          },
        ],
      },
    ],
    forgottenTopicsData: [],
  }
}
