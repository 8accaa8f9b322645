// Groups and their offsets on one cluster, read and written in bulk by our own codec: kafkajs would take a live group of the
// new consumer protocol (KIP-848) for a dead one. Every broker lists the groups that it coordinates.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { TopicPartition } from '../client/topic-partition.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'
import { findCoordinator } from '../protocol/messages/find-coordinator.ts'
import { listGroups } from '../protocol/messages/list-groups.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'

const GROUPS_PER_REQUEST = 100
/** FindCoordinator's word for groups, and its first version that takes several of them. */
const KEY_TYPE_GROUP = 0
const FIND_MANY_SINCE = 4
/** Since these versions topics are named by id, which a group's old offsets may not have any more. */
const NAMES_UNTIL = { offsetFetch: 9, offsetCommit: 9 }

const WITHOUT_MEMBERS: ReadonlySet<string> = new Set(['Empty', 'Dead'])

/** Whether somebody uses it. */
export function hasMembers({ state }: Pick<ListedGroup, 'state'>): boolean {
  return !WITHOUT_MEMBERS.has(state)
}

export interface ListedGroup {
  readonly group: string
  /** Kafka's word, such as Empty or Stable. */
  readonly state: string
  /** classic, consumer, share, streams; empty where the broker is too old to say. */
  readonly type: string
  /** What its members speak: consumer, connect; empty while it has none. */
  readonly protocolType: string
  readonly coordinatorId: number
}

export interface GroupListing {
  readonly groups: ReadonlyMap<string, ListedGroup>
  /** Brokers that listed theirs. */
  readonly answered: ReadonlySet<number>
  /** Brokers that could not list theirs, and why. While there is one, a group that is not listed may still exist. */
  readonly failures: readonly string[]
}

export interface GroupPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly metadata: string | null
  /** −1, or absent: unknown. For a commit it must be one of the cluster that it goes to. */
  readonly leaderEpoch?: number
}

interface PartitionName {
  readonly topic: string
  readonly partition: number
}

export interface GroupQuestion {
  readonly group: string
  readonly coordinatorId: number
  /** Absent: all in which it has committed. */
  readonly partitions?: readonly PartitionName[]
}

/** All groups, or those in one of these states. */
export async function listAllGroups(client: ClusterClient, states: readonly string[] = []): Promise<GroupListing> {
  const { brokers } = await client.metadata([])
  const groups = new Map<string, ListedGroup>()
  const answered = new Set<number>()
  const failures: string[] = []
  await Promise.all(
    brokers.map(async ({ nodeId }) => {
      try {
        const listed = await listGroupsOf(await client.node(nodeId, 'control'), nodeId, states)
        for (const group of listed) groups.set(group.group, group)
        answered.add(nodeId)
      } catch (error) {
        failures.push(`broker ${nodeId}: ${error instanceof Error ? error.message : error}`)
      }
    }),
  )
  return { groups, answered, failures }
}

async function listGroupsOf(
  connection: Connection,
  coordinatorId: number,
  wanted: readonly string[],
): Promise<ListedGroup[]> {
  const knowsStates = connection.versionOf(listGroups) >= 4
  const response = await connection.send(listGroups, { statesFilter: knowsStates ? [...wanted] : [], typesFilter: [] })
  if (response.errorCode !== ErrorCode.NONE) throw new Error(errorOf(response.errorCode).name)
  const listed = response.groups.map((group) => ({
    group: group.groupId,
    state: group.groupState,
    type: group.groupType,
    protocolType: group.protocolType,
    coordinatorId,
  }))
  if (knowsStates) return listed
  const states = await describeStates(connection, listed)
  return listed
    .map((group) => ({ ...group, state: states.get(group.group) ?? 'Unknown' }))
    .filter(({ state }) => wanted.length === 0 || wanted.includes(state))
}

/** Brokers before 2.6 list groups without their states; they know classic groups only, so this tells all. */
async function describeStates(connection: Connection, listed: readonly ListedGroup[]): Promise<Map<string, string>> {
  const states = new Map<string, string>()
  for (const groups of slices(listed, GROUPS_PER_REQUEST)) {
    const response = await connection.send(describeGroups, { groups: groups.map(({ group }) => group) })
    for (const { errorCode, groupId, groupState } of response.groups)
      if (errorCode === ErrorCode.NONE) states.set(groupId, groupState)
  }
  return states
}

/** Which node coordinates each of these groups, or the error code of why that is not known. One attempt. */
export async function findCoordinators(
  client: ClusterClient,
  groups: readonly string[],
): Promise<{ group: string; coordinatorId: number; errorCode: number }[]> {
  const connection = await client.anyNode()
  const findsMany = connection.versionOf(findCoordinator) >= FIND_MANY_SINCE
  const found = [...slices(groups, findsMany ? GROUPS_PER_REQUEST : 1)].map(async (names) => {
    const keys = findsMany ? { key: '', coordinatorKeys: [...names] } : { key: names[0]! }
    const answer = await connection.send(findCoordinator, { ...keys, keyType: KEY_TYPE_GROUP })
    const answers = findsMany ? answer.coordinators : [{ ...answer, key: names[0]! }]
    return answers.map(({ key, nodeId, errorCode }) => ({ group: key, coordinatorId: nodeId, errorCode }))
  })
  return (await Promise.all(found)).flat()
}

