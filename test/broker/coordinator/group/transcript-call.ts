import type { GroupCommand, TopicPartitionKey } from '../../../../src/broker/coordinator/group/command.ts'
import { encodeVersioned } from '../../../../src/protocol/codec.ts'
import {
  consumerProtocolAssignment,
  consumerProtocolSubscription,
} from '../../../../src/protocol/messages/consumer-protocol.ts'
import { ZERO_UUID } from '../../../../src/protocol/schema.ts'

interface Known {
  readonly memberId: string
  readonly generationId: number
}

/** The command that a line of a script stands for, and who gives it. Words `key=value` override what is known of the caller. */
export function callOf(
  verb: string,
  words: readonly string[],
  knownOf: (caller: string) => Known | undefined,
  id: number,
): { name: string; command: GroupCommand } {
  const name = words.find((word) => !word.includes('=')) ?? 'admin'
  const rest = words.filter((word) => !word.includes('=')).slice(1)
  const options = new Map(words.filter((word) => word.includes('=')).map((word) => splitOnce(word)))
  const text = (key: string, otherwise: string) => options.get(key) ?? otherwise
  const number = (key: string, otherwise: number) => Number(options.get(key) ?? otherwise)
  const known = knownOf(name)
  const groupId = text('group', 'g')
  const memberId = text('member', known?.memberId ?? '')
  const groupInstanceId = options.get('instance') ?? null
  const generationId = number('generation', known?.generationId ?? -1)
  const common = { groupId, memberId, groupInstanceId, generationId }
  switch (verb) {
    case 'join': {
      const sessionTimeoutMs = number('session', 10_000)
      const protocols = text('protocols', 'range')
        .split(',')
        .map((item) => ({
          name: item,
          metadata: options.has('raw') ? Buffer.from([0]) : subscription(text('topics', 't'), options.get('owned')),
        }))
      return {
        name,
        command: {
          ...common,
          type: 'join',
          clientId: name,
          clientHost: '/127.0.0.1',
          sessionTimeoutMs,
          rebalanceTimeoutMs: number('rebalance', 30_000),
          protocolType: text('type', 'consumer'),
          protocols,
          requireKnownMemberId: number('version', 9) >= 4 && groupInstanceId === null,
          supportsSkippingAssignment: number('version', 9) >= 9,
          newMemberId: `${groupInstanceId ?? name}-${id}`,
        },
      }
    }
    case 'sync': {
      const given = [...text('assign', '').matchAll(/(\w+):(@[^@]*\d|[^,@]+)(?:,|$)/g)]
      const assignments = given.map(([, caller, share]) => {
        return { memberId: knownOf(caller!)?.memberId ?? caller!, assignment: assignmentBytes(share!) }
      })
      const protocolName = options.get('protocol') ?? null
      return { name, command: { ...common, type: 'sync', protocolType: null, protocolName, assignments } }
    }
    case 'heartbeat':
      return { name, command: { ...common, type: 'heartbeat' } }
    case 'beat': {
      const joins = number('epoch', known?.generationId ?? 0) === 0
      const list = (key: string, otherwise: string | null) => {
        const given = options.get(key) ?? otherwise
        return given === null ? null : given.split('+').filter((item) => item !== '')
      }
      const owned = list('has', joins ? '' : null)
      return {
        name,
        command: {
          type: 'consumer-heartbeat',
          groupId,
          memberId: text('member', name),
          memberEpoch: number('epoch', known?.generationId ?? 0),
          instanceId: options.get('instance') ?? null,
          rackId: options.get('rack') ?? null,
          rebalanceTimeoutMs: number('rebalance', joins ? 30_000 : -1),
          subscribedTopicNames: list('topics', joins && !options.has('regex') ? 't' : null),
          subscribedTopicRegex: options.get('regex') ?? null,
          serverAssignor: options.get('assignor') ?? null,
          topicPartitions: owned === null ? null : owned.map(topicPartitions),
          clientId: name,
          clientHost: '/127.0.0.1',
          mayLackId: options.has('v0'),
          newMemberId: `${name}-${id}`,
          mayDescribe: (topic) => !text('denied', '').split('+').includes(topic),
        },
      }
    }
    case 'leave': {
      const members = [name, ...rest].map((caller) => ({
        memberId: knownOf(caller)?.memberId ?? caller,
        groupInstanceId,
      }))
      const byInstance = [{ memberId: '', groupInstanceId }]
      return { name, command: { type: 'leave', groupId, members: groupInstanceId === null ? members : byInstance } }
    }
    case 'commit': {
      const offsets = [...options].flatMap(([key, value]) => {
        const at = partitionKey(key)
        return at
          ? [
              {
                ...at,
                topicId: topicIdOf(at.topic),
                offset: Number(value),
                leaderEpoch: -1,
                metadata: text('metadata', ''),
              },
            ]
          : []
      })
      const retentionTimeMs = number('retention', -1)
      const apiVersion = number('version', 9)
      return { name, command: { ...common, type: 'offset-commit', retentionTimeMs, apiVersion, offsets } }
    }
    case 'txn-commit': {
      const offsets = [...options].flatMap(([key, value]) => {
        const at = partitionKey(key)
        return at
          ? [{ ...at, topicId: ZERO_UUID, offset: Number(value), leaderEpoch: -1, metadata: text('metadata', '') }]
          : []
      })
      const producer = { producerId: number('producer', 1), producerEpoch: 0 }
      return { name, command: { ...common, ...producer, type: 'txn-offset-commit', offsets } }
    }
    case 'fetch': {
      const partitions = rest.map((word) => partitionKey(word)!)
      return {
        name,
        command: {
          type: 'offset-fetch',
          groupId,
          partitions: rest.length === 0 ? undefined : partitions,
          memberId: options.get('member') ?? null,
          memberEpoch: number('epoch', -1),
          requireStable: number('stable', 0) === 1,
        },
      }
    }
    case 'delete-offsets':
      return { name, command: { type: 'offset-delete', groupId, partitions: rest.map((word) => partitionKey(word)!) } }
    case 'delete-group':
      return { name, command: { type: 'delete-group', groupId } }
    case 'delete-topic':
      return { name, command: { type: 'topics-deleted', topics: rest } }
    case 'describe-consumers':
      return { name, command: { type: 'describe-consumer-group', groupId } }
    case 'describe':
      return { name, command: { type: 'describe-group', groupId } }
    case 'share-beat': {
      const memberEpoch = number('epoch', known?.generationId ?? 0)
      const names = options.get('topics') ?? (memberEpoch === 0 ? 't' : undefined)
      return {
        name,
        command: {
          type: 'share-heartbeat',
          groupId,
          memberId: text('member', name),
          memberEpoch,
          rackId: null,
          subscribedTopicNames: names === undefined ? null : names.split('+').filter((item) => item !== ''),
          clientId: name,
          clientHost: '/127.0.0.1',
        },
      }
    }
    case 'share-initialized': {
      const succeeded = !options.has('failed')
      return { name, command: { type: 'share-initialized', groupId, topics: rest.map(sharedTopic), succeeded } }
    }
    case 'share-alter':
      return { name, command: { type: 'share-alter', groupId, topics: rest.map(sharedTopic) } }
    case 'share-forget':
    case 'share-forgotten':
      return { name, command: { type: verb, groupId, topicIds: rest.map(topicIdOf) } }
    case 'share-describe':
    case 'share-topics':
      return { name, command: { type: verb, groupId } }
    case 'list':
      return { name, command: { type: 'list-groups', states: rest, types: options.get('types')?.split(',') ?? [] } }
    default:
      throw new Error(`the script says ${verb}, which is nothing`)
  }
}

