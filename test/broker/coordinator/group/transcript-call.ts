import type { GroupCommand, TopicPartitionKey } from '../../../../src/broker/coordinator/group/command.ts'

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
        .map((item) => ({ name: item, metadata: subscription(text('topics', 't')) }))
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
      const given = text('assign', '')
        .split(',')
        .filter((item) => item !== '')
      const assignments = given.map((item) => {
        const [caller, share] = item.split(':')
        return { memberId: knownOf(caller!)?.memberId ?? caller!, assignment: Buffer.from(share!) }
      })
      const protocolName = options.get('protocol') ?? null
      return { name, command: { ...common, type: 'sync', protocolType: null, protocolName, assignments } }
    }
    case 'heartbeat':
      return { name, command: { ...common, type: 'heartbeat' } }
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
        return at ? [{ ...at, offset: Number(value), leaderEpoch: -1, metadata: text('metadata', '') }] : []
      })
      return { name, command: { ...common, type: 'offset-commit', retentionTimeMs: number('retention', -1), offsets } }
    }
    case 'fetch': {
      const partitions = rest.map((word) => partitionKey(word)!)
      return {
        name,
        command: { type: 'offset-fetch', groupId, partitions: rest.length === 0 ? undefined : partitions },
      }
    }
    case 'delete-offsets':
      return { name, command: { type: 'offset-delete', groupId, partitions: rest.map((word) => partitionKey(word)!) } }
    case 'delete-group':
      return { name, command: { type: 'delete-group', groupId } }
    case 'delete-topic':
      return { name, command: { type: 'topics-deleted', topics: rest } }
    case 'describe':
      return { name, command: { type: 'describe-group', groupId } }
    case 'list':
      return { name, command: { type: 'list-groups', states: rest, types: options.get('types')?.split(',') ?? [] } }
    default:
      throw new Error(`the script says ${verb}, which is nothing`)
  }
}

function splitOnce(word: string): [string, string] {
  const at = word.indexOf('=')
  return [word.slice(0, at), word.slice(at + 1)]
}

function partitionKey(word: string): TopicPartitionKey | undefined {
  const match = /^([a-z]+)-(\d+)$/.exec(word)
  return match ? { topic: match[1]!, partition: Number(match[2]) } : undefined
}

/** A consumer's subscription (version 0) to these topics, joined by +. */
function subscription(topics: string): Buffer {
  const names = topics.split('+')
  const head = Buffer.alloc(6)
  head.writeInt32BE(names.length, 2)
  const rows = names.map((topic) => Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic)]))
  return Buffer.concat([head, ...rows, Buffer.from([255, 255, 255, 255])])
}
