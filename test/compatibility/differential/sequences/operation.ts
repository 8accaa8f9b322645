// What operators ask of a whole cluster: configs of other things than topics, quotas, credentials, features, elections, reassignments,
// directories, the quorum, brokers.
import { addRaftVoter } from '../../../../src/protocol/messages/add-raft-voter.ts'
import { alterClientQuotas } from '../../../../src/protocol/messages/alter-client-quotas.ts'
import { alterConfigs } from '../../../../src/protocol/messages/alter-configs.ts'
import { alterPartitionReassignments } from '../../../../src/protocol/messages/alter-partition-reassignments.ts'
import { alterReplicaLogDirs } from '../../../../src/protocol/messages/alter-replica-log-dirs.ts'
import { alterUserScramCredentials } from '../../../../src/protocol/messages/alter-user-scram-credentials.ts'
import { createDelegationToken } from '../../../../src/protocol/messages/create-delegation-token.ts'
import { describeClientQuotas } from '../../../../src/protocol/messages/describe-client-quotas.ts'
import { describeConfigs } from '../../../../src/protocol/messages/describe-configs.ts'
import { describeDelegationToken } from '../../../../src/protocol/messages/describe-delegation-token.ts'
import { describeQuorum } from '../../../../src/protocol/messages/describe-quorum.ts'
import { describeUserScramCredentials } from '../../../../src/protocol/messages/describe-user-scram-credentials.ts'
import { electLeaders } from '../../../../src/protocol/messages/elect-leaders.ts'
import { expireDelegationToken } from '../../../../src/protocol/messages/expire-delegation-token.ts'
import { incrementalAlterConfigs } from '../../../../src/protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../../../../src/protocol/messages/list-config-resources.ts'
import { listPartitionReassignments } from '../../../../src/protocol/messages/list-partition-reassignments.ts'
import { removeRaftVoter } from '../../../../src/protocol/messages/remove-raft-voter.ts'
import { renewDelegationToken } from '../../../../src/protocol/messages/renew-delegation-token.ts'
import { unregisterBroker } from '../../../../src/protocol/messages/unregister-broker.ts'
import { updateFeatures } from '../../../../src/protocol/messages/update-features.ts'
import { ZERO_UUID } from '../../../../src/protocol/schema.ts'
import type { Run } from '../run.ts'

const BROKER = 4
const LOGGER = 8
const CLIENT_METRICS = 16
const GROUP = 32
const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3] as const

