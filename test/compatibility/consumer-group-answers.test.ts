// The same requests to the embedded broker and to Apache Kafka, for groups of the consumer protocol: every answer must be the same, to
// the words of its errors. What is drawn at random (ids) is told by where it was first seen.
import { expect, it, onTestFinished } from 'vitest'
import { BrokerConfig } from '../../src/broker/broker-config.ts'
import type { ConsumerGroupDescription } from '../../src/broker/coordinator/group/command.ts'
import { GroupMachine } from '../../src/broker/coordinator/group/group-machine.ts'
import { groupRecordCodec } from '../../src/broker/coordinator/group/group-record-codec.ts'
import { NO_PRODUCER } from '../../src/broker/coordinator/state-machine.ts'
import { Connection } from '../../src/client/connection.ts'
import { nodePlatform } from '../../src/platform/node-platform.ts'
import { encodeVersioned } from '../../src/protocol/codec.ts'
import { consumerGroupDescribe } from '../../src/protocol/messages/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from '../../src/protocol/messages/consumer-group-heartbeat.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
  decodeAssignment,
} from '../../src/protocol/messages/consumer-protocol.ts'
import { deleteGroups } from '../../src/protocol/messages/delete-groups.ts'
import { describeGroups } from '../../src/protocol/messages/describe-groups.ts'
import { fetch } from '../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../src/protocol/messages/heartbeat.ts'
import { joinGroup } from '../../src/protocol/messages/join-group.ts'
import { leaveGroup } from '../../src/protocol/messages/leave-group.ts'
import { listGroups } from '../../src/protocol/messages/list-groups.ts'
import { metadata } from '../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../src/protocol/messages/offset-fetch.ts'
import { syncGroup } from '../../src/protocol/messages/sync-group.ts'
import type { RequestInput } from '../../src/protocol/schema.ts'
import { splitBatches } from '../../src/records/record-batch.ts'
import { fetchOf } from '../broker/requests.ts'
import { eventually } from './gathering.ts'
import { apache, embedded, type Ground, title } from './ground.ts'

const config = {
  'group.consumer.assignment.interval.ms': 0,
  'group.consumer.max.size': 5,
  'group.min.session.timeout.ms': 1000,
}

type Beat = Partial<RequestInput<typeof consumerGroupHeartbeat>>

/** Asks, and writes down what is answered. */
class Asker {
  readonly answers: string[] = []
  readonly connection: Connection
  readonly #ids: string[] = []

  constructor(connection: Connection) {
    this.connection = connection
  }

  tell(what: string, answer: unknown): void {
    this.answers.push(`${what}: ${JSON.stringify(answer, (key, value) => this.#told(key, value))}`)
  }

  #told(key: string, value: unknown): unknown {
    if (key === 'clientHost') return 'host'
    const drawn = key === 'topicId' || (key === 'memberId' && String(value).length > 20)
    if (!drawn) return value
    if (!this.#ids.includes(String(value))) this.#ids.push(String(value))
    return `id ${this.#ids.indexOf(String(value))}`
  }

  async beat(memberId: string, memberEpoch: number, own: Beat = {}) {
    const answer = await this.connection.send(consumerGroupHeartbeat, { groupId: 'g', memberId, memberEpoch, ...own })
    this.tell(`beat ${memberId} ${memberEpoch}`, answer)
    return answer
  }

  async describe(groupId: string): Promise<void> {
    const asked = { groupIds: [groupId], includeAuthorizedOperations: true }
    const { groups } = await this.connection.send(consumerGroupDescribe, asked)
    const [{ members, ...group }] = groups as [(typeof groups)[number]]
    this.tell(`describe ${groupId}`, {
      ...group,
      members: members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1)),
    })
  }

  async commit(
    memberId: string,
    generationIdOrMemberEpoch: number,
    topic: string,
    partitionIndex: number,
    version = 9,
  ) {
    const partitions = [{ partitionIndex, committedOffset: 5, committedMetadata: '' }]
    const request = { groupId: 'g', generationIdOrMemberEpoch, memberId, topics: [{ name: topic, partitions }] }
    this.tell(`commit ${memberId} ${topic}`, (await this.connection.send(offsetCommit, request, { version })).topics)
  }

  async fetch(memberId: string | null, memberEpoch: number, groupId = 'g'): Promise<void> {
    const group = { groupId, memberId, memberEpoch, topics: [{ name: 't', partitionIndexes: [0, 3] }] }
    const answer = await this.connection.send(offsetFetch, { groups: [group], requireStable: false }, { version: 9 })
    this.tell(`fetch ${memberId} ${memberEpoch}`, answer.groups)
  }
}

