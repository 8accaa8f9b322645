import { ErrorCode } from '../../../protocol/errors.ts'
import { type Effects, NO_REQUEST, Outcome, type RequestId, type StateMachine } from '../state-machine.ts'
import { type Call, timerKey } from './call.ts'
import { ClassicGroup } from './classic-group.ts'
import type { GroupCommand, GroupReply } from './command.ts'
import { describeGroup, listGroups } from './describe.ts'
import type { GroupConfig } from './group-config.ts'
import type { GroupRecord } from './group-record.ts'
import { invalidJoin, join } from './join.ts'
import { leave, leaveUnknownGroup } from './leave.ts'
import {
  CommittedOffsets,
  commitOffsets,
  deleteOffsets,
  expiredOffsets,
  fetchOffsets,
  offsetTombstone,
} from './offsets.ts'
import {
  initialJoinElapsed,
  joinElapsed,
  joinError,
  removePendingMember,
  resetSession,
  sessionExpired,
  syncElapsed,
  syncError,
} from './rebalance.ts'
import { heartbeat, sync } from './sync.ts'

/**
 * The groups of one partition of `__consumer_offsets`.
 *
 * 1. A group exists from its first member, pending member or offset until a tombstone of its metadata is replayed; one that left
 *    no trace in the log goes with its last pending member.
 * 2. Every group that has offsets exists.
 */
export class GroupMachine implements StateMachine<GroupCommand, GroupRecord, GroupReply> {
  readonly #config: GroupConfig
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #offsets = new CommittedOffsets()

  constructor(config: GroupConfig) {
    this.#config = config
  }

