// Topics, partitions, configs, the cluster, ACLs, and what is no request at all.
import { alterConfigs } from '../../../../src/protocol/messages/alter-configs.ts'
import { apiVersions } from '../../../../src/protocol/messages/api-versions.ts'
import { createPartitions } from '../../../../src/protocol/messages/create-partitions.ts'
import { createTopics } from '../../../../src/protocol/messages/create-topics.ts'
import { deleteTopics } from '../../../../src/protocol/messages/delete-topics.ts'
import { describeAcls } from '../../../../src/protocol/messages/describe-acls.ts'
import { describeCluster } from '../../../../src/protocol/messages/describe-cluster.ts'
import { describeConfigs } from '../../../../src/protocol/messages/describe-configs.ts'
import { describeLogDirs } from '../../../../src/protocol/messages/describe-log-dirs.ts'
import { describeTopicPartitions } from '../../../../src/protocol/messages/describe-topic-partitions.ts'
import { incrementalAlterConfigs } from '../../../../src/protocol/messages/incremental-alter-configs.ts'
import { listConfigResources } from '../../../../src/protocol/messages/list-config-resources.ts'
import { metadata } from '../../../../src/protocol/messages/metadata.ts'
import { type RequestInput, ZERO_UUID } from '../../../../src/protocol/schema.ts'
import type { Run } from '../run.ts'
import type { Side } from '../side.ts'
import { NO_TOPIC_ID } from './records.ts'

type NewTopic = RequestInput<typeof createTopics>['topics'][number]

const TOPIC = 2
const BROKER = 4

function newTopic(name: string, change: Partial<NewTopic> = {}): NewTopic {
  return { name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...change }
}