/** The topic id that transcripts give to the topic: its name, filled up. */
export function topicIdOf(topic: string): string {
  return Buffer.alloc(16, `${topic}                `).toString('base64url')
}

/** `t:0,1`: partitions 0 and 1 of t. */
function topicPartitions(text: string) {
  const [topic = '', partitions = ''] = text.split(':')
  return { topicId: topicIdOf(topic), partitions: partitions.split(',').map(Number) }
}

function sharedTopic(text: string) {
  return { ...topicPartitions(text), topicName: text.split(':')[0]! }
}

function splitOnce(word: string): [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}

function partitionKey(word: string): TopicPartitionKey | undefined {
  const match = /^([a-z]+)-(\d+)$/.exec(word)
  return match ? { topic: match[1]!, partition: Number(match[2]) } : undefined
}

/** A consumer's subscription to these topics, joined by +; version 0, or 1 with what it owns. */
function subscription(topics: string, owned: string | undefined): Buffer {
  const names = topics.split('+')
  if (owned === undefined) return encodeVersioned(consumerProtocolSubscription, 0, { topics: names, userData: null })
  const ownedPartitions = owned === '' ? [] : owned.split('+').map(namedPartitions)
  return encodeVersioned(consumerProtocolSubscription, 1, { topics: names, userData: null, ownedPartitions })
}

/** `@t:0,1` stands for an assignment as consumers read it, anything else for its own letters. */
function assignmentBytes(text: string): Buffer {
  if (!text.startsWith('@')) return Buffer.from(text)
  const assignedPartitions = [namedPartitions(text.slice(1))]
  return encodeVersioned(consumerProtocolAssignment, 0, { assignedPartitions, userData: null })
}

function namedPartitions(text: string) {
  const [topic = '', partitions = ''] = text.split(':')
  return { topic, partitions: partitions.split(',').map(Number) }
}
