// Writes and reads whole partitions of a cluster through our own client, for tests that compare content record by record.
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { LATEST, OffsetLookup } from '../../src/client/offset-lookup.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import type { Platform } from '../../src/platform/platform.ts'
import { ErrorCode, errorOf } from '../../src/protocol/errors.ts'
import { createTopics } from '../../src/protocol/messages/create-topics.ts'
import { produce } from '../../src/protocol/messages/produce.ts'
import type { Record as LogRecord } from '../../src/records/record.ts'
import { readCommitted } from './committed-reader.ts'

const BROKER_DEFAULT = -1
const APPEND_TIMEOUT_MS = 15_000

export const testPlatform: Platform = nodePlatform({ log: { level: 'error' } })

export function clientOf(bootstrap: string, platform = testPlatform, name = 'test'): ClusterClient {
  const addresses = bootstrap.split(',').map((text) => {
    const [host, port] = text.split(':')
    return { host: host!, port: Number(port) }
  })
  return new ClusterClient(platform, { bootstrap: addresses, clientId: name, name, refreshIntervalMs: 10 })
}

/** Makes a topic and waits until every partition has a leader. */
export async function makeTopic(
  client: ClusterClient,
  name: string,
  partitions: number,
  configs: Readonly<Record<string, string>> = {},
): Promise<void> {
  const connection = await client.controller()
  const { topics } = await connection.send(createTopics, {
    topics: [
      {
        name,
        numPartitions: partitions,
        replicationFactor: BROKER_DEFAULT,
        assignments: [],
        configs: Object.entries(configs).map(([config, value]) => ({ name: config, value })),
      },
    ],
  })
  if (topics[0]!.errorCode !== ErrorCode.NONE)
    throw new Error(`${name}: ${errorOf(topics[0]!.errorCode).name} ${topics[0]!.errorMessage}`)
  do await client.refresh()
  while (
    client
      .topics()
      .get(name)
      ?.partitions.filter(({ leaderId }) => leaderId >= 0).length !== partitions
  )
}

/** What a leader says before it serves; nothing was appended then. */
const NOT_YET: readonly number[] = [ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION]

/** Produces one batch as it is; the base offset that it got. A broker names a leader a moment before that serves. */
export async function appendBatch(
  client: ClusterClient,
  topic: string,
  partition: number,
  batch: Buffer,
): Promise<number> {
  const deadline = testPlatform.clock.monotonic() + APPEND_TIMEOUT_MS
  for (;;) {
    const leader = client.leaderOf(topic, partition)
    if (!leader) throw new Error(`${topic}-${partition} has no leader`)
    const connection = await client.node(leader.nodeId)
    const topicData = [{ name: topic, partitionData: [{ index: partition, records: [batch] }] }]
    const version = Math.min(12, connection.versionOf(produce))
    const { responses } = await connection.send(produce, { acks: -1, timeoutMs: 30_000, topicData }, { version })
    const { errorCode, baseOffset } = responses[0]!.partitionResponses[0]!
    if (errorCode === ErrorCode.NONE) return baseOffset
    if (!NOT_YET.includes(errorCode) || testPlatform.clock.monotonic() > deadline)
      throw new Error(`${topic}-${partition}: ${errorOf(errorCode).name}`)
    await client.refresh()
  }
}

/** 0 for a topic that is not there yet. */
export async function endOffset(client: ClusterClient, topic: string, partition: number): Promise<number> {
  if (!client.leaderOf(topic, partition)) await client.refresh()
  if (!client.leaderOf(topic, partition)) return 0
  return new OffsetLookup(testPlatform, client).find(TopicPartition.of(topic, partition), LATEST)
}

/** Every record that a reader of committed data sees. */
export async function readAll(client: ClusterClient, topic: string, partition: number): Promise<readonly LogRecord[]> {
  return (await readCommitted(client, topic, partition)).records
}

/** Resolves when the condition holds; fails with what was seen last when it never does. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: () => string,
  timeoutMs = 15_000,
): Promise<void> {
  const deadline = testPlatform.clock.monotonic() + timeoutMs
  while (!(await condition())) {
    if (testPlatform.clock.monotonic() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what()}`)
    await new Promise<void>((resolve) => testPlatform.clock.setTimer(10, resolve))
  }
}
