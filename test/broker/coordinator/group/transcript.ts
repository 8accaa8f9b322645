// Plays a script against a group machine and writes down what it answers, what it puts in its log and what its timers do.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. Each caller has a name; the script need not
// repeat the member id and generation that the caller was given last. Records pass through Kafka's bytes on their way.

import type { ClassicGroup } from '../../../../src/broker/coordinator/group/classic-group.ts'
import type {
  ConsumerHeartbeatReply,
  GroupCommand,
  GroupReply,
  JoinReply,
  SyncReply,
} from '../../../../src/broker/coordinator/group/command.ts'
import type { TopicPartitions } from '../../../../src/broker/coordinator/group/consumer/assignment.ts'
import { ConsumerGroup } from '../../../../src/broker/coordinator/group/consumer/consumer-group.ts'
import { MEMBER_STATE } from '../../../../src/broker/coordinator/group/consumer/consumer-member.ts'
import type { GroupConfig } from '../../../../src/broker/coordinator/group/group-config.ts'
import { GroupMachine } from '../../../../src/broker/coordinator/group/group-machine.ts'
import type { ConsumerGroupRecord, GroupRecord } from '../../../../src/broker/coordinator/group/group-record.ts'
import { groupRecordCodec } from '../../../../src/broker/coordinator/group/group-record-codec.ts'
import type { ShareHeartbeatReply } from '../../../../src/broker/coordinator/group/share/share-command.ts'
import {
  isShareGroupRecord,
  type ShareGroupRecord,
} from '../../../../src/broker/coordinator/group/share/share-group-record.ts'
import { type Effects, NO_PRODUCER, NO_REQUEST } from '../../../../src/broker/coordinator/state-machine.ts'
import { ErrorCode, errorOf } from '../../../../src/protocol/errors.ts'
import { decodeAssignment } from '../../../../src/protocol/messages/consumer-protocol.ts'
import { callOf, topicIdOf } from './transcript-call.ts'

const START_MS = 1_000_000

const transcriptConfig: GroupConfig = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 5,
  initialRebalanceDelayMs: 0,
  offsetsRetentionMs: 3_600_000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 20,
  consumer: {
    sessionTimeoutMs: { value: 45_000, min: 45_000, max: 60_000 },
    heartbeatIntervalMs: { value: 5000, min: 5000, max: 15_000 },
    assignmentIntervalMs: { value: 0, min: 0, max: 15_000 },
    maxSize: 4,
    assignors: ['uniform', 'range'],
    migrationPolicy: 'bidirectional',
    regexRefreshIntervalMs: 600_000,
  },
  share: {
    sessionTimeoutMs: { value: 45_000, min: 45_000, max: 60_000 },
    heartbeatIntervalMs: { value: 5000, min: 5000, max: 15_000 },
    recordLockMs: { value: 30_000, min: 15_000, max: 60_000 },
    deliveryCountLimit: { value: 5, min: 2, max: 10 },
    maxRecordLocks: { value: 2000, min: 100, max: 4000 },
    maxSize: 3,
    maxSessions: 10,
  },
}

/** The topics of the story, and the configs of its groups. */
class World {
  readonly topics = new Map<string, { name: string; topicId: string; partitions: { length: number } }>()
  readonly configs = new Map<string, string>()
  topicsVersion = 0
  readonly #largest = new Map<string, number>()

  topicById(topicId: string) {
    return [...this.topics.values()].find((topic) => topic.topicId === topicId)
  }

  groupConfigs(): ReadonlyMap<string, string> {
    return this.configs
  }