const joining = { rebalanceTimeoutMs: 30_000, subscribedTopicNames: ['t'], topicPartitions: [] }

async function startOn(ground: Ground): Promise<Asker> {
  const cluster = await ground.start(config)
  onTestFinished(() => cluster.stop())
  const [host, port] = cluster.bootstrap.split(':')
  const platform = nodePlatform({ log: { level: 'warn' } })
  const connection = await Connection.open(platform, { host: host!, port: Number(port), clientId: 'asker' })
  onTestFinished(() => connection.close())
  await cluster.createTopic('t', 4)
  await cluster.createTopic('u', 2)
  await eventually(async () => {
    await connection.send(findCoordinator, { coordinatorKeys: ['g'] })
    for (const topic of ['t', 'u']) {
      const groupId = `awaits-${topic}`
      const answer = await connection.send(consumerGroupHeartbeat, {
        ...joining,
        groupId,
        memberId: 'm',
        memberEpoch: 0,
        subscribedTopicNames: [topic],
      })
      if (!answer.assignment?.topicPartitions.length) throw new Error('the coordinator does not know the topic yet')
      await connection.send(consumerGroupHeartbeat, { groupId, memberId: 'm', memberEpoch: -1 })
      await connection.send(deleteGroups, { groupsNames: [groupId] })
    }
  })
  return new Asker(connection)
}

async function members(asker: Asker): Promise<void> {
  const first = await asker.beat('a', 0, joining)
  const { topicId } = first.assignment!.topicPartitions[0]!
  const has = (...partitions: number[]) => ({ topicPartitions: partitions.length > 0 ? [{ topicId, partitions }] : [] })
  await asker.describe('g')
  await asker.beat('a', 2)
  await asker.beat('b', 0, joining)
  await asker.beat('a', 2, has(0, 1, 2, 3))
  await asker.describe('g')
  await asker.beat('b', 3, has())
  await asker.beat('a', 2, has(0, 1))
  await asker.beat('b', 3, has())
  await asker.describe('g')
  await asker.beat('a', 2, has(0, 1))
  await asker.beat('a', 8, has(0, 1))
  for (const epoch of [3, -1, -2, -3]) await asker.beat('stranger', epoch)
  await asker.beat('stranger', -2, { instanceId: 'i' })
  for (const epoch of [3, -1]) await asker.beat('stranger', epoch, { groupId: 'none' })
  await asker.beat('', 0, joining)
  const wrong: Beat[] = [{ rackId: '' }, { instanceId: ' ' }, { groupId: '' }, { rebalanceTimeoutMs: -1 }]
  wrong.push({ topicPartitions: null }, { subscribedTopicNames: null }, { serverAssignor: 'mine' })
  for (const own of wrong) await asker.beat('wrong', 0, { ...joining, ...own })
  await asker.describe('none')
  for (const name of ['1', '2', '3', '4', '5', '6']) await asker.beat(name, 0, { ...joining, groupId: 'full' })
}