  handle(id: RequestId, command: GroupCommand, nowMs: number): Effects<GroupCommand, GroupRecord, GroupReply> {
    const call: Call = { id, nowMs, config: this.#config, outcome: new Outcome() }
    this.#decide(call, command)
    return call.outcome
  }

  replay(record: GroupRecord): void {
    if (record.type === 'offset-commit') {
      const { groupId, topic, partition, value } = record
      this.#offsets.set(groupId, topic, partition, value)
      if (value !== null) this.#obtain(groupId, value.commitTimestamp)
      return
    }
    if (record.value === null) {
      this.#groups.delete(record.groupId)
      for (const { topic, partition } of [...this.#offsets.of(record.groupId)]) {
        this.#offsets.set(record.groupId, topic, partition, null)
      }
      return
    }
    this.#obtain(record.groupId, record.value.currentStateTimestamp).applyValue(record.value)
  }

  loaded(nowMs: number): Effects<GroupCommand, GroupRecord, GroupReply> {
    const call: Call = { id: NO_REQUEST, nowMs, config: this.#config, outcome: new Outcome() }
    for (const group of this.#groups.values()) {
      for (const member of group.members.values()) resetSession(call, group, member)
    }
    this.#armExpiry(call)
    return call.outcome
  }

  /** For tests and transcripts: the group as it stands. */
  group(groupId: string): ClassicGroup | undefined {
    return this.#groups.get(groupId)
  }

  #decide(call: Call, command: GroupCommand) {
    switch (command.type) {
      case 'list-groups':
        return call.outcome.reply(call.id, { groups: listGroups(this.#groups.values(), command.states, command.types) })
      case 'topics-deleted':
        return this.#forgetTopics(call, command.topics)
      case 'expire-offsets':
        return this.#expireOffsets(call)
      default:
        return this.#decideForGroup(call, command, this.#groups.get(command.groupId))
    }
  }

  #decideForGroup(
    call: Call,
    command: Exclude<GroupCommand, { type: 'list-groups' | 'topics-deleted' | 'expire-offsets' }>,
    group: ClassicGroup | undefined,
  ) {
    const { outcome, id } = call
    switch (command.type) {
      case 'join': {
        const errorCode = invalidJoin(call, command)
        if (errorCode !== ErrorCode.NONE) return outcome.reply(id, joinError(command.memberId, errorCode))
        if (group) return join(call, group, command)
        if (command.memberId !== '') {
          return outcome.reply(id, joinError(command.memberId, ErrorCode.UNKNOWN_MEMBER_ID))
        }
        const created = this.#obtain(command.groupId, call.nowMs)
        join(call, created, command)
        return this.#dropHollow(created)
      }
      case 'sync':
        if (command.groupId === '') return outcome.reply(id, syncError(ErrorCode.INVALID_GROUP_ID))
        return group ? sync(call, group, command) : outcome.reply(id, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
      case 'heartbeat':
        if (command.groupId === '') return outcome.reply(id, { errorCode: ErrorCode.INVALID_GROUP_ID })
        return group ? heartbeat(call, group, command) : outcome.reply(id, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
      case 'leave':
        if (!group) return leaveUnknownGroup(call, command)
        leave(call, group, command)
        return this.#dropHollow(group)
      case 'offset-commit':
        return commitOffsets(call, group, command)
      case 'offset-fetch':
        return outcome.reply(id, { offsets: fetchOffsets(this.#offsets, command.groupId, command.partitions) })
      case 'offset-delete':
        return deleteOffsets(call, group, this.#offsets, command)
      case 'describe-group':
        return outcome.reply(id, group && describeGroup(group))
      case 'delete-group':
        return outcome.reply(id, { errorCode: this.#delete(call, group) })
      default:
        return group && this.#elapsed(call, command, group)
    }
  }

  #elapsed(
    call: Call,
    command: Extract<GroupCommand, { type: `${string}-expired` | `${string}-elapsed` }>,
    group: ClassicGroup,
  ) {
    switch (command.type) {
      case 'session-expired':
        return sessionExpired(call, group, command.memberId)
      case 'pending-member-expired':
        removePendingMember(call, group, command.memberId)
        return this.#dropHollow(group)
      case 'initial-join-elapsed':
        return initialJoinElapsed(call, group, command.remainingMs)
      case 'join-elapsed':
        return joinElapsed(call, group)
      case 'sync-elapsed':
        return syncElapsed(call, group, command.generationId)
    }
  }

  #delete(call: Call, group: ClassicGroup | undefined): number {
    if (!group) return ErrorCode.GROUP_ID_NOT_FOUND
    if (group.members.size > 0 || group.state !== 'Empty') return ErrorCode.NON_EMPTY_GROUP
    this.#bury(call, group)
    return ErrorCode.NONE
  }

  /** Tombstones for all that the log may hold of the group. */
  #bury(call: Call, group: ClassicGroup): void {
    for (const { topic, partition } of this.#offsets.of(group.groupId)) {
      call.outcome.record(offsetTombstone(group.groupId, topic, partition))
    }
    for (const memberId of group.pendingMembers)
      call.outcome.cancelTimer(timerKey.pendingMember(group.groupId, memberId))
    call.outcome.record({ type: 'group-metadata', groupId: group.groupId, value: null })
  }

  #forgetTopics(call: Call, topics: readonly string[]): void {
    const gone = new Set(topics)
    for (const groupId of this.#offsets.groupIds()) {
      for (const { topic, partition } of this.#offsets.of(groupId)) {
        if (gone.has(topic)) call.outcome.record(offsetTombstone(groupId, topic, partition))
      }
    }
    call.outcome.reply(call.id, undefined)
  }

  #expireOffsets(call: Call): void {
    for (const group of this.#groups.values()) {
      const expired = expiredOffsets(call, group, this.#offsets)
      const left = [...this.#offsets.of(group.groupId)].length - expired.length
      const idle = group.state === 'Empty' && group.pendingMembers.size === 0
      if (left === 0 && idle) this.#bury(call, group)
      else for (const at of expired) call.outcome.record(offsetTombstone(group.groupId, at.topic, at.partition))
    }
    this.#armExpiry(call)
  }

  #armExpiry(call: Call): void {
    const delayMs = call.config.offsetsRetentionCheckIntervalMs
    call.outcome.setTimer(timerKey.expireOffsets, delayMs, { type: 'expire-offsets' })
  }

  #obtain(groupId: string, nowMs: number): ClassicGroup {
    const known = this.#groups.get(groupId)
    if (known) return known
    const group = new ClassicGroup(groupId, nowMs)
    this.#groups.set(groupId, group)
    return group
  }

  /** Invariant 1: what nobody joined and no log remembers is not kept. */
  #dropHollow(group: ClassicGroup): void {
    const trace = group.persisted || group.members.size > 0 || group.pendingMembers.size > 0
    if (!trace && group.state === 'Empty' && !this.#offsets.has(group.groupId)) this.#groups.delete(group.groupId)
  }
}
