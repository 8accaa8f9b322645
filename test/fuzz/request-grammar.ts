// Requests as a client might mean them: every field drawn by its type and its name, from what the cluster has and from the edges of
// what the wire can say. What answers tell (member ids, topic ids, epochs) comes back in later requests, so that sequences of
// requests get past the first check.

import type { ServedApi } from '../../src/broker/dispatcher.ts'
import { encodeRequest, encodeVersioned } from '../../src/protocol/codec.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../src/protocol/messages/consumer-protocol.ts'
import { carries, type FieldSpec, type Fields, ZERO_UUID } from '../../src/protocol/schema.ts'
import type { BatchPool } from './batch-pool.ts'
import type { SeededRandom } from './seeded-random.ts'

export const TOPICS = ['plain', 'many', 'compacted', 'zipped', 'stamped']
const TOPIC_NAMES = [
  ...TOPICS,
  ...TOPICS,
  '__consumer_offsets',
  '__transaction_state',
  'absent',
  'new-1',
  'new-2',
  '.*',
  '',
  'ä'.repeat(130),
]
const GROUPS = ['g', 'h', 'static', '']
const CONFIGS = [
  'retention.ms',
  'cleanup.policy',
  'max.message.bytes',
  'compression.type',
  'segment.bytes',
  'message.timestamp.type',
  'no.such',
]
const VALUES = [
  '',
  '-1',
  '0',
  '1',
  '100',
  '1048576',
  'compact',
  'delete',
  'zstd',
  'producer',
  'LogAppendTime',
  '9223372036854775807',
  'x',
]
const REMEMBERED_MAX = 50

/** What a text of this name would be. */
const TEXTS: Readonly<Record<string, readonly string[]>> = {
  name: TOPIC_NAMES,
  topic: TOPIC_NAMES,
  topicName: TOPIC_NAMES,
  topicNames: TOPIC_NAMES,
  subscribedTopicNames: TOPIC_NAMES,
  subscribedTopicRegex: ['', '.*', '(', 'p.*', '(a+)+$'],
  resourceName: [...TOPIC_NAMES, '1', ...GROUPS],
  groupId: GROUPS,
  groups: GROUPS,
  groupIds: GROUPS,
  groupsNames: GROUPS,
  key: [...GROUPS, 'tx-1'],
  coordinatorKeys: [...GROUPS, 'tx-1', 'g:AAAAAAAAAAAAAAAAAAAAAQ:0'],
  transactionalId: ['tx-1', 'tx-2', ''],
  transactionalIds: ['tx-1', 'tx-2', ''],
  v3AndBelowTransactionalId: ['tx-1', 'tx-2'],
  memberId: ['', 'nobody'],
  groupInstanceId: ['i-1', 'i-2', ''],
  instanceId: ['i-1', ''],
  protocolType: ['consumer', 'connect', ''],
  protocolName: ['range', 'roundrobin'],
  serverAssignor: ['uniform', 'range', 'none-such'],
  assignor: ['uniform'],
  principal: ['User:alice', 'User:*', 'nonsense', ''],
  host: ['*', '127.0.0.1', ''],
  clientSoftwareName: ['fuzz', '', '-'],
  clientSoftwareVersion: ['1.0', ''],
  value: VALUES,
  configurationKeys: CONFIGS,
  mechanism: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512', 'OAUTHBEARER', 'GSSAPI'],
  user: ['alice', 'bob', ''],
  entityType: ['user', 'client-id', 'ip', 'x'],
  entityName: ['alice', '127.0.0.1', ''],
  statesFilter: ['Stable', 'empty', 'x'],
  typesFilter: ['classic', 'consumer', 'share'],
  feature: ['metadata.version', 'transaction.version', 'group.version', 'x'],
}