  /** Topics never shrink, also not when they come back, as they do under the id that they had. */
  set(topic: string, partitions: number): void {
    this.topicsVersion += 1
    const length = Math.max(partitions, this.#largest.get(topic) ?? 0)
    this.#largest.set(topic, length)
    if (partitions === 0) this.topics.delete(topic)
    else this.topics.set(topic, { name: topic, topicId: topicIdOf(topic), partitions: { length } })
  }
}

/** A record, of a producer's transaction or of none, or the end of one. */
type LogEntry =
  | { readonly bytes: { key: Buffer | null; value: Buffer | null }; readonly producerId: number }
  | { readonly committed: boolean; readonly producerId: number }

export class Transcript {
  #config = transcriptConfig
  readonly #world = new World()
  #machine = new GroupMachine(() => this.#config, this.#world)
  readonly #log: LogEntry[] = []
  readonly #timers = new Map<string, { at: number; command: GroupCommand }>()
  readonly #callers = new Map<number, { name: string; type: GroupCommand['type'] }>()
  readonly #has = new Map<string, readonly TopicPartitions[]>()
  readonly #known = new Map<string, { memberId: string; generationId: number }>()
  #nowMs = START_MS
  #lastId = 0
  #lines: string[] = []

  constructor() {
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines = []
  }

  group(groupId: string) {
    return this.#machine.group(groupId)
  }

  /** Another machine, made from the log alone. */
  rebuilt(): GroupMachine {
    const machine = new GroupMachine(() => this.#config, this.#world)
    this.#replayInto(machine)
    return machine
  }

  /** `has=` with what the caller was told to have. */
  has(name: string): string {
    const rows = this.#has.get(name) ?? []
    return `has=${shown(rows).replaceAll(' ', '+')}`
  }

  /** Runs one command of the script and returns what came of it. */
  run(text: string): string {
    this.#lines = []
    const [verb = '', ...words] = text.trim().split(/\s+/)
    if (verb === 'advance') this.#advance(Number(words[0]))
    else if (verb === 'restart') this.#restart()
    else if (verb === 'config') this.#configure(words)
    else if (verb === 'topic') this.#world.set(words[0]!, Number(words[1]))
    else if (verb === 'group-config') this.#world.configs.set(words[0]!, words[1]!)
    else if (verb === 'marker') this.#mark(Number(words[0]), words[1] === 'commit')
    else if (verb === 'state') this.#state(words[0] ?? 'g')
    else this.#call(verb, words)
    return this.#lines.length === 0 ? 'nothing\n' : `${this.#lines.join('\n')}\n`
  }

  #mark(producerId: number, committed: boolean): void {
    this.#log.push({ committed, producerId })
    this.#machine.replayMarker(producerId, committed)
    this.#lines.push(`log: producer ${producerId} ${committed ? 'commits' : 'aborts'}`)
  }

