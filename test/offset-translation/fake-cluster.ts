import type { ClusterClient } from '../../src/client/cluster-client.ts'
import { ErrorCode } from '../../src/protocol/errors.ts'

export interface FakeGroup {
  state: string
  type: string
  coordinator: number
  offsets: Map<string, { offset: number; metadata: string | null; leaderEpoch: number }>
}

export interface FakeLog {
  start: number
  end: number
}

interface Versioned {
  name: string
  versions: readonly [number, number]
}

// biome-ignore lint/suspicious/noExplicitAny: requests and responses of several APIs pass through here
type Message = any

/**
 * The groups and log ends of a cluster, without sockets: answers what a checkpointer asks, at the API versions that the test
 * chooses, and does to commits what Kafka's coordinator does.
 */
export class FakeCluster {
  readonly groups = new Map<string, FakeGroup>()
  readonly logs = new Map<string, FakeLog>()
  readonly requests: { api: string; version: number; nodeId: number; request: Message }[] = []
  readonly maximum: Record<string, number> = {}
  brokers = [1]
  down = new Set<number>()
  /** Groups whose offsets cannot be read at the moment. */
  unreadable = new Set<string>()
  /** Groups that have no coordinator at the moment. */
  homeless = new Set<string>()
  /** Called before a request is answered: the moment for a race. */
  before: (api: string, request: Message) => void = () => {}

  group(name: string, offsets: Record<string, number>, over: Partial<Omit<FakeGroup, 'offsets'>> = {}): FakeGroup {
    const group: FakeGroup = {
      state: 'Empty',
      type: 'classic',
      coordinator: this.brokers[0]!,
      offsets: new Map(),
      ...over,
    }
    for (const [partition, offset] of Object.entries(offsets))
      group.offsets.set(partition, { offset, metadata: '', leaderEpoch: 7 })
    this.groups.set(name, group)
    return group
  }

  offset(group: string, partition: string): number | undefined {
    return this.groups.get(group)?.offsets.get(partition)?.offset
  }

  asked(api: string): number {
    return this.requests.filter((request) => request.api === api).length
  }

  /** As much of a ClusterClient as is needed here. */
  get client(): ClusterClient {
    const client = {
      metadata: async () => ({ brokers: this.brokers.map((nodeId) => ({ nodeId })), topics: [] }),
      refresh: async () => {},
      leaderOf: (topic: string, partition: number) =>
        this.logs.has(`${topic}-${partition}`) ? { nodeId: this.brokers[0], leaderEpoch: 3 } : undefined,
      node: async (nodeId: number) => this.#connection(nodeId),
      anyNode: async () => this.#connection(this.brokers.find((nodeId) => !this.down.has(nodeId))!),
    }
    return client as unknown as ClusterClient
  }

  #connection(nodeId: number) {
    if (this.down.has(nodeId)) throw new Error(`broker ${nodeId} is down`)
    const versionOf = (api: Versioned) => this.maximum[api.name] ?? api.versions[1]
    return {
      versionOf,
      send: async (api: Versioned, request: Message, options?: { version?: number }) => {
        const version = options?.version ?? versionOf(api)
        this.requests.push({ api: api.name, version, nodeId, request })
        this.before(api.name, request)
        const answer = this.#answers[api.name]
        if (answer === undefined) throw new Error(`no answer to ${api.name}`)
        return answer(request, version, nodeId)
      },
    }
  }

  readonly #answers: Record<string, (request: Message, version: number, nodeId: number) => Message> = {
    ListGroups: ({ statesFilter }, version, nodeId) => ({
      errorCode: 0,
      groups: [...this.groups]
        .filter(([, group]) => group.coordinator === nodeId)
        .filter(([, { state }]) => version < 4 || statesFilter.length === 0 || statesFilter.includes(state))
        .map(([groupId, group]) => ({
          groupId,
          protocolType: 'consumer',
          groupState: version >= 4 ? group.state : '',
          groupType: version >= 5 ? group.type : '',
        })),
    }),
    DescribeGroups: (request) => ({
      groups: request.groups.map((groupId: string) => ({
        errorCode: 0,
        groupId,
        groupState: this.groups.get(groupId)?.state ?? 'Dead',
      })),
    }),
    FindCoordinator: (request) => ({
      coordinators: request.coordinatorKeys.map((key: string) => {
        const nodeId = this.groups.get(key)?.coordinator ?? this.brokers.at(-1)!
        return { key, nodeId, errorCode: this.homeless.has(key) ? ErrorCode.COORDINATOR_NOT_AVAILABLE : 0 }
      }),
    }),
    OffsetFetch: (request, version) => {
      if (version < 8) return { errorCode: 0, topics: this.#offsetsOf(request.groupId, request.topics) }
      return {
        groups: request.groups.map(({ groupId, topics }: Message) => ({
          groupId,
          errorCode: this.unreadable.has(groupId) ? ErrorCode.COORDINATOR_LOAD_IN_PROGRESS : 0,
          topics: this.unreadable.has(groupId) ? [] : this.#offsetsOf(groupId, topics),
        })),
      }
    },
    OffsetCommit: (request, _, nodeId) => {
      const group = this.groups.get(request.groupId) ?? this.group(request.groupId, {}, { coordinator: nodeId })
      const errorCode = group.state === 'Empty' || group.state === 'Dead' ? ErrorCode.NONE : ErrorCode.UNKNOWN_MEMBER_ID
      return {
        topics: request.topics.map(({ name, partitions }: Message) => ({
          name,
          partitions: partitions.map((partition: Message) => {
            if (errorCode === ErrorCode.NONE)
              group.offsets.set(`${name}-${partition.partitionIndex}`, {
                offset: partition.committedOffset,
                metadata: partition.committedMetadata,
                leaderEpoch: partition.committedLeaderEpoch,
              })
            return { partitionIndex: partition.partitionIndex, errorCode }
          }),
        })),
      }
    },
    ListOffsets: (request) => ({
      topics: request.topics.map(({ name, partitions }: Message) => ({
        name,
        partitions: partitions.map(({ partitionIndex, timestamp }: Message) => {
          const log = this.logs.get(`${name}-${partitionIndex}`)!
          return { partitionIndex, errorCode: 0, offset: timestamp === -1 ? log.end : log.start }
        }),
      })),
    }),
  }

  /** Of all partitions with an offset, or of these: then −1 stands for none. */
  #offsetsOf(group: string, asked: { name: string; partitionIndexes: number[] }[] | null): Message {
    const offsets = this.groups.get(group)?.offsets ?? new Map()
    const names = asked
      ? asked.flatMap(({ name, partitionIndexes }) => partitionIndexes.map((index) => `${name}-${index}`))
      : [...offsets.keys()]
    return names.map((partition) => {
      const dash = partition.lastIndexOf('-')
      const committed = offsets.get(partition)
      return {
        name: partition.slice(0, dash),
        partitions: [
          {
            partitionIndex: Number(partition.slice(dash + 1)),
            committedOffset: committed?.offset ?? -1,
            committedLeaderEpoch: committed?.leaderEpoch ?? -1,
            metadata: committed?.metadata ?? '',
            errorCode: 0,
          },
        ],
      }
    })
  }
}