export async function topics(run: Run): Promise<void> {
  const create = (says: string, wanted: (version: number) => readonly NewTopic[], validateOnly = false) =>
    run.askAll(says, createTopics, (version) => ({ topics: wanted(version), timeoutMs: 5000, validateOnly }))
  await create('one', (version) => [newTopic(`made-${version}`)])
  await create('one that is there', (version) => [newTopic(`made-${version}`)])
  await create('one that would be made', (version) => [newTopic(`not-made-${version}`)], true)
  await create('nothing', () => [])
  await create('defaults', (version) => [
    newTopic(`by-default-${version}`, { numPartitions: -1, replicationFactor: -1 }),
  ])
  const odd: readonly (readonly [string, Partial<NewTopic>])[] = [
    ['no partitions', { numPartitions: 0 }],
    ['partitions below −1', { numPartitions: -2 }],
    ['no replicas', { replicationFactor: 0 }],
    ['too many replicas', { replicationFactor: 3 }],
    [
      'an assignment',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1] }] },
    ],
    ['an assignment beside a number', { assignments: [{ partitionIndex: 0, brokerIds: [1] }] }],
    [
      'an assignment to a stranger',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [9] }] },
    ],
    [
      'an assignment with a hole',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 1, brokerIds: [1] }] },
    ],
    [
      'an empty assignment',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [] }] },
    ],
    [
      'an assignment twice to one',
      { numPartitions: -1, replicationFactor: -1, assignments: [{ partitionIndex: 0, brokerIds: [1, 1] }] },
    ],
    ['a config', { configs: [{ name: 'retention.ms', value: '1000' }] }],
    ['an unknown config', { configs: [{ name: 'no.such.config', value: '1' }] }],
    ['a bad value', { configs: [{ name: 'retention.ms', value: 'soon' }] }],
    ['a null value', { configs: [{ name: 'retention.ms', value: null }] }],
    [
      'a config twice',
      {
        configs: [
          { name: 'retention.ms', value: '1' },
          { name: 'retention.ms', value: '2' },
        ],
      },
    ],
    [
      'configs that quarrel',
      {
        configs: [
          { name: 'min.compaction.lag.ms', value: '10' },
          { name: 'max.compaction.lag.ms', value: '1' },
        ],
      },
    ],
  ]
  for (const [says, change] of odd)
    await create(says, (version) => [newTopic(`odd-${odd.findIndex(([one]) => one === says)}-${version}`, change)])
  for (const name of [
    '',
    '.',
    '..',
    'not a name',
    'ä',
    'x'.repeat(249),
    'x'.repeat(250),
    '__consumer_offsets',
    'made_2',
  ])
    await create(`the name ${name.slice(0, 20)} of ${name.length}`, () => [newTopic(name)])
  await create('one name twice', (version) => [newTopic(`twice-${version}`), newTopic(`twice-${version}`)])
  await create('a good one and a bad one', (version) => [newTopic(`good-${version}`), newTopic(`bad ${version}`)])

  await run.topic('grown', 2)
  const grow = (
    says: string,
    name: string,
    count: number,
    assignments: readonly { brokerIds: number[] }[] | null = null,
    validateOnly = false,
  ) =>
    run.askAll(says, createPartitions, () => ({
      topics: [{ name, count, assignments }],
      timeoutMs: 5000,
      validateOnly,
    }))
  await grow('as many as there are', 'grown', 2)
  await grow('fewer', 'grown', 1)
  await grow('none', 'grown', 0)
  await grow('below zero', 'grown', -1)
  await grow('would be made', 'grown', 3, null, true)
  await grow('of a topic that is not there', 'nowhere', 3)
  await grow('of a bad name', 'not a name', 3)
  await grow('with an assignment to a stranger', 'grown', 3, [{ brokerIds: [9] }])
  await grow('with too many assignments', 'grown', 3, [{ brokerIds: [1] }, { brokerIds: [1] }])
  await grow('with an empty assignment', 'grown', 3, [{ brokerIds: [] }])
  await grow('three', 'grown', 3)
  await run.askAll('nothing', createPartitions, () => ({ topics: [], timeoutMs: 5000, validateOnly: false }))
  await run.askAll('one topic twice', createPartitions, () => ({
    topics: [
      { name: 'grown', count: 9, assignments: null },
      { name: 'grown', count: 9, assignments: null },
    ],
    timeoutMs: 5000,
    validateOnly: false,
  }))

  const remove = (version: number, name: string | null, topicId: string = ZERO_UUID) =>
    version >= 6 ? { topics: [{ name, topicId }], timeoutMs: 5000 } : { topicNames: [name ?? ''], timeoutMs: 5000 }
  await run.askAll('a topic that is not there', deleteTopics, (version) => remove(version, 'nowhere'))
  await run.askAll('a bad name', deleteTopics, (version) => remove(version, 'not a name'))
  for (const version of run.versionsOf(deleteTopics)) {
    await run.topic(`doomed-${version}`)
    await run.ask('one', deleteTopics, version, remove(version, `doomed-${version}`))
  }
  await run.ask('an id of no topic', deleteTopics, 6, remove(6, null, NO_TOPIC_ID))
  await run.ask('neither a name nor an id', deleteTopics, 6, remove(6, null))
  await run.topic('doomed-by-id')
  await run.ask('both a name and an id', deleteTopics, 6, (side) =>
    remove(6, 'doomed-by-id', side.topicIds.get('doomed-by-id')),
  )
  await run.ask('by its id', deleteTopics, 6, (side) => remove(6, null, side.topicIds.get('doomed-by-id')))
  await run.topic('doomed-twice')
  await run.ask('one twice', deleteTopics, 6, {
    topics: [
      { name: 'doomed-twice', topicId: ZERO_UUID },
      { name: 'doomed-twice', topicId: ZERO_UUID },
    ],
    timeoutMs: 5000,
  })
  await run.ask('one by its name and by its id', deleteTopics, 6, (side) => ({
    topics: [
      { name: null, topicId: side.topicIds.get('doomed-twice')! },
      { name: 'doomed-twice', topicId: ZERO_UUID },
    ],
    timeoutMs: 5000,
  }))
  await run.askAll('nothing', deleteTopics, (version) =>
    version >= 6 ? { topics: [], timeoutMs: 5000 } : { topicNames: [], timeoutMs: 5000 },
  )
}

