// Groups and their offsets on one cluster, read and written in bulk by our own codec: kafkajs would take a live group of the
// new consumer protocol (KIP-848) for a dead one. Every broker lists the groups that it coordinates.
import type { ClusterClient } from '../client/cluster-client.ts'
import type { Connection } from '../client/connection.ts'
import { ErrorCode, errorOf } from '../protocol/errors.ts'
import { describeGroups } from '../protocol/messages/describe-groups.ts'
import { listGroups } from '../protocol/messages/list-groups.ts'
import { offsetCommit } from '../protocol/messages/offset-commit.ts'
import { offsetFetch } from '../protocol/messages/offset-fetch.ts'

const GROUPS_PER_REQUEST = 100
/** Since these versions topics are named by id, which a group's old offsets may not have any more. */
const NAMES_UNTIL = { offsetFetch: 9, offsetCommit: 9 }

export interface ListedGroup {
  readonly group: string
  /** Kafka's word, such as Empty or Stable. */
  readonly state: string
  /** classic, consumer, share, streams; empty where the broker is too old to say. */
  readonly type: string
  readonly coordinatorId: number
}

export interface GroupListing {
  readonly groups: ReadonlyMap<string, ListedGroup>
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

export async function listAllGroups(client: ClusterClient): Promise<GroupListing> {
  const { brokers } = await client.metadata([])
  const groups = new Map<string, ListedGroup>()
  const failures: string[] = []
  await Promise.all(
    brokers.map(async ({ nodeId }) => {
      try {
        for (const group of await listGroupsOf(await client.node(nodeId, 'control'), nodeId))
          groups.set(group.group, group)
      } catch (error) {
        failures.push(`broker ${nodeId}: ${error instanceof Error ? error.message : error}`)
      }
    }),
  )
  return { groups, failures }
}

async function listGroupsOf(connection: Connection, coordinatorId: number): Promise<ListedGroup[]> {
  const response = await connection.send(listGroups, { statesFilter: [], typesFilter: [] })
  if (response.errorCode !== ErrorCode.NONE) throw new Error(errorOf(response.errorCode).name)
  const listed = response.groups.map((group) => ({
    group: group.groupId,
    state: group.groupState,
    type: group.groupType,
    coordinatorId,
  }))
  if (connection.versionOf(listGroups) >= 4) return listed
  const states = await describeStates(connection, listed)
  return listed.map((group) => ({ ...group, state: states.get(group.group) ?? 'Unknown' }))
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

/** All committed offsets of these groups; a group whose coordinator could not answer is in `failures`. */
export async function fetchPositions(
  client: ClusterClient,
  groups: readonly ListedGroup[],
): Promise<{ positions: Map<string, GroupPosition[]>; failures: Map<string, string> }> {
  const positions = new Map<string, GroupPosition[]>()
  const failures = new Map<string, string>()
  const byCoordinator = Map.groupBy(groups, (group) => group.coordinatorId)
  await Promise.all(
    [...byCoordinator].map(async ([coordinatorId, coordinated]) => {
      for (const slice of slices(coordinated, GROUPS_PER_REQUEST)) {
        const names = slice.map(({ group }) => group)
        try {
          const connection = await client.node(coordinatorId, 'control')
          for (const answer of await fetchFrom(connection, names)) {
            if (answer.errorCode === ErrorCode.NONE) positions.set(answer.groupId, positionsOf(answer.topics))
            else failures.set(answer.groupId, errorOf(answer.errorCode).name)
          }
        } catch (error) {
          for (const name of names) failures.set(name, error instanceof Error ? error.message : String(error))
        }
      }
    }),
  )
  return { positions, failures }
}

interface FetchedGroup {
  readonly groupId: string
  readonly errorCode: number
  readonly topics: readonly FetchedTopic[]
}

interface FetchedTopic {
  readonly name: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly metadata: string | null
    readonly errorCode: number
  }[]
}

async function fetchFrom(connection: Connection, groups: readonly string[]): Promise<readonly FetchedGroup[]> {
  const version = Math.min(NAMES_UNTIL.offsetFetch, connection.versionOf(offsetFetch))
  if (version >= 8) {
    const asked = groups.map((groupId) => ({ groupId, topics: null }))
    return (await connection.send(offsetFetch, { groups: asked }, { version })).groups
  }
  // Before KIP-709 a request is about one group; they are pipelined.
  return Promise.all(
    groups.map(async (groupId) => {
      const { errorCode, topics } = await connection.send(offsetFetch, { groupId, topics: null }, { version })
      return { groupId, errorCode, topics }
    }),
  )
}

/** A partition without a committed offset has −1, and one that failed says nothing: neither is a position. */
function positionsOf(topics: readonly FetchedTopic[]): GroupPosition[] {
  return topics.flatMap(({ name, partitions }) =>
    partitions
      .filter((partition) => partition.errorCode === ErrorCode.NONE && partition.committedOffset >= 0)
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
  const codes = new Map<string, number>()
  for (const { name, partitions } of response.topics)
    for (const { partitionIndex, errorCode } of partitions) codes.set(`${name}-${partitionIndex}`, errorCode)
  return positions.map(({ topic, partition }) => codes.get(`${topic}-${partition}`) ?? ErrorCode.UNKNOWN_SERVER_ERROR)
}

function* slices<T>(items: readonly T[], size: number): Generator<readonly T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
