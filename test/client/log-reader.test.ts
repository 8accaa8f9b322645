// A log that is read page by page from a broker that says what a test wants.
import { expect, onTestFinished, test } from 'vitest'
import { ClusterClient } from '../../src/client/cluster-client.ts'
import { readLog } from '../../src/client/log-reader.ts'
import { TopicPartition } from '../../src/client/topic-partition.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { batchOf } from '../broker/requests.ts'
import { testPlatform } from '../support/log-content.ts'
import { ScriptedBroker } from '../support/scripted-broker.ts'

test('a quota of the broker costs time, and no page of the log', async () => {
  const broker = await ScriptedBroker.start()
  onTestFinished(() => broker.stop())
  const { host, port } = broker.address
  const topicId = 'AAAAAAAAAAAAAAAAAAAAAQ'
  const replicas = { leaderId: 1, leaderEpoch: 0, replicaNodes: [1], isrNodes: [1], offlineReplicas: [] }
  const partition = { errorCode: 0, partitionIndex: 0, ...replicas }
  broker.on(metadata, () => ({
    brokers: [{ nodeId: 1, host, port, rack: null }],
    clusterId: 'c',
    controllerId: 1,
    topics: [{ errorCode: 0, name: 't', topicId, isInternal: false, partitions: [partition] }],
  }))
  let asked = 0
  broker.on(fetch, () => {
    asked++
    // As Kafka does it: over the quota, nothing is told of any partition.
    if (asked < 3) return { throttleTimeMs: 10, errorCode: 0, sessionId: 0, responses: [] }
    const records = [batchOf(['a', 'b'])]
    const read = { partitionIndex: 0, errorCode: 0, highWatermark: 2, abortedTransactions: null, records }
    return { throttleTimeMs: 0, errorCode: 0, sessionId: 0, responses: [{ topic: 't', topicId, partitions: [read] }] }
  })
  const client = new ClusterClient(testPlatform, { bootstrap: [broker.address], clientId: 'test' })
  onTestFinished(() => client.close())
  await client.refresh()
  let records = 0
  for await (const { count } of readLog(client, TopicPartition.of('t', 0), { from: 0, to: 2 })) records += count
  expect(records).toBe(2)
  expect(asked).toBe(3)
})