async function offsets(asker: Asker): Promise<void> {
  // a has 0 and 1 since epoch 2, b has 2 and 3 since epoch 3; both are at epoch 3.
  for (const [memberId, epoch, partition] of [
    ['a', 3, 0],
    ['a', 2, 0],
    ['a', 1, 0],
    ['a', 2, 3],
    ['b', 3, 3],
    ['b', 2, 3],
    ['b', 4, 3],
    ['b', 3, 0],
    ['b', 2, 0],
    ['', -1, 0],
    ['stranger', 1, 0],
  ] as const) {
    await asker.commit(memberId, epoch, 't', partition)
  }
  await asker.commit('b', 3, 't', 3, 8)
  await asker.commit('a', 3, 'u', 0)
  for (const [memberId, epoch] of [
    [null, -1],
    ['b', 3],
    ['b', 2],
    ['stranger', 1],
    ['', -1],
    ['b', -1],
  ] as const) {
    await asker.fetch(memberId, epoch)
  }
  await asker.fetch('b', 2, 'none')
  const partitions = [{ partitionIndex: 0 }]
  const topics = [
    { name: 't', partitions },
    { name: 'u', partitions },
  ]
  const { connection } = asker
  asker.tell('delete offsets', await connection.send(offsetDelete, { groupId: 'g', topics }))
  asker.tell('delete', await connection.send(deleteGroups, { groupsNames: ['g', 'none'] }))
  const both = { groups: ['g', 'none'], includeAuthorizedOperations: true }
  for (const version of [5, 6]) asker.tell('describe', await connection.send(describeGroups, both, { version }))
  asker.tell('list', await connection.send(listGroups, { statesFilter: ['STABLE'], typesFilter: ['Consumer'] }))
}

async function staticMembers(asker: Asker): Promise<void> {
  const own = { groupId: 's', instanceId: 'one' }
  const first = await asker.beat('s1', 0, { ...joining, ...own })
  await asker.beat('s2', 0, { ...joining, ...own })
  await asker.beat('s1', -2, own)
  await asker.describe('s')
  await asker.beat('s2', 0, { ...joining, ...own })
  await asker.describe('s')
  await asker.beat('s1', 2, own)
  const { topicPartitions } = first.assignment!
  await asker.beat('s2', 2, { ...own, subscribedTopicNames: ['u'], topicPartitions })
  await asker.describe('s')
  await asker.beat('s2', 2, { ...own, topicPartitions: [] })
  await asker.beat('s2', -1, own)
  await asker.describe('s')
  asker.tell('delete', await asker.connection.send(deleteGroups, { groupsNames: ['s'] }))
}

async function regularExpressions(asker: Asker): Promise<void> {
  const wrong = ['(', ')', 'a)', '[', '[b-a]', '*', 'a**', 'a{2000}', 'a{2,1}', '(?=x)', '(?<!x)', '(?P<n>a)(?P<n>b)']
  wrong.push(
    '(?P<',
    '(?P<>x)',
    '(?P=n)',
    '(?<n',
    '\\1',
    '\\8',
    '\\y',
    '\\C',
    '\\Z',
    '\\G',
    'a\\',
    '[[:no:]]',
    '[[.a.]]',
  )
  wrong.push('\\pX', '\\p', '\\p{', '\\p{No}', '\\x{110000}', '\\xZ', '++', '|*', '^*', '(?i', '(?z)', '(?-)', '(?i-)')
  wrong.push('a{1}{2}', 'a*+', 'x**?', '[a-\\d]', '[]')
  const right = ['x{,2}', 'a{,}{', '(|*)', '(?i)(?s)', '\\Qab', '[\\d-z]', '\\z', '(?)', '(?<n>a)', '[:alpha:]', '\\pN']
  right.push('\\p{^Greek}', '\\01', '[]a]', '(?:a|b)+?')
  for (const subscribedTopicRegex of [...wrong, ...right]) {
    const own = { ...joining, groupId: 'r', subscribedTopicNames: null, subscribedTopicRegex }
    const { errorCode, errorMessage } = await asker.connection.send(consumerGroupHeartbeat, {
      memberId: 'r',
      memberEpoch: 0,
      ...own,
    })
    asker.tell(subscribedTopicRegex, [errorCode, errorMessage])
  }
  const own = { groupId: 'q', subscribedTopicNames: null, subscribedTopicRegex: '[tu]' }
  await asker.beat('q', 0, { ...joining, ...own })
  const found = await eventually(async () => {
    const beat = { groupId: 'q', memberId: 'q', memberEpoch: 1, topicPartitions: [] }
    const answer = await asker.connection.send(consumerGroupHeartbeat, beat)
    if (answer.assignment === null) throw new Error('not resolved yet')
    return answer
  })
  asker.tell('resolved', [
    found.memberEpoch,
    found.assignment!.topicPartitions.map((row) => row.partitions.length).sort(),
  ])
  // When a group looks again for the topics of its expression, ten seconds later at the earliest, its state depends on how fast we asked.
  await asker.connection.send(consumerGroupHeartbeat, { groupId: 'r', memberId: 'r', memberEpoch: -1 })
}