/** What a number of this name would be; most of the time it is one of these. */
const NUMBERS: Readonly<Record<string, readonly number[]>> = {
  acks: [-1, 1, 0, 2],
  index: [0, 1, 2, 3],
  partition: [0, 1, 2, 3],
  partitionIndex: [0, 1, 2, 3],
  partitions: [0, 1, 2, 3],
  partitionIndexes: [0, 1, 2, 3],
  partitionId: [0, 1, 2],
  brokerIds: [1, 1, 1, 2],
  numPartitions: [-1, 1, 2, 0, 20_000],
  count: [1, 2, 4, 6],
  replicationFactor: [-1, 1, 2],
  sessionTimeoutMs: [6000, 10_000, 45_000],
  rebalanceTimeoutMs: [10_000, -1],
  maxWaitMs: [0, 0, 10, 500],
  minBytes: [0, 1, 1_000_000],
  maxBytes: [1_000_000, 1, 2_147_483_647],
  partitionMaxBytes: [1_000_000, 1],
  timeoutMs: [0, 1000, 30_000],
  sessionEpoch: [-1, 0, 1, 2],
  currentLeaderEpoch: [-1, 0, 1],
  leaderEpoch: [-1, 0, 1],
  lastFetchedEpoch: [-1, 0],
  committedLeaderEpoch: [-1, 0],
  replicaId: [-1, -1, -1, -2, 1, 2],
  isolationLevel: [0, 1],
  fetchOffset: [0, 1, 5, 1000],
  offset: [0, 1, -1, 5],
  committedOffset: [0, 1, 100],
  timestamp: [-1, -2, -3, -4, -5, 0, 1_700_000_000_000],
  resourceType: [2, 4, 3, 5, 8, 16, 32],
  resourceTypes: [2, 4, 16, 32],
  resourcePatternType: [3, 4],
  operation: [2, 3, 4, 8],
  permissionType: [2, 3],
  configOperation: [0, 1, 2, 3],
  keyType: [0, 1, 2],
  transactionTimeoutMs: [1000, 60_000],
  memberEpoch: [0, 1, -1, -2],
  generationId: [-1, 0, 1, 2],
  generationIdOrMemberEpoch: [-1, 0, 1, 2],
  responsePartitionLimit: [1, 2, 2000],
  iterations: [4096, 8192, 0],
}

export class RequestGrammar {
  readonly #random: SeededRandom
  readonly #batches: BatchPool
  readonly #served: readonly ServedApi[]
  /** Values that answers brought, by the name of their field. */
  readonly #remembered = new Map<string, unknown[]>()

  constructor(random: SeededRandom, batches: BatchPool, served: readonly ServedApi[]) {
    this.#random = random
    this.#batches = batches
    this.#served = served
  }

  /** A whole frame of any API in any of its versions. */
  frame(correlationId: number): Buffer {
    const random = this.#random
    const { api, minVersion, maxVersion } = random.pick(this.#served)
    const version = minVersion + random.below(maxVersion - minVersion + 1)
    const clientId = random.pick(['fuzz', '__admin_client', '', null])
    const request = this.#struct(api.request.fields, version)
    return Buffer.concat(encodeRequest(api, version, { correlationId, clientId }, request as never))
  }

  /** Keeps what an answer tells, so that later requests can say it. */
  learn(name: string, value: unknown): void {
    if (Array.isArray(value)) {
      for (const element of value.slice(0, 8)) this.learn(name, element)
    } else if (typeof value === 'object' && value !== null && !Buffer.isBuffer(value)) {
      for (const [field, inner] of Object.entries(value)) this.learn(field, inner)
    } else if (LEARNED.has(name) && value !== null && value !== ZERO_UUID) {
      const known = this.#remembered.get(name) ?? []
      this.#remembered.set(name, known)
      if (known.includes(value)) return
      known.push(value)
      if (known.length > REMEMBERED_MAX) known.shift()
    }
  }

  #struct(fields: Fields, version: number): Record<string, unknown> {
    const value: Record<string, unknown> = {}
    for (const [name, { spec }] of Object.entries(fields)) {
      if (carries(spec, version)) value[name] = this.#field(name, spec, version)
    }
    return value
  }