export async function describing(run: Run): Promise<void> {
  await run.topic('shown', 2, { 'retention.ms': '1000' })
  await run.topic('shown-too')
  const show = (says: string, names: readonly (string | null)[], from = 0, change: object = {}) =>
    run.askAll(
      says,
      metadata,
      (version) => ({
        topics: names.map((name) => ({ name })),
        ...(version >= 4 && { allowAutoTopicCreation: false }),
        ...change,
      }),
      { from },
    )
  await show('a topic', ['shown'])
  await show('a topic twice', ['shown', 'shown'])
  await show('a topic that is not there', ['nowhere'], 4)
  await show('a bad name', ['not a name'], 4)
  await show('an empty name', [''], 4)
  await show('an internal topic that may not be there', ['__transaction_state'], 4)
  await show('no topics', [], 1)
  await show('a null name', [null], 10)
  await show('with authorized operations', ['shown', 'nowhere'], 8, { includeTopicAuthorizedOperations: true })
  await run.askAll(
    'with authorized operations of the cluster',
    metadata,
    (version) => ({
      topics: [],
      ...(version <= 10 && { includeClusterAuthorizedOperations: true }),
    }),
    { from: 8 },
  )
  await run.askAll(
    'by its id',
    metadata,
    () => (side: Side) => ({
      topics: [{ name: null, topicId: side.topicIds.get('shown')! }],
    }),
    { from: 10 },
  )
  await run.askAll(
    'by its id and another name',
    metadata,
    () => (side: Side) => ({
      topics: [{ name: 'shown-too', topicId: side.topicIds.get('shown')! }],
    }),
    { from: 10 },
  )
  await run.askAll(
    'an id beside a name',
    metadata,
    () => (side: Side) => ({
      topics: [{ name: null, topicId: side.topicIds.get('shown')! }, { name: 'shown-too' }],
    }),
    { from: 10 },
  )
  await run.askAll('an id of no topic', metadata, () => ({ topics: [{ name: null, topicId: NO_TOPIC_ID }] }), {
    from: 10,
  })

  await run.askAll('the cluster', describeCluster, () => ({ includeClusterAuthorizedOperations: false }))
  await run.askAll('with authorized operations', describeCluster, () => ({ includeClusterAuthorizedOperations: true }))
  for (const endpointType of [0, 2, 3])
    await run.askAll(
      `endpoints of kind ${endpointType}`,
      describeCluster,
      () => ({ includeClusterAuthorizedOperations: false, endpointType }),
      { from: 1 },
    )
  await run.askAll(
    'with fenced brokers',
    describeCluster,
    () => ({ includeClusterAuthorizedOperations: false, includeFencedBrokers: true }),
    { from: 2 },
  )

  const page = (says: string, names: readonly string[], change: object = {}) =>
    run.ask(says, describeTopicPartitions, 0, { topics: names.map((name) => ({ name })), ...change })
  await page('topics', ['shown', 'shown-too'])
  await page('a topic twice', ['shown', 'shown'])
  await page('a topic that is not there', ['nowhere'])
  await page('a bad name', ['not a name'])
  await page('one partition at a time', ['shown', 'shown-too'], { responsePartitionLimit: 1 })
  await page('no partition at a time', ['shown'], { responsePartitionLimit: 0 })
  await page('from a cursor', ['shown', 'shown-too'], { cursor: { topicName: 'shown', partitionIndex: 1 } })
  await page('from a cursor beyond', ['shown', 'shown-too'], { cursor: { topicName: 'shown', partitionIndex: 7 } })
  await page('from a cursor below zero', ['shown'], { cursor: { topicName: 'shown', partitionIndex: -1 } })
  await page('from a cursor between', ['shown', 'shown-too'], { cursor: { topicName: 'shown-a', partitionIndex: 0 } })

  await run.askAll('of a topic', describeLogDirs, () => ({ topics: [{ topic: 'shown', partitions: [0, 1] }] }))
  await run.askAll('of a partition that is not there', describeLogDirs, () => ({
    topics: [{ topic: 'shown', partitions: [9] }],
  }))
  await run.askAll('of a topic that is not there', describeLogDirs, () => ({
    topics: [{ topic: 'nowhere', partitions: [0] }],
  }))
  await run.askAll('of nothing', describeLogDirs, () => ({ topics: [] }))

  const versions = (says: string, change: object) =>
    run.askAll(says, apiVersions, (version) =>
      version >= 3 ? { clientSoftwareName: 'test', clientSoftwareVersion: '1', ...change } : {},
    )
  await versions('as usual', {})
  await versions('no software name', { clientSoftwareName: '' })
  await versions('no software version', { clientSoftwareVersion: '' })
  await versions('a bad software name', { clientSoftwareName: '-bad' })
  await versions('a bad software version', { clientSoftwareVersion: 'a b' })
  const any = { resourceNameFilter: null, principalFilter: null, hostFilter: null }
  await run.askAll('all', describeAcls, () => ({
    ...any,
    resourceTypeFilter: 1,
    patternTypeFilter: 1,
    operation: 1,
    permissionType: 1,
  }))
  await run.askAll('an unknown kind', describeAcls, () => ({
    ...any,
    resourceTypeFilter: 0,
    patternTypeFilter: 1,
    operation: 1,
    permissionType: 1,
  }))
}