  #replayInto(machine: GroupMachine): void {
    this.#log.forEach((entry, offset) => {
      const { producerId } = entry
      if ('committed' in entry) machine.replayMarker(producerId, entry.committed)
      else machine.replay(groupRecordCodec.decode(entry.bytes)!, { offset, producerId })
    })
  }

  #call(verb: string, words: readonly string[]): void {
    const id = ++this.#lastId
    const { name, command } = callOf(verb, words, (caller) => this.#known.get(caller), id)
    this.#callers.set(id, { name, type: command.type })
    this.#apply(this.#machine.handle(id, command, this.#nowMs))
  }

  #apply(effects: Effects<GroupCommand, GroupRecord, GroupReply>): void {
    const producerId = effects.producer?.producerId ?? NO_PRODUCER
    for (const record of effects.records) {
      const bytes = groupRecordCodec.encode(record)
      const decoded = groupRecordCodec.decode(bytes)!
      const pending = effects.producer ? `, pending of producer ${producerId}` : ''
      this.#lines.push(`log: ${describeRecord(decoded)}${pending}`)
      this.#machine.replay(decoded, { offset: this.#log.length, producerId })
      this.#log.push({ bytes, producerId })
    }
    for (const { key, delayMs, command } of effects.timers) {
      if (command) this.#timers.set(key, { at: this.#nowMs + delayMs, command })
      else this.#timers.delete(key)
    }
    for (const command of effects.follows ?? []) {
      this.#lines.push(`at once: ${command.type}`)
      this.#apply(this.#machine.handle(NO_REQUEST, command, this.#nowMs))
    }
    for (const { id, reply } of effects.replies) this.#tell(id, reply)
  }

  #tell(id: number, reply: GroupReply): void {
    const { name, type } = this.#callers.get(id)!
    this.#callers.delete(id)
    if (type === 'join') {
      const { memberId, generationId, errorCode } = reply as JoinReply
      // As clients do: an id is kept when it was given out, and forgotten when the group does not know it.
      if (errorCode === ErrorCode.NONE || errorCode === ErrorCode.MEMBER_ID_REQUIRED) {
        this.#known.set(name, { memberId, generationId })
      }
      if (errorCode === ErrorCode.UNKNOWN_MEMBER_ID) this.#known.delete(name)
    }
    if (type === 'consumer-heartbeat' || type === 'share-heartbeat') {
      const { memberId, memberEpoch, errorCode, assignment } = reply as ConsumerHeartbeatReply
      if (assignment) this.#has.set(name, assignment.topicPartitions)
      if (errorCode === ErrorCode.NONE) this.#known.set(name, { memberId: memberId!, generationId: memberEpoch })
      if (errorCode === ErrorCode.FENCED_MEMBER_EPOCH || errorCode === ErrorCode.UNKNOWN_MEMBER_ID) {
        this.#known.delete(name)
        this.#has.delete(name)
      }
    }
    this.#lines.push(`${name}: ${describeReply(type, reply)}`)
  }

  #advance(ms: number): void {
    const end = this.#nowMs + ms
    for (;;) {
      const due = [...this.#timers].filter(([, timer]) => timer.at <= end).sort((a, b) => a[1].at - b[1].at)[0]
      if (!due) break
      const [key, { at, command }] = due
      this.#timers.delete(key)
      this.#nowMs = at
      if (command.type !== 'expire-offsets') this.#lines.push(`${at - START_MS} ms: ${command.type}`)
      this.#apply(this.#machine.handle(NO_REQUEST, command, at))
    }
    this.#nowMs = end
  }

  /** The broker dies: what was not in the log is forgotten, and who waited never hears. */
  #restart(): void {
    this.#machine = new GroupMachine(() => this.#config, this.#world)
    this.#timers.clear()
    this.#callers.clear()
    this.#replayInto(this.#machine)
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines.push(`replayed ${this.#log.length} records`)
  }

  #configure(words: readonly string[]): void {
    const consumer: Record<string, unknown> = { ...this.#config.consumer }
    const changes: Record<string, unknown> = {}
    for (const [key, text] of words.map((word) => word.split('='))) {
      const value = Number.isNaN(Number(text)) ? text : Number(text)
      const bounded = consumer[key!] as { value: number } | undefined
      if (typeof bounded === 'object') consumer[key!] = { ...bounded, value }
      else if (key! in consumer) consumer[key!] = value
      else changes[key!] = value
    }
    this.#config = { ...this.#config, ...changes, consumer: consumer as unknown as GroupConfig['consumer'] }
    this.#machine = new GroupMachine(() => this.#config, this.#world)
    this.#lines.push('ok')
  }

  #state(groupId: string): void {
    const group = this.#machine.group(groupId)
    if (!group) {
      this.#lines.push(`${groupId}: no such group`)
      return
    }
    this.#lines.push(...(group instanceof ConsumerGroup ? consumerState(group) : classicState(group)))
  }
}

