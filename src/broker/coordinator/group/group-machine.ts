import { ErrorCode } from '../../../protocol/errors.ts'
import {
  type Effects,
  NO_PRODUCER,
  NO_REQUEST,
  Outcome,
  type RecordOrigin,
  type RequestId,
  type StateMachine,
} from '../state-machine.ts'
import { type Call, timerKey } from './call.ts'
import { ClassicGroup } from './classic-group.ts'
import type { GroupCommand, GroupReply } from './command.ts'
import { CommittedOffsets, type StoredOffset } from './committed-offsets.ts'
import { heartbeatAsClassic, joinAsClassic, leaveAsClassic, syncAsClassic } from './consumer/classic-members.ts'
import type { ClusterView } from './consumer/cluster-view.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { MEMBER_STATE } from './consumer/consumer-member.ts'
import { groupTombstones } from './consumer/consumer-records.ts'
import { describeConsumerGroup } from './consumer/describe-consumer-group.ts'
import { fenceIfThere, revocationElapsed } from './consumer/fencing.ts'
import { consumerHeartbeat } from './consumer/heartbeat.ts'
import { downgraded } from './consumer/migration.ts'
import { resolveRegexes } from './consumer/regex-subscription.ts'
import { resetSession as resetConsumerSession, timeRevocation } from './consumer/timers.ts'
import { describeGroup, listGroups } from './describe.ts'
import type { GroupConfig } from './group-config.ts'
import type { ConsumerGroupRecord, GroupRecord } from './group-record.ts'
import { invalidJoin, join } from './join.ts'
import { leave, leaveUnknownGroup } from './leave.ts'
import {
  commitOffsets,
  commitOffsetsInTransaction,
  deleteOffsets,
  expiredOffsets,
  fetchOffsets,
  offsetTombstone,
} from './offsets.ts'
import { PendingOffsets } from './pending-offsets.ts'
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
import type { ShareGroupCommand } from './share/share-command.ts'
import { isShareGroupRecord } from './share/share-group-record.ts'
import { isShareCommand, ShareGroups } from './share/share-groups.ts'
import { heartbeat, sync } from './sync.ts'

type Group = ClassicGroup | ConsumerGroup

/** Commands for one group by its id. */
type CommandForGroup = Exclude<GroupCommand, { type: 'list-groups' | 'topics-deleted' | 'expire-offsets' }>
type ElapsedCommand = Extract<GroupCommand, { type: `${string}-expired` | `${string}-elapsed` }>

const READS: ReadonlySet<GroupCommand['type']> = new Set([
  'describe-consumer-group',
  'describe-group',
  'list-groups',
  'offset-fetch',
])

/**
 * The groups of one partition of `__consumer_offsets`, of every protocol.
 *
 * 1. A group exists from its first member, pending member or offset until a tombstone of its metadata is replayed; one that left
 *    no trace in the log goes with its last pending member.
 * 2. Every group that has offsets, or will when a transaction commits, exists.
 * 3. A group changes its protocol in replay alone, when the tombstone of its old form is followed by records of the new.
 * 4. No share group has the name of a group of another kind.
 */
export class GroupMachine implements StateMachine<GroupCommand, GroupRecord, GroupReply> {
  readonly #config: () => GroupConfig
  readonly #view: ClusterView
  readonly #groups = new Map<string, Group>()
  readonly #shares = new ShareGroups()
  readonly #offsets = new CommittedOffsets()
  readonly #pending = new PendingOffsets()

  /** Both are looked at while a command is decided, never in replay. */
  constructor(config: () => GroupConfig, view: ClusterView) {
    this.#config = config
    this.#view = view
  }

