import type { Protocol } from './command.ts'
import type { GroupMetadataValue } from './group-record.ts'
import { EMPTY, type Member } from './member.ts'
import { subscribedTopicsOf } from './subscription.ts'

/** As DescribeGroups spells them. A group that is removed is simply gone; `Dead` is what Kafka answers for it. */
export type GroupState = 'Empty' | 'PreparingRebalance' | 'CompletingRebalance' | 'Stable' | 'Dead'

/**
 * A classic consumer group: members, their generation, and where it stands in a rebalance.
 *
 * 1. `Empty` has no members; `CompletingRebalance` and `Stable` have members and a protocol that each of them supports.
 * 2. `leaderId` names a member, or is null when there is none.
 * 3. `staticMembers` holds exactly the members with an instance id; no two members share one.
 * 4. Nobody waits for a SyncGroup except in `CompletingRebalance`, nor for a JoinGroup except in `PreparingRebalance`.
 * 5. A pending member (it was given an id and has not come back with it) is no member.
 * 6. The generation never falls.
 */
export class ClassicGroup {
  readonly groupId: string
  state: GroupState = 'Empty'
  generationId = 0
  protocolType: string | null = null
  protocolName: string | null = null
  leaderId: string | null = null
  /** When the group last came to its durable state; offsets of an empty group expire from here. */
  stateTimestamp: number
  readonly members = new Map<string, Member>()
  readonly staticMembers = new Map<string, string>()
  readonly pendingMembers = new Set<string>()
  /** Members of this generation that have not sent SyncGroup yet. */
  readonly pendingSync = new Set<string>()
  /** The rebalance under way is the first since the group was empty, and is held open for more members. */
  heldOpen = false
  /** The time-out of the join phase is running: later joins do not put it off. */
  joinTimed = false
  /** A member came while the rebalance was held open: hold it open a little longer. */
  newMemberAdded = false
  /** Whether a metadata record of this group is in the log. */
  persisted = false
  /** Whether an offset of this group was ever in the log: it stays, as in Kafka, when the last one is deleted. */
  hadOffsets = false

  constructor(groupId: string, nowMs: number) {
    this.groupId = groupId
    this.stateTimestamp = nowMs
  }

  add(member: Member, protocolType: string): void {
    if (this.members.size === 0) this.protocolType = protocolType
    this.members.set(member.memberId, member)
    if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId)
    this.leaderId ??= member.memberId
    this.pendingMembers.delete(member.memberId)
  }

  remove(memberId: string): void {
    const member = this.members.get(memberId)
    if (!member) return
    this.members.delete(memberId)
    this.pendingSync.delete(memberId)
    const instance = member.groupInstanceId
    if (instance !== null && this.staticMembers.get(instance) === memberId) this.staticMembers.delete(instance)
    if (this.leaderId === memberId) this.leaderId = this.members.keys().next().value ?? null
  }

  isLeader(memberId: string): boolean {
    return this.leaderId === memberId
  }

  /** The longest that any member asks for: the rebalance waits so long for those who have not come back. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  get allMembersJoined(): boolean {
    if (this.pendingMembers.size > 0) return false
    for (const member of this.members.values()) if (member.awaitingJoin === undefined) return false
    return true
  }

  /** Whether a newcomer with these protocols could share one with every member. */
  supports(protocolType: string, protocols: readonly Protocol[]): boolean {
    if (protocolType === '' || protocols.length === 0) return false
    if (this.members.size === 0) return true
    if (protocolType !== this.protocolType) return false
    const common = this.#commonProtocols()
    return protocols.some((protocol) => common.has(protocol.name))
  }

  /** Each member votes for the first of its protocols that all support; the most votes win, the leader's order breaks a tie. */
  selectProtocol(): string | null {
    const common = this.#commonProtocols()
    const votes = new Map<string, number>()
    for (const member of this.members.values()) {
      const choice = member.protocols.find((protocol) => common.has(protocol.name))
      if (choice) votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    const leader = this.leaderId === null ? undefined : this.members.get(this.leaderId)
    let selected: string | null = null
    for (const { name } of leader?.protocols ?? []) {
      const count = votes.get(name) ?? 0
      if (count > (selected === null ? 0 : votes.get(selected)!)) selected = name
    }
    return selected ?? votes.keys().next().value ?? null
  }

  /** A leader that did not come back gives way to a member that did; false when nobody did. */
  electJoinedLeader(): boolean {
    const leader = this.leaderId === null ? undefined : this.members.get(this.leaderId)
    if (!leader) return false
    if (leader.awaitingJoin !== undefined) return true
    for (const member of this.members.values()) {
      if (member.awaitingJoin === undefined) continue
      this.leaderId = member.memberId
      return true
    }
    return false
  }

  /** Topics that a group of consumers reads now; undefined when its members' metadata does not tell. */
  subscribedTopics(): ReadonlySet<string> | undefined {
    if (this.protocolType !== 'consumer') return undefined
    if (this.members.size === 0) return new Set()
    if (this.protocolName === null) return undefined
    return subscribedTopicsOf([...this.members.values()], this.protocolName)
  }

  /** The state as the log keeps it, with these assignments. */
  toValue(assignments: ReadonlyMap<string, Buffer>, timestampMs: number): GroupMetadataValue {
    return {
      protocolType: this.protocolType ?? '',
      generation: this.generationId,
      protocol: this.protocolName,
      leader: this.leaderId,
      currentStateTimestamp: timestampMs,
      members: [...this.members.values()].map((member) => ({
        memberId: member.memberId,
        groupInstanceId: member.groupInstanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        rebalanceTimeout: member.rebalanceTimeoutMs,
        sessionTimeout: member.sessionTimeoutMs,
        subscription: member.protocols.find((protocol) => protocol.name === this.protocolName)?.metadata ?? EMPTY,
        assignment: assignments.get(member.memberId) ?? EMPTY,
      })),
    }
  }

  /** Makes the group what the record says. A member that is known keeps what the record does not carry. */
  applyValue(value: GroupMetadataValue): void {
    this.protocolType = value.protocolType === '' ? null : value.protocolType
    this.generationId = value.generation
    this.protocolName = value.protocol
    this.leaderId = value.leader
    this.stateTimestamp = value.currentStateTimestamp
    this.persisted = true
    const known = new Map(this.members)
    this.members.clear()
    this.staticMembers.clear()
    for (const row of value.members) {
      const member = known.get(row.memberId) ?? memberFromRecord(row, value.protocol)
      member.assignment = row.assignment
      this.members.set(member.memberId, member)
      if (member.groupInstanceId !== null) this.staticMembers.set(member.groupInstanceId, member.memberId)
    }
    this.state = value.members.length === 0 ? 'Empty' : 'Stable'
  }

  #commonProtocols(): Set<string> {
    let common: Set<string> | undefined
    for (const member of this.members.values()) {
      const names = new Set(member.protocols.map((protocol) => protocol.name))
      common = common === undefined ? names : new Set([...common].filter((name) => names.has(name)))
    }
    return common ?? new Set()
  }
}

function memberFromRecord(row: GroupMetadataValue['members'][number], protocol: string | null): Member {
  return {
    memberId: row.memberId,
    groupInstanceId: row.groupInstanceId,
    clientId: row.clientId,
    clientHost: row.clientHost,
    sessionTimeoutMs: row.sessionTimeout,
    rebalanceTimeoutMs: row.rebalanceTimeout,
    protocols: protocol === null ? [] : [{ name: protocol, metadata: row.subscription }],
    assignment: row.assignment,
    awaitingJoin: undefined,
    awaitingSync: undefined,
    isNew: false,
  }
}
