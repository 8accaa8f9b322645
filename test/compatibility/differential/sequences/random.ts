// Requests drawn from a seed (HELIOSTAT_SEED takes another): any API that changes nothing for the others, in any version, each field
// from what is plausible for its name.

import { consumerGroupDescribe } from '../../../../src/protocol/messages/consumer-group-describe.ts'
import { createPartitions } from '../../../../src/protocol/messages/create-partitions.ts'
import { createTopics } from '../../../../src/protocol/messages/create-topics.ts'
import { deleteGroups } from '../../../../src/protocol/messages/delete-groups.ts'
import { deleteRecords } from '../../../../src/protocol/messages/delete-records.ts'
import { describeCluster } from '../../../../src/protocol/messages/describe-cluster.ts'
import { describeConfigs } from '../../../../src/protocol/messages/describe-configs.ts'
import { describeGroups } from '../../../../src/protocol/messages/describe-groups.ts'
import { describeProducers } from '../../../../src/protocol/messages/describe-producers.ts'
import { describeTopicPartitions } from '../../../../src/protocol/messages/describe-topic-partitions.ts'
import { fetch } from '../../../../src/protocol/messages/fetch.ts'
import { findCoordinator } from '../../../../src/protocol/messages/find-coordinator.ts'
import { heartbeat } from '../../../../src/protocol/messages/heartbeat.ts'
import { leaveGroup } from '../../../../src/protocol/messages/leave-group.ts'
import { listOffsets } from '../../../../src/protocol/messages/list-offsets.ts'
import { metadata } from '../../../../src/protocol/messages/metadata.ts'
import { offsetCommit } from '../../../../src/protocol/messages/offset-commit.ts'
import { offsetDelete } from '../../../../src/protocol/messages/offset-delete.ts'
import { offsetFetch } from '../../../../src/protocol/messages/offset-fetch.ts'
import { offsetForLeaderEpoch } from '../../../../src/protocol/messages/offset-for-leader-epoch.ts'
import { produce } from '../../../../src/protocol/messages/produce.ts'
import { syncGroup } from '../../../../src/protocol/messages/sync-group.ts'
import { type Api, carries, type FieldSpec, type Fields, type RequestInput } from '../../../../src/protocol/schema.ts'
import { randomOf } from '../../../support/source-logs.ts'
import type { Run } from '../run.ts'
import type { Side } from '../side.ts'
import { batch, NO_TOPIC_ID } from './records.ts'

const REQUESTS = 600

const apis: readonly Api[] = [
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetDelete,
  offsetFetch,
  findCoordinator,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  createTopics,
  deleteRecords,
  offsetForLeaderEpoch,
  describeConfigs,
  createPartitions,
  deleteGroups,
  describeCluster,
  describeProducers,
  consumerGroupDescribe,
  describeTopicPartitions,
]

type Draw = (below: number) => number
type Pool = readonly unknown[]

const topics = ['random-a', 'random-b', 'random-a', 'random-b', 'random-nowhere', 'not a name']
const groups = ['random-group', 'random-none', '']
const epochs = [-1, -1, 0, 0, 1, 7]

/** By the name of the field. */
const byField: Readonly<Record<string, Pool>> = {
  topic: topics,
  topicName: topics,
  topicId: ['random-a', 'random-b', ''],
  groupId: groups,
  groups,
  groupsNames: ['random-nobody', 'random-nobody-either', ''],
  groupIds: groups,
  key: groups,
  coordinatorKeys: groups,
  keyType: [0, 0, 0, 1, 9],
  partitionIndex: [0, 0, 0, 1, 2, -1],
  partition: [0, 0, 0, 1, 2, -1],
  index: [0, 0, 0, 1, 2, -1],
  partitionIndexes: [0, 1, 2, -1],
  fetchOffset: [0, 3, 10, 20, 21, -1],
  offset: [0, 1, 2, 99, -2],
  committedOffset: [0, 5, 99, -1],
  committedMetadata: ['', 'm', null],
  timestamp: [-1, -2, -3, -4, -5, 0, 1, Date.now()],
  currentLeaderEpoch: epochs,
  leaderEpoch: epochs,
  lastFetchedEpoch: epochs,
  memberId: ['', 'stranger'],
  memberEpoch: [-1, 0],
  generationId: [-1, 0, 1],
  generationIdOrMemberEpoch: [-1, -1, 0, 1],
  groupInstanceId: [null, null, 'instance'],
  acks: [-1, 1, 2],
  transactionalId: [null],
  timeoutMs: [5000],
  isolationLevel: [0, 1],
  replicaId: [-1],
  replicaEpoch: [-1],
  maxWaitMs: [0, 5],
  minBytes: [0, 1],
  maxBytes: [0, 1000, 1_000_000],
  partitionMaxBytes: [0, 100, 1_000_000],
  sessionId: [0],
  sessionEpoch: [-1],
  rackId: [''],
  clusterId: [null],
  retentionTimeMs: [-1],
  numPartitions: [-1, 1, 3, 0],
  replicationFactor: [-1, 1, 1, 2],
  count: [1, 2, 3, 5],
  brokerIds: [1, 1, 7],
  resourceType: [2, 2, 2, 4, 3],
  // Of its own properties each broker has others.
  resourceName: ['random-a', 'random-b', '7', 'random-nowhere'],
  configurationKeys: ['retention.ms', 'cleanup.policy', 'no.such.config'],
  validateOnly: [true],
  allowAutoTopicCreation: [false],
  endpointType: [1],
  responsePartitionLimit: [0, 1, 2, 2000],
  requireStable: [false, true],
}