async function migration(asker: Asker): Promise<void> {
  const { connection } = asker
  const protocol = { protocolType: 'consumer', protocolName: 'range' }
  const join = async (memberId: string, owned: number[] | undefined, own: object = {}) => {
    const ownedPartitions = owned === undefined || owned.length === 0 ? [] : [{ topic: 't', partitions: owned }]
    const subscription = { topics: ['t'], userData: null, ownedPartitions }
    const protocols = [{ name: 'range', metadata: encodeVersioned(consumerProtocolSubscription, 1, subscription) }]
    const times = { sessionTimeoutMs: 10_000, rebalanceTimeoutMs: 10_000 }
    const request = { groupId: 'm', memberId, protocolType: 'consumer', protocols, ...times, ...own }
    const { members: all, leader, ...answer } = await connection.send(joinGroup, request, { version: 3 })
    asker.tell('join', { ...answer, leads: leader !== '', members: all.length })
    return answer
  }
  const sync = async (memberId: string, generationId: number, partitions: number[] | undefined, own = protocol) => {
    const given = { assignedPartitions: [{ topic: 't', partitions: partitions ?? [] }], userData: null }
    const assignment = encodeVersioned(consumerProtocolAssignment, 0, given)
    const assignments = partitions ? [{ memberId, assignment }] : []
    const request = { groupId: 'm', generationId, memberId, assignments, ...own }
    const { assignment: got, ...answer } = await connection.send(syncGroup, request)
    asker.tell('sync', { ...answer, assigned: got.length > 0 && decodeAssignment(got).assignedPartitions })
  }
  const live = async (memberId: string, generationId: number) =>
    asker.tell('heartbeat', await connection.send(heartbeat, { groupId: 'm', generationId, memberId }))
  const { memberId } = await join('', undefined)
  await sync(memberId, 1, [0, 1, 2, 3])
  await asker.beat('new', 0, { ...joining, groupId: 'm' })
  await asker.describe('m')
  for (const generation of [1, 9]) await live(memberId, generation)
  await sync(memberId, 1, undefined)
  const second = await join(memberId, [0, 1, 2, 3])
  await sync(memberId, second.generationId, undefined, { ...protocol, protocolName: 'other' })
  await sync(memberId, second.generationId, undefined)
  await live(memberId, second.generationId)
  const third = await join(memberId, [0, 1])
  await sync(memberId, third.generationId, undefined)
  await live(memberId, third.generationId)
  await asker.beat('new', 2, { groupId: 'm', topicPartitions: [] })
  await asker.describe('m')
  await join('', undefined, {
    protocols: [{ name: 'other', metadata: Buffer.from([0, 0, 0, 0, 0, 0, 255, 255, 255, 255]) }],
  })
  await join('', undefined, { protocolType: 'connect' })
  const leaving = ['new', 'nobody'].map((each) => ({ memberId: each, groupInstanceId: null, reason: null }))
  asker.tell('leave', await connection.send(leaveGroup, { groupId: 'm', members: leaving }))
  await asker.beat('new', -1, { groupId: 'm' })
  for (const generation of [2, 3]) await live(memberId, generation)
  await asker.describe('m')
  const fourth = await join(memberId, [0, 1])
  await sync(memberId, fourth.generationId, [0, 1, 2, 3])
  const last = [{ memberId, groupInstanceId: null, reason: null }]
  asker.tell('leave', await connection.send(leaveGroup, { groupId: 'm', members: last }))
  await asker.beat('next', 0, { ...joining, groupId: 'm' })
  await asker.beat('next', -1, { groupId: 'm' })
  const { groups } = await connection.send(listGroups, { statesFilter: [], typesFilter: [] })
  asker.tell(
    'list',
    groups.toSorted((a, b) => (a.groupId < b.groupId ? -1 : 1)),
  )
}