  handle(id: RequestId, command: GroupCommand, nowMs: number): Effects<GroupCommand, GroupRecord, GroupReply> {
    const call: Call = { id, nowMs, config: this.#config(), view: this.#view, outcome: new Outcome() }
    this.#decide(call, command)
    return call.outcome
  }

  replay(record: GroupRecord, origin: RecordOrigin) {
    if (record.type === 'offset-commit') return this.#replayOffset(record, origin)
    if (isShareGroupRecord(record)) return this.#shares.replay(record)
    if (record.type !== 'group-metadata') return this.#replayConsumer(record)
    if (record.value === null) {
      if (this.#groups.get(record.groupId) instanceof ClassicGroup) this.#remove(record.groupId)
      return
    }
    this.#obtainClassic(record.groupId, record.value.currentStateTimestamp).applyValue(record.value)
  }

  replayMarker(producerId: number, committed: boolean): void {
    const ended = this.#pending.take(producerId)
    if (!ended || !committed) return
    for (const groupId of ended.groupIds()) {
      for (const offset of ended.of(groupId)) this.#setOffset(groupId, offset)
    }
  }

  #replayOffset(record: Extract<GroupRecord, { type: 'offset-commit' }>, { offset, producerId }: RecordOrigin): void {
    const { groupId, topic, partition, value } = record
    if (value === null) {
      this.#offsets.delete(groupId, topic, partition)
      this.#pending.delete(groupId, topic, partition)
    } else if (producerId === NO_PRODUCER) {
      this.#setOffset(groupId, { topic, partition, value, recordOffset: offset })
    } else {
      this.#pending.set(producerId, groupId, { topic, partition, value, recordOffset: offset })
      this.#keep(groupId, value.commitTimestamp)
    }
  }

  #setOffset(groupId: string, offset: StoredOffset): void {
    this.#offsets.set(groupId, offset)
    this.#keep(groupId, offset.value.commitTimestamp)
  }

  isRead({ type }: GroupCommand): boolean {
    return READS.has(type)
  }

  loaded(nowMs: number): Effects<GroupCommand, GroupRecord, GroupReply> {
    const call: Call = { id: NO_REQUEST, nowMs, config: this.#config(), view: this.#view, outcome: new Outcome() }
    for (const group of this.#groups.values()) {
      if (group instanceof ConsumerGroup) this.#armConsumerGroup(call, group)
      else for (const member of group.members.values()) resetSession(call, group, member)
    }
    this.#shares.arm(call)
    this.#armExpiry(call)
    return call.outcome
  }

  #armConsumerGroup(call: Call, group: ConsumerGroup): void {
    for (const member of group.members.values()) {
      resetConsumerSession(call, group.groupId, member)
      const revokes = member.classic === null && member.state === MEMBER_STATE.UNREVOKED_PARTITIONS
      if (revokes) timeRevocation(call, group.groupId, member)
    }
  }

