// Plays a script against a group machine and writes down what it answers, what it puts in its log and what its timers do.
//
// A script is prose (lines with #) and blocks: a command, `----`, the expected output. Each caller has a name; the script need not
// repeat the member id and generation that the caller was given last. Records pass through Kafka's bytes on their way.

import type {
  GroupCommand,
  GroupReply,
  JoinReply,
  SyncReply,
} from '../../../../src/broker/coordinator/group/command.ts'
import type { GroupConfig } from '../../../../src/broker/coordinator/group/group-config.ts'
import { GroupMachine } from '../../../../src/broker/coordinator/group/group-machine.ts'
import type { GroupRecord } from '../../../../src/broker/coordinator/group/group-record.ts'
import { groupRecordCodec } from '../../../../src/broker/coordinator/group/group-record-codec.ts'
import { type Effects, NO_REQUEST } from '../../../../src/broker/coordinator/state-machine.ts'
import { ErrorCode, errorOf } from '../../../../src/protocol/errors.ts'
import { callOf } from './transcript-call.ts'

const START_MS = 1_000_000

const transcriptConfig: GroupConfig = {
  minSessionTimeoutMs: 6000,
  maxSessionTimeoutMs: 1_800_000,
  maxSize: 5,
  initialRebalanceDelayMs: 0,
  offsetsRetentionMs: 3_600_000,
  offsetsRetentionCheckIntervalMs: 600_000,
  offsetMetadataMaxBytes: 20,
}

export class Transcript {
  #config = transcriptConfig
  #machine = new GroupMachine(this.#config)
  readonly #log: { key: Buffer | null; value: Buffer | null }[] = []
  readonly #timers = new Map<string, { at: number; command: GroupCommand }>()
  readonly #callers = new Map<number, { name: string; type: GroupCommand['type'] }>()
  readonly #known = new Map<string, { memberId: string; generationId: number }>()
  #nowMs = START_MS
  #lastId = 0
  #lines: string[] = []

  constructor() {
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines = []
  }

  /** Runs one command of the script and returns what came of it. */
  run(text: string): string {
    this.#lines = []
    const [verb = '', ...words] = text.trim().split(/\s+/)
    if (verb === 'advance') this.#advance(Number(words[0]))
    else if (verb === 'restart') this.#restart()
    else if (verb === 'config') this.#configure(words)
    else if (verb === 'state') this.#state(words[0] ?? 'g')
    else this.#call(verb, words)
    return this.#lines.length === 0 ? 'nothing\n' : `${this.#lines.join('\n')}\n`
  }

  #call(verb: string, words: readonly string[]): void {
    const id = ++this.#lastId
    const { name, command } = callOf(verb, words, (caller) => this.#known.get(caller), id)
    this.#callers.set(id, { name, type: command.type })
    this.#apply(this.#machine.handle(id, command, this.#nowMs))
  }

  #apply(effects: Effects<GroupCommand, GroupRecord, GroupReply>): void {
    for (const record of effects.records) {
      const bytes = groupRecordCodec.encode(record)
      this.#log.push(bytes)
      const decoded = groupRecordCodec.decode(bytes)!
      this.#lines.push(`log: ${describeRecord(decoded)}`)
      this.#machine.replay(decoded)
    }
    for (const { key, delayMs, command } of effects.timers) {
      if (command) this.#timers.set(key, { at: this.#nowMs + delayMs, command })
      else this.#timers.delete(key)
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
    this.#machine = new GroupMachine(this.#config)
    this.#timers.clear()
    this.#callers.clear()
    for (const bytes of this.#log) this.#machine.replay(groupRecordCodec.decode(bytes)!)
    this.#apply(this.#machine.loaded(this.#nowMs))
    this.#lines.push(`replayed ${this.#log.length} records`)
  }

  #configure(words: readonly string[]): void {
    const changes = Object.fromEntries(words.map((word) => word.split('=')).map(([key, value]) => [key, Number(value)]))
    this.#config = { ...this.#config, ...changes }
    this.#machine = new GroupMachine(this.#config)
    this.#lines.push('ok')
  }

  #state(groupId: string): void {
    const group = this.#machine.group(groupId)
    if (!group) {
      this.#lines.push(`${groupId}: no such group`)
      return
    }
    const members = [...group.members.values()].map((member) => {
      const waits = member.awaitingJoin !== undefined ? ' joining' : member.awaitingSync !== undefined ? ' syncing' : ''
      return `  ${member.memberId}${group.isLeader(member.memberId) ? ' leader' : ''}${waits}`
    })
    const pending = group.pendingMembers.size > 0 ? ` pending=${[...group.pendingMembers].join(',')}` : ''
    this.#lines.push(`${groupId}: ${group.state} generation=${group.generationId}${pending}`, ...members)
  }
}

function describeRecord(record: GroupRecord): string {
  if (record.type === 'offset-commit') {
    const { groupId, topic, partition, value } = record
    if (!value) return `offset ${groupId} ${topic}-${partition} deleted`
    const expiry = value.expireTimestamp >= 0 ? ` expires=${value.expireTimestamp - START_MS}` : ''
    return `offset ${groupId} ${topic}-${partition}=${value.offset}${expiry}`
  }
  if (!record.value) return `group ${record.groupId} deleted`
  const { generation, protocol, leader, members } = record.value
  const rows = members.map((member) => `${member.memberId}=${member.assignment.toString()}`)
  return `group ${record.groupId} generation=${generation} protocol=${protocol} leader=${leader} [${rows.join(' ')}]`
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
    return errorCode === 0 ? `synced assignment=${assignment.toString()}` : `sync ${code(errorCode)}`
  }
  if (reply === undefined) return type === 'describe-group' ? 'no such group' : 'done'
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