export async function configs(run: Run): Promise<void> {
  await run.topic('configured', 1, { 'retention.ms': '1000', 'cleanup.policy': 'compact' })
  const show = (
    says: string,
    resourceType: number,
    resourceName: string,
    configurationKeys: readonly string[] | null,
    change: object = {},
  ) =>
    run.askAll(says, describeConfigs, () => ({
      resources: [{ resourceType, resourceName, configurationKeys }],
      ...change,
    }))
  await show('of a topic', TOPIC, 'configured', null)
  await show('of a topic, with synonyms', TOPIC, 'configured', null, { includeSynonyms: true })
  await show('some of a topic', TOPIC, 'configured', ['retention.ms', 'no.such.config', 'cleanup.policy'])
  await show('none of a topic', TOPIC, 'configured', [])
  await show('of a topic that is not there', TOPIC, 'nowhere', null)
  await show('of a bad name', TOPIC, 'not a name', null)
  await show('of an empty name', TOPIC, '', null)
  await show('some of the broker', BROKER, '1', ['num.partitions', 'auto.create.topics.enable', 'log.retention.ms'])
  await show('of all brokers', BROKER, '', null)
  await show('of another broker', BROKER, '7', null)
  await show('of a broker that is no number', BROKER, 'one', null)
  await show('of an unknown kind', 3, 'x', null)
  await show('of kind 0', 0, 'x', null)
  await run.askAll('a topic twice', describeConfigs, () => ({
    resources: [
      { resourceType: TOPIC, resourceName: 'configured', configurationKeys: ['retention.ms'] },
      { resourceType: TOPIC, resourceName: 'configured', configurationKeys: ['cleanup.policy'] },
    ],
  }))
  await run.askAll('nothing', describeConfigs, () => ({ resources: [] }))
  await run.askAll('all', listConfigResources, () => ({}), { from: 0 })
  for (const type of [2, 4, 8, 16, 32, 99])
    await run.askAll(`of kind ${type}`, listConfigResources, () => ({ resourceTypes: [type] }), { from: 1 })

  const alter = (
    says: string,
    resourceType: number,
    resourceName: string,
    name: string,
    value: string | null,
    validateOnly = false,
  ) =>
    run.askAll(says, alterConfigs, () => ({
      resources: [{ resourceType, resourceName, configs: [{ name, value }] }],
      validateOnly,
    }))
  await alter('would be altered', TOPIC, 'configured', 'retention.ms', '5', true)
  await alter('a bad value', TOPIC, 'configured', 'retention.ms', 'soon')
  await alter('a null value', TOPIC, 'configured', 'retention.ms', null)
  await alter('an unknown config', TOPIC, 'configured', 'no.such.config', '1')
  await alter('of a topic that is not there', TOPIC, 'nowhere', 'retention.ms', '5')
  await alter('of a bad name', TOPIC, 'not a name', 'retention.ms', '5')
  await alter('of a broker that is no number', BROKER, 'one', 'log.retention.ms', '5')
  await alter('of another broker', BROKER, '7', 'log.retention.ms', '5')
  await alter('of an unknown kind', 3, 'x', 'a', 'b')
  await alter('it is altered', TOPIC, 'configured', 'retention.ms', '7000')
  await run.ask(
    'after AlterConfigs',
    describeConfigs,
    4,
    {
      resources: [
        { resourceType: TOPIC, resourceName: 'configured', configurationKeys: ['retention.ms', 'cleanup.policy'] },
      ],
    },
    { settles: true },
  )
  await run.askAll('nothing', alterConfigs, () => ({ resources: [], validateOnly: false }))
  const [SET, DELETE, APPEND, SUBTRACT] = [0, 1, 2, 3]
  const change = (
    says: string,
    resourceName: string,
    name: string,
    configOperation: number,
    value: string | null,
    resourceType = TOPIC,
  ) =>
    run.askAll(says, incrementalAlterConfigs, () => ({
      resources: [{ resourceType, resourceName, configs: [{ name, configOperation, value }] }],
      validateOnly: false,
    }))
  await change('is set', 'configured', 'retention.ms', SET, '5000')
  await change('is set to null', 'configured', 'retention.ms', SET, null)
  await change('is set to what it cannot be', 'configured', 'cleanup.policy', SET, 'shred')
  await change('is appended', 'configured', 'cleanup.policy', APPEND, 'delete')
  await change('is subtracted', 'configured', 'cleanup.policy', SUBTRACT, 'compact')
  await change('is appended to what is no list', 'configured', 'retention.ms', APPEND, '5')
  await change('is appended with null', 'configured', 'cleanup.policy', APPEND, null)
  await change('an unknown operation', 'configured', 'retention.ms', 9, '5')
  await change('an unknown config', 'configured', 'no.such.config', SET, '5')
  await change('an unknown config is deleted', 'configured', 'no.such.config', DELETE, null)
  await change('is deleted', 'configured', 'retention.ms', DELETE, null)
  await change('of a topic that is not there', 'nowhere', 'retention.ms', SET, '5')
  await change('of a bad name', 'not a name', 'retention.ms', SET, '5')
  await change('of an unknown kind', 'x', 'a', SET, '5', 3)
  await run.ask(
    'after all',
    describeConfigs,
    4,
    {
      resources: [
        { resourceType: TOPIC, resourceName: 'configured', configurationKeys: ['retention.ms', 'cleanup.policy'] },
      ],
    },
    { settles: true },
  )
  await run.askAll('a config twice', incrementalAlterConfigs, () => ({
    resources: [
      {
        resourceType: TOPIC,
        resourceName: 'configured',
        configs: [
          { name: 'retention.ms', configOperation: SET, value: '1' },
          { name: 'retention.ms', configOperation: SET, value: '2' },
        ],
      },
    ],
    validateOnly: false,
  }))
}

