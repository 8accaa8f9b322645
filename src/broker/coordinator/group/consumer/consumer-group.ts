import type { ConsumerGroupRecord } from '../group-record.ts'
import { type Assignment, assignmentOf, NOTHING_ASSIGNED, ownedOf } from './assignment.ts'
import {
  type ConsumerMember,
  isReconciledTo,
  LEAVE_EPOCH,
  MEMBER_STATE,
  newMember,
  sortedNames,
} from './consumer-member.ts'
import { subscribedNames } from './subscribed-topics.ts'

/** As ConsumerGroupDescribe and ListGroups spell them. */
export type ConsumerGroupState = 'Empty' | 'Assigning' | 'Reconciling' | 'Stable'

/** The topics that a regular expression stands for. */
export interface ResolvedRegex {
  readonly topics: readonly string[]
  /** Of the topics at the time: newer ones were not seen. */
  readonly version: number
  readonly timestamp: number
}

/** Of a group that is about to begin (Kafka 4.3): the first change makes it 2. */
const INITIAL_EPOCH = 1
const NO_EPOCH = -1

/**
 * A group of the protocol of KIP-848: its members, the assignment that they should come to, and how far each has come.
 *
 * 1. `apply` alone changes what is durable, and depends on the records alone. It takes any prefix of a compacted log, so it fails
 *    never: what hangs in the air there is put right by a later record.
 * 2. The group's epoch never falls while the group lives; the epoch of the target assignment never passes it.
 * 3. No partition is owned by two members: what one has, or has not yet said to have given up, no other is given (`isOwnedByOther`).
 * 4. `staticMembers` holds exactly the members with an instance id.
 */
export class ConsumerGroup {
  readonly groupId: string
  groupEpoch = INITIAL_EPOCH
  assignmentEpoch = INITIAL_EPOCH
  /** When the target assignment was computed. */
  assignmentTimestamp = 0
  metadataHash = 0
  /** Brokers before 4.1 kept the subscribed topics in a record of their own, to be deleted when the group next changes. */
  hasPartitionMetadata = false
  readonly members = new Map<string, ConsumerMember>()
  readonly staticMembers = new Map<string, string>()
  readonly targets = new Map<string, Assignment>()
  readonly resolvedRegexes = new Map<string, ResolvedRegex>()

  // Lost in a crash, as it may be.
  /** The topics were looked at in this version; undefined: they must be. */
  topicsVersionSeen: number | undefined
  /** The regular expressions are about to be resolved. */
  resolving = false
  /** Members of the classic protocol whose time to join anew is running. */
  readonly joinTimed = new Set<string>()

  constructor(groupId: string) {
    this.groupId = groupId
  }

  get state(): ConsumerGroupState {
    if (this.members.size === 0) return 'Empty'
    if (this.groupEpoch > this.assignmentEpoch) return 'Assigning'
    for (const member of this.members.values()) if (!isReconciledTo(member, this.assignmentEpoch)) return 'Reconciling'
    return 'Stable'
  }

  staticMember(instanceId: string | null): ConsumerMember | undefined {
    const memberId = instanceId === null ? undefined : this.staticMembers.get(instanceId)
    return memberId === undefined ? undefined : this.members.get(memberId)
  }

  /** The member's target, or that of the static member whose place it takes. */
  target(memberId: string, instanceId: string | null): Assignment {
    const owner = instanceId === null ? undefined : this.staticMembers.get(instanceId)
    return this.targets.get(owner ?? memberId) ?? NOTHING_ASSIGNED
  }

  /** Invariant 3. Built for one decision: whether somebody else than the member has the partition. */
  isOwnedByOther(memberId: string): (topicId: string, partition: number) => boolean {
    const owned = new Map<string, Set<number>>()
    for (const member of this.members.values()) {
      if (member.memberId === memberId) continue
      for (const held of [member.assigned, member.pendingRevocation]) {
        for (const [topicId, partitions] of held) {
          const known = owned.get(topicId) ?? new Set<number>()
          for (const partition of partitions.keys()) known.add(partition)
          owned.set(topicId, known)
        }
      }
    }
    return (topicId, partition) => owned.get(topicId)?.has(partition) ?? false
  }

  /** Names that some member gave or that a regular expression stands for. */
  subscribedTopics(): ReadonlySet<string> {
    return new Set(subscribedNames(this.members.values(), this.resolvedRegexes))
  }

  get classicMembers(): ConsumerMember[] {
    return [...this.members.values()].filter((member) => member.classic !== null)
  }

  apply(record: ConsumerGroupRecord) {
    switch (record.type) {
      case 'consumer-group':
        this.groupEpoch = record.value?.epoch ?? INITIAL_EPOCH
        this.metadataHash = record.value?.metadataHash ?? 0
        return
      case 'consumer-partitions':
        this.hasPartitionMetadata = record.present
        return
      case 'consumer-member':
        return this.#applyMember(record)
      case 'consumer-target':
        this.assignmentEpoch = record.value?.assignmentEpoch ?? NO_EPOCH
        this.assignmentTimestamp = record.value?.assignmentTimestamp ?? 0
        return
      case 'consumer-target-member':
        if (record.value) this.targets.set(record.memberId, assignmentOf(record.value.topicPartitions))
        else this.targets.delete(record.memberId)
        return
      case 'consumer-current':
        return this.#applyPlace(record)
      case 'consumer-regex':
        if (record.value) this.resolvedRegexes.set(record.regex, record.value)
        else this.resolvedRegexes.delete(record.regex)
    }
  }

  #applyMember({ memberId, value }: Extract<ConsumerGroupRecord, { type: 'consumer-member' }>): void {
    if (value === null) {
      const member = this.members.get(memberId)
      this.members.delete(memberId)
      this.joinTimed.delete(memberId)
      const instanceId = member?.instanceId ?? null
      if (instanceId !== null && this.staticMembers.get(instanceId) === memberId) this.staticMembers.delete(instanceId)
      return
    }
    const { classicMemberMetadata, subscribedTopicRegex, subscribedTopicNames, ...rest } = value
    this.members.set(memberId, {
      ...(this.members.get(memberId) ?? newMember(memberId)),
      ...rest,
      subscribedTopicNames: sortedNames(subscribedTopicNames),
      subscribedTopicRegex: subscribedTopicRegex ?? '',
      classic: classicMemberMetadata,
    })
    if (value.instanceId !== null) this.staticMembers.set(value.instanceId, memberId)
  }

  #applyPlace({ memberId, value }: Extract<ConsumerGroupRecord, { type: 'consumer-current' }>): void {
    const known = this.members.get(memberId)
    if (value === null) {
      if (!known) return
      const { assigned, pendingRevocation } = newMember(memberId)
      const gone = { memberEpoch: LEAVE_EPOCH, previousMemberEpoch: LEAVE_EPOCH, assigned, pendingRevocation }
      this.members.set(memberId, { ...known, ...gone })
      return
    }
    const { memberEpoch, previousMemberEpoch, state } = value
    this.members.set(memberId, {
      ...(known ?? newMember(memberId)),
      memberEpoch,
      previousMemberEpoch,
      state: Object.values<number>(MEMBER_STATE).includes(state) ? state : MEMBER_STATE.STABLE,
      assigned: ownedOf(value.assignedPartitions),
      pendingRevocation: ownedOf(value.partitionsPendingRevocation),
    })
  }
}