/** `name` means another thing in each list. */
const byNameIn: Readonly<Record<string, Pool>> = {
  configs: ['retention.ms', 'cleanup.policy', 'no.such.config'],
  topics,
  topicData: topics,
}
const valueIn: Readonly<Record<string, Pool>> = { configs: ['1000', 'compact', 'x', null] }

export async function random(run: Run): Promise<void> {
  const seed = Number(process.env['HELIOSTAT_SEED'] ?? 20_260_731)
  const draw = randomOf(seed)
  await run.topic('random-a', 2)
  await run.topic('random-b', 1, { 'cleanup.policy': 'compact' })
  await run.ask('wakes the other coordinator', findCoordinator, 3, { keyType: 1, key: 'g' }, { settles: true })
  await run.ask('wakes the coordinator', findCoordinator, 3, { keyType: 0, key: 'g' }, { settles: true })
  await run.ask(
    'waits for the coordinator',
    offsetFetch,
    7,
    { groupId: 'random-group', topics: null },
    { settles: true },
  )
  for (let count = 0; count < REQUESTS; count++) {
    const api = apis[draw(apis.length)]!
    const versions = run.versionsOf(api).filter((version) => api !== metadata || version >= 4)
    const version = versions[draw(versions.length)]!
    const drawn = struct(api.request.fields, version, draw, '')
    await run.ask(`request ${count} of seed ${seed}`, api, version, (side) => named(drawn, side) as RequestInput<Api>)
  }
}

function struct(fields: Fields, version: number, draw: Draw, list: string): Record<string, unknown> {
  const entries = Object.entries(fields).filter(([, { spec }]) => carries(spec, version))
  return Object.fromEntries(entries.map(([name, { spec }]) => [name, field(name, spec, version, draw, list)]))
}

function field(name: string, spec: FieldSpec, version: number, draw: Draw, list: string): unknown {
  const mayBeNull = version >= spec.nullableSince
  if (spec.kind === 'records') return [batch(1 + draw(3))]
  if (spec.kind === 'struct') return mayBeNull && draw(2) === 0 ? null : struct(spec.fields!, version, draw, name)
  if (spec.kind === 'array') {
    if (mayBeNull && draw(8) === 0) return null
    const items = Array.from({ length: draw(8) === 0 ? 0 : 1 + draw(2) }, () =>
      spec.fields ? struct(spec.fields, version, draw, name) : scalar(name, spec.element!.spec, draw, list),
    )
    return withoutTwins(items)
  }
  const drawn = scalar(name, spec, draw, list)
  return drawn === null && !mayBeNull ? spec.default : drawn
}

function scalar(name: string, { kind, default: implicit }: FieldSpec, draw: Draw, list: string): unknown {
  if (kind === 'uuid' && name !== 'topicId') return implicit
  const pool =
    (name === 'name' ? byNameIn[list] : name === 'value' ? valueIn[list] : byField[name]) ??
    (kind === 'bool' ? [false, true] : kind === 'string' ? ['x'] : kind === 'bytes' ? [Buffer.from('x')] : [0, 1])
  return pool[draw(pool.length)]
}

/** What is named twice is judged in sequences of its own. */
function withoutTwins(items: readonly unknown[]): unknown[] {
  const key = (item: unknown) => {
    if (typeof item !== 'object' || item === null) return String(item)
    return JSON.stringify(Object.entries(item).filter(([, value]) => !Array.isArray(value))[0])
  }
  return [...new Map(items.map((item) => [key(item), item])).values()]
}

/** Ids of topics by the broker that gave them. */
function named(value: unknown, side: Side, name = ''): unknown {
  if (name === 'topicId') return side.topicIds.get(value as string) ?? NO_TOPIC_ID
  if (Buffer.isBuffer(value)) return value
  if (Array.isArray(value)) return value.map((item) => named(item, side, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([field, inner]) => [field, named(inner, side, field)]))
}
