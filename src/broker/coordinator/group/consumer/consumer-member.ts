import type { Protocol } from '../command.ts'
import { NOTHING_OWNED, type OwnedPartitions, sameOwned } from './assignment.ts'

/** Where a member stands on its way to its target, with the numbers of the records (Kafka's MemberState). */
export const MEMBER_STATE = {
  /** It has its target, or has not heard of a newer one. */
  STABLE: 0,
  /** It must give up partitions, and say so, before it goes on. */
  UNREVOKED_PARTITIONS: 1,
  /** It waits for partitions that other members have not given up. */
  UNRELEASED_PARTITIONS: 2,
} as const

/** Epochs with a meaning of their own. */
export const JOIN_EPOCH = 0
export const LEAVE_EPOCH = -1
/** A static member went, and will be back within its session time-out. */
export const LEAVE_STATIC_EPOCH = -2

/** One member of a consumer group. Never changed in place: a new state is a new value. */
export interface ConsumerMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly rebalanceTimeoutMs: number
  /** Sorted, each once. */
  readonly subscribedTopicNames: readonly string[]
  /** Empty: none. */
  readonly subscribedTopicRegex: string
  readonly serverAssignor: string | null
  /** What a member of the classic protocol said in JoinGroup; null for one of the new protocol. */
  readonly classic: ClassicMember | null
  readonly memberEpoch: number
  /** The member may still come with it, when it has not heard of its last step. */
  readonly previousMemberEpoch: number
  readonly state: number
  readonly assigned: OwnedPartitions
  readonly pendingRevocation: OwnedPartitions
}

interface ClassicMember {
  readonly sessionTimeoutMs: number
  readonly supportedProtocols: readonly Protocol[]
}

export function newMember(memberId: string): ConsumerMember {
  return {
    memberId,
    instanceId: null,
    rackId: null,
    clientId: '',
    clientHost: '',
    rebalanceTimeoutMs: -1,
    subscribedTopicNames: [],
    subscribedTopicRegex: '',
    serverAssignor: null,
    classic: null,
    memberEpoch: JOIN_EPOCH,
    previousMemberEpoch: -1,
    state: MEMBER_STATE.STABLE,
    assigned: NOTHING_OWNED,
    pendingRevocation: NOTHING_OWNED,
  }
}

/** Whether the member has all of the target assignment of this epoch. */
export function isReconciledTo(member: ConsumerMember, assignmentEpoch: number): boolean {
  return member.state === MEMBER_STATE.STABLE && member.memberEpoch === assignmentEpoch
}

export function sortedNames(names: Iterable<string>): string[] {
  return [...new Set(names)].sort()
}

/** Whether what the member says of itself is the same: what its metadata record holds. */
export function sameMetadata(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.memberId === other.memberId &&
    one.instanceId === other.instanceId &&
    one.rackId === other.rackId &&
    one.clientId === other.clientId &&
    one.clientHost === other.clientHost &&
    one.rebalanceTimeoutMs === other.rebalanceTimeoutMs &&
    one.subscribedTopicRegex === other.subscribedTopicRegex &&
    one.serverAssignor === other.serverAssignor &&
    sameNames(one, other) &&
    sameClassic(one.classic, other.classic)
  )
}

export function sameNames(one: ConsumerMember, other: ConsumerMember): boolean {
  const names = one.subscribedTopicNames
  const others = other.subscribedTopicNames
  return names.length === others.length && names.every((name, i) => name === others[i])
}

function sameClassic(one: ClassicMember | null, other: ClassicMember | null): boolean {
  if (one === null || other === null) return one === other
  const protocols = one.supportedProtocols
  const others = other.supportedProtocols
  return (
    one.sessionTimeoutMs === other.sessionTimeoutMs &&
    protocols.length === others.length &&
    protocols.every(({ name, metadata }, i) => name === others[i]!.name && metadata.equals(others[i]!.metadata))
  )
}

/** Whether it stands where it stood: what its current assignment record holds. */
export function samePlace(one: ConsumerMember, other: ConsumerMember): boolean {
  return (
    one.memberEpoch === other.memberEpoch &&
    one.previousMemberEpoch === other.previousMemberEpoch &&
    one.state === other.state &&
    sameOwned(one.assigned, other.assigned) &&
    sameOwned(one.pendingRevocation, other.pendingRevocation)
  )
}
