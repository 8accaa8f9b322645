// Kafka's own tool reads what the coordinators wrote: groups and offsets, transactions, and the cluster's metadata.

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { partitionOf } from '../../src/broker/coordinator/group/group-coordinator.ts'
import { consumerGroupDescribe } from '../../src/protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import { createAcls } from '../../src/protocol/messages/create-acls.ts'
import { deleteAcls } from '../../src/protocol/messages/delete-acls.ts'
import { deleteTopics } from '../../src/protocol/messages/delete-topics.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { eventually } from '../compatibility/gathering.ts'
import { title } from '../compatibility/ground.ts'
import { runKafkaTool, unavailable } from '../support/apache-kafka.ts'
import { embeddedCluster } from './embedded-cluster.ts'
import { makeTopic } from './requests.ts'
import { AUTHORIZER } from './security/rights-ground.ts'
import { TransactionalProducer } from './transactional-producer.ts'

const reason = unavailable()
const what = 'kafka-dump-log decodes the metadata log, __consumer_offsets and __transaction_state'

it.skipIf(reason !== undefined)(
  title(what, reason),
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'heliostat-dump-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    const cluster = await embeddedCluster({ data })
    const connection = await cluster.connect()
    const topicId = await makeTopic(connection, 'orders', { configs: { 'retention.ms': '5' } })
    await makeTopic(connection, 'gone')
    await connection.send(deleteTopics, { topicNames: ['gone'], timeoutMs: 1000 }, { version: 5 })
    await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
    const partitions = [{ partitionIndex: 0, committedOffset: 42, committedMetadata: 'here' }]
    await connection.send(
      offsetCommit,
      { groupId: 'g', memberId: '', topics: [{ name: 'orders', partitions }] },
      { version: 8 },
    )
    const beat = (memberId: string, own: object) =>
      connection.send(consumerGroupHeartbeat, {
        groupId: 'g2',
        memberId,
        memberEpoch: 0,
        rebalanceTimeoutMs: 1000,
        topicPartitions: [],
        ...own,
      })
    await beat('named', { subscribedTopicNames: ['orders'] })
    await beat('matching', { subscribedTopicRegex: 'ord.*', instanceId: 'one' })
    await eventually(async () => {
      const { groups } = await connection.send(consumerGroupDescribe, {
        groupIds: ['g2'],
        includeAuthorizedOperations: false,
      })
      if (groups[0]!.groupEpoch < 3) throw new Error('the expression is not resolved yet')
    })
    await beat('named', { memberEpoch: -1, rebalanceTimeoutMs: -1, topicPartitions: null })
    const producer = await TransactionalProducer.begin(connection, 'tx')
    await producer.produce('orders', ['a'])
    await producer.commitOffset('g', 'orders', 43)
    await producer.end(true)
    await eventually(async () => expect((await producer.init()).errorCode).toBe(0))
    await cluster.stop()
    const metadata = await dump(data, '__cluster_metadata-0', '--cluster-metadata-decoder')
    expect(metadata).toContain(`{"type":"TOPIC_RECORD","version":0,"data":{"name":"orders","topicId":"${topicId}"}}`)
    expect(metadata).toContain('"resourceName":"orders","name":"retention.ms","value":"5"')
    expect(metadata).toContain('"type":"PARTITION_RECORD"')
    expect(metadata).toContain('"type":"REMOVE_TOPIC_RECORD"')
    const offsets = await dump(data, `__consumer_offsets-${partitionOf('g', 4)}`, '--offsets-decoder')
    expect(offsets).toContain('{"group":"g","topic":"orders","partition":0}')
    const committed = '"version":"4","data":{"offset":42,"leaderEpoch":-1,"metadata":"here"'
    expect(offsets).toContain(committed)
    expect(offsets).toContain(`"topicId":"${topicId}"`)
    expect(offsets).toMatch(/producerId: 0 .*isTransactional: true/)
    expect(offsets).toContain('endTxnMarker: COMMIT coordinatorEpoch: 0')
    const transactions = await dump(data, `__transaction_state-${partitionOf('tx', 4)}`, '--transaction-log-decoder')
    const steps = [...transactions.matchAll(/"transactionStatus":(\d)/g)].map(([, status]) => Number(status))
    // Empty, twice Ongoing, PrepareCommit, CompleteCommit, Empty.
    expect(steps).toEqual([0, 1, 1, 2, 4, 0])
    const consumers = await dump(data, `__consumer_offsets-${partitionOf('g2', 4)}`, '--offsets-decoder')
    for (const type of [3, 5, 6, 7, 8]) expect(consumers).toContain(`key: {"type":"${type}"`)
    for (const part of [
      '"data":{"epoch":2,"metadataHash":',
      '"subscribedTopicNames":["orders"],"subscribedTopicRegex":""',
      '"instanceId":"one","rackId":null,"clientId":"test"',
      '"subscribedTopicRegex":"ord.*","rebalanceTimeoutMs":1000,"serverAssignor":null',
      '{"type":"16","data":{"groupId":"g2","regularExpression":"ord.*"}}',
      '"data":{"topics":["orders"],"version":',
      `"assignedPartitions":[{"topicId":"${topicId}","partitions":[0],"assignmentEpochs":[2]}]`,
      'payload: <DELETE>',
    ]) {
      expect(consumers).toContain(part)
    }
  },
  60_000,
)

const titleOfRules = 'kafka-dump-log decodes access rules'

it.skipIf(reason !== undefined)(
  title(titleOfRules, reason),
  async () => {
    const data = mkdtempSync(join(tmpdir(), 'heliostat-dump-'))
    onTestFinished(() => rmSync(data, { recursive: true, force: true }))
    const config = { 'authorizer.class.name': AUTHORIZER, 'super.users': 'User:ANONYMOUS' }
    const cluster = await embeddedCluster({ data, config })
    const connection = await cluster.connect()
    const named = { resourceType: 2, resourceName: 'ord', resourcePatternType: 4 }
    const rule = { ...named, principal: 'User:alice', host: '10.0.0.1', operation: 3, permissionType: 2 }
    await connection.send(createAcls, { creations: [rule] })
    const who = { principalFilter: 'User:alice', hostFilter: null, operation: 1, permissionType: 1 }
    const filter = { resourceTypeFilter: 1, resourceNameFilter: null, patternTypeFilter: 1, ...who }
    await connection.send(deleteAcls, { filters: [filter] })
    await cluster.stop()
    const metadata = await dump(data, '__cluster_metadata-0', '--cluster-metadata-decoder')
    const id = /"type":"ACCESS_CONTROL_ENTRY_RECORD","version":0,"data":\{"id":"([^"]{22})"/.exec(metadata)?.[1]
    expect(metadata).toContain(
      `"data":{"id":"${id}","resourceType":2,"resourceName":"ord","patternType":4,"principal":"User:alice","host":"10.0.0.1","operation":3,"permissionType":2}`,
    )
    expect(metadata).toContain(`{"type":"REMOVE_ACCESS_CONTROL_ENTRY_RECORD","version":0,"data":{"id":"${id}"}}`)
  },
  60_000,
)

async function dump(data: string, folder: string, decoder: string): Promise<string> {
  const file = join(data, '1', folder, `${'0'.repeat(20)}.log`)
  const { code, stdout, stderr } = await runKafkaTool('kafka-dump-log', ['--files', file, decoder, '--print-data-log'])
  expect([code, stderr]).toEqual([0, ''])
  return stdout
}