/** Configs of brokers, loggers, client metrics subscriptions and groups. */
export async function otherConfigs(run: Run): Promise<void> {
  const change = (
    resourceType: number,
    resourceName: string,
    name: string,
    configOperation: number,
    value: string | null,
  ) =>
    run.ask(
      `${['SET', 'DELETE', 'APPEND', 'SUBTRACT'][configOperation]} ${name}=${value} of ${resourceType} ${resourceName}`,
      incrementalAlterConfigs,
      1,
      { resources: [{ resourceType, resourceName, configs: [{ name, configOperation, value }] }], validateOnly: false },
    )
  const describe = (says: string, resourceType: number, resourceName: string, keys: string[] | null) =>
    run.ask(
      says,
      describeConfigs,
      4,
      { resources: [{ resourceType, resourceName, configurationKeys: keys }], includeSynonyms: true },
      { settles: true },
    )

  const brokerSets: [name: string, value: string][] = [
    ['num.partitions', '3'],
    ['log.retention.hours', '5'],
    ['log.retention.minutes', '5'],
    ['log.roll.hours', '5'],
    ['log.flush.scheduler.interval.ms', '5'],
    ['log.retention.ms', 'x'],
    ['log.retention.ms', '0'],
    ['log.cleaner.backoff.ms', '-1'],
    ['max.connections', '-1'],
    ['max.connections.per.ip', '0'],
    ['max.connections.per.ip.overrides', 'bad'],
    ['producer.id.expiration.ms', '0'],
    ['log.segment.bytes', '5'],
    ['compression.type', 'foo'],
    ['log.cleanup.policy', 'foo'],
    ['unclean.leader.election.enable', 'maybe'],
    ['group.max.size', '5'],
    ['quota.window.num', '5'],
    ['log.retention.ms', '123456789'],
    ['max.connections.per.ip.overrides', '10.1.2.3:100'],
    ['group.consumer.assignment.interval.ms', '500'],
    ['producer.id.expiration.ms', '86400001'],
  ]
  for (const [name, value] of brokerSets) await change(BROKER, '1', name, SET, value)
  await change(BROKER, '', 'log.cleaner.backoff.ms', SET, '14000')
  await change(BROKER, '1', 'log.retention.ms', APPEND, '1')
  await change(BROKER, '1', 'log.retention.ms', SUBTRACT, '1')
  await change(BROKER, '1', 'no.such', APPEND, 'x')
  await change(BROKER, '1', 'log.cleanup.policy', APPEND, 'compact')
  await change(BROKER, '1', 'log.cleanup.policy', DELETE, null)
  await change(BROKER, '1', 'num.partitions', DELETE, null)
  const altered = ['log.retention.ms', 'log.retention.hours', 'log.retention.minutes', 'log.cleaner.backoff.ms']
  const limits = ['max.connections', 'max.connections.per.ip.overrides', 'producer.id.expiration.ms', 'num.partitions']
  await describe('a broker', BROKER, '1', [...altered, ...limits])
  await describe('all brokers', BROKER, '', altered)
  await run.topic('operated')
  await describe('a topic under them', 2, 'operated', ['retention.ms', 'segment.ms', 'flush.ms', 'segment.jitter.ms'])
  for (const name of ['log.retention.ms', 'max.connections.per.ip.overrides', 'producer.id.expiration.ms']) {
    await change(BROKER, '1', name, DELETE, null)
  }
  await describe('a broker, back', BROKER, '1', altered)
  await describe('a topic, back', 2, 'operated', ['retention.ms'])

  await change(LOGGER, '1', 'root', SET, 'LOUD')
  await change(LOGGER, '1', 'no.such', SET, 'INFO')
  await change(LOGGER, '1', 'no.such', DELETE, null)
  await change(LOGGER, '1', 'root', DELETE, null)
  await change(LOGGER, '1', 'root', APPEND, 'INFO')
  await change(LOGGER, '1', 'root', SUBTRACT, 'INFO')
  await change(LOGGER, '7', 'root', SET, 'INFO')
  await change(LOGGER, 'x', 'root', SET, 'INFO')
  await change(LOGGER, '1', 'root', SET, 'INFO')
  await describe('the root logger', LOGGER, '1', ['root'])
  for (const name of ['', '7', 'x']) await describe(`loggers of "${name}"`, LOGGER, name, null)
  await run.ask('of loggers', alterConfigs, 2, {
    resources: [{ resourceType: LOGGER, resourceName: '1', configs: [{ name: 'root', value: 'INFO' }] }],
    validateOnly: false,
  })

  const metrics: [name: string, value: string][] = [
    ['interval.ms', '99'],
    ['interval.ms', '3600001'],
    ['interval.ms', 'x'],
    ['nope', '1'],
    ['match', 'client_id'],
    ['match', 'client_id=['],
    ['match', 'who=me'],
    ['match', 'client_id=a,client_software_name=b'],
    ['metrics', 'org.apache.kafka'],
  ]
  await describe('a subscription that is not there', CLIENT_METRICS, 'sub', null)
  for (const [name, value] of metrics) await change(CLIENT_METRICS, 'sub', name, SET, value)
  await change(CLIENT_METRICS, '', 'metrics', SET, 'a')
  await change(CLIENT_METRICS, 'sub', 'metrics', APPEND, 'a')
  await change(CLIENT_METRICS, 'sub', 'nope', DELETE, null)
  await describe('a subscription', CLIENT_METRICS, 'sub', null)
  await describe('a subscription without a name', CLIENT_METRICS, '', null)

  const groups: [name: string, value: string][] = [
    ['consumer.session.timeout.ms', '1'],
    ['consumer.session.timeout.ms', 'x'],
    ['consumer.session.timeout.ms', '100000000'],
    ['consumer.heartbeat.interval.ms', '1'],
    ['consumer.heartbeat.interval.ms', '100000'],
    ['consumer.heartbeat.interval.ms', '0'],
    ['nope', '1'],
    ['consumer.session.timeout.ms', '50000'],
    ['consumer.heartbeat.interval.ms', '6000'],
  ]
  for (const [name, value] of groups) await change(GROUP, 'g', name, SET, value)
  await change(GROUP, '', 'consumer.session.timeout.ms', SET, '50000')
  await change(GROUP, 'g', 'consumer.session.timeout.ms', APPEND, '50000')
  await change(GROUP, 'g', 'nope', DELETE, null)
  await describe('a group', GROUP, 'g', ['consumer.session.timeout.ms', 'consumer.heartbeat.interval.ms'])
  await describe('a group that sets nothing', GROUP, 'other', ['consumer.session.timeout.ms'])
  await describe('a group without a name', GROUP, '', null)

  await run.ask('subscriptions', listConfigResources, 0, {}, { settles: true })
  await run.ask('groups and subscriptions', listConfigResources, 1, { resourceTypes: [GROUP, CLIENT_METRICS] })
  await run.ask('brokers', listConfigResources, 1, { resourceTypes: [BROKER, LOGGER] })
  await run.ask('an unknown kind', listConfigResources, 1, { resourceTypes: [3] })
  const twice = { resourceType: GROUP, resourceName: 'g', configs: [] }
  await run.ask('a resource twice', incrementalAlterConfigs, 1, { resources: [twice, twice], validateOnly: false })
}