/** Frames that no client would send. */
export async function frames(run: Run): Promise<void> {
  const good = run.frameOf(metadata, 1, { topics: [] })
  const changed = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(good)
    change(copy)
    return copy
  }
  await run.send('a good frame', good)
  await run.send(
    'Metadata v99',
    changed((bytes) => bytes.writeInt16BE(99, 6)),
  )
  await run.send(
    'Metadata v−1',
    changed((bytes) => bytes.writeInt16BE(-1, 6)),
  )
  await run.send(
    'an API of no name',
    changed((bytes) => bytes.writeInt16BE(999, 4)),
  )
  await run.send(
    'an API below zero',
    changed((bytes) => bytes.writeInt16BE(-1, 4)),
  )
  await run.send(
    'an API of controllers',
    changed((bytes) => bytes.writeInt16BE(52, 4)),
  )
  await run.send('ApiVersions v99', Buffer.from('0000000f001200630000000700047465737400', 'hex'))
  await run.send('a size of zero', Buffer.alloc(4))
  await run.send('a size below zero', Buffer.from('ffffffff', 'hex'))
  await run.send('a size beyond all limits', Buffer.from('7fffffff', 'hex'))
  await run.send(
    'a cut body',
    Buffer.concat([Buffer.from([0, 0, 0, good.length - 5]), good.subarray(4, good.length - 1)]),
  )
  await run.send(
    'a body that is too long',
    Buffer.concat([Buffer.from([0, 0, 0, good.length]), good.subarray(4), Buffer.alloc(4)]),
  )
  await run.send(
    'a list beyond the frame',
    changed((bytes) => bytes.writeInt32BE(1_000_000, bytes.length - 4)),
  )
  await run.send(
    'a client id beyond the frame',
    changed((bytes) => bytes.writeInt16BE(3000, 12)),
  )
  await run.send('a client id that is null', Buffer.from('0000000e0003000100000007ffff00000000', 'hex'))
}