/** Committed offsets of these groups; a group whose coordinator could not answer is in `failures`. */
export async function fetchPositions(
  client: ClusterClient,
  groups: readonly GroupQuestion[],
): Promise<{ positions: Map<string, GroupPosition[]>; failures: Map<string, string> }> {
  const positions = new Map<string, GroupPosition[]>()
  const failures = await fetchOffsets(client, groups, (group, topics) => positions.set(group, positionsOf(topics)))
  return { positions, failures }
}

/** The same, each group's answer as it stands; −1 where it has no offset. Resolves to why others were not answered. */
export async function fetchOffsets(
  client: ClusterClient,
  groups: readonly GroupQuestion[],
  take: (group: string, topics: readonly FetchedTopic[]) => void,
): Promise<Map<string, string>> {
  const failures = new Map<string, string>()
  const byCoordinator = Map.groupBy(groups, (group) => group.coordinatorId)
  await Promise.all(
    [...byCoordinator].map(async ([coordinatorId, coordinated]) => {
      for (const slice of slices(coordinated, GROUPS_PER_REQUEST)) {
        try {
          const connection = await client.node(coordinatorId, 'control')
          for (const answer of await fetchFrom(connection, slice)) {
            const errorCode = answer.errorCode || errorWithin(answer.topics)
            if (errorCode === ErrorCode.NONE) take(answer.groupId, answer.topics)
            else failures.set(answer.groupId, errorOf(errorCode).name)
          }
        } catch (error) {
          for (const { group } of slice) failures.set(group, error instanceof Error ? error.message : String(error))
        }
      }
    }),
  )
  return failures
}

interface FetchedGroup {
  readonly groupId: string
  readonly errorCode: number
  readonly topics: readonly FetchedTopic[]
}

export interface FetchedTopic {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly metadata: string | null
    readonly errorCode: number
  }[]
}

async function fetchFrom(
  connection: Connection,
  questions: readonly GroupQuestion[],
): Promise<readonly FetchedGroup[]> {
  const version = Math.min(NAMES_UNTIL.offsetFetch, connection.versionOf(offsetFetch))
  const groups = questions.map(({ group, partitions }) => ({ groupId: group, topics: topicsOf(partitions) }))
  if (version >= 8) return (await connection.send(offsetFetch, { groups }, { version })).groups
  // Before KIP-709 a request is about one group; they are pipelined.
  return Promise.all(
    groups.map(async ({ groupId, topics: asked }) => {
      const { errorCode, topics } = await connection.send(offsetFetch, { groupId, topics: asked }, { version })
      return { groupId, errorCode, topics }
    }),
  )
}

function topicsOf(partitions: readonly PartitionName[] | undefined) {
  if (partitions === undefined) return null
  const topics = new Map<string, number[]>()
  for (const { topic, partition } of partitions) {
    const ofTopic = topics.get(topic)
    if (ofTopic) ofTopic.push(partition)
    else topics.set(topic, [partition])
  }
  return [...topics].map(([name, partitionIndexes]) => ({ name, partitionIndexes }))
}

/** What a partition does not tell must not be taken for an offset that is not there. */
function errorWithin(topics: readonly FetchedTopic[]): number {
  for (const { partitions } of topics)
    for (const { errorCode } of partitions) if (errorCode !== ErrorCode.NONE) return errorCode
  return ErrorCode.NONE
}

/** A partition without a committed offset has −1; and a tool that writes commits on its own may have made up its number. */
function positionsOf(topics: readonly FetchedTopic[]): GroupPosition[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions
      .filter(({ partitionIndex, committedOffset }) => committedOffset >= 0 && TopicPartition.isNumber(partitionIndex))
      .map(({ partitionIndex, committedOffset, metadata }) => ({
        topic: name,
        partition: partitionIndex,
        offset: committedOffset,
        metadata,
      })),
  )
}

/**
 * Commits from outside the group, which its coordinator refuses with UNKNOWN_MEMBER_ID as soon as the group has a member.
 * Returns the error code of each position, in order.
 */
export async function commitPositions(
  connection: Connection,
  group: string,
  positions: readonly GroupPosition[],
): Promise<number[]> {
  const version = Math.min(NAMES_UNTIL.offsetCommit, connection.versionOf(offsetCommit))
  const topics = [...Map.groupBy(positions, (position) => position.topic)].map(([name, ofTopic]) => ({
    name,
    partitions: ofTopic.map(({ partition, offset, metadata, leaderEpoch = -1 }) => ({
      partitionIndex: partition,
      committedOffset: offset,
      committedLeaderEpoch: leaderEpoch,
      committedMetadata: metadata,
    })),
  }))
  const request = { groupId: group, generationIdOrMemberEpoch: -1, memberId: '', topics }
  const response = await connection.send(offsetCommit, request, { version })
  const codes = new Map<string, Map<number, number>>()
  for (const { name, partitions } of response.topics)
    codes.set(name, new Map(partitions.map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode])))
  return positions.map(({ topic, partition }) => codes.get(topic)?.get(partition) ?? ErrorCode.UNKNOWN_SERVER_ERROR)
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