export async function quotas(run: Run): Promise<void> {
  type Parts = Readonly<Record<string, string | null>>
  const entityOf = (parts: Parts) =>
    Object.entries(parts).map(([entityType, entityName]) => ({ entityType, entityName }))
  const alter = (parts: Parts, ops: readonly (readonly [string, number | null])[], validateOnly = false) =>
    run.askAll(JSON.stringify([parts, ops]), alterClientQuotas, () => ({
      entries: [
        {
          entity: entityOf(parts),
          ops: ops.map(([key, value]) => ({ key, value: value ?? 0, remove: value === null })),
        },
      ],
      validateOnly,
    }))
  await alter({ user: 'dave' }, [['producer_byte_rate', 1e9]])
  await alter({ user: 'dave', 'client-id': 'c' }, [['consumer_byte_rate', 1e9]])
  await alter({ user: 'erin', 'client-id': null }, [['request_percentage', 0.5]])
  await alter({ ip: '10.9.8.7' }, [['connection_creation_rate', 5]])
  await alter({ user: 'frank' }, [['producer_byte_rate', 5]], true)
  const bad: [Parts, [string, number | null][]][] = [
    [{ user: 'dave' }, [['producer_byte_rate', 1.5]]],
    [{ user: 'dave' }, [['producer_byte_rate', 0]]],
    [{ user: 'dave' }, [['producer_byte_rate', 1e30]]],
    [{ user: 'dave' }, [['nope', 1]]],
    [{ user: 'dave' }, [['nope', null]]],
    [{ user: '' }, [['producer_byte_rate', 1]]],
    [{ zone: 'a' }, [['producer_byte_rate', 1]]],
    [{}, [['producer_byte_rate', 1]]],
    [{ ip: '10.9.8.7', user: 'a' }, [['connection_creation_rate', 1]]],
    [{ ip: 'no such host' }, [['connection_creation_rate', 1]]],
    [{ ip: '10.9.8.7' }, [['producer_byte_rate', 1]]],
    [{ ip: '10.9.8.7' }, [['connection_creation_rate', 5e10]]],
    [{ ip: '10.9.8.7' }, [['connection_creation_rate', 1.5]]],
    [
      { user: 'dave' },
      [
        ['request_percentage', 1],
        ['request_percentage', 2],
      ],
    ],
    [{ user: 'nobody' }, [['producer_byte_rate', null]]],
    [{ user: 'dave' }, []],
  ]
  for (const [parts, ops] of bad) await alter(parts, ops)
  const find = (says: string, components: [string, number, string | null][], strict = false) =>
    run.ask(
      says,
      describeClientQuotas,
      1,
      { components: components.map(([entityType, matchType, match]) => ({ entityType, matchType, match })), strict },
      { settles: true },
    )
  await find('one user', [['user', 0, 'dave']], true)
  await find('no user', [['user', 0, 'nobody']])
  await find('the default client of any user', [
    ['user', 2, null],
    ['client-id', 1, null],
  ])
  await find('an address', [['ip', 0, '10.9.8.7']])
  await find('a type twice', [
    ['user', 2, null],
    ['user', 1, null],
  ])
  await find('an unknown type', [['zone', 2, null]])
  await find('an empty type', [['', 2, null]])
  await find('a name that is null', [['user', 0, null]])
  await find('a name beside the default', [['user', 1, 'a']])
  await find('a name beside any', [['user', 2, 'a']])
  await find('an unknown match', [['user', 7, null]])
  await find('an address beside a user', [
    ['ip', 2, null],
    ['user', 2, null],
  ])
}

