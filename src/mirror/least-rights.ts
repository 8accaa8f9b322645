// The least rights that a flow needs at both clusters, in Kafka's words, each with what it is for. Kafka's rules know names and prefixes, so a
// pattern asks for the longest prefix of all that it can match.
import { javaPattern } from './naming/java-pattern.ts'
import type { ReplicationPolicy } from './replication-policy.ts'

export interface Right {
  readonly side: 'source' | 'target'
  readonly resource: 'topic' | 'group' | 'cluster' | 'transactional-id'
  /** `*` is every name. */
  readonly name: string
  readonly prefixed: boolean
  /** As kafka-acls spells them: Read, DescribeConfigs. */
  readonly operations: readonly string[]
  readonly because: string
}

export interface RightsOptions {
  readonly policy: ReplicationPolicy
  readonly topics: readonly string[]
  readonly groups: readonly string[]
  /** The prefix of all copies; undefined when names are kept or made up. */
  readonly copyPrefix: string | undefined
  readonly keepsNames: boolean
  /** The group by which instances share the flow. */
  readonly sharingGroup: string
  readonly follows: {
    readonly topicConfigs: boolean
    readonly acls: boolean
    readonly deletes: boolean
    readonly groupOffsets: boolean
  }
  readonly mm2Topics: boolean
  /** Where MirrorMaker, whose copies are gone on with, writes its offset syncs at the source. */
  readonly takesOverWith?: string
  /** What the flow's transactional ids begin with; undefined: it has no transactions. */
  readonly transactionalIds: string | undefined
  /** Topics of heartbeats at the source that this flow carries: the source's own, and those that other mirrors bring there. */
  readonly heartbeats: readonly string[]
  /** Whether heartbeats are written at the source too. */
  readonly beatsAtSource?: boolean
}

type Names = Pick<Right, 'name' | 'prefixed'>

/** Where groups commit. */
const COMMITS: Names = { name: '__consumer_offsets', prefixed: false }

export function leastRights(options: RightsOptions): Right[] {
  const { policy, follows, mm2Topics } = options
  const topics = namesOf(options.topics)
  const groups = namesOf(options.groups)
  const exact = (name: string): Names => ({ name, prefixed: false })
  const read = [...topics, ...options.heartbeats.filter((name) => !covers(topics, name)).map(exact)]
  const copies = read.map((names) => copiesOf(names, options))
  const right = (side: Right['side'], resource: Right['resource'], because: string, ...operations: string[]) => {
    return (names: Names): Right => ({ side, resource, ...names, operations, because })
  }
  const onCopies = ['Read', 'Write', 'Create', 'Alter', follows.topicConfigs ? 'AlterConfigs' : 'DescribeConfigs']
  if (follows.deletes) onCopies.push('Delete')
  const cluster = exact('kafka-cluster')
  const mm2 = [policy.heartbeatsTopic, policy.offsetSyncsTopic, policy.checkpointsTopic]
    .filter((name) => mm2Topics && !covers(copies, name))
    .map(exact)
  return [
    ...read.map(right('source', 'topic', 'topics that are mirrored', 'Read', 'DescribeConfigs')),
    ...groups.map(right('source', 'group', 'positions of groups', 'Describe')),
    ...[COMMITS]
      .filter(({ name }) => groups.length > 0 && !covers(read, name))
      .map(right('source', 'topic', 'commits of groups are heard; without it groups are asked every second', 'Read')),
    ...(options.beatsAtSource && mm2Topics
      ? [right('source', 'topic', 'heartbeats cross', 'Write', 'Create')(exact(policy.heartbeatsTopic))]
      : []),
    ...(options.takesOverWith !== undefined
      ? [
          right(
            'source',
            'topic',
            'where copies of MirrorMaker end',
            'Read',
          )({
            name: options.takesOverWith,
            prefixed: false,
          }),
          right(
            'target',
            'topic',
            'where copies of MirrorMaker end',
            'Read',
          )({
            name: policy.offsetSyncsTopic,
            prefixed: false,
          }),
        ]
      : []),
    ...(follows.acls ? [right('source', 'cluster', 'access rules are read', 'Describe')(cluster)] : []),
    ...unique(copies).map(
      right('target', 'topic', 'copies are made, written, read back and kept in step', ...onCopies),
    ),
    right('target', 'topic', 'where each offset went', 'Read', 'Write', 'Create')(prefixOf(policy.gapsTopic)),
    right('target', 'group', 'instances share the flow', 'Read')(exact(options.sharingGroup)),
    ...(follows.groupOffsets ? groups.map(right('target', 'group', 'positions are written to groups', 'Read')) : []),
    ...[options.transactionalIds]
      .filter((name) => name !== undefined)
      .map((name) =>
        right('target', 'transactional-id', 'records and progress in transactions', 'Write')({ name, prefixed: true }),
      ),
    ...mm2.map(right('target', 'topic', "MirrorMaker's topics", 'Write', 'Create')),
    ...(follows.acls ? [right('target', 'cluster', 'access rules are made', 'Describe', 'Alter')(cluster)] : []),
  ]
}

/** All internal topics of flows from this source begin alike. */
function prefixOf(gapsTopic: string): Names {
  return { name: gapsTopic.replace(/gaps\.internal$/, ''), prefixed: true }
}

function copiesOf({ name, prefixed }: Names, { policy, copyPrefix, keepsNames }: RightsOptions): Names {
  if (!prefixed && name !== '*') return { name: policy.remoteTopic(name), prefixed }
  if (copyPrefix !== undefined) return { name: copyPrefix + (name === '*' ? '' : name), prefixed: true }
  return keepsNames ? { name, prefixed } : { name: '*', prefixed: false }
}

function namesOf(patterns: readonly string[]): Names[] {
  const names = patterns.map((pattern): Names => {
    const { literal } = javaPattern(pattern)
    if (literal !== undefined) return { name: literal, prefixed: false }
    const prefix = literalPrefix(pattern)
    return prefix === '' ? { name: '*', prefixed: false } : { name: prefix, prefixed: true }
  })
  return unique(names)
}

/** What every match begins with, as far as plain characters tell; alternatives have nothing in common. */
function literalPrefix(pattern: string): string {
  if (/[|(]/.test(pattern.replace(/\\./g, ''))) return ''
  const plain = /^(?:[A-Za-z0-9_-]|\\[.-])*/.exec(pattern)![0]
  const isRepeated = /^[?*{]/.test(pattern.slice(plain.length))
  return plain.replace(isRepeated ? /(?:\\.|.)$/ : /$^/, '').replaceAll('\\', '')
}

/** Those that no other covers. */
function unique(names: readonly Names[]): Names[] {
  return names.filter((one, at) =>
    names.every((other, index) => index === at || !isWithin(one, other) || (isWithin(other, one) && index > at)),
  )
}

function isWithin(one: Names, other: Names): boolean {
  if (other.name === '*') return true
  return other.prefixed ? one.name !== '*' && one.name.startsWith(other.name) : one.name === other.name && !one.prefixed
}

const covers = (names: readonly Names[], name: string) =>
  names.some((other) => isWithin({ name, prefixed: false }, other))