  #field(name: string, spec: FieldSpec, version: number): unknown {
    const random = this.#random
    if (spec.tag !== undefined && random.chance(0.6)) return spec.default
    if ((version >= spec.nullableSince || spec.kind === 'records') && random.chance(0.15)) return null
    switch (spec.kind) {
      case 'array':
        return Array.from({ length: this.#length() }, () =>
          spec.fields ? this.#struct(spec.fields, version) : this.#field(name, spec.element!.spec, version),
        )
      case 'struct':
        return this.#struct(spec.fields!, version)
      case 'string':
        return this.#text(name)
      case 'bytes':
        return this.#bytes(name)
      case 'records':
        return [this.#batches.draw()]
      case 'uuid':
        return this.#known(name) ?? (random.chance(0.5) ? ZERO_UUID : random.bytes(16).toString('base64url'))
      case 'bool':
        return random.chance(0.5)
      case 'float64':
        return random.pick([0, 1, -1, 1e9, 0.5, Number.MAX_VALUE])
      default:
        return this.#number(name, spec.kind)
    }
  }

  #length(): number {
    const random = this.#random
    const drawn = random.below(100)
    if (drawn < 15) return 0
    if (drawn < 75) return 1
    if (drawn < 98) return 2 + random.below(3)
    return 30
  }

  #text(name: string): string {
    const random = this.#random
    const known = this.#known(name)
    if (known !== undefined && random.chance(0.6)) return String(known)
    const choices = TEXTS[name]
    if (choices && random.chance(0.95)) return random.pick(choices)
    return random.pick(['', 'x', 'nonsense', '\u0000', '𝄞', 'n'.repeat(300), ...CONFIGS])
  }

  #number(name: string, kind: FieldSpec['kind']): number {
    const random = this.#random
    const [least, most] = RANGES[kind]!
    const inRange = (value: number) => Math.min(Math.max(value, least), most)
    const known = this.#known(name)
    if (known !== undefined && random.chance(0.6)) return inRange(Number(known))
    const choices = NUMBERS[name]
    if (choices && random.chance(0.93)) return inRange(random.pick(choices))
    return inRange(random.pick([0, 0, 1, -1, 2, 10, 1000, least, most]))
  }

  #bytes(name: string): Buffer {
    const random = this.#random
    if (name === 'metadata' && random.chance(0.8)) {
      return encodeVersioned(consumerProtocolSubscription, random.below(4), {
        topics: [random.pick(TOPICS)],
        ownedPartitions: [],
      })
    }
    if (name === 'assignment' && random.chance(0.8)) {
      const assignedPartitions = [{ topic: random.pick(TOPICS), partitions: [0] }]
      return encodeVersioned(consumerProtocolAssignment, random.below(4), { assignedPartitions })
    }
    if (name === 'authBytes')
      return Buffer.from(
        random.pick(['\u0000alice\u0000secret', 'n,,n=alice,r=abc', 'n,,\u0001auth=Bearer x\u0001\u0001', '']),
      )
    return random.bytes(random.below(40))
  }

  #known(name: string): unknown {
    const known = this.#remembered.get(name)
    return known && known.length > 0 ? this.#random.pick(known) : undefined
  }
}

const LEARNED = new Set([
  'memberId',
  'topicId',
  'producerId',
  'producerEpoch',
  'sessionId',
  'generationId',
  'memberEpoch',
  'nextOffset',
  'tokenId',
])

const RANGES: Readonly<Partial<Record<FieldSpec['kind'], readonly [number, number]>>> = {
  int8: [-128, 127],
  int16: [-32_768, 32_767],
  uint16: [0, 65_535],
  int32: [-2_147_483_648, 2_147_483_647],
  uint32: [0, 4_294_967_295],
  int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  timestamp: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
}