  #replayConsumer(record: ConsumerGroupRecord): void {
    const { groupId } = record
    const known = this.#groups.get(groupId)
    if (!(known instanceof ConsumerGroup) && isTombstone(record)) return
    const group = known instanceof ConsumerGroup ? known : new ConsumerGroup(groupId)
    if (group !== known) this.#groups.set(groupId, group)
    group.apply(record)
    if (record.type === 'consumer-group' && record.value === null) this.#remove(groupId)
  }

  /** For tests and transcripts: the group as it stands. */
  group(groupId: string): Group | undefined {
    return this.#groups.get(groupId)
  }

  #decide(call: Call, command: GroupCommand) {
    switch (command.type) {
      case 'list-groups':
        return call.outcome.reply(call.id, {
          groups: listGroups(this.#groups.values(), this.#shares.list(), command.states, command.types),
        })
      case 'topics-deleted':
        return this.#forgetTopics(call, command.topics)
      case 'expire-offsets':
        return this.#expireOffsets(call)
      default:
        return this.#decideForSome(call, command)
    }
  }

  #decideForSome(call: Call, command: CommandForGroup) {
    const group = this.#groups.get(command.groupId)
    if (isShareCommand(command)) return this.#shares.decide(call, command, group !== undefined)
    const share = this.#shares.get(command.groupId)
    if (share) return this.#shares.decideOther(call, share, command)
    return this.#decideForGroup(call, command, group)
  }

  #decideForGroup(call: Call, command: Exclude<CommandForGroup, ShareGroupCommand>, group: Group | undefined) {
    const { outcome, id } = call
    switch (command.type) {
      case 'consumer-heartbeat':
        return consumerHeartbeat(call, group, command)
      case 'join':
        return this.#join(call, command, group)
      case 'sync':
        if (command.groupId === '') return outcome.reply(id, syncError(ErrorCode.INVALID_GROUP_ID))
        if (group instanceof ConsumerGroup) return syncAsClassic(call, group, command)
        return group ? sync(call, group, command) : outcome.reply(id, syncError(ErrorCode.UNKNOWN_MEMBER_ID))
      case 'heartbeat':
        if (command.groupId === '') return outcome.reply(id, { errorCode: ErrorCode.INVALID_GROUP_ID })
        if (group instanceof ConsumerGroup) return heartbeatAsClassic(call, group, command)
        return group ? heartbeat(call, group, command) : outcome.reply(id, { errorCode: ErrorCode.UNKNOWN_MEMBER_ID })
      case 'leave':
        if (!group) return leaveUnknownGroup(call, command)
        if (group instanceof ConsumerGroup) return leaveAsClassic(call, group, command)
        leave(call, group, command)
        return this.#dropHollow(group)
      case 'offset-commit':
        return commitOffsets(call, group, command)
      case 'txn-offset-commit':
        return commitOffsetsInTransaction(call, group, command)
      case 'offset-fetch':
        return fetchOffsets(call, group, this.#offsets, this.#pending, command)
      case 'offset-delete':
        return deleteOffsets(call, group, this.#offsets, this.#pending, command)
      case 'describe-group':
        return outcome.reply(id, describeGroup(command.groupId, group))
      case 'describe-consumer-group':
        return outcome.reply(id, describeConsumerGroup(call, command.groupId, group))
      case 'delete-group':
        return outcome.reply(id, { errorCode: this.#delete(call, group) })
      case 'resolve-regexes':
        return group instanceof ConsumerGroup ? resolveRegexes(call, group, command) : undefined
      case 'downgraded':
        return group instanceof ClassicGroup ? downgraded(call, group, command.rebalances) : undefined
      default:
        if (group instanceof ConsumerGroup) return this.#elapsedInConsumerGroup(call, command, group)
        return group && this.#elapsed(call, command, group)
    }
  }

  /** An empty consumer group makes room for a classic one; one with members takes the newcomer in. */
  #join(call: Call, command: Extract<GroupCommand, { type: 'join' }>, group: Group | undefined) {
    const { outcome, id } = call
    const refuse = (errorCode: number) => outcome.reply(id, joinError(command.memberId, errorCode))
    const errorCode = invalidJoin(call, command)
    if (errorCode !== ErrorCode.NONE) return refuse(errorCode)
    if (group instanceof ClassicGroup) return join(call, group, command)
    if (group && group.members.size > 0) return joinAsClassic(call, group, command)
    if (command.memberId !== '') return refuse(ErrorCode.UNKNOWN_MEMBER_ID)
    if (group) this.#makeClassic(call, group)
    const created = this.#obtainClassic(command.groupId, call.nowMs)
    join(call, created, command)
    return this.#dropHollow(created)
  }

  /** The records are replayed after the decision, when the classic group is there already and must stay. */
  #makeClassic(call: Call, group: ConsumerGroup): void {
    call.outcome.records.push(...groupTombstones(group))
    const classic = new ClassicGroup(group.groupId, call.nowMs)
    classic.hadOffsets = this.#offsets.has(group.groupId) || this.#pending.isOpen(group.groupId)
    this.#groups.set(group.groupId, classic)
  }

  #elapsed(call: Call, command: ElapsedCommand, group: ClassicGroup) {
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

  #elapsedInConsumerGroup(call: Call, command: ElapsedCommand, group: ConsumerGroup) {
    switch (command.type) {
      case 'session-expired':
      case 'member-join-elapsed':
      case 'member-sync-elapsed':
        return fenceIfThere(call, group, command.memberId)
      case 'revocation-elapsed':
        return revocationElapsed(call, group, command.memberId, command.memberEpoch)
    }
  }

  #delete(call: Call, group: Group | undefined): number {
    if (!group) return ErrorCode.GROUP_ID_NOT_FOUND
    if (group.members.size > 0 || group.state !== 'Empty') return ErrorCode.NON_EMPTY_GROUP
    this.#bury(call, group)
    return ErrorCode.NONE
  }

  /** Tombstones for all that the log may hold of the group. */
  #bury(call: Call, group: Group): void {
    for (const { topic, partition } of this.#allOffsets(group.groupId)) {
      call.outcome.record(offsetTombstone(group.groupId, topic, partition))
    }
    if (group instanceof ConsumerGroup) {
      call.outcome.records.push(...groupTombstones(group))
      return
    }
    for (const memberId of group.pendingMembers)
      call.outcome.cancelTimer(timerKey.pendingMember(group.groupId, memberId))
    call.outcome.record({ type: 'group-metadata', groupId: group.groupId, value: null })
  }

  #forgetTopics(call: Call, topics: readonly string[]): void {
    const gone = new Set(topics)
    this.#shares.topicsDeleted(call, gone)
    for (const groupId of new Set([...this.#offsets.groupIds(), ...this.#pending.groupIds()])) {
      for (const { topic, partition } of this.#allOffsets(groupId)) {
        if (gone.has(topic)) call.outcome.record(offsetTombstone(groupId, topic, partition))
      }
    }
    call.outcome.reply(call.id, undefined)
  }

  #expireOffsets(call: Call): void {
    for (const group of this.#groups.values()) {
      const expired = expiredOffsets(call, group, this.#offsets, this.#pending)
      const left = [...this.#offsets.of(group.groupId)].length - expired.length
      const joining = group instanceof ClassicGroup && group.pendingMembers.size > 0
      const idle = group.state === 'Empty' && !joining && !this.#pending.isOpen(group.groupId)
      if (left === 0 && idle) this.#bury(call, group)
      else for (const at of expired) call.outcome.record(offsetTombstone(group.groupId, at.topic, at.partition))
    }
    this.#armExpiry(call)
  }

  /** Those that count, and those of open transactions that none counts beside. */
  *#allOffsets(groupId: string): Generator<StoredOffset> {
    yield* this.#offsets.of(groupId)
    for (const offset of this.#pending.of(groupId)) {
      if (!this.#offsets.get(groupId, offset.topic, offset.partition)) yield offset
    }
  }

  #armExpiry(call: Call): void {
    const delayMs = call.config.offsetsRetentionCheckIntervalMs
    call.outcome.setTimer(timerKey.expireOffsets, delayMs, { type: 'expire-offsets' })
  }

  /** A classic group, in the place of a consumer group that is gone but for its offsets. */
  #obtainClassic(groupId: string, nowMs: number): ClassicGroup {
    const known = this.#groups.get(groupId)
    if (known instanceof ClassicGroup) return known
    const group = new ClassicGroup(groupId, nowMs)
    this.#groups.set(groupId, group)
    return group
  }

  #remove(groupId: string): void {
    const [offset] = this.#allOffsets(groupId)
    this.#groups.delete(groupId)
    if (offset) this.#keep(groupId, offset.value.commitTimestamp)
  }

  /** Invariant 2: an offset keeps the group's name alive, for whoever comes next. */
  #keep(groupId: string, commitTimestamp: number): void {
    const group = this.#groups.get(groupId) ?? this.#obtainClassic(groupId, commitTimestamp)
    if (group instanceof ClassicGroup) group.hadOffsets = true
  }

  /** Invariant 1: what nobody joined and no log remembers is not kept. */
  #dropHollow(group: ClassicGroup): void {
    const trace = group.persisted || group.hadOffsets || group.members.size > 0 || group.pendingMembers.size > 0
    if (!trace && group.state === 'Empty') this.#groups.delete(group.groupId)
  }
}

/** A tombstone of a group that is not there says nothing: the log still had it, or has it no more. */
function isTombstone(record: ConsumerGroupRecord): boolean {
  return record.type === 'consumer-partitions' ? !record.present : record.value === null
}