function consumerState(group: ConsumerGroup): string[] {
  const stateName = (state: number) => Object.entries(MEMBER_STATE).find(([, value]) => value === state)![0]
  const members = [...group.members.values()].map((member) => {
    const { memberId, memberEpoch, state, assigned, pendingRevocation, classic } = member
    const held = shown([...assigned].map(([topicId, own]) => ({ topicId, partitions: [...own.keys()] })))
    const revoked = shown([...pendingRevocation].map(([topicId, own]) => ({ topicId, partitions: [...own.keys()] })))
    const gives = revoked === '' ? '' : ` gives up ${revoked}`
    return `  ${memberId}${classic ? ' (classic)' : ''} epoch=${memberEpoch} ${stateName(state)} has [${held}]${gives}`
  })
  return [`${group.groupId}: ${group.state} epoch=${group.groupEpoch} assignment=${group.assignmentEpoch}`, ...members]
}

function shown(rows: readonly TopicPartitions[]): string {
  const named = rows.map(({ topicId, partitions }) => {
    return `${Buffer.from(topicId, 'base64url').toString().trim()}:${partitions.toSorted((a, b) => a - b).join(',')}`
  })
  return named.sort().join(' ')
}

function classicState(group: ClassicGroup): string[] {
  const members = [...group.members.values()].map((member) => {
    const waits = member.awaitingJoin !== undefined ? ' joining' : member.awaitingSync !== undefined ? ' syncing' : ''
    return `  ${member.memberId}${group.isLeader(member.memberId) ? ' leader' : ''}${waits}`
  })
  const pending = group.pendingMembers.size > 0 ? ` pending=${[...group.pendingMembers].join(',')}` : ''
  return [`${group.groupId}: ${group.state} generation=${group.generationId}${pending}`, ...members]
}

function describeRecord(record: GroupRecord): string {
  if (record.type === 'offset-commit') {
    const { groupId, topic, partition, value } = record
    if (!value) return `offset ${groupId} ${topic}-${partition} deleted`
    const expiry = value.expireTimestamp >= 0 ? ` expires=${value.expireTimestamp - START_MS}` : ''
    return `offset ${groupId} ${topic}-${partition}=${value.offset}${expiry}`
  }
  if (isShareGroupRecord(record)) return describeShareRecord(record)
  if (record.type !== 'group-metadata') return describeConsumerRecord(record)
  if (!record.value) return `group ${record.groupId} deleted`
  const { generation, protocol, leader, members } = record.value
  const rows = members.map((member) => `${member.memberId}=${share(member.assignment)}`)
  return `group ${record.groupId} generation=${generation} protocol=${protocol} leader=${leader} [${rows.join(' ')}]`
}

/** An assignment as consumers read it when it is one, else its letters. */
function share(assignment: Buffer): string {
  if (assignment[0] !== 0) return assignment.toString()
  const { assignedPartitions } = decodeAssignment(assignment)
  return assignedPartitions.map(({ topic, partitions }) => `${topic}:${partitions.join(',')}`).join(' ')
}

function describeShareRecord(record: ShareGroupRecord): string {
  const what = `${record.type} ${record.groupId}${'memberId' in record ? ` ${record.memberId}` : ''}`
  if (record.value === null) return `${what} deleted`
  switch (record.type) {
    case 'share-group':
      return `${what} epoch=${record.value.epoch}`
    case 'share-target':
      return `${what} epoch=${record.value.assignmentEpoch}`
    case 'share-member':
      return `${what} topics=${record.value.subscribedTopicNames.join('+')}`
    case 'share-target-member':
      return `${what} [${shown(record.value.topicPartitions)}]`
    case 'share-current':
      return `${what} epoch=${record.value.memberEpoch} [${shown(record.value.assignedPartitions)}]`
    case 'share-states': {
      const { initializingTopics, initializedTopics, deletingTopics } = record.value
      const going = deletingTopics.map(({ topicName }) => topicName).join(' ')
      return `${what} initializing=[${shown(initializingTopics)}] initialized=[${shown(initializedTopics)}] deleting=[${going}]`
    }
  }
}

