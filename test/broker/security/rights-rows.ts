// Every API with the rights that it takes, as Kafka's table of operations and resources says: one row a way to ask it. The rows are
// run against our broker and, with the same requests, against Apache Kafka.
import { OPERATION, type Operation, type Resource } from '../../../src/broker/security/authorizer.ts'
import { addOffsetsToTxn } from '../../../src/protocol/messages/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from '../../../src/protocol/messages/add-partitions-to-txn.ts'
import { addRaftVoter } from '../../../src/protocol/messages/add-raft-voter.ts'
import { alterClientQuotas } from '../../../src/protocol/messages/alter-client-quotas.ts'
import { alterConfigs } from '../../../src/protocol/messages/alter-configs.ts'
import { alterPartitionReassignments } from '../../../src/protocol/messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../../../src/protocol/messages/alter-replica-log-dirs.ts'
import { alterShareGroupOffsets } from '../../../src/protocol/messages/alter-share-group-offsets.ts'
import { alterUserScramCredentials } from '../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { apiVersions } from '../../../src/protocol/messages/api-versions.ts'
import { consumerGroupDescribe } from '../../../src/protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../../src/protocol/messages/consumer-group-heartbeat.ts'
import { createAcls } from '../../../src/protocol/messages/create-acls.ts'
import { createDelegationToken } from '../../../src/protocol/messages/create-delegation-token.ts'
import { createPartitions } from '../../../src/protocol/messages/create-partitions.ts'
import { createTopics } from '../../../src/protocol/messages/create-topics.ts'
import { deleteAcls } from '../../../src/protocol/messages/delete-acls.ts'
import { deleteGroups } from '../../../src/protocol/messages/delete-groups.ts'
import { deleteRecords } from '../../../src/protocol/messages/delete-records.ts'
import { deleteShareGroupOffsets } from '../../../src/protocol/messages/delete-share-group-offsets.ts'
import { deleteShareGroupState } from '../../../src/protocol/messages/delete-share-group-state.ts'
import { deleteTopics } from '../../../src/protocol/messages/delete-topics.ts'
import { describeAcls } from '../../../src/protocol/messages/describe-acls.ts'
import { describeClientQuotas } from '../../../src/protocol/messages/describe-client-quotas.ts'
import { describeCluster } from '../../../src/protocol/messages/describe-cluster.ts'
import { describeConfigs } from '../../../src/protocol/messages/describe-configs.ts'
import { describeDelegationToken } from '../../../src/protocol/messages/describe-delegation-token.ts'
import { describeGroups } from '../../../src/protocol/messages/describe-groups.ts'
import { describeLogDirs } from '../../../src/protocol/messages/describe-log-dirs.ts'
import { describeProducers } from '../../../src/protocol/messages/describe-producers.ts'
import { describeQuorum } from '../../../src/protocol/messages/describe-quorum.ts'
import { describeShareGroupOffsets } from '../../../src/protocol/messages/describe-share-group-offsets.ts'
import { describeTopicPartitions } from '../../../src/protocol/messages/describe-topic-partitions.ts'
import { describeTransactions } from '../../../src/protocol/messages/describe-transactions.ts'
import { describeUserScramCredentials } from '../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { electLeaders } from '../../../src/protocol/messages/elect-leaders.ts'
import { endTxn } from '../../../src/protocol/messages/end-txn.ts'
import { expireDelegationToken } from '../../../src/protocol/messages/expire-delegation-token.ts'
import { fetch } from '../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../../src/protocol/messages/heartbeat.ts'
import { incrementalAlterConfigs } from '../../../src/protocol/messages/incremental-alter-configs.ts'
import { initProducerId } from '../../../src/protocol/messages/init-producer-id.ts'
import { initializeShareGroupState } from '../../../src/protocol/messages/initialize-share-group-state.ts'
import { joinGroup } from '../../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../../src/protocol/messages/leave-group.ts'
import { listConfigResources } from '../../../src/protocol/messages/list-config-resources.ts'
import { listGroups } from '../../../src/protocol/messages/list-groups.ts'
import { listOffsets } from '../../../src/protocol/messages/list-offsets.ts'
import { listPartitionReassignments } from '../../../src/protocol/messages/list-partition-reassignments.ts'
import { listTransactions } from '../../../src/protocol/messages/list-transactions.ts'
import { metadata } from '../../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../../src/protocol/messages/offset-fetch.ts'
import { offsetForLeaderEpoch } from '../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../../src/protocol/messages/produce.ts'
import { readShareGroupState } from '../../../src/protocol/messages/read-share-group-state.ts'
import { readShareGroupStateSummary } from '../../../src/protocol/messages/read-share-group-state-summary.ts'
import { removeRaftVoter } from '../../../src/protocol/messages/remove-raft-voter.ts'
import { renewDelegationToken } from '../../../src/protocol/messages/renew-delegation-token.ts'
import { saslAuthenticate } from '../../../src/protocol/messages/sasl-authenticate.ts'
import { saslHandshake } from '../../../src/protocol/messages/sasl-handshake.ts'
import { shareAcknowledge } from '../../../src/protocol/messages/share-acknowledge.ts'
import { shareFetch } from '../../../src/protocol/messages/share-fetch.ts'
import { shareGroupDescribe } from '../../../src/protocol/messages/share-group-describe.ts'
import { shareGroupHeartbeat } from '../../../src/protocol/messages/share-group-heartbeat.ts'
import { syncGroup } from '../../../src/protocol/messages/sync-group.ts'
import { txnOffsetCommit } from '../../../src/protocol/messages/txn-offset-commit.ts'
import { unregisterBroker } from '../../../src/protocol/messages/unregister-broker.ts'
import { updateFeatures } from '../../../src/protocol/messages/update-features.ts'
import { writeShareGroupState } from '../../../src/protocol/messages/write-share-group-state.ts'
import { writeTxnMarkers } from '../../../src/protocol/messages/write-txn-markers.ts'
import type { Api, RequestInput, Response } from '../../../src/protocol/schema.ts'
import { batchOf, fetchOf } from '../requests.ts'

/** What is there when a row is asked; every row has its own. */
export interface World {
  /** With one partition and one record. */
  readonly topic: string
  readonly topicId: string
  /** Empty, with an offset of `topic`. */
  readonly group: string
  /** A transactional id without a transaction. */
  readonly transaction: string
  /** The name of no topic. */
  readonly fresh: string
}

export interface Need {
  readonly operation: Operation
  readonly resource: Resource
  readonly name: string
  /** What the answer shows to a caller who has all other rights and not this one. */
  readonly refused: unknown
}