/** The machine that the broker's own log makes: what one broker wrote, the other one could go on from. */
async function machineOf(connection: Connection): Promise<GroupMachine> {
  const { topics } = await connection.send(metadata, { topics: null })
  const byName = new Map(topics.map((topic) => [topic.name!, { ...topic, name: topic.name! }]))
  const settings = new BrokerConfig().groups
  const machine = new GroupMachine(() => settings, {
    topics: byName,
    topicById: (topicId) => [...byName.values()].find((topic) => topic.topicId === topicId),
    topicsVersion: 0,
    groupConfigs: () => new Map(),
  })
  for (const { partitionIndex } of byName.get('__consumer_offsets')!.partitions) {
    for await (const record of recordsOf(connection, partitionIndex)) {
      const decoded = groupRecordCodec.decode(record)
      if (decoded) machine.replay(decoded, { offset: record.offset, producerId: NO_PRODUCER })
    }
  }
  return machine
}

async function* recordsOf(connection: Connection, partition: number) {
  for (let offset = 0; ; ) {
    const request = fetchOf('__consumer_offsets', { partition, offset })
    const { responses } = await connection.send(fetch, request, { version: 12 })
    const { batches } = splitBatches(Buffer.concat(responses[0]!.partitions[0]!.records ?? []))
    if (batches.length === 0) return
    for (const batch of batches) if (!batch.isControl) yield* batch.records()
    offset = batches.at(-1)!.nextOffset
  }
}

/** What the log says of a group, and what the broker says of it. */
async function expectLogTellsTheSame({ connection }: Asker, groupIds: readonly string[]): Promise<void> {
  const machine = await machineOf(connection)
  for (const groupId of groupIds) {
    const asked = { groupIds: [groupId], includeAuthorizedOperations: false }
    const { groups } = await connection.send(consumerGroupDescribe, asked)
    const command = { type: 'describe-consumer-group', groupId } as const
    const { reply } = machine.handle(1, command, 0).replies[0]!
    const told = reply as ConsumerGroupDescription
    const { authorizedOperations: _, errorMessage: __, ...answered } = groups[0]!
    expect(inOrder(told)).toEqual(inOrder(answered))
    expect(told.errorCode).toBe(0)
  }
}

type Held = ConsumerGroupDescription['members'][number]['assignment']

/** Neither the order of members nor that of topics means anything. */
function inOrder<
  Group extends {
    readonly members: readonly Pick<
      ConsumerGroupDescription['members'][number],
      'memberId' | 'assignment' | 'targetAssignment'
    >[]
  },
>(group: Group) {
  const byTopic = ({ topicPartitions, ...held }: Held) => ({
    ...held,
    topicPartitions: topicPartitions.toSorted((a, b) => (a.topicName < b.topicName ? -1 : 1)),
  })
  const members = group.members.map((member) => ({
    ...member,
    assignment: byTopic(member.assignment),
    targetAssignment: byTopic(member.targetAssignment),
  }))
  return { ...group, members: members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1)) }
}

async function play(ground: Ground): Promise<string[]> {
  const asker = await startOn(ground)
  await members(asker)
  await offsets(asker)
  await staticMembers(asker)
  await regularExpressions(asker)
  await expectLogTellsTheSame(asker, ['g', 'full', 'q', 'r'])
  await migration(asker)
  await expectLogTellsTheSame(asker, ['g', 'm'])
  return asker.answers
}

it.skipIf(apache.reason)(
  title('consumer groups answer as Apache Kafka does', apache.reason),
  async () => {
    const [ours, theirs] = await Promise.all([play(embedded), play(apache)])
    expect(ours).toEqual(theirs)
    expect(ours.length).toBeGreaterThan(150)
  },
  90_000,
)