export async function credentials(run: Run): Promise<void> {
  const upsertion = (name: string, mechanism: number, iterations: number) => ({
    name,
    mechanism,
    iterations,
    salt: Buffer.from('salt'),
    saltedPassword: Buffer.alloc(32, 7),
  })
  type Upsertion = ReturnType<typeof upsertion>
  const alter = (says: string, deletions: { name: string; mechanism: number }[], upsertions: Upsertion[]) =>
    run.ask(says, alterUserScramCredentials, 0, { deletions, upsertions })
  await alter('is set', [], [upsertion('u', 1, 4096)])
  await alter('is set for another mechanism', [], [upsertion('u', 2, 8192)])
  await alter('too few iterations', [], [upsertion('v', 1, 4095)])
  await alter('too many iterations', [], [upsertion('v', 1, 16385)])
  await alter('no user', [], [upsertion('', 1, 4096)])
  await alter('an unknown mechanism', [], [upsertion('v', 9, 4096)])
  await alter('a user twice', [], [upsertion('v', 1, 4096), upsertion('v', 2, 4096)])
  await alter('deleted and set', [{ name: 'u', mechanism: 1 }], [upsertion('u', 2, 4096)])
  await alter('deletes what is not there', [{ name: 'nobody', mechanism: 1 }], [])
  await alter('deletes of an unknown mechanism', [{ name: 'u', mechanism: 9 }], [])
  await alter('deletes', [{ name: 'u', mechanism: 2 }], [])
  await alter('nothing', [], [])
  const describe = (says: string, users: string[] | null) =>
    run.ask(
      says,
      describeUserScramCredentials,
      0,
      { users: users?.map((name) => ({ name })) ?? null },
      { settles: true },
    )
  await describe('all', null)
  await describe('none named', [])
  await describe('one and a stranger', ['u', 'nobody'])
  await describe('one twice', ['u', 'u'])
}

export async function features(run: Run): Promise<void> {
  const [UPGRADE, SAFE, UNSAFE] = [1, 2, 3] as const
  const update = (feature: string, maxVersionLevel: number, upgradeType: number, validateOnly = false) =>
    run.askAll(
      `${feature} to ${maxVersionLevel} by ${upgradeType}`,
      updateFeatures,
      () => ({ featureUpdates: [{ feature, maxVersionLevel, upgradeType }], validateOnly }),
      { from: 1 },
    )
  await update('transaction.version', 1, UPGRADE)
  await update('transaction.version', 9, UPGRADE)
  await update('transaction.version', -1, SAFE)
  await update('transaction.version', 1, 9)
  await update('transaction.version', 1, SAFE)
  await update('transaction.version', 2, SAFE)
  await update('transaction.version', 2, UPGRADE)
  await update('group.version', 0, SAFE, true)
  await update('no.such', 1, UPGRADE)
  await update('no.such', 0, SAFE)
  await update('metadata.version', 1, SAFE)
  await update('metadata.version', 99, UPGRADE)
  await update('metadata.version', 30, UPGRADE)
  await update('metadata.version', 27, SAFE)
  await update('metadata.version', 28, SAFE, true)
  await update('metadata.version', 29, SAFE, true)
  await update('metadata.version', 29, UNSAFE, true)
  await run.ask('before upgrade types', updateFeatures, 0, {
    featureUpdates: [{ feature: 'transaction.version', maxVersionLevel: 2 }],
  })
  await run.ask('nothing', updateFeatures, 2, { featureUpdates: [], validateOnly: false })
}