function describeConsumerRecord(record: ConsumerGroupRecord): string {
  const whose = 'memberId' in record ? ` ${record.memberId}` : 'regex' in record ? ` ${record.regex}` : ''
  const what = `${record.type} ${record.groupId}${whose}`
  if (record.type === 'consumer-partitions' || record.value === null) return `${what} deleted`
  switch (record.type) {
    case 'consumer-group':
      return `${what} epoch=${record.value.epoch}`
    case 'consumer-member': {
      const { subscribedTopicNames, subscribedTopicRegex, classicMemberMetadata } = record.value
      const regex = subscribedTopicRegex ? ` regex=${subscribedTopicRegex}` : ''
      return `${what} topics=${subscribedTopicNames.join('+')}${regex}${classicMemberMetadata ? ' (classic)' : ''}`
    }
    case 'consumer-target':
      return `${what} epoch=${record.value.assignmentEpoch}`
    case 'consumer-target-member':
      return `${what} [${shown(record.value.topicPartitions)}]`
    case 'consumer-current': {
      const { memberEpoch, assignedPartitions, partitionsPendingRevocation } = record.value
      const gives = partitionsPendingRevocation.length > 0 ? ` gives up ${shown(partitionsPendingRevocation)}` : ''
      return `${what} epoch=${memberEpoch} [${shown(assignedPartitions)}]${gives}`
    }
    case 'consumer-regex':
      return `${what} [${record.value.topics.join(' ')}]`
  }
}

function describeReply(type: GroupCommand['type'], reply: GroupReply): string {
  const code = (errorCode: number) => errorOf(errorCode).name
  if (type === 'join') {
    const { errorCode, generationId, protocolName, leader, memberId, members, skipAssignment } = reply as JoinReply
    if (errorCode !== 0) return `join ${code(errorCode)} member=${memberId}`
    const skips = skipAssignment ? ' skips the assignment' : ''
    const rows = members.map(
      (member) => `${member.memberId}(${member.metadata.toString('latin1').replace(/[^a-z0-9]+/gi, '')})`,
    )
    const list = rows.length === 0 ? '' : ` members=[${rows.join(' ')}]`
    return `joined generation=${generationId} protocol=${protocolName} member=${memberId} leader=${leader}${list}${skips}`
  }
  if (type === 'sync') {
    const { errorCode, assignment } = reply as SyncReply
    return errorCode === 0 ? `synced assignment=${share(assignment)}` : `sync ${code(errorCode)}`
  }
  if (type === 'consumer-heartbeat') {
    const { errorCode, errorMessage, memberEpoch, assignment } = reply as ConsumerHeartbeatReply
    if (errorCode !== 0) return `beat ${code(errorCode)} ${errorMessage}`
    return `beat epoch=${memberEpoch}${assignment ? ` assignment=[${shown(assignment.topicPartitions)}]` : ''}`
  }
  if (type === 'share-heartbeat') {
    const { errorCode, errorMessage, memberEpoch, assignment, toInitialize } = reply as ShareHeartbeatReply
    if (errorCode !== 0) return `beat ${code(errorCode)} ${errorMessage}`
    const wanted = toInitialize.topics.length > 0 ? ` to initialize=[${shown(toInitialize.topics)}]` : ''
    return `beat epoch=${memberEpoch}${assignment ? ` assignment=[${shown(assignment.topicPartitions)}]` : ''}${wanted}`
  }
  if (reply === undefined) return 'done'
  return `${type} ${JSON.stringify(reply, (key, value) => describeValue(key, value))}`.replaceAll('"', '')
}

/** Error codes by name, bytes as text. */
function describeValue(key: string, value: unknown): unknown {
  if (key === 'errorCode') return errorOf(value as number).name
  const bytes = value as { type?: string; data?: number[] } | null
  if (bytes?.type === 'Buffer')
    return Buffer.from(bytes.data!)
      .toString('latin1')
      .replace(/[^a-z0-9]+/gi, '')
  return value
}