export interface Row {
  readonly what: string
  readonly api: Api
  readonly version: number | undefined
  request(world: World): RequestInput<Api>
  /** What the answer shows: error codes, or what it lists. */
  look(response: never, world: World): unknown
  /** To a caller with all rights of `needs`, and none besides. */
  readonly served: unknown
  needs(world: World): readonly Need[]
}

interface RowInput<A extends Api> {
  readonly version?: number
  request(world: World): RequestInput<A>
  look(response: Response<A>, world: World): unknown
  readonly served: unknown
  needs(world: World): readonly Need[]
}

function row<A extends Api>(api: A, what: string, input: RowInput<A>): Row {
  return { ...input, what, api, version: input.version } as unknown as Row
}

const TOPIC_REFUSED = 29
const GROUP_REFUSED = 30
const CLUSTER_REFUSED = 31
const ILLEGAL_SASL_STATE = 34
const UNSUPPORTED_VERSION = 35
const TRANSACTION_REFUSED = 53
const UNKNOWN_TRANSACTION = 49

const STRANGER = { clusterId: null, voterId: 9, voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAACQ' }
const endpointsOf = (...names: string[]) => names.map((name) => ({ name, host: 'localhost', port: 9 }))

const onTopic = (operation: Operation, name: string, refused: unknown = TOPIC_REFUSED): Need => {
  return { operation, resource: 'TOPIC', name, refused }
}
const onGroup = (operation: Operation, name: string, refused: unknown = GROUP_REFUSED): Need => {
  return { operation, resource: 'GROUP', name, refused }
}
const onTransaction = (operation: Operation, name: string, refused: unknown = TRANSACTION_REFUSED): Need => {
  return { operation, resource: 'TRANSACTIONAL_ID', name, refused }
}
const onCluster = (operation: Operation, refused: unknown = CLUSTER_REFUSED): Need => {
  return { operation, resource: 'CLUSTER', name: 'kafka-cluster', refused }
}

const bits = (...operations: Operation[]) => operations.reduce((field, name) => field | (1 << OPERATION[name]), 0)

const SUBSCRIPTION = Buffer.from([0, 0, 0, 0, 0, 1, 0, 1, 116, 255, 255, 255, 255])
const TOPIC = 2
const BROKER = 4
const CLIENT_METRICS = 16
const GROUP = 32
const NO_TOPIC = 3
const NO_TOPIC_ID = 100
const UNKNOWN_ID = 'AAAAAAAAAAAAAAAAAAAABQ'
const RETENTION = [{ name: 'retention.ms', value: '100000' }]
const SEGMENT = [{ name: 'log.segment.bytes', value: '2000000' }]
const RULE = { resourceType: TOPIC, principal: 'User:x', host: '*', operation: 3, permissionType: 3 }
const FILTER = {
  resourceTypeFilter: TOPIC,
  resourceNameFilter: 'nothing-has-this-name',
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}
const markers = (topic: string) => {
  const topics = [{ name: topic, partitionIndexes: [0] }]
  return { markers: [{ producerId: 1, producerEpoch: 0, transactionResult: false, topics, coordinatorEpoch: 0 }] }
}
const asks = (name: string) => [{ name, partitions: [{ partitionIndex: 0 }] }]

interface Told {
  readonly topicId: string
  readonly partitions: readonly { readonly errorCode: number }[]
}

const GROUP_NOT_FOUND = 69
const NO_SHARE_SESSION = 122
const MEMBER = 'AAAAAAAAAAAAAAAAAAAAAQ'

const stateOf = <Row extends object>({ fresh, topicId }: World, row: Row) => {
  return { groupId: fresh, topics: [{ topicId, partitions: [{ partition: 0, ...row }] }] }
}

/** Whether the caller may ask the share coordinator; whether there is one yet is another question. */
function stateCode({ results }: { readonly results: readonly Told[] }): number {
  const { errorCode } = results[0]!.partitions[0]!
  return errorCode === CLUSTER_REFUSED ? errorCode : 0
}

/** Of one topic first, then of the others. */
function codesOf(topics: readonly Told[], topicId: string): number[] {
  const ordered = [...topics].sort((a, b) => Number(b.topicId === topicId) - Number(a.topicId === topicId))
  return ordered.map(({ partitions }) => partitions[0]!.errorCode)
}

export const rows: readonly Row[] = [
  row(produce, 'by name', {
    version: 12,
    request: ({ topic }) => ({
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }],
    }),
    look: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('WRITE', topic)],
  }),
  row(produce, 'by id', {
    version: 13,
    request: ({ topicId }) => ({
      acks: 1,
      timeoutMs: 5000,
      topicData: [{ topicId, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }],
    }),
    look: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('WRITE', topic)],
  }),
  row(produce, 'to a topic that is not there', {
    version: 12,
    request: ({ fresh }) => ({
      acks: -1,
      timeoutMs: 5000,
      topicData: [{ name: fresh, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }],
    }),
    look: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    served: 3,
    needs: ({ fresh }) => [onTopic('WRITE', fresh)],
  }),
  row(fetch, 'by name', {
    version: 12,
    request: ({ topic }) => fetchOf(topic),
    look: ({ responses }) => responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
    served: [0],
    needs: ({ topic }) => [onTopic('READ', topic, [TOPIC_REFUSED])],
  }),
  row(fetch, 'by id', {
    version: 16,
    request: ({ topic, topicId }) => {
      const request = fetchOf(topic)
      return { ...request, topics: request.topics.map((one) => ({ ...one, topicId })) }
    },
    look: ({ responses }) => responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
    served: [0],
    needs: ({ topic }) => [onTopic('READ', topic, [TOPIC_REFUSED])],
  }),
  row(fetch, 'of a topic that is not there', {
    version: 12,
    request: ({ fresh }) => fetchOf(fresh),
    look: ({ responses }) => responses[0]!.partitions[0]!.errorCode,
    served: 3,
    needs: ({ fresh }) => [onTopic('READ', fresh)],
  }),
  row(listOffsets, '', {
    request: ({ topic }) => ({
      replicaId: -1,
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('DESCRIBE', topic)],
  }),
  row(metadata, 'of a topic by name', {
    request: ({ topic }) => ({ topics: [{ name: topic }], allowAutoTopicCreation: false }),
    look: ({ topics }) => topics.map(({ errorCode, partitions }) => [errorCode, partitions.length]),
    served: [[0, 1]],
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, [[TOPIC_REFUSED, 0]])],
  }),
  row(metadata, 'of a topic by id', {
    version: 12,
    request: ({ topicId }) => ({ topics: [{ name: null, topicId }], allowAutoTopicCreation: false }),
    look: ({ topics }, { topic, topicId }) =>
      topics.map((told) => [told.errorCode, told.name === topic, told.topicId === topicId]),
    served: [[0, true, true]],
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, [[TOPIC_REFUSED, false, true]])],
  }),
  row(metadata, 'of a topic that is not there, without its creation', {
    request: ({ fresh }) => ({ topics: [{ name: fresh }], allowAutoTopicCreation: false }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [3],
    needs: ({ fresh }) => [onTopic('DESCRIBE', fresh, [TOPIC_REFUSED])],
  }),
  row(metadata, 'of all topics', {
    request: () => ({ topics: null }),
    look: ({ topics }) => topics.length,
    served: 1,
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, 0)],
  }),
  row(metadata, 'with what the caller may', {
    version: 9,
    request: ({ topic }) => ({
      topics: [{ name: topic }],
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    }),
    look: ({ topics, clusterAuthorizedOperations }) => [
      topics[0]!.topicAuthorizedOperations,
      clusterAuthorizedOperations,
    ],
    served: [bits('WRITE', 'DESCRIBE'), bits('DESCRIBE')],
    needs: ({ topic }) => [
      onTopic('WRITE', topic, [-2_147_483_648, bits('DESCRIBE')]),
      onCluster('DESCRIBE', [bits('WRITE', 'DESCRIBE'), 0]),
    ],
  }),
  row(offsetCommit, '', {
    version: 9,
    request: ({ group, topic }) => ({
      groupId: group,
      memberId: '',
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }] }],
    }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ group, topic }) => [onGroup('READ', group), onTopic('READ', topic)],
  }),
  row(offsetFetch, 'of one topic', {
    version: 9,
    request: ({ group, topic }) => ({
      groups: [{ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }],
    }),
    look: ({ groups }) => [
      groups[0]!.errorCode,
      ...groups[0]!.topics.map(({ partitions }) => [partitions[0]!.errorCode, partitions[0]!.committedOffset]),
    ],
    served: [0, [0, 1]],
    needs: ({ group, topic }) => [
      onGroup('DESCRIBE', group, [GROUP_REFUSED]),
      onTopic('DESCRIBE', topic, [0, [TOPIC_REFUSED, -1]]),
    ],
  }),
  row(offsetFetch, 'of all topics', {
    version: 7,
    request: ({ group }) => ({ groupId: group, topics: null }),
    look: ({ errorCode, topics }) => [errorCode, topics.length],
    served: [0, 1],
    needs: ({ group, topic }) => [onGroup('DESCRIBE', group, [GROUP_REFUSED, 0]), onTopic('DESCRIBE', topic, [0, 0])],
  }),
  row(offsetFetch, 'before groups had errors', {
    version: 1,
    request: ({ group, topic }) => ({ groupId: group, topics: [{ name: topic, partitionIndexes: [0] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ group, topic }) => [onGroup('DESCRIBE', group), onTopic('DESCRIBE', topic)],
  }),
  row(findCoordinator, 'of a group', {
    version: 4,
    request: ({ group }) => ({ keyType: 0, coordinatorKeys: [group] }),
    look: ({ coordinators }) => coordinators[0]!.errorCode,
    served: 0,
    needs: ({ group }) => [onGroup('DESCRIBE', group)],
  }),
  row(findCoordinator, 'of one group', {
    version: 3,
    request: ({ group }) => ({ keyType: 0, key: group }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: ({ group }) => [onGroup('DESCRIBE', group)],
  }),
  row(joinGroup, '', {
    request: ({ group }) => ({
      groupId: group,
      sessionTimeoutMs: 10_000,
      rebalanceTimeoutMs: 10_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
    }),
    look: ({ errorCode, memberId }) => [errorCode, memberId !== ''],
    served: [79, true],
    needs: ({ group }) => [onGroup('READ', group, [GROUP_REFUSED, false])],
  }),
  row(heartbeat, '', {
    request: ({ group }) => ({ groupId: group, generationId: 1, memberId: 'm' }),
    look: ({ errorCode }) => errorCode,
    served: 25,
    needs: ({ group }) => [onGroup('READ', group)],
  }),
  row(leaveGroup, '', {
    version: 2,
    request: ({ group }) => ({ groupId: group, memberId: 'm', members: [] }),
    look: ({ errorCode }) => errorCode,
    served: 25,
    needs: ({ group }) => [onGroup('READ', group)],
  }),
  row(leaveGroup, 'for several', {
    request: ({ group }) => ({ groupId: group, members: [{ memberId: 'm' }] }),
    look: ({ errorCode, members }) => [errorCode, ...members.map((member) => member.errorCode)],
    served: [0, 25],
    needs: ({ group }) => [onGroup('READ', group, [GROUP_REFUSED])],
  }),
  row(syncGroup, '', {
    request: ({ group }) => ({
      groupId: group,
      generationId: 1,
      memberId: 'm',
      protocolType: 'consumer',
      protocolName: 'range',
      assignments: [],
    }),
    look: ({ errorCode }) => errorCode,
    served: 25,
    needs: ({ group }) => [onGroup('READ', group)],
  }),
  row(describeGroups, '', {
    version: 5,
    request: ({ group }) => ({ groups: [group], includeAuthorizedOperations: true }),
    look: ({ groups }) =>
      groups.map(({ errorCode, groupState, authorizedOperations }) => [errorCode, groupState, authorizedOperations]),
    served: [[0, 'Empty', bits('DESCRIBE')]],
    needs: ({ group }) => [onGroup('DESCRIBE', group, [[GROUP_REFUSED, '', -2_147_483_648]])],
  }),
  row(listGroups, '', {
    request: () => ({}),
    look: ({ errorCode, groups }) => [errorCode, groups.length],
    served: [0, 1],
    needs: ({ group }) => [onGroup('DESCRIBE', group, [0, 0])],
  }),
  row(listGroups, 'by who may describe the cluster', {
    request: () => ({}),
    look: ({ groups }, { group }) => groups.some(({ groupId }) => groupId === group),
    served: true,
    needs: () => [onCluster('DESCRIBE', false)],
  }),
  row(apiVersions, '', {
    version: 2,
    request: () => ({}),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [],
  }),
  row(saslHandshake, 'of somebody who has logged in', {
    request: () => ({ mechanism: 'PLAIN' }),
    look: ({ errorCode }) => errorCode,
    served: ILLEGAL_SASL_STATE,
    needs: () => [],
  }),
  row(saslAuthenticate, 'of somebody who has logged in', {
    request: () => ({ authBytes: Buffer.alloc(0) }),
    look: ({ errorCode }) => errorCode,
    served: ILLEGAL_SASL_STATE,
    needs: () => [],
  }),
  row(createTopics, 'with the right on the topic', {
    request: ({ fresh }) => ({
      topics: [{ name: fresh, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    }),
    look: ({ topics }) =>
      topics.map((topic) => [
        topic.errorCode,
        topic.topicConfigErrorCode,
        topic.numPartitions,
        (topic.configs?.length ?? 0) > 0,
      ]),
    served: [[0, 0, 1, true]],
    needs: ({ fresh }) => [
      onTopic('CREATE', fresh, [[TOPIC_REFUSED, 0, -1, false]]),
      onTopic('DESCRIBE_CONFIGS', fresh, [[0, TOPIC_REFUSED, -1, false]]),
    ],
  }),
  row(createTopics, 'with the right on the cluster', {
    request: ({ fresh }) => ({
      topics: [{ name: fresh, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('CREATE', [TOPIC_REFUSED])],
  }),
  row(createTopics, 'named twice', {
    request: ({ fresh }) => ({
      topics: [1, 2].map(() => ({ name: fresh, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] })),
    }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [42],
    needs: () => [],
  }),
  row(deleteTopics, 'by name', {
    version: 5,
    request: ({ topic }) => ({ topicNames: [topic], topics: [], timeoutMs: 5000 }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ topic }) => [onTopic('DELETE', topic, [TOPIC_REFUSED])],
  }),
  row(deleteTopics, 'by name, of one that is not there', {
    version: 5,
    request: ({ fresh }) => ({ topicNames: [fresh], topics: [], timeoutMs: 5000 }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [3],
    needs: ({ fresh }) => [onTopic('DESCRIBE', fresh, [TOPIC_REFUSED])],
  }),
  row(deleteTopics, 'by id, with the right to describe it', {
    version: 6,
    request: ({ topicId }) => ({ topics: [{ topicId }], topicNames: [], timeoutMs: 5000 }),
    look: ({ responses }, { topic }) => responses.map(({ errorCode, name }) => [errorCode, name === topic]),
    served: [[TOPIC_REFUSED, true]],
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, [[TOPIC_REFUSED, false]])],
  }),
  row(deleteTopics, 'by id', {
    version: 6,
    request: ({ topicId }) => ({ topics: [{ topicId }], topicNames: [], timeoutMs: 5000 }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('DELETE', [TOPIC_REFUSED])],
  }),
  row(deleteRecords, '', {
    request: ({ topic }) => ({
      topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 1 }] }],
      timeoutMs: 5000,
    }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('DELETE', topic)],
  }),
  row(initProducerId, 'by who may write to some topic', {
    version: 4,
    request: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('WRITE', topic, CLUSTER_REFUSED)],
  }),
  row(initProducerId, 'by who may write idempotently', {
    version: 4,
    request: () => ({ transactionalId: null, transactionTimeoutMs: 1000 }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [onCluster('IDEMPOTENT_WRITE')],
  }),
  row(initProducerId, 'for transactions', {
    version: 5,
    request: ({ fresh }) => ({ transactionalId: fresh, transactionTimeoutMs: 1000 }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: ({ fresh }) => [onTransaction('WRITE', fresh)],
  }),
  row(produce, 'in a transaction', {
    version: 12,
    request: ({ topic, fresh }) => {
      const records = batchOf(['x'], { producerId: 1, producerEpoch: 0, baseSequence: 0, transactional: true })
      const topicData = [{ name: topic, partitionData: [{ index: 0, records: [records] }] }]
      return { transactionalId: fresh, acks: -1, timeoutMs: 5000, topicData }
    },
    look: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    served: UNKNOWN_TRANSACTION,
    needs: ({ topic, fresh }) => [onTransaction('WRITE', fresh), onTopic('WRITE', topic)],
  }),
  row(addPartitionsToTxn, 'of a producer', {
    version: 3,
    request: ({ topic, fresh }) => ({
      v3AndBelowTransactionalId: fresh,
      v3AndBelowProducerId: 1,
      v3AndBelowProducerEpoch: 0,
      v3AndBelowTopics: [{ name: topic, partitions: [0] }],
    }),
    look: ({ resultsByTopicV3AndBelow }) =>
      resultsByTopicV3AndBelow[0]!.resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode),
    served: [UNKNOWN_TRANSACTION],
    needs: ({ topic, fresh }) => [
      onTransaction('WRITE', fresh, [TRANSACTION_REFUSED]),
      onTopic('WRITE', topic, [TOPIC_REFUSED]),
    ],
  }),
  row(addPartitionsToTxn, 'of a broker', {
    version: 5,
    request: ({ topic, fresh }) => {
      const topics = [{ name: topic, partitions: [0] }]
      return { transactions: [{ transactionalId: fresh, producerId: 1, producerEpoch: 0, topics }] }
    },
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(addOffsetsToTxn, '', {
    request: ({ group, fresh }) => ({ transactionalId: fresh, producerId: 1, producerEpoch: 0, groupId: group }),
    look: ({ errorCode }) => errorCode,
    served: UNKNOWN_TRANSACTION,
    needs: ({ group, fresh }) => [onTransaction('WRITE', fresh), onGroup('READ', group)],
  }),
  row(endTxn, '', {
    request: ({ fresh }) => ({ transactionalId: fresh, producerId: 1, producerEpoch: 0, committed: true }),
    look: ({ errorCode }) => errorCode,
    served: UNKNOWN_TRANSACTION,
    needs: ({ fresh }) => [onTransaction('WRITE', fresh)],
  }),
  row(writeTxnMarkers, 'of a broker', {
    request: ({ topic }) => markers(topic),
    look: ({ markers: [marker] }) => marker!.topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(writeTxnMarkers, 'of an administrator', {
    request: ({ topic }) => markers(topic),
    look: ({ markers: [marker] }) => marker!.topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: () => [onCluster('ALTER')],
  }),
  row(txnOffsetCommit, '', {
    version: 5,
    request: ({ topic, group, fresh }) => {
      const partitions = [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }]
      const producer = { transactionalId: fresh, producerId: 1, producerEpoch: 0 }
      return { ...producer, groupId: group, topics: [{ name: topic, partitions }] }
    },
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: UNKNOWN_TRANSACTION,
    needs: ({ topic, group, fresh }) => [onTransaction('WRITE', fresh), onGroup('READ', group), onTopic('READ', topic)],
  }),
  row(describeTransactions, '', {
    request: ({ fresh }) => ({ transactionalIds: [fresh] }),
    look: ({ transactionStates }) => transactionStates[0]!.errorCode,
    served: 105,
    needs: ({ fresh }) => [onTransaction('DESCRIBE', fresh)],
  }),
  row(listTransactions, '', {
    request: () => ({ stateFilters: [], producerIdFilters: [] }),
    look: ({ transactionStates }) => transactionStates.length,
    served: 1,
    needs: ({ transaction }) => [onTransaction('DESCRIBE', transaction, 0)],
  }),
  row(offsetForLeaderEpoch, 'of a consumer', {
    request: ({ topic }) => ({ topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('DESCRIBE', topic)],
  }),
  row(offsetForLeaderEpoch, 'of a broker', {
    request: ({ topic }) => ({ topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION', TOPIC_REFUSED)],
  }),
  row(describeAcls, '', {
    request: () => FILTER,
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [onCluster('DESCRIBE')],
  }),
  row(createAcls, '', {
    request: ({ fresh }) => ({ creations: [{ ...RULE, resourceName: fresh }] }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER', [CLUSTER_REFUSED])],
  }),
  row(deleteAcls, '', {
    request: () => ({ filters: [FILTER] }),
    look: ({ filterResults }) => filterResults.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER', [CLUSTER_REFUSED])],
  }),
  row(describeConfigs, 'of a topic', {
    request: ({ topic }) => ({
      resources: [{ resourceType: TOPIC, resourceName: topic, configurationKeys: ['retention.ms'] }],
    }),
    look: ({ results }) => results.map(({ errorCode, configs }) => [errorCode, configs.length]),
    served: [[0, 1]],
    needs: ({ topic }) => [onTopic('DESCRIBE_CONFIGS', topic, [[TOPIC_REFUSED, 0]])],
  }),
  row(describeConfigs, 'of a broker', {
    request: () => ({
      resources: [{ resourceType: BROKER, resourceName: '1', configurationKeys: ['num.partitions'] }],
    }),
    look: ({ results }) => results.map(({ errorCode, configs }) => [errorCode, configs.length]),
    served: [[0, 1]],
    needs: () => [onCluster('DESCRIBE_CONFIGS', [[CLUSTER_REFUSED, 0]])],
  }),
  row(alterConfigs, 'of a topic', {
    request: ({ topic }) => ({
      resources: [{ resourceType: TOPIC, resourceName: topic, configs: RETENTION }],
      validateOnly: false,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ topic }) => [onTopic('ALTER_CONFIGS', topic, [TOPIC_REFUSED])],
  }),
  row(alterConfigs, 'of a broker', {
    request: () => ({
      resources: [{ resourceType: BROKER, resourceName: '1', configs: SEGMENT }],
      validateOnly: true,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER_CONFIGS', [CLUSTER_REFUSED])],
  }),
  row(incrementalAlterConfigs, 'of a topic', {
    request: ({ topic }) => ({
      resources: [
        {
          resourceType: TOPIC,
          resourceName: topic,
          configs: RETENTION.map((config) => ({ ...config, configOperation: 0 })),
        },
      ],
      validateOnly: false,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ topic }) => [onTopic('ALTER_CONFIGS', topic, [TOPIC_REFUSED])],
  }),
  row(incrementalAlterConfigs, 'of all brokers', {
    request: () => ({
      resources: [
        { resourceType: BROKER, resourceName: '', configs: SEGMENT.map((one) => ({ ...one, configOperation: 0 })) },
      ],
      validateOnly: true,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER_CONFIGS', [CLUSTER_REFUSED])],
  }),
  row(describeLogDirs, '', {
    request: ({ topic }) => ({ topics: [{ topic, partitions: [0] }] }),
    look: ({ errorCode, results }) => [errorCode, results.length],
    version: 3,
    served: [0, 1],
    needs: () => [onCluster('DESCRIBE', [CLUSTER_REFUSED, 0])],
  }),
  row(createPartitions, '', {
    request: ({ topic }) => ({
      topics: [{ name: topic, count: 2, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ topic }) => [onTopic('ALTER', topic, [TOPIC_REFUSED])],
  }),
  row(deleteGroups, '', {
    request: ({ group }) => ({ groupsNames: [group] }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ group }) => [onGroup('DELETE', group, [GROUP_REFUSED])],
  }),
  row(offsetDelete, '', {
    request: ({ group, topic }) => ({ groupId: group, topics: asks(topic) }),
    look: ({ errorCode, topics }) => [errorCode, ...topics.map(({ partitions }) => partitions[0]!.errorCode)],
    served: [0, 0],
    needs: ({ group, topic }) => [
      onGroup('DELETE', group, [GROUP_REFUSED]),
      onTopic('READ', topic, [0, TOPIC_REFUSED]),
    ],
  }),
  row(describeClientQuotas, '', {
    request: () => ({ components: [], strict: false }),
    look: ({ errorCode, entries }) => [errorCode, entries],
    served: [0, []],
    needs: () => [onCluster('DESCRIBE_CONFIGS', [CLUSTER_REFUSED, null])],
  }),
  row(alterClientQuotas, '', {
    request: () => ({
      entries: [
        {
          entity: [{ entityType: 'user', entityName: 'x' }],
          ops: [{ key: 'producer_byte_rate', value: 1000, remove: false }],
        },
      ],
      validateOnly: false,
    }),
    look: ({ entries }) => entries.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER_CONFIGS', [CLUSTER_REFUSED])],
  }),
  row(describeUserScramCredentials, '', {
    request: () => ({ users: [{ name: 'nobody' }] }),
    look: ({ errorCode, results }) => [errorCode, ...results.map((one) => one.errorCode)],
    served: [0, 91],
    needs: () => [onCluster('DESCRIBE', [CLUSTER_REFUSED, CLUSTER_REFUSED])],
  }),
  row(alterUserScramCredentials, '', {
    request: () => ({ deletions: [{ name: 'nobody', mechanism: 1 }], upsertions: [] }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [91],
    needs: () => [onCluster('ALTER', [CLUSTER_REFUSED])],
  }),
  row(updateFeatures, '', {
    request: () => ({
      featureUpdates: [{ feature: 'group.version', maxVersionLevel: 1, upgradeType: 1 }],
      validateOnly: true,
    }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [onCluster('ALTER')],
  }),
  row(alterReplicaLogDirs, '', {
    request: ({ topic }) => ({ dirs: [{ path: '/nowhere', topics: [{ name: topic, partitions: [0] }] }] }),
    look: ({ results }) => results[0]!.partitions[0]!.errorCode,
    served: 57,
    needs: () => [onCluster('ALTER')],
  }),
  row(electLeaders, '', {
    request: ({ topic }) => ({ electionType: 0, topicPartitions: [{ topic, partitions: [0] }] }),
    look: ({ errorCode, replicaElectionResults }) => [
      errorCode,
      replicaElectionResults[0]!.partitionResult[0]!.errorCode,
    ],
    served: [0, 84],
    needs: () => [onCluster('ALTER', [CLUSTER_REFUSED, CLUSTER_REFUSED])],
  }),
  row(alterPartitionReassignments, '', {
    request: ({ topic }) => ({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, replicas: [1] }] }] }),
    look: ({ errorCode, responses }) => [errorCode, responses[0]!.partitions[0]!.errorCode],
    served: [0, 0],
    needs: () => [onCluster('ALTER', [CLUSTER_REFUSED, CLUSTER_REFUSED])],
  }),
  row(listPartitionReassignments, '', {
    request: () => ({ topics: null }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: () => [onCluster('DESCRIBE')],
  }),
  row(describeQuorum, '', {
    request: () => ({ topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }),
    look: ({ errorCode, topics }) => [errorCode, topics.length],
    served: [0, 1],
    needs: () => [onCluster('DESCRIBE', [CLUSTER_REFUSED, 0])],
  }),
  row(unregisterBroker, '', {
    request: () => ({ brokerId: 9 }),
    look: ({ errorCode }) => errorCode,
    served: 102,
    needs: () => [onCluster('ALTER')],
  }),
  row(addRaftVoter, '', {
    request: () => ({ ...STRANGER, timeoutMs: 1000, listeners: endpointsOf('INTERNAL', 'CONTROLLER') }),
    look: ({ errorCode }) => errorCode,
    served: UNSUPPORTED_VERSION,
    needs: () => [onCluster('ALTER')],
  }),
  row(removeRaftVoter, '', {
    request: () => STRANGER,
    look: ({ errorCode }) => errorCode,
    served: UNSUPPORTED_VERSION,
    needs: () => [onCluster('ALTER')],
  }),
  row(createDelegationToken, '', {
    request: () => ({ renewers: [], maxLifetimeMs: -1, ownerPrincipalType: null, ownerPrincipalName: null }),
    look: ({ errorCode }) => errorCode,
    served: 61,
    needs: () => [],
  }),
  row(renewDelegationToken, '', {
    request: () => ({ hmac: Buffer.of(1), renewPeriodMs: -1 }),
    look: ({ errorCode }) => errorCode,
    served: 61,
    needs: () => [],
  }),
  row(expireDelegationToken, '', {
    request: () => ({ hmac: Buffer.of(1), expiryTimePeriodMs: -1 }),
    look: ({ errorCode }) => errorCode,
    served: 61,
    needs: () => [],
  }),
  row(describeDelegationToken, '', {
    request: () => ({ owners: null }),
    look: ({ errorCode }) => errorCode,
    served: 61,
    needs: () => [],
  }),
  row(describeCluster, '', {
    request: () => ({ includeClusterAuthorizedOperations: true }),
    look: ({ errorCode, brokers, clusterAuthorizedOperations }) => [
      errorCode,
      brokers.length,
      clusterAuthorizedOperations,
    ],
    served: [0, 1, bits('DESCRIBE')],
    needs: () => [onCluster('DESCRIBE', [0, 1, 0])],
  }),
  row(describeProducers, '', {
    request: ({ topic }) => ({ topics: [{ name: topic, partitionIndexes: [0] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 0,
    needs: ({ topic }) => [onTopic('READ', topic)],
  }),
  row(consumerGroupDescribe, '', {
    request: ({ fresh }) => ({ groupIds: [fresh], includeAuthorizedOperations: false }),
    look: ({ groups }) => groups.map(({ errorCode }) => errorCode),
    served: [69],
    needs: ({ fresh }) => [onGroup('DESCRIBE', fresh, [GROUP_REFUSED])],
  }),
  row(consumerGroupHeartbeat, 'of a new member', {
    request: ({ topic, fresh }) => ({
      groupId: fresh,
      memberId: 'AAAAAAAAAAAAAAAAAAAAAQ',
      memberEpoch: 0,
      rebalanceTimeoutMs: 10_000,
      subscribedTopicNames: [topic],
      topicPartitions: [],
    }),
    look: ({ errorCode, memberEpoch }) => [errorCode, memberEpoch > 0],
    served: [0, true],
    needs: ({ topic, fresh }) => [
      onGroup('READ', fresh, [GROUP_REFUSED, false]),
      onTopic('DESCRIBE', topic, [TOPIC_REFUSED, false]),
    ],
  }),
  row(shareGroupHeartbeat, 'of a new member', {
    request: ({ topic, fresh }) => ({
      groupId: fresh,
      memberId: MEMBER,
      memberEpoch: 0,
      subscribedTopicNames: [topic],
    }),
    look: ({ errorCode, memberEpoch }) => [errorCode, memberEpoch > 0],
    served: [0, true],
    needs: ({ topic, fresh }) => [
      onGroup('READ', fresh, [GROUP_REFUSED, false]),
      onTopic('DESCRIBE', topic, [TOPIC_REFUSED, false]),
    ],
  }),
  row(shareGroupDescribe, '', {
    request: ({ fresh }) => ({ groupIds: [fresh], includeAuthorizedOperations: false }),
    look: ({ groups }) => groups.map(({ errorCode }) => errorCode),
    served: [GROUP_NOT_FOUND],
    needs: ({ fresh }) => [onGroup('DESCRIBE', fresh, [GROUP_REFUSED])],
  }),
  row(shareFetch, 'outside a session', {
    request: ({ fresh }) => ({
      groupId: fresh,
      memberId: MEMBER,
      shareSessionEpoch: 3,
      maxWaitMs: 0,
      minBytes: 0,
      maxRecords: 1,
      batchSize: 1,
      topics: [],
      forgottenTopicsData: [],
    }),
    look: ({ errorCode }) => errorCode,
    served: NO_SHARE_SESSION,
    needs: ({ fresh }) => [onGroup('READ', fresh)],
  }),
  row(shareAcknowledge, 'outside a session', {
    request: ({ fresh }) => ({ groupId: fresh, memberId: MEMBER, shareSessionEpoch: 3, topics: [] }),
    look: ({ errorCode }) => errorCode,
    served: NO_SHARE_SESSION,
    needs: ({ fresh }) => [onGroup('READ', fresh)],
  }),
  row(initializeShareGroupState, '', {
    request: (world) => stateOf(world, { stateEpoch: 0, startOffset: 0 }),
    look: stateCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(readShareGroupState, '', {
    request: (world) => stateOf(world, { leaderEpoch: 0 }),
    look: stateCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(writeShareGroupState, '', {
    request: (world) => stateOf(world, { stateEpoch: 0, leaderEpoch: 0, startOffset: 0, stateBatches: [] }),
    look: stateCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(deleteShareGroupState, '', {
    request: (world) => stateOf(world, {}),
    look: stateCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(readShareGroupStateSummary, '', {
    request: (world) => stateOf(world, { leaderEpoch: 0 }),
    look: stateCode,
    served: 0,
    needs: () => [onCluster('CLUSTER_ACTION')],
  }),
  row(describeShareGroupOffsets, '', {
    request: ({ fresh }) => ({ groups: [{ groupId: fresh, topics: null }] }),
    look: ({ groups }) => groups.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ fresh }) => [onGroup('DESCRIBE', fresh, [GROUP_REFUSED])],
  }),
  row(alterShareGroupOffsets, '', {
    request: ({ fresh }) => ({ groupId: fresh, topics: [] }),
    look: ({ errorCode }) => errorCode,
    served: 0,
    needs: ({ fresh }) => [onGroup('READ', fresh)],
  }),
  row(deleteShareGroupOffsets, '', {
    request: ({ fresh }) => ({ groupId: fresh, topics: [] }),
    look: ({ errorCode }) => errorCode,
    served: GROUP_NOT_FOUND,
    needs: ({ fresh }) => [onGroup('DELETE', fresh)],
  }),
  row(listConfigResources, '', {
    request: () => ({ resourceTypes: [] }),
    look: ({ errorCode, configResources }) => [errorCode, configResources.length > 0],
    served: [0, true],
    needs: () => [onCluster('DESCRIBE_CONFIGS', [CLUSTER_REFUSED, false])],
  }),
  row(describeTopicPartitions, 'of one topic', {
    request: ({ topic }) => ({ topics: [{ name: topic }] }),
    look: ({ topics }) =>
      topics.map((topic) => [topic.errorCode, topic.partitions.length, topic.topicAuthorizedOperations]),
    served: [[0, 1, bits('DESCRIBE')]],
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, [[TOPIC_REFUSED, 0, -2_147_483_648]])],
  }),
  row(describeTopicPartitions, 'of all topics', {
    request: () => ({ topics: [] }),
    look: ({ topics }) => topics.length,
    served: 1,
    needs: ({ topic }) => [onTopic('DESCRIBE', topic, 0)],
  }),

  // What there is not: whoever has the right hears so, and nobody else can tell it from what there is.
  row(produce, 'to an id that is not there', {
    version: 13,
    request: () => ({
      acks: 1,
      timeoutMs: 5000,
      topicData: [{ topicId: UNKNOWN_ID, partitionData: [{ index: 0, records: [batchOf(['x'])] }] }],
    }),
    look: ({ responses }) => responses[0]!.partitionResponses[0]!.errorCode,
    served: NO_TOPIC_ID,
    needs: () => [],
  }),
  row(fetch, 'of an id that is not there', {
    version: 16,
    request: () => {
      const request = fetchOf('')
      return { ...request, topics: request.topics.map((one) => ({ ...one, topicId: UNKNOWN_ID })) }
    },
    look: ({ responses }) => responses[0]!.partitions[0]!.errorCode,
    served: NO_TOPIC_ID,
    needs: () => [],
  }),
  row(fetch, 'as a follower', {
    version: 12,
    request: ({ topic }) => ({ ...fetchOf(topic), replicaId: 1 }),
    look: ({ responses }) => responses[0]!.partitions[0]!.errorCode === TOPIC_REFUSED,
    served: false,
    needs: () => [onCluster('CLUSTER_ACTION', true)],
  }),
  row(metadata, 'of an id that is not there', {
    version: 12,
    request: () => ({ topics: [{ name: null, topicId: UNKNOWN_ID }], allowAutoTopicCreation: false }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [NO_TOPIC_ID],
    needs: () => [],
  }),
  row(metadata, 'of a topic that is to be created', {
    version: 9,
    request: ({ fresh }) => ({
      topics: [{ name: fresh }],
      allowAutoTopicCreation: true,
      includeTopicAuthorizedOperations: true,
    }),
    look: ({ topics }) => topics.map((one) => [one.errorCode === TOPIC_REFUSED, one.topicAuthorizedOperations]),
    served: [[false, bits('DESCRIBE', 'CREATE')]],
    needs: ({ fresh }) => [
      onTopic('DESCRIBE', fresh, [[true, -2_147_483_648]]),
      onTopic('CREATE', fresh, [[true, -2_147_483_648]]),
    ],
  }),
  row(listOffsets, 'of a topic that is not there', {
    request: ({ fresh }) => ({
      replicaId: -1,
      topics: [{ name: fresh, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: NO_TOPIC,
    needs: ({ fresh }) => [onTopic('DESCRIBE', fresh)],
  }),
  row(offsetForLeaderEpoch, 'of a topic that is not there', {
    request: ({ fresh }) => ({ topics: [{ topic: fresh, partitions: [{ partition: 0, leaderEpoch: 0 }] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: NO_TOPIC,
    needs: ({ fresh }) => [onTopic('DESCRIBE', fresh)],
  }),
  row(offsetCommit, 'by id, and of one that is not there', {
    version: 10,
    request: ({ group, topicId }) => ({
      groupId: group,
      memberId: '',
      topics: [topicId, UNKNOWN_ID].map((id) => ({
        topicId: id,
        partitions: [{ partitionIndex: 0, committedOffset: 1, committedMetadata: '' }],
      })),
    }),
    look: ({ topics }, { topicId }) => codesOf(topics, topicId),
    served: [0, NO_TOPIC_ID],
    needs: ({ group, topic }) => [
      onGroup('READ', group, [GROUP_REFUSED, GROUP_REFUSED]),
      onTopic('READ', topic, [TOPIC_REFUSED, NO_TOPIC_ID]),
    ],
  }),
  row(offsetFetch, 'by id, and of one that is not there', {
    version: 10,
    request: ({ group, topicId }) => ({
      groups: [{ groupId: group, topics: [topicId, UNKNOWN_ID].map((id) => ({ topicId: id, partitionIndexes: [0] })) }],
    }),
    look: ({ groups }, { topicId }) => [groups[0]!.errorCode, ...codesOf(groups[0]!.topics, topicId)],
    served: [0, 0, NO_TOPIC_ID],
    needs: ({ group, topic }) => [
      onGroup('DESCRIBE', group, [GROUP_REFUSED]),
      onTopic('DESCRIBE', topic, [0, TOPIC_REFUSED, NO_TOPIC_ID]),
    ],
  }),
  row(deleteRecords, 'of a topic that is not there', {
    request: ({ fresh }) => ({
      topics: [{ name: fresh, partitions: [{ partitionIndex: 0, offset: 1 }] }],
      timeoutMs: 5000,
    }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: NO_TOPIC,
    needs: ({ fresh }) => [onTopic('DELETE', fresh)],
  }),
  row(createPartitions, 'of a topic that is not there', {
    request: ({ fresh }) => ({
      topics: [{ name: fresh, count: 2, assignments: null }],
      timeoutMs: 5000,
      validateOnly: false,
    }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [NO_TOPIC],
    needs: ({ fresh }) => [onTopic('ALTER', fresh, [TOPIC_REFUSED])],
  }),
  row(createTopics, 'of a topic that is there', {
    request: ({ topic }) => ({
      topics: [{ name: topic, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [36],
    needs: ({ topic }) => [onTopic('CREATE', topic, [TOPIC_REFUSED])],
  }),
  row(createTopics, 'of the metadata log', {
    request: () => ({
      topics: [{ name: '__cluster_metadata', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }],
    }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [42],
    needs: () => [],
  }),
  row(deleteTopics, 'of an id that is not there', {
    version: 6,
    request: () => ({ topics: [{ topicId: UNKNOWN_ID }], topicNames: [], timeoutMs: 5000 }),
    look: ({ responses }) => responses.map(({ errorCode, name }) => [errorCode, name]),
    served: [[NO_TOPIC_ID, null]],
    needs: () => [],
  }),
  row(deleteTopics, 'by id and name', {
    version: 6,
    request: ({ topic, topicId }) => ({ topics: [{ topicId, name: topic }], topicNames: [], timeoutMs: 5000 }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [42],
    needs: () => [],
  }),
  row(describeConfigs, 'of a topic that is not there', {
    request: ({ fresh }) => ({ resources: [{ resourceType: TOPIC, resourceName: fresh, configurationKeys: null }] }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [NO_TOPIC],
    needs: ({ fresh }) => [onTopic('DESCRIBE_CONFIGS', fresh, [TOPIC_REFUSED])],
  }),
  row(describeConfigs, 'of a group', {
    request: ({ group }) => ({
      resources: [{ resourceType: GROUP, resourceName: group, configurationKeys: ['consumer.session.timeout.ms'] }],
    }),
    look: ({ results }) => results.map(({ errorCode, configs }) => [errorCode, configs.length]),
    served: [[0, 1]],
    needs: ({ group }) => [onGroup('DESCRIBE_CONFIGS', group, [[GROUP_REFUSED, 0]])],
  }),
  row(incrementalAlterConfigs, 'of a group', {
    request: ({ group }) => ({
      resources: [
        {
          resourceType: GROUP,
          resourceName: group,
          configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '50000' }],
        },
      ],
      validateOnly: false,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: ({ group }) => [onGroup('ALTER_CONFIGS', group, [GROUP_REFUSED])],
  }),
  row(incrementalAlterConfigs, 'of client metrics', {
    request: ({ fresh }) => ({
      resources: [
        {
          resourceType: CLIENT_METRICS,
          resourceName: fresh,
          configs: [{ name: 'interval.ms', configOperation: 0, value: '5000' }],
        },
      ],
      validateOnly: false,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [0],
    needs: () => [onCluster('ALTER_CONFIGS', [CLUSTER_REFUSED])],
  }),
  row(incrementalAlterConfigs, 'of a topic that is not there', {
    request: ({ fresh }) => ({
      resources: [
        {
          resourceType: TOPIC,
          resourceName: fresh,
          configs: RETENTION.map((config) => ({ ...config, configOperation: 0 })),
        },
      ],
      validateOnly: false,
    }),
    look: ({ responses }) => responses.map(({ errorCode }) => errorCode),
    served: [NO_TOPIC],
    needs: ({ fresh }) => [onTopic('ALTER_CONFIGS', fresh, [TOPIC_REFUSED])],
  }),
  row(describeProducers, 'of a name that no topic can have', {
    request: () => ({ topics: [{ name: 'not a topic!', partitionIndexes: [0] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: 17,
    needs: () => [],
  }),
  row(describeProducers, 'of a topic that is not there', {
    request: ({ fresh }) => ({ topics: [{ name: fresh, partitionIndexes: [0] }] }),
    look: ({ topics }) => topics[0]!.partitions[0]!.errorCode,
    served: NO_TOPIC,
    needs: ({ fresh }) => [onTopic('READ', fresh)],
  }),
  row(describeTopicPartitions, 'of a topic that is not there', {
    request: ({ fresh }) => ({ topics: [{ name: fresh }] }),
    look: ({ topics }) => topics.map(({ errorCode }) => errorCode),
    served: [NO_TOPIC],
    needs: ({ fresh }) => [onTopic('DESCRIBE', fresh, [TOPIC_REFUSED])],
  }),
  row(deleteGroups, 'of a group that is not there', {
    request: ({ fresh }) => ({ groupsNames: [fresh] }),
    look: ({ results }) => results.map(({ errorCode }) => errorCode),
    served: [69],
    needs: ({ fresh }) => [onGroup('DELETE', fresh, [GROUP_REFUSED])],
  }),
  row(describeGroups, 'of a group that is not there', {
    version: 6,
    request: ({ fresh }) => ({ groups: [fresh], includeAuthorizedOperations: true }),
    look: ({ groups }) => groups.map((one) => [one.errorCode, one.groupState, one.authorizedOperations]),
    served: [[69, 'Dead', -2_147_483_648]],
    needs: ({ fresh }) => [onGroup('DESCRIBE', fresh, [[GROUP_REFUSED, '', -2_147_483_648]])],
  }),
  row(syncGroup, 'that says no protocol', {
    version: 5,
    request: ({ group }) => ({ groupId: group, generationId: 1, memberId: 'm', assignments: [] }),
    look: ({ errorCode }) => errorCode,
    served: 23,
    needs: () => [],
  }),
  row(leaveGroup, 'of no group', {
    request: () => ({ groupId: '', members: [{ memberId: 'm' }] }),
    look: ({ errorCode }) => errorCode,
    served: GROUP_REFUSED,
    needs: () => [],
  }),
  row(initProducerId, 'for an empty transactional id', {
    version: 4,
    request: () => ({ transactionalId: '', transactionTimeoutMs: 1000 }),
    look: ({ errorCode }) => errorCode,
    served: TRANSACTION_REFUSED,
    needs: () => [],
  }),
]