export async function brokers(run: Run): Promise<void> {
  await run.topic('placed', 2)
  const some = [
    { topic: 'placed', partitions: [0, 9] },
    { topic: 'absent', partitions: [0] },
  ]
  await run.askAll('preferred leaders', electLeaders, () => ({ topicPartitions: some, timeoutMs: 1000 }))
  await run.askAll('any leaders', electLeaders, () => ({ electionType: 1, topicPartitions: some, timeoutMs: 1000 }), {
    from: 1,
  })
  await run.askAll(
    'leaders of no kind',
    electLeaders,
    () => ({ electionType: 7, topicPartitions: some, timeoutMs: 1000 }),
    { from: 1 },
  )
  const assign = (says: string, name: string, partitionIndex: number, replicas: number[] | null) =>
    run.askAll(says, alterPartitionReassignments, () => ({
      topics: [{ name, partitions: [{ partitionIndex, replicas }] }],
    }))
  await assign('as it is', 'placed', 0, [1])
  for (const replicas of [[2], [1, 1], [9, 9], [1, 2], []]) await assign(`to ${replicas}`, 'placed', 0, replicas)
  await assign('cancelled', 'placed', 0, null)
  await assign('of no partition', 'placed', 9, [1])
  await assign('of no topic', 'absent', 0, [1])
  await run.ask('all', listPartitionReassignments, 0, { topics: null })
  await run.ask('some', listPartitionReassignments, 0, { topics: [{ name: 'placed', partitionIndexes: [0, 9] }] })
  await run.askAll('to elsewhere', alterReplicaLogDirs, () => ({
    dirs: [
      {
        path: '/elsewhere',
        topics: [
          { name: 'placed', partitions: [0, 9] },
          { name: 'absent', partitions: [0] },
        ],
      },
    ],
  }))
  const quorum = (says: string, topics: [string, number[]][]) =>
    run.askAll(says, describeQuorum, () => ({
      topics: topics.map(([topicName, partitions]) => ({
        topicName,
        partitions: partitions.map((partitionIndex) => ({ partitionIndex })),
      })),
    }))
  await quorum('the metadata', [['__cluster_metadata', [0]]])
  await quorum('another partition', [['__cluster_metadata', [1]]])
  await quorum('another topic', [['placed', [0]]])
  await quorum('more than one', [['__cluster_metadata', [0, 1]]])
  await quorum('nothing', [])
  const stranger = { clusterId: null, voterId: 9, voterDirectoryId: 'AAAAAAAAAAAAAAAAAAAACQ' }
  const endpoints = ['INTERNAL', 'CONTROLLER'].map((name) => ({ name, host: 'localhost', port: 9 }))
  const add = (says: string, asked: object) =>
    run.askAll(says, addRaftVoter, () => ({ ...stranger, timeoutMs: 1000, listeners: endpoints, ...asked }))
  await add('a voter', {})
  await add('a voter of no directory', { voterDirectoryId: ZERO_UUID })
  await add('a voter of no number', { voterId: -1 })
  await run.askAll('a voter', removeRaftVoter, () => stranger)
  await run.askAll('a voter of no directory', removeRaftVoter, () => ({ ...stranger, voterDirectoryId: ZERO_UUID }))
  await run.ask('a stranger', unregisterBroker, 0, { brokerId: 7 })
  await run.askAll('tokens', describeDelegationToken, () => ({ owners: null }))
  await run.askAll('a token', createDelegationToken, (version) => ({
    renewers: [],
    maxLifetimeMs: -1,
    ...(version >= 3 && { ownerPrincipalType: null, ownerPrincipalName: null }),
  }))
  await run.askAll('a token renewed', renewDelegationToken, () => ({ hmac: Buffer.of(1), renewPeriodMs: -1 }))
  await run.askAll('a token ended', expireDelegationToken, () => ({ hmac: Buffer.of(1), expiryTimePeriodMs: -1 }))
}
